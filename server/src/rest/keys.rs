//! `/api/v1/admin/teams/{id}/projects/{project_id}/keys` (SPEC D8).

use axum::response::{IntoResponse, Response};
use backend::keys::{self, NewKey, Overlap};
use chrono::{DateTime, Utc};
use domain::{Fields, KeyId, KeyName, KeyState, ProjectId, TeamId, UserRef, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, OptionalJson, present},
    call::{At, Call, json, secret_json},
    query::{QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

/// Keys on a page unless said otherwise.
const PAGE: i64 = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_keys, create_key))
        .routes(routes!(revoke_key))
        .routes(routes!(rotate_key))
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct Key {
    id: Uuid,
    team_id: Uuid,
    project_id: Option<Uuid>,
    #[schema(example = "ci")]
    name: String,
    /// The first characters of the secret.
    #[serde(rename = "key_prefix")]
    #[schema(example = "sk-Ab3xY9_q")]
    prefix: String,
    /// Whose it is: it ends with this person's membership.
    owner_id: Uuid,
    #[schema(example = "user@example.com")]
    owner: String,
    /// What it is worth now. `replaced`: rotated, and works until `expires_at`. `suspended`: its owner has no access to
    /// the project, or the team is not active.
    #[schema(value_type = State)]
    state: KeyState,
    created_at: DateTime<Utc>,
    /// Email of who made it.
    created_by: Option<String>,
    /// When it ends; null is never.
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, about.
    last_used_at: Option<DateTime<Utc>>,
    /// The key that has taken its place.
    replaced_by: Option<Uuid>,
}

/// What a key is worth.
#[derive(ToSchema)]
#[schema(as = KeyState, rename_all = "lowercase")]
#[expect(dead_code, reason = "the schema of domain::KeyState, which knows nothing of OpenAPI")]
enum State {
    Active,
    Replaced,
    Suspended,
    Expired,
}

impl From<views::Key> for Key {
    fn from(key: views::Key) -> Self {
        Self {
            id: key.id.0,
            team_id: key.team_id.0,
            project_id: key.project_id.map(Uuid::from),
            name: key.name,
            prefix: key.prefix,
            owner_id: key.owner_id.0,
            owner: key.owner,
            state: key.state,
            created_at: key.created_at,
            created_by: key.created_by,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            replaced_by: key.replaced_by.map(Uuid::from),
        }
    }
}

/// A new key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct CreatedKey<'a> {
    /// The secret: what goes after `Authorization: Bearer`.
    #[schema(example = "sk-Ab3xY9_q…")]
    key: &'a str,
    #[serde(flatten)]
    about: Key,
}

/// One page of a project's keys that are not revoked, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct KeyList {
    project_id: Uuid,
    #[schema(example = "Billing API")]
    project_name: String,
    keys: Vec<Key>,
    /// How many there are on all pages.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Rows on a page; 100 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ci"}))]
struct NewKeyBody {
    /// Unique among the project's keys, without regard to case.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// When it ends; never unless said otherwise.
    expires_at: Option<DateTime<Utc>>,
    /// UUID or email address of whose it shall be: someone with access to the project who has no more rights than the
    /// caller. The caller's own unless said otherwise.
    owner: Option<String>,
}

/// How to rotate a key.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_seconds": 3600}))]
struct Rotation {
    /// How long the old key works beside the new one; a day unless said otherwise.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap_seconds: Option<i64>,
    /// When the new key ends, null for never; it lives as long as the old one did unless said otherwise.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Option<DateTime<Utc>>>,
}

/// List a project's keys
///
/// Admins of the team or the project see all, members their own. Revoked keys are not listed.
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/projects/{project_id}/keys",
    tag = "Keys",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
        ListParams,
    ),
    responses(
        (status = 200, description = "One page of keys", body = KeyList),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member of the team; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or project, or the caller is not assigned to it"),
    )
)]
async fn list_keys(
    call: Call,
    At((team, project)): At<(TeamId, ProjectId)>,
    QueryString(params): QueryString<ListParams>,
) -> Result<Response, Problem> {
    let limit = limit(params.limit, PAGE)?;
    let mut ctx = call.read().await?;
    let (page, keys) = keys::list(&mut ctx, team, project, params.cursor.as_deref(), limit).await?;
    let list = KeyList {
        project_id: page.project.id.0,
        project_name: page.project.name,
        keys: keys.items.into_iter().map(Key::from).collect(),
        total: keys.total,
        next_cursor: keys.next,
    };
    json(StatusCode::OK, &list)
}

/// Create a key
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/projects/{project_id}/keys",
    tag = "Keys",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
    ),
    request_body = NewKeyBody,
    responses(
        (
            status = 201,
            description = "The key with its secret, shown this once",
            body = CreatedKey,
            headers(("cache-control" = String, description = "`no-store`")),
        ),
        (status = 403, description = "`FORBIDDEN`: only admins of the team or the project make keys for others, and for nobody with more rights; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or project; the owner is not a member of the team; the caller is not assigned to the project"),
        (status = 409, description = "`NAME_TAKEN`: a key of the project has this name; `WRONG_STATE`: the team is archived, or the project has as many keys as it can"),
    )
)]
async fn create_key(
    call: Call,
    At((team, project)): At<(TeamId, ProjectId)>,
    Json(body): Json<NewKeyBody>,
) -> Result<Response, Problem> {
    let mut fields = Fields::new();
    let name = fields.take(KeyName::parse(&body.name));
    let owner = body.owner.as_deref().map(|owner| UserRef::parse("owner", owner));
    let owner = fields.take(owner.transpose());
    let (name, owner) = fields.with(name.zip(owner))?;
    let new = NewKey {
        name,
        expires_at: body.expires_at,
        owner,
    };
    let mut ctx = call.write().await?;
    let (key, secret) = keys::create(&mut ctx, team, project, &new).await?;
    ctx.commit().await?;
    let created = CreatedKey {
        key: secret.reveal(),
        about: key.into(),
    };
    secret_json(StatusCode::CREATED, &created)
}

/// Revoke a key
///
/// At once and everywhere. Owners may always revoke their own.
#[utoipa::path(
    delete,
    path = "/admin/teams/{id}/projects/{project_id}/keys/{key_id}",
    tag = "Keys",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
        ("key_id" = Uuid, Path, description = "The key's id"),
    ),
    responses(
        (status = 204, description = "The key is revoked"),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member of the team; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team, project or key that the caller may see"),
        (status = 409, description = "`WRONG_STATE`: the team is archived"),
    )
)]
async fn revoke_key(call: Call, At((team, project, key)): At<(TeamId, ProjectId, KeyId)>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    keys::revoke(&mut ctx, team, project, key).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Rotate a key
///
/// Makes a new key of the same name and owner, which works at once; the old one works until the overlap is over.
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/projects/{project_id}/keys/{key_id}/rotate",
    tag = "Keys",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
        ("key_id" = Uuid, Path, description = "The key's id"),
    ),
    request_body = Option<Rotation>,
    responses(
        (
            status = 201,
            description = "The new key with its secret, shown this once",
            body = CreatedKey,
            headers(("cache-control" = String, description = "`no-store`")),
        ),
        (status = 403, description = "`FORBIDDEN`: the key's owner has more rights than the caller; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team, project or key that the caller may see"),
        (status = 409, description = "`WRONG_STATE`: the key was rotated already or has expired, or the team is archived"),
    )
)]
async fn rotate_key(
    call: Call,
    At((team, project, key)): At<(TeamId, ProjectId, KeyId)>,
    OptionalJson(body): OptionalJson<Rotation>,
) -> Result<Response, Problem> {
    let overlap = Overlap::seconds(body.overlap_seconds)?;
    let mut ctx = call.write().await?;
    let (key, secret) = keys::rotate(&mut ctx, team, project, key, overlap, body.expires_at).await?;
    ctx.commit().await?;
    let created = CreatedKey {
        key: secret.reveal(),
        about: key.into(),
    };
    secret_json(StatusCode::CREATED, &created)
}
