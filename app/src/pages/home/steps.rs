//! The first day of an installation: what is done, and what is next.

use domain::views::FirstSteps;
use leptos::prelude::*;

use crate::icon::icon;

/// The list, until all of it is done.
pub(super) fn card(steps: FirstSteps) -> AnyView {
    // Who reads this has signed in.
    let all = [
        (true, "Sign in works", "You are here.", None),
        (
            steps.organization,
            "Create an organization",
            "A company or a division: its teams, people, services and limits.",
            Some("/admin/organizations/new"),
        ),
        (
            steps.org_admin,
            "Give it an administrator",
            "On its People tab: somebody who creates teams and admits people without you.",
            Some("/admin/organizations"),
        ),
        (
            steps.team,
            "Create the first team",
            "With the labels that its runners carry, and how many there may be.",
            Some("/admin/teams/new"),
        ),
        (
            steps.service,
            "Add a service",
            "What teams may be allowed to use, and proxies ask about.",
            Some("/admin/services/new"),
        ),
        (
            steps.github,
            "Connect GitHub",
            "Runners need GUILDHALL_GITHUB_ORG and an App or a token, in the configuration of the server.",
            None,
        ),
        (
            steps.litellm,
            "Connect LiteLLM",
            "Keys for models need LITELLM_API_URL and LITELLM_MASTER_KEY, in the configuration of the server.",
            None,
        ),
    ];
    let done = all.iter().filter(|(done, ..)| *done).count();
    let words = format!("{done} of {} done. This list goes when all of it is.", all.len());
    let rows = all.map(|(done, title, text, href)| {
        let title = match href.filter(|_| !done) {
            Some(href) => view! { <a class="row__title" href=href>{title}</a> }.into_any(),
            None => view! { <span class="row__title">{title}</span> }.into_any(),
        };
        let badge = if done {
            view! { <span class="badge badge--success">"Done"</span> }
        } else {
            view! { <span class="badge">"To do"</span> }
        };
        view! {
            <li class="row">
                {icon(if done { "check-circle" } else { "chevron-right" })}
                <div class="row__main">{title}<span class="row__text">{text}</span></div>
                {badge}
            </li>
        }
    });
    view! {
        <section class="card" aria-labelledby="first-steps">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="first-steps">"First steps"</h2>
                    <p class="card__description">{words}</p>
                </div>
            </header>
            <ol class="rows">{rows.collect_view()}</ol>
        </section>
    }
    .into_any()
}
