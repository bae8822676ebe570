//! The lists: mine and my teams', and all that one may see.

use backend::{identity, runners, teams};
use domain::{
    TeamStatus,
    views::{Me, Page, Runner},
};
use leptos::prelude::*;

use super::{
    address::{Address, FILTERS},
    deprovision,
    table::table,
};
use crate::{
    icon::icon,
    layout::{Rendered, page},
    navigation,
    ssr::{self, Ctx, Result},
    ui,
};

/// `/runners`: the viewer's own and their teams'.
pub fn mine() -> impl IntoView {
    page(show(
        "/runners",
        "Runners",
        "Your runners and those of your teams, newest first.",
    ))
}

/// `/admin/runners`: all that the viewer may see.
pub fn all() -> impl IntoView {
    page(show(
        "/admin/runners",
        "All runners",
        "Every runner that you may see, newest first.",
    ))
}

async fn show(path: &'static str, title: &'static str, description: &'static str) -> Result<Rendered> {
    let mut ctx = ssr::read().await?;
    let (address, now) = (Address::read(path), ctx.now);
    let list = runners::list(&mut ctx, &address.query()?).await?;
    let team = team_name(&mut ctx, &address).await?;
    let asked = deprovision::asked(&mut ctx, &address).await?;
    let caller = ctx.caller.clone();
    let choices = choices(&ctx, &address);
    let me = identity::me(ctx.person()?);
    drop(ctx);
    let header = ui::page_header(
        title,
        None,
        Some(match &team {
            Some(team) => format!("The runners of {team}, newest first."),
            None => description.to_owned(),
        }),
        crate::pages::provision_button(&me).into_any(),
    );
    let body = if list.items.is_empty() {
        empty(&address, &me)
    } else {
        table(&list, &address, &caller, now)
    };
    // What lives may change by itself; a list of what is gone does not.
    let live = (address.status.as_deref() != Some("deleted") && !list.items.is_empty()).then(|| "5".to_owned());
    let body = view! {
        {header} {toolbar(&address, &choices, &list)} {asked}
        <div class="stack" id="runner-list" data-live=live>{body}</div>
    };
    Ok(Rendered::new(title, body))
}

/// The name of the team that the address has the id of.
async fn team_name(ctx: &mut Ctx, address: &Address) -> Result<Option<String>> {
    match address.team.as_deref().and_then(|team| team.parse().ok()) {
        Some(id) => Ok(Some(teams::get(ctx, id).await?.team.name)),
        None => Ok(None),
    }
}

/// The viewer's teams, for the filter: id and name.
fn choices(ctx: &Ctx, address: &Address) -> Vec<(String, String)> {
    let Ok(person) = ctx.person() else { return Vec::new() };
    if address.path != "/runners" {
        return Vec::new();
    }
    (person.teams.iter())
        .filter(|team| team.status == TeamStatus::Active)
        .map(|team| (team.team_id.to_string(), team.name.clone()))
        .collect()
}

fn toolbar(address: &Address, choices: &[(String, String)], list: &Page<Runner>) -> AnyView {
    let status = address.status.clone().unwrap_or_default();
    let options = FILTERS.map(|(word, label)| view! { <option value=word selected=word == status>{label}</option> });
    let team = address.team.clone().unwrap_or_default();
    let is_choice = choices.iter().any(|(id, _)| *id == team);
    let team_field = if address.path == "/runners" && (is_choice || (team.is_empty() && !choices.is_empty())) {
        let options = choices
            .iter()
            .map(|(id, name)| view! { <option value=id.clone() selected=*id == team>{name.clone()}</option> })
            .collect_view();
        view! {
            <label class="visually-hidden" for="team">"Team"</label>
            <select class="select" id="team" name="team" data-autosubmit="">
                <option value="">"All my teams"</option>
                {options}
            </select>
        }
        .into_any()
    } else if address.path == "/runners" || team.parse::<domain::TeamId>().is_ok() {
        (!team.is_empty())
            .then(|| view! { <input type="hidden" name="team" value=team.clone() /> })
            .into_any()
    } else {
        view! {
            <label class="visually-hidden" for="team">"Team"</label>
            <input class="input runners__team" id="team" name="team" placeholder="Team" autocomplete="off" value=team.clone() />
        }
        .into_any()
    };
    let own = address.own.is_some();
    let reach = [(false, "All"), (true, "Mine")].map(|(word, label)| {
        let href = address.with("own", word.then_some("yes"));
        view! { <a href=href aria-current=(own == word).then_some("true")>{label}</a> }
    });
    let reload = address.here();
    let clear = address.is_filtered() && !list.items.is_empty();
    view! {
        <form class="toolbar" method="get" role="search" aria-label="Runners">
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search runners"</label>
                <input class="input" id="q" name="q" type="search" placeholder="Name, person or label" value=address.q.clone() />
            </div>
            <nav class="segmented" aria-label="Whose">{reach.collect_view()}</nav>
            {address.own.clone().map(|own| view! { <input type="hidden" name="own" value=own /> })}
            <label class="visually-hidden" for="status">"Status"</label>
            <select class="select" id="status" name="status" data-autosubmit="">{options.collect_view()}</select>
            {team_field}
            <button class="button">"Apply"</button>
            {clear.then(|| view! { <a class="link link--muted toolbar__clear" href=address.path>"Clear"</a> })}
            <span class="toolbar__end"><a class="button button--small" href=reload>{icon("sync")}"Refresh"</a></span>
        </form>
    }
    .into_any()
}

fn empty(address: &Address, me: &Me) -> AnyView {
    if address.is_filtered() || address.cursor.is_some() {
        return ui::empty(
            "search",
            "No runner fits",
            "No runner that you may see here fits this search and these filters.",
            Some(("Show all runners", address.path)),
        );
    }
    ui::empty(
        "runner",
        "No runners",
        "A runner takes one CI job and is gone. Provision one and start it where the job shall run.",
        navigation::works(me).then_some(("Provision JIT Runner", "/provision")),
    )
}
