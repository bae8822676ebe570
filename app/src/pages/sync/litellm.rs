//! LiteLLM: a section of `/admin/sync` for each instance, and `/admin/sync/litellm` with what an instance does not have
//! yet and how it differs.

use backend::litellm::{self, ObjectQuery};
use chrono::{DateTime, Utc};
use domain::views::{BreakerState, LiteLlmComparison, LiteLlmDifference, LiteLlmInstance, LiteLlmObject, Page};
use leptos::prelude::*;

use crate::{
    forms,
    icon::icon,
    layout::{Rendered, page as layout},
    ssr::{self, Error},
    ui,
};

/// The page of the details.
pub(in crate::pages::sync) const PATH: &str = "/admin/sync/litellm";
/// The name that the session keeps a refusal under.
pub const FORM: &str = "sync-litellm";
/// How many objects or differences a page has.
const ROWS: i64 = 25;

/// The sections of all instances.
pub(super) fn sections(instances: &[LiteLlmInstance], now: DateTime<Utc>) -> AnyView {
    if instances.is_empty() {
        return view! {
            <section class="card" aria-labelledby="litellm-title">
                <header class="card__header">
                    <div>
                        <h2 class="card__title" id="litellm-title">
                            "LiteLLM "<span class="badge badge--inactive">"Not configured"</span>
                        </h2>
                        <p class="card__description">
                            "Teams, people and keys for AI models. Set LITELLM_API_URL and LITELLM_MASTER_KEY, then restart."
                        </p>
                    </div>
                </header>
            </section>
        }
        .into_any();
    }
    instances
        .iter()
        .map(|instance| section(instance, now))
        .collect_view()
        .into_any()
}

fn section(instance: &LiteLlmInstance, now: DateTime<Utc>) -> AnyView {
    let id = format!("litellm-{}", instance.name);
    let labelled_by = id.clone();
    let default = instance.is_default.then_some(", for teams that name no instance");
    view! {
        <section class="card" aria-labelledby=labelled_by>
            <header class="card__header">
                <div>
                    <h2 class="card__title" id=id>{format!("LiteLLM: {} ", instance.name)}{breaker_badge(instance.breaker)}</h2>
                    <p class="card__description"><span class="mono">{instance.url.clone()}</span>{default}</p>
                </div>
                <a class="button button--small" href=address(&instance.name, &[])>"Details"</a>
            </header>
            <div class="card__body">{advice(instance)} {facts(instance, now)} {numbers(instance)}</div>
        </section>
    }
    .into_any()
}

fn breaker_badge(breaker: BreakerState) -> AnyView {
    let (class, label) = match breaker {
        BreakerState::Closed { failures: 0 } => ("badge badge--active", "Reachable".to_owned()),
        BreakerState::Closed { failures } => {
            let failures = ui::plural(i64::from(failures), "failed call");
            ("badge badge--warning", format!("{failures} in a row"))
        }
        BreakerState::Open { retry_after } => {
            let seconds = i64::try_from(retry_after).unwrap_or(i64::MAX);
            (
                "badge badge--failed",
                format!("Circuit open, tried again in {}", ui::plural(seconds, "second")),
            )
        }
        BreakerState::HalfOpen => ("badge badge--pending", "Trying one call".to_owned()),
    };
    view! { <span class=class>{label}</span> }.into_any()
}

fn advice(instance: &LiteLlmInstance) -> Option<AnyView> {
    if matches!(instance.breaker, BreakerState::Open { .. }) {
        let text = "Changes wait here in their order and are delivered when it answers again. New keys say pending, revoked ones revoking.";
        return Some(ui::callout(
            "warning",
            "LiteLLM is out of reach",
            view! { <p>{text}</p> }.into_any(),
        ));
    }
    let parked = instance.parked();
    (parked > 0).then(|| {
        let link = address(&instance.name, &[("state", "parked")]);
        let text = format!(
            "{} so often that nothing more is tried by itself.",
            if parked == 1 {
                "LiteLLM refused 1 change"
            } else {
                "LiteLLM refused changes"
            }
        );
        ui::callout(
            "danger",
            &format!(
                "{} for a decision",
                if parked == 1 {
                    "1 change waits".to_owned()
                } else {
                    format!("{parked} changes wait")
                }
            ),
            view! { <p>{text}" "<a class="link" href=link>"See why"</a></p> }.into_any(),
        )
    })
}

fn facts(instance: &LiteLlmInstance, now: DateTime<Utc>) -> AnyView {
    let moment = |at: Option<DateTime<Utc>>| match at {
        Some(at) => ui::time_ago(at, now),
        None => ui::or_dash(None),
    };
    let orphans = (instance.orphan_keys > 0).then(|| {
        view! {
            <div><dt>"Deleted keys"</dt><dd>{format!("{} deleted here may still work there", ui::plural(instance.orphan_keys, "key"))}</dd></div>
        }
    });
    view! {
        <dl class="facts">
            <div><dt>"Namespace"</dt><dd class="mono">{instance.namespace.clone()}</dd></div>
            <div><dt>"Last delivery"</dt><dd>{moment(instance.last_success)}</dd></div>
            <div><dt>"Oldest waiting change"</dt><dd>{moment(instance.oldest_pending)}</dd></div>
            {orphans}
        </dl>
    }
    .into_any()
}

/// Synced of all, by kind.
fn numbers(instance: &LiteLlmInstance) -> AnyView {
    let stats = instance.counts.iter().map(|counts| {
        let all = counts.synced + counts.pending + counts.failed + counts.parked;
        let note = match all - counts.synced {
            0 => "all there".to_owned(),
            open => format!("{open} not there yet"),
        };
        view! {
            <div class="stat">
                <span class="stat__label">{plural_kind(&counts.kind)}</span>
                <span class="stat__value">{counts.synced}" "<small>{format!("of {all}")}</small></span>
                <span class="stat__note">{note}</span>
            </div>
        }
    });
    view! { <div class="stats" role="group" aria-label="What LiteLLM has">{stats.collect_view()}</div> }.into_any()
}

fn plural_kind(kind: &str) -> &'static str {
    match kind {
        "team" => "Teams",
        "user" => "People",
        "member" => "Memberships",
        _ => "Keys",
    }
}

fn kind_name(kind: &str) -> &'static str {
    match kind {
        "team" => "Team",
        "user" => "Person",
        "member" => "Membership",
        _ => "Key",
    }
}

fn address(instance: &str, parts: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("instance", instance);
    query.extend_pairs(parts.iter().filter(|(_, value)| !value.is_empty()));
    format!("{PATH}?{}", query.finish())
}

/// `/admin/sync/litellm`.
pub fn details() -> impl IntoView {
    layout(async {
        let mut ctx = ssr::read().await?;
        let instances = litellm::instances(&mut ctx).await?;
        let asked = ssr::query("instance");
        let instance = instances
            .iter()
            .find(|one| asked.as_ref().map_or(one.is_default, |name| *name == one.name))
            .ok_or_else(|| Error::not_found("LiteLLM instance", asked.unwrap_or_default()))?;
        let query = ObjectQuery {
            instance: Some(instance.name.clone()),
            kind: ssr::query("kind"),
            state: ssr::query("state"),
            cursor: ssr::query("cursor"),
        };
        let objects = litellm::objects(&mut ctx, &query, ROWS).await?;
        let comparison = litellm::latest(&mut ctx, &instance.name).await?;
        let differences = match &comparison {
            Some(comparison) => {
                Some(litellm::differences(&mut ctx, comparison.id, ssr::query("after").as_deref(), ROWS).await?)
            }
            None => None,
        };
        let (now, manages) = (ctx.now, backend::sync::may_run(&ctx.caller));
        drop(ctx);
        let form = forms::take(FORM).await;
        let compares = manages && comparison.as_ref().is_none_or(|one| one.ended_at.is_some());
        let header = ui::page_header(
            &format!("LiteLLM: {}", instance.name),
            Some(breaker_badge(instance.breaker)),
            Some("What this proxy must know and does not have yet, and how it differs from what is here.".to_owned()),
            compares.then(|| compare_button(&instance.name)).into_any(),
        );
        let body = view! {
            {header}
            {ui::refusal(form.refusal())}
            {advice(instance)}
            {waiting(instance, &query, &objects, manages, now)}
            {compared(instance, comparison.as_ref().zip(differences.as_ref()), manages, now)}
        };
        Ok(Rendered::new("LiteLLM", body).under("Sync", "/admin/sync"))
    })
}

fn compare_button(instance: &str) -> AnyView {
    view! {
        <form method="post" action="/actions/litellm/compare">
            <input type="hidden" name="instance" value=instance.to_owned() />
            <button class="button button--primary">{icon("sync")}"Compare now"</button>
        </form>
    }
    .into_any()
}

/// What is not there, with filters.
fn waiting(
    instance: &LiteLlmInstance,
    query: &ObjectQuery,
    objects: &Page<LiteLlmObject>,
    manages: bool,
    now: DateTime<Utc>,
) -> AnyView {
    let filtered = query.kind.is_some() || query.state.is_some();
    let body = if objects.items.is_empty() {
        let (title, text) = if filtered {
            ("Nothing fits", "No change fits these filters.")
        } else {
            (
                "Everything is there",
                "LiteLLM has every team, person, membership and key as it is here.",
            )
        };
        let all = address(&instance.name, &[]);
        ui::empty("sync", title, text, filtered.then_some(("Show all", all.as_str())))
    } else {
        let rows = objects
            .items
            .iter()
            .map(|object| object_row(object, manages, now))
            .collect_view();
        let (kind, state) = (
            query.kind.clone().unwrap_or_default(),
            query.state.clone().unwrap_or_default(),
        );
        view! {
            <div class="table-wrap">
                <table class="table">
                    <caption class="visually-hidden">"Changes, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"What"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Since"</th>
                            <th scope="col" class="table__number table__optional">"Tries"</th>
                            <th scope="col">"Last there"</th>
                            <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {ui::pagination(
                objects.items.len(),
                objects.total,
                "change",
                objects.previous.clone(),
                objects.next.clone(),
                |cursor| address(&instance.name, &[("kind", &kind), ("state", &state), ("cursor", cursor)]),
            )}
        }
        .into_any()
    };
    let retry = (manages && instance.counts.iter().any(|counts| counts.failed + counts.parked > 0)).then(|| {
        view! {
            <form class="toolbar__end" method="post" action="/actions/litellm/retry">
                <input type="hidden" name="instance" value=instance.name.clone() />
                <button class="button">{icon("sync")}"Try all now"</button>
            </form>
        }
    });
    view! {
        <section class="section" aria-labelledby="waiting-title">
            <h2 class="section__title" id="waiting-title">"Changes"</h2>
            <div class="toolbar">{filters(instance, query)} {retry}</div>
            {body}
        </section>
    }
    .into_any()
}

fn filters(instance: &LiteLlmInstance, query: &ObjectQuery) -> AnyView {
    let select = |name: &'static str,
                  label: &'static str,
                  all: &'static str,
                  chosen: Option<&str>,
                  words: &[(&'static str, &'static str)]| {
        let options = words
            .iter()
            .map(|&(value, text)| view! { <option value=value selected=chosen == Some(value)>{text}</option> })
            .collect_view();
        view! {
            <label class="visually-hidden" for=name>{label}</label>
            <select class="select" id=name name=name data-autosubmit="">
                <option value="">{all}</option>
                {options}
            </select>
        }
    };
    let kinds = [
        ("team", "Teams"),
        ("user", "People"),
        ("member", "Memberships"),
        ("key", "Keys"),
    ];
    let states = [
        ("pending", "Pending"),
        ("failed", "Failed, tried again"),
        ("parked", "Parked"),
        ("synced", "There"),
    ];
    view! {
        <form class="toolbar" method="get" aria-label="Changes">
            <input type="hidden" name="instance" value=instance.name.clone() />
            {select("kind", "Kind", "Everything", query.kind.as_deref(), &kinds)}
            {select("state", "State", "Not there yet", query.state.as_deref(), &states)}
            <button class="button toolbar__submit">"Apply"</button>
        </form>
    }
    .into_any()
}

fn object_row(object: &LiteLlmObject, manages: bool, now: DateTime<Utc>) -> AnyView {
    let (class, label) = match object.state.as_str() {
        "synced" => ("badge badge--active", "There"),
        "pending" => ("badge badge--pending", "Pending"),
        "failed" => ("badge badge--warning", "Failed"),
        _ => ("badge badge--failed", "Parked"),
    };
    let name = object.name.clone().unwrap_or_else(|| "gone here".to_owned());
    let link = match (object.kind.as_str(), &object.name) {
        ("team" | "member", Some(_)) => Some(format!("/admin/teams/{}", object.object_id)),
        ("user", Some(_)) => Some(format!("/admin/users/{}", object.object_id)),
        _ => None,
    };
    let title = match link {
        Some(href) => view! { <a href=href>{name.clone()}</a> }.into_any(),
        None => name.clone().into_any(),
    };
    let retries = manages && matches!(object.state.as_str(), "failed" | "parked");
    view! {
        <tr>
            <th scope="row" class="table__title">
                {title}
                <small class="table__sub">{kind_name(&object.kind)}</small>
                {object.last_error.clone().map(|error| view! { <small class="table__sub table__sub--danger">{error}</small> })}
                {object.note.clone().map(|note| view! { <small class="table__sub">{note}</small> })}
            </th>
            <td class="table__state" data-label="State"><span class=class>{label}</span></td>
            <td data-label="Since">{ui::time_ago(object.changed_at, now)}</td>
            <td class="table__number table__optional" data-label="Tries">{object.attempts}</td>
            <td data-label="Last there">
                {object.synced_at.map_or_else(|| view! { <span class="none">"never"</span> }.into_any(), |at| ui::time_ago(at, now))}
            </td>
            <td class="table__actions">
                {retries.then(|| view! {
                    <form class="inline-form" method="post" action="/actions/litellm/retry">
                        <input type="hidden" name="id" value=object.id.to_string() />
                        <input type="hidden" name="instance" value=object.instance.clone() />
                        <button class="button button--small">"Try now"<span class="visually-hidden">{format!(" {name}")}</span></button>
                    </form>
                })}
            </td>
        </tr>
    }
    .into_any()
}

/// The latest comparison.
fn compared(
    instance: &LiteLlmInstance,
    latest: Option<(&LiteLlmComparison, &Page<LiteLlmDifference>)>,
    manages: bool,
    now: DateTime<Utc>,
) -> AnyView {
    let body = match latest {
        None => ui::empty(
            "search",
            "Never compared",
            "A comparison reads every team, person and key of the proxy and shows what differs, both ways. It changes nothing.",
            None,
        ),
        Some((comparison, page)) => view! {
            {summary(comparison, now)}
            {(!page.items.is_empty()).then(|| differences_table(instance, page, manages))}
        }
        .into_any(),
    };
    view! {
        <section class="section" aria-labelledby="compared-title">
            <h2 class="section__title" id="compared-title">"Comparison"</h2>
            {body}
        </section>
    }
    .into_any()
}

fn summary(comparison: &LiteLlmComparison, now: DateTime<Utc>) -> AnyView {
    let looked = ui::plural(comparison.compared, "thing");
    let who = comparison.requested_by.clone();
    match (&comparison.error, comparison.ended_at) {
        (Some(error), _) => {
            let text = format!("{error}. {looked} looked at; what was found so far is below.");
            ui::callout("danger", "The comparison was not completed", view! { <p>{text}</p> }.into_any())
        }
        (None, None) => {
            let text = format!("Asked for by {who}. {looked} looked at so far: reload to see more.");
            ui::callout("info", "The comparison is under way", view! { <p>{text}</p> }.into_any())
        }
        (None, Some(ended)) if comparison.differences == 0 => view! {
            <p class="muted">{format!("No difference among {looked}. Asked for by {who}, ")}{ui::time_ago(ended, now)}"."</p>
        }
        .into_any(),
        (None, Some(ended)) => view! {
            <p class="muted">
                {format!("{} among {looked}, {} not decided. Asked for by {who}, ", ui::plural(comparison.differences, "difference"), comparison.open)}
                {ui::time_ago(ended, now)}". Nothing is changed until you say so."
            </p>
        }
        .into_any(),
    }
}

fn differences_table(instance: &LiteLlmInstance, page: &Page<LiteLlmDifference>, manages: bool) -> AnyView {
    let rows = page
        .items
        .iter()
        .map(|one| difference_row(instance, one, manages))
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Differences"</caption>
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"Difference"</th>
                        <th scope="col">"Detail"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            page.items.len(),
            page.total,
            "difference",
            page.previous.clone(),
            page.next.clone(),
            |cursor| address(&instance.name, &[("after", cursor)]),
        )}
    }
    .into_any()
}

fn difference_row(instance: &LiteLlmInstance, one: &LiteLlmDifference, manages: bool) -> AnyView {
    let (class, label) = match one.problem.as_str() {
        "missing" => ("badge badge--failed", "Missing there"),
        "unknown" => ("badge badge--warning", "Only there"),
        _ => ("badge badge--pending", "Different"),
    };
    let action = match (&one.settled, one.problem.as_str()) {
        (Some(done), _) => {
            let by = one.settled_by.clone().unwrap_or_default();
            view! { <span class="muted">{format!("{} by {by}", if done == "removed" { "Removed" } else { "Delivered again" })}</span> }
                .into_any()
        }
        (None, _) if !manages => ().into_any(),
        (None, "unknown") if !one.removable => view! { <span class="muted">"Look into it there"</span> }.into_any(),
        (None, "missing") if one.kind == "key" => view! { <span class="muted">"Rotate or revoke it"</span> }.into_any(),
        (None, problem) => {
            let (word, what) = if problem == "unknown" {
                ("remove", "Remove there")
            } else {
                ("push", "Deliver ours")
            };
            view! {
                <form class="inline-form" method="post" action="/actions/litellm/settle">
                    <input type="hidden" name="id" value=one.id.to_string() />
                    <input type="hidden" name="decision" value=word />
                    <input type="hidden" name="instance" value=instance.name.clone() />
                    <button class="button button--small">{what}<span class="visually-hidden">{format!(" {}", one.name)}</span></button>
                </form>
            }
            .into_any()
        }
    };
    view! {
        <tr>
            <th scope="row" class="table__title">{one.name.clone()}<small class="table__sub">{kind_name(&one.kind)}</small></th>
            <td class="table__state" data-label="Difference"><span class=class>{label}</span></td>
            <td data-label="Detail">{one.detail.clone()}</td>
            <td class="table__actions">{action}</td>
        </tr>
    }
    .into_any()
}
