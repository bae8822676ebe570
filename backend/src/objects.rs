//! Teams, people, memberships and keys as Kubernetes objects (SPEC A): read, declared, changed, deleted and watched.
//!
//! A namespace is an organization's slug; whoever may not see a namespace gets "not found". The tables of teams, people and
//! keys stay the only truth: a declared object is made true by the functions that every other door calls, and what is shown
//! is read back from there (`render`). `objects` holds what was told last; triggers note what changed, and `settle` tells it.

mod access;
mod batch;
mod contract;
mod declare;
mod events;
mod export;
mod keep;
mod manifest;
mod meaning;
mod plan;
mod present;
mod read;
mod realize;
mod refusal;
mod render;
mod settle;
mod store;
mod subject;
mod watch;

pub use access::{may, namespace, namespaces};
pub use contract::{
    Change, Changed, Deleted, Happening, HappeningQuery, List, Namespace, Preconditions, Query, Source, Verb, What,
};
pub use declare::{change, create, delete};
pub use export::{declared_members, export, of_subject, source, team_source};
pub use keep::{begin, forget_old, is_in_use};
pub use manifest::{organization_manifest, team_manifest};
pub use plan::{Action, Step, carry_out};
pub use read::{get, happenings, list};
pub use refusal::reason;
pub use watch::{Changes, Watch};
