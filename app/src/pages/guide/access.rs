//! Scenario 2: somebody needs a service that the team may not use yet.

use domain::{OrgRole, Permission, TeamStatus};

use super::{
    Facts,
    step::{State, Step},
};
use crate::ui;

/// Catalogue, policy, membership, credential, proof.
pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let (who, team) = (facts.who(), facts.team_name());
    let choice = facts
        .service
        .as_ref()
        .and_then(|name| facts.choices.iter().find(|choice| choice.name == *name));
    let service = choice.map_or_else(|| "the service".to_owned(), |choice| choice.name.clone());
    vec![
        catalogue(facts, choice.is_some(), &service),
        policy(facts, choice, &service, &team),
        member(facts, &who, &team),
        credential(facts, &who),
        Step::new(
            State::Optional,
            "Try the decision",
            "Says which rule decides, and who can change it: for a person or a key, before anyone runs into it.",
        )
        .at(
            "Ask why",
            facts
                .team
                .as_ref()
                .map(|page| explain(facts, &page.team.id.to_string())),
        ),
    ]
}

fn explain(facts: &Facts, team: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("team", team);
    if let Some(person) = &facts.person {
        query.append_pair("who", &person.email);
    }
    if let Some(service) = facts.service.as_deref().filter(|name| *name != "-") {
        query.append_pair("service", service);
    }
    format!("/admin/explain?{}", query.finish())
}

fn catalogue(facts: &Facts, found: bool, service: &str) -> Step {
    let Some(page) = &facts.team else {
        return Step::new(
            State::Todo,
            "Find the service in the catalogue",
            "Choose the team first: the catalogue is its organization's.",
        );
    };
    let organization = &page.team.organization_name;
    let title = format!("Find {service} in the catalogue");
    if found {
        return Step::new(State::Done, title, format!("{organization} has {service}."));
    }
    let slug = &page.team.organization_slug;
    if facts.service.is_some() && page.standing.may(Permission::TeamAdminister) {
        return Step::new(
            State::Todo,
            title,
            format!("The catalogue of {organization} does not have it."),
        )
        .at("Add service", Some(format!("/admin/services/new?organization={slug}")));
    }
    let text = if facts.service.is_some() {
        format!(
            "The catalogue of {organization} does not have it. To add it, ask {}.",
            ui::who(Permission::TeamAdminister)
        )
    } else {
        format!(
            "Choose one of the {}.",
            ui::plural(i64::try_from(facts.choices.len()).unwrap_or_default(), "service")
        )
    };
    Step::new(State::Todo, title, text).at(
        "Open the catalogue",
        Some(format!("/admin/services?organization={slug}")),
    )
}

fn policy(facts: &Facts, choice: Option<&domain::views::ServiceChoice>, service: &str, team: &str) -> Step {
    let title = format!("Allow {service} for {team}");
    let allowed = choice.and_then(|choice| choice.allowed.as_ref());
    if let Some(allowed) = allowed {
        let by = allowed
            .allowed_by
            .as_ref()
            .map(|by| format!(", by {by}"))
            .unwrap_or_default();
        let text = format!("Allowed since {}{by}: {}", ui::date(allowed.allowed_at), allowed.reason);
        return Step::new(State::Done, title, text).at("Policy", facts.tab("/policy"));
    }
    let link = choice.and_then(|choice| facts.tab(&format!("/policy?allow={}", choice.id)));
    Step::new(
        State::Todo,
        title,
        "With the reason why: it helps whoever audits the policy. The whole team gets it, so allow only what it needs.",
    )
    .at("Allow it", link)
}

fn member(facts: &Facts, who: &str, team: &str) -> Step {
    let title = format!("Make sure {who} is in {team}");
    let inactive = facts
        .team
        .as_ref()
        .is_some_and(|page| page.team.status != TeamStatus::Active);
    if inactive {
        return Step::new(
            State::Blocked,
            title,
            "The team is not active: its members cannot use anything.",
        )
        .at("Settings", facts.tab("/settings"));
    }
    match &facts.person {
        Some(person) if person.deactivated => Step::new(
            State::Blocked,
            title,
            "The account is deactivated. A super admin can activate it.",
        ),
        Some(person) if person.org_role == Some(OrgRole::OrgAdmin) => Step::new(
            State::Done,
            title,
            format!(
                "{} is an organization admin: no team's policy binds them.",
                person.email
            ),
        ),
        Some(person) => Step::if_done(
            person.role.is_some(),
            title,
            if person.role.is_some() {
                format!("{} is a member.", person.email)
            } else {
                "Only members use what a team may use.".to_owned()
            },
        )
        .at("Members", facts.tab("/members")),
        None if facts.is_unknown() => Step::new(State::Todo, title, "There is no account with this address yet."),
        None => Step::new(State::Todo, title, "Write down the person's email address to see it."),
    }
}

/// A session will do; programs want a key.
fn credential(facts: &Facts, who: &str) -> Step {
    let title = "A key for programs";
    match &facts.person {
        Some(person) if person.keys > 0 => Step::new(
            State::Done,
            title,
            format!("{who} has {} of the team.", ui::plural(person.keys, "live key")),
        ),
        _ => Step::new(
            State::Optional,
            title,
            "In the browser, a session is enough. A program needs a key of one of the team's projects.",
        )
        .at("Open projects", facts.tab("/projects")),
    }
}
