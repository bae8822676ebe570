//! Lists of requests, and the quotas beside those that ask for another.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    RequestKind, RequestState, TeamId,
    views::{AccessRequest, Page},
};

use super::read::Row;
use crate::{
    Ctx, Result,
    keyset::Keyset,
    scope::{Deciding, Scope},
    teams,
};

/// What to list.
#[derive(Debug, Clone)]
pub struct RequestQuery {
    /// Only those that stand there.
    pub state: Option<RequestState>,
    /// Only this kind.
    pub kind: Option<RequestKind>,
    /// Only this team's.
    pub team: Option<TeamId>,
    /// Only the caller's own.
    pub own: bool,
    /// Only those that wait for a decision that the caller may make.
    pub to_decide: bool,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for RequestQuery {
    fn default() -> Self {
        Self {
            state: None,
            kind: None,
            team: None,
            own: false,
            to_decide: false,
            cursor: None,
            limit: 50,
        }
    }
}

/// One page of the requests that the caller sees, newest first: their own, and those of teams and organizations that
/// they administer or audit.
///
/// # Errors
/// 403 for programs; a cursor of another list.
pub async fn list(ctx: &mut Ctx, query: &RequestQuery) -> Result<Page<AccessRequest>> {
    let own = ctx.person()?.id.0;
    let (scope, deciding) = (Scope::of(&ctx.caller), Deciding::of(&ctx.caller));
    let keyset = Keyset::<DateTime<Utc>>::read(query.cursor.as_deref(), query.limit)?;
    let (state, kind) = (
        query.state.map(RequestState::as_str),
        query.kind.map(RequestKind::as_str),
    );
    let team = query.team.map(|team| team.0);
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.kind, r.team_id, t.name AS team_name, t.organization_id, r.requester,
            u.email AS requester_email, r.value, r.reason, r.raises, r.state, r.reviews, d.email AS "decided_by?", r.decided_at,
            r.decision, r.created_at
        FROM access_requests r JOIN teams t ON t.id = r.team_id JOIN users u ON u.id = r.requester
            LEFT JOIN users d ON d.id = r.decided_by
        WHERE (r.requester = $1 OR $2 OR t.organization_id = ANY($3) OR r.team_id = ANY($4))
            AND ($5::text IS NULL OR r.state = $5) AND ($6::text IS NULL OR r.kind = $6)
            AND ($7::uuid IS NULL OR r.team_id = $7) AND (NOT $8 OR r.requester = $1)
            AND (NOT $9 OR r.state = 'pending' AND ($10 OR t.organization_id = ANY($11)
                OR r.team_id = ANY($12) AND NOT r.raises AND NOT (r.kind = 'model' AND EXISTS (
                    SELECT FROM restricted_models m WHERE m.model = r.value #>> '{}'
                        AND (m.organization_id IS NULL OR m.organization_id = t.organization_id)))))
            AND ($13::timestamptz IS NULL OR CASE WHEN $15 THEN (r.created_at, r.id) > ($13, $14)
                ELSE (r.created_at, r.id) < ($13, $14) END)
        ORDER BY CASE WHEN $15 THEN r.created_at END, CASE WHEN $15 THEN r.id END, r.created_at DESC, r.id DESC
        LIMIT $16"#,
        own,
        scope.all,
        &scope.organizations,
        &scope.administered,
        state,
        kind,
        team,
        query.own,
        query.to_decide,
        deciding.all,
        &deciding.organizations,
        &deciding.teams,
        keyset.key,
        keyset.id,
        keyset.before,
        keyset.rows(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM access_requests r JOIN teams t ON t.id = r.team_id
        WHERE (r.requester = $1 OR $2 OR t.organization_id = ANY($3) OR r.team_id = ANY($4))
            AND ($5::text IS NULL OR r.state = $5) AND ($6::text IS NULL OR r.kind = $6)
            AND ($7::uuid IS NULL OR r.team_id = $7) AND (NOT $8 OR r.requester = $1)
            AND (NOT $9 OR r.state = 'pending' AND ($10 OR t.organization_id = ANY($11)
                OR r.team_id = ANY($12) AND NOT r.raises AND NOT (r.kind = 'model' AND EXISTS (
                    SELECT FROM restricted_models m WHERE m.model = r.value #>> '{}'
                        AND (m.organization_id IS NULL OR m.organization_id = t.organization_id)))))"#,
        own,
        scope.all,
        &scope.organizations,
        &scope.administered,
        state,
        kind,
        team,
        query.own,
        query.to_decide,
        deciding.all,
        &deciding.organizations,
        &deciding.teams,
    )
    .fetch_one(ctx.connection())
    .await?;
    let items = rows.into_iter().map(Row::into_request).collect::<Result<Vec<_>>>()?;
    Ok(keyset.page(items, total, |request: &AccessRequest| {
        let key = request.created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        (key, request.id.0)
    }))
}

/// The newest requests of the caller that nobody has decided yet, at most `limit`; none for programs.
///
/// # Errors
/// When the database does not answer.
pub async fn own_waiting(ctx: &mut Ctx, limit: i64) -> Result<Vec<AccessRequest>> {
    let own = ctx.caller.user_id().map(|id| id.0);
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.kind, r.team_id, t.name AS team_name, t.organization_id, r.requester,
            u.email AS requester_email, r.value, r.reason, r.raises, r.state, r.reviews, NULL::text AS decided_by, r.decided_at,
            r.decision, r.created_at
        FROM access_requests r JOIN teams t ON t.id = r.team_id JOIN users u ON u.id = r.requester
        WHERE r.requester = $1 AND r.state = 'pending' ORDER BY r.created_at DESC, r.id DESC LIMIT $2"#,
        own,
        limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter().map(Row::into_request).collect()
}

/// The quotas that teams have now whose requests for another one wait; none is no limit. Without a query where none does.
///
/// # Errors
/// When the database does not answer.
pub async fn quotas_now(ctx: &mut Ctx, seen: &[AccessRequest]) -> Result<BTreeMap<TeamId, Option<i32>>> {
    let asked = seen
        .iter()
        .filter(|request| request.state == RequestState::Pending && request.value.kind() == RequestKind::Quota);
    let teams: Vec<TeamId> = asked.map(|request| request.team_id).collect();
    if teams.is_empty() {
        return Ok(BTreeMap::new());
    }
    teams::quotas(ctx, &teams).await
}
