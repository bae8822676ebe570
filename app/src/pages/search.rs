//! Search from everywhere: the page, and what the palette (Ctrl K) asks for.

use backend::{identity, search};
use domain::{
    search::score,
    views::{Found, FoundKind, Me},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    icon::icon,
    layout::{Rendered, page},
    navigation::{self, Entry},
    ssr::{self, Ctx, Result},
    ui,
};

/// Where it is.
pub const PAGE: &str = "/search";
/// How many pages and actions are offered at most.
const ACTIONS: usize = 6;

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Under which title it stands; those of one title follow each other.
    group: String,
    /// Name of its icon.
    icon: String,
    /// Its name.
    title: String,
    /// What tells it from others of its name.
    detail: String,
    /// Where it leads.
    href: String,
}

/// What there is for a text, in the order of groups: what has such a name, what can be done with the first team, then
/// pages and actions. Nothing typed shows what can be begun.
///
/// # Errors
/// When the database does not answer.
pub async fn hits(ctx: &mut Ctx, text: &str) -> Result<Vec<Hit>> {
    let me = identity::me(ctx.person()?);
    let found = search::find(ctx, text).await?;
    let mut hits: Vec<Hit> = found.iter().map(hit).collect();
    let actions = matching(navigation::actions(&me), text);
    let of_team = found.iter().find(|found| found.kind == FoundKind::Team);
    hits.extend(of_team.into_iter().flat_map(|team| team_actions(team, &me)));
    hits.extend(actions.iter().map(|entry| place("Actions", entry)));
    if !text.trim().is_empty() {
        let pages = navigation::groups(&me).into_iter().flat_map(|group| group.entries);
        // An action that is also a page stands once.
        let pages = matching(pages.collect(), text);
        let pages = pages.iter().filter(|page| actions.iter().all(|action| action.href != page.href));
        hits.extend(pages.map(|entry| place("Pages", entry)));
    }
    Ok(hits)
}

/// Those that answer the text best, the best first; all of them when there is none.
fn matching(entries: Vec<Entry>, text: &str) -> Vec<Entry> {
    if text.trim().is_empty() {
        return entries;
    }
    let mut scored: Vec<_> = (entries.into_iter())
        .filter_map(|entry| Some((score(text, entry.label)?, entry)))
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, entry)| entry).take(ACTIONS).collect()
}

fn place(group: &str, entry: &Entry) -> Hit {
    Hit {
        group: group.to_owned(),
        icon: entry.icon.to_owned(),
        title: entry.label.to_owned(),
        detail: String::new(),
        href: entry.href.to_owned(),
    }
}

fn hit(found: &Found) -> Hit {
    let id = found.id;
    let (group, icon, href) = match (found.kind, found.team, found.project) {
        (FoundKind::Organization, ..) => ("Organizations", "building", format!("/admin/organizations/{id}")),
        (FoundKind::Team, ..) => ("Teams", "teams", format!("/admin/teams/{id}")),
        (FoundKind::Person, Some(team), _) => {
            let email: String = form_urlencoded::byte_serialize(found.detail.as_bytes()).collect();
            ("People", "user", format!("/admin/teams/{team}/members?q={email}"))
        }
        (FoundKind::Person, None, _) => ("People", "user", format!("/admin/users/{id}")),
        (FoundKind::Project, team, _) => {
            let team = team.unwrap_or_default();
            ("Projects", "folder", format!("/admin/teams/{team}/projects/{id}"))
        }
        (FoundKind::Runner, ..) => ("Runners", "runner", format!("/runners/{id}")),
        (FoundKind::Key, Some(team), Some(project)) => ("Keys", "key", format!("/admin/teams/{team}/projects/{project}")),
        (FoundKind::Key, ..) => ("Keys", "key", format!("/keys/{id}")),
    };
    let same = found.kind == FoundKind::Person && found.name == found.detail;
    Hit {
        group: group.to_owned(),
        icon: icon.to_owned(),
        title: found.name.clone(),
        detail: if same { String::new() } else { found.detail.clone() },
        href,
    }
}

/// What may be done with a team; the pages there ask for the right again.
fn team_actions(team: &Found, me: &Me) -> Vec<Hit> {
    let id = team.id;
    let own = me.teams.iter().find(|(own, ..)| own.0 == id);
    let manages = me.super_admin || me.org_admin || own.is_some_and(|(.., role)| *role == domain::TeamRole::Admin);
    let actions = [
        (own.is_some(), "provision", "Provision a runner for", format!("/provision?team={id}")),
        (manages, "user-plus", "Add a member to", format!("/admin/teams/{id}/members")),
        (manages, "label", "Policy of", format!("/admin/teams/{id}/policy")),
    ];
    let actions = actions.into_iter().filter(|(shown, ..)| *shown);
    actions
        .map(|(_, icon, words, href)| Hit {
            group: "Actions".to_owned(),
            icon: icon.to_owned(),
            title: format!("{words} {}", team.name),
            detail: String::new(),
            href,
        })
        .collect()
}

/// `/search?q=…`: without JavaScript, and for who wants a link to it.
pub fn page_of_results() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let text = ssr::query("q").unwrap_or_default();
        let hits = hits(&mut ctx, &text).await?;
        drop(ctx);
        let title = if text.is_empty() {
            "Search".to_owned()
        } else {
            format!("Search: {}", text.chars().take(60).collect::<String>())
        };
        let lead = "Teams, people, projects, runners, keys and pages that you may see; and what you can begin.";
        let shortcuts = view! { <button class="button js-only" type="button" data-shortcuts>"Keyboard shortcuts"</button> }.into_any();
        let header = ui::page_header("Search", None, Some(lead.to_owned()), shortcuts);
        let body = view! {
            <form class="toolbar" method="get" action=PAGE role="search">
                <div class="search">
                    {icon("search")}
                    <input class="input" type="search" name="q" value=text.clone() aria-label="Search everything" maxlength="100" autofocus />
                </div>
                <button class="button" type="submit">"Search"</button>
            </form>
            {results(&hits, &text)}
        };
        Ok(Rendered::new(title, view! { {header} {body} }).narrow())
    })
}

fn results(hits: &[Hit], text: &str) -> AnyView {
    if hits.is_empty() {
        let words = format!("Nothing that you may see has a name like “{}”.", text.trim());
        return ui::empty("search", "Nothing found", &words, None);
    }
    let groups = hits.chunk_by(|one, next| one.group == next.group);
    let groups = groups.enumerate().map(|(index, hits)| {
        let id = format!("found-{index}");
        let title = hits.first().map(|hit| hit.group.clone());
        let rows = hits.iter().map(|hit| {
            view! {
                <li class="row">
                    {icon(&hit.icon)}
                    <div class="row__main">
                        <a class="row__title" href=hit.href.clone()>{hit.title.clone()}</a>
                        <span class="row__text">{hit.detail.clone()}</span>
                    </div>
                </li>
            }
        });
        view! {
            <section class="card" aria-labelledby=id.clone()>
                <header class="card__header"><h2 class="card__title" id=id.clone()>{title}</h2></header>
                <ul class="rows">{rows.collect_view()}</ul>
            </section>
        }
    });
    groups.collect_view().into_any()
}
