//! Provisioning, refreshing and deprovisioning runners from the console.

use backend::runners::{self, CleanupInput, JitInput};
use domain::{
    Reason, RunnerId, split_list,
    views::{CleanupOutcome, Provisioned},
};
use leptos::prelude::*;

use super::visitor;
use crate::{
    forms::{ApiError, Sent, describe, keep},
    pages::{
        provision,
        runners::{DEPROVISION, MOST},
    },
    ssr::{self, Code, Error},
    ui,
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
        Err(error) if error.code() == Code::TeamRequired => {
            sent.refuse(Error::invalid("team_id", "Choose the team that the runner is for."))
                .await;
        }
        Err(error) => sent.refuse(error).await,
    }
    Ok(())
}

async fn run(team: &str, prefix: &str, labels: &str) -> ssr::Result<Provisioned> {
    let (visit, caller) = visitor()?;
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

/// The page that a form was on: a list or a runner's own, on this host.
fn runners_page(back: &str) -> String {
    let local = ["/runners", "/admin/runners"].iter().any(|path| {
        back.strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '/']))
    });
    if local && back.bytes().all(|byte| byte.is_ascii_graphic()) {
        back.to_owned()
    } else {
        "/runners".to_owned()
    }
}

/// Asks GitHub about a runner.
#[server(prefix = "/actions", endpoint = "runners/refresh")]
pub async fn refresh_runner(#[server(default)] id: String, #[server(default)] back: String) -> Result<(), ApiError> {
    let back = runners_page(&back);
    let asked = async {
        let id: RunnerId = id.parse().map_err(|_| Error::not_found("Runner", &id))?;
        let (visit, caller) = visitor()?;
        runners::refresh(&visit.backend, caller, visit.request, id).await
    };
    match asked.await {
        Ok(runner) => {
            let state = runner.state().as_str();
            ssr::set_flash("success", format!("Runner {} is {state}, GitHub says.", runner.name)).await;
        }
        Err(error) => ssr::set_flash("danger", describe(&error)).await,
    }
    ssr::redirect(&back);
    Ok(())
}

/// Deprovisions one runner or several.
#[server(prefix = "/actions", endpoint = "runners/deprovision")]
pub async fn deprovision_runners(
    #[server(default)] ids: String,
    #[server(default)] reason: String,
    #[server(default)] back: String,
) -> Result<(), ApiError> {
    let page = runners_page(&back);
    let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).take(MOST).collect();
    let sent = Sent {
        form: DEPROVISION,
        values: &[("reason", &reason)],
        back: &asking(&page, &ids),
    };
    let run = async {
        let reason = Reason::parse(&reason)?;
        let known: Vec<RunnerId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let (visit, caller) = visitor()?;
        Ok(runners::delete_many(&visit.backend, caller, visit.request, &known, Some(reason.as_str())).await)
    };
    match run.await {
        Ok(outcomes) => {
            let removed = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
            let failures = outcomes
                .iter()
                .filter_map(|(_, outcome)| Some(describe(outcome.as_ref().err()?)));
            say(removed, outcomes.len(), failures.collect()).await;
            ssr::redirect(&page);
        }
        Err(error) => sent.refuse(error).await,
    }
    Ok(())
}

/// The page with the question about these runners.
fn asking(page: &str, ids: &[&str]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("confirm", "deprovision");
    for id in ids {
        query.append_pair("id", id);
    }
    let separator = if page.contains('?') { '&' } else { '?' };
    format!("{page}{separator}{}", query.finish())
}

/// Tells what became of several runners.
async fn say(removed: usize, asked: usize, mut failures: Vec<String>) {
    let count = |n: usize| ui::plural(i64::try_from(n).unwrap_or(i64::MAX), "runner");
    if failures.is_empty() {
        ssr::set_flash("success", format!("{} deprovisioned.", count(removed))).await;
        return;
    }
    failures.sort();
    failures.dedup();
    let more = failures.len().saturating_sub(3);
    failures.truncate(3);
    let more = if more > 0 {
        format!(" And {more} more.")
    } else {
        String::new()
    };
    let text = format!(
        "{removed} of {} deprovisioned. {}{more}",
        count(asked),
        failures.join(" ")
    );
    ssr::set_flash(if removed == 0 { "danger" } else { "warning" }, text).await;
}

/// Removes the idle and offline runners that hold a full quota, and goes back to the form as it was.
#[server(prefix = "/actions", endpoint = "runners/cleanup")]
pub async fn cleanup_runners(
    #[server(default)] scope: String,
    #[server(default)] scope_id: String,
    #[server(default)] before: String,
    #[server(default)] team_id: String,
    #[server(default)] runner_name_prefix: String,
    #[server(default)] labels: String,
) -> Result<(), ApiError> {
    let values = [
        ("team_id", team_id.as_str()),
        ("runner_name_prefix", &runner_name_prefix),
        ("labels", &labels),
    ];
    let run = async {
        let mut input = CleanupInput {
            before: Some(
                before
                    .parse()
                    .map_err(|_| Error::refused(Code::WrongState, "The question has no time. Ask it again."))?,
            ),
            reason: Some("idle or offline while the quota was full".to_owned()),
            ..CleanupInput::default()
        };
        match scope.as_str() {
            "team" => input.team_id = Some(super::team_id(&scope_id)?),
            "organization" => {
                let id = scope_id.parse();
                input.organization_id = Some(id.map_err(|_| Error::not_found("Organization", &scope_id))?);
            }
            _ => input.own = true,
        }
        let (visit, caller) = visitor()?;
        runners::cleanup(&visit.backend, caller, visit.request, input.parse()?).await
    };
    match run.await {
        Ok(cleanup) => {
            let failures = cleanup.rows.iter().filter_map(|row| match &row.outcome {
                CleanupOutcome::Failed(_, words) => Some(words.clone()),
                CleanupOutcome::Removed | CleanupOutcome::WouldRemove => None,
            });
            say(cleanup.removed(), cleanup.rows.len(), failures.collect()).await;
            keep(provision::FORM, &values).await;
            ssr::redirect("/provision");
        }
        Err(error) => {
            let sent = Sent {
                form: provision::FORM,
                values: &values,
                back: "/provision",
            };
            sent.refuse(error).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_back_to_runners_on_this_host_only() {
        for good in [
            "/runners",
            "/runners?q=a",
            "/admin/runners?status=idle",
            "/runners/0199",
        ] {
            assert_eq!(runners_page(good), good);
        }
        for bad in [
            "//evil.example",
            "/runners.evil",
            "https://evil.example",
            "/runners?\r\nx",
            "",
            "/admin",
        ] {
            assert_eq!(runners_page(bad), "/runners", "{bad:?}");
        }
        assert_eq!(asking("/runners?q=a", &["1"]), "/runners?q=a&confirm=deprovision&id=1");
    }
}
