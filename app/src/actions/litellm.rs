//! Trying again what LiteLLM does not have, comparing, and doing something about a difference.

use backend::litellm::{self, Decision, Retry};
use leptos::prelude::*;

use super::visitor;
use crate::{
    forms::{ApiError, Done, Sent, describe},
    pages::sync::LITELLM_FORM,
    ssr::{self, Error},
    ui,
};

/// The page of an instance.
fn page(instance: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(instance.as_bytes()).collect();
    format!("/admin/sync/litellm?instance={name}")
}

/// Tries one object, or all of an instance, now.
#[server(prefix = "/actions", endpoint = "litellm/retry")]
pub async fn retry_litellm(#[server(default)] id: String, #[server(default)] instance: String) -> Result<(), ApiError> {
    let back = page(&instance);
    let sent = Sent {
        form: LITELLM_FORM,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let what = if id.is_empty() {
            Retry::All(instance.clone())
        } else {
            Retry::One(id.parse().map_err(|_| Error::not_found("Object", &id))?)
        };
        let count = i64::try_from(litellm::retry(ctx, &what).await?).unwrap_or(i64::MAX);
        Ok(Done::new(
            &back,
            format!(
                "{} tried again now. Reload to see how it went.",
                ui::plural(count, "change")
            ),
        ))
    })
    .await
}

/// Compares an instance with what it should have.
#[server(prefix = "/actions", endpoint = "litellm/compare")]
pub async fn compare_litellm(#[server(default)] instance: String) -> Result<(), ApiError> {
    let back = page(&instance);
    let sent = Sent {
        form: LITELLM_FORM,
        values: &[],
        back: &back,
    };
    let mut begun = None;
    sent.run(async |ctx| {
        begun = Some((ctx.backend.clone(), litellm::begin(ctx, &instance).await?));
        Ok(Done::new(
            &back,
            "The comparison has begun. Reload to see what it found.",
        ))
    })
    .await?;
    // After the commit: it has to find its own row.
    if let Some((backend, id)) = begun {
        litellm::start(backend, id, instance);
    }
    Ok(())
}

/// Does something about a difference.
#[server(prefix = "/actions", endpoint = "litellm/settle")]
pub async fn settle_litellm(
    #[server(default)] id: String,
    #[server(default)] decision: String,
    #[server(default)] instance: String,
) -> Result<(), ApiError> {
    let back = page(&instance);
    let settled = async {
        let id = id.parse().map_err(|_| Error::not_found("Difference", &id))?;
        let (decision, words) = match decision.as_str() {
            "push" => (Decision::Push, "On its way to LiteLLM."),
            "remove" => (Decision::Remove, "Removed at LiteLLM."),
            _ => return Err(Error::invalid("decision", "must be one of: push, remove")),
        };
        let (visit, caller) = visitor()?;
        litellm::settle(&visit.backend, caller, visit.request, id, decision).await?;
        Ok(words)
    };
    match settled.await {
        Ok(words) => ssr::set_flash("success", words).await,
        Err(error) => ssr::set_flash("danger", describe(&error)).await,
    }
    ssr::redirect(&back);
    Ok(())
}
