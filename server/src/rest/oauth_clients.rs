//! `/api/v1/admin/oauth-clients`: programs that provision runners for a team (SPEC B27).

use axum::response::{IntoResponse, Response};
use backend::machines::{self, MachinePatchInput, MachineQuery, NewMachineInput};
use chrono::{DateTime, Utc};
use domain::{MachineClientId, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, present},
    call::{At, Call, json},
    query::{QueryString, limit, offset},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_oauth_clients, create_oauth_client))
        .routes(routes!(get_oauth_client, update_oauth_client, delete_oauth_client))
}

/// How many machine clients a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 50;

/// A program that provisions runners for one team.
#[derive(Debug, Serialize, ToSchema)]
struct OAuthClient {
    id: Uuid,
    /// The subject (`sub`) of its JWTs.
    #[schema(example = "ci-backend@clients")]
    client_id: String,
    #[schema(example = "Backend CI")]
    name: String,
    description: Option<String>,
    team_id: Uuid,
    #[schema(example = "Backend Team")]
    team_name: String,
    /// Whether it may act. At most one of a team's is active.
    is_active: bool,
    /// Runners of its that are not deleted.
    live_runners: i64,
    created_at: DateTime<Utc>,
    /// Email of who registered it.
    created_by: Option<String>,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<views::MachineClient> for OAuthClient {
    fn from(client: views::MachineClient) -> Self {
        Self {
            id: client.id.0,
            client_id: client.subject,
            name: client.name,
            description: client.description,
            team_id: client.team_id.0,
            team_name: client.team_name,
            is_active: client.is_active,
            live_runners: client.live_runners,
            created_at: client.created_at,
            created_by: client.created_by,
            last_used_at: client.last_used_at,
        }
    }
}

/// One page of machine clients, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct OAuthClientList {
    clients: Vec<OAuthClient>,
    /// How many all pages hold together.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only this team's.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Only those that may act, or only those that may not.
    #[param(nullable = false)]
    is_active: Option<bool>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Rows to skip. `cursor` costs the same on every page; this does not.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A program to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"client_id": "ci-backend@clients", "name": "Backend CI", "team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e"}))]
struct NewOAuthClient {
    /// The subject (`sub`) of its JWTs, exactly as the OpenID provider writes it.
    #[schema(min_length = 1, max_length = 255)]
    client_id: String,
    /// The `client_id` unless given.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// The one team that it acts for.
    #[schema(value_type = Uuid)]
    team_id: String,
}

/// Changes: a field that is left out stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"is_active": false}))]
struct OAuthClientPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Option<Option<String>>,
    /// A disabled one is refused from its next request on.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    is_active: Option<bool>,
}

/// List machine clients
///
/// Those of the organizations that the caller administers or audits; all of them for super admins and auditors.
#[utoipa::path(
    get,
    path = "/admin/oauth-clients",
    tag = "Machine clients",
    params(ListParams),
    responses(
        (status = 200, description = "One page of machine clients", body = OAuthClientList),
        (status = 403, description = "`FORBIDDEN`: the caller administers and audits no organization"),
    )
)]
async fn list_oauth_clients(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = MachineQuery {
        team: params.team_id.map(Into::into),
        active: params.is_active,
        cursor: params.cursor,
        offset: offset(params.offset)?,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let page = machines::list(&mut ctx, &query).await?;
    let list = OAuthClientList {
        clients: page.items.into_iter().map(OAuthClient::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// Register a machine client
///
/// A program that the OpenID provider gives tokens to by the client credentials grant. With such a token it provisions,
/// sees and deletes runners of its team, and does nothing else.
#[utoipa::path(
    post,
    path = "/admin/oauth-clients",
    tag = "Machine clients",
    request_body = NewOAuthClient,
    responses(
        (status = 201, description = "The machine client", body = OAuthClient),
        (status = 403, description = "`FORBIDDEN`: only admins of the team's organization register machine clients"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`NAME_TAKEN`: the client is registered already; `WRONG_STATE`: the team has another active one, or is not active"),
    )
)]
async fn create_oauth_client(call: Call, Json(body): Json<NewOAuthClient>) -> Result<Response, Problem> {
    let input = NewMachineInput {
        client_id: body.client_id,
        name: body.name,
        description: body.description,
        team_id: body.team_id,
    };
    let new = input.parse()?;
    let mut ctx = call.write().await?;
    let client = machines::create(&mut ctx, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &OAuthClient::from(client))
}

/// Show a machine client
#[utoipa::path(
    get,
    path = "/admin/oauth-clients/{id}",
    tag = "Machine clients",
    params(("id" = Uuid, Path, description = "The machine client's id")),
    responses(
        (status = 200, description = "The machine client", body = OAuthClient),
        (status = 403, description = "`FORBIDDEN`: the caller administers and audits no organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such machine client, or the caller may not see it"),
    )
)]
async fn get_oauth_client(call: Call, At(id): At<MachineClientId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let client = machines::get(&mut ctx, id).await?;
    json(StatusCode::OK, &OAuthClient::from(client))
}

/// Change, disable or enable a machine client
#[utoipa::path(
    patch,
    path = "/admin/oauth-clients/{id}",
    tag = "Machine clients",
    params(("id" = Uuid, Path, description = "The machine client's id")),
    request_body = OAuthClientPatch,
    responses(
        (status = 200, description = "The machine client", body = OAuthClient),
        (status = 403, description = "`FORBIDDEN`: only admins of the team's organization change it"),
        (status = 404, description = "`NOT_FOUND`: there is no such machine client, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: the team has another active one"),
    )
)]
async fn update_oauth_client(
    call: Call,
    At(id): At<MachineClientId>,
    Json(body): Json<OAuthClientPatch>,
) -> Result<Response, Problem> {
    let input = MachinePatchInput {
        name: body.name,
        description: body.description,
        is_active: body.is_active,
    };
    let patch = input.parse()?;
    let mut ctx = call.write().await?;
    let client = machines::update(&mut ctx, id, patch).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &OAuthClient::from(client))
}

/// Remove a machine client
///
/// Its runners stay until they end, and keep its name.
#[utoipa::path(
    delete,
    path = "/admin/oauth-clients/{id}",
    tag = "Machine clients",
    params(("id" = Uuid, Path, description = "The machine client's id")),
    responses(
        (status = 204, description = "It is removed"),
        (status = 403, description = "`FORBIDDEN`: only admins of the team's organization remove it"),
        (status = 404, description = "`NOT_FOUND`: there is no such machine client, or the caller may not see it"),
    )
)]
async fn delete_oauth_client(call: Call, At(id): At<MachineClientId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    machines::delete(&mut ctx, id).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
