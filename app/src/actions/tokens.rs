//! The caller's personal access tokens.

use backend::{
    kubernetes_door::{self, NewKubeconfig},
    tokens,
};
use chrono::TimeDelta;
use domain::TokenName;
use leptos::prelude::*;

use crate::{
    forms::{ApiError, Done, Sent},
    pages::tokens::{FORM, KUBECONFIG, Made, show_once},
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
        show_once(&Made::Token(secret.reveal().to_owned())).await;
        Ok(Done::new("/tokens", format!("Token {} was created.", token.name)))
    })
    .await
}

/// Creates a token for kubectl; the next page shows the kubeconfig with it, once.
#[server(prefix = "/actions", endpoint = "tokens/kubeconfig")]
pub async fn create_kubeconfig(
    #[server(default)] lifetime: String,
    #[server(default)] namespace: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: KUBECONFIG,
        values: &[("lifetime", &lifetime), ("namespace", &namespace)],
        back: "/tokens",
    };
    sent.run(async |ctx| {
        let days = match lifetime.as_str() {
            "30" => 30,
            "90" => 90,
            "365" => 365,
            _ => return Err(Error::invalid("lifetime", "must be one of the list")),
        };
        let new = NewKubeconfig {
            lifetime: TimeDelta::days(days),
            namespace: Some(namespace.trim().to_owned()).filter(|name| !name.is_empty()),
        };
        let text = kubernetes_door::create(ctx, &new).await?;
        show_once(&Made::Kubeconfig(text)).await;
        Ok(Done::new(
            "/tokens",
            "The kubeconfig was created, with a token of its own.",
        ))
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
