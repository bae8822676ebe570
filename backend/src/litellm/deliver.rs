//! The worker: takes what is due, delivers it, and writes down how that went.

use std::time::{Duration, Instant};

use domain::{DEFAULT_TEAM, KeyId, TeamId, UserId};
use futures_util::{StreamExt as _, stream};
use integrations::litellm::{Breaker, Error as Refusal};
use uuid::Uuid;

use super::{
    Instance, Object,
    push::{self, Delivered, Failure},
};
use crate::{
    Backend, Result,
    measure::{self, Target},
};

/// How many are taken at once, and how many of them are under way together.
const BATCH: i64 = 64;
const TOGETHER: usize = 8;
/// How long one delivery may take, all its calls and their retries together.
const PATIENCE: Duration = Duration::from_secs(100);
/// How long what was taken is left alone by others: longer than a delivery, so that no two are at one object.
const CLAIM: Duration = Duration::from_secs(130);
/// The longest pause between two tries (DESIGN.md, section 2).
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After so many tries something that LiteLLM refuses waits for a person. What is out of reach is tried for ever.
const TRIES: i32 = 8;

/// What was taken.
#[derive(Debug, Clone, Copy)]
struct Claim {
    object: Object,
    /// The version of the truth that is wanted; what changes later makes it another.
    wanted: i64,
    attempts: i32,
    /// LiteLLM never had it, as far as we know.
    first: bool,
}

/// Delivers what is due at every instance until there is nothing left that is, and says how many deliveries worked.
/// Several processes may do this at once: each takes its own.
///
/// # Errors
/// When the database does not answer. What LiteLLM does is written down with each object.
pub async fn deliver_due(backend: &Backend) -> Result<u64> {
    let mut delivered = 0;
    for instance in backend.litellm.iter() {
        while !matches!(instance.client.breaker(), Breaker::Open { .. }) {
            let claims = claim_due(backend, instance).await?;
            let outcomes: Vec<Result<bool>> = stream::iter(claims)
                .map(|claim| deliver(backend, instance, claim))
                .buffer_unordered(TOGETHER)
                .collect()
                .await;
            let mut worked = 0;
            for outcome in outcomes {
                worked += u64::from(outcome?);
            }
            delivered += worked;
            // What was delivered may have been waited for. With nothing but failures there is no hurry.
            if worked == 0 {
                break;
            }
        }
        super::orphans::remove_due(backend, instance).await?;
    }
    Ok(delivered)
}

/// Takes what is due, in the order of the changes: teams, people, memberships, keys. What belongs together comes
/// together: a person after the Default Team and a membership after both its ends are there.
async fn claim_due(backend: &Backend, instance: &Instance) -> Result<Vec<Claim>> {
    let rows = sqlx::query!(
        r#"UPDATE litellm_objects o SET claimed_until = clock_timestamp() + make_interval(secs => $3)
        FROM (SELECT instance, kind, object_id, user_id FROM litellm_objects d
            WHERE instance = $1 AND state IN ('pending', 'failed') AND due_at <= clock_timestamp()
                AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
                AND NOT EXISTS (SELECT FROM litellm_objects before WHERE before.instance = $1 AND before.synced = 0
                    AND before.state <> 'parked'
                    AND (d.kind = 'member' AND (before.kind = 'team' AND before.object_id = d.object_id
                            OR before.kind = 'user' AND before.object_id = d.user_id)
                        OR d.kind = 'user' AND before.kind = 'team' AND before.object_id = $4))
            ORDER BY array_position(ARRAY['team', 'user', 'member', 'key'], kind), changed_at, object_id, user_id
            LIMIT $2 FOR UPDATE SKIP LOCKED) due
        WHERE o.instance = due.instance AND o.kind = due.kind AND o.object_id = due.object_id AND o.user_id = due.user_id
        RETURNING o.kind, o.object_id, o.user_id, o.wanted, o.attempts, o.synced = 0 AS "first!""#,
        instance.name(),
        BATCH,
        CLAIM.as_secs_f64(),
        DEFAULT_TEAM.0,
    )
    .fetch_all(&backend.pool)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Claim {
                object: Object::new(&row.kind, row.object_id, row.user_id)?,
                wanted: row.wanted,
                attempts: row.attempts,
                first: row.first,
            })
        })
        .collect())
}

/// Takes one object whatever its pause, unless it is there already or somebody else has it.
async fn claim_one(backend: &Backend, instance: &Instance, object: Object) -> Result<Taken> {
    let (kind, id, user) = object.parts();
    let row = sqlx::query!(
        r#"WITH taken AS (
            UPDATE litellm_objects SET claimed_until = clock_timestamp() + make_interval(secs => $5)
            WHERE instance = $1 AND kind = $2 AND object_id = $3 AND user_id = $4 AND state <> 'synced'
                AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
            RETURNING wanted, attempts, synced = 0 AS first)
        SELECT o.state, taken.wanted AS "wanted?", taken.attempts AS "attempts?", taken.first AS "first?",
            o.last_error
        FROM litellm_objects o LEFT JOIN taken ON true
        WHERE o.instance = $1 AND o.kind = $2 AND o.object_id = $3 AND o.user_id = $4"#,
        instance.name(),
        kind,
        id,
        user,
        CLAIM.as_secs_f64(),
    )
    .fetch_optional(&backend.pool)
    .await?;
    Ok(match row {
        None => Taken::Nothing,
        Some(row) => match (row.wanted, row.attempts) {
            (Some(wanted), Some(attempts)) => Taken::Claim(Claim {
                object,
                wanted,
                attempts,
                first: row.first.unwrap_or_default(),
            }),
            _ if row.state == "synced" => Taken::Nothing,
            _ => Taken::ByAnother,
        },
    })
}

enum Taken {
    Claim(Claim),
    /// There is nothing to deliver.
    Nothing,
    ByAnother,
}

/// Why something that somebody waits for is not there.
#[derive(Debug, Clone)]
pub struct Undelivered {
    /// Whether it may come by itself: LiteLLM is out of reach, or the time was up.
    pub transient: bool,
    /// Why, in words that people may read.
    pub message: String,
}

/// Delivers objects now, one after the other, for somebody who waits: `within` bounds all of it. What is there already
/// costs one look.
///
/// # Errors
/// The outer one when the database does not answer; the inner one says which delivery did not work. The worker goes on
/// with it.
pub async fn deliver_now(
    backend: &Backend,
    instance: &Instance,
    objects: &[Object],
    within: Duration,
) -> Result<Result<(), Undelivered>> {
    let late = || Undelivered {
        transient: true,
        message: "LiteLLM did not answer in time".to_owned(),
    };
    let all = async {
        for &object in objects {
            loop {
                match claim_one(backend, instance, object).await? {
                    Taken::Nothing => break,
                    Taken::ByAnother => tokio::time::sleep(Duration::from_millis(50)).await,
                    Taken::Claim(claim) => {
                        if deliver(backend, instance, claim).await? {
                            break;
                        }
                        return Ok(Err(why(backend, instance, object).await?));
                    }
                }
            }
        }
        Ok(Ok(()))
    };
    tokio::time::timeout(within, all)
        .await
        .unwrap_or_else(|_| Ok(Err(late())))
}

/// What was written down about a failure.
async fn why(backend: &Backend, instance: &Instance, object: Object) -> Result<Undelivered> {
    let (kind, id, user) = object.parts();
    let row = sqlx::query!(
        "SELECT state, last_error FROM litellm_objects
        WHERE instance = $1 AND kind = $2 AND object_id = $3 AND user_id = $4",
        instance.name(),
        kind,
        id,
        user,
    )
    .fetch_optional(&backend.pool)
    .await?;
    Ok(Undelivered {
        // What LiteLLM refuses is tried again, too, but hardly by itself comes right.
        transient: matches!(instance.client.breaker(), Breaker::Open { .. })
            || row.as_ref().is_none_or(|row| {
                row.last_error
                    .as_deref()
                    .is_none_or(|error| error.starts_with(OUT_OF_REACH))
            }),
        message: row.and_then(|row| row.last_error).unwrap_or_default(),
    })
}

/// How errors begin that pass by themselves.
const OUT_OF_REACH: &str = "LiteLLM is out of reach: ";

/// Delivers one object and writes down the outcome; true when it is there. A process that dies in between leaves a claim
/// that ends, and the delivery is made again.
async fn deliver(backend: &Backend, instance: &Instance, claim: Claim) -> Result<bool> {
    let began = Instant::now();
    let pushing = push::push(&backend.pool, &instance.client, claim.object);
    let outcome = match tokio::time::timeout(PATIENCE, pushing).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::LiteLlm(Refusal::Ambiguous("no answer in time".to_owned()))),
    };
    match outcome {
        Ok(delivered) => {
            let outcome = outcome_of(&delivered, claim.first);
            settle(backend, instance, claim, delivered).await?;
            tell(instance, claim, outcome, began.elapsed(), None);
            Ok(true)
        }
        Err(Failure::Database(error)) => Err(error),
        Err(failure) => {
            let (outcome, message) = fail(backend, instance, claim, &failure).await?;
            tell(instance, claim, outcome, began.elapsed(), Some(&message));
            Ok(false)
        }
    }
}

/// A delivery that worked, in a word. What LiteLLM had before we first told it of it, existed.
fn outcome_of(delivered: &Delivered, first: bool) -> &'static str {
    match delivered {
        Delivered::Made(_) => "created",
        Delivered::Kept(_) if first => "existed",
        Delivered::Kept(_) => "updated",
        Delivered::Gone | Delivered::KeyRefused(_) => "removed",
    }
}

/// One line in the log for each delivery, and what is counted of it (SPEC C16). What was parked has failed before and does
/// so now.
fn tell(instance: &Instance, claim: Claim, outcome: &'static str, took: Duration, error: Option<&str>) {
    let counted = if error.is_some() { "failed" } else { outcome };
    if error.is_some() {
        measure::sync_errors(Target::LiteLlm, 1);
    }
    match (claim.object, counted) {
        // Changes of someone whom LiteLLM knows are no creation.
        (Object::User(_), "created" | "existed") => measure::user_creation(counted),
        (Object::User(_), "failed") if claim.first => measure::user_creation(counted),
        (Object::Member(..), _) => measure::team_assignment(counted),
        _ => {}
    }
    let (kind, object, user) = claim.object.parts();
    let user = (!user.is_nil()).then(|| tracing::field::display(user));
    let (instance, attempt) = (instance.name(), claim.attempts.saturating_add(1));
    let duration_ms = took.as_secs_f64() * 1000.0;
    if error.is_some() {
        tracing::warn!(instance, kind, %object, user, attempt, outcome, duration_ms, error, "delivery to LiteLLM");
    } else {
        tracing::info!(instance, kind, %object, user, attempt, outcome, duration_ms, "delivery to LiteLLM");
    }
}

async fn settle(backend: &Backend, instance: &Instance, claim: Claim, delivered: Delivered) -> Result<()> {
    let (kind, id, user) = claim.object.parts();
    let mut transaction = backend.pool.begin().await?;
    let (gone, note) = match delivered {
        Delivered::Kept(note) | Delivered::Made(note) => (false, note),
        Delivered::Gone => (true, None),
        Delivered::KeyRefused(key) => {
            refused(&mut transaction, key).await?;
            (true, None)
        }
    };
    if gone {
        sqlx::query!(
            "DELETE FROM litellm_objects
            WHERE instance = $1 AND kind = $2 AND object_id = $3 AND user_id = $4 AND wanted = $5",
            instance.name(),
            kind,
            id,
            user,
            claim.wanted,
        )
        .execute(&mut *transaction)
        .await?;
    }
    // What changed meanwhile is due again, at once.
    sqlx::query!(
        "UPDATE litellm_objects SET synced = $5, state = CASE WHEN wanted = $5 THEN 'synced' ELSE 'pending' END,
            attempts = 0, claimed_until = NULL, synced_at = clock_timestamp(), last_error = NULL, note = $6,
            changed_at = CASE WHEN wanted = $5 THEN changed_at ELSE clock_timestamp() END
        WHERE instance = $1 AND kind = $2 AND object_id = $3 AND user_id = $4",
        instance.name(),
        kind,
        id,
        user,
        claim.wanted,
        note,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Only now is a revoked key called revoked (SPEC C12).
async fn refused(connection: &mut sqlx::PgConnection, key: KeyId) -> Result<()> {
    sqlx::query!(
        "UPDATE api_keys SET litellm_state = 'gone' WHERE id = $1 AND litellm_state = 'revoking'",
        key.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a failure down; says whether it is tried again, and what was written.
async fn fail(
    backend: &Backend,
    instance: &Instance,
    claim: Claim,
    failure: &Failure,
) -> Result<(&'static str, String)> {
    let (kind, id, user) = claim.object.parts();
    let (transient, asked_to_wait) = match failure {
        Failure::LiteLlm(error) => {
            let wait = match error {
                Refusal::CircuitOpen { retry_after } => Some(*retry_after),
                Refusal::RateLimited { retry_after } => *retry_after,
                _ => None,
            };
            // An answer that nobody can read is a page of whoever stands before LiteLLM while it is away.
            (error.is_transient() || error.is_ambiguous(), wait)
        }
        Failure::NotThere(_) | Failure::Database(_) => (false, None),
    };
    let message = if transient {
        format!("{OUT_OF_REACH}{failure}")
    } else {
        failure.to_string()
    };
    let attempts = claim.attempts.saturating_add(1);
    let pause = asked_to_wait
        .unwrap_or_else(|| pause_after(attempts))
        .min(LONGEST_PAUSE);
    let parked = !transient && attempts >= TRIES;
    sqlx::query!(
        "UPDATE litellm_objects SET attempts = $6, claimed_until = NULL, last_error = $7,
            state = CASE WHEN wanted <> $5 THEN 'pending' WHEN $8 THEN 'parked' ELSE 'failed' END,
            due_at = clock_timestamp() + make_interval(secs => $9)
        WHERE instance = $1 AND kind = $2 AND object_id = $3 AND user_id = $4",
        instance.name(),
        kind,
        id,
        user,
        claim.wanted,
        attempts,
        message,
        parked,
        pause.as_secs_f64(),
    )
    .execute(&backend.pool)
    .await?;
    Ok((if parked { "parked" } else { "failed" }, message))
}

/// 1, 2, 4 … 60 seconds, a little apart, so that what failed together does not come back together.
fn pause_after(attempts: i32) -> Duration {
    let exponent = u32::try_from(attempts - 1).unwrap_or(0).min(6);
    Duration::from_secs(1 << exponent)
        .min(LONGEST_PAUSE)
        .mul_f64(rand::random_range(0.8..1.0))
}

impl Object {
    /// From the columns; none for a kind of a newer version.
    fn new(kind: &str, id: Uuid, user: Uuid) -> Option<Self> {
        Some(match kind {
            "team" => Self::Team(TeamId(id)),
            "user" => Self::User(UserId(id)),
            "member" => Self::Member(TeamId(id), UserId(user)),
            "key" => Self::Key(KeyId(id)),
            _ => return None,
        })
    }

    /// As columns.
    pub(crate) fn parts(self) -> (&'static str, Uuid, Uuid) {
        match self {
            Self::Team(id) => ("team", id.0, Uuid::nil()),
            Self::User(id) => ("user", id.0, Uuid::nil()),
            Self::Member(team, user) => ("member", team.0, user.0),
            Self::Key(id) => ("key", id.0, Uuid::nil()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST_PAUSE, pause_after};

    #[test]
    fn pauses_grow_and_end_at_a_minute() {
        assert!(pause_after(1) <= Duration::from_secs(1));
        assert!(pause_after(4) > Duration::from_secs(6));
        for attempts in [7, 20, i32::MAX] {
            assert!(pause_after(attempts) <= LONGEST_PAUSE);
            assert!(pause_after(attempts) > LONGEST_PAUSE / 2);
        }
    }
}
