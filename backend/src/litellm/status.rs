//! How the instances do, and what they do not have yet.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    DEFAULT_ORGANIZATION, Permission,
    views::{BreakerState, LiteLlmCounts, LiteLlmInstance, LiteLlmObject, Page},
};
use integrations::litellm::Breaker;
use serde_json::json;
use uuid::Uuid;

use crate::{Caller, Code, Ctx, Error, Result, audit, keyset::Keyset, organizations};

/// Sees what LiteLLM has: whoever sees all of the installation.
pub(super) fn require_view(caller: &Caller) -> Result<()> {
    organizations::require_everywhere(caller, "see the sync with LiteLLM")
}

/// Changes what is done with LiteLLM: super_admins.
pub(super) fn require_manage(caller: &Caller) -> Result<()> {
    organizations::require(
        &organizations::standing(caller, DEFAULT_ORGANIZATION),
        Permission::InstallationManage,
    )
}

/// How a client's breaker stands.
fn breaker(breaker: Breaker) -> BreakerState {
    match breaker {
        Breaker::Closed { failures } => BreakerState::Closed { failures },
        Breaker::Open { retry_after } => BreakerState::Open {
            retry_after: retry_after.as_secs().max(1),
        },
        Breaker::HalfOpen => BreakerState::HalfOpen,
    }
}

/// The configured instances, and how each does.
///
/// # Errors
/// 403 for everyone but super_admins and auditors of the installation.
pub async fn instances(ctx: &mut Ctx) -> Result<Vec<LiteLlmInstance>> {
    require_view(&ctx.caller)?;
    let rows = sqlx::query!(
        r#"SELECT instance, kind, state, count(*) AS "count!", max(synced_at) AS synced_at,
            min(changed_at) FILTER (WHERE state <> 'synced') AS waiting_since
        FROM litellm_objects GROUP BY instance, kind, state"#
    )
    .fetch_all(ctx.connection())
    .await?;
    let orphans = sqlx::query!(r#"SELECT instance, count(*) AS "count!" FROM litellm_orphan_keys GROUP BY instance"#)
        .fetch_all(ctx.connection())
        .await?;
    let instances = ctx.backend.litellm.iter().map(|instance| {
        let own = rows.iter().filter(|row| row.instance == instance.name());
        let mut counts = BTreeMap::new();
        for row in own.clone() {
            let counts = counts.entry(order(&row.kind)).or_insert_with(|| LiteLlmCounts {
                kind: row.kind.clone(),
                pending: 0,
                failed: 0,
                parked: 0,
                synced: 0,
            });
            match row.state.as_str() {
                "pending" => counts.pending = row.count,
                "failed" => counts.failed = row.count,
                "parked" => counts.parked = row.count,
                _ => counts.synced = row.count,
            }
        }
        LiteLlmInstance {
            name: instance.name().to_owned(),
            namespace: instance.namespace.clone(),
            url: instance.url.clone(),
            is_default: instance.is_default,
            breaker: breaker(instance.client.breaker()),
            counts: counts.into_values().collect(),
            oldest_pending: own.clone().filter_map(|row| row.waiting_since).min(),
            last_success: own.filter_map(|row| row.synced_at).max(),
            orphan_keys: orphans
                .iter()
                .find(|row| row.instance == instance.name())
                .map_or(0, |row| row.count),
        }
    });
    Ok(instances.collect())
}

/// The order of delivery.
fn order(kind: &str) -> u8 {
    match kind {
        "team" => 0,
        "user" => 1,
        "member" => 2,
        _ => 3,
    }
}

/// Which objects a list has.
#[derive(Debug, Clone, Default)]
pub struct ObjectQuery {
    /// Only of this instance.
    pub instance: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only in this state; without one, all that are not there.
    pub state: Option<String>,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// What the instances do not have, or not as it is here: the latest change first. With a state, what is in that state.
///
/// # Errors
/// 403 as [`instances`]; when a filter or the cursor is not one of this list.
pub async fn objects(ctx: &mut Ctx, query: &ObjectQuery, limit: i64) -> Result<Page<LiteLlmObject>> {
    require_view(&ctx.caller)?;
    one_of("kind", query.kind.as_deref(), &["team", "user", "member", "key"])?;
    one_of(
        "state",
        query.state.as_deref(),
        &["pending", "failed", "parked", "synced"],
    )?;
    let place = Keyset::<DateTime<Utc>>::read(query.cursor.as_deref(), limit)?;
    // No instance has it in its name, and PostgreSQL takes no such text.
    let instance = query.instance.as_deref().map(|name| name.replace('\0', ""));
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM litellm_objects
        WHERE ($1::text IS NULL OR instance = $1) AND ($2::text IS NULL OR kind = $2)
            AND CASE WHEN $3::text IS NULL THEN state <> 'synced' ELSE state = $3 END"#,
        instance,
        query.kind,
        query.state,
    )
    .fetch_one(ctx.connection())
    .await?;
    macro_rules! rows {
        ($order:literal) => {
            sqlx::query_as!(
                Row,
                r#"SELECT o.id, o.instance, o.kind, o.object_id, o.user_id,
                    CASE o.kind WHEN 'team' THEN t.name WHEN 'user' THEN u.email WHEN 'key' THEN k.name
                        WHEN 'member' THEN m.email || ' in ' || t.name END AS name,
                    o.state, o.attempts, o.changed_at, o.due_at, o.synced_at, o.last_error, o.note
                FROM litellm_objects o
                    LEFT JOIN teams t ON t.id = o.object_id AND o.kind IN ('team', 'member')
                    LEFT JOIN users u ON u.id = o.object_id AND o.kind = 'user'
                    LEFT JOIN users m ON m.id = o.user_id AND o.kind = 'member'
                    LEFT JOIN api_keys k ON k.id = o.object_id AND o.kind = 'key'
                WHERE ($1::text IS NULL OR o.instance = $1) AND ($2::text IS NULL OR o.kind = $2)
                    AND CASE WHEN $3::text IS NULL THEN o.state <> 'synced' ELSE o.state = $3 END AND "#
                    + $order,
                instance,
                query.kind,
                query.state,
                place.key,
                place.id,
                place.rows(),
            )
            .fetch_all(ctx.connection())
            .await?
        };
    }
    let rows = if place.before {
        rows!("(o.changed_at, o.id) > ($4, $5) ORDER BY o.changed_at, o.id LIMIT $6")
    } else {
        rows!(
            "($4::timestamptz IS NULL OR (o.changed_at, o.id) < ($4, $5)) ORDER BY o.changed_at DESC, o.id DESC LIMIT $6"
        )
    };
    let objects = rows.into_iter().map(LiteLlmObject::from).collect();
    Ok(place.page(objects, total, |object| {
        (
            object.changed_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            object.id,
        )
    }))
}

struct Row {
    id: Uuid,
    instance: String,
    kind: String,
    object_id: Uuid,
    user_id: Uuid,
    name: Option<String>,
    state: String,
    attempts: i32,
    changed_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    synced_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
    note: Option<String>,
}

impl From<Row> for LiteLlmObject {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            instance: row.instance,
            kind: row.kind,
            object_id: row.object_id,
            user_id: Some(row.user_id).filter(|id| !id.is_nil()),
            name: row.name,
            state: row.state,
            attempts: row.attempts,
            changed_at: row.changed_at,
            due_at: row.due_at,
            synced_at: row.synced_at,
            last_error: row.last_error,
            note: row.note,
        }
    }
}

fn one_of(field: &'static str, value: Option<&str>, words: &[&str]) -> Result<()> {
    match value {
        Some(value) if !words.contains(&value) => {
            Err(Error::invalid(field, format!("must be one of: {}", words.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Which objects are to be tried now.
#[derive(Debug, Clone)]
pub enum Retry {
    /// One.
    One(Uuid),
    /// All of an instance that wait, failed or parked.
    All(String),
}

/// Tries what waits now, and says how many that are. Only the time of the try changes: what is delivered is the truth as
/// always.
///
/// # Errors
/// 403 for everyone but super_admins; 404 when there is no such object or instance; 409 when it does not wait.
pub async fn retry(ctx: &mut Ctx, what: &Retry) -> Result<u64> {
    require_manage(&ctx.caller)?;
    let (id, instance) = match what {
        Retry::One(id) => (Some(*id), None),
        Retry::All(instance) => (
            None,
            Some(ctx.backend.litellm.require(Some(instance))?.name().to_owned()),
        ),
    };
    let touched = sqlx::query_scalar!(
        "UPDATE litellm_objects SET state = 'pending', attempts = 0, due_at = clock_timestamp()
        WHERE state IN ('failed', 'parked') AND (id = $1 OR instance = $2) RETURNING instance",
        id,
        instance,
    )
    .fetch_all(ctx.connection())
    .await?;
    if let (Some(id), true) = (id, touched.is_empty()) {
        let known = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM litellm_objects WHERE id = $1) AS "known!""#,
            id
        )
        .fetch_one(ctx.connection())
        .await?;
        return Err(if known {
            Error::refused(Code::WrongState, "It does not wait for another try")
        } else {
            Error::not_found("Object", id)
        });
    }
    let count = touched.len() as u64;
    if count > 0 {
        let name = instance.or_else(|| touched.into_iter().next()).unwrap_or_default();
        let entry = audit::Entry::new("litellm.retry", "litellm", id.unwrap_or_default(), &name)
            .change(json!(null), json!({"objects": count}));
        audit::record(ctx, entry).await?;
    }
    Ok(count)
}
