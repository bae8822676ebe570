//! A team's own limits.

use backend::teams::{self, TeamPatchInput};
use domain::{Fields, Money, split_list};
use leptos::prelude::*;

use super::{filled, number, team_id, team_page};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::team::LIMITS,
};

/// Saves models, budget and rates.
#[server(prefix = "/actions", endpoint = "teams/limits")]
pub async fn save_limits(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] models: String,
    #[server(default)] max_budget: String,
    #[server(default)] budget_duration: String,
    #[server(default)] tpm_limit: String,
    #[server(default)] rpm_limit: String,
) -> Result<(), ApiError> {
    let back = format!("{}/settings", team_page(&team, &at));
    let sent = Sent {
        form: LIMITS,
        values: &[
            ("models", &models),
            ("max_budget", &max_budget),
            ("budget_duration", &budget_duration),
            ("tpm_limit", &tpm_limit),
            ("rpm_limit", &rpm_limit),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let patch = TeamPatchInput {
            models: Some(split_list(&models)),
            max_budget: Some(fields.take(Money::read("max_budget", &max_budget)).flatten()),
            budget_duration: Some(filled(&budget_duration)),
            tpm_limit: Some(fields.take(number("tpm_limit", &tpm_limit)).flatten()),
            rpm_limit: Some(fields.take(number("rpm_limit", &rpm_limit)).flatten()),
            ..TeamPatchInput::default()
        };
        teams::update(ctx, team_id(&team)?, fields.and(patch.parse())?).await?;
        Ok(Done::new(&back, "Limits saved."))
    })
    .await
}
