//! Machine clients.

use backend::machines::{self, MachinePatchInput, NewMachineInput};
use domain::MachineClientId;
use leptos::prelude::*;

use crate::{
    forms::{ApiError, Done, Sent},
    pages::machines::FORM,
    ssr::{self, Error},
};

const PAGE: &str = "/admin/machine-clients";

fn client_id(text: &str) -> ssr::Result<MachineClientId> {
    text.parse().map_err(|_| Error::not_found("OAuth client", text))
}

/// Registers a program for a team.
#[server(prefix = "/actions", endpoint = "machines/create")]
pub async fn create_machine(
    #[server(default)] client_id: String,
    #[server(default)] name: String,
    #[server(default)] team_id: String,
    #[server(default)] description: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: FORM,
        values: &[
            ("client_id", &client_id),
            ("name", &name),
            ("team_id", &team_id),
            ("description", &description),
        ],
        back: PAGE,
    };
    sent.run(async |ctx| {
        let team_id = super::team_named(ctx, &team_id).await?;
        let input = NewMachineInput {
            client_id: client_id.clone(),
            name: Some(name.clone()),
            description: Some(description.clone()),
            team_id,
        };
        let client = machines::create(ctx, input.parse()?).await?;
        let words = format!("{} may provision runners for {} now.", client.name, client.team_name);
        Ok(Done::new(PAGE, words))
    })
    .await
}

/// Disables or enables a program.
#[server(prefix = "/actions", endpoint = "machines/switch")]
pub async fn switch_machine(#[server(default)] client: String, #[server(default)] on: String) -> Result<(), ApiError> {
    let sent = Sent {
        form: "machine-client",
        values: &[],
        back: PAGE,
    };
    sent.run(async |ctx| {
        let on = match on.as_str() {
            "true" => true,
            "false" => false,
            _ => return Err(Error::invalid("on", "must be true or false")),
        };
        let patch = MachinePatchInput {
            is_active: Some(on),
            ..MachinePatchInput::default()
        };
        let client = machines::update(ctx, client_id(&client)?, patch.parse()?).await?;
        let state = if on { "enabled" } else { "disabled" };
        Ok(Done::new(PAGE, format!("{} is {state}.", client.name)))
    })
    .await
}

/// Removes a program.
#[server(prefix = "/actions", endpoint = "machines/delete")]
pub async fn delete_machine(#[server(default)] client: String) -> Result<(), ApiError> {
    let sent = Sent {
        form: "machine-client",
        values: &[],
        back: PAGE,
    };
    sent.run(async |ctx| {
        let client = machines::delete(ctx, client_id(&client)?).await?;
        Ok(Done::new(PAGE, format!("{} was deleted.", client.name)))
    })
    .await
}
