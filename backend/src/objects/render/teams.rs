//! Teams.

use std::collections::BTreeMap;

use kubernetes::{Kind, status};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::subject::{Ids, Subject},
    Truth, connection_ref, decimal, put,
    ready::{self, Outbox},
    some, spent,
};
use crate::Result;

/// The most people that a status names; how many there are it says always.
const NAMED: i64 = 100;

/// Reads teams that are not archived.
pub(super) async fn read(
    connection: &mut PgConnection,
    ids: &[Uuid],
    truths: &mut BTreeMap<Subject, Truth>,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"SELECT t.id, t.organization_id, t.name, t.slug, t.status, t.models, t.max_budget, t.budget_duration, t.tpm_limit,
            t.rpm_limit, t.created_at, t.updated_at, t.member_count, t.litellm_instance,
            i.name AS "instance?", i.namespace AS "namespace?", o.state AS "state?", o.last_error,
            b.spend AS "spend?", b.period_end,
            coalesce((SELECT jsonb_agg(jsonb_build_object('userID', m.user_id, 'userEmail', u.email,
                    'role', CASE m.role WHEN 'admin' THEN 'admin' ELSE 'user' END) ORDER BY u.email)
                FROM (SELECT user_id, role FROM current_team_members WHERE team_id = t.id
                    ORDER BY user_id LIMIT $2) m JOIN users u ON u.id = m.user_id), '[]') AS "members!: Value"
        FROM teams t
            LEFT JOIN litellm_instances i ON i.removed_at IS NULL
                AND (i.name = t.litellm_instance OR (t.litellm_instance IS NULL AND i.is_default))
            LEFT JOIN litellm_objects o ON o.kind = 'team' AND o.object_id = t.id AND o.instance = i.name
            LEFT JOIN LATERAL (
                SELECT spend, period_end FROM budget_spend
                WHERE level = 'team' AND object_id = t.id AND part_id = '00000000-0000-0000-0000-000000000000'
                    AND period_start <= now() AND (period_end IS NULL OR period_end > now())
                ORDER BY period_start DESC LIMIT 1) b ON true
        WHERE t.id = ANY($1) AND t.status <> 'archived' AND NOT t.is_system"#,
        ids,
        NAMED,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let outbox = Outbox {
            instance: row.instance.as_deref(),
            named: row.litellm_instance.as_deref(),
            state: row.state.as_deref(),
            error: row.last_error.as_deref(),
        };
        let blocked = row.status != "active";
        let named = row.instance.as_deref().or(row.litellm_instance.as_deref());
        let mut spec = Map::new();
        spec.insert(
            "connectionRef".to_owned(),
            connection_ref(named, row.namespace.as_deref()),
        );
        spec.insert("teamAlias".to_owned(), row.name.clone().into());
        put(&mut spec, "models", some(&row.models));
        put(&mut spec, "maxBudget", row.max_budget.map(decimal));
        put(&mut spec, "budgetDuration", row.budget_duration.clone());
        put(&mut spec, "rpmLimit", row.rpm_limit);
        put(&mut spec, "tpmLimit", row.tpm_limit);
        put(&mut spec, "blocked", blocked.then_some(true));
        let status = status::Team {
            team_alias: Some(row.name),
            team_id: Some(row.id.to_string()),
            organization_id: Some(row.organization_id.to_string()),
            models: some(&row.models),
            max_budget: row.max_budget.map(decimal),
            budget_duration: row.budget_duration,
            budget_reset_at: row.period_end.map(status::time),
            spend: row.spend.map(spent),
            rpm_limit: row.rpm_limit,
            tpm_limit: row.tpm_limit,
            blocked: Some(blocked),
            members_with_role: serde_json::from_value(row.members).ok(),
            member_count: Some(i64::from(row.member_count)),
            created_at: Some(status::time(row.created_at)),
            updated_at: Some(status::time(row.updated_at)),
            ..status::Team::default()
        };
        let truth = Truth {
            kind: Kind::Team,
            organization: row.organization_id,
            ids: Ids {
                team: Some(row.id),
                ..Ids::default()
            },
            name: row.slug,
            created_at: row.created_at,
            spec,
            status: status::map(&status),
            standings: vec![ready::ready(&outbox, "LiteLLM has the team")],
        };
        truths.insert(Subject::Team(row.id), truth);
    }
    Ok(())
}
