//! The caller's personal access tokens.

use backend::tokens;
use chrono::TimeDelta;
use domain::TokenName;
use leptos::prelude::*;

use crate::{
    forms::{ApiError, Done, Sent},
    pages::tokens::{FORM, show_once},
    ssr::Error,
};

/// Creates a token; the next page shows it, once.
#[server(prefix = "/actions", endpoint = "tokens/create")]
pub async fn create_token(#[server(default)] name: String, #[server(default)] expires: String) -> Result<(), ApiError> {
    let sent = Sent {
        form: FORM,
        values: &[("name", &name), ("expires", &expires)],
        back: "/tokens",
    };
    sent.run(async |ctx| {
        let name = TokenName::parse(&name)?;
        let days = match expires.as_str() {
            "7" | "30" | "90" | "365" => expires.parse().ok(),
            "never" => None,
            _ => return Err(Error::invalid("expires", "must be one of the list")),
        };
        let (owner, end) = (ctx.person()?.id, days.map(|days| ctx.now + TimeDelta::days(days)));
        let (token, secret) = tokens::create(ctx, owner, &name, end).await?;
        show_once(secret.reveal()).await;
        Ok(Done::new("/tokens", format!("Token {} was created.", token.name)))
    })
    .await
}

/// Revokes a token.
#[server(prefix = "/actions", endpoint = "tokens/revoke")]
pub async fn revoke_token(#[server(default)] token: String) -> Result<(), ApiError> {
    let sent = Sent {
        form: "revoke-token",
        values: &[],
        back: "/tokens",
    };
    sent.run(async |ctx| {
        let id = token.parse().map_err(|_| Error::not_found("Token", &token))?;
        tokens::revoke(ctx, id).await?;
        Ok(Done::new("/tokens", "The token was revoked."))
    })
    .await
}
