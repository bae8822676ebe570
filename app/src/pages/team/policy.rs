//! Policy: which labels the team's runners carry, and how many runners there may be.

use domain::{
    Grant, Permission, TeamStatus,
    views::{label_list, pattern_list},
};
use leptos::prelude::*;

use super::{Place, Tab, page, tab_page};
use crate::{
    forms,
    islands::LabelTester,
    ssr,
    ui::{self, Field},
};

/// `/admin/teams/{team}/policy`.
pub fn policy() -> impl IntoView {
    page(tab_page(Tab::Policy, async |ctx, place| {
        let services = super::services::section(ctx, place).await?;
        let team = &place.page.team;
        let state = forms::take("team-policy").await;
        let required = state.value("required_labels", &label_list(&team.policy.required));
        let patterns = state.value("optional_label_patterns", &pattern_list(&team.policy.optional));
        let max = team.max_runners.map(|max| max.to_string()).unwrap_or_default();
        let groups = group_list(&team.runner_group_ids);
        let grant = place.page.standing.grant(Permission::PolicyEdit);
        let editable = grant >= Grant::Lower && team.status != TeamStatus::Archived;
        let note = match grant {
            Grant::Yes => None,
            Grant::Lower => {
                let ask = place.ask(ctx, "To widen it", Permission::PolicyEdit).await?;
                let may = "As a team admin you may narrow this: more required labels, fewer patterns, a smaller quota.";
                Some(view! { <p>{may}</p> {ask} }.into_any())
            }
            Grant::Own | Grant::No => Some(place.ask(ctx, "To change the policy", Permission::PolicyEdit).await?),
        };
        let policy = if editable {
            view! {
                {ui::error_summary(&state)}
                {ui::refusal(state.refusal())}
                <form class="card" method="post" action="/actions/teams/policy">
                    <header class="card__header">
                        <div>
                            <h2 class="card__title">"Runner policy"</h2>
                            {note.map(|note| view! { <div class="card__description">{note}</div> })}
                        </div>
                    </header>
                    <div class="card__body stack">
                        {place.hidden()}
                        {Field {
                            name: "required_labels",
                            label: "Required labels",
                            hint: "Comma-separated. Every runner of the team gets them, after self-hosted, linux and x64.",
                            current: &required,
                            placeholder: "linux, docker",
                            ..Field::default()
                        }
                            .view(&state)}
                        {Field {
                            name: "optional_label_patterns",
                            label: "Optional label patterns",
                            hint: "Regular expressions, comma-separated; each has to match a whole label. Without any, no custom labels are allowed.",
                            current: &patterns,
                            placeholder: "backend-.*, service-.*",
                            ..Field::default()
                        }
                            .view(&state)}
                        {Field {
                            name: "max_runners",
                            label: "Max runners",
                            hint: "How many runners the team may have at a time. Leave empty for no limit.",
                            current: &max,
                            kind: "number",
                            ..Field::default()
                        }
                            .view(&state)}
                        {(grant == Grant::Yes)
                            .then(|| {
                                Field {
                                    name: "runner_group_ids",
                                    label: "Runner groups",
                                    hint: "Ids of the GitHub runner groups that the team may use, comma-separated; the first is taken unless a request names one. Leave empty for the default group.",
                                    current: &groups,
                                    placeholder: "1, 7",
                                    ..Field::default()
                                }
                                    .view(&state)
                            })}
                    </div>
                    <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
                </form>
            }
            .into_any()
        } else {
            read_only(place, note)
        };
        let tried = ssr::query("try").unwrap_or_default();
        let asks = place.page.standing.team.is_some() && grant < Grant::Yes && team.status == TeamStatus::Active;
        let ask = asks.then(|| {
            let to = |kind: &str| format!("{}/new?kind={kind}&team={}", crate::pages::requests::PAGE, team.id);
            view! {
                <p class="button-row">
                    <a class="button" href=to("labels")>"Request a change"</a>
                    <a class="button" href=to("quota")>"Request a larger quota"</a>
                </p>
            }
        });
        Ok(view! {
            {services}
            <div class="split">
                <div class="split__main">{policy} {ask}</div>
                <aside class="split__aside" aria-label="Try labels">
                    {ui::usage(team.runner_count, team.max_runners)}
                    <section class="card" aria-labelledby="tester-title">
                        <header class="card__header">
                            <div>
                                <h2 class="card__title" id="tester-title">"Try labels"</h2>
                                <p class="card__description">
                                    {if editable {
                                        view! {
                                            <span class="js-only">"Tests the policy as it stands in the form, before you save it."</span>
                                            <span class="no-js-only">"Tests the saved policy."</span>
                                        }
                                            .into_any()
                                    } else {
                                        "Tests the team's policy.".into_any()
                                    }}
                                </p>
                            </div>
                        </header>
                        <div class="card__body"><LabelTester required=required patterns=patterns tried=tried /></div>
                    </section>
                </aside>
            </div>
        }
        .into_any())
    }))
}

fn group_list(groups: &[i64]) -> String {
    let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
    groups.join(", ")
}

/// The runner groups that a team may use, in words.
pub(super) fn groups_or_default(groups: &[i64]) -> String {
    if groups.is_empty() {
        "the default group".to_owned()
    } else {
        group_list(groups)
    }
}

fn read_only(place: &Place, note: Option<AnyView>) -> AnyView {
    let team = &place.page.team;
    let required: Vec<String> = team.policy.required.iter().map(ToString::to_string).collect();
    let patterns: Vec<String> = team.policy.optional.iter().map(ToString::to_string).collect();
    let max = team
        .max_runners
        .map_or_else(|| "no limit".to_owned(), |max| max.to_string());
    view! {
        <section class="card" aria-labelledby="policy-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="policy-title">"Runner policy"</h2>
                    {note.map(|note| view! { <div class="card__description">{note}</div> })}
                </div>
            </header>
            <div class="card__body">
                <dl class="facts">
                    <div><dt>"Required labels"</dt><dd>{ui::chips("Required labels", "required", &required)}</dd></div>
                    <div><dt>"Optional patterns"</dt><dd>{ui::chips("Optional patterns", "pattern", &patterns)}</dd></div>
                    <div><dt>"Max runners"</dt><dd>{max}</dd></div>
                    <div><dt>"Runner groups"</dt><dd>{groups_or_default(&team.runner_group_ids)}</dd></div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}
