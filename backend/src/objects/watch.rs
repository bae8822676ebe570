//! Watches. A process reads each change once and keeps the newest in memory; a watch that is further behind reads its own.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use kubernetes::{Failure, Kind, Meta, Object, Reason};
use serde_json::Value;
use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::{
    access::{self, Sight},
    contract::{Change, Query, What},
    keep,
    refusal::failure,
    settle,
    subject::Ids,
};
use crate::{Backend, Caller, Ctx, Error, RequestInfo, Result, principals::clock};

/// The channel of the triggers in `migrations/…_objects`.
const CHANNEL: &str = "guildhall_objects";
/// How many changes stay in memory, and how many are read at a time.
const KEPT: usize = 4096;
const SOME: i64 = 500;
/// Looked for changes at least this often, also when nothing is heard; what waits is tried again no more often.
const TICK: Duration = Duration::from_secs(1);
/// How long more is listened to after something was heard, and for how long in all: many changes are looked at together.
const LULL: Duration = Duration::from_millis(1);
const LONGEST_LULL: Duration = Duration::from_millis(20);
/// How often what waits is tried again without a change to hope for, and the listener says that it is there.
const SELDOM: Duration = Duration::from_secs(30);

/// A change with what decides who sees it.
#[derive(Debug)]
struct Known {
    version: i64,
    kind: Kind,
    organization: Uuid,
    ids: Ids,
    declarer: Option<Uuid>,
    change: Change,
}

#[derive(Debug, Default)]
struct Newest {
    changes: VecDeque<Arc<Known>>,
    /// Everything after this version, up to the newest, is in memory.
    after: i64,
}

/// The changes of a process, shared by its watches. Cheap to clone.
#[derive(Clone)]
pub struct Changes {
    backend: Backend,
    newest: Arc<RwLock<Newest>>,
    /// The version up to which this process has read; 0 before the first time.
    version: Arc<watch::Sender<i64>>,
}

impl Changes {
    /// Nothing read yet.
    pub fn new(backend: &Backend) -> Self {
        Self {
            backend: backend.clone(),
            newest: Arc::default(),
            version: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Reads changes for ever, and keeps objects true to what happens elsewhere: the job of whoever has a listener.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.follow().await {
                tracing::warn!(%error, "not hearing of changes of objects");
            }
            tokio::time::sleep(TICK).await;
        }
    }

    async fn follow(&self) -> Result<()> {
        let mut listener = PgListener::connect_with(&self.backend.pool).await?;
        listener.listen(CHANNEL).await?;
        // At once the first time: what happened before this process was there was heard by nobody.
        let mut seldom: Option<Instant> = None;
        let mut retried: Option<Instant> = None;
        let mut news = false;
        loop {
            let is_time = seldom.is_none_or(|last| last.elapsed() >= SELDOM);
            loop {
                let more = self.settle_some().await?;
                // Watches hear of each part: while others write, there is always more.
                news |= self.read().await?;
                if !more {
                    break;
                }
            }
            if is_time {
                seldom = Some(Instant::now());
                keep::begin(&self.backend).await?;
                keep::look_at_deleting(&self.backend).await?;
                keep::look_at_spend(&self.backend).await?;
            }
            // What somebody waits for may be among what is new, whoever brought it up to date.
            if is_time || (news && retried.is_none_or(|last| last.elapsed() >= TICK)) {
                retried = Some(Instant::now());
                news = false;
                keep::retry_waiting(&self.backend).await?;
            }
            hear(&mut listener).await?;
        }
    }

    /// Brings some objects up to date, unless another process does; says whether there may be more.
    async fn settle_some(&self) -> Result<bool> {
        let mut transaction = self.backend.pool.begin().await?;
        if !settle::is_due(&mut transaction).await? || !settle::try_lock(&mut transaction).await? {
            return Ok(false);
        }
        let some = settle::settle_some(&mut transaction, clock()).await?;
        transaction.commit().await?;
        Ok(some)
    }

    /// Reads what is new, and says whether there was anything.
    async fn read(&self) -> Result<bool> {
        let mut known = *self.version.borrow();
        if known == 0 {
            known = newest(&self.backend.pool).await?;
            self.newest.write().unwrap_or_else(PoisonError::into_inner).after = known;
            self.version.send_replace(known);
        }
        let mut any = false;
        loop {
            let changes = after(&self.backend.pool, known).await?;
            let full = i64::try_from(changes.len()).is_ok_and(|count| count == SOME);
            let Some(last) = changes.last() else { return Ok(any) };
            any = true;
            known = last.version;
            {
                let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
                newest.changes.extend(changes);
                while newest.changes.len() > KEPT {
                    if let Some(gone) = newest.changes.pop_front() {
                        newest.after = gone.version;
                    }
                }
            }
            self.version.send_replace(known);
            if !full {
                return Ok(any);
            }
        }
    }

    /// What is in memory after a version, at most [`SOME`]; none when memory does not reach back so far.
    fn remembered(&self, version: i64) -> Option<Vec<Arc<Known>>> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        if version < newest.after {
            return None;
        }
        let start = newest.changes.partition_point(|change| change.version <= version);
        let some = usize::try_from(SOME).unwrap_or(usize::MAX);
        Some(newest.changes.range(start..).take(some).cloned().collect())
    }

    /// Watches from a version on; 0 is from now.
    ///
    /// # Errors
    /// 410 when the version is forgotten, 404 when the namespace cannot be seen.
    pub async fn watch(&self, caller: Caller, query: Query, since: i64) -> Result<Watch, Failure> {
        let mut ctx = Ctx::read(&self.backend, caller.clone(), RequestInfo::default())
            .await
            .map_err(failure)?;
        let namespace = match &query.namespace {
            Some(name) => Some(access::namespace(&mut ctx, name).await?.uid),
            None => None,
        };
        let state = sqlx::query!(r#"SELECT objects_version() AS "version!", kept_from FROM objects_state"#)
            .fetch_one(ctx.connection())
            .await
            .map_err(|error| failure(error.into()))?;
        let version = if since == 0 { state.version } else { since };
        if version < state.kept_from {
            return Err(expired(version, state.kept_from));
        }
        if version > state.version {
            let words = format!("Too large resource version: {version}, current: {}", state.version);
            return Err(Failure {
                retry_after: Some(1),
                ..Failure::new(Reason::Timeout, words)
            });
        }
        Ok(Watch {
            heard: self.version.subscribe(),
            changes: self.clone(),
            caller,
            query,
            namespace,
            version,
        })
    }
}

/// Waits until something is heard, or a tick is over; and for what is said right after it. Each transaction says its own
/// word, and thousands of them would be as many looks at nothing.
async fn hear(listener: &mut PgListener) -> Result<()> {
    let Ok(first) = timeout(TICK, listener.try_recv()).await else {
        return Ok(());
    };
    // None: the connection was lost, and is made anew. What was said meanwhile is read all the same.
    first?;
    let end = Instant::now() + LONGEST_LULL;
    while Instant::now() < end {
        match timeout(LULL, listener.try_recv()).await {
            Ok(more) => drop(more?),
            Err(_) => break,
        }
    }
    Ok(())
}

fn expired(version: i64, oldest: i64) -> Failure {
    Failure::expired(format!("too old resource version: {version} ({oldest})"))
}

/// One watch.
pub struct Watch {
    changes: Changes,
    caller: Caller,
    query: Query,
    namespace: Option<Uuid>,
    version: i64,
    heard: watch::Receiver<i64>,
}

impl Watch {
    /// Waits for the next changes that the caller may see; at least one, in order. Nothing is lost when it is dropped while
    /// waiting.
    ///
    /// # Errors
    /// 410 when it fell too far behind; 401 and 404 when the caller may see the namespace no more; 503 without a database.
    pub async fn next(&mut self) -> Result<Vec<Change>, Failure> {
        loop {
            let some = match self.changes.remembered(self.version) {
                Some(some) => some,
                None => self.read().await?,
            };
            if let Some(last) = some.last() {
                let version = last.version;
                self.refresh().await?;
                let sight = Sight::of(&self.caller);
                let seen: Vec<Change> = some
                    .iter()
                    .filter(|known| {
                        self.wants(known) && sight.sees(known.kind, known.organization, known.ids, known.declarer)
                    })
                    .map(|known| known.change.clone())
                    .collect();
                self.version = version;
                if !seen.is_empty() {
                    return Ok(seen);
                }
                continue;
            }
            if self.heard.changed().await.is_err() {
                return Err(Failure::new(Reason::ServiceUnavailable, "the server is stopping"));
            }
        }
    }

    /// The version up to which everything was told: for bookmarks.
    pub const fn version(&self) -> i64 {
        self.version
    }

    fn wants(&self, known: &Known) -> bool {
        known.kind == self.query.kind
            && self.namespace.is_none_or(|namespace| namespace == known.organization)
            && self
                .query
                .name
                .as_ref()
                .is_none_or(|name| *name == known.change.object.metadata.name)
    }

    /// What the caller may see now: rights may have changed since the watch began.
    async fn refresh(&mut self) -> Result<(), Failure> {
        let Caller::Person(person, method) = &self.caller else {
            return Ok(());
        };
        let backend = &self.changes.backend;
        let now = backend
            .principals
            .get(&backend.pool, person.id)
            .await
            .map_err(failure)?;
        self.caller = Caller::Person(now, *method);
        if let Some(namespace) = self.namespace
            && !Sight::of(&self.caller).sees_namespace(namespace)
        {
            let name = self.query.namespace.as_deref().unwrap_or_default();
            return Err(Failure::new(Reason::NotFound, format!("namespaces {name:?} not found")));
        }
        Ok(())
    }

    /// Changes that are not in memory any more.
    async fn read(&self) -> Result<Vec<Arc<Known>>, Failure> {
        let pool = &self.changes.backend.pool;
        let some = after(pool, self.version).await.map_err(failure)?;
        // Versions have no gaps: what comes next is missing only when it was forgotten.
        if some.first().is_some_and(|first| first.version > self.version + 1) {
            let oldest = some.first().map_or(0, |first| first.version);
            return Err(expired(self.version, oldest));
        }
        Ok(some)
    }
}

async fn newest(pool: &PgPool) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"SELECT objects_version() AS "version!""#)
        .fetch_one(pool)
        .await?)
}

async fn after(pool: &PgPool, version: i64) -> Result<Vec<Arc<Known>>> {
    let rows = sqlx::query!(
        "SELECT version, what, kind, organization_id, team_id, user_id, declared_by, object, labels_before FROM object_changes
        WHERE version > $1 ORDER BY version LIMIT $2",
        version,
        SOME,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = Kind::from_name(&row.kind).ok_or_else(|| Error::internal("a change of an unknown kind"))?;
            let change = Change {
                what: What::parse(&row.what),
                object: Arc::new(object(kind, row.object)?),
                labels_before: row.labels_before.map(serde_json::from_value).transpose()?,
            };
            let ids = Ids {
                team: row.team_id,
                user: row.user_id,
                key: None,
            };
            Ok(Arc::new(Known {
                version: row.version,
                kind,
                declarer: row.declared_by,
                organization: row.organization_id,
                ids,
                change,
            }))
        })
        .collect()
}

/// An object as it was written down.
fn object(kind: Kind, mut value: Value) -> Result<Object> {
    let mut part = |name: &str| value.get_mut(name).map(Value::take).unwrap_or_default();
    let map = |value: Value| {
        if value.is_null() {
            Ok(serde_json::Map::new())
        } else {
            serde_json::from_value(value)
        }
    };
    let metadata: Meta = serde_json::from_value(part("metadata"))?;
    Ok(Object {
        kind,
        metadata,
        spec: map(part("spec"))?,
        status: map(part("status"))?,
    })
}
