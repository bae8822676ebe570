//! `/api/v1/admin/organizations/{id}/scim-tokens`: by what an organization's directory calls `/scim/v2`.

use axum::{
    extract::RawPathParams,
    response::{IntoResponse, Response},
};
use backend::{Error, organizations::OrganizationKey, scim};
use chrono::{DateTime, Utc};
use domain::{TokenId, TokenName};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    problem::Problem,
    rest::{
        body::Json,
        call::{At, Call, PathPart, json, secret_json, shown, text},
    },
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_scim_tokens, create_scim_token))
        .routes(routes!(revoke_scim_token))
}

/// A token in a path.
struct Named(TokenId);

impl PathPart for Named {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "token_id");
        id.parse()
            .map(Self)
            .map_err(|_| Error::not_found("SCIM token", shown(id)).into())
    }
}

/// A token of an organization's directory, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct ScimToken {
    id: Uuid,
    #[schema(example = "Entra ID")]
    name: String,
    /// The first characters of the secret.
    #[schema(example = "ghscim_Ab3x")]
    prefix: String,
    created_at: DateTime<Utc>,
    /// Email of who created it.
    created_by: Option<String>,
    /// When it ends; null is never.
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<scim::Token> for ScimToken {
    fn from(token: scim::Token) -> Self {
        Self {
            id: token.id.0,
            name: token.name,
            prefix: token.prefix,
            created_at: token.created_at,
            created_by: token.created_by,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A new token with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct CreatedScimToken<'a> {
    /// The secret: what the directory sends after `Authorization: Bearer`.
    #[schema(example = "ghscim_Ab3x…")]
    token: &'a str,
    #[serde(flatten)]
    about: ScimToken,
}

/// An organization's tokens that are not revoked, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct ScimTokenList {
    tokens: Vec<ScimToken>,
    #[schema(example = 1)]
    total: usize,
}

/// A new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Entra ID"}))]
struct NewScimToken {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// When it ends; never unless said otherwise.
    expires_at: Option<DateTime<Utc>>,
}

/// List the SCIM tokens of an organization
#[utoipa::path(
    get,
    path = "/admin/organizations/{id}/scim-tokens",
    tag = "Organizations",
    params(("id" = String, Path, description = "The organization's id or slug")),
    responses(
        (status = 200, description = "The tokens", body = ScimTokenList),
        (status = 403, description = "`FORBIDDEN`: the caller neither administers nor audits the organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
    )
)]
async fn list_scim_tokens(call: Call, At(key): At<OrganizationKey>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let tokens = scim::list_tokens(&mut ctx, &key).await?;
    let list = ScimTokenList {
        total: tokens.len(),
        tokens: tokens.into_iter().map(ScimToken::from).collect(),
    };
    json(StatusCode::OK, &list)
}

/// Create a SCIM token of an organization
///
/// With it the organization's directory sends people and groups to `/scim/v2`, and reaches nothing else.
#[utoipa::path(
    post,
    path = "/admin/organizations/{id}/scim-tokens",
    tag = "Organizations",
    params(("id" = String, Path, description = "The organization's id or slug")),
    request_body = NewScimToken,
    responses(
        (
            status = 201,
            description = "The token with its secret, shown this once",
            body = CreatedScimToken,
            headers(("cache-control" = String, description = "`no-store`")),
        ),
        (status = 403, description = "`FORBIDDEN`: only admins connect a directory"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
        (status = 409, description = "`WRONG_STATE`: the default organization has no people of its own"),
    )
)]
async fn create_scim_token(
    call: Call,
    At(key): At<OrganizationKey>,
    Json(body): Json<NewScimToken>,
) -> Result<Response, Problem> {
    let name = TokenName::parse(&body.name)?;
    let mut ctx = call.write().await?;
    let (token, secret) = scim::create_token(&mut ctx, &key, &name, body.expires_at).await?;
    ctx.commit().await?;
    let created = CreatedScimToken {
        token: secret.reveal(),
        about: token.into(),
    };
    secret_json(StatusCode::CREATED, &created)
}

/// Revoke a SCIM token
///
/// At once and everywhere. People and groups that came by it stay.
#[utoipa::path(
    delete,
    path = "/admin/organizations/{id}/scim-tokens/{token_id}",
    tag = "Organizations",
    params(
        ("id" = String, Path, description = "The organization's id or slug"),
        ("token_id" = Uuid, Path, description = "The token's id"),
    ),
    responses(
        (status = 204, description = "The token is revoked"),
        (status = 403, description = "`FORBIDDEN`: only admins connect a directory"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization or token"),
        (status = 409, description = "`WRONG_STATE`: the default organization has no people of its own"),
    )
)]
async fn revoke_scim_token(call: Call, At((key, token)): At<(OrganizationKey, Named)>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    scim::revoke_token(&mut ctx, &key, token.0).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
