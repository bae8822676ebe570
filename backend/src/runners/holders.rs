//! Who holds a quota, and for how long.

use domain::{
    OrganizationId, TeamId,
    views::{QuotaHolders, QuotaScope},
};
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::{
    row::{COLUMNS, JOINS, into_runners},
    scope::{Reach, Scope},
};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, teams};

/// A full quota: the refusal, with who holds it.
#[derive(Debug)]
pub struct QuotaRefusal {
    /// The words.
    pub detail: String,
    /// Who holds it; none when that could not be read.
    pub holders: Option<QuotaHolders>,
    pub(super) scope: QuotaScope,
}

impl QuotaRefusal {
    /// The error of a full quota; its holders are found once the request's transaction is over.
    pub(super) fn error(scope: QuotaScope, detail: String) -> Error {
        Error::Quota(Box::new(Self {
            detail,
            holders: None,
            scope,
        }))
    }
}

/// Adds the holders to a refusal by a quota; leaves any other error as it is. The caller gets the refusal, whatever
/// happens here.
pub(super) async fn attach(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    team: Option<TeamId>,
    error: Error,
) -> Error {
    let mut refusal = match error {
        Error::Quota(refusal) => refusal,
        Error::Refused(Code::QuotaExceeded, detail) => Box::new(QuotaRefusal {
            detail,
            holders: None,
            scope: team.map_or(QuotaScope::Own, QuotaScope::Team),
        }),
        other => return other,
    };
    let found = async {
        let mut ctx = Ctx::read(backend, caller, info).await?;
        read(&mut ctx, refusal.scope).await
    };
    match found.await {
        Ok(holders) => refusal.holders = Some(holders),
        Err(error) => tracing::error!(%error, "a quota's holders are missing from its refusal"),
    }
    Error::Quota(refusal)
}

/// Who holds the quota that a request of the caller's for this team would meet now, or for no team; none when there is
/// room.
///
/// # Errors
/// 404 and 403 for a team that the caller may not see.
pub async fn quota_holders(ctx: &mut Ctx, team: Option<TeamId>) -> Result<Option<QuotaHolders>> {
    let full = match team {
        Some(team) => full_quota_of(ctx, team).await?,
        None => own_quota_is_full(ctx).await?.then_some(QuotaScope::Own),
    };
    match full {
        Some(scope) => read(ctx, scope).await.map(Some),
        None => Ok(None),
    }
}

async fn full_quota_of(ctx: &mut Ctx, id: TeamId) -> Result<Option<QuotaScope>> {
    let team = teams::open(ctx, id).await?.team;
    if let Some(max) = team.max_runners {
        // Places that are held, or promised, to people who wait are not free either.
        let promised = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM runner_waits WHERE team_id = $1
                AND (state = 'waiting' OR state = 'ready' AND ready_until > clock_timestamp())"#,
            id.0,
        )
        .fetch_one(ctx.connection())
        .await?;
        if i64::from(team.runner_count) + promised >= i64::from(max) {
            return Ok(Some(QuotaScope::Team(id)));
        }
    }
    let organization = team.organization_id;
    let full = sqlx::query_scalar!(
        r#"SELECT (SELECT coalesce(sum(runner_count), 0) FROM teams t WHERE t.organization_id = o.id) >= o.max_runners
            AS "full!" FROM organizations o WHERE o.id = $1 AND o.max_runners IS NOT NULL"#,
        organization.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(full.unwrap_or(false).then_some(QuotaScope::Organization(organization)))
}

async fn own_quota_is_full(ctx: &mut Ctx) -> Result<bool> {
    let own = teams::own_label_policy(ctx).await?;
    let Some(max) = own.and_then(|own| own.policy.max_runners) else {
        return Ok(false);
    };
    Ok(teams::own_runners(ctx).await? >= i64::from(max))
}

/// The live runners that count against a quota.
pub(super) fn push_counted(sql: &mut QueryBuilder<Postgres>, caller: &Caller, scope: QuotaScope) {
    sql.push(" AND r.status <> 'deleted' AND ");
    match scope {
        QuotaScope::Team(TeamId(id)) => {
            sql.push("r.team_id = ").push_bind(id);
        }
        QuotaScope::Organization(OrganizationId(id)) => {
            sql.push("r.team_id IN (SELECT id FROM teams WHERE organization_id = ")
                .push_bind(id)
                .push(")");
        }
        QuotaScope::Own => Scope::seen(caller, Reach::Own).push(sql),
    }
}

async fn read(ctx: &mut Ctx, scope: QuotaScope) -> Result<QuotaHolders> {
    let caller = ctx.caller.clone();
    let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS} FROM runners r{JOINS} WHERE "));
    Scope::seen(&caller, Reach::All).push(&mut sql);
    push_counted(&mut sql, &caller, scope);
    sql.push(
        " ORDER BY CASE WHEN r.busy THEN 2 WHEN r.status = 'pending' THEN 1 ELSE 0 END, r.state_since, r.id LIMIT ",
    )
    .push_bind(QuotaHolders::SHOWN);
    let rows = sql.build_query_as().fetch_all(ctx.connection()).await?;

    let mut sql = QueryBuilder::new(
        "SELECT count(*), count(*) FILTER (WHERE r.status IN ('active', 'offline') AND NOT r.busy AND ",
    );
    Scope::deletable(&caller).push(&mut sql);
    sql.push(
        "), count(*) FILTER (WHERE r.busy), count(*) FILTER (WHERE r.status = 'pending' AND NOT r.busy)
        FROM runners r WHERE true",
    );
    push_counted(&mut sql, &caller, scope);
    let counts = sql.build().fetch_one(ctx.connection()).await?;
    Ok(QuotaHolders {
        scope,
        runners: into_runners(rows)?,
        total: counts.try_get(0)?,
        removable: counts.try_get(1)?,
        busy: counts.try_get(2)?,
        pending: counts.try_get(3)?,
        at: ctx.now,
    })
}
