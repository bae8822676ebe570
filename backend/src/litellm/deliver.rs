//! The worker: takes what is due, delivers it, and writes down how that went.

mod claim;
mod record;

pub(crate) use record::OUT_OF_REACH;

use std::{
    future::ready,
    time::{Duration, Instant},
};

use claim::{Claim, Taken};
use futures_util::{StreamExt as _, stream};
use integrations::litellm::{Breaker, Error as Refusal};
use tokio::sync::mpsc;

use super::{
    Instance, Object,
    push::{self, Delivered, Failure},
};
use crate::{Backend, Result};

/// How many are taken at once, and how many of them are under way together.
const BATCH: usize = 64;
const TOGETHER: usize = 8;
/// How long one delivery may take, all its calls and their retries together.
const PATIENCE: Duration = Duration::from_secs(100);
/// How long what was taken is left alone by others: longer than a delivery, so that no two are at one object.
const CLAIM: Duration = Duration::from_secs(130);

/// Delivers what is due at every instance until there is nothing left that is, and says how many deliveries worked.
/// Several processes may do this at once: each takes its own.
///
/// # Errors
/// When the database does not answer. What LiteLLM does is written down with each object.
pub async fn deliver_due(backend: &Backend) -> Result<u64> {
    let mut delivered = 0;
    for instance in backend.litellm.iter() {
        while !matches!(instance.client.breaker(), Breaker::Open { .. }) {
            let worked = deliver_some(backend, instance, claim::due(backend, instance).await?).await?;
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

/// Delivers what was taken. While some are under way, what came of others is written down, as many at once as there are.
async fn deliver_some(backend: &Backend, instance: &Instance, claims: Vec<Claim>) -> Result<u64> {
    let (attempted, mut attempts) = mpsc::unbounded_channel();
    let deliveries = async move {
        stream::iter(claims)
            // What waited for slow ones until its claim is nearly over is another's to take.
            .filter(|claim| ready(claim.taken.elapsed() + PATIENCE < CLAIM))
            .map(|claim| attempt(backend, instance, claim))
            .buffer_unordered(TOGETHER)
            .for_each(|attempt| {
                // Whoever listens is there as long as this.
                let _ = attempted.send(attempt);
                ready(())
            })
            .await;
    };
    let recording = async {
        let (mut worked, mut failure, mut some) = (0, None, Vec::new());
        while attempts.recv_many(&mut some, BATCH).await > 0 {
            match record::all(backend, instance, std::mem::take(&mut some)).await {
                Ok(count) => worked += count,
                // The others are written down all the same: what LiteLLM did is not undone.
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(worked), Err)
    };
    tokio::join!(deliveries, recording).1
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
                match claim::one(backend, instance, object).await? {
                    Taken::Nothing => break,
                    Taken::ByAnother => tokio::time::sleep(Duration::from_millis(50)).await,
                    Taken::Claim(claim) => {
                        let attempt = attempt(backend, instance, claim).await;
                        if record::all(backend, instance, vec![attempt]).await? > 0 {
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

/// One delivery, and what came of it.
struct Attempt {
    claim: Claim,
    outcome: Result<Delivered, Failure>,
    took: Duration,
}

/// Delivers one object. A process that dies before the outcome is written down leaves a claim that ends, and the delivery
/// is made again.
async fn attempt(backend: &Backend, instance: &Instance, claim: Claim) -> Attempt {
    let began = Instant::now();
    let pushing = push::push(&backend.pool, &instance.client, claim.object);
    let outcome = tokio::time::timeout(PATIENCE, pushing)
        .await
        .unwrap_or_else(|_| Err(Failure::LiteLlm(Refusal::Ambiguous("no answer in time".to_owned()))));
    Attempt {
        claim,
        outcome,
        took: began.elapsed(),
    }
}
