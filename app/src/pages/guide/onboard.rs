//! Scenario 1: a new employee.

use domain::{TeamRole, views::PersonInTeam};

use super::{
    Facts,
    step::{State, Step},
};
use crate::ui;

/// Organization, team, projects, word.
pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let (who, team) = (facts.who(), facts.team_name());
    let person = facts.person.as_ref();
    let member = person.is_some_and(|person| person.role.is_some());
    vec![
        organization(facts, &who),
        Step::if_done(
            member,
            format!("Add {who} to {team}"),
            match person.and_then(|person| person.role) {
                Some(TeamRole::Admin) => format!("{who} is an admin of {team}."),
                Some(TeamRole::Member) => format!("{who} is a member of {team}."),
                None => "As a member, unless they shall manage the team: 2 or 3 admins are enough. They see the team at once.".to_owned(),
            },
        )
        .at(if member { "Members" } else { "Add the member" }, facts.tab("/members")),
        projects(facts, &who),
        told(facts, person, &who),
    ]
}

/// They have an account, and the team's organization takes them in.
fn organization(facts: &Facts, who: &str) -> Step {
    let name = facts.team.as_ref().map_or_else(
        || "the organization".to_owned(),
        |page| page.team.organization_name.clone(),
    );
    let title = format!("Find {who} in {name}");
    let people = facts
        .team
        .as_ref()
        .filter(|page| page.standing.may(domain::Permission::TeamAdminister))
        .map(|page| format!("/admin/organizations/{}/people", page.team.organization_slug));
    let link = format!("Open {name}");
    match &facts.person {
        None if facts.is_unknown() => Step::new(
            State::Todo,
            title,
            "There is no account with this address yet. It is made at the first sign-in, or by a super admin.",
        )
        .at(
            "Create the account",
            facts
                .team
                .as_ref()
                .filter(|page| page.standing.super_admin)
                .map(|_| "/admin/users/new".to_owned()),
        ),
        None => Step::new(
            State::Todo,
            title,
            "Choose the team, and write down the person's email address.",
        ),
        Some(person) if person.deactivated => Step::new(
            State::Blocked,
            title,
            "The account is deactivated. A super admin can activate it.",
        ),
        Some(person) => match &person.not_admitted {
            Some(why) => Step::new(State::Blocked, title, domain::roles::in_words(why)).at(link, people),
            None if person.org_role.is_some() => {
                Step::new(State::Done, title, format!("{} belongs to {name}.", person.email))
            }
            None => Step::new(
                State::Done,
                title,
                format!(
                    "{} will belong to {name} as soon as they are in the team.",
                    person.email
                ),
            ),
        },
    }
}

fn projects(facts: &Facts, who: &str) -> Step {
    let title = format!("Assign {who} to projects");
    let there = facts.team.as_ref().map_or(0, |page| page.team.project_count);
    let link = facts.tab("/projects");
    match &facts.person {
        Some(person) if person.project_roles > 0 => {
            Step::new(State::Done, title, format!("Assigned to {}.", listed(person))).at("Projects", link)
        }
        Some(person) if person.role == Some(TeamRole::Admin) => Step::new(
            State::Done,
            title,
            "Nothing to do: team admins have access to all projects of the team.",
        ),
        _ if facts.team.is_some() && there == 0 => Step::new(
            State::Optional,
            title,
            "The team has no projects. Members use what the team may use; a project gives them data and keys of its own.",
        )
        .at("Create project", link),
        _ => Step::new(
            State::Todo,
            title,
            "Members see only the projects that they are assigned to.",
        )
        .at("Open projects", link),
    }
}

/// The names of somebody's projects.
pub(super) fn listed(person: &PersonInTeam) -> String {
    let shown = i64::try_from(person.project_names.len()).unwrap_or_default();
    let more = person.project_roles - shown;
    let names = person.project_names.join(", ");
    if more > 0 {
        format!("{names} and {more} more")
    } else {
        names
    }
}

/// They know; the database knows it when they have been here since.
fn told(facts: &Facts, person: Option<&PersonInTeam>, who: &str) -> Step {
    let title = format!("Tell {who}");
    let joined = person.and_then(|person| person.joined_at);
    let seen = person.and_then(|person| person.last_seen_at);
    if let (Some(joined), Some(seen)) = (joined, seen)
        && seen >= joined
    {
        return Step::new(State::Done, title, format!("{who} has been here since joining."));
    }
    let step = Step::new(
        State::Todo,
        title,
        "They have not been here since joining. A message that you can send:",
    );
    match &facts.team {
        Some(page) if joined.is_some() => {
            let message = format!(
                "You are now in the team {}. Sign in at {}/teams: the team's projects, runners and keys are there.",
                page.team.name, facts.public_url
            );
            step.with(ui::code("message", message, true))
        }
        _ => Step {
            text: "Once they are in the team, there is a message here that you can send.".to_owned(),
            ..step
        },
    }
}
