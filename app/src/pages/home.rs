//! The home page: what needs the viewer, what they use, what they can start; and the answers that newcomers look for.

mod needs;
mod steps;

use backend::{Principal, alerts, home, identity};
use chrono::{DateTime, Utc};
use domain::{
    RequestKind,
    views::{AccessRequest, Home, HomeKey, HomeRunner, HomeTeam, Me},
};
use leptos::prelude::*;

use super::runners::state_badge;
use crate::{
    icon::icon,
    layout::{Rendered, page},
    navigation, pages, ssr, ui,
};

/// Seconds until what changes by itself is read again.
const LIVE: &str = "20";
/// How many things to start are offered; the palette has them all.
const STARTS: usize = 6;

/// `/`.
pub fn home() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let loaded = home::load(&mut ctx).await?;
        let alerts = if alerts::may_see(&ctx.caller) {
            alerts::list(&mut ctx).await?
        } else {
            Vec::new()
        };
        let person = ctx.person()?.clone();
        drop(ctx);
        let me = identity::me(&person);
        let header = ui::page_header("Home", None, Some(greeting(&person)), primary(&me));
        let body = view! {
            {loaded.first_steps.map(steps::card)}
            <div class="split">
                <div class="split__main">
                    <div class="stack stack--wide" id="home-live" data-live=LIVE>
                        {needs::card(&loaded, &alerts, now)} {requests(&loaded, now)} {runners(&loaded, &me, now)}
                    </div>
                    {teams(&loaded, &me)} {keys(&loaded, &me, now)}
                </div>
                <aside class="split__aside" aria-label="Begin, and find out">{start(&me)} {questions(&me)}</aside>
            </div>
        };
        Ok(Rendered::new("Home", view! { {header} {body} }).knowing(loaded.waiting))
    })
}

fn greeting(person: &Principal) -> String {
    let name = person.display_name.as_deref().unwrap_or(&person.email);
    let part = if person.super_admin {
        "You administer this installation."
    } else if person.auditor {
        "You see everything here, and change nothing."
    } else if person.teams.is_empty() {
        "You are in no team of your own yet."
    } else {
        "What needs you, what you use, and what you can start."
    };
    format!("Hello, {name}. {part}")
}

/// What most people came for.
fn primary(me: &Me) -> AnyView {
    let provision = ("provision", "Provision a runner", "/provision");
    let (name, words, href) = match (me.teams.is_empty(), me.super_admin || me.org_admin, me.sees_people) {
        (false, ..) => provision,
        (true, true, _) => ("plus", "Create a team", "/admin/teams/new"),
        (true, false, true) => ("audit", "Audit log", "/admin/audit"),
        (true, false, false) => ("inbox", "Request to join a team", "/requests/new?kind=join"),
    };
    view! { <a class="button button--primary" href=href>{icon(name)}{words}</a> }.into_any()
}

/// A card of lines, with the number of all that there are and the way to them.
fn card(id: &'static str, title: &'static str, all: Option<(&'static str, String)>, body: AnyView) -> AnyView {
    view! {
        <section class="card" aria-labelledby=id>
            <header class="card__header">
                <div><h2 class="card__title" id=id>{title}</h2></div>
                {all
                    .map(|(href, words)| {
                        view! { <div class="card__actions"><a class="button button--small" href=href>{words}</a></div> }
                    })}
            </header>
            {body}
        </section>
    }
    .into_any()
}

fn nothing(words: &'static str, link: Option<(&'static str, &'static str)>) -> AnyView {
    view! {
        <div class="card__body">
            <p class="muted">
                {words} {link.map(|(href, label)| view! { " "<a class="link" href=href>{label}</a> })}
            </p>
        </div>
    }
    .into_any()
}

/// Whether somebody comes for runners and keys: who runs organizations is spared empty lists of them.
fn is_for_work(me: &Me) -> bool {
    navigation::works(me) && !me.super_admin && !me.org_admin
}

/// What the viewer asked for and nobody has decided yet.
fn requests(loaded: &Home, now: DateTime<Utc>) -> Option<AnyView> {
    let row = |request: &AccessRequest| {
        let named = request.value.kind() == RequestKind::Join;
        let team = (!named).then(|| format!("{} · ", request.team_name));
        view! {
            <li class="row">
                <div class="row__main">
                    <a class="row__title" href=format!("{}/{}", pages::requests::PAGE, request.id)>{request.what()}</a>
                    <span class="row__text">{team}"sent "{ui::time_ago(request.created_at, now)}</span>
                </div>
            </li>
        }
    };
    let rows = (!loaded.requests.is_empty()).then(|| loaded.requests.iter().map(row).collect_view())?;
    let body = view! { <ul class="rows">{rows}</ul> }.into_any();
    Some(card(
        "my-requests",
        "My requests",
        Some((pages::requests::PAGE, "All requests".to_owned())),
        body,
    ))
}

fn runners(loaded: &Home, me: &Me, now: DateTime<Utc>) -> Option<AnyView> {
    if loaded.runners.is_empty() && !is_for_work(me) {
        return None;
    }
    let row = |runner: &HomeRunner| {
        view! {
            <li class="row">
                <div class="row__main">
                    <a class="row__title mono" href=format!("/runners/{}", runner.id)>{runner.name.clone()}</a>
                    <span class="row__text">
                        {runner.team.clone().map(|team| format!("{team} · "))}"since "{ui::time_ago(runner.since, now)}
                    </span>
                </div>
                {state_badge(runner.state)}
            </li>
        }
    };
    let body = if loaded.runners.is_empty() {
        let link = (!me.teams.is_empty()).then_some(("/provision", "Provision one"));
        nothing("You have no runners now.", link)
    } else {
        view! { <ul class="rows">{loaded.runners.iter().map(row).collect_view()}</ul> }.into_any()
    };
    let all = ("/runners", format!("All {}", loaded.runner_count));
    Some(card(
        "my-runners",
        "My runners",
        (loaded.runner_count > 0).then_some(all),
        body,
    ))
}

fn teams(loaded: &Home, me: &Me) -> Option<AnyView> {
    if loaded.teams.is_empty() && !navigation::works(me) {
        return None;
    }
    let row = |team: &HomeTeam| {
        view! {
            <li class="row">
                <div class="row__main">
                    <a class="row__title" href=format!("/admin/teams/{}", team.id)>{team.name.clone()}</a>
                    <span class="row__text">{team.organization.clone()}</span>
                </div>
                {team.runners_enabled.then(|| ui::meter(team.runners, team.max_runners))}
                {ui::role_badge(team.role)}
            </li>
        }
    };
    let body = if loaded.teams.is_empty() {
        nothing(
            "You are in no team. A team gives runners, keys and services.",
            Some(("/requests/new?kind=join", "Request to join one")),
        )
    } else {
        view! { <ul class="rows">{loaded.teams.iter().map(row).collect_view()}</ul> }.into_any()
    };
    Some(card(
        "my-teams",
        "My teams",
        Some(("/teams", "Their details".to_owned())),
        body,
    ))
}

fn keys(loaded: &Home, me: &Me, now: DateTime<Utc>) -> Option<AnyView> {
    if loaded.keys.is_empty() && !is_for_work(me) {
        return None;
    }
    let row = |key: &HomeKey| {
        let spend = match key.max_budget {
            Some(max) => format!("{} of {}", ui::dollars(key.spend), ui::dollars(max)),
            None => format!("{} spent", ui::dollars(key.spend)),
        };
        let end = match key.expires_at {
            Some(at) => view! { "ends "{ui::time_ahead(at, now)} }.into_any(),
            None => "does not end".into_any(),
        };
        view! {
            <li class="row">
                <div class="row__main">
                    <a class="row__title" href=format!("/keys/{}", key.id)>{key.name.clone()}</a>
                    <span class="row__text">{key.team.clone()}" · "{end}</span>
                </div>
                <span class="muted nowrap">{spend}</span>
            </li>
        }
    };
    let body = if loaded.keys.is_empty() {
        nothing("You have no API key that works.", Some(("/keys/new", "Create one")))
    } else {
        view! { <ul class="rows">{loaded.keys.iter().map(row).collect_view()}</ul> }.into_any()
    };
    let all = ("/keys", format!("All {}", loaded.key_count));
    Some(card(
        "my-keys",
        "My API keys",
        (loaded.key_count > 0).then_some(all),
        body,
    ))
}

fn start(me: &Me) -> AnyView {
    let rows = navigation::actions(me).into_iter().take(STARTS).map(|action| {
        view! {
            <li class="row">{icon(action.icon)}<div class="row__main"><a class="row__title" href=action.href>{action.label}</a></div></li>
        }
    });
    card(
        "start",
        "Start",
        None,
        view! { <ul class="rows">{rows.collect_view()}</ul> }.into_any(),
    )
}

/// What newcomers ask, each with the page that answers it.
fn questions(me: &Me) -> AnyView {
    let changed = "/admin/audit?by=people&period=yesterday".to_owned();
    let team = me.teams.first().map(|(id, ..)| format!("/admin/teams/{id}"));
    let sees_teams = team.is_some() || me.sees_people;
    let questions = [
        (sees_teams, "Where do I add a service?", "/admin/services".to_owned()),
        (true, "Why was I refused?", "/admin/explain".to_owned()),
        (true, "Who can raise our quota?", "/requests/new?kind=quota".to_owned()),
        (navigation::works(me), "When does my key end?", "/keys".to_owned()),
        (true, "What changed yesterday?", changed),
        (true, "How do I use kubectl?", "/help/kubectl".to_owned()),
    ];
    let rows = questions
        .into_iter()
        .filter(|(shown, ..)| *shown)
        .map(|(_, words, href)| {
            view! { <li class="row"><div class="row__main"><a class="row__title" href=href>{words}</a></div></li> }
        });
    card(
        "questions",
        "Questions",
        None,
        view! { <ul class="rows">{rows.collect_view()}</ul> }.into_any(),
    )
}
