//! `/api/v1/api-keys`: keys for models, and lists of all keys (SPEC C8–C12, C17).

use axum::response::{IntoResponse, Response};
use backend::{
    Code, Error,
    api_keys::{self, KeyQuery, Made, Whose},
    keys::Overlap,
};
use chrono::{DateTime, Utc};
use domain::{ApiKeyStatus, Invalid, TeamId, parse_models, split_list};
use http::{HeaderValue, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    api_key_body::{ApiKey, ApiKeyDetail, ApiKeyList, KeyStats, Pagination, ReadyKey, RevokedKey, WaitingKey},
    api_key_input::{ApiKeyPatch, NewApiKey},
    body::{Json, OptionalJson, present},
    call::{ApiKeyRef, At, Call, json, secret_json},
    query::QueryString,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(api_key_stats))
        .routes(routes!(get_api_key, update_api_key, revoke_api_key))
        .routes(routes!(rotate_api_key))
        .routes(routes!(claim_api_key))
        .routes(routes!(reveal_api_key))
        .routes(routes!(reset_api_key_spend))
}

/// Keys on a page unless said otherwise, and at most.
const PAGE: i64 = 20;
const MAX_PAGE: i64 = 100;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// The page, from 1.
    #[param(nullable = false, minimum = 1)]
    page: Option<i64>,
    /// Keys on a page; 20 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Only keys that may use one of these models by name, separated by commas.
    #[param(nullable = false, example = "gpt-4o,claude-sonnet")]
    model_ids: Option<String>,
    /// Only keys that work, or only those that do not.
    #[param(nullable = false)]
    is_active: Option<bool>,
    /// A team's keys: all of them for its admins and auditors, else the caller's own. Without it the caller's own, of all
    /// teams.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatsParams {
    /// A team's keys, as in the list.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// How many days of spending; 30 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 366)]
    days: Option<i64>,
}

/// How to rotate a key.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyRotation, example = json!({"overlap_seconds": 3600}))]
struct Rotation {
    /// How long the old key works beside the new one; a day unless said otherwise, 0 ends it at once.
    #[serde(default, alias = "overlapSeconds")]
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap_seconds: Option<i64>,
    /// When the new key ends, null for never; it lives as long as the old one did unless said otherwise.
    #[serde(default, rename = "expiresAt", alias = "expires_at", deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Option<DateTime<Utc>>>,
}

fn whose(team: Option<Uuid>) -> Whose {
    team.map_or(Whose::Mine, |id| Whose::Team(TeamId(id)))
}

/// List API keys
///
/// The caller's own of all teams, or a team's; of both kinds, and those that are over, too.
#[utoipa::path(
    get,
    path = "/api-keys",
    tag = "API keys",
    params(ListParams),
    responses(
        (status = 200, description = "One page of keys, newest first", body = ApiKeyList),
        (status = 403, description = "`FORBIDDEN`: the caller does not belong to the team; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn list_api_keys(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let mut fields = domain::Fields::new();
    let (page, limit) = (params.page.unwrap_or(1), params.limit.unwrap_or(PAGE));
    if !(1..=1_000_000).contains(&page) {
        fields.push(Invalid::new("page", "must be from 1 to 1000000"));
    }
    if !(1..=MAX_PAGE).contains(&limit) {
        fields.push(Invalid::new("limit", "must be from 1 to 100"));
    }
    let models = (params.model_ids.as_deref())
        .map(|text| parse_models(&split_list(text)).map_err(|invalid| invalid.on("modelIds")))
        .transpose();
    let models = fields.take(models).flatten();
    fields.finish()?;
    let query = KeyQuery {
        whose: whose(params.team_id),
        models,
        active: params.is_active,
        open_only: false,
        page,
        limit,
    };
    let mut ctx = call.read().await?;
    let (keys, total) = api_keys::list(&mut ctx, &query).await?;
    let list = ApiKeyList {
        data: keys.into_iter().map(ApiKey::from).collect(),
        pagination: Pagination::new(page, limit, total),
    };
    json(StatusCode::OK, &list)
}

/// API keys in numbers
#[utoipa::path(
    get,
    path = "/api-keys/stats",
    tag = "API keys",
    params(StatsParams),
    responses(
        (status = 200, description = "How many keys there are, and what they spend day by day", body = KeyStats),
        (status = 403, description = "`FORBIDDEN`: the caller does not belong to the team; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn api_key_stats(call: Call, QueryString(params): QueryString<StatsParams>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let stats = api_keys::stats(&mut ctx, whose(params.team_id), params.days).await?;
    json(StatusCode::OK, &KeyStats::from(stats))
}

/// A key that was made, or that waits for its owner.
fn made(made: Made) -> Result<Response, Problem> {
    match made {
        Made::Ready(key, secret) => {
            let body = ReadyKey {
                key: secret.expose_secret(),
                about: ApiKey::from(*key),
            };
            secret_json(StatusCode::CREATED, &body)
        }
        Made::Pending(key, why) => {
            let location = format!("/api/v1/api-keys/{}", key.id);
            let body = WaitingKey {
                message: format!("LiteLLM is away: {why}. Claim the key once it is back."),
                about: ApiKey::from(*key),
            };
            let mut response = json(StatusCode::ACCEPTED, &body)?;
            if let Ok(location) = HeaderValue::try_from(location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            Ok(response)
        }
    }
}

/// Create an API key
///
/// A key for models. LiteLLM knows its team and owner first; its secret, `key`, is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api-keys",
    tag = "API keys",
    request_body = NewApiKey,
    responses(
        (
            status = 201,
            description = "The key with its secret, shown this once",
            body = ReadyKey,
            headers(("cache-control" = String, description = "`no-store`")),
        ),
        (
            status = 202,
            description = "LiteLLM is away: the key is `pending`, without a secret, until its owner claims it",
            body = WaitingKey,
            headers(("location" = String, description = "The key")),
        ),
        (status = 400, description = "`MAX_API_KEYS_REACHED`: the owner has ten; `QUOTA_LIMITS_EXCEEDED`: above the installation's maximums"),
        (status = 403, description = "`FORBIDDEN`: only admins of the team make keys for others, and for nobody with more rights; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: the owner is not a member of the team"),
        (status = 409, description = "`WRONG_STATE`: the key was revoked while it was made, or the team is archived; `NAME_TAKEN`: try again"),
        (status = 502, description = "`LITELLM_ERROR`: LiteLLM refuses; there is no key"),
        (status = 503, description = "`NOT_CONFIGURED`: there is no LiteLLM"),
    )
)]
async fn create_api_key(call: Call, Json(body): Json<NewApiKey>) -> Result<Response, Problem> {
    let new = body.into_input().parse()?;
    made(api_keys::create(&call.backend, call.caller, call.info, new).await?)
}

/// Show an API key
#[utoipa::path(
    get,
    path = "/api-keys/{id}",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses(
        (status = 200, description = "The key, what is in force for it, and what it spends", body = ApiKeyDetail),
        (status = 404, description = "`NOT_FOUND`: there is no such key that the caller may see"),
    )
)]
async fn get_api_key(call: Call, At(ApiKeyRef(id)): At<ApiKeyRef>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = api_keys::get(&mut ctx, id).await?;
    json(StatusCode::OK, &ApiKeyDetail::from(page))
}

/// Change an API key
///
/// Its name and limits, checked as those of a new one. LiteLLM is told a moment later.
#[utoipa::path(
    patch,
    path = "/api-keys/{id}",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    request_body = ApiKeyPatch,
    responses(
        (status = 200, description = "The key", body = ApiKey),
        (status = 400, description = "`QUOTA_LIMITS_EXCEEDED`: above the installation's maximums"),
        (status = 403, description = "`FORBIDDEN`: an auditor sees it only"),
        (status = 404, description = "`NOT_FOUND`: there is no such key that the caller may see"),
        (status = 409, description = "`WRONG_STATE`: it is over, or is a key for services"),
    )
)]
async fn update_api_key(
    call: Call,
    At(ApiKeyRef(id)): At<ApiKeyRef>,
    Json(body): Json<ApiKeyPatch>,
) -> Result<Response, Problem> {
    let patch = body.into_input().parse()?;
    let mut ctx = call.write().await?;
    let key = api_keys::update(&mut ctx, id, &patch).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &ApiKey::from(key))
}

/// Revoke an API key
///
/// Guildhall refuses it at once. It is called `revoked` when LiteLLM refuses it, too; until then it is `revoking`, and
/// asking again asks LiteLLM again.
#[utoipa::path(
    delete,
    path = "/api-keys/{id}",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses(
        (status = 200, description = "It is refused everywhere", body = RevokedKey),
        (status = 202, description = "LiteLLM may still let it in", body = RevokedKey),
        (status = 403, description = "`FORBIDDEN`: an auditor sees it only"),
        (status = 404, description = "`NOT_FOUND`: there is no such key that the caller may see"),
        (status = 409, description = "`WRONG_STATE`: the team of a key for services is archived"),
    )
)]
async fn revoke_api_key(call: Call, At(ApiKeyRef(id)): At<ApiKeyRef>) -> Result<Response, Problem> {
    let key = api_keys::revoke(&call.backend, call.caller, call.info, id).await?;
    let (status, message) = match key.status {
        ApiKeyStatus::Revoking => (
            StatusCode::ACCEPTED,
            Some(format!(
                "LiteLLM has not confirmed it yet and may still let the key in{}. It is tried again until it does.",
                key.sync_error
                    .as_deref()
                    .map(|error| format!(" ({error})"))
                    .unwrap_or_default()
            )),
        ),
        _ => (StatusCode::OK, None),
    };
    let body = RevokedKey {
        id: key.id.0,
        status: key.status,
        message,
    };
    json(status, &body)
}

/// Rotate an API key
///
/// Makes a key with the same settings, owner and team; the old one gets its end when LiteLLM has the new one. Whatever goes
/// wrong leaves the old one as it was.
#[utoipa::path(
    post,
    path = "/api-keys/{id}/rotate",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    request_body = Option<Rotation>,
    responses(
        (
            status = 201,
            description = "The new key with its secret, shown this once",
            body = ReadyKey,
            headers(("cache-control" = String, description = "`no-store`")),
        ),
        (status = 400, description = "`QUOTA_LIMITS_EXCEEDED`: the maximums are lower by now"),
        (status = 403, description = "`FORBIDDEN`: the key's owner has more rights than the caller; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such key that the caller may see"),
        (status = 409, description = "`WRONG_STATE`: the key does not work, or was rotated already; `NAME_TAKEN`: try again"),
        (status = 502, description = "`LITELLM_ERROR`: LiteLLM refuses; the old key goes on working"),
        (status = 503, description = "`LITELLM_UNAVAILABLE`: LiteLLM is away, and the old key goes on working; `NOT_CONFIGURED`: there is no LiteLLM"),
    )
)]
async fn rotate_api_key(
    call: Call,
    At(ApiKeyRef(id)): At<ApiKeyRef>,
    OptionalJson(body): OptionalJson<Rotation>,
) -> Result<Response, Problem> {
    let overlap = Overlap::seconds(body.overlap_seconds)?;
    let (key, secret) = api_keys::rotate(&call.backend, call.caller, call.info, id, overlap, body.expires_at).await?;
    made(Made::Ready(Box::new(key), secret))
}

/// Claim an API key
///
/// Makes a `pending` key, now that LiteLLM is back, and shows it to its owner, once.
#[utoipa::path(
    post,
    path = "/api-keys/{id}/claim",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses(
        (
            status = 201,
            description = "The key with its secret, shown this once",
            body = ReadyKey,
            headers(("cache-control" = String, description = "`no-store`")),
        ),
        (status = 202, description = "LiteLLM is still away", body = WaitingKey),
        (status = 403, description = "`FORBIDDEN`: it is somebody else's"),
        (status = 404, description = "`NOT_FOUND`: there is no such key that the caller may see"),
        (status = 409, description = "`WRONG_STATE`: it is not pending, or is being made at this moment"),
        (status = 502, description = "`LITELLM_ERROR`: LiteLLM refuses; the key stays pending"),
    )
)]
async fn claim_api_key(call: Call, At(ApiKeyRef(id)): At<ApiKeyRef>) -> Result<Response, Problem> {
    made(api_keys::claim(&call.backend, call.caller, call.info, id).await?)
}

/// Reveal an API key
///
/// Keys are not kept, so none can be shown again: rotate it to get another.
#[utoipa::path(
    post,
    path = "/api-keys/{id}/reveal",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses(
        (status = 404, description = "`NOT_FOUND`: there is no such key that the caller may see"),
        (status = 410, description = "`KEY_NOT_KEPT`: always"),
    )
)]
async fn reveal_api_key(call: Call, At(ApiKeyRef(id)): At<ApiKeyRef>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = api_keys::get(&mut ctx, id).await?;
    let refusal = Error::refused(
        Code::KeyNotKept,
        format!(
            "Key '{}' was shown once and is not kept. POST /api/v1/api-keys/{id}/rotate gives another in its place.",
            page.key.name
        ),
    );
    Ok(Problem::from(refusal).into_response())
}

/// Start an API key's spending anew
///
/// For admins of the key's team.
#[utoipa::path(
    post,
    path = "/api-keys/{id}/reset-spend",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses(
        (status = 200, description = "The key", body = ApiKey),
        (status = 403, description = "`FORBIDDEN`: not even for one's own key"),
        (status = 404, description = "`NOT_FOUND`: there is no such key that the caller may see"),
        (status = 409, description = "`WRONG_STATE`: LiteLLM has no such key"),
        (status = 502, description = "`LITELLM_ERROR`: LiteLLM refuses"),
        (status = 503, description = "`LITELLM_UNAVAILABLE`: LiteLLM is away; `NOT_CONFIGURED`: there is no LiteLLM"),
    )
)]
async fn reset_api_key_spend(call: Call, At(ApiKeyRef(id)): At<ApiKeyRef>) -> Result<Response, Problem> {
    let key = api_keys::reset_spend(&call.backend, call.caller, call.info, id).await?;
    json(StatusCode::OK, &ApiKey::from(key))
}
