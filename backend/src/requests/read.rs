//! Reading one request.

use chrono::{DateTime, Utc};
use domain::{
    OrganizationId, RequestId, RequestKind, RequestValue, TeamId, UserId,
    views::{AccessRequest, RequestPage},
};
use serde_json::Value;
use uuid::Uuid;

use super::page;
use crate::{
    Ctx, Error, Result,
    scope::Scope,
    teams::{self, TeamKey},
};

/// A row of `access_requests` with the names that belong to it.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) team_id: Uuid,
    pub(super) team_name: String,
    pub(super) organization_id: Uuid,
    pub(super) requester: Uuid,
    pub(super) requester_email: String,
    pub(super) value: Value,
    pub(super) reason: String,
    pub(super) raises: bool,
    pub(super) state: String,
    pub(super) reviews: Option<Uuid>,
    pub(super) decided_by: Option<String>,
    pub(super) decided_at: Option<DateTime<Utc>>,
    pub(super) decision: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

impl Row {
    pub(super) fn into_request(self) -> Result<AccessRequest> {
        let kind: RequestKind = self.kind.parse()?;
        let value = RequestValue::parse(kind, &self.value)
            .map_err(|errors| Error::internal(format!("the value of request {}: {errors:?}", self.id)))?;
        Ok(AccessRequest {
            id: RequestId(self.id),
            team_id: TeamId(self.team_id),
            team_name: self.team_name,
            organization_id: OrganizationId(self.organization_id),
            requester_id: UserId(self.requester),
            requester: self.requester_email,
            value,
            reason: self.reason,
            raises: self.raises,
            state: self.state.parse()?,
            reviews: self.reviews.map(RequestId),
            decided_by: self.decided_by,
            decided_at: self.decided_at,
            decision: self.decision,
            created_at: self.created_at,
        })
    }
}

pub(super) fn missing(id: RequestId) -> Error {
    Error::not_found("Request", id)
}

/// One request, with what the caller may do with it.
///
/// # Errors
/// 403 for programs; 404 `Request not found: <id>` also for those who may not see it.
pub async fn get(ctx: &mut Ctx, id: RequestId) -> Result<RequestPage> {
    let request = visible(ctx, id).await?;
    let team = teams::load(ctx, request.team_id, teams::Lock::None).await?;
    page(ctx, request, &team).await
}

/// A request that the caller sees: their own, those of teams and organizations that they administer or audit.
pub(super) async fn visible(ctx: &mut Ctx, id: RequestId) -> Result<AccessRequest> {
    ctx.person()?;
    let request = load(ctx, id).await?;
    if sees(&Scope::of(&ctx.caller), &request) {
        Ok(request)
    } else {
        Err(missing(id))
    }
}

fn sees(scope: &Scope, request: &AccessRequest) -> bool {
    scope.all
        || scope.actor == Some(request.requester_id.0)
        || scope.organizations.contains(&request.organization_id.0)
        || scope.administered.contains(&request.team_id.0)
}

/// The caller's own request to join a team that waits for a decision, and since when. Of several teams with the slug, the
/// one asked first.
///
/// # Errors
/// 403 for programs.
pub async fn waiting_join(ctx: &mut Ctx, team: &TeamKey) -> Result<Option<(RequestId, DateTime<Utc>)>> {
    let own = ctx.person()?.id.0;
    let (id, slug) = match team {
        TeamKey::Id(id) => (Some(id.0), None),
        // PostgreSQL's text holds no NUL, and no slug does.
        TeamKey::Slug(slug) => (None, Some(slug.replace('\0', ""))),
    };
    let row = sqlx::query!(
        "SELECT r.id, r.created_at FROM access_requests r JOIN teams t ON t.id = r.team_id
        WHERE r.requester = $1 AND r.kind = 'join' AND r.state = 'pending' AND (t.id = $2 OR t.slug = $3)
        ORDER BY r.created_at, r.id LIMIT 1",
        own,
        id,
        slug,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(row.map(|row| (RequestId(row.id), row.created_at)))
}

pub(super) async fn load(ctx: &mut Ctx, id: RequestId) -> Result<AccessRequest> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.kind, r.team_id, t.name AS team_name, t.organization_id, r.requester,
            u.email AS requester_email, r.value, r.reason, r.raises, r.state, r.reviews, d.email AS "decided_by?", r.decided_at,
            r.decision, r.created_at
        FROM access_requests r JOIN teams t ON t.id = r.team_id JOIN users u ON u.id = r.requester
            LEFT JOIN users d ON d.id = r.decided_by
        WHERE r.id = $1"#,
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    row.ok_or_else(|| missing(id))?.into_request()
}
