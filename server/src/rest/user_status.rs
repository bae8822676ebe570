//! `POST /api/v1/admin/users/{id}/deactivate` and its like (SPEC B26).

use axum::response::{IntoResponse, Response};
use backend::users;
use domain::{Comment, UserRef};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{Json, OptionalJson},
    call::{Account, At, Call, json},
    query::QueryString,
    user_body::{Deactivation, UserPage},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(deactivate_user))
        .routes(routes!(activate_user))
        .routes(routes!(delete_user))
}

/// Why an account is deactivated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"comment": "Has left the company", "dry_run": true}))]
struct Deactivate {
    /// Shown with the account and in the audit log; may be left out of a dry run.
    #[schema(min_length = 10, max_length = 500)]
    comment: Option<String>,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Why an account is deactivated.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"comment": "Has left the company"}))]
struct Delete {
    #[schema(min_length = 10, max_length = 500)]
    comment: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeleteParams {
    /// For clients that cannot send a body with DELETE.
    #[param(nullable = false, min_length = 10, max_length = 500)]
    comment: Option<String>,
}

/// A comment that has to be there.
fn comment(text: Option<&str>) -> Result<Comment, Problem> {
    Ok(Comment::parse(text.unwrap_or_default())?)
}

/// Deactivate an account, or see what that would do
///
/// Ends the person's sessions and revokes their access tokens at once; their API keys stop working. Memberships and
/// runners stay. A team may be left without an admin: the answer says which.
#[utoipa::path(
    post,
    path = "/admin/users/{id}/deactivate",
    tag = "Users",
    params(("id" = String, Path, description = "The person's UUID or email address")),
    request_body = Deactivate,
    responses(
        (status = 200, description = "The account as it is now, and what happened or would", body = Deactivation),
        (status = 400, description = "`LAST_ACTIVE_ADMIN`: `Cannot deactivate the last active admin user. At least one admin must remain active.`"),
        (status = 403, description = "`FORBIDDEN`: only super admins deactivate accounts"),
        (status = 404, description = "`NOT_FOUND`: there is no such person"),
        (status = 409, description = "`WRONG_STATE`: `User <email> is already deactivated`"),
    )
)]
async fn deactivate_user(
    call: Call,
    At(Account(user)): At<Account>,
    Json(body): Json<Deactivate>,
) -> Result<Response, Problem> {
    let dry_run = body.dry_run;
    let comment = match (&body.comment, dry_run) {
        (None, true) => None,
        (text, _) => Some(comment(text.as_deref())?),
    };
    let (page, effects) = match comment.filter(|_| !dry_run) {
        Some(comment) => deactivate(call, &user, &comment).await?,
        None => {
            let mut ctx = call.read().await?;
            let effects = users::preview_deactivation(&mut ctx, &user).await?;
            (users::get(&mut ctx, &user).await?, effects)
        }
    };
    json(StatusCode::OK, &Deactivation::new(page.account, effects, dry_run))
}

async fn deactivate(
    call: Call,
    user: &UserRef,
    comment: &Comment,
) -> Result<(domain::views::AccountPage, domain::views::DeactivationEffects), Problem> {
    let mut ctx = call.write().await?;
    let done = users::deactivate(&mut ctx, user, comment).await?;
    ctx.commit().await?;
    Ok(done)
}

/// Bring an account back
///
/// Its tokens stay revoked; its person signs in anew.
#[utoipa::path(
    post,
    path = "/admin/users/{id}/activate",
    tag = "Users",
    params(("id" = String, Path, description = "The person's UUID or email address")),
    responses(
        (status = 200, description = "The account as it is now", body = UserPage),
        (status = 403, description = "`FORBIDDEN`: only super admins activate accounts"),
        (status = 404, description = "`NOT_FOUND`: there is no such person"),
        (status = 409, description = "`WRONG_STATE`: `User <email> is already active`"),
    )
)]
async fn activate_user(call: Call, At(Account(user)): At<Account>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let page = users::activate(&mut ctx, &user).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &UserPage::from(page))
}

/// Deactivate an account, by its other method
///
/// Nothing is deleted: the account is deactivated, as by `…/deactivate`, and can be brought back. The comment is sent
/// in the body or in the query string.
#[utoipa::path(
    delete,
    path = "/admin/users/{id}",
    tag = "Users",
    params(("id" = String, Path, description = "The person's UUID or email address"), DeleteParams),
    request_body = Option<Delete>,
    responses(
        (status = 204, description = "The account is deactivated"),
        (status = 400, description = "`LAST_ACTIVE_ADMIN`: `Cannot deactivate the last active admin user. At least one admin must remain active.`"),
        (status = 403, description = "`FORBIDDEN`: only super admins deactivate accounts"),
        (status = 404, description = "`NOT_FOUND`: there is no such person"),
        (status = 409, description = "`WRONG_STATE`: `User <email> is already deactivated`"),
    )
)]
async fn delete_user(
    call: Call,
    At(Account(user)): At<Account>,
    QueryString(params): QueryString<DeleteParams>,
    OptionalJson(body): OptionalJson<Delete>,
) -> Result<Response, Problem> {
    let comment = comment(body.comment.or(params.comment).as_deref())?;
    deactivate(call, &user, &comment).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
