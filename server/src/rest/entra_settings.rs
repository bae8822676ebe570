//! `/api/v1/admin/settings/entra`: what new groups of Microsoft Entra ID get (SPEC E1).

use axum::response::Response;
use backend::{entra_settings, teams::LimitsInput};
use domain::{
    Fields, Invalid, Limits, Money,
    directory::{EntraOverrides, EntraSettings},
};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{Json, present},
    call::{Call, json},
    team_body::Amount,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_entra_settings, put_entra_settings))
}

/// What an organization and a team made for a group may have; what is null is no limit, no models are all.
#[derive(Debug, Serialize, ToSchema)]
struct DefaultTeamParams {
    models: Vec<String>,
    max_budget: Option<f64>,
    #[schema(example = "30d")]
    budget_duration: Option<String>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
}

/// The settings that are in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntraSettings)]
struct EntraSettingsBody {
    /// Whether a new group gets an organization beside its team.
    entra_groups_also_create_orgs: bool,
    /// Where that is from: `runtime` beats `environment`, which beats `file`, which beats `default`.
    #[schema(example = "environment")]
    source: &'static str,
    default_team_params: DefaultTeamParams,
    /// Where those are from.
    #[schema(example = "file")]
    default_team_params_source: &'static str,
    /// What would be in force without what was set at runtime.
    configured: ConfiguredFlag,
}

/// A configured value.
#[derive(Debug, Serialize, ToSchema)]
struct ConfiguredFlag {
    entra_groups_also_create_orgs: bool,
    #[schema(example = "file")]
    source: &'static str,
}

impl From<EntraSettings> for EntraSettingsBody {
    fn from(settings: EntraSettings) -> Self {
        let params = settings.default_team_params;
        let (flag, source) = settings.flag_below;
        Self {
            entra_groups_also_create_orgs: settings.also_create_orgs,
            source: settings.flag_source.as_str(),
            default_team_params: DefaultTeamParams {
                models: params.models,
                max_budget: params.max_budget.map(Money::to_f64),
                budget_duration: params.budget_duration.map(String::from),
                tpm_limit: params.tpm_limit,
                rpm_limit: params.rpm_limit,
            },
            default_team_params_source: settings.params_source.as_str(),
            configured: ConfiguredFlag {
                entra_groups_also_create_orgs: flag,
                source: source.as_str(),
            },
        }
    }
}

/// What new groups may have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDefaultTeamParams {
    models: Option<Vec<String>>,
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Amount>,
    /// `30s`, `30m`, `30h`, `30d`, `1mo`, `daily`, `weekly`, `monthly` or `yearly`.
    budget_duration: Option<String>,
    #[schema(minimum = 0)]
    tpm_limit: Option<i64>,
    #[schema(minimum = 0)]
    rpm_limit: Option<i64>,
}

impl NewDefaultTeamParams {
    fn parse(self) -> Result<Limits, Vec<Invalid>> {
        let mut fields = Fields::new();
        let limits = LimitsInput {
            models: self.models.unwrap_or_default(),
            max_budget: self.max_budget.map(Decimal::from),
            budget_duration: self.budget_duration,
            tpm_limit: self.tpm_limit,
            rpm_limit: self.rpm_limit,
        }
        .parse(&mut fields);
        fields.with(Some(limits))
    }
}

/// What wins over the configuration: a field that is left out stays, null goes back to what is configured.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"entra_groups_also_create_orgs": true}))]
struct EntraSettingsUpdate {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<bool>)]
    entra_groups_also_create_orgs: Option<Option<bool>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<NewDefaultTeamParams>)]
    default_team_params: Option<Option<NewDefaultTeamParams>>,
}

/// Show what new Entra groups get
///
/// With where each setting is from.
#[utoipa::path(
    get,
    path = "/admin/settings/entra",
    tag = "Directory",
    responses(
        (status = 200, description = "The settings that are in force", body = EntraSettingsBody),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors of the installation see them"),
    )
)]
async fn get_entra_settings(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let settings = entra_settings::get(&mut ctx).await?;
    json(StatusCode::OK, &EntraSettingsBody::from(settings))
}

/// Set what new Entra groups get
///
/// Survives restarts and wins over the environment and the file. What was made for groups stays as it is.
#[utoipa::path(
    put,
    path = "/admin/settings/entra",
    tag = "Directory",
    request_body = EntraSettingsUpdate,
    responses(
        (status = 200, description = "The settings that are in force now", body = EntraSettingsBody),
        (status = 403, description = "`FORBIDDEN`: only super admins change them"),
    )
)]
async fn put_entra_settings(call: Call, Json(body): Json<EntraSettingsUpdate>) -> Result<Response, Problem> {
    let params = match body.default_team_params {
        Some(Some(params)) => Some(Some(params.parse()?)),
        Some(None) => Some(None),
        None => None,
    };
    let mut ctx = call.write().await?;
    let current = entra_settings::get(&mut ctx).await?.overrides;
    let overrides = EntraOverrides {
        also_create_orgs: body.entra_groups_also_create_orgs.unwrap_or(current.also_create_orgs),
        default_team_params: params.unwrap_or(current.default_team_params),
    };
    let settings = entra_settings::set(&mut ctx, &overrides).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &EntraSettingsBody::from(settings))
}
