//! Removing all idle or offline runners at once ("Remove idle/offline runners").

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Fields, Invalid, OrganizationId, Permission, Reason, TeamId,
    views::{Cleanup, CleanupOutcome, CleanupRow, Runner},
};
use sqlx::{Postgres, QueryBuilder};

use super::{
    delete_many,
    row::{COLUMNS, JOINS, into_runners},
    scope::{Reach, Scope},
};
use crate::{Backend, Caller, Ctx, RequestInfo, Result, organizations, teams};

/// The most runners that one call removes.
pub const MOST: i64 = 500;
/// The longest time that can be asked for: a week, in minutes.
const LONGEST: i64 = 10_080;

/// A request for a clean-up, as a form or a JSON body gives it.
#[derive(Debug, Clone)]
pub struct CleanupInput {
    /// Only runners of this team.
    pub team_id: Option<TeamId>,
    /// Only runners of this organization's teams.
    pub organization_id: Option<OrganizationId>,
    /// Only the caller's own.
    pub own: bool,
    /// All that the caller may delete: asked for by name, so that nothing means all by being left out (SPEC B26).
    pub all: bool,
    /// Idle ones.
    pub idle: bool,
    /// Offline ones.
    pub offline: bool,
    /// Those that have been so for at least so many minutes.
    pub minutes: i64,
    /// And since this time at the latest: what somebody has looked at, and no more.
    pub before: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<String>,
    /// Only tell what would be removed.
    pub dry_run: bool,
}

impl Default for CleanupInput {
    fn default() -> Self {
        Self {
            team_id: None,
            organization_id: None,
            own: false,
            all: false,
            idle: true,
            offline: true,
            minutes: 0,
            before: None,
            reason: None,
            dry_run: false,
        }
    }
}

/// A request for a clean-up, parsed.
#[derive(Debug, Clone)]
pub struct CleanupRequest {
    input: CleanupInput,
    reason: Option<Reason>,
}

impl CleanupInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<CleanupRequest, Vec<Invalid>> {
        let mut fields = Fields::new();
        let named = [self.team_id.is_some(), self.organization_id.is_some(), self.all];
        match named.into_iter().filter(|named| *named).count() {
            0 if !self.own => fields.push(Invalid::new(
                "team_id",
                "must be given, or organization_id, own: true or all: true",
            )),
            0 | 1 => {}
            _ => fields.push(Invalid::new(
                "team_id",
                "cannot be given together with organization_id or all",
            )),
        }
        if !self.idle && !self.offline {
            fields.push(Invalid::new("states", "must have idle, offline or both"));
        }
        if !(0..=LONGEST).contains(&self.minutes) {
            fields.push(Invalid::new(
                "minutes",
                format!("must be a whole number from 0 to {LONGEST}"),
            ));
        }
        let reason = match self.reason.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => fields.take(Reason::parse(text)),
            None => None,
        };
        fields.with(Some(CleanupRequest { input: self, reason }))
    }
}

/// Removes the runners that do nothing, of those that the caller may delete; busy and pending ones stay. Each is deleted
/// as [`super::delete`] does, and has an outcome of its own.
///
/// # Errors
/// 403 and 404 for a team or an organization that the caller may not see.
pub async fn cleanup(backend: &Backend, caller: Caller, info: RequestInfo, request: CleanupRequest) -> Result<Cleanup> {
    let CleanupRequest { input, reason } = request;
    let mut ctx = Ctx::read(backend, caller.clone(), info.clone()).await?;
    if let Some(team) = input.team_id {
        teams::get(&mut ctx, team).await?;
    }
    if let Some(organization) = input.organization_id {
        let standing = organizations::standing(&caller, organization);
        organizations::require(&standing, Permission::RunnerDelete)?;
    }
    let (runners, matched) = select(&mut ctx, &input).await?;
    // The connection is given back before GitHub is asked.
    drop(ctx);
    if input.dry_run {
        let rows = runners.into_iter().map(|runner| CleanupRow {
            runner,
            outcome: CleanupOutcome::WouldRemove,
        });
        return Ok(Cleanup {
            dry_run: true,
            matched,
            rows: rows.collect(),
        });
    }
    let ids: Vec<_> = runners.iter().map(|runner| runner.id).collect();
    let reason = reason.as_ref().map_or("idle or offline", Reason::as_str);
    let outcomes = delete_many(backend, caller, info, &ids, Some(reason)).await;
    let rows = runners
        .into_iter()
        .zip(outcomes)
        .map(|(runner, (_, outcome))| CleanupRow {
            runner,
            outcome: match outcome {
                Ok(_) => CleanupOutcome::Removed,
                Err(error) => {
                    if let crate::Error::Internal(_) = &error {
                        tracing::error!(%error, "a clean-up could not remove a runner");
                    }
                    CleanupOutcome::Failed(error.code().as_str(), error.detail())
                }
            },
        });
    Ok(Cleanup {
        dry_run: false,
        matched,
        rows: rows.collect(),
    })
}

/// The runners that fit, those longest in their state first, and how many there are in all.
async fn select(ctx: &mut Ctx, input: &CleanupInput) -> Result<(Vec<Runner>, i64)> {
    let before = ctx.now - TimeDelta::minutes(input.minutes);
    let before = input.before.map_or(before, |asked| asked.min(before));
    let caller = ctx.caller.clone();
    let condition = |sql: &mut QueryBuilder<Postgres>| {
        Scope::deletable(&caller).push(sql);
        sql.push(" AND r.status <> 'deleted' AND NOT r.busy AND r.state_since <= ")
            .push_bind(before);
        sql.push(match (input.idle, input.offline) {
            (true, false) => " AND r.status = 'active'",
            (false, true) => " AND r.status = 'offline'",
            _ => " AND r.status IN ('active', 'offline')",
        });
        if input.own {
            sql.push(" AND ");
            Scope::seen(&caller, Reach::Own).push(sql);
        }
        if let Some(team) = input.team_id {
            sql.push(" AND r.team_id = ").push_bind(team.0);
        }
        if let Some(organization) = input.organization_id {
            sql.push(" AND r.team_id IN (SELECT id FROM teams WHERE organization_id = ")
                .push_bind(organization.0)
                .push(")");
        }
    };
    let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS} FROM runners r{JOINS} WHERE "));
    condition(&mut sql);
    sql.push(" ORDER BY r.state_since, r.id LIMIT ").push_bind(MOST);
    let runners = into_runners(sql.build_query_as().fetch_all(ctx.connection()).await?)?;
    let mut sql = QueryBuilder::new("SELECT count(*) FROM runners r WHERE ");
    condition(&mut sql);
    let matched = sql.build_query_scalar().fetch_one(ctx.connection()).await?;
    Ok((runners, matched))
}
