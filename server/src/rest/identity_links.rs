//! `/api/v1/admin/identity-links`: what being in a group of a directory gives (SPEC X11, DESIGN §2).

use axum::response::{IntoResponse, Response};
use backend::identity_links::{self, LinkPatchInput, LinkQuery, NewLinkInput};
use chrono::{DateTime, Utc};
use domain::{LinkId, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, present},
    call::{At, Call, json},
    query::{QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_identity_links, create_identity_link))
        .routes(routes!(get_identity_link, update_identity_link, delete_identity_link))
        .routes(routes!(list_identity_link_events))
        .routes(routes!(preview_identity_link))
        .routes(routes!(confirm_identity_link))
        .routes(routes!(sync_identity_link))
}

/// How many rows a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 50;

/// A link of a group to what being in it gives.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityLink {
    id: Uuid,
    /// `entra`, `oidc` or `scim`.
    #[schema(example = "entra")]
    provider: &'static str,
    /// The directory's id of the group; `role:<value>` for an app role.
    #[schema(example = "550e8400-e29b-41d4-a716-446655440000")]
    group_id: String,
    /// What the directory called it last.
    #[schema(example = "Production LLM Team")]
    group_name: Option<String>,
    /// Null for a role in the installation.
    organization_id: Option<Uuid>,
    team_id: Option<Uuid>,
    /// Of a team `admin` or `member`; of an organization `org_admin`, `org_member` or `auditor`; of the installation
    /// `super_admin` or `auditor`.
    #[schema(example = "member")]
    role: &'static str,
    /// `additive` never takes anything away; `authoritative` takes from those who leave the group what the link gave.
    #[schema(example = "additive")]
    mode: &'static str,
    /// Percent of those in it that one pass may take out without asking.
    #[schema(example = 20)]
    removal_limit: u8,
    /// People in the group.
    members: i64,
    /// People who left it and have what it gave still.
    leaving: i64,
    /// When the directory last said who is in it.
    checked_at: Option<DateTime<Utc>>,
    /// When the directory failed to say so, and why, since it last did.
    failed_at: Option<DateTime<Utc>>,
    failure: Option<String>,
    /// Since when the directory does not know the group.
    missing_since: Option<DateTime<Utc>>,
    /// Since when removals wait for confirmation.
    held_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    /// Email of who made it; null: a sign-in, the sync or SCIM did.
    created_by: Option<String>,
}

impl From<views::IdentityLink> for IdentityLink {
    fn from(link: views::IdentityLink) -> Self {
        let (failed_at, failure) = link.failed.unzip();
        Self {
            id: link.id.0,
            provider: link.provider.as_str(),
            group_id: link.group_id,
            group_name: link.group_name,
            organization_id: link.gives.organization().map(Uuid::from),
            team_id: link.gives.team().map(Uuid::from),
            role: link.gives.role(),
            mode: link.mode.as_str(),
            removal_limit: link.removal_limit,
            members: link.members,
            leaving: link.leaving,
            checked_at: link.checked_at,
            failed_at,
            failure,
            missing_since: link.missing_since,
            held_at: link.held_at,
            created_at: link.created_at,
            created_by: link.created_by,
        }
    }
}

/// One page of links, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityLinkList {
    identity_links: Vec<IdentityLink>,
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
    /// Only those of this organization.
    #[param(nullable = false)]
    organization_id: Option<Uuid>,
    /// Only those to this team.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Only those of `entra`, `oidc` or `scim`.
    #[param(nullable = false)]
    provider: Option<String>,
    /// Part of a group's name or id.
    #[param(nullable = false)]
    search: Option<String>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A link to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"organization_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0f", "provider": "oidc", "group_id": "platform", "mode": "additive"}))]
struct NewIdentityLink {
    /// The organization that it gives something in; null is a role in the installation.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<String>,
    /// A team of it; null is a role in the organization.
    #[schema(value_type = Option<Uuid>)]
    team_id: Option<String>,
    /// `entra`, `oidc` or `scim`.
    provider: String,
    /// The directory's id of the group, exactly as it writes it; `role:<value>` for an app role of a token.
    #[schema(min_length = 1, max_length = 400)]
    group_id: String,
    /// What to call it until the directory says so.
    group_name: Option<String>,
    /// `member` of a team or `org_member` of an organization unless said otherwise.
    role: Option<String>,
    /// `additive` unless said otherwise.
    mode: Option<String>,
    /// Percent of those in it that one pass may take out without asking; 20 unless said otherwise.
    #[schema(minimum = 0, maximum = 100)]
    removal_limit: Option<i64>,
}

/// Changes: a field that is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"mode": "authoritative"}))]
struct IdentityLinkPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    mode: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, minimum = 0, maximum = 100)]
    removal_limit: Option<i64>,
}

/// List identity links
///
/// Those of the organizations that the caller administers or audits; all of them for super admins and auditors.
#[utoipa::path(
    get,
    path = "/admin/identity-links",
    tag = "Directory",
    params(ListParams),
    responses(
        (status = 200, description = "One page of links", body = IdentityLinkList),
        (status = 403, description = "`FORBIDDEN`: the caller administers and audits no organization"),
    )
)]
async fn list_identity_links(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = LinkQuery {
        organization: params.organization_id.map(Into::into),
        team: params.team_id.map(Into::into),
        provider: params.provider.map(|provider| provider.parse()).transpose()?,
        search: params.search,
        cursor: params.cursor,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let page = identity_links::list(&mut ctx, &query).await?;
    let list = IdentityLinkList {
        identity_links: page.items.into_iter().map(IdentityLink::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// Link a group
///
/// Who is in the group gets what the link gives when the directory next says so: at their sign-in, at the next pass of
/// the sync, or by SCIM.
#[utoipa::path(
    post,
    path = "/admin/identity-links",
    tag = "Directory",
    request_body = NewIdentityLink,
    responses(
        (status = 201, description = "The link", body = IdentityLink),
        (status = 403, description = "`FORBIDDEN`: only admins of the organization link groups to it, and only super admins to roles in the installation"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization, or no such team in it"),
        (status = 409, description = "`NAME_TAKEN`: the group gives this already; `WRONG_STATE`: the team is archived"),
    )
)]
async fn create_identity_link(call: Call, Json(body): Json<NewIdentityLink>) -> Result<Response, Problem> {
    let input = NewLinkInput {
        organization_id: body.organization_id,
        team_id: body.team_id,
        provider: body.provider,
        group_id: body.group_id,
        group_name: body.group_name,
        role: body.role,
        mode: body.mode,
        removal_limit: body.removal_limit,
    };
    let new = input.parse()?;
    let mut ctx = call.write().await?;
    let link = identity_links::create(&mut ctx, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &IdentityLink::from(link))
}

/// Show an identity link
#[utoipa::path(
    get,
    path = "/admin/identity-links/{id}",
    tag = "Directory",
    params(("id" = Uuid, Path, description = "The link's id")),
    responses(
        (status = 200, description = "The link", body = IdentityLink),
        (status = 403, description = "`FORBIDDEN`: the caller administers and audits no organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such link, or the caller may not see it"),
    )
)]
async fn get_identity_link(call: Call, At(id): At<LinkId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let link = identity_links::get(&mut ctx, id).await?;
    json(StatusCode::OK, &IdentityLink::from(link))
}

/// Change an identity link
///
/// A link that becomes authoritative takes away at once what it gave to those who left its group; when they are more than
/// `removal_limit`, that waits for `confirm`. `preview` tells first.
#[utoipa::path(
    patch,
    path = "/admin/identity-links/{id}",
    tag = "Directory",
    params(("id" = Uuid, Path, description = "The link's id")),
    request_body = IdentityLinkPatch,
    responses(
        (status = 200, description = "The link", body = IdentityLink),
        (status = 403, description = "`FORBIDDEN`: only admins of the link's organization change it"),
        (status = 404, description = "`NOT_FOUND`: there is no such link, or the caller may not see it"),
    )
)]
async fn update_identity_link(
    call: Call,
    At(id): At<LinkId>,
    Json(body): Json<IdentityLinkPatch>,
) -> Result<Response, Problem> {
    let patch = LinkPatchInput {
        mode: body.mode,
        removal_limit: body.removal_limit,
    };
    let mut ctx = call.write().await?;
    let link = identity_links::update(&mut ctx, id, patch).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &IdentityLink::from(link))
}

/// Delete an identity link
///
/// People keep what it gave them.
#[utoipa::path(
    delete,
    path = "/admin/identity-links/{id}",
    tag = "Directory",
    params(("id" = Uuid, Path, description = "The link's id")),
    responses(
        (status = 204, description = "It is deleted"),
        (status = 403, description = "`FORBIDDEN`: only admins of the link's organization delete it"),
        (status = 404, description = "`NOT_FOUND`: there is no such link, or the caller may not see it"),
    )
)]
async fn delete_identity_link(call: Call, At(id): At<LinkId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    identity_links::delete(&mut ctx, id).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Something that a link did or that happened to it.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityLinkEvent {
    at: DateTime<Utc>,
    /// `created`, `added`, `removed`, `kept`, `held`, `released`, `renamed`, `missing`, `found`, `failed` or `mode`.
    #[schema(example = "added")]
    kind: String,
    user_id: Option<Uuid>,
    #[schema(example = "max@example.com")]
    user: Option<String>,
    detail: Option<String>,
}

/// One page of what a link did, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityLinkEvents {
    events: Vec<IdentityLinkEvent>,
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventParams {
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List what an identity link did
#[utoipa::path(
    get,
    path = "/admin/identity-links/{id}/events",
    tag = "Directory",
    params(("id" = Uuid, Path, description = "The link's id"), EventParams),
    responses(
        (status = 200, description = "One page of events", body = IdentityLinkEvents),
        (status = 403, description = "`FORBIDDEN`: the caller administers and audits no organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such link, or the caller may not see it"),
    )
)]
async fn list_identity_link_events(
    call: Call,
    At(id): At<LinkId>,
    QueryString(params): QueryString<EventParams>,
) -> Result<Response, Problem> {
    let rows = limit(params.limit, DEFAULT_LIMIT)?;
    let mut ctx = call.read().await?;
    let page = identity_links::events(&mut ctx, id, params.cursor.as_deref(), rows).await?;
    let events = page.items.into_iter().map(|event| {
        let (user_id, user) = event.user.map(|(id, email)| (id.0, email)).unzip();
        IdentityLinkEvent {
            at: event.at,
            kind: event.kind,
            user_id,
            user,
            detail: event.detail,
        }
    });
    let list = IdentityLinkEvents {
        events: events.collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// What would become of somebody.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityLinkFate {
    user_id: Uuid,
    #[schema(example = "max@example.com")]
    email: String,
    /// Whether they lose what the link gave.
    loses: bool,
    /// Why they keep it, or what they keep.
    detail: Option<&'static str>,
}

/// What a link would do if it were authoritative.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityLinkPreview {
    /// People in the group who would get what the link gives; the first hundred.
    adds: Vec<String>,
    adds_total: usize,
    /// People who left it; the first hundred.
    leaving: Vec<IdentityLinkFate>,
    /// How many of those lose something.
    removes_total: usize,
    /// How many people are in it by this link.
    present: i64,
    /// Whether the removals would wait for `confirm`.
    waits: bool,
    /// Whether the directory was asked just now; else it is what it said last.
    fresh: bool,
}

/// Preview an identity link
///
/// What it would do if it were authoritative: whom it would add and whom it would remove. Changes nothing.
#[utoipa::path(
    post,
    path = "/admin/identity-links/{id}/preview",
    tag = "Directory",
    params(("id" = Uuid, Path, description = "The link's id")),
    responses(
        (status = 200, description = "The preview", body = IdentityLinkPreview),
        (status = 403, description = "`FORBIDDEN`: only admins of the link's organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such link, or the caller may not see it"),
        (status = 503, description = "`DIRECTORY_UNAVAILABLE`: the directory does not answer"),
    )
)]
async fn preview_identity_link(call: Call, At(id): At<LinkId>) -> Result<Response, Problem> {
    let preview = identity_links::preview_now(&call.backend, call.caller, call.info, id).await?;
    let leaving = preview.leaving.into_iter().map(|fate| IdentityLinkFate {
        user_id: fate.user_id.0,
        email: fate.email,
        loses: fate.loses,
        detail: fate.detail,
    });
    let body = IdentityLinkPreview {
        adds: preview.adds,
        adds_total: preview.adds_total,
        leaving: leaving.collect(),
        removes_total: preview.removes_total,
        present: preview.present,
        waits: preview.waits,
        fresh: preview.fresh,
    };
    json(StatusCode::OK, &body)
}

/// Confirm the removals of an identity link
///
/// Those that waited because they are more than `removal_limit`.
#[utoipa::path(
    post,
    path = "/admin/identity-links/{id}/confirm",
    tag = "Directory",
    params(("id" = Uuid, Path, description = "The link's id")),
    responses(
        (status = 200, description = "The link", body = IdentityLink),
        (status = 403, description = "`FORBIDDEN`: only admins of the link's organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such link, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: nothing waits for confirmation"),
    )
)]
async fn confirm_identity_link(call: Call, At(id): At<LinkId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let link = identity_links::confirm(&mut ctx, id).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &IdentityLink::from(link))
}

/// Sync an identity link now
///
/// Reads who is in the group from the directory, as the scheduled sync does.
#[utoipa::path(
    post,
    path = "/admin/identity-links/{id}/sync",
    tag = "Directory",
    params(("id" = Uuid, Path, description = "The link's id")),
    responses(
        (status = 200, description = "The link", body = IdentityLink),
        (status = 403, description = "`FORBIDDEN`: only admins of the link's organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such link, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: the group is not read from a directory"),
        (status = 503, description = "`NOT_CONFIGURED` or `DIRECTORY_UNAVAILABLE`: the directory cannot be read"),
    )
)]
async fn sync_identity_link(call: Call, At(id): At<LinkId>) -> Result<Response, Problem> {
    let link = identity_links::sync_now(&call.backend, call.caller, call.info, id).await?;
    json(StatusCode::OK, &IdentityLink::from(link))
}
