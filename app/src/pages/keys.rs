//! `/keys`: the viewer's keys over all teams, a key's own page, and the form for a new one; a team's keys.

mod detail;
mod dialogs;
mod new;
mod parts;
mod projects;
mod services;
mod settings;
mod team;

use backend::{
    api_keys::{self, KeyQuery, Whose},
    identity,
};
use domain::views::{ApiKey, KeyStats};
use leptos::prelude::*;
pub use new::{FORM, new};
pub use parts::{show_once as show_made, status};
pub use projects::page as of_services;
pub use services::{
    Action, CHANGE, CREATE, address, dialog, expires, expiry, is_over, last_used, menu, show_once, shown, state, take,
    title,
};
pub use settings::{FORM as SETTINGS, USERS, page as settings};
pub use team::keys as team_keys;

pub use detail::{EDIT, page as key};

use crate::{
    forms,
    layout::{Rendered, page as console_page},
    navigation, ssr, ui,
};

/// Keys on a page.
const PAGE: i64 = 50;

/// The page that the address asks for.
fn number() -> i64 {
    ssr::query("page")
        .and_then(|page| page.parse().ok())
        .unwrap_or(1)
        .clamp(1, 1_000_000)
}

/// The keys of a list, without those that are over unless the address asks for them.
fn query(whose: Whose) -> KeyQuery {
    KeyQuery {
        whose,
        models: None,
        active: None,
        open_only: ssr::query("show").is_none(),
        page: number(),
        limit: PAGE,
    }
}

/// `/keys`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let query = query(Whose::Mine);
        let (keys, total) = api_keys::list(&mut ctx, &query).await?;
        let stats = api_keys::stats(&mut ctx, Whose::Mine, None).await?;
        // Whoever only looks is in no team that could pay for a key.
        let works = navigation::works(&identity::me(ctx.person()?));
        let configured = works && !ctx.backend.litellm.is_empty();
        drop(ctx);
        let secret = parts::take().await;
        let service = take().await;
        let change = forms::take(CHANGE).await;
        let dialog = Action::asked().and_then(|action| {
            let id = ssr::query("key")?;
            let key = keys
                .iter()
                .find(|key| key.id.to_string() == id)
                .and_then(parts::service)?;
            let fields = vec![
                ("team", key.team_id.to_string()),
                ("project", key.project_id.map(|id| id.to_string()).unwrap_or_default()),
                ("key", key.id.to_string()),
                ("at", "/keys".to_owned()),
            ];
            dialog(action, &key, fields, address("/keys", "page"), now)
        });
        let body = if keys.is_empty() && total == 0 && query.open_only {
            let (text, action) = if !works {
                (
                    "A key is its owner's, and paid by a team of theirs. What others have is on the Keys tab of each team, and on each person's page.",
                    ("Teams", "/admin/teams"),
                )
            } else if configured {
                (
                    "A key lets a program use AI models, paid by your team. A key for a service belongs to a project; to be assigned to one, ask a team admin.",
                    ("Create a key", "/keys/new"),
                )
            } else {
                (
                    "A key lets a program use what your team may use. It belongs to a project; to be assigned to one, ask a team admin.",
                    ("Choose the project", "/keys/services"),
                )
            };
            view! { {over_link(&query)} {ui::empty("key", "You have no API keys", text, Some(action))} }.into_any()
        } else {
            view! {
                {summary(&stats)}
                {over_link(&query)}
                {parts::table("My API keys", &keys, false, now)}
                {parts::pages(&query, total, "/keys")}
            }
            .into_any()
        };
        let models =
            configured.then(|| view! { <a class="button button--primary" href="/keys/new">"Create a key"</a> });
        let services = works.then(|| view! { <a class="button" href="/keys/services">"Key for a service"</a> });
        let create = view! { {services} {models} }.into_any();
        let header = ui::page_header("API keys", None, Some("Your own, over all teams.".to_owned()), create);
        let body = view! {
            {header} {secret.map(parts::shown)} {service.map(shown)} {ui::refusal(change.refusal())} {body} {dialog}
        };
        Ok(Rendered::new("API keys", body))
    })
}

/// The other half of the list.
fn over_link(query: &KeyQuery) -> AnyView {
    let path = ssr::path();
    let (href, words) = if query.open_only {
        (format!("{path}?show=all"), "Show revoked and expired keys, too")
    } else {
        (path, "Hide revoked and expired keys")
    };
    view! { <p class="muted"><a class="link" href=href>{words}</a></p> }.into_any()
}

/// A list in numbers.
fn summary(stats: &KeyStats) -> AnyView {
    let count = |wanted: domain::ApiKeyStatus| {
        let found = stats.counts.iter().find(|(status, _)| *status == wanted);
        found.map_or(0, |(_, count)| *count)
    };
    let (pending, revoking) = (
        count(domain::ApiKeyStatus::Pending),
        count(domain::ApiKeyStatus::Revoking),
    );
    let note = |count: i64, text: &'static str| (count > 0).then(|| view! { <span class="stat__note">{text}</span> });
    let month: rust_decimal::Decimal = stats.days.iter().map(|day| day.spend.decimal()).sum();
    view! {
        <section class="stats" aria-label="Totals">
            <div class="stat">
                <span class="stat__label">"Active"</span>
                <span class="stat__value">{count(domain::ApiKeyStatus::Active)}</span>
            </div>
            <div class="stat">
                <span class="stat__label">"Pending"</span>
                <span class="stat__value">{pending}</span>
                {note(pending, "LiteLLM was away")}
            </div>
            <div class="stat">
                <span class="stat__label">"Being revoked"</span>
                <span class="stat__value">{revoking}</span>
                {note(revoking, "until LiteLLM confirms it")}
            </div>
            <div class="stat">
                <span class="stat__label">"Spent in 30 days"</span>
                <span class="stat__value">{ui::dollars(domain::Money::trusted(month))}</span>
            </div>
        </section>
    }
    .into_any()
}

/// Where a key's page is.
pub fn href(key: &ApiKey) -> String {
    match (key.kind, key.project_id) {
        (domain::KeyKind::Services, Some(project)) => format!("/admin/teams/{}/projects/{project}", key.team_id),
        _ => format!("/keys/{}", key.id),
    }
}
