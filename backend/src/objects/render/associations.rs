//! Memberships.

use std::collections::BTreeMap;

use kubernetes::{Kind, status};
use serde_json::{Map, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::subject::{Ids, Subject},
    Truth, connection_ref, decimal, name_of, put,
    ready::{self, Outbox, Standing},
};
use crate::Result;

/// Reads memberships that have not ended, of teams that are not archived.
pub(super) async fn read(
    connection: &mut PgConnection,
    pairs: &[(Uuid, Uuid)],
    truths: &mut BTreeMap<Subject, Truth>,
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let (teams, users): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"SELECT m.team_id AS "team_id!", m.user_id AS "user_id!", m.role AS "role!", m.joined_at AS "joined_at!", m.max_budget, t.organization_id, t.name, t.slug, t.litellm_instance,
            u.email, i.name AS "instance?", i.namespace AS "namespace?", o.state AS "state?", o.last_error, n.name AS "user_object?"
        FROM unnest($1::uuid[], $2::uuid[]) AS p(team_id, user_id)
            JOIN current_team_members m ON m.team_id = p.team_id AND m.user_id = p.user_id
            JOIN teams t ON t.id = m.team_id JOIN users u ON u.id = m.user_id
            LEFT JOIN litellm_instances i ON i.removed_at IS NULL
                AND (i.name = t.litellm_instance OR (t.litellm_instance IS NULL AND i.is_default))
            LEFT JOIN litellm_objects o ON o.kind = 'member' AND o.object_id = t.id AND o.user_id = u.id AND o.instance = i.name
            LEFT JOIN objects n ON n.kind = 'User' AND n.organization_id = t.organization_id AND n.user_id = u.id
        WHERE t.status <> 'archived' AND NOT t.is_system"#,
        &teams,
        &users,
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
        let named = row.instance.as_deref().or(row.litellm_instance.as_deref());
        let person = row.user_object.unwrap_or_else(|| name_of(&row.email));
        let mut spec = Map::new();
        spec.insert(
            "connectionRef".to_owned(),
            connection_ref(named, row.namespace.as_deref()),
        );
        spec.insert("role".to_owned(), row.role.clone().into());
        spec.insert("teamAlias".to_owned(), row.name.clone().into());
        spec.insert("userEmail".to_owned(), row.email.clone().into());
        spec.insert("teamRef".to_owned(), json!({ "name": row.slug }));
        spec.insert("userRef".to_owned(), json!({ "name": person }));
        put(&mut spec, "maxBudgetInTeam", row.max_budget.map(decimal));
        let status = status::Association {
            team_alias: Some(row.name),
            team_id: Some(row.team_id.to_string()),
            user_email: Some(row.email),
            user_id: Some(row.user_id.to_string()),
            role: Some(row.role),
            team_exists: Some(true),
            user_exists: Some(true),
            association_is_valid: Some(true),
            max_budget_in_team: row.max_budget.map(decimal),
            ..status::Association::default()
        };
        let truth = Truth {
            kind: Kind::TeamMemberAssociation,
            organization: row.organization_id,
            ids: Ids {
                team: Some(row.team_id),
                user: Some(row.user_id),
                key: None,
            },
            name: format!("{person}-{}", row.slug),
            created_at: row.joined_at,
            spec,
            status: status::map(&status),
            standings: vec![
                ready::ready(&outbox, "User added to Team in Litellm"),
                Standing::new("TeamExists", true, "Found", "There is such a team"),
                Standing::new("UserExists", true, "Found", "There is such a person"),
                ready::reachable(&outbox),
            ],
        };
        let (team, user) = (row.team_id, row.user_id);
        truths.insert(Subject::Member { team, user }, truth);
    }
    Ok(())
}
