//! Creating and changing teams.

use backend::teams::{self, NewTeamInput, TeamPatchInput};
use domain::{Reason, StatusChange, split_list, split_patterns};
use leptos::prelude::*;

use super::{number, team_id, team_page, with_count};
use crate::{
    forms::{ApiError, Done, Sent},
    ssr::Error,
};

/// Creates a team.
#[server(prefix = "/actions", endpoint = "teams/create")]
pub async fn create_team(
    #[server(default)] name: String,
    #[server(default)] description: String,
    #[server(default)] required_labels: String,
    #[server(default)] optional_label_patterns: String,
    #[server(default)] max_runners: String,
    #[server(default)] organization_id: String,
    #[server(default)] make_me_admin: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: "create-team",
        values: &[
            ("name", &name),
            ("description", &description),
            ("required_labels", &required_labels),
            ("optional_label_patterns", &optional_label_patterns),
            ("max_runners", &max_runners),
            ("organization_id", &organization_id),
            ("make_me_admin", &make_me_admin),
            ("sent", "yes"),
        ],
        back: "/admin/teams/new",
    };
    sent.run(async |ctx| {
        let input = NewTeamInput {
            name: name.clone(),
            description: Some(description.clone()),
            required_labels: split_list(&required_labels),
            optional_label_patterns: split_patterns(&optional_label_patterns),
            organization_id: match organization_id.trim() {
                "" => None,
                id => Some(
                    id.parse()
                        .map_err(|_| Error::invalid("organization_id", "must be one of the list"))?,
                ),
            },
            make_me_admin: !make_me_admin.is_empty(),
            ..NewTeamInput::default()
        };
        let new = with_count(number("max_runners", &max_runners), |count| {
            NewTeamInput {
                max_runners: count,
                ..input
            }
            .parse()
        })?;
        let page = teams::create(ctx, new).await?;
        Ok(Done::new(
            format!("/admin/teams/{}", page.team.id),
            format!("Team {} was created.", page.team.name),
        ))
    })
    .await
}

/// Saves name and description.
#[server(prefix = "/actions", endpoint = "teams/settings")]
pub async fn save_settings(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
) -> Result<(), ApiError> {
    let back = format!("{}/settings", team_page(&team, &at));
    let sent = Sent {
        form: "team-settings",
        values: &[("name", &name), ("description", &description)],
        back: &back,
    };
    sent.run(async |ctx| {
        let patch = TeamPatchInput {
            name: Some(name.clone()),
            description: Some(Some(description.clone())),
            ..Default::default()
        };
        teams::update(ctx, team_id(&team)?, patch.parse()?).await?;
        Ok(Done::new(&back, "Changes saved."))
    })
    .await
}

/// Lets the Default Team have runners, or ends that.
#[server(prefix = "/actions", endpoint = "teams/runners")]
pub async fn switch_runners(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] enabled: String,
) -> Result<(), ApiError> {
    let back = format!("{}/settings", team_page(&team, &at));
    let sent = Sent {
        form: "team-runners",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let patch = TeamPatchInput {
            runners_enabled: Some(!enabled.is_empty()),
            ..TeamPatchInput::default()
        };
        let page = teams::update(ctx, team_id(&team)?, patch.parse()?).await?;
        let word = if page.team.runners_enabled {
            "enabled"
        } else {
            "disabled"
        };
        Ok(Done::new(&back, format!("Runners are {word} for {}.", page.team.name)))
    })
    .await
}

/// Saves label policy and runner quota.
#[server(prefix = "/actions", endpoint = "teams/policy")]
pub async fn save_policy(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] required_labels: String,
    #[server(default)] optional_label_patterns: String,
    #[server(default)] max_runners: String,
    // Only in the form of those who may change it.
    #[server(default)] runner_group_ids: Option<String>,
) -> Result<(), ApiError> {
    let back = format!("{}/policy", team_page(&team, &at));
    let groups_text = runner_group_ids.clone().unwrap_or_default();
    let sent = Sent {
        form: "team-policy",
        values: &[
            ("required_labels", &required_labels),
            ("optional_label_patterns", &optional_label_patterns),
            ("max_runners", &max_runners),
            ("runner_group_ids", &groups_text),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let (groups, no_groups) = match runner_group_ids.as_deref().map(runner_groups).transpose() {
            Ok(groups) => (groups, None),
            Err(wrong) => (None, Some(wrong)),
        };
        let input = TeamPatchInput {
            runner_group_ids: groups,
            required_labels: Some(split_list(&required_labels)),
            optional_label_patterns: Some(split_patterns(&optional_label_patterns)),
            ..TeamPatchInput::default()
        };
        let patch = with_count(number("max_runners", &max_runners), |count| {
            let patch = TeamPatchInput {
                max_runners: Some(count),
                ..input
            }
            .parse();
            match (patch, no_groups) {
                (patch, None) => patch,
                (Ok(_), Some(wrong)) => Err(vec![wrong]),
                (Err(mut all), Some(wrong)) => {
                    all.push(wrong);
                    Err(all)
                }
            }
        })?;
        teams::update(ctx, team_id(&team)?, patch).await?;
        Ok(Done::new(&back, "Policy saved."))
    })
    .await
}

/// GitHub's numbers of runner groups, separated by commas.
fn runner_groups(text: &str) -> Result<Vec<i64>, domain::Invalid> {
    split_list(text)
        .iter()
        .map(|word| word.parse())
        .collect::<Result<_, _>>()
        .map_err(|_| domain::Invalid::new("runner_group_ids", "must be positive numbers, separated by commas"))
}

/// Deactivates, activates, archives or restores a team.
#[server(prefix = "/actions", endpoint = "teams/status")]
pub async fn change_status(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] change: String,
    #[server(default)] reason: String,
) -> Result<(), ApiError> {
    let page = format!("{}/settings", team_page(&team, &at));
    let asks = matches!(change.as_str(), "deactivate" | "archive");
    let back = if asks { format!("{page}?confirm={change}") } else { page };
    let sent = Sent {
        form: "team-status",
        values: &[("reason", &reason)],
        back: &back,
    };
    sent.run(async |ctx| {
        let change: StatusChange = change.parse()?;
        // The API may leave the reason out; people are asked for one (SPEC B6).
        let reason = match change {
            StatusChange::Deactivate => Some(Reason::parse(&reason)?),
            _ if reason.trim().is_empty() => None,
            _ => Some(Reason::parse(&reason)?),
        };
        let done = teams::change_status(ctx, team_id(&team)?, change, reason.as_ref()).await?;
        let to = format!("/admin/teams/{}/settings", done.team.id);
        Ok(Done::new(
            to,
            format!("Team {} is {}.", done.team.name, done.team.status),
        ))
    })
    .await
}
