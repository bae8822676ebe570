//! LiteLLM: which proxies there are (SPEC X14), and what each of them must know.
//!
//! Triggers write down in the writing transaction what an instance must know (`litellm_objects`); what is delivered is
//! the truth at the time of delivery. So an order of changes to one thing cannot be mixed up, and a delivery may be made
//! twice.

mod compare;
mod deliver;
mod instances;
mod offer;
mod orphans;
mod push;
mod status;
mod truth;
mod waiting;

pub use compare::{Decision, begin, comparison, differences, latest, run, settle, start};
pub(crate) use deliver::OUT_OF_REACH;
pub use deliver::{Undelivered, deliver_due, deliver_now};
use domain::{KeyId, TeamId, UserId};
pub use instances::{Instance, Instances, register};
use integrations::litellm::Error as Refusal;
pub use offer::refresh_models;
pub(crate) use push::dropped;
pub use status::{ObjectQuery, Retry, instances, objects, retry};
pub(crate) use truth::without as without_withheld;
pub(crate) use waiting::{REVOKING, waiting};

use crate::{Code, Error};

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

/// What LiteLLM said, for the person who asked.
pub(crate) fn refused(error: &Refusal) -> Error {
    let message = error.user_message();
    if error.is_transient() {
        Error::Unavailable(Code::LiteLlmUnavailable, message, error.retry_after())
    } else {
        Error::refused(Code::LiteLlm, message)
    }
}
