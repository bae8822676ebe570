//! What several pages about keys show.

use backend::api_keys::KeyQuery;
use chrono::{DateTime, Utc};
use domain::{
    ApiKeyStatus, KeyKind, KeyState, Money,
    views::{ApiKey, DaySpend, Key},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::services;
use crate::{
    icon::icon,
    once, ssr,
    ui::{
        self,
        chart::{self, DayChart, Series, Tone, Value},
    },
};

/// A new key for models, for the page that shows it once.
pub const MADE: &str = "made-key";

/// What a page shows once of a new key.
#[derive(Serialize, Deserialize)]
pub struct Shown {
    name: String,
    team: String,
    not_in_force: Vec<String>,
    secret: String,
}

/// Keeps a new key for the next page.
pub async fn show_once(key: &ApiKey, secret: &str) {
    let shown = Shown {
        name: key.name.clone(),
        team: key.team_name.clone(),
        not_in_force: not_in_force(key),
        secret: secret.to_owned(),
    };
    if once::put(MADE, &shown).await.is_none() {
        let text = format!(
            "Key {} was created, but its text was lost. Rotate it to get another.",
            key.name
        );
        ssr::set_flash("danger", text).await;
    }
}

/// Takes the new key, if there is one.
pub async fn take() -> Option<Shown> {
    once::take::<Shown>(MADE).await
}

/// A new key, this once.
pub fn shown(key: Shown) -> AnyView {
    let dropped = (!key.not_in_force.is_empty()).then(|| {
        ui::callout(
            "warning",
            "Not everything is in force",
            view! { <p>{format!("LiteLLM made the key without {}: that needs an Enterprise licence.", key.not_in_force.join(", "))}</p> }
                .into_any(),
        )
    });
    view! {
        <section class="secret" aria-labelledby="secret-title">
            <div class="secret__head">
                {icon("key")}
                <div>
                    <h2 class="secret__title" id="secret-title">{format!("Copy key {} now", key.name)}</h2>
                    <p>{format!("LiteLLM has it, and {} pays for it. It is shown this once and stored only as a hash.", key.team)}</p>
                </div>
            </div>
            {ui::code("new-key", key.secret, true)}
        </section>
        {dropped}
    }
    .into_any()
}

/// What LiteLLM's licence kept from a key.
pub fn not_in_force(key: &ApiKey) -> Vec<String> {
    let list = key.details.get("notInForce").and_then(|list| list.as_array());
    list.map(|list| {
        list.iter()
            .filter_map(|name| name.as_str())
            .map(str::to_owned)
            .collect()
    })
    .unwrap_or_default()
}

/// A badge of what a key is worth.
pub fn status(key: &ApiKey) -> AnyView {
    let (class, label, title) = match key.status {
        ApiKeyStatus::Active => ("badge badge--active", "Active", ""),
        ApiKeyStatus::Pending => (
            "badge badge--warning",
            "Pending",
            "LiteLLM has not made it yet; its owner claims it",
        ),
        ApiKeyStatus::Replaced => ("badge badge--warning", "Replaced", "Another key has taken its place"),
        ApiKeyStatus::Suspended => (
            "badge badge--inactive",
            "Suspended",
            "Its owner has no access, or the team is not active",
        ),
        ApiKeyStatus::Revoking => (
            "badge badge--danger",
            "Revoking",
            "Guildhall refuses it; LiteLLM may still let it in",
        ),
        ApiKeyStatus::Revoked => ("badge badge--archived", "Revoked", "It is refused everywhere"),
        ApiKeyStatus::Expired => ("badge badge--archived", "Expired", "Its time is over"),
    };
    view! { <span class=class title=(!title.is_empty()).then_some(title)>{label}</span> }.into_any()
}

/// A badge of what a key opens.
pub fn kind(kind: KeyKind) -> AnyView {
    view! { <span class="badge">{kind_name(kind)}</span> }.into_any()
}

fn kind_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Models => "Models",
        KeyKind::Services => "Services",
    }
}

/// Spending against a budget, small.
fn spend(key: &ApiKey) -> AnyView {
    if key.kind == KeyKind::Services {
        return ui::or_dash(None);
    }
    let Some(budget) = key.limits.max_budget else {
        return view! { <span class="nowrap">{ui::dollars(key.spend)}" "<span class="muted">"no budget"</span></span> }
            .into_any();
    };
    let words = format!("{} of {}", ui::dollars(key.spend), ui::dollars(budget));
    view! {
        <span class=level("meter", key)>
            <progress value=key.spend.to_f64() max=budget.to_f64().max(0.000_001) aria-label=words.clone()></progress>
            <span>{words}</span>
        </span>
    }
    .into_any()
}

/// The class of a bar, which changes where the budget comes to its end.
fn level(block: &str, key: &ApiKey) -> String {
    match key.budget_utilization() {
        Some(percent) if percent >= 100.0 => format!("{block} {block}--full"),
        Some(percent) if percent >= 80.0 => format!("{block} {block}--near"),
        None if key.limits.max_budget.is_some() => format!("{block} {block}--full"),
        _ => block.to_owned(),
    }
}

/// Spending against a budget, as a bar with words.
pub fn usage(key: &ApiKey, now: DateTime<Utc>) -> AnyView {
    let read = key.spend_at.map_or_else(
        || "LiteLLM has not told yet.".into_any(),
        |at| view! { "As LiteLLM said "{ui::time_ago(at, now)}"." }.into_any(),
    );
    let period = key
        .limits
        .budget_duration
        .as_ref()
        .map_or_else(String::new, |period| format!(" per {}", period.in_words()));
    let (value, bar) = match key.limits.max_budget {
        Some(budget) => (
            format!(" of {}{period}", ui::dollars(budget)),
            Some(view! {
                <progress class="usage__bar" value=key.spend.to_f64() max=budget.to_f64().max(0.000_001) aria-labelledby="spend-label">
                    {format!("{} of {}", ui::dollars(key.spend), ui::dollars(budget))}
                </progress>
            }),
        ),
        None => (", no budget of its own".to_owned(), None),
    };
    view! {
        <div class=level("usage", key)>
            <div class="usage__head">
                <span class="usage__label" id="spend-label">"Spent"</span>
                <span class="usage__value"><b>{ui::dollars(key.spend)}</b>{value}</span>
            </div>
            {bar}
            <p class="usage__note">{read}</p>
        </div>
    }
    .into_any()
}

/// Spending over days.
pub fn spending(days: &[DaySpend]) -> AnyView {
    let total: rust_decimal::Decimal = days.iter().map(|day| day.spend.decimal()).sum();
    let total = ui::dollars(Money::trusted(total));
    let values = days
        .iter()
        .map(|day| Value {
            size: day.spend.to_f64(),
            text: ui::dollars(day.spend),
        })
        .collect();
    chart::columns(&DayChart {
        id: "spending",
        title: "Spending by day",
        summary: format!("{total} in {} days.", days.len()),
        unit: "",
        whole: false,
        days: days.iter().map(|day| day.day).collect(),
        series: vec![Series {
            name: "Spent".to_owned(),
            tone: Tone::Series(1),
            values,
            total,
        }],
        limit: None,
        when_empty: "Dollars are shown here once the key is used.",
    })
}

/// A list of keys of both kinds.
pub fn table(caption: &'static str, keys: &[ApiKey], owners: bool, now: DateTime<Utc>) -> AnyView {
    let rows = keys.iter().map(|key| row(key, owners, now)).collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">{if owners { "Owner" } else { "Team" }}</th>
                        <th scope="col" class="table__optional">"Models or project"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Spent"</th>
                        <th scope="col">"Expires"</th>
                        <th scope="col" class="table__optional">"Last used"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(key: &ApiKey, owners: bool, now: DateTime<Utc>) -> AnyView {
    let over = !key.status.is_open() && key.status != ApiKeyStatus::Revoking;
    let prefix = if key.prefix.is_empty() {
        "no secret yet".to_owned()
    } else {
        format!("{}…", key.prefix)
    };
    let whose = if owners {
        view! { <td data-label="Owner">{ui::address(&key.owner)}</td> }.into_any()
    } else {
        view! { <td data-label="Team"><a href=format!("/admin/teams/{}", key.team_id)>{key.team_name.clone()}</a></td> }
            .into_any()
    };
    let models = match (key.kind, key.limits.models.as_slice()) {
        (KeyKind::Services, _) => ui::or_dash(key.project_name.as_deref()),
        (_, []) => view! { <span class="muted">"all of the team"</span> }.into_any(),
        (_, [one]) => view! { <code>{one.clone()}</code> }.into_any(),
        (_, [one, rest @ ..]) => view! { <code>{one.clone()}</code>{format!(" and {} more", rest.len())} }.into_any(),
    };
    let expires = key
        .expires_at
        .map_or_else(|| view! { <span class="none">"never"</span> }.into_any(), ui::time);
    let used = key.last_used_at.map_or_else(
        || view! { <span class="none">"–"</span> }.into_any(),
        |at| ui::time_ago(at, now),
    );
    view! {
        <tr class=over.then_some("table__row--muted")>
            <th scope="row" class="table__title">
                <a href=super::href(key)>{key.name.clone()}</a>
                <small class="table__sub">{kind_name(key.kind)}" · "<span class="mono">{prefix}</span></small>
            </th>
            {whose}
            <td class="table__optional" data-label="Models or project">{models}</td>
            <td class="table__state" data-label="Status">{status(key)}</td>
            <td data-label="Spent">{spend(key)}</td>
            <td data-label="Expires">{expires}</td>
            <td class="table__optional" data-label="Last used">{used}</td>
            <td class="table__actions">{(!owners).then(|| menu(key))}</td>
        </tr>
    }
    .into_any()
}

/// What can be done with a key of one's own. Keys for services are changed where they are listed.
fn menu(key: &ApiKey) -> Option<AnyView> {
    if let Some(service) = service(key) {
        return Some(services::menu(&service, &services::address("/keys", "page")));
    }
    let open = key.status.is_open() || key.status == ApiKeyStatus::Revoking;
    let link = |what: &str| format!("/keys/{}?confirm={what}", key.id);
    open.then(|| {
        view! {
            <details class="menu" name="row-menu">
                <summary class="button button--icon button--ghost" aria-label=format!("Actions for {} {}", key.name, key.prefix)>
                    {icon("more")}
                </summary>
                <div class="menu__list">
                    {(key.status == ApiKeyStatus::Active).then(|| view! { <a class="menu__item" href=link("rotate")>"Rotate…"</a><hr /> })}
                    <a class="menu__item menu__item--danger" href=link("revoke")>"Revoke…"</a>
                </div>
            </details>
        }
        .into_any()
    })
}

/// A key for services as its project's page knows it; none when it is over for good, or is for models.
pub fn service(key: &ApiKey) -> Option<Key> {
    let state = match key.status {
        _ if key.kind == KeyKind::Models => return None,
        ApiKeyStatus::Active => KeyState::Active,
        ApiKeyStatus::Replaced => KeyState::Replaced,
        ApiKeyStatus::Suspended => KeyState::Suspended,
        ApiKeyStatus::Expired => KeyState::Expired,
        ApiKeyStatus::Pending | ApiKeyStatus::Revoking | ApiKeyStatus::Revoked => return None,
    };
    Some(Key {
        id: key.id,
        team_id: key.team_id,
        team_name: key.team_name.clone(),
        project_id: key.project_id,
        project_name: key.project_name.clone(),
        name: key.name.clone(),
        prefix: key.prefix.clone(),
        owner_id: key.owner_id,
        owner: key.owner.clone(),
        state,
        created_at: key.created_at,
        created_by: key.created_by.clone(),
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        replaced_by: key.replaced_by,
    })
}

/// The links to the pages before and after.
pub fn pages(query: &KeyQuery, total: i64, path: &str) -> AnyView {
    let show = if query.open_only { "" } else { "&show=all" };
    let shown = usize::try_from((total - (query.page - 1) * query.limit).clamp(0, query.limit)).unwrap_or_default();
    let previous = (query.page > 1).then(|| (query.page - 1).to_string());
    let next = (query.page * query.limit < total).then(|| (query.page + 1).to_string());
    let path = path.to_owned();
    ui::pagination(shown, total, "key", previous, next, move |page| {
        format!("{path}?page={page}{show}")
    })
}
