//! `/provision`: the form, and after it the configuration, once.

use backend::teams;
use domain::{
    Permission,
    views::{MyTeam, ProvisionForm as Form, Provisioned},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    forms::{self, FormState},
    islands::{ProvisionForm, TeamChoice},
    layout::{Rendered, page as console_page},
    once,
    pages::runners::{quota, waiting},
    ssr, ui,
};

/// The form's name in the session.
pub const FORM: &str = "provision";

/// What the page shows of a new runner.
#[derive(Serialize, Deserialize)]
struct Shown {
    /// Of the runner's page.
    id: domain::RunnerId,
    name: String,
    config: String,
    command: String,
    labels: Vec<String>,
    expires: String,
}

/// Keeps a new runner for the next page.
pub async fn show_once(runner: &Provisioned) {
    let shown = Shown {
        id: runner.runner_id,
        name: runner.runner_name.clone(),
        config: runner.encoded_jit_config.clone(),
        command: runner.run_command(),
        labels: runner.labels.iter().map(ToString::to_string).collect(),
        expires: runner.expires_at.format("%-d %b %Y, %H:%M UTC").to_string(),
    };
    if once::put(FORM, &shown).await.is_none() {
        ssr::set_flash(
            "danger",
            format!(
                "Runner {} was created, but its configuration was lost. Deprovision it and try again.",
                shown.name
            ),
        )
        .await;
    }
}

/// `/provision`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        if let Some(shown) = once::take::<Shown>(FORM).await {
            return Ok(Rendered::new("Runner ready", result(shown)).under("Provision a runner", "/provision"));
        }
        let form = teams::provision_form(&mut ctx).await?;
        let ready = ctx.backend.github.is_some();
        let state = forms::take(FORM).await;
        let holders = quota::section(&mut ctx, &state).await?;
        let offer = waiting::offer(&mut ctx, &state).await?;
        drop(ctx);
        let header = ui::page_header(
            "Provision a runner",
            None,
            Some("A just-in-time runner takes one job. Its configuration is valid for 1 hour and will only be shown once.".to_owned()),
            ().into_any(),
        );
        let notice = if !ready {
            Some(ui::callout(
                "warning",
                "GitHub is not configured",
                view! { <p>"No runner can be provisioned until it is. Who runs this installation sets it up."</p> }
                    .into_any(),
            ))
        } else if !form.can_use_jit {
            Some(ui::callout(
                "danger",
                "Access to JIT API not permitted for this user.",
                view! { <p>"To be allowed, ask a super admin."</p> }.into_any(),
            ))
        } else if form.teams.is_empty() {
            Some(without_team(&form))
        } else {
            None
        };
        let refusal = ui::refusal(state.refusal());
        let team = quota::typed(&state, "team_id");
        let larger = (state.code() == Some("QUOTA_EXCEEDED") && team.parse::<domain::TeamId>().is_ok()).then(|| {
            let href = format!("/requests/new?kind=quota&team={team}");
            view! { <p><a class="button" href=href>"Request a larger quota"</a></p> }
        });
        let ways = refused_label(&form.teams, &state);
        let summary = ui::error_summary(&state);
        let body = view! { {header} {notice} {refusal} {larger} {ways} {offer} {holders} {summary} {fields(form, ready, &state)} };
        Ok(Rendered::new("Provision a runner", body))
    })
}

/// After a label was refused: where to ask for it, and why it is so.
fn refused_label(teams: &[MyTeam], state: &FormState) -> Option<AnyView> {
    let (chosen, labels) = (quota::typed(state, "team_id"), quota::typed(state, "labels"));
    let team = teams.iter().find(|team| team.id.to_string() == chosen)?;
    if state.code() != Some("LABEL_NOT_PERMITTED") {
        return None;
    }
    let refused = refused_of(&team.policy, &labels);
    let first = refused.first()?;
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let ask = format!(
        "/requests/new?kind=labels&team={chosen}&add={}",
        encoded(&refused.join(","))
    );
    let why = format!("/admin/explain?team={}&label={}", team.slug, encoded(first));
    let words = if refused.len() == 1 {
        "Request this label"
    } else {
        "Request these labels"
    };
    Some(view! { <p class="button-row"><a class="button" href=ask>{words}</a> <a class="button" href=why>"Ask why"</a></p> }.into_any())
}

/// The labels that a policy refuses, each by itself.
fn refused_of(policy: &domain::LabelPolicy, labels: &str) -> Vec<String> {
    let refused = |label: &String| {
        domain::Label::parse(label).is_ok_and(|label| policy.resolve(std::slice::from_ref(&label)).is_err())
    };
    domain::split_list(labels).into_iter().filter(refused).collect()
}

/// Why there is no team to choose, and what the viewer's own policy allows instead (SPEC B16).
fn without_team(form: &Form) -> AnyView {
    let Some(policy) = &form.own_policy else {
        let text = format!(
            "There is no team to choose, and no label policy of your own to go by: provisioning will be refused. Ask a team's admin to add you, or {} for a policy.",
            ui::who(Permission::DirectoryManage)
        );
        return ui::callout(
            "warning",
            "You are in no active team and have no label policy",
            view! { <p>{text}</p> <p><a class="button" href=format!("{}/new?kind=join", crate::pages::requests::PAGE)>"Request to join a team"</a></p> }.into_any(),
        );
    };
    let title = if form.policy_by_default {
        "You may use any label"
    } else {
        "Your own label policy applies"
    };
    let note = if form.policy_by_default {
        "You are in no active team and have no policy of your own; this installation allows everything then."
    } else {
        "You are in no active team, so there is none to choose. To use a team's policy, ask one of its admins to add you."
    };
    let approval = policy.require_approval.then(|| {
        let text = format!(
            "Each runner needs an approval first: ask {}.",
            ui::who(Permission::DirectoryManage)
        );
        ui::callout("warning", "Approval required", view! { <p>{text}</p> }.into_any())
    });
    let used = policy.max_runners.map(|max| ui::usage(form.own_runners, Some(max)));
    view! {
        {approval}
        <section class="card" aria-labelledby="own-policy-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="own-policy-title">{title}</h2>
                    <p class="card__description">{note}</p>
                </div>
            </header>
            <div class="card__body stack">{crate::pages::label_policies::facts(policy)} {used}</div>
        </section>
    }
    .into_any()
}

fn fields(form: Form, ready: bool, state: &FormState) -> AnyView {
    let teams = form.teams.as_slice();
    // The only team there is needs no choosing; of several, people mostly need the one of last time.
    let likely = match teams {
        [only] => Some(only.id),
        _ => form.last_team,
    };
    let asked = ssr::query("team")
        .or_else(|| likely.map(|id| id.to_string()))
        .unwrap_or_default();
    let choices: Vec<TeamChoice> = teams
        .iter()
        .map(|team| TeamChoice {
            id: team.id.to_string(),
            slug: team.slug.clone(),
            name: team.name.clone(),
            required: team.policy.required.iter().map(ToString::to_string).collect(),
            patterns: team.policy.optional.iter().map(ToString::to_string).collect(),
            max_runners: team.max_runners,
            runner_count: team.runner_count,
            waiting_list: team.waiting_list,
        })
        .collect();
    let errors = (
        state.error("team_id"),
        state.error("runner_name_prefix").or_else(|| state.error("runner_name")),
        state.error("labels").or_else(|| {
            let refused = state.code() == Some("LABEL_NOT_PERMITTED") && !quota::typed(state, "labels").is_empty();
            // In full it stands above; here only which ones.
            let team = teams
                .iter()
                .find(|team| team.id.to_string() == quota::typed(state, "team_id"));
            let which = team.map(|team| refused_of(&team.policy, &quota::typed(state, "labels")));
            let short = which.filter(|which| !which.is_empty()).map(|which| {
                format!(
                    "{} {} not permitted",
                    which.join(", "),
                    if which.len() == 1 { "is" } else { "are" }
                )
            });
            (state.refusal().filter(|_| refused)).map(|words| short.unwrap_or_else(|| words.to_owned()))
        }),
    );
    view! {
        <ProvisionForm
            teams=choices
            own_policy=form.own_policy
            ready=ready
            team=state.value("team_id", &asked)
            prefix=quota::typed(state, "runner_name_prefix")
            labels=quota::typed(state, "labels")
            errors=errors
        />
    }
    .into_any()
}

fn result(shown: Shown) -> AnyView {
    let title = view! { <span class="mono">{shown.name.clone()}</span> };
    view! {
        <header class="page-header">
            <div class="page-header__text">
                <h1 class="page-header__title">"Runner ready: "{title}</h1>
                <p class="page-header__description">
                    {format!("Valid until {}. This page will only be shown once.", shown.expires)}
                </p>
            </div>
            <div class="page-header__actions">
                <a class="button" href=format!("/runners/{}", shown.id)>"View runner"</a>
                <a class="button" href="/runners">"All runners"</a> <a class="button" href="/provision">"Provision another"</a>
            </div>
        </header>
        <div class="secret">
            <div class="secret__head">
                {crate::icon::icon("key")}
                <div>
                    <h2 class="secret__title">"Copy this now"</h2>
                    <p>"The configuration is a secret: whoever has it can run your job. It is not stored and cannot be shown again."</p>
                </div>
            </div>
            <h3>"Run this in the folder of the GitHub Actions runner"</h3>
            {ui::code("run-command", shown.command, true)}
            <details class="more">
                <summary>"The configuration alone, for your own start script"</summary>
                {ui::code("jit-config", shown.config, true)}
            </details>
        </div>
        <section class="card" aria-labelledby="labels-title">
            <header class="card__header"><h2 class="card__title" id="labels-title">"Labels"</h2></header>
            <div class="card__body">{ui::runner_labels(&shown.labels)}</div>
        </section>
    }
    .into_any()
}
