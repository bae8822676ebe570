//! `/api/v1/admin/label-policies`, and `GET /api/v1/auth/my-label-policy` (SPEC B17).

use axum::{extract::RawPathParams, response::Response};
use backend::{
    Code,
    label_policies::{self, MigrationInput, NewPolicyInput, PolicyQuery},
};
use domain::UserRef;
use http::StatusCode;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Json,
    call::{At, Call, PathPart, json, shown, sized_json, text},
    label_policy_body::{LabelPolicy, LabelPolicyList, Migration, NewLabelPolicy, NewMigration, SuggestionList},
    query::{QueryString, limit, offset},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_policies, set_policy))
        .routes(routes!(suggest_teams))
        .routes(routes!(migrate_policies))
        .routes(routes!(get_policy, delete_policy))
        .routes(routes!(get_my_policy))
}

/// How many policies a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 100;
/// About what one policy takes in JSON, in bytes.
const POLICY_SIZE: usize = 600;

/// The person whom a path names by UUID or email address.
struct Holder(UserRef);

impl PathPart for Holder {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let identity = text(params, "user_identity");
        UserRef::parse("user_identity", identity)
            .map(Self)
            .map_err(|_| Problem::new(Code::NotFound, format!("No policy found for user: {}", shown(identity))))
    }
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Part of an email address or name, or of a label or pattern.
    #[param(nullable = false)]
    search: Option<String>,
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

/// List label policies
///
/// Everybody's for super admins and auditors; for org_admins and the auditors of an organization those of its people.
#[utoipa::path(
    get,
    path = "/admin/label-policies",
    tag = "Label policies",
    params(ListParams),
    responses(
        (status = 200, description = "One page of label policies, by email", body = LabelPolicyList),
        (status = 403, description = "`FORBIDDEN`: only admins and auditors see people's label policies"),
    )
)]
async fn list_policies(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = PolicyQuery {
        search: params.search,
        cursor: params.cursor,
        offset: offset(params.offset)?,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let page = label_policies::list(&mut ctx, &query).await?;
    drop(ctx);
    let list = LabelPolicyList::from(page);
    sized_json(StatusCode::OK, &list, list.policies.len() * POLICY_SIZE + 128)
}

/// Give somebody a label policy
///
/// In place of the one they have: what is left out is empty. It counts while the person is in no active team.
#[utoipa::path(
    post,
    path = "/admin/label-policies",
    tag = "Label policies",
    request_body = NewLabelPolicy,
    responses(
        (status = 201, description = "The policy as it is now, new or changed", body = LabelPolicy),
        (status = 403, description = "`FORBIDDEN`: only super admins and org_admins write label policies"),
        (status = 404, description = "`NOT_FOUND`: `User not found: <id>`, also of people in other organizations"),
    )
)]
async fn set_policy(call: Call, Json(body): Json<NewLabelPolicy>) -> Result<Response, Problem> {
    let new = NewPolicyInput::from(body).parse()?;
    let mut ctx = call.write().await?;
    let policy = label_policies::set(&mut ctx, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &LabelPolicy::from(policy))
}

/// Read somebody's label policy
#[utoipa::path(
    get,
    path = "/admin/label-policies/{user_identity}",
    tag = "Label policies",
    params(("user_identity" = String, Path, description = "The person's UUID or email address")),
    responses(
        (status = 200, description = "The policy", body = LabelPolicy),
        (status = 403, description = "`FORBIDDEN`: only admins and auditors see people's label policies"),
        (status = 404, description = "`NOT_FOUND`: `No policy found for user: <u>`, also of people in other organizations"),
    )
)]
async fn get_policy(call: Call, At(Holder(user)): At<Holder>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let policy = label_policies::get(&mut ctx, &user).await?;
    drop(ctx);
    json(StatusCode::OK, &LabelPolicy::from(policy))
}

/// Remove somebody's label policy
///
/// Their runners stay. In no team and without a policy, nobody provisions, unless the installation allows it.
#[utoipa::path(
    delete,
    path = "/admin/label-policies/{user_identity}",
    tag = "Label policies",
    params(("user_identity" = String, Path, description = "The person's UUID or email address")),
    responses(
        (status = 204, description = "The policy is gone"),
        (status = 403, description = "`FORBIDDEN`: only super admins and org_admins remove label policies"),
        (status = 404, description = "`NOT_FOUND`: `No policy found for user: <u>`, also of people in other organizations"),
    )
)]
async fn delete_policy(call: Call, At(Holder(user)): At<Holder>) -> Result<StatusCode, Problem> {
    let mut ctx = call.write().await?;
    label_policies::remove(&mut ctx, &user).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show my label policy
///
/// Null for someone who has none. It counts while the caller is in no active team.
#[utoipa::path(
    get,
    path = "/auth/my-label-policy",
    tag = "Me",
    responses((status = 200, description = "The caller's label policy, or null", body = Option<LabelPolicy>))
)]
async fn get_my_policy(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let policy = label_policies::mine(&mut ctx).await?;
    drop(ctx);
    json(StatusCode::OK, &policy.map(LabelPolicy::from))
}

/// Suggest teams
///
/// Groups people with equal or similar label policies into teams that allow them what they are allowed now, and says
/// what would change for each. Nothing is done.
#[utoipa::path(
    get,
    path = "/admin/label-policies/suggestions",
    tag = "Label policies",
    responses(
        (status = 200, description = "The teams, the largest first", body = SuggestionList),
        (status = 403, description = "`FORBIDDEN`: only admins and auditors see people's label policies"),
    )
)]
async fn suggest_teams(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let found = label_policies::suggest(&mut ctx).await?;
    drop(ctx);
    json(StatusCode::OK, &SuggestionList::from(found))
}

/// Move people from label policies into teams
///
/// Makes the teams, adds the people as members, and removes their own policies if that is asked for: all of it or
/// nothing. From then on they have to name a team when they provision.
#[utoipa::path(
    post,
    path = "/admin/label-policies/migrate",
    tag = "Label policies",
    request_body = NewMigration,
    responses(
        (status = 200, description = "What was done, or in a dry run would be", body = Migration),
        (status = 403, description = "`FORBIDDEN`: only those who may create teams there and write these people's label policies"),
        (status = 404, description = "`NOT_FOUND`: `No policy found for user: <u>`, or there is no such organization"),
        (status = 409, description = "`NAME_TAKEN`: a team has the name; `WRONG_STATE`: somebody cannot be added, and why"),
    )
)]
async fn migrate_policies(call: Call, Json(body): Json<NewMigration>) -> Result<Response, Problem> {
    let (dry_run, remove) = (body.dry_run.unwrap_or(false), body.remove_policies.unwrap_or(false));
    let plan = MigrationInput::from(body).parse()?;
    let mut ctx = call.write().await?;
    let done = label_policies::migrate(&mut ctx, plan, remove, dry_run).await?;
    if !dry_run {
        ctx.commit().await?;
    }
    json(StatusCode::OK, &Migration::from(done))
}
