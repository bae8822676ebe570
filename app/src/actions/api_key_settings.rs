//! Defaults and ceilings of keys for models, and of people at LiteLLM.

use backend::api_keys;
use domain::{BudgetDuration, Fields, KeyDefaults, KeyMaximums, KeyPolicy, Money, UserDefaults};
use leptos::prelude::*;

use super::{api_keys::count, filled};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::keys::{SETTINGS, USERS},
};

/// Sets the defaults and maximums of keys.
#[server(prefix = "/actions", endpoint = "api-keys/settings")]
pub async fn set_key_settings(
    #[server(default)]
    #[server(rename = "defaults.maxBudget")]
    max_budget: String,
    #[server(default)]
    #[server(rename = "defaults.softBudget")]
    soft_budget: String,
    #[server(default)]
    #[server(rename = "defaults.budgetDuration")]
    duration: String,
    #[server(default)]
    #[server(rename = "defaults.tpmLimit")]
    tpm: String,
    #[server(default)]
    #[server(rename = "defaults.rpmLimit")]
    rpm: String,
    #[server(default)]
    #[server(rename = "defaults.expiresInDays")]
    days: String,
    #[server(default)]
    #[server(rename = "maximums.maxBudget")]
    highest_budget: String,
    #[server(default)]
    #[server(rename = "maximums.tpmLimit")]
    most_tokens: String,
    #[server(default)]
    #[server(rename = "maximums.rpmLimit")]
    most_requests: String,
    #[server(default)]
    #[server(rename = "maximums.expiresInDays")]
    longest_days: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: SETTINGS,
        values: &[
            ("defaults.maxBudget", &max_budget),
            ("defaults.softBudget", &soft_budget),
            ("defaults.budgetDuration", &duration),
            ("defaults.tpmLimit", &tpm),
            ("defaults.rpmLimit", &rpm),
            ("defaults.expiresInDays", &days),
            ("maximums.maxBudget", &highest_budget),
            ("maximums.tpmLimit", &most_tokens),
            ("maximums.rpmLimit", &most_requests),
            ("maximums.expiresInDays", &longest_days),
        ],
        back: "/admin/settings/keys",
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let mut money = |field, text: &str| fields.take(Money::read(field, text)).flatten().map(Money::trusted);
        let (own, soft) = (
            money("defaults.maxBudget", &max_budget),
            money("defaults.softBudget", &soft_budget),
        );
        let top = money("maximums.maxBudget", &highest_budget);
        let period = filled(&duration).map(|text| BudgetDuration::parse(&text)).transpose();
        let period = fields.take(period.map_err(|invalid| invalid.on("defaults.budgetDuration")));
        let mut number = |field, text: &str| fields.take(count(field, text)).flatten();
        let policy = KeyPolicy {
            defaults: KeyDefaults {
                max_budget: own,
                soft_budget: soft,
                budget_duration: period.flatten(),
                tpm_limit: number("defaults.tpmLimit", &tpm),
                rpm_limit: number("defaults.rpmLimit", &rpm),
                expires_in_days: number("defaults.expiresInDays", &days),
            },
            maximums: KeyMaximums {
                max_budget: top,
                tpm_limit: number("maximums.tpmLimit", &most_tokens),
                rpm_limit: number("maximums.rpmLimit", &most_requests),
                expires_in_days: number("maximums.expiresInDays", &longest_days),
            },
        };
        fields.and(policy.check())?;
        api_keys::set_key_policy(ctx, &policy).await?;
        Ok(Done::new(
            "/admin/settings/keys",
            "The defaults of API keys were saved.",
        ))
    })
    .await
}

/// Sets what people are made with at LiteLLM.
#[server(prefix = "/actions", endpoint = "api-keys/user-settings")]
pub async fn set_user_settings(
    #[server(default)]
    #[server(rename = "maxBudget")]
    max_budget: String,
    #[server(default)]
    #[server(rename = "tpmLimit")]
    tpm_limit: String,
    #[server(default)]
    #[server(rename = "rpmLimit")]
    rpm_limit: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: USERS,
        values: &[
            ("maxBudget", &max_budget),
            ("tpmLimit", &tpm_limit),
            ("rpmLimit", &rpm_limit),
        ],
        back: "/admin/settings/keys",
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let defaults = UserDefaults {
            max_budget: fields
                .take(Money::read("maxBudget", &max_budget))
                .flatten()
                .map(Money::trusted),
            tpm_limit: fields.take(count("tpmLimit", &tpm_limit)).flatten(),
            rpm_limit: fields.take(count("rpmLimit", &rpm_limit)).flatten(),
        };
        fields.and(defaults.check())?;
        api_keys::set_user_defaults(ctx, &defaults).await?;
        Ok(Done::new("/admin/settings/keys", "The limits of people were saved."))
    })
    .await
}
