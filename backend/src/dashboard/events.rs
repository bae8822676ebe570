//! What happened lately, as far as the caller may see it.

use domain::{RunnerId, TeamId, views::RecentEvent};

use crate::{Ctx, Result, scope::Scope};

/// How many events the dashboard shows (SPEC B29).
const EVENTS: i64 = 10;

/// The latest entries of the audit log that SPEC P shows the caller: everything; that of the organizations seen whole
/// and of the administered teams; and in any case the own actions. Each branch reads the end of its index.
pub(super) async fn recent(ctx: &mut Ctx, scope: &Scope) -> Result<Vec<RecentEvent>> {
    let rows = sqlx::query!(
        r#"WITH seen AS (
            (SELECT id, at FROM audit_entries WHERE $1 ORDER BY at DESC, id DESC LIMIT $5)
            UNION
            (SELECT e.id, e.at FROM unnest($2::uuid[]) AS o(id) CROSS JOIN LATERAL (
                SELECT id, at FROM audit_entries WHERE organization_id = o.id ORDER BY at DESC, id DESC LIMIT $5) e
                WHERE NOT $1)
            UNION
            (SELECT e.id, e.at FROM unnest($3::uuid[]) AS t(id) CROSS JOIN LATERAL (
                SELECT id, at FROM audit_entries WHERE team_id = t.id ORDER BY at DESC, id DESC LIMIT $5) e
                WHERE NOT $1)
            UNION
            (SELECT id, at FROM audit_entries WHERE NOT $1 AND actor_id = $4 ORDER BY at DESC, id DESC LIMIT $5)
            ORDER BY at DESC, id DESC LIMIT $5
        )
        SELECT e.id, e.at, e.action, e.actor, e.target, e.target_kind, e.target_id, e.success, e.team_id,
            t.name AS "team_name?"
        FROM seen JOIN audit_entries e ON e.id = seen.id LEFT JOIN teams t ON t.id = e.team_id
        ORDER BY e.at DESC, e.id DESC"#,
        scope.all,
        &scope.organizations,
        &scope.administered,
        scope.actor,
        EVENTS,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RecentEvent {
            id: row.id,
            at: row.at,
            action: row.action,
            actor: row.actor,
            target: row.target,
            runner_id: (row.target_kind == "runner")
                .then(|| row.target_id.parse::<RunnerId>().ok())
                .flatten(),
            team: row.team_id.map(TeamId).zip(row.team_name),
            success: row.success,
        })
        .collect())
}
