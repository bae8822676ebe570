//! The navigation.

use domain::views::Me;
use leptos::prelude::*;

use crate::{icon::icon, navigation, pages, ssr, ui};

/// The navigation. `switcher`: the menu of someone who has several organizations; `waiting`: how much waits for a decision
/// of the viewer behind an entry.
pub(super) fn view(me: &Me, switcher: Option<AnyView>, waiting: Counts<'_>) -> AnyView {
    let groups = navigation::groups(me);
    let path = ssr::path();
    // An entry inside of another one is the nearer.
    let entries = groups.iter().flat_map(|group| &group.entries);
    let here = entries
        .filter_map(|entry| Some((entry.href, current(entry, &path)?)))
        .max_by_key(|(href, _)| href.len());
    let name = me.display_name.clone().unwrap_or_else(|| me.email.clone());
    let initials = ui::initials(&name);
    view! {
        <header class="sidebar">
            <div class="sidebar__bar">
                <a class="brand" href="/">{ui::brand()}</a>
                <details class="sidebar__toggle"><summary aria-label="Menu">{icon("menu")}</summary></details>
            </div>
            <div class="sidebar__body">
                {switcher}
                <a class="palette-button" href=pages::search::PAGE data-palette>
                    {icon("search")}<span>"Search or jump to…"</span><kbd>"Ctrl K"</kbd>
                </a>
                <nav class="nav" aria-label="Main">
                    {groups.into_iter().enumerate().map(|(index, group)| nav_group(index, &group, here, waiting)).collect_view()}
                </nav>
                <div class="sidebar__foot">
                    <div class="theme-switch" role="group" aria-label="Theme">
                        <button type="button" data-theme-switch="light" aria-label="Light">{icon("sun")}</button>
                        <button type="button" data-theme-switch="dark" aria-label="Dark">{icon("moon")}</button>
                        <button type="button" data-theme-switch="system" aria-label="System">{icon("monitor")}</button>
                    </div>
                    <div class="user-block">
                        <span class=ui::avatar_class(&me.email) aria-hidden="true">{initials}</span>
                        <span class="user-block__text">
                            <span class="user-block__name">{name}</span>
                            <span class="user-block__email">{me.email.clone()}</span>
                        </span>
                        <form method="post" action="/auth/logout">
                            <button class="button button--icon button--ghost" aria-label="Sign out">{icon("sign-out")}</button>
                        </form>
                    </div>
                </div>
            </div>
        </header>
    }
    .into_any()
}

/// The entry that the page belongs to: its address, and its `aria-current`.
type Here = Option<(&'static str, &'static str)>;

/// How much waits for the viewer, by where it leads.
type Counts<'a> = &'a [(&'static str, i64)];

fn nav_group(index: usize, group: &navigation::Group, here: Here, waiting: Counts<'_>) -> AnyView {
    let id = format!("nav-{index}");
    let open = group
        .entries
        .iter()
        .any(|entry| here.is_some_and(|(href, _)| href == entry.href));
    let links = group
        .entries
        .iter()
        .map(|entry| link(entry, here, waiting))
        .collect_view();
    if group.folded {
        return view! {
            <details class="nav__group" open=open>
                <summary class="nav__title" id=id.clone()>{icon("chevron-right")}{group.title}</summary>
                <ul aria-labelledby=id>{links}</ul>
            </details>
        }
        .into_any();
    }
    view! {
        <div class="nav__group">
            <h2 class="nav__title" id=id.clone()>{group.title}</h2>
            <ul aria-labelledby=id>{links}</ul>
        </div>
    }
    .into_any()
}

/// `aria-current` of an entry on a page: the page itself, or one inside.
fn current(entry: &navigation::Entry, path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix(entry.href)?;
    match rest {
        "" => Some("page"),
        // Everything is inside of the home page.
        _ if entry.href == "/" => None,
        rest => rest.starts_with('/').then_some("true"),
    }
}

fn link(entry: &navigation::Entry, here: Here, waiting: Counts<'_>) -> impl IntoView + use<> {
    let current = here.filter(|(href, _)| *href == entry.href).map(|(_, how)| how);
    let count = waiting.iter().find(|(href, count)| *href == entry.href && *count > 0);
    let count = count.map(|&(_, count)| {
        view! { <span class="count">{count}<span class="visually-hidden">" to decide"</span></span> }
    });
    view! {
        <li>
            <a class="nav__link" href=entry.href aria-current=current>
                {icon(entry.icon)}
                <span>{entry.label}</span>
                {count}
            </a>
        </li>
    }
}
