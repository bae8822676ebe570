//! The groups of somebody who signs in (SPEC E6): bounded in time, and never a reason why they do not get in.

use std::time::{Duration, Instant};

use backend::{
    Backend, RequestInfo,
    identity_links::{self, Seen},
};
use domain::UserId;
use integrations::{graph, oidc::Identity};

/// When groups that were not read in time are asked for again, with the token of the person. After the last one the
/// scheduled sync and the next sign-in are left.
const AGAIN: [Duration; 3] = [Duration::from_secs(5), Duration::from_mins(1), Duration::from_mins(10)];

/// Brings somebody's memberships in line with their groups. What the directory does not say in time is asked for again
/// while they are in already; nobody loses anything by it.
pub(super) async fn follow(backend: &Backend, user: UserId, identity: &Identity, request: &RequestInfo) {
    let claims = Seen::of_claims(identity);
    if let Err(error) = identity_links::sign_in(backend, user, &claims, request).await {
        tracing::error!(%user, %error, "the groups of a token were not followed");
    }
    let Some(graph) = &backend.graph else { return };
    if identity.access_token.is_none() && identity.directory_id.is_none() {
        return;
    }
    let wait = backend.settings.entra.sign_in_time;
    let reading = read(graph, user, identity, wait, backend, request);
    // Graph's deadline ends its calls; this ends what comes after them, too.
    let outcome = tokio::time::timeout(wait, reading).await;
    let error = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(_) => "it took too long".to_owned(),
    };
    tracing::warn!(%user, error, "the groups of somebody who signed in were not read: they keep what they have");
    let (backend, identity, request) = (backend.clone(), identity.clone(), request.clone());
    tokio::spawn(async move { again(&backend, user, &identity, &request).await });
}

async fn read(
    graph: &graph::Graph,
    user: UserId,
    identity: &Identity,
    wait: Duration,
    backend: &Backend,
    request: &RequestInfo,
) -> Result<(), String> {
    let asked = graph
        .with_deadline(Instant::now() + wait)
        .groups(identity.access_token.as_ref(), identity.directory_id.as_deref())
        .await;
    let outcome = match asked {
        Ok(groups) => identity_links::sign_in(backend, user, &Seen::of_graph(groups), request)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Some(id) = &identity.directory_id
        && let Err(error) =
            identity_links::note_reading(backend, user, id, outcome.as_ref().err().map(String::as_str)).await
    {
        tracing::error!(%user, %error, "it was not noted whether the groups of somebody were read");
    }
    outcome
}

async fn again(backend: &Backend, user: UserId, identity: &Identity, request: &RequestInfo) {
    for pause in AGAIN {
        tokio::time::sleep(pause).await;
        let Some(graph) = &backend.graph else { return };
        match read(graph, user, identity, Duration::from_mins(1), backend, request).await {
            Ok(()) => return tracing::info!(%user, "the groups of somebody who signed in were read, later"),
            Err(error) => tracing::warn!(%user, error, "the groups of somebody who signed in cannot be read still"),
        }
    }
}
