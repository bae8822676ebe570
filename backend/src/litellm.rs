//! LiteLLM: which proxies there are (SPEC X14), and what each of them must know.
//!
//! Triggers write down in the writing transaction what an instance must know (`litellm_objects`); what is delivered is
//! the truth at the time of delivery. So an order of changes to one thing cannot be mixed up, and a delivery may be made
//! twice.

mod deliver;
mod instances;
mod orphans;
mod push;
mod truth;

pub use deliver::{Undelivered, deliver_due, deliver_now};
use domain::{KeyId, TeamId, UserId};
pub use instances::{Instance, Instances, register};
pub(crate) use push::dropped;
use uuid::Uuid;

/// The team that everyone belongs to (SPEC C1).
const DEFAULT_TEAM: TeamId = TeamId(Uuid::from_u128(0xa000_0000_0000_4000_8000_0000_0000_0001));

/// Something that LiteLLM must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Object {
    /// A team with its limits.
    Team(TeamId),
    /// A person.
    User(UserId),
    /// Someone's membership of a team.
    Member(TeamId, UserId),
    /// A key that LiteLLM has made.
    Key(KeyId),
}
