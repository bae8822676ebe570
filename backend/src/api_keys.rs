//! Keys for models, which LiteLLM makes, and lists of all keys (SPEC C8–C12, C17).
//!
//! A key is never shown before LiteLLM has it, and never called revoked before LiteLLM refuses it. Making one:
//!
//! 1. One transaction checks the rules and writes the key as `pending`, with a lease (`making_until`).
//! 2. Team, person and membership are delivered to LiteLLM; it makes the key. No transaction is open.
//! 3. A second transaction keeps the hash, and the secret is shown. When an answer got lost, or the process dies, nobody
//!    has the secret: what LiteLLM may have is removed by its alias ([`tidy`]), and the owner claims the key later.

mod access;
mod claim;
mod create;
mod edit;
mod input;
mod limits;
mod list;
mod make;
mod models;
mod revoke;
mod rotate;
mod row;
mod settings;
mod spend;
mod tidy;
mod told;
mod within;

pub use claim::claim;
pub use create::create;
pub(crate) use create::{declare, declare_for};
pub use edit::{reset_spend, update};
pub use input::{ApiKeyPatch, ApiKeyPatchInput, LimitsInput, NewApiKey, NewApiKeyInput};
pub use list::{KeyQuery, Whose, form, get, list, of_person, of_team, stats};
pub use models::offered;
pub(crate) use revoke::end;
pub use revoke::revoke;
pub use rotate::rotate;
pub use settings::{key_policy, set_key_policy, set_user_defaults, user_defaults};
pub use spend::read_spending;
pub use tidy::tidy;
pub(crate) use within::{KeysOf, above, require_within};

use domain::{
    KeyId,
    views::{ApiKey, TeamPage},
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{Ctx, Error, Result, audit};

/// How many keys for models someone may have that work or wait (SPEC C9).
pub const MAX_ACTIVE: i64 = 10;

/// What became of a key that was to be made.
#[derive(Debug)]
pub enum Made {
    /// LiteLLM has it: the secret, to be shown this once.
    Ready(Box<ApiKey>, SecretString),
    /// LiteLLM is away, and why; the owner claims the key later.
    Pending(Box<ApiKey>, String),
}

impl Made {
    /// The key.
    pub fn key(&self) -> &ApiKey {
        match self {
            Self::Ready(key, _) | Self::Pending(key, _) => key,
        }
    }
}

fn not_found(id: KeyId) -> Error {
    Error::not_found("Key", id)
}

/// What the audit log keeps of a key: nothing of its secret but what everybody sees.
fn fields(key: &ApiKey) -> Value {
    let limits = &key.limits;
    json!({
        "owner": key.owner,
        "prefix": key.prefix,
        "status": key.status.as_str(),
        "models": limits.models,
        "max_budget": limits.max_budget,
        "soft_budget": key.soft_budget,
        "budget_duration": limits.budget_duration,
        "tpm_limit": limits.tpm_limit,
        "rpm_limit": limits.rpm_limit,
        "tags": key.tags,
        "expires_at": key.expires_at,
    })
}

/// An entry of the audit log about a key.
async fn record(
    ctx: &mut Ctx,
    team: &TeamPage,
    action: &'static str,
    key: &ApiKey,
    before: Value,
    after: Value,
) -> Result<()> {
    let entry = audit::Entry::new(action, "key", key.id, &key.name)
        .team(team.team.organization_id, team.team.id)
        .change(before, after);
    audit::record(ctx, entry).await
}
