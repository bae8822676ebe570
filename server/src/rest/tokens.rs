//! `/api/v1/auth/tokens`: personal access tokens of the caller.

use axum::response::{IntoResponse, Response};
use backend::tokens;
use chrono::{DateTime, Utc};
use domain::{TokenId, TokenName, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, present},
    call::{At, Call, json, secret_json},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(revoke_token))
}

/// A personal access token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct Token {
    id: Uuid,
    #[schema(example = "laptop")]
    name: String,
    /// The first characters of the secret.
    #[schema(example = "guildhall_pat_Ab3x")]
    prefix: String,
    created_at: DateTime<Utc>,
    /// When it ends; null is never.
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, about.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<views::Token> for Token {
    fn from(token: views::Token) -> Self {
        Self {
            id: token.id.0,
            name: token.name,
            prefix: token.prefix,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A new token with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct CreatedToken<'a> {
    /// The secret: what goes after `Authorization: Bearer`.
    #[schema(example = "guildhall_pat_Ab3x…")]
    token: &'a str,
    #[serde(flatten)]
    about: Token,
}

/// The caller's tokens that are not revoked, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct TokenList {
    tokens: Vec<Token>,
    #[schema(example = 1)]
    total: usize,
}

/// A new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "laptop"}))]
struct NewToken {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// When it ends; in 90 days unless said otherwise, null for never. Asked for by a token, at its end at the latest.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Option<DateTime<Utc>>>,
}

/// List my access tokens
#[utoipa::path(
    get,
    path = "/auth/tokens",
    tag = "Tokens",
    responses((status = 200, description = "The tokens", body = TokenList))
)]
async fn list_tokens(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let tokens: Vec<_> = tokens::list(&mut ctx).await?.into_iter().map(Token::from).collect();
    json(
        StatusCode::OK,
        &TokenList {
            total: tokens.len(),
            tokens,
        },
    )
}

/// Create an access token
///
/// A token makes none that outlives it: what would have no end, or the usual one, ends with it.
#[utoipa::path(
    post,
    path = "/auth/tokens",
    tag = "Tokens",
    request_body = NewToken,
    responses((
        status = 201,
        description = "The token with its secret, shown this once",
        body = CreatedToken,
        headers(("cache-control" = String, description = "`no-store`")),
    ))
)]
async fn create_token(call: Call, Json(body): Json<NewToken>) -> Result<Response, Problem> {
    let name = TokenName::parse(&body.name)?;
    let mut ctx = call.write().await?;
    let owner = ctx.person()?.id;
    let expires_at = body.expires_at.unwrap_or_else(|| Some(tokens::default_end(&ctx)));
    let (token, secret) = tokens::create(&mut ctx, owner, &name, expires_at).await?;
    ctx.commit().await?;
    secret_json(
        StatusCode::CREATED,
        &CreatedToken {
            token: secret.reveal(),
            about: token.into(),
        },
    )
}

/// Revoke an access token
///
/// At once and everywhere.
#[utoipa::path(
    delete,
    path = "/auth/tokens/{id}",
    tag = "Tokens",
    params(("id" = Uuid, Path, description = "The token's id")),
    responses(
        (status = 204, description = "The token is revoked"),
        (status = 404, description = "`NOT_FOUND`: the caller has no such token"),
    )
)]
async fn revoke_token(call: Call, At(id): At<TokenId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    tokens::revoke(&mut ctx, id).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
