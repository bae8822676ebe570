//! Keys for models.

use std::collections::BTreeMap;

use domain::Slug;
use kubernetes::{Kind, status};
use serde_json::Map;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::subject::{Ids, Subject},
    Truth, connection_ref, decimal, put,
    ready::{self, Outbox, Standing},
    some, spent,
};
use crate::Result;

/// Reads keys of LiteLLM that are not revoked and were not replaced.
pub(super) async fn read(
    connection: &mut PgConnection,
    ids: &[Uuid],
    truths: &mut BTreeMap<Subject, Truth>,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"SELECT k.id, k.team_id, k.owner_id, k.name, k.prefix, k.created_at, k.expires_at, k.litellm_state AS "litellm_state!",
            k.litellm_instance, k.models, k.max_budget, k.soft_budget, k.budget_duration, k.tpm_limit, k.rpm_limit, k.tags, k.spend,
            t.organization_id, t.slug, t.is_system, u.email, i.name AS "instance?", i.namespace AS "namespace?", o.state AS "state?", o.last_error
        FROM api_keys k JOIN teams t ON t.id = k.team_id JOIN users u ON u.id = k.owner_id
            LEFT JOIN litellm_instances i ON i.removed_at IS NULL AND i.name = k.litellm_instance
            LEFT JOIN litellm_objects o ON o.kind = 'key' AND o.object_id = k.id AND o.instance = i.name
        WHERE k.id = ANY($1) AND k.litellm_instance IS NOT NULL AND k.revoked_at IS NULL AND k.replaced_by IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.status <> 'archived'"#,
        ids,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let outbox = Outbox {
            instance: row.instance.as_deref(),
            named: row.litellm_instance.as_deref(),
            // Until something about it changes, what LiteLLM made is what there is.
            state: row.state.as_deref().or(Some("synced")),
            error: row.last_error.as_deref(),
        };
        let standing = if row.litellm_state == "pending" {
            let words = format!("{} claims its secret in the console, at /keys, once", row.email);
            Standing::new("Ready", false, "WaitsForOwner", words)
        } else {
            ready::ready(&outbox, "LiteLLM has the key")
        };
        let mut spec = Map::new();
        spec.insert(
            "connectionRef".to_owned(),
            connection_ref(row.litellm_instance.as_deref(), row.namespace.as_deref()),
        );
        spec.insert("keyAlias".to_owned(), row.name.clone().into());
        spec.insert("userID".to_owned(), row.email.clone().into());
        // Everybody's first team is where a key goes that names none.
        put(&mut spec, "teamID", (!row.is_system).then(|| row.slug.clone()));
        put(&mut spec, "models", some(&row.models));
        put(&mut spec, "maxBudget", row.max_budget.map(decimal));
        put(&mut spec, "softBudget", row.soft_budget.map(decimal));
        put(&mut spec, "budgetDuration", row.budget_duration.clone());
        put(&mut spec, "rpmLimit", row.rpm_limit);
        put(&mut spec, "tpmLimit", row.tpm_limit);
        put(&mut spec, "tags", some(&row.tags));
        let status = status::VirtualKey {
            key_alias: Some(row.name.clone()),
            key_id: Some(row.id.to_string()),
            key_name: (!row.prefix.is_empty()).then_some(row.prefix),
            user_id: Some(row.email.clone()),
            team_id: Some(row.slug),
            models: some(&row.models),
            max_budget: row.max_budget.map(decimal),
            budget_duration: row.budget_duration,
            spend: Some(spent(row.spend)),
            rpm_limit: row.rpm_limit,
            tpm_limit: row.tpm_limit,
            expires: row.expires_at.map(status::time),
            blocked: Some(false),
            created_at: Some(status::time(row.created_at)),
            ..status::VirtualKey::default()
        };
        let name = Slug::from_name(&row.name).map_or_else(|| "key".to_owned(), String::from);
        let truth = Truth {
            kind: Kind::VirtualKey,
            organization: row.organization_id,
            ids: Ids {
                team: Some(row.team_id),
                user: Some(row.owner_id),
                key: Some(row.id),
            },
            name,
            created_at: row.created_at,
            spec,
            status: status::map(&status),
            standings: vec![standing],
        };
        truths.insert(Subject::Key(row.id), truth);
    }
    Ok(())
}
