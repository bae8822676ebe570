//! Directory: how the company's directory sends people and groups by itself (SCIM), and what came of it.

use backend::scim::{self, GroupRow, Overview, Token};
use chrono::{DateTime, Utc};
use domain::Permission;
use leptos::prelude::*;

use super::{Place, Tab, tab_page};
use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::page,
    once, ssr,
    ui::{self, Confirm, Field},
};

/// The form's name in the session.
pub const FORM: &str = "create-scim-token";

/// Keeps a new token for the next page.
pub async fn show_once(secret: &str) {
    if once::put(FORM, &secret).await.is_none() {
        ssr::set_flash(
            "danger",
            "The token was created, but its text was lost. Revoke it and create another.",
        )
        .await;
    }
}

/// `/admin/organizations/{organization}/directory`.
pub fn directory() -> impl IntoView {
    page(tab_page(Tab::Directory, async |ctx, place| {
        if place.is_default() {
            return Ok(ui::empty(
                "user-plus",
                "No directory here",
                "The default organization has no people of its own. Connect a directory to another organization.",
                Some(("Organizations", "/admin/organizations")),
            ));
        }
        let manages = place.may(Permission::DirectoryManage);
        let known = scim::overview(ctx, &place.page).await?;
        let now = ctx.now;
        let secret = once::take::<String>(FORM).await;
        let state = forms::take(FORM).await;
        let revoke_state = forms::take("revoke-scim-token").await;
        let dialog = (manages && ssr::query("confirm").as_deref() == Some("revoke"))
            .then(|| ssr::query("token"))
            .flatten()
            .and_then(|id| known.tokens.iter().find(|token| token.id.to_string() == id))
            .map(|token| revoke_dialog(place, token));
        Ok(view! {
            {ui::refusal(revoke_state.refusal())}
            {secret.map(shown)}
            {connection(&known, now)}
            {tokens(place, &known.tokens, manages, now)}
            {manages.then(|| add_form(place, &state))}
            {groups(&known)}
            {dialog}
        }
        .into_any())
    }))
}

fn shown(secret: String) -> AnyView {
    view! {
        <div class="secret">
            <div class="secret__head">
                {icon("key")}
                <div>
                    <h2 class="secret__title">"Copy this token now"</h2>
                    <p>"Paste it into your directory as the secret token. It is shown this once and stored only as a hash."</p>
                </div>
            </div>
            {ui::code("new-token-text", secret, true)}
        </div>
    }
    .into_any()
}

/// Where the directory sends what it knows, and what came.
fn connection(known: &Overview, now: DateTime<Utc>) -> AnyView {
    let url = format!("{}/scim/v2", ssr::visit().site.public_url.trim_end_matches('/'));
    let last = match known.last_call {
        Some(at) => ui::time_ago(at, now),
        None => view! { <span class="none">"never"</span> }.into_any(),
    };
    let (people, active) = known.people;
    let sent = if people == active {
        ui::plural(people, "person")
    } else {
        format!("{}, {active} of them active", ui::plural(people, "person"))
    };
    view! {
        <section class="card" aria-labelledby="scim-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="scim-title">"SCIM"</h2>
                    <p class="card__description">
                        "Your directory (Microsoft Entra ID, Okta and others) tells Guildhall by itself who joins, moves and leaves. Give it this address and a token."
                    </p>
                </div>
            </header>
            <div class="card__body">
                <p>"SCIM endpoint (tenant URL, base URL):"</p>
                {ui::code("scim-url", url, true)}
                <dl class="facts">
                    <div><dt>"Last call"</dt><dd>{last}</dd></div>
                    <div><dt>"Sent"</dt><dd>{sent}</dd></div>
                    <div><dt>"Groups"</dt><dd>{known.group_count}</dd></div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn add_form(place: &Place, state: &FormState) -> AnyView {
    let expires = state.value("expires", "365");
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="new-token">
            <header class="card__header"><h2 class="card__title" id="new-token">"New token"</h2></header>
            <form class="card__body stack" method="post" action="/actions/organizations/scim-tokens/create">
                {place.hidden()}
                <div class="field-row">
                    {Field { name: "name", label: "Name", required: true, placeholder: "Entra ID", ..Field::default() }.view(state)}
                    <div class="field">
                        <label class="field__label" for="expires">"Expires"</label>
                        <select class="select" id="expires" name="expires">
                            {[("90", "in 90 days"), ("365", "in a year"), ("730", "in two years"), ("never", "never")]
                                .map(|(value, label)| view! { <option value=value selected=expires == value>{label}</option> })
                                .collect_view()}
                        </select>
                    </div>
                </div>
                <div class="form-actions"><button class="button button--primary">"Create token"</button></div>
            </form>
        </section>
    }
    .into_any()
}

fn revoke_dialog(place: &Place, token: &Token) -> AnyView {
    let mut fields = place.fields();
    fields.push(("token", token.id.to_string()));
    ui::confirm(Confirm {
        id: "revoke-scim-token",
        title: format!("Revoke {}?", token.name),
        text: "A directory that uses this token is refused from now on. People and groups that came by it stay. This cannot be undone."
            .to_owned(),
        consequences: Vec::new(),
        action: "/actions/organizations/scim-tokens/revoke",
        fields,
        input: None,
        button: "Revoke token",
        danger: true,
        cancel: place.tab(Tab::Directory),
    })
}

fn tokens(place: &Place, tokens: &[Token], manages: bool, now: DateTime<Utc>) -> AnyView {
    if tokens.is_empty() {
        let next = if manages {
            "Create one below and give it to your directory."
        } else {
            "An admin of the organization creates one and gives it to the directory."
        };
        return ui::empty("key", "No tokens", next, None);
    }
    let rows = tokens
        .iter()
        .map(|token| token_row(place, token, manages, now))
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"SCIM tokens"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Token"</th>
                        <th scope="col">"Created"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">"Expires"</th>
                        {manages
                            .then(|| {
                                view! {
                                    <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                                }
                            })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn token_row(place: &Place, token: &Token, manages: bool, now: DateTime<Utc>) -> AnyView {
    let expired = token.expires_at.is_some_and(|end| end <= now);
    let by = token.created_by.clone().map(|by| format!(" by {by}"));
    let revoke = manages.then(|| {
        let href = format!("{}?confirm=revoke&token={}", place.tab(Tab::Directory), token.id);
        view! {
            <td class="table__actions">
                <a class="button button--small button--danger-quiet" href=href>
                    "Revoke"<span class="visually-hidden">{format!(" {}", token.name)}</span>
                </a>
            </td>
        }
    });
    view! {
        <tr class=expired.then_some("table__row--muted")>
            <th scope="row" class="table__title">
                {token.name.clone()}<small class="table__sub mono">{format!("{}…", token.prefix)}</small>
            </th>
            <td data-label="Created">{ui::time_ago(token.created_at, now)}{by}</td>
            <td data-label="Last used">
                {match token.last_used_at {
                    Some(at) => ui::time_ago(at, now),
                    None => view! { <span class="none">"never"</span> }.into_any(),
                }}
            </td>
            <td class="table__state" data-label="Expires">
                {match token.expires_at {
                    Some(_) if expired => view! { <span class="badge badge--warning">"expired"</span> }.into_any(),
                    Some(at) => ui::time(at),
                    None => "never".into_any(),
                }}
            </td>
            {revoke}
        </tr>
    }
    .into_any()
}

/// The groups that came, and the teams that they feed.
fn groups(known: &Overview) -> AnyView {
    if known.groups.is_empty() {
        return ui::empty(
            "teams",
            "No groups yet",
            "Each group that the directory sends makes a team of its name and keeps its members. Where a team of the same name already exists, connect the two by hand.",
            None,
        );
    }
    let left = known.group_count - i64::try_from(known.groups.len()).unwrap_or(i64::MAX);
    let rows = known.groups.iter().map(group_row).collect_view();
    view! {
        <section class="card" aria-labelledby="groups-title">
            <header class="card__header">
                <h2 class="card__title" id="groups-title">"Groups "<span class="count">{known.group_count}</span></h2>
            </header>
            <div class="card__body card__body--flush">
                <table class="table">
                    <caption class="visually-hidden">"Groups of the directory"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Group"</th>
                            <th scope="col" class="table__number">"People"</th>
                            <th scope="col">"Feeds the team"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {(left > 0).then(|| view! { <p class="card__body muted">{format!("And {}.", ui::plural(left, "more group"))}</p> })}
        </section>
    }
    .into_any()
}

fn group_row(group: &GroupRow) -> AnyView {
    let teams = if group.teams.is_empty() {
        view! { <span class="none">"none: a team has its name already"</span> }.into_any()
    } else {
        (group.teams.iter().enumerate())
            .map(|(place, (id, name))| {
                let comma = (place > 0).then_some(", ");
                view! { {comma}<a class="link" href=format!("/admin/teams/{id}")>{name.clone()}</a> }
            })
            .collect_view()
            .into_any()
    };
    view! {
        <tr>
            <th scope="row" class="table__title">
                {group.name.clone()}<small class="table__sub mono">{group.id.to_string()}</small>
            </th>
            <td class="table__number" data-label="People">{group.members}</td>
            <td data-label="Feeds the team">{teams}</td>
        </tr>
    }
    .into_any()
}
