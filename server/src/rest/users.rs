//! `/api/v1/admin/users` and `/api/v1/admin/users/{id}` (SPEC B26).

use axum::response::Response;
use backend::{
    teams::Order,
    users::{self, AccountPatchInput, AccountQuery, NewAccountInput},
};
use http::StatusCode;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Json,
    call::{Account, At, Call, json, sized_json},
    query::{QueryString, limit, offset},
    user_body::{NewUser, UserList, UserPage, UserPatch},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_user, update_user, replace_user))
}

/// How many people a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 100;
/// About what one person takes in JSON, in bytes.
const USER_SIZE: usize = 480;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Part of an email address or name.
    #[param(nullable = false)]
    search: Option<String>,
    /// Only active people, or only deactivated ones.
    #[param(nullable = false)]
    is_active: Option<bool>,
    /// Only super admins, or only others.
    #[param(nullable = false)]
    is_admin: Option<bool>,
    /// Only auditors of the installation, or only others.
    #[param(nullable = false)]
    is_auditor: Option<bool>,
    /// Which end of the order by email comes first; `a` unless said otherwise.
    #[param(nullable = false, inline)]
    order: Option<SortOrder>,
    /// Rows on a page; 100 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Rows to skip. `cursor` costs the same on every page; this does not.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortOrder {
    Asc,
    Desc,
}

impl ListParams {
    fn query(self) -> Result<AccountQuery, Problem> {
        Ok(AccountQuery {
            search: self.search,
            active: self.is_active,
            super_admin: self.is_admin,
            auditor: self.is_auditor,
            order: match self.order {
                None | Some(SortOrder::Asc) => Order::Ascending,
                Some(SortOrder::Desc) => Order::Descending,
            },
            cursor: self.cursor,
            offset: offset(self.offset)?,
            limit: limit(self.limit, DEFAULT_LIMIT)?,
        })
    }
}

/// List people
///
/// Everybody for super admins and auditors; for org_admins and the auditors of an organization its people, with what
/// they are there.
#[utoipa::path(
    get,
    path = "/admin/users",
    tag = "Users",
    params(ListParams),
    responses(
        (status = 200, description = "One page of people, active and deactivated", body = UserList),
        (status = 403, description = "`FORBIDDEN`: only admins and auditors see people's accounts"),
    )
)]
async fn list_users(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = params.query()?;
    let mut ctx = call.read().await?;
    let page = users::list(&mut ctx, &query).await?;
    // The connection goes back before the JSON is written.
    drop(ctx);
    let list = UserList::from(page);
    sized_json(StatusCode::OK, &list, list.users.len() * USER_SIZE + 128)
}

/// Create an account
///
/// Whoever signs in with this email address, verified by the OpenID provider, is its person.
#[utoipa::path(
    post,
    path = "/admin/users",
    tag = "Users",
    request_body = NewUser,
    responses(
        (status = 201, description = "The account", body = UserPage),
        (status = 400, description = "`FOREIGN_EMAIL_DOMAIN`: the organization does not take in this address"),
        (status = 403, description = "`FORBIDDEN`: only super admins create accounts"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
        (status = 409, description = "`NAME_TAKEN`: `User <email> already exists`"),
    )
)]
async fn create_user(call: Call, Json(body): Json<NewUser>) -> Result<Response, Problem> {
    let new = NewAccountInput::from(body).parse()?;
    let mut ctx = call.write().await?;
    let page = users::create(&mut ctx, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &UserPage::from(page))
}

/// Read an account
#[utoipa::path(
    get,
    path = "/admin/users/{id}",
    tag = "Users",
    params(("id" = String, Path, description = "The person's UUID or email address")),
    responses(
        (status = 200, description = "The account", body = UserPage),
        (status = 403, description = "`FORBIDDEN`: only admins and auditors see people's accounts"),
        (status = 404, description = "`NOT_FOUND`: there is no such person in the caller's organizations"),
    )
)]
async fn get_user(call: Call, At(Account(user)): At<Account>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = users::get(&mut ctx, &user).await?;
    drop(ctx);
    json(StatusCode::OK, &UserPage::from(page))
}

/// Change an account
///
/// What is left out stays. To deactivate it, see `…/deactivate`.
#[utoipa::path(
    patch,
    path = "/admin/users/{id}",
    tag = "Users",
    params(("id" = String, Path, description = "The person's UUID or email address")),
    request_body = UserPatch,
    responses(
        (status = 200, description = "The account as it is now", body = UserPage),
        (status = 400, description = "`LAST_ACTIVE_ADMIN`: no active super admin would be left"),
        (status = 403, description = "`FORBIDDEN`: only super admins change accounts"),
        (status = 404, description = "`NOT_FOUND`: there is no such person"),
        (status = 409, description = "`WRONG_STATE`: no right in the whole installation while the address was never verified"),
    )
)]
async fn update_user(
    call: Call,
    At(Account(user)): At<Account>,
    Json(body): Json<UserPatch>,
) -> Result<Response, Problem> {
    let patch = AccountPatchInput::from(body).parse()?;
    let mut ctx = call.write().await?;
    let page = users::update(&mut ctx, &user, patch).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &UserPage::from(page))
}

/// Change an account, by its other method
///
/// Does what PATCH does: what is left out stays.
#[utoipa::path(
    put,
    path = "/admin/users/{id}",
    tag = "Users",
    params(("id" = String, Path, description = "The person's UUID or email address")),
    request_body = UserPatch,
    responses(
        (status = 200, description = "The account as it is now", body = UserPage),
        (status = 400, description = "`LAST_ACTIVE_ADMIN`: no active super admin would be left"),
        (status = 403, description = "`FORBIDDEN`: only super admins change accounts"),
        (status = 404, description = "`NOT_FOUND`: there is no such person"),
        (status = 409, description = "`WRONG_STATE`: no right in the whole installation while the address was never verified"),
    )
)]
async fn replace_user(call: Call, at: At<Account>, body: Json<UserPatch>) -> Result<Response, Problem> {
    update_user(call, at, body).await
}
