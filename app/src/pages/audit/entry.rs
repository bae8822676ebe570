//! One entry of the audit log: who did what, from where, field by field.

use backend::audit;
use chrono::{DateTime, Utc};
use domain::{
    audit::event_name,
    views::{AuditEntry, FieldChange},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::log;
use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Error},
    ui,
};

/// `/admin/audit/{id}`.
pub fn entry() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("entry").unwrap_or_default());
    page(async move {
        let mut ctx = ssr::read().await?;
        let id = key.parse().map_err(|_| Error::not_found("Audit entry", &key))?;
        let list = log::title(audit::reach(&ctx.caller));
        let entry = audit::get(&mut ctx, id).await?;
        let now = ctx.now;
        drop(ctx);
        let name = event_name(&entry.action);
        let description = format!(
            "{} {}, by {}.",
            capital(&log::kind(&entry.target_kind)),
            entry.target,
            entry.actor
        );
        let failed = entry.error().map(|error| {
            ui::callout(
                "danger",
                "It did not work",
                view! { <p>{error.to_owned()}</p> }.into_any(),
            )
        });
        let body = view! {
            {ui::page_header(&name, Some(status(entry.success)), Some(description), ().into_any())}
            {failed}
            <div class="split">
                <div class="split__main">{changes(&entry)}</div>
                <aside class="split__aside" aria-label="Details">{facts(&entry, now)} {origin(&entry)}</aside>
            </div>
        };
        Ok(Rendered::new(name, body).under(list, "/admin/audit"))
    })
}

/// A badge of how it went.
pub(super) fn status(success: bool) -> AnyView {
    if success {
        view! { <span class="badge badge--success">"Success"</span> }.into_any()
    } else {
        view! { <span class="badge badge--danger">"Failed"</span> }.into_any()
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn changes(entry: &AuditEntry) -> AnyView {
    let body = if entry.fields.is_empty() {
        view! { <div class="card__body"><p class="muted">"This event has no fields that differ."</p></div> }.into_any()
    } else if entry.fields.iter().all(|field| field.before.is_none()) {
        // Nothing was there before: a request that was refused, or something new. That is no difference.
        // The services of a team are no fields: they are called what they are called.
        let names = entry.action == "team.services";
        let fact = |field: &FieldChange| {
            let name = if names {
                field.field.clone()
            } else {
                capital(&field.field.replace('_', " "))
            };
            view! { <div><dt>{name}</dt><dd>{ui::or_dash(field.after.as_deref())}</dd></div> }
        };
        view! {
            <div class="card__body"><dl class="facts event__facts">{entry.fields.iter().map(fact).collect_view()}</dl></div>
        }
        .into_any()
    } else {
        view! {
            <div class="card__body">
                <table class="diff">
                    <caption class="visually-hidden">"Fields that differ"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Field"</th>
                            <th scope="col">"Before"</th>
                            <th scope="col">"After"</th>
                        </tr>
                    </thead>
                    <tbody>{entry.fields.iter().map(change).collect_view()}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="changes-title">
            <header class="card__header"><h2 class="card__title" id="changes-title">"Field by field"</h2></header>
            {body}
        </section>
    }
    .into_any()
}

fn change(change: &FieldChange) -> AnyView {
    let none = || view! { <span class="none">"not set"</span> };
    let before = match change.before.clone() {
        Some(text) => view! { <del>{text}</del> }.into_any(),
        None => none().into_any(),
    };
    let after = match change.after.clone() {
        Some(text) => view! { <ins>{text}</ins> }.into_any(),
        None => none().into_any(),
    };
    view! {
        <tr>
            <th scope="row">{change.field.clone()}</th>
            <td class="diff__old">{before}</td>
            <td class="diff__new">{after}</td>
        </tr>
    }
    .into_any()
}

fn facts(entry: &AuditEntry, now: DateTime<Utc>) -> AnyView {
    let team = entry.team_id.map(|id| {
        let name = entry.team_name.clone().unwrap_or_else(|| id.to_string());
        view! { <a class="link" href=format!("/admin/teams/{id}")>{name}</a> }.into_any()
    });
    let id = view! { <br /><small class="help mono">{entry.target_id.clone()}</small> };
    // What happened to a team happened in it, too: it is said once.
    let is_team = entry.target_kind == "team" && entry.team_id.is_some_and(|id| id.to_string() == entry.target_id);
    let target = match (is_team, team) {
        (true, Some(team)) => view! { <div><dt>"Team"</dt><dd>{team}{id}</dd></div> }.into_any(),
        (_, team) => view! {
            <div><dt>{capital(&log::kind(&entry.target_kind))}</dt><dd>{entry.target.clone()}{id}</dd></div>
            {team.map(|team| view! { <div><dt>"Team"</dt><dd>{team}</dd></div> })}
        }
        .into_any(),
    };
    let at = entry.at;
    let shown = format!("{} UTC", at.format("%-d %b %Y, %H:%M:%S%.3f"));
    view! {
        <section class="card" aria-labelledby="facts-title">
            <header class="card__header"><h2 class="card__title" id="facts-title">"What"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    <div><dt>"Event"</dt><dd><code>{entry.action.clone()}</code></dd></div>
                    <div><dt>"When"</dt><dd><time datetime=ui::machine(at) title=ui::ago(at, now)>{shown}</time></dd></div>
                    {target}
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn origin(entry: &AuditEntry) -> AnyView {
    let method = match entry.method.as_str() {
        "session" => "Session of the console",
        "token" => "Personal access token",
        "jwt" => "JWT",
        "command" => "Command line",
        "system" => "Guildhall itself",
        other => other,
    }
    .to_owned();
    let request = match entry.request_id.clone() {
        Some(id) => view! {
            <span class="copyable">
                <code id="request-id">{id}</code>
                <button
                    class="button button--icon button--ghost button--small"
                    type="button"
                    data-copy="request-id"
                    aria-label="Copy request id"
                >
                    {icon("copy")}
                </button>
            </span>
        }
        .into_any(),
        None => ui::or_dash(None),
    };
    view! {
        <section class="card" aria-labelledby="origin-title">
            <header class="card__header"><h2 class="card__title" id="origin-title">"Who, and from where"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    <div><dt>"User"</dt><dd>{entry.actor.clone()}</dd></div>
                    <div><dt>"Known by"</dt><dd>{method}</dd></div>
                    <div><dt>"Subject at the provider"</dt><dd class="event__what">{ui::or_dash(entry.oidc_sub.as_deref())}</dd></div>
                    <div><dt>"Address"</dt><dd>{ui::or_dash(entry.ip.as_deref())}</dd></div>
                    <div><dt>"Client"</dt><dd class="event__what">{ui::or_dash(entry.user_agent.as_deref())}</dd></div>
                    <div><dt>"Request id"</dt><dd>{request}</dd></div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}
