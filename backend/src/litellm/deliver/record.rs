//! Writing down how deliveries went: in the outbox, in the log, and as figures.

use std::time::Duration;

use domain::KeyId;
use integrations::litellm::Error as Refusal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Attempt, Claim};
use crate::{
    Backend, Result,
    litellm::{
        Instance, Object,
        push::{Delivered, Failure},
    },
    measure::{self, Target},
};

/// The longest pause between two tries (DESIGN.md, section 2).
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After so many tries something that LiteLLM refuses waits for a person. What is out of reach is tried for ever.
const TRIES: i32 = 8;
/// How errors begin that pass by themselves.
pub(crate) const OUT_OF_REACH: &str = "LiteLLM is out of reach: ";

/// Writes down what came of deliveries, and says how many worked.
///
/// # Errors
/// When the database does not answer, or did not during a delivery. What is not written down is delivered again when its
/// claim ends.
pub(super) async fn all(backend: &Backend, instance: &Instance, attempts: Vec<Attempt>) -> Result<u64> {
    let (mut kept, mut others) = (Vec::new(), Vec::new());
    for Attempt { claim, outcome, took } in attempts {
        match outcome {
            Ok(Delivered::Kept(note)) => kept.push(Kept {
                claim,
                note,
                outcome: "updated",
                took,
            }),
            Ok(Delivered::Made(note)) => kept.push(Kept {
                claim,
                note,
                outcome: "created",
                took,
            }),
            Ok(Delivered::Gone) => others.push((claim, Ok(None), took)),
            Ok(Delivered::KeyRefused(key)) => others.push((claim, Ok(Some(key)), took)),
            Err(failure) => others.push((claim, Err(failure), took)),
        }
    }
    let mut worked = keep(backend, instance, kept).await?;
    let mut broken = None;
    for (claim, outcome, took) in others {
        match outcome {
            Ok(key) => {
                remove(backend, claim, key).await?;
                tell(instance, claim, "removed", took, None);
                worked += 1;
            }
            Err(Failure::Database(error)) => broken = Some(error),
            Err(failure) => {
                let (outcome, message) = fail(backend, claim, &failure).await?;
                tell(instance, claim, outcome, took, Some(&message));
            }
        }
    }
    broken.map_or(Ok(worked), Err)
}

/// A delivery after which LiteLLM has what it should have.
struct Kept {
    claim: Claim,
    note: Option<String>,
    /// In a word.
    outcome: &'static str,
    took: Duration,
}

/// Writes down many at once. Rows that somebody is writing at this moment come after the others and by themselves: who
/// holds several rows while waiting for another might wait for somebody who waits for them.
async fn keep(backend: &Backend, instance: &Instance, kept: Vec<Kept>) -> Result<u64> {
    let ids: Vec<Uuid> = kept.iter().map(|kept| kept.claim.id).collect();
    let wanted: Vec<i64> = kept.iter().map(|kept| kept.claim.wanted).collect();
    let notes: Vec<Option<String>> = kept.iter().map(|kept| kept.note.clone()).collect();
    let mut done = Vec::new();
    // One by itself waits at once.
    if kept.len() > 1 {
        done = sqlx::query_scalar!(
            "WITH held AS (SELECT id FROM litellm_objects WHERE id = ANY($1) FOR UPDATE SKIP LOCKED)
            UPDATE litellm_objects o SET synced = d.wanted, claimed_until = NULL, attempts = 0, last_error = NULL,
                state = CASE WHEN o.wanted = d.wanted THEN 'synced' ELSE 'pending' END,
                synced_at = clock_timestamp(), note = d.note,
                changed_at = CASE WHEN o.wanted = d.wanted THEN o.changed_at ELSE clock_timestamp() END
            FROM held JOIN unnest($1::uuid[], $2::bigint[], $3::text[]) AS d(id, wanted, note) ON d.id = held.id
            WHERE o.id = held.id RETURNING o.id",
            &ids,
            &wanted,
            &notes as &[Option<String>],
        )
        .fetch_all(&backend.pool)
        .await?;
    }
    for kept in &kept {
        let claim = kept.claim;
        if !done.contains(&claim.id) {
            settle(&mut *backend.pool.acquire().await?, claim, kept.note.as_deref()).await?;
        }
        // What LiteLLM had before we first told it of it, existed.
        let existed = claim.first && kept.outcome == "updated";
        tell(
            instance,
            claim,
            if existed { "existed" } else { kept.outcome },
            kept.took,
            None,
        );
    }
    Ok(kept.len() as u64)
}

/// LiteLLM has what was wanted at the time of the claim. What changed meanwhile is due again, at once.
async fn settle(connection: &mut PgConnection, claim: Claim, note: Option<&str>) -> Result<()> {
    sqlx::query!(
        "UPDATE litellm_objects SET synced = $2, state = CASE WHEN wanted = $2 THEN 'synced' ELSE 'pending' END,
            attempts = 0, claimed_until = NULL, synced_at = clock_timestamp(), last_error = NULL, note = $3,
            changed_at = CASE WHEN wanted = $2 THEN changed_at ELSE clock_timestamp() END
        WHERE id = $1",
        claim.id,
        claim.wanted,
        note,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// It is neither here nor there; of a key, LiteLLM refuses it, and only now is it called revoked (SPEC C12).
async fn remove(backend: &Backend, claim: Claim, key: Option<KeyId>) -> Result<()> {
    let mut transaction = backend.pool.begin().await?;
    if let Some(key) = key {
        sqlx::query!(
            "UPDATE api_keys SET litellm_state = 'gone' WHERE id = $1 AND litellm_state = 'revoking'",
            key.0,
        )
        .execute(&mut *transaction)
        .await?;
    }
    sqlx::query!(
        "DELETE FROM litellm_objects WHERE id = $1 AND wanted = $2",
        claim.id,
        claim.wanted,
    )
    .execute(&mut *transaction)
    .await?;
    settle(&mut transaction, claim, None).await?;
    transaction.commit().await?;
    Ok(())
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

/// Writes a failure down; says whether it is tried again, and what was written.
async fn fail(backend: &Backend, claim: Claim, failure: &Failure) -> Result<(&'static str, String)> {
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
        "UPDATE litellm_objects SET attempts = $3, claimed_until = NULL, last_error = $4,
            state = CASE WHEN wanted <> $2 THEN 'pending' WHEN $5 THEN 'parked' ELSE 'failed' END,
            due_at = clock_timestamp() + make_interval(secs => $6)
        WHERE id = $1",
        claim.id,
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
