//! The configured proxies.

use integrations::litellm::LiteLlm;

use crate::{Backend, Code, Error, Result};

/// A LiteLLM proxy.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The namespace that manifests name it in.
    pub namespace: String,
    /// Whether teams that name no instance are on this one.
    pub is_default: bool,
    /// Its address, without credentials.
    pub url: String,
    /// The client; its name is the instance's.
    pub client: LiteLlm,
}

impl Instance {
    /// Its name.
    pub fn name(&self) -> &str {
        self.client.name()
    }
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Instances(Vec<Instance>);

impl<'a> IntoIterator for &'a Instances {
    type Item = &'a Instance;
    type IntoIter = std::slice::Iter<'a, Instance>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Instances {
    /// Of a list; names are distinct, and one of them is the default one.
    pub fn new(list: Vec<Instance>) -> Self {
        Self(list)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Instance> {
        self.0.iter()
    }

    /// The one with that name; without a name the default one.
    pub fn get(&self, name: Option<&str>) -> Option<&Instance> {
        self.0.iter().find(|instance| match name {
            Some(name) => instance.name() == name,
            None => instance.is_default,
        })
    }

    /// [`get`](Self::get), for work that needs one.
    ///
    /// # Errors
    /// 503 that names the setting.
    pub fn require(&self, name: Option<&str>) -> Result<&Instance> {
        self.get(name).ok_or_else(|| {
            let detail = match name {
                Some(name) => format!("The LiteLLM instance '{name}' is not configured"),
                None => "LiteLLM is not configured: set LITELLM_API_URL and LITELLM_MASTER_KEY".to_owned(),
            };
            Error::refused(Code::NotConfigured, detail)
        })
    }
}

/// Writes down which instances are configured, so that changes are noted for them. What a new one must know is all that
/// there is.
///
/// # Errors
/// When the database does not answer.
#[tracing::instrument(skip_all)]
pub async fn register(backend: &Backend) -> Result<()> {
    let instances = &backend.litellm;
    let names: Vec<String> = instances.iter().map(|one| one.name().to_owned()).collect();
    let mut transaction = backend.pool.begin().await?;
    // Processes start together.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('guildhall: litellm instances', 0))")
        .execute(&mut *transaction)
        .await?;
    let before = sqlx::query!("SELECT name, is_default FROM litellm_instances WHERE removed_at IS NULL")
        .fetch_all(&mut *transaction)
        .await?;
    sqlx::query!(
        "UPDATE litellm_instances SET removed_at = now(), is_default = false
        WHERE removed_at IS NULL AND name <> ALL($1)",
        &names,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!("UPDATE litellm_instances SET is_default = false WHERE is_default")
        .execute(&mut *transaction)
        .await?;
    for one in instances.iter() {
        sqlx::query!(
            "INSERT INTO litellm_instances (name, namespace, url, is_default) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name) DO UPDATE SET namespace = excluded.namespace, url = excluded.url,
                is_default = excluded.is_default, removed_at = NULL",
            one.name(),
            one.namespace,
            one.url,
            one.is_default,
        )
        .execute(&mut *transaction)
        .await?;
        let known = before
            .iter()
            .any(|row| row.name == one.name() && row.is_default == one.is_default);
        if !known {
            let objects = want_everything(&mut transaction, one.name()).await?;
            tracing::info!(
                instance = one.name(),
                objects,
                "a LiteLLM instance is new: it is told of everything"
            );
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Marks everything that an instance must know as wanted, and says how much that is. What it was told before is told again,
/// too: of what ended while it was not configured, nothing else is left to see here.
async fn want_everything(connection: &mut sqlx::PgConnection, instance: &str) -> Result<u64> {
    let rows = sqlx::query!(
        "WITH ours AS (
            SELECT t.id FROM teams t JOIN litellm_instances i ON i.name = $1
            WHERE t.litellm_instance = i.name OR (t.litellm_instance IS NULL AND i.is_default)
        )
        INSERT INTO litellm_objects AS o (instance, kind, object_id, user_id)
        SELECT $1, 'team', id, '00000000-0000-0000-0000-000000000000'::uuid FROM ours
        UNION ALL
        SELECT $1, 'user', u.id, '00000000-0000-0000-0000-000000000000'::uuid FROM users u
        WHERE (SELECT is_default FROM litellm_instances WHERE name = $1)
            OR EXISTS (SELECT FROM team_members m JOIN ours ON ours.id = m.team_id WHERE m.user_id = u.id)
        UNION ALL
        SELECT $1, 'member', m.team_id, m.user_id FROM team_members m JOIN ours ON ours.id = m.team_id
        UNION ALL
        SELECT $1, 'key', id, '00000000-0000-0000-0000-000000000000'::uuid FROM api_keys
        WHERE litellm_instance = $1 AND litellm_state IN ('active', 'revoking')
        UNION
        SELECT $1, kind, object_id, user_id FROM litellm_objects known
        WHERE instance = $1 AND (kind IN ('user', 'key') OR object_id IN (SELECT id FROM ours)
            OR NOT EXISTS (SELECT FROM teams WHERE id = known.object_id))
        ORDER BY 2, 3, 4
        ON CONFLICT (instance, kind, object_id, user_id) DO UPDATE SET
            wanted = o.wanted + 1, state = 'pending', attempts = 0, due_at = now()",
        instance,
    )
    .execute(connection)
    .await?;
    Ok(rows.rows_affected())
}
