//! Scenario 3: somebody leaves a team.

use domain::{TeamRole, views::PersonInTeam};
use leptos::prelude::*;

use super::{
    Facts,
    onboard::listed,
    step::{State, Step},
};
use crate::ui;

/// Whether the rule of the last admin keeps the person in the team (SPEC D5).
fn is_last_admin(person: &PersonInTeam) -> bool {
    person.role == Some(TeamRole::Admin) && !person.other_admin
}

/// Another admin, runners, keys, the membership, the account.
pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let (who, team) = (facts.who(), facts.team_name());
    let Some(person) = &facts.person else {
        let text = if facts.is_unknown() {
            "There is no account with this address."
        } else {
            "Choose the team, and then the person."
        };
        return vec![Step::new(State::Todo, format!("Find who leaves {team}"), text)];
    };
    let gone = person.role.is_none();
    vec![
        admin(facts, person, &who, &team),
        runners(person, &who),
        keys(facts, person, &who),
        Step::new(
            match (gone, is_last_admin(person)) {
                (true, _) => State::Done,
                (false, true) => State::Blocked,
                (false, false) => State::Todo,
            },
            format!("Remove {who} from {team}"),
            if gone {
                format!("{who} is not in the team.")
            } else if is_last_admin(person) {
                "Cannot remove last team admin. First promote another member to team_admin.".to_owned()
            } else if person.project_roles > 0 {
                format!(
                    "This removes {} too ({}). Coming back needs being added to the team and to each project again.",
                    ui::plural(person.project_roles, "project role"),
                    listed(person)
                )
            } else {
                "Access ends at once. Coming back needs being added again.".to_owned()
            },
        )
        .at(
            "Review and remove",
            if gone || is_last_admin(person) {
                None
            } else {
                facts.tab(&format!("/members?confirm=remove&user={}", person.id))
            },
        ),
        account(facts, person, &who),
    ]
}

fn admin(facts: &Facts, person: &PersonInTeam, who: &str, team: &str) -> Step {
    let title = format!("Leave {team} with an admin");
    let text = if is_last_admin(person) {
        format!("{who} is the last admin. Make another member an admin first.")
    } else if person.role == Some(TeamRole::Admin) {
        "There is another admin.".to_owned()
    } else {
        format!("{who} is not an admin, so nothing changes.")
    };
    Step::if_done(!is_last_admin(person), title, text).at(
        "Choose another admin",
        facts.tab("/members").filter(|_| is_last_admin(person)),
    )
}

fn runners(person: &PersonInTeam, who: &str) -> Step {
    let title = "Decide about their runners";
    if person.runners == 0 {
        return Step::new(State::Done, title, format!("{who} has no live runner of the team."));
    }
    let (keeps, counts) = if person.runners == 1 {
        ("keeps", "counts")
    } else {
        ("keep", "count")
    };
    Step::new(
        State::Todo,
        title,
        format!(
            "{} {keeps} running for the team and {counts} against its quota. Deprovision those that nobody needs.",
            ui::plural(person.runners, "live runner")
        ),
    )
    .at("Open runners", Some("/runners".to_owned()))
}

fn keys(facts: &Facts, person: &PersonInTeam, who: &str) -> Step {
    let title = "Replace their keys";
    if person.keys == 0 {
        return Step::new(State::Done, title, format!("{who} has no key of the team that works."));
    }
    let more = person.keys - i64::try_from(person.key_names.len()).unwrap_or_default();
    let mut names = person.key_names.join(", ");
    if more > 0 {
        names.push_str(" and more");
    }
    let recent = if person.recent_keys > 0 {
        format!(
            " {} used in the last 30 days: what runs on them stops.",
            person.recent_keys
        )
    } else {
        " None was used in the last 30 days.".to_owned()
    };
    Step::new(
        State::Todo,
        title,
        format!(
            "{} ({names}) {} with the membership.{recent} Let someone else make new ones first.",
            ui::plural(person.keys, "key"),
            if person.keys == 1 { "ends" } else { "end" }
        ),
    )
    .at("Open projects", facts.tab("/projects"))
}

fn account(facts: &Facts, person: &PersonInTeam, who: &str) -> Step {
    let title = "If they leave the company: deactivate the account";
    if person.deactivated {
        return Step::new(State::Done, title, format!("The account of {who} is deactivated."));
    }
    let super_admin = facts.team.as_ref().is_some_and(|page| page.standing.super_admin);
    let text = if super_admin {
        "That ends every session, token and key of theirs, in all teams."
    } else {
        "That ends every session, token and key of theirs, in all teams. Ask a super admin."
    };
    Step::new(State::Optional, title, text).at(
        "Open the account",
        super_admin.then(|| format!("/admin/users/{}", person.id)),
    )
}

/// What the person has in the team.
pub(super) fn belongings(facts: &Facts, now: chrono::DateTime<chrono::Utc>) -> Option<AnyView> {
    let person = facts.person.as_ref()?;
    let role = match person.role {
        Some(role) => ui::role_badge(role),
        None => view! { <span class="none">"none"</span> }.into_any(),
    };
    let projects = if person.project_roles > 0 {
        listed(person)
    } else {
        "none".to_owned()
    };
    let seen = match person.last_seen_at {
        Some(at) => ui::time_ago(at, now),
        None => "never".into_any(),
    };
    Some(
        view! {
            <section class="card" aria-labelledby="belongings-title">
                <header class="card__header"><h2 class="card__title" id="belongings-title">{format!("In {}", facts.team_name())}</h2></header>
                <div class="card__body">
                    {ui::person(&person.email, person.display_name.as_deref())}
                    <dl class="facts facts--stacked">
                        <div><dt>"Role"</dt><dd>{role}{is_last_admin(person).then_some(" the last one")}</dd></div>
                        {person.joined_at.map(|at| view! { <div><dt>"Joined"</dt><dd>{ui::time(at)}</dd></div> })}
                        <div><dt>"Projects"</dt><dd>{projects}</dd></div>
                        <div><dt>"Keys that work"</dt><dd>{person.keys}</dd></div>
                        <div><dt>"Live runners"</dt><dd>{person.runners}</dd></div>
                        <div><dt>"Last seen"</dt><dd>{seen}</dd></div>
                    </dl>
                </div>
            </section>
        }
        .into_any(),
    )
}

#[cfg(test)]
mod tests {
    use domain::UserRef;

    use super::*;

    fn someone(role: Option<TeamRole>) -> PersonInTeam {
        let UserRef::Id(id) = UserRef::parse("user", "00000000-0000-4000-8000-000000000002").unwrap() else {
            panic!("an id")
        };
        PersonInTeam {
            id,
            email: "max@acme.example".to_owned(),
            display_name: None,
            deactivated: false,
            org_role: None,
            not_admitted: None,
            role,
            joined_at: None,
            last_seen_at: None,
            other_admin: false,
            project_roles: 0,
            project_names: Vec::new(),
            keys: 0,
            recent_keys: 0,
            key_names: Vec::new(),
            runners: 0,
        }
    }

    fn states(person: PersonInTeam) -> Vec<State> {
        let facts = Facts {
            person: Some(person),
            ..Facts::default()
        };
        steps(&facts).into_iter().map(|step| step.state).collect()
    }

    #[test]
    fn d5_the_last_admin_needs_another_one_first() {
        use State::{Blocked, Done, Optional, Todo};
        let last = someone(Some(TeamRole::Admin));
        assert_eq!(states(last.clone()), [Todo, Done, Done, Blocked, Optional]);
        let second = PersonInTeam {
            other_admin: true,
            ..last
        };
        assert_eq!(states(second), [Done, Done, Done, Todo, Optional]);
        assert_eq!(
            states(someone(Some(TeamRole::Member))),
            [Done, Done, Done, Todo, Optional]
        );
    }

    #[test]
    fn d9_what_is_left_is_still_to_do_when_the_member_is_gone() {
        use State::{Done, Todo};
        let gone = PersonInTeam {
            runners: 2,
            deactivated: true,
            ..someone(None)
        };
        assert_eq!(states(gone), [Done, Todo, Done, Done, Done]);
        assert_eq!(steps(&Facts::default()).len(), 1, "nobody is known yet");
    }
}
