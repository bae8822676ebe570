//! Label policies of people in no team, and the way into teams.

use std::collections::HashMap;

use backend::{
    label_policies::{self, MigrationInput, NewPolicyInput, PlannedTeamInput},
    teams::NewTeamInput,
};
use domain::{
    Invalid, UserId, UserRef, split_list, split_patterns,
    views::{Migration, TeamSuggestion},
};
use leptos::prelude::*;

use super::{number, with_count};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::label_policies::{BASE, Kept, MIGRATE, ONLY_SYSTEM, POLICY, Plan, keep},
    ssr::{self, Code, Ctx, Error, Result},
};

const MIGRATION: &str = "/admin/label-policies/migrate";

/// A policy's page: the list, when the field says nothing that could be a person.
fn policy_page(text: &str) -> String {
    text.parse::<UserId>()
        .map_or_else(|_| BASE.to_owned(), |id| format!("{BASE}/{id}"))
}

/// Creates a policy, or saves a changed one.
#[server(prefix = "/actions", endpoint = "label-policies/save")]
pub async fn save_policy(
    #[server(default)] at: String,
    #[server(default)] user_identity: String,
    #[server(default)] allowed_labels: String,
    #[server(default)] label_patterns: String,
    #[server(default)] max_runners: String,
    #[server(default)] require_approval: String,
    #[server(default)] description: String,
) -> std::result::Result<(), ApiError> {
    let back = if at.is_empty() {
        format!("{BASE}/new")
    } else {
        policy_page(&at)
    };
    let sent = Sent {
        form: POLICY,
        values: &[
            ("user_identity", &user_identity),
            ("allowed_labels", &allowed_labels),
            ("label_patterns", &label_patterns),
            ("max_runners", &max_runners),
            ("require_approval", &require_approval),
            ("description", &description),
            ("sent", "yes"),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let new = with_count(number("max_runners", &max_runners), |count| {
            NewPolicyInput {
                user_identity: user_identity.clone(),
                allowed_labels: split_list(&allowed_labels),
                label_patterns: split_patterns(&label_patterns),
                max_runners: count,
                require_approval: !require_approval.is_empty(),
                description: Some(description.clone()),
            }
            .parse()
        })?;
        let policy = label_policies::set(ctx, new).await?;
        Ok(Done::new(
            policy_page(&policy.user_id.to_string()),
            if policy.policy.allows_none() {
                format!("The label policy of {} is saved. {ONLY_SYSTEM}", policy.shown())
            } else {
                format!("The label policy of {} is saved.", policy.shown())
            },
        ))
    })
    .await
}

/// Removes a policy.
#[server(prefix = "/actions", endpoint = "label-policies/delete")]
pub async fn delete_policy(#[server(default)] user: String) -> std::result::Result<(), ApiError> {
    let back = policy_page(&user);
    let sent = Sent {
        form: POLICY,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let id: UserId = user.parse().map_err(|_| Error::not_found("User", &user))?;
        let gone = label_policies::remove(ctx, &UserRef::Id(id)).await?;
        Ok(Done::new(
            BASE,
            format!("The label policy of {} is deleted.", gone.shown()),
        ))
    })
    .await
}

/// Tries a migration and asks; with the question's answer, does it.
#[server(prefix = "/actions", endpoint = "label-policies/migrate")]
pub async fn migrate_policies(
    #[server(default)] names: HashMap<String, String>,
    #[server(default)] picked: HashMap<String, String>,
    #[server(default)] remove_policies: String,
    #[server(default)] plan: String,
) -> std::result::Result<(), ApiError> {
    let confirmed: Option<Plan> = serde_json::from_str(&plan).ok();
    let asks = confirmed.is_none();
    let mut plan = confirmed.unwrap_or(Plan {
        names,
        picked,
        remove: !remove_policies.is_empty(),
        ..Plan::default()
    });
    match run(&plan, asks).await {
        Ok(done) if asks => {
            let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            let people = done.teams.iter().map(|team| team.people.len()).sum();
            plan.numbers = (count(done.teams.len()), count(people), done.policies_removed);
            keep(&Kept::Asked(plan)).await;
            ssr::redirect(&format!("{MIGRATION}?confirm=migrate"));
        }
        Ok(done) => {
            keep(&Kept::done(&done)).await;
            ssr::redirect(MIGRATION);
        }
        Err(error) => {
            let text = serde_json::to_string(&plan).unwrap_or_default();
            let sent = Sent {
                form: MIGRATE,
                values: &[("plan", &text)],
                back: MIGRATION,
            };
            // JSON without its end is none.
            sent.refuse_whole(error).await;
        }
    }
    Ok(())
}

/// What the plan comes to: only tried, or done.
async fn run(plan: &Plan, dry_run: bool) -> Result<Migration> {
    let mut ctx = ssr::write().await?;
    let chosen = chosen(&mut ctx, plan).await?;
    let keys: Vec<String> = chosen.iter().map(|team| team.key.clone()).collect();
    let teams = chosen.into_iter().map(|team| planned(team, plan)).collect();
    let input = MigrationInput { teams };
    let parsed = input.parse().map_err(|wrong| Error::Invalid(beside(wrong, &keys)))?;
    let done = label_policies::migrate(&mut ctx, parsed, plan.remove, dry_run).await?;
    if !dry_run {
        ctx.commit().await?;
    }
    Ok(done)
}

/// The suggestions that were ticked, as they are now.
async fn chosen(ctx: &mut Ctx, plan: &Plan) -> Result<Vec<TeamSuggestion>> {
    let mut found = label_policies::suggest(ctx).await?.suggestions;
    found.retain(|team| plan.picked.contains_key(&team.key));
    if plan.picked.is_empty() {
        return Err(Error::refused(Code::WrongState, "Choose at least one team to create."));
    }
    if found.len() < plan.picked.len() {
        return Err(Error::refused(
            Code::WrongState,
            "The label policies have changed in the meantime, and with them what is suggested. Nothing was done: look at the list again.",
        ));
    }
    Ok(found)
}

fn planned(team: TeamSuggestion, plan: &Plan) -> PlannedTeamInput {
    PlannedTeamInput {
        members: team.people.iter().map(|person| person.user_id.to_string()).collect(),
        team: NewTeamInput {
            name: plan.names.get(&team.key).cloned().unwrap_or(team.name),
            required_labels: team.policy.required.into_iter().map(String::from).collect(),
            optional_label_patterns: team.policy.optional.into_iter().map(String::from).collect(),
            max_runners: team.max_runners.map(i64::from),
            organization_id: Some(team.organization_id),
            ..NewTeamInput::default()
        },
    }
}

/// Errors beside the fields of the suggestions that they are about.
fn beside(wrong: Vec<Invalid>, keys: &[String]) -> Vec<Invalid> {
    let place = |invalid: Invalid| {
        let found = keys
            .iter()
            .enumerate()
            .find(|(index, _)| invalid.field == format!("suggestions[{index}].name"));
        match found {
            Some((_, key)) => Invalid::new(format!("name-{key}"), invalid.message),
            None => invalid,
        }
    };
    wrong.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stand_beside_their_suggestions() {
        let keys = ["aa".to_owned(), "bb".to_owned()];
        let wrong = vec![
            Invalid::new("suggestions[1].name", "must be 2 to 50 characters"),
            Invalid::new("suggestions", "must be 1 to 100 teams"),
        ];
        let fields: Vec<_> = beside(wrong, &keys).into_iter().map(|invalid| invalid.field).collect();
        assert_eq!(fields, ["name-bb", "suggestions"]);
    }
}
