//! Which models there are to choose from.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::Backend;

/// How long an answer of LiteLLM's is believed.
const FRESH: Duration = Duration::from_mins(1);
/// How long a form waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The models of an instance, and when it named them.
type Named = (Instant, Vec<String>);

/// By instance's address: tests have many instances of one name.
static KNOWN: LazyLock<Mutex<HashMap<String, Named>>> = LazyLock::new(Mutex::default);

/// The models that the default proxy offers, by name; none when it does not say in time. Call it without a transaction or
/// a connection.
pub async fn offered(backend: &Backend) -> Vec<String> {
    let Some(instance) = backend.litellm.get(None) else {
        return Vec::new();
    };
    let known = KNOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&instance.url)
        .cloned();
    if let Some((at, models)) = &known
        && at.elapsed() < FRESH
    {
        return models.clone();
    }
    match tokio::time::timeout(PATIENCE, instance.client.models()).await {
        Ok(Ok(models)) => {
            let models: Vec<String> = models.into_iter().map(|model| model.name).collect();
            KNOWN
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(instance.url.clone(), (Instant::now(), models.clone()));
            models
        }
        // Old names are better than none.
        _ => known.map(|(_, models)| models).unwrap_or_default(),
    }
}
