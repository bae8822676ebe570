//! LiteLLM: a section of `/admin/sync` for each instance, and `/admin/sync/litellm` with what an instance does not have
//! yet and how it differs.

mod comparison;
mod overview;

use backend::litellm::{self, ObjectQuery};
use chrono::{DateTime, Utc};
use domain::views::{LiteLlmInstance, LiteLlmObject, Page};
use leptos::prelude::*;

use comparison::compared;
pub(super) use overview::sections;
use overview::{advice, breaker_badge};

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
        // What waits goes by and by, and a comparison ends by itself.
        let moves = !objects.items.is_empty() || comparison.as_ref().is_some_and(|one| one.ended_at.is_none());
        let body = view! {
            {header}
            {ui::refusal(form.refusal())}
            <div class="stack stack--wide" id="litellm" data-live=moves.then_some(super::LIVE)>
                {advice(instance)}
                {waiting(instance, &query, &objects, manages, now)}
                {compared(instance, comparison.as_ref().zip(differences.as_ref()), manages, now)}
            </div>
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
                            <th scope="col">"Status"</th>
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
            {select("state", "Status", "Not there yet", query.state.as_deref(), &states)}
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
            <td class="table__state" data-label="Status"><span class=class>{label}</span></td>
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
