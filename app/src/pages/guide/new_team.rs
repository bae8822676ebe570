//! Scenario 4: a new team, by the seed's best practices.

use domain::Permission;

use super::{
    Facts,
    step::{State, Step},
};
use crate::ui;

/// The team, its purpose, admins, members, projects, services.
pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let (Some(page), Some(progress)) = (&facts.team, &facts.progress) else {
        return vec![
            create(None),
            Step::new(State::Todo, "Write down what it is for", "In its description."),
            Step::new(
                State::Todo,
                "Choose 2 or 3 admins",
                "More get in each other's way; with one, nobody is there when they are away.",
            ),
            Step::new(State::Todo, "Add the members", "5 to 20 are easy to manage."),
            Step::new(
                State::Todo,
                "Create a project",
                "For data, members and keys of its own.",
            ),
            Step::new(
                State::Todo,
                "Allow the services that it needs",
                "Start with few, each with its reason.",
            ),
        ];
    };
    let team = &page.team;
    vec![
        create(Some(&team.name)),
        Step::if_done(
            team.description.is_some(),
            "Write down what it is for",
            team.description
                .clone()
                .unwrap_or_else(|| "In its description, so that others need not ask.".to_owned()),
        )
        .at("Settings", facts.tab("/settings")),
        Step::if_done(
            (2..=3).contains(&progress.admins),
            "Choose 2 or 3 admins",
            match progress.admins {
                0 => "There is none: nobody in the team can manage it.".to_owned(),
                1 => "There is 1. With another one, somebody is there when they are away.".to_owned(),
                2 | 3 => format!("There are {}.", progress.admins),
                many => format!("There are {many}. More than 3 get in each other's way: give project roles instead."),
            },
        )
        .at("Members", facts.tab("/members")),
        Step::if_done(
            (5..=20).contains(&team.member_count),
            "Add the members",
            format!(
                "{}. 5 to 20 are easy to manage.",
                ui::plural(team.member_count.into(), "member")
            ),
        )
        .at("Members", facts.tab("/members")),
        Step::if_done(
            team.project_count > 0,
            "Create a project",
            format!(
                "{}. A project has data, members and keys of its own.",
                ui::plural(team.project_count.into(), "project")
            ),
        )
        .at("Projects", facts.tab("/projects")),
        services(facts, progress.services, progress.catalogue),
    ]
}

fn create(name: Option<&String>) -> Step {
    let title = "Create the team";
    match name {
        Some(name) => Step::new(State::Done, title, format!("{name} is there.")),
        None => Step::new(
            State::Todo,
            title,
            "One for each department or function, with a name that says which: \"Engineering\", not \"Team 1\". \
             Come back and choose it above.",
        )
        .at("Create Team", Some("/admin/teams/new".to_owned())),
    }
}

fn services(facts: &Facts, allowed: i64, catalogue: i64) -> Step {
    let title = "Allow the services that it needs";
    if catalogue == 0 {
        return Step::new(
            State::Optional,
            title,
            format!(
                "The organization's catalogue is empty. Services are added by {}.",
                ui::who(Permission::TeamAdminister)
            ),
        );
    }
    let text = if allowed == 0 {
        "None yet, so it may use none. Start with few, each with its reason.".to_owned()
    } else {
        format!("{allowed} of {catalogue}. Review them when the catalogue grows.")
    };
    Step::if_done(allowed > 0, title, text).at("Policy", facts.tab("/policy"))
}
