//! People in organizations.

use std::collections::BTreeMap;

use kubernetes::{Kind, status};
use serde_json::Map;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::subject::{Ids, Subject},
    Truth, connection_ref, decimal, name_of, put,
    ready::{self, Outbox},
    some,
};
use crate::Result;

/// Reads people who belong to these organizations. In the organization `default`, which has no members of its own, it is
/// those who are in a team of it, and those who were declared there.
pub(super) async fn read(
    connection: &mut PgConnection,
    people: &[(Uuid, Uuid)],
    truths: &mut BTreeMap<Subject, Truth>,
) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let (organizations, users): (Vec<Uuid>, Vec<Uuid>) = people.iter().copied().unzip();
    let default = domain::DEFAULT_ORGANIZATION.0;
    let rows = sqlx::query!(
        r#"SELECT p.organization_id AS "organization_id!", u.id, u.email, u.display_name, u.deactivated_at IS NOT NULL AS "blocked!",
            coalesce(m.created_at, u.created_at) AS "created_at!", u.updated_at, i.name AS "instance?", i.namespace AS "namespace?",
            o.state AS "state?", o.last_error, l.role AS "role?", l.max_budget, l.tpm_limit, l.rpm_limit, u.is_super_admin,
            ARRAY(SELECT t.slug FROM current_team_members tm JOIN teams t ON t.id = tm.team_id
                WHERE tm.user_id = u.id AND t.organization_id = p.organization_id AND NOT t.is_system AND t.status <> 'archived'
                ORDER BY t.slug) AS "teams!"
        FROM unnest($1::uuid[], $2::uuid[]) AS p(organization_id, user_id) JOIN users u ON u.id = p.user_id
            LEFT JOIN organization_members m ON m.organization_id = p.organization_id AND m.user_id = u.id
            LEFT JOIN litellm_instances i ON i.removed_at IS NULL AND i.is_default
            LEFT JOIN litellm_objects o ON o.kind = 'user' AND o.object_id = u.id AND o.instance = i.name
            LEFT JOIN litellm_people l ON l.user_id = u.id
        WHERE m.user_id IS NOT NULL OR p.organization_id = $3 AND (
            EXISTS (SELECT FROM objects d WHERE d.kind = 'User' AND d.organization_id = $3 AND d.user_id = u.id
                AND d.written IS NOT NULL AND d.deleting_at IS NULL)
            OR EXISTS (SELECT FROM team_members tm JOIN teams t ON t.id = tm.team_id
                WHERE tm.user_id = u.id AND t.organization_id = $3 AND NOT t.is_system AND t.status <> 'archived'))"#,
        &organizations,
        &users,
        default,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let outbox = Outbox {
            instance: row.instance.as_deref(),
            named: None,
            state: row.state.as_deref(),
            error: row.last_error.as_deref(),
        };
        let own = if row.is_super_admin {
            "proxy_admin"
        } else {
            "internal_user"
        };
        let mut spec = Map::new();
        spec.insert(
            "connectionRef".to_owned(),
            connection_ref(row.instance.as_deref(), row.namespace.as_deref()),
        );
        spec.insert("userEmail".to_owned(), row.email.clone().into());
        put(&mut spec, "userAlias", row.display_name.clone());
        put(&mut spec, "userRole", row.role.clone());
        put(&mut spec, "maxBudget", row.max_budget.map(decimal));
        put(&mut spec, "rpmLimit", row.rpm_limit);
        put(&mut spec, "tpmLimit", row.tpm_limit);
        let status = status::User {
            user_email: Some(row.email.clone()),
            user_alias: row.display_name,
            user_id: Some(row.id.to_string()),
            user_role: Some(row.role.unwrap_or_else(|| own.to_owned())),
            teams: some(&row.teams),
            max_budget: row.max_budget.map(decimal),
            rpm_limit: row.rpm_limit,
            tpm_limit: row.tpm_limit,
            blocked: Some(row.blocked),
            created_at: Some(status::time(row.created_at)),
            updated_at: Some(status::time(row.updated_at)),
            ..status::User::default()
        };
        let truth = Truth {
            kind: Kind::User,
            organization: row.organization_id,
            ids: Ids {
                user: Some(row.id),
                ..Ids::default()
            },
            name: name_of(&row.email),
            created_at: row.created_at,
            spec,
            status: status::map(&status),
            standings: vec![ready::ready(&outbox, "LiteLLM has the user")],
        };
        let (organization, user) = (row.organization_id, row.id);
        truths.insert(Subject::User { organization, user }, truth);
    }
    Ok(())
}
