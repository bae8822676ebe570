//! Provisioning from the console.

use backend::runners::{self, JitInput};
use domain::{split_list, views::Provisioned};
use leptos::prelude::*;

use crate::{
    forms::{ApiError, Sent},
    pages::provision,
    ssr::{self, Code, Error},
};

/// Provisions a runner; the next page shows its configuration, once.
#[server(prefix = "/actions", endpoint = "runners/provision")]
pub async fn provision_runner(
    #[server(default)] team_id: String,
    #[server(default)] runner_name_prefix: String,
    #[server(default)] labels: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: provision::FORM,
        values: &[
            ("team_id", &team_id),
            ("runner_name_prefix", &runner_name_prefix),
            ("labels", &labels),
        ],
        back: "/provision",
    };
    match run(&team_id, &runner_name_prefix, &labels).await {
        Ok(provisioned) => {
            provision::show_once(&provisioned).await;
            ssr::redirect("/provision");
        }
        Err(error) => sent.refuse(error).await,
    }
    Ok(())
}

async fn run(team: &str, prefix: &str, labels: &str) -> ssr::Result<Provisioned> {
    let visit = ssr::visit();
    let caller = visit
        .caller
        .clone()
        .ok_or_else(|| Error::refused(Code::NotAuthenticated, "Not authenticated"))?;
    let team_id = match team.trim() {
        "" => None,
        id => Some(
            id.parse()
                .map_err(|_| Error::invalid("team_id", "must be one of your teams"))?,
        ),
    };
    let input = JitInput {
        runner_name_prefix: Some(prefix.to_owned()),
        labels: split_list(labels),
        team_id,
        ..JitInput::default()
    };
    runners::provision(&visit.backend, caller, visit.request, input.parse()?).await
}
