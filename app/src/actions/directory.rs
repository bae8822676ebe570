//! Connecting an organization's directory: its SCIM tokens.

use backend::scim;
use chrono::TimeDelta;
use domain::TokenName;
use leptos::prelude::*;

use super::organizations::{key, organization_page};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::organizations::directory::{FORM, show_once},
    ssr::Error,
};

/// Creates a SCIM token; the next page shows it, once.
#[server(prefix = "/actions", endpoint = "organizations/scim-tokens/create")]
pub async fn create_scim_token(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] name: String,
    #[server(default)] expires: String,
) -> Result<(), ApiError> {
    let back = format!("{}/directory", organization_page(&organization, &at));
    let sent = Sent {
        form: FORM,
        values: &[("name", &name), ("expires", &expires)],
        back: &back,
    };
    sent.run(async |ctx| {
        let name = TokenName::parse(&name)?;
        let days = match expires.as_str() {
            "90" | "365" | "730" => expires.parse().ok(),
            "never" => None,
            _ => return Err(Error::invalid("expires", "must be one of the list")),
        };
        let end = days.map(|days| ctx.now + TimeDelta::days(days));
        let (token, secret) = scim::create_token(ctx, &key(&organization)?, &name, end).await?;
        show_once(secret.reveal()).await;
        Ok(Done::new(back.clone(), format!("Token {} was created.", token.name)))
    })
    .await
}

/// Revokes a SCIM token.
#[server(prefix = "/actions", endpoint = "organizations/scim-tokens/revoke")]
pub async fn revoke_scim_token(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] token: String,
) -> Result<(), ApiError> {
    let back = format!("{}/directory", organization_page(&organization, &at));
    let sent = Sent {
        form: "revoke-scim-token",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let id = token.parse().map_err(|_| Error::not_found("SCIM token", &token))?;
        scim::revoke_token(ctx, &key(&organization)?, id).await?;
        Ok(Done::new(back.clone(), "The token was revoked."))
    })
    .await
}
