//! Putting a new key in an old one's place.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Invalid, KeyId, ProjectId, TeamId, check_end, end_after, views::Key};
use uuid::Uuid;

use super::{PREFIX, SHOWN, Secret, create, list, require_others, require_secret_of, taken};
use crate::{Code, Ctx, Error, Result, projects::access};

/// How long both keys work unless said otherwise: a day.
pub const DEFAULT_OVERLAP: TimeDelta = TimeDelta::days(1);

/// How long both keys may work.
pub const MAX_OVERLAP: TimeDelta = TimeDelta::days(30);

/// How long the old key works beside the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap(TimeDelta);

impl Overlap {
    /// A number of seconds, or none for the default.
    ///
    /// # Errors
    /// When it is negative or more than 30 days.
    pub fn seconds(seconds: Option<i64>) -> Result<Self, Invalid> {
        let overlap = match seconds {
            None => Some(DEFAULT_OVERLAP),
            Some(seconds) => TimeDelta::try_seconds(seconds),
        };
        overlap
            .filter(|overlap| (TimeDelta::zero()..=MAX_OVERLAP).contains(overlap))
            .map(Self)
            .ok_or_else(|| Invalid::new("overlap_seconds", "must be from 0 to 2592000, which is 30 days"))
    }

    /// As a span of time.
    pub(crate) fn delta(self) -> TimeDelta {
        self.0
    }
}

/// Makes a new key of the same name and owner at once; the old one ends after the overlap. The new one lives as long
/// as the old one did, unless `expires_at` says otherwise (an inner none is for ever).
///
/// # Errors
/// 404 `Key not found: <id>`; 403 without the right; 409 when it was rotated already, or has expired.
pub async fn rotate(
    ctx: &mut Ctx,
    team: TeamId,
    project: ProjectId,
    id: KeyId,
    overlap: Overlap,
    expires_at: Option<Option<DateTime<Utc>>>,
) -> Result<(Key, Secret)> {
    let page = access::locked(ctx, team, project).await?;
    let old = list::one(ctx, &page, id).await?;
    if ctx.caller.user_id() != Some(old.owner_id) {
        require_others(&page, id)?;
    }
    require_secret_of(ctx, &page, old.owner_id).await?;
    let now = ctx.now;
    if old.replaced_by.is_some() {
        return Err(Error::refused(
            Code::WrongState,
            format!("Key '{}' has been rotated already", old.name),
        ));
    }
    if old.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::refused(
            Code::WrongState,
            format!("Key '{}' has expired. Create a new one.", old.name),
        ));
    }
    let lifetime = old.expires_at.map(|end| end - old.created_at);
    let expires_at = expires_at.unwrap_or_else(|| lifetime.map(|lifetime| end_after(now, lifetime)));
    check_end("expires_at", expires_at, now)?;
    let end = now + overlap.0;
    let old_end = old.expires_at.map_or(end, |own| own.min(end));
    let secret = Secret::generate(PREFIX);
    let (new, by) = (Uuid::now_v7(), ctx.caller.user_id().map(|id| id.0));
    // One statement: the old key gives its name away before the new one takes it.
    sqlx::query!(
        "WITH old AS (
            UPDATE api_keys SET replaced_by = $2, expires_at = $3 WHERE id = $1 AND replaced_by IS NULL
            RETURNING team_id, project_id, owner_id, name)
        INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, key_hash, created_at, created_by, expires_at)
        SELECT $2, team_id, project_id, owner_id, name, $4, $5, $6, $7, $8 FROM old",
        id.0,
        new,
        old_end,
        secret.beginning(SHOWN),
        &secret.hash()[..],
        now,
        by,
        expires_at,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, &old.name))?;
    let key = list::one(ctx, &page, KeyId(new)).await?;
    let mut before = create::fields(&page, &old);
    before["works_until"] = serde_json::json!(old_end);
    create::record(ctx, &page, "key.rotate", &key, before, create::fields(&page, &key)).await?;
    Ok((key, secret))
}
