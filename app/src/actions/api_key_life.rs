//! Claiming, rotating and revoking keys for models, and starting their spending anew.

use backend::{api_keys, keys::Overlap};
use domain::{ApiKeyStatus, Invalid};
use leptos::prelude::*;
use secrecy::ExposeSecret as _;

use super::{
    api_keys::{key_id, key_page, show},
    visitor,
};
use crate::{
    forms::{ApiError, Sent, describe},
    pages::keys::{CHANGE, show_made},
    ssr::{self, Code, Error},
};

/// Claims a pending key; the next page shows it, once.
#[server(prefix = "/actions", endpoint = "api-keys/claim")]
pub async fn claim_api_key(#[server(default)] key: String) -> Result<(), ApiError> {
    let claimed = async {
        let (visit, caller) = visitor()?;
        api_keys::claim(&visit.backend, caller, visit.request, key_id(&key)?).await
    };
    match claimed.await {
        Ok(made) => show(made).await,
        Err(error) => refuse(&key, error).await,
    }
    Ok(())
}

/// Back to the key's page, with what is wrong.
async fn refuse(key: &str, error: Error) {
    let sent = Sent {
        form: CHANGE,
        values: &[],
        back: &key_page(key),
    };
    // The page has no field to show an error beside.
    let error = match error {
        Error::Invalid(fields) => {
            let words: Vec<String> = fields.iter().map(ToString::to_string).collect();
            Error::refused(Code::Validation, words.join("; "))
        }
        other => other,
    };
    sent.refuse(error).await;
}

/// Rotates a key; the next page shows the new one, once.
#[server(prefix = "/actions", endpoint = "api-keys/rotate")]
pub async fn rotate_api_key(
    #[server(default)] key: String,
    #[server(default)] overlap: String,
) -> Result<(), ApiError> {
    let rotated = async {
        let seconds = overlap
            .parse()
            .map_err(|_| Invalid::new("overlap_seconds", "must be one of the list"))?;
        let overlap = Overlap::seconds(Some(seconds))?;
        let (visit, caller) = visitor()?;
        api_keys::rotate(&visit.backend, caller, visit.request, key_id(&key)?, overlap, None).await
    };
    match rotated.await {
        Ok((new, secret)) => {
            show_made(&new, secret.expose_secret()).await;
            ssr::set_flash("success", format!("Key {} was rotated.", new.name)).await;
            ssr::redirect(&format!("/keys/{}", new.id));
        }
        Err(error) => refuse(&key, error).await,
    }
    Ok(())
}

/// Revokes a key, or asks LiteLLM again about one that is being revoked.
#[server(prefix = "/actions", endpoint = "api-keys/revoke")]
pub async fn revoke_api_key(#[server(default)] key: String) -> Result<(), ApiError> {
    let revoked = async {
        let (visit, caller) = visitor()?;
        api_keys::revoke(&visit.backend, caller, visit.request, key_id(&key)?).await
    };
    match revoked.await {
        Ok(revoked) if revoked.status == ApiKeyStatus::Revoking => {
            let text = format!(
                "Key {} is being revoked: LiteLLM has not confirmed it yet.",
                revoked.name
            );
            ssr::set_flash("warning", text).await;
            ssr::redirect(&key_page(&key));
        }
        Ok(revoked) => {
            ssr::set_flash("success", format!("Key {} was revoked.", revoked.name)).await;
            ssr::redirect(&key_page(&key));
        }
        Err(error) => refuse(&key, error).await,
    }
    Ok(())
}

/// Lets a key's spending start anew.
#[server(prefix = "/actions", endpoint = "api-keys/reset-spend")]
pub async fn reset_api_key_spend(#[server(default)] key: String) -> Result<(), ApiError> {
    let reset = async {
        let (visit, caller) = visitor()?;
        api_keys::reset_spend(&visit.backend, caller, visit.request, key_id(&key)?).await
    };
    match reset.await {
        Ok(reset) => ssr::set_flash("success", format!("The spending of key {} starts anew.", reset.name)).await,
        Err(error) => ssr::set_flash("danger", describe(&error)).await,
    }
    ssr::redirect(&key_page(&key));
    Ok(())
}
