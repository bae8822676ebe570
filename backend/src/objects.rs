//! Teams, people, memberships and keys as Kubernetes objects (SPEC A): read, declared, changed, deleted and watched.
//!
//! The contract for the doors: a namespace is an organization's slug; whoever may not see a namespace gets "not found".

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use kubernetes::{Failure, Kind, Object};
use uuid::Uuid;

use crate::{Backend, Caller, Ctx};

/// Which objects a list or a watch is about.
#[derive(Debug, Clone)]
pub struct Query {
    /// The kind.
    pub kind: Kind,
    /// The organization's slug; `None` is every namespace that the caller sees.
    pub namespace: Option<String>,
    /// Only the object of this name.
    pub name: Option<String>,
}

/// One page of a list.
#[derive(Debug)]
pub struct List {
    /// In the order of namespace and name.
    pub objects: Vec<Object>,
    /// The version that the list shows; a watch goes on from it.
    pub version: i64,
    /// What `continue` brings the next page.
    pub next: Option<String>,
    /// How many come after this page, where that is known (without a selector).
    pub remaining: Option<i64>,
}

/// How a write is meant.
#[derive(Debug, Clone, Default)]
pub struct Write {
    /// Show what would be, and store nothing (the door drops the transaction, too).
    pub dry_run: bool,
    /// Who writes: `kubectl-client-side-apply`.
    pub manager: String,
}

/// What came of a change.
#[derive(Debug)]
pub struct Changed {
    /// As it is now.
    pub object: Object,
    /// Whether anything is different; an unchanged object keeps its version.
    pub changed: bool,
}

/// What a deletion insists on.
#[derive(Debug, Clone, Default)]
pub struct Preconditions {
    /// Only this very object.
    pub uid: Option<String>,
    /// Only if nobody changed it.
    pub resource_version: Option<String>,
}

/// What came of a deletion.
#[derive(Debug)]
pub enum Deleted {
    /// It is gone.
    Gone(Object),
    /// It has a deletion timestamp and goes as soon as LiteLLM confirms.
    Waiting(Object),
}

/// An organization as a namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// The slug.
    pub name: String,
    /// The organization's id.
    pub uid: Uuid,
    /// The organization's name.
    pub display_name: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Something that happened to an object; `kubectl describe` shows it.
#[derive(Debug, Clone)]
pub struct Happening {
    /// Its own id.
    pub id: Uuid,
    /// The object.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// `Normal` or `Warning`.
    pub severity: String,
    /// One word: `Ready`, `LitellmError`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// How often.
    pub count: i32,
    /// First time.
    pub first_at: DateTime<Utc>,
    /// Last time.
    pub last_at: DateTime<Utc>,
}

/// Which happenings.
#[derive(Debug, Clone, Default)]
pub struct HappeningQuery {
    /// The organization's slug; `None` is every namespace that the caller sees.
    pub namespace: Option<String>,
    /// Of objects of this kind.
    pub kind: Option<Kind>,
    /// Of the object of this name.
    pub name: Option<String>,
    /// Of the object with this uid.
    pub uid: Option<String>,
}

/// What somebody wants to do with a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// get, list, watch
    Read,
    /// create
    Create,
    /// update, patch
    Change,
    /// delete
    Delete,
}

/// One change of one object, in the order of versions.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happened.
    pub what: What,
    /// The object after it; a deleted one as it was last, with the version of its deletion.
    pub object: Arc<Object>,
    /// The labels before; a selector may have matched then and not now, or the other way round.
    pub labels_before: Option<BTreeMap<String, String>>,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Added,
    /// It is different.
    Modified,
    /// It is gone.
    Deleted,
}

/// The changes of a process, shared by its watches. One is made at the start (`Changes::new(&backend)`, then
/// `tokio::spawn(changes.clone().run())`), cheap to clone.
#[derive(Clone)]
pub struct Changes {}

impl Changes {
    /// Nothing read yet.
    pub fn new(backend: &Backend) -> Self { unimplemented!() }
    /// Reads changes for ever, and keeps objects true to what happens elsewhere. The job of the listener.
    pub async fn run(self) { unimplemented!() }
    /// Watches from a version on (0: from now).
    /// # Errors
    /// 410 when the version is forgotten, 404 when the namespace cannot be seen.
    pub async fn watch(&self, caller: Caller, query: Query, since: i64) -> Result<Watch, Failure> { unimplemented!() }
}

/// One watch.
pub struct Watch {}

impl Watch {
    /// Waits for the next changes that the caller may see; at least one, in order. Cancel-safe.
    /// # Errors
    /// 410 when it fell too far behind; 403 when the caller may not see the namespace any more; 503 without a database.
    pub async fn next(&mut self) -> Result<Vec<Change>, Failure> { unimplemented!() }
    /// The version up to which everything was told: for bookmarks.
    pub fn version(&self) -> i64 { unimplemented!() }
}

/// Begins to keep objects (the first start with a listener makes them from what is there). Idempotent, at every start.
pub async fn begin(backend: &Backend) -> crate::Result<()> { unimplemented!() }
/// Forgets changes and happenings that are old. For the leader's daily job.
pub async fn forget_old(ctx: &mut Ctx) -> crate::Result<u64> { unimplemented!() }
/// The namespaces that the caller sees.
pub async fn namespaces(ctx: &mut Ctx) -> Result<Vec<Namespace>, Failure> { unimplemented!() }
/// One namespace, or 404.
pub async fn namespace(ctx: &mut Ctx, name: &str) -> Result<Namespace, Failure> { unimplemented!() }
/// Whether the caller may, in general; single objects may still be refused. `Err` only when the database fails.
pub async fn may(ctx: &mut Ctx, namespace: Option<&str>, kind: Kind, verb: Verb) -> Result<bool, Failure> { unimplemented!() }
/// One object.
pub async fn get(ctx: &mut Ctx, kind: Kind, namespace: &str, name: &str) -> Result<Object, Failure> { unimplemented!() }
/// A page of objects that `keep` says yes to. `after` is a `next` of before.
pub async fn list(ctx: &mut Ctx, query: &Query, limit: Option<usize>, after: Option<&str>, keep: &(dyn Fn(&Object) -> bool + Send + Sync)) -> Result<List, Failure> { unimplemented!() }
/// What happened, newest last, at most 500.
pub async fn happenings(ctx: &mut Ctx, query: &HappeningQuery) -> Result<Vec<Happening>, Failure> { unimplemented!() }
/// Makes an object. `object` was decoded (types, unknown fields); rules are checked here. `ctx` must be `Ctx::write`; the
/// caller commits. Warnings for the `Warning` header: `ctx.take_warnings()`.
pub async fn create(ctx: &mut Ctx, object: Object, write: &Write) -> Result<Object, Failure> { unimplemented!() }
/// Changes an object: `wanted` makes the new one of the current one (a patch, a replacement).
pub async fn change(ctx: &mut Ctx, kind: Kind, namespace: &str, name: &str, write: &Write, wanted: &(dyn Fn(&Object) -> Result<Object, Failure> + Send + Sync)) -> Result<Changed, Failure> { unimplemented!() }
/// Deletes an object.
pub async fn delete(ctx: &mut Ctx, kind: Kind, namespace: &str, name: &str, preconditions: &Preconditions, write: &Write) -> Result<Deleted, Failure> { unimplemented!() }
/// All objects of an organization as manifests that apply back without a change: without status, uid and versions, in
/// the order of dependence.
pub async fn export(ctx: &mut Ctx, namespace: &str) -> Result<Vec<Object>, Failure> { unimplemented!() }
/// Where an object of ours was declared: who wrote it and when. `None` for what the console or REST made.
pub async fn source(ctx: &mut Ctx, kind: Kind, subject: Uuid) -> crate::Result<Option<Source>> { unimplemented!() }
/// The object of a team, person or key, by its id here.
pub async fn of_subject(ctx: &mut Ctx, kind: Kind, subject: Uuid) -> Result<Object, Failure> { unimplemented!() }

/// Where something was declared.
#[derive(Debug, Clone)]
pub struct Source {
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The field manager that wrote last.
    pub manager: String,
    /// When.
    pub at: DateTime<Utc>,
}
