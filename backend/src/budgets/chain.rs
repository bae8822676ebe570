//! The budgets that a use counts against, from the organization down.

use chrono::{DateTime, Utc};
use domain::{
    BudgetDuration, DEFAULT_ORGANIZATION, KeyId, Money, OrganizationId, Period, ProjectId, TeamId, UserId, Zone,
    budget_period,
    hierarchy::{Budget, Level},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// Who spends: a team, and in it a person, a project and a key as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Spender {
    /// The team.
    pub(crate) team: TeamId,
    /// The person, or the key's owner.
    pub(crate) user: Option<UserId>,
    /// The project.
    pub(crate) project: Option<ProjectId>,
    /// The key.
    pub(crate) key: Option<KeyId>,
}

impl Spender {
    /// The team at large.
    pub(crate) fn team(team: TeamId) -> Self {
        Self {
            team,
            user: None,
            project: None,
            key: None,
        }
    }
}

/// A sum that is kept for a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    /// The level, and `share`.
    pub(super) level: &'static str,
    /// Whose it is.
    pub(super) object: Uuid,
    /// The person of a member, the team of a share; nil otherwise.
    pub(super) part: Uuid,
    /// The period.
    pub(super) period: Period,
}

/// The name that a team's part of its organization's budget is kept under.
pub(super) const SHARE: &str = "share";

/// The chain of someone's budgets with what was spent, and the organization of the team; nothing without the team. Two
/// queries.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn chain(
    connection: &mut PgConnection,
    who: Spender,
    now: DateTime<Utc>,
) -> Result<Option<(OrganizationId, Vec<Budget>)>> {
    let row = sqlx::query!(
        r#"SELECT o.id AS organization, o.name AS organization_name, o.time_zone, o.max_budget AS organization_max,
            o.budget_duration AS organization_duration,
            coalesce(o.budget_anchor, o.created_at) AS "organization_anchor!",
            t.name AS team_name, t.max_budget AS team_max, t.budget_duration AS team_duration,
            coalesce(t.budget_anchor, t.created_at) AS "team_anchor!",
            m.user_id AS "member?", u.email AS "member_name?", m.max_budget AS "member_max?",
            p.id AS "project?", p.name AS "project_name?", p.max_budget AS "project_max?",
            p.budget_duration AS "project_duration?", coalesce(p.budget_anchor, p.created_at) AS project_anchor,
            k.id AS "key?", k.name AS "key_name?", k.max_budget AS "key_max?", k.budget_duration AS "key_duration?",
            coalesce(k.budget_anchor, k.created_at) AS key_anchor
        FROM teams t JOIN organizations o ON o.id = t.organization_id
            LEFT JOIN team_members m ON m.team_id = t.id AND m.user_id = $2
            LEFT JOIN users u ON u.id = m.user_id
            LEFT JOIN projects p ON p.id = $3 AND p.team_id = t.id
            LEFT JOIN api_keys k ON k.id = $4 AND k.team_id = t.id
        WHERE t.id = $1"#,
        who.team.0,
        who.user.map(|id| id.0),
        who.project.map(|id| id.0),
        who.key.map(|id| id.0),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let zone = Zone::trusted(&row.time_zone);
    let mut budgets = Vec::with_capacity(5);
    let mut slots = Vec::with_capacity(5);
    let mut add = |level: Level, object: Uuid, part: Uuid, name, max: Option<Decimal>, duration, anchor| {
        let duration: Option<BudgetDuration> = duration;
        let period = budget_period(duration.as_ref(), anchor, zone, now);
        slots.push(Slot {
            level: level.as_str(),
            object,
            part,
            period,
        });
        budgets.push(Budget {
            level,
            id: if part.is_nil() { object } else { part },
            name,
            max: max.map(Money::trusted),
            duration,
            period,
            zone,
            spend: Money::trusted(Decimal::ZERO),
        });
    };
    let duration = |text: Option<String>| text.map(BudgetDuration::trusted);
    let nil = Uuid::nil();
    // The organization of teams that stand alone has no budget (SPEC X13).
    if row.organization != DEFAULT_ORGANIZATION.0 {
        add(
            Level::Organization,
            row.organization,
            nil,
            row.organization_name,
            row.organization_max,
            duration(row.organization_duration),
            row.organization_anchor,
        );
    }
    let team_duration = duration(row.team_duration);
    add(
        Level::Team,
        who.team.0,
        nil,
        row.team_name,
        row.team_max,
        team_duration.clone(),
        row.team_anchor,
    );
    if let (Some(member), Some(name)) = (row.member, row.member_name) {
        add(
            Level::Member,
            who.team.0,
            member,
            name,
            row.member_max,
            team_duration,
            row.team_anchor,
        );
    }
    if let (Some(project), Some(name), Some(anchor)) = (row.project, row.project_name, row.project_anchor) {
        let own = duration(row.project_duration);
        add(Level::Project, project, nil, name, row.project_max, own, anchor);
    }
    if let (Some(key), Some(name), Some(anchor)) = (row.key, row.key_name, row.key_anchor) {
        add(
            Level::Key,
            key,
            nil,
            name,
            row.key_max,
            duration(row.key_duration),
            anchor,
        );
    }
    for (budget, spend) in budgets.iter_mut().zip(spends(connection, &slots).await?) {
        budget.spend = Money::trusted(spend);
    }
    Ok(Some((OrganizationId(row.organization), budgets)))
}

/// What periods come to, in the order in which they are asked for.
pub(super) async fn spends(connection: &mut PgConnection, slots: &[Slot]) -> Result<Vec<Decimal>> {
    let columns = Columns::of(slots.iter());
    Ok(sqlx::query_scalar!(
        r#"SELECT coalesce(b.spend, budget_sum(s.level, s.object, s.part, s.since, s.until)) AS "spend!"
        FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[]) WITH ORDINALITY
                AS s(level, object, part, since, until, n)
            LEFT JOIN budget_spend b ON b.level = s.level AND b.object_id = s.object AND b.part_id = s.part
                AND b.period_start = s.since
        ORDER BY s.n"#,
        &columns.levels,
        &columns.objects,
        &columns.parts,
        &columns.since,
        &columns.until as &[Option<DateTime<Utc>>],
    )
    .fetch_all(connection)
    .await?)
}

/// Slots as PostgreSQL takes them: an array for each column.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) levels: Vec<String>,
    pub(super) objects: Vec<Uuid>,
    pub(super) parts: Vec<Uuid>,
    pub(super) since: Vec<DateTime<Utc>>,
    pub(super) until: Vec<Option<DateTime<Utc>>>,
}

impl Columns {
    pub(super) fn of<'a>(slots: impl Iterator<Item = &'a Slot>) -> Self {
        let mut columns = Self::default();
        for slot in slots {
            columns.levels.push(slot.level.to_owned());
            columns.objects.push(slot.object);
            columns.parts.push(slot.part);
            columns.since.push(slot.period.start);
            columns.until.push(slot.period.end);
        }
        columns
    }
}
