//! The seed's advice on a team's size, admins, name and purpose (SPEC D9), where the team does not follow it.

use domain::{
    Permission, TeamStatus,
    views::{Team, TeamOverview},
};
use leptos::prelude::*;

use super::{Place, Tab};
use crate::ui;

/// A hint, with the tab where it can be followed.
type Hint = (String, &'static str, Tab);

/// The hints, for those who can follow them.
pub(super) fn hints(overview: &TeamOverview, place: &Place) -> Option<AnyView> {
    let team = &overview.page.team;
    if team.is_system || team.status != TeamStatus::Active || !place.may_change(Permission::MembersManage) {
        return None;
    }
    let hints = of(team, overview.admin_count);
    if hints.is_empty() {
        return None;
    }
    let items = hints
        .into_iter()
        .map(|(text, link, tab)| view! { <li>{text}" "<a class="link" href=place.tab(tab)>{link}</a></li> })
        .collect_view();
    Some(ui::callout(
        "info",
        "Good practice",
        view! { <ul class="hints">{items}</ul> }.into_any(),
    ))
}

fn of(team: &Team, admins: i64) -> Vec<Hint> {
    let mut hints = Vec::new();
    if team.member_count > 20 {
        let text = format!("{} members: teams of 5 to 20 are easier to manage.", team.member_count);
        hints.push((text, "See who could move", Tab::Members));
    } else if team.member_count < 5 {
        let members = ui::plural(team.member_count.into(), "member");
        let text = format!("{members}: 5 to 20 are a good size for a team.");
        hints.push((text, "Add members", Tab::Members));
    }
    match admins {
        // Without any there is a warning already.
        0 | 2 | 3 => {}
        1 => hints.push((
            "Only 1 admin: with 2 or 3, one of them can be away.".to_owned(),
            "Choose another",
            Tab::Members,
        )),
        many => hints.push((
            format!("{many} admins: 2 or 3 prevent configuration conflicts."),
            "Change roles",
            Tab::Members,
        )),
    }
    if is_vague(&team.name) {
        let text = format!("\"{}\" does not say who it is: \"Engineering\" would.", team.name);
        hints.push((text, "Rename it", Tab::Settings));
    }
    if team.description.is_none() {
        hints.push((
            "Nobody has written down what the team is for.".to_owned(),
            "Describe it",
            Tab::Settings,
        ));
    }
    hints
}

/// Whether a name is no more than "Team" with a number or letter.
fn is_vague(name: &str) -> bool {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    let counter = |word: &str| word.len() == 1 || word.bytes().all(|byte| byte.is_ascii_digit());
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [only] => {
            only == "team"
                || only
                    .strip_prefix("team")
                    .is_some_and(|rest| !rest.is_empty() && counter(rest))
        }
        ["team" | "group", second] => counter(second),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(members: i32, admins: i64) -> Vec<String> {
        let team = team(members);
        of(&team, admins).into_iter().map(|(text, ..)| text).collect()
    }

    #[test]
    fn d9_teams_have_5_to_20_members_and_2_or_3_admins() {
        for (members, admins) in [(5, 2), (20, 3), (12, 0)] {
            assert_eq!(texts(members, admins), Vec::<String>::new(), "{members} {admins}");
        }
        assert_eq!(texts(4, 2), ["4 members: 5 to 20 are a good size for a team."]);
        assert_eq!(texts(21, 2), ["21 members: teams of 5 to 20 are easier to manage."]);
        assert_eq!(texts(8, 1), ["Only 1 admin: with 2 or 3, one of them can be away."]);
        assert_eq!(texts(8, 4), ["4 admins: 2 or 3 prevent configuration conflicts."]);
        assert_eq!(texts(30, 9).len(), 2);
    }

    fn team(members: i32) -> Team {
        let now = chrono::DateTime::UNIX_EPOCH;
        Team {
            id: domain::TeamId(domain::DEFAULT_ORGANIZATION.0),
            organization_id: domain::DEFAULT_ORGANIZATION,
            organization_slug: "acme".to_owned(),
            organization_name: "Acme".to_owned(),
            name: "Engineering".to_owned(),
            slug: "engineering".to_owned(),
            description: Some("Builds.".to_owned()),
            status: TeamStatus::Active,
            is_system: false,
            runners_enabled: true,
            policy: domain::LabelPolicy::default(),
            max_runners: None,
            runner_group_ids: Vec::new(),
            limits: domain::Limits::default(),
            created_at: now,
            updated_at: now,
            created_by: None,
            deactivated_at: None,
            deactivated_by: None,
            deactivation_reason: None,
            member_count: members,
            project_count: 0,
            runner_count: 0,
        }
    }

    #[test]
    fn d9_names_that_say_nothing() {
        for vague in ["Team 1", "team", "Team B", "Team12", "Group 3"] {
            assert!(is_vague(vague), "{vague}");
        }
        for fine in ["Engineering", "Backend Team", "Team Rocket", "Teamwork", "Data Science"] {
            assert!(!is_vague(fine), "{fine}");
        }
    }
}
