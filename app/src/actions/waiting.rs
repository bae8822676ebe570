//! Waiting for a runner, and claiming the place that is held.

use backend::runners::{JitInput, waits};
use domain::split_list;
use leptos::prelude::*;

use super::team_id;
use crate::{
    forms::{ApiError, Done, Sent, describe},
    pages::provision,
    ssr::{self, Code, Error},
};

/// The page of those who wait.
const PAGE: &str = "/runners/waiting";

fn visitor() -> ssr::Result<(ssr::Visit, ssr::Caller)> {
    let visit = ssr::visit();
    let caller = visit.caller.clone();
    let caller = caller.ok_or_else(|| Error::refused(Code::NotAuthenticated, "Not authenticated"))?;
    Ok((visit, caller))
}

/// Joins a team's waiting list with what was typed into the form.
#[server(prefix = "/actions", endpoint = "runners/wait")]
pub async fn wait_for_runner(
    #[server(default)] team_id: String,
    #[server(default)] runner_name_prefix: String,
    #[server(default)] labels: String,
) -> Result<(), ApiError> {
    let run = async {
        let (visit, caller) = visitor()?;
        let input = JitInput {
            runner_name_prefix: Some(runner_name_prefix.clone()),
            labels: split_list(&labels),
            team_id: Some(self::team_id(&team_id)?),
            ..JitInput::default()
        };
        waits::join(&visit.backend, caller, visit.request, input).await
    };
    match run.await {
        Ok(wait) => {
            ssr::set_flash(
                "success",
                format!("You are waiting for a runner of {}.", wait.team_name),
            )
            .await;
            ssr::redirect(PAGE);
        }
        Err(error) => {
            let sent = Sent {
                form: provision::FORM,
                values: &[
                    ("team_id", &team_id),
                    ("runner_name_prefix", &runner_name_prefix),
                    ("labels", &labels),
                ],
                back: "/provision",
            };
            sent.refuse(error).await;
        }
    }
    Ok(())
}

/// Provisions on the held place; the next page shows the configuration, once.
#[server(prefix = "/actions", endpoint = "runners/wait/claim")]
pub async fn claim_runner(#[server(default)] id: String) -> Result<(), ApiError> {
    let run = async {
        let (visit, caller) = visitor()?;
        waits::claim(&visit.backend, caller, visit.request, waits::parse_id(&id)?).await
    };
    match run.await {
        Ok(provisioned) => {
            provision::show_once(&provisioned).await;
            ssr::redirect("/provision");
        }
        Err(error) => {
            ssr::set_flash("danger", describe(&error)).await;
            ssr::redirect(PAGE);
        }
    }
    Ok(())
}

/// Leaves the line.
#[server(prefix = "/actions", endpoint = "runners/wait/leave")]
pub async fn leave_waiting_list(#[server(default)] id: String) -> Result<(), ApiError> {
    let left = async {
        let mut ctx = ssr::write().await?;
        waits::leave(&mut ctx, waits::parse_id(&id)?).await?;
        ctx.commit().await
    };
    match left.await {
        Ok(()) => ssr::set_flash("success", "You left the waiting list.").await,
        Err(error) => ssr::set_flash("danger", describe(&error)).await,
    }
    ssr::redirect(PAGE);
    Ok(())
}

/// Turns a team's waiting list on or off.
#[server(prefix = "/actions", endpoint = "teams/waiting-list")]
pub async fn save_waiting_list(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] waiting_list: String,
) -> Result<(), ApiError> {
    let back = format!("{}/settings", super::team_page(&team, &at));
    let sent = Sent {
        form: "team-settings",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        waits::set_enabled(ctx, team_id(&team)?, waiting_list == "yes").await?;
        Ok(Done::new(&back, "Changes saved."))
    })
    .await
}
