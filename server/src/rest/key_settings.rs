//! `/api/v1/admin/settings/api-key-defaults` and `user-defaults` (SPEC C9).

use axum::response::Response;
use backend::api_keys;
use domain::{BudgetDuration, Invalid, KeyDefaults, KeyMaximums, KeyPolicy, Money, UserDefaults};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Json,
    call::{Call, json},
    team_body::Amount,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_key_defaults, set_key_defaults))
        .routes(routes!(get_user_defaults, set_user_defaults))
}

/// Defaults and maximums of keys; null is none.
#[derive(Debug, Serialize, ToSchema)]
struct KeySettings {
    defaults: Defaults,
    maximums: Maximums,
}

/// What a new key has unless it is given something else.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KeyDefaults)]
struct Defaults {
    max_budget: Option<f64>,
    #[schema(example = "1mo")]
    budget_duration: Option<String>,
    soft_budget: Option<f64>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
    /// How many days it lives.
    expires_in_days: Option<i64>,
}

/// What a key may have at most. With a maximum, a key without that limit is refused, too.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KeyMaximums)]
struct Maximums {
    max_budget: Option<f64>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
    expires_in_days: Option<i64>,
}

impl From<KeyPolicy> for KeySettings {
    fn from(policy: KeyPolicy) -> Self {
        let (own, top) = (policy.defaults, policy.maximums);
        Self {
            defaults: Defaults {
                max_budget: own.max_budget.map(Money::to_f64),
                budget_duration: own.budget_duration.map(String::from),
                soft_budget: own.soft_budget.map(Money::to_f64),
                tpm_limit: own.tpm_limit,
                rpm_limit: own.rpm_limit,
                expires_in_days: own.expires_in_days,
            },
            maximums: Maximums {
                max_budget: top.max_budget.map(Money::to_f64),
                tpm_limit: top.tpm_limit,
                rpm_limit: top.rpm_limit,
                expires_in_days: top.expires_in_days,
            },
        }
    }
}

/// What to set; all that is left out is none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"defaults": {"maxBudget": 10, "budgetDuration": "monthly"}, "maximums": {"maxBudget": 100, "expiresInDays": 365}}))]
struct KeySettingsBody {
    #[serde(default)]
    defaults: DefaultsBody,
    #[serde(default)]
    maximums: MaximumsBody,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewKeyDefaults)]
struct DefaultsBody {
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Amount>,
    budget_duration: Option<String>,
    #[schema(value_type = Option<f64>, minimum = 0)]
    soft_budget: Option<Amount>,
    #[schema(minimum = 0)]
    tpm_limit: Option<i64>,
    #[schema(minimum = 0)]
    rpm_limit: Option<i64>,
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<i64>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewKeyMaximums)]
struct MaximumsBody {
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Amount>,
    #[schema(minimum = 0)]
    tpm_limit: Option<i64>,
    #[schema(minimum = 0)]
    rpm_limit: Option<i64>,
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<i64>,
}

/// What people are made with at LiteLLM; null is no limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserSettings {
    max_budget: Option<f64>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
}

/// What to set; all that is left out is none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"maxBudget": 100}))]
struct UserSettingsBody {
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Amount>,
    #[schema(minimum = 0)]
    tpm_limit: Option<i64>,
    #[schema(minimum = 0)]
    rpm_limit: Option<i64>,
}

fn money(amount: Option<Amount>) -> Option<Money> {
    amount.map(Decimal::from).map(Money::trusted)
}

impl KeySettingsBody {
    fn parse(self) -> Result<KeyPolicy, Invalid> {
        let (own, top) = (self.defaults, self.maximums);
        let duration = own.budget_duration.as_deref().map(BudgetDuration::parse).transpose();
        Ok(KeyPolicy {
            defaults: KeyDefaults {
                max_budget: money(own.max_budget),
                budget_duration: duration.map_err(|invalid| invalid.on("defaults.budgetDuration"))?,
                soft_budget: money(own.soft_budget),
                tpm_limit: own.tpm_limit,
                rpm_limit: own.rpm_limit,
                expires_in_days: own.expires_in_days,
            },
            maximums: KeyMaximums {
                max_budget: money(top.max_budget),
                tpm_limit: top.tpm_limit,
                rpm_limit: top.rpm_limit,
                expires_in_days: top.expires_in_days,
            },
        })
    }
}

impl From<UserDefaults> for UserSettings {
    fn from(defaults: UserDefaults) -> Self {
        Self {
            max_budget: defaults.max_budget.map(Money::to_f64),
            tpm_limit: defaults.tpm_limit,
            rpm_limit: defaults.rpm_limit,
        }
    }
}

/// Show the defaults and maximums of keys
#[utoipa::path(
    get,
    path = "/admin/settings/api-key-defaults",
    tag = "API keys",
    responses(
        (status = 200, description = "Defaults and maximums", body = KeySettings),
        (status = 403, description = "`FORBIDDEN`: only a super_admin"),
    )
)]
async fn get_key_defaults(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    json(
        StatusCode::OK,
        &KeySettings::from(api_keys::key_policy(&mut ctx).await?),
    )
}

/// Set the defaults and maximums of keys
///
/// Keys that are there stay as they are until they are changed or rotated.
#[utoipa::path(
    put,
    path = "/admin/settings/api-key-defaults",
    tag = "API keys",
    request_body = KeySettingsBody,
    responses(
        (status = 200, description = "Defaults and maximums", body = KeySettings),
        (status = 403, description = "`FORBIDDEN`: only a super_admin"),
    )
)]
async fn set_key_defaults(call: Call, Json(body): Json<KeySettingsBody>) -> Result<Response, Problem> {
    let policy = body.parse()?;
    let mut ctx = call.write().await?;
    let policy = api_keys::set_key_policy(&mut ctx, &policy).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &KeySettings::from(policy))
}

/// Show what people are made with at LiteLLM
#[utoipa::path(
    get,
    path = "/admin/settings/user-defaults",
    tag = "API keys",
    responses(
        (status = 200, description = "The limits", body = UserSettings),
        (status = 403, description = "`FORBIDDEN`: only a super_admin"),
    )
)]
async fn get_user_defaults(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    json(
        StatusCode::OK,
        &UserSettings::from(api_keys::user_defaults(&mut ctx).await?),
    )
}

/// Set what people are made with at LiteLLM
///
/// For people whom LiteLLM is told of from now on.
#[utoipa::path(
    put,
    path = "/admin/settings/user-defaults",
    tag = "API keys",
    request_body = UserSettingsBody,
    responses(
        (status = 200, description = "The limits", body = UserSettings),
        (status = 403, description = "`FORBIDDEN`: only a super_admin"),
    )
)]
async fn set_user_defaults(call: Call, Json(body): Json<UserSettingsBody>) -> Result<Response, Problem> {
    let defaults = UserDefaults {
        max_budget: money(body.max_budget),
        tpm_limit: body.tpm_limit,
        rpm_limit: body.rpm_limit,
    };
    let mut ctx = call.write().await?;
    let defaults = api_keys::set_user_defaults(&mut ctx, &defaults).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &UserSettings::from(defaults))
}
