//! What surrounds a page: navigation, breadcrumb, messages; and what stands in for a page that can
//! not be shown.

use std::future::Future;

use backend::{Principal, identity, organizations, waiting};
use domain::views::{Me, OwnOrganization, Waiting};
use leptos::{prelude::*, tachys::html::InertElement};
use leptos_meta::Title;

use crate::{
    forms, help,
    icon::icon,
    navigation, pages,
    ssr::{self, Caller, Code, Error, Flash, Result, Visit},
    switcher, ui,
};

/// A page, loaded.
pub struct Rendered {
    title: String,
    crumbs: Vec<(String, Option<String>)>,
    narrow: bool,
    waiting: Option<Waiting>,
    body: AnyView,
}

impl Rendered {
    /// A page with its title and content.
    pub fn new(title: impl Into<String>, body: impl IntoView + 'static) -> Self {
        Self {
            title: title.into(),
            crumbs: Vec::new(),
            narrow: false,
            waiting: None,
            body: body.into_any(),
        }
    }

    /// With a step of the breadcrumb before the title.
    #[must_use]
    pub fn under(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push((label.into(), Some(href.into())));
        self
    }

    /// With a last step of the breadcrumb that differs from the title.
    #[must_use]
    pub fn at(mut self, label: impl Into<String>) -> Self {
        self.crumbs.push((label.into(), None));
        self
    }

    /// By a page that asked already what waits for the viewer: the navigation need not ask again.
    #[must_use]
    pub fn knowing(mut self, waiting: Waiting) -> Self {
        self.waiting = Some(waiting);
        self
    }

    /// As narrow as a form.
    #[must_use]
    pub fn narrow(mut self) -> Self {
        self.narrow = true;
        self
    }
}

/// A page of someone signed in: loads it, then shows it in the layout; or shows why not.
pub fn page(load: impl Future<Output = Result<Rendered>> + Send + 'static) -> impl IntoView {
    view! { <Suspense>{Suspend::new(async move { whole(show(load.await).await) })}</Suspense> }
}

/// A page without the layout, for people who have not signed in.
pub fn plain_page(load: impl Future<Output = AnyView> + Send + 'static) -> impl IntoView {
    view! { <Suspense>{Suspend::new(async move { whole(load.await) })}</Suspense> }
}

/// The page as text. All of it is there, so it is written into one buffer at once; left to itself, Leptos would write
/// each part that may still wait for something into a buffer of its own.
fn whole(page: AnyView) -> InertElement {
    InertElement::new(page.to_html())
}

async fn show(loaded: Result<Rendered>) -> AnyView {
    let visit = ssr::visit();
    let rendered = match loaded {
        Ok(rendered) => rendered,
        Err(error) if error.code() == Code::NotAuthenticated => {
            ssr::redirect(&forms::login(&ssr::path_and_query()));
            return ().into_any();
        }
        Err(error) => {
            let join = join(&visit, &error).await;
            problem(&visit, &error, join)
        }
    };
    let Some(Caller::Person(principal, _)) = &visit.caller else {
        return view! {
            <Title text=format!("{} · Guildhall", rendered.title) />
            <main class="plain" id="content">{rendered.body}</main>
        }
        .into_any();
    };
    let me = identity::me(principal);
    let flash = ssr::take_flash().await;
    let known = rendered.waiting;
    let (own, waiting) = around(&visit, principal, known)
        .await
        // A page is worth showing without it.
        .inspect_err(|error| tracing::warn!(%error, "what the navigation tells could not be loaded"))
        .unwrap_or_else(|_| (Vec::new(), known.unwrap_or_default()));
    let waiting = [
        (pages::requests::PAGE, waiting.requests),
        (pages::access_reviews::PAGE, waiting.reviews),
    ];
    let side = sidebar(&me, switcher::view(&own), &waiting);
    frame(side, &visit, rendered, flash)
}

/// What the navigation tells of the viewer beside what they may do: the organizations to choose from, and what waits for
/// them. Most people have neither, and take no connection.
async fn around(
    visit: &Visit,
    principal: &Principal,
    known: Option<Waiting>,
) -> Result<(Vec<OwnOrganization>, Waiting)> {
    let several = switcher::is_for(principal);
    let decides = visit.caller.as_ref().is_some_and(waiting::decides_somewhere);
    if !several && (known.is_some() || !decides) {
        return Ok((Vec::new(), known.unwrap_or_default()));
    }
    let mut ctx = ssr::read().await?;
    let waiting = match known {
        Some(known) => known,
        None => waiting::load(&mut ctx).await?,
    };
    let own = if several {
        organizations::mine(&mut ctx).await?
    } else {
        Vec::new()
    };
    Ok((own, waiting))
}

/// The page that says what went wrong: the reason, the rule, and who can change it.
fn problem(visit: &Visit, error: &Error, join: Option<AnyView>) -> Rendered {
    let status = error.code().status();
    ssr::set_status(status);
    let request = visit.request.id.clone().unwrap_or_default();
    let (title, lead) = match error {
        Error::Internal(_) => (
            forms::describe(error),
            "Try again. If it stays like this, tell your administrator the request id.".to_owned(),
        ),
        Error::Forbidden(refusal) => (refusal.literal.clone(), String::new()),
        Error::Invalid(_) => (
            "This address is not valid".to_owned(),
            "A part of it breaks a rule. Without what follows the question mark, the page shows everything.".to_owned(),
        ),
        _ if status == 404 => ("Page not found".to_owned(), error.detail()),
        _ => (error.detail(), String::new()),
    };
    let refusal = error.refusal();
    let wrong: Vec<_> = match error {
        Error::Invalid(fields) => fields
            .iter()
            .map(|one| view! { <div><dt><code>{one.field.to_string()}</code></dt><dd>{one.message.to_string()}</dd></div> })
            .collect(),
        _ => Vec::new(),
    };
    let back = (!wrong.is_empty())
        .then(|| view! { <a class="button button--primary" href=ssr::path()>"Show the whole list"</a> });
    let start = if back.is_some() {
        "button"
    } else {
        "button button--primary"
    };
    let explains = status == 403 && matches!(visit.caller, Some(Caller::Person(..)));
    let why = match team_of_page() {
        Some(team) => format!("/admin/explain?team={team}"),
        None => "/admin/explain".to_owned(),
    };
    let body = view! {
        <div class="error-page">
            <p class="error-page__status">{status}</p>
            <h1 class="error-page__title">{title.clone()}</h1>
            {(!lead.is_empty()).then(|| view! { <p class="lead">{lead}</p> })}
            <dl class="facts error-page__facts">
                {wrong}
                {refusal
                    .map(|refusal| {
                        view! {
                            <div>
                                <dt>"Rule"</dt>
                                <dd>{format!("You may not {}.", refusal.rule)}</dd>
                            </div>
                            <div>
                                <dt>"Who can"</dt>
                                <dd>{capitalised(&refusal.who_can)}</dd>
                            </div>
                        }
                    })}
                <div>
                    <dt>"Request id"</dt>
                    <dd><code>{request}</code></dd>
                </div>
            </dl>
            <div class="button-row">
                {back}
                <a class=start href="/">"Go to the start page"</a>
                {join}
                {explains.then(|| view! { <a class="button" href=why>"Ask why"</a> })}
            </div>
        </div>
    };
    Rendered::new(title, body)
}

/// The team whose page this is, as the address has it: by id or short name.
fn team_of_page() -> Option<String> {
    let path = ssr::path();
    let key = path.strip_prefix("/admin/teams/")?.split('/').next()?;
    let plain = !key.is_empty() && key != "new" && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| key.to_owned())
}

/// What somebody who may not see a team is offered: to ask to join it, or what became of having asked.
async fn join(visit: &Visit, error: &Error) -> Option<AnyView> {
    let (Error::Forbidden(refusal), Some(Caller::Person(..))) = (error, &visit.caller) else {
        return None;
    };
    let team = team_of_page().filter(|_| refusal.literal == "Access denied: not a team member")?;
    Some(match pages::requests::waiting_join(&team).await {
        Some(waiting) => waiting,
        None => {
            let href = format!("{}/new?kind=join&team={team}", pages::requests::PAGE);
            view! { <a class="button" href=href>"Request to join"</a> }.into_any()
        }
    })
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

fn frame(sidebar: AnyView, visit: &Visit, rendered: Rendered, flash: Option<Flash>) -> AnyView {
    let mut crumbs = rendered.crumbs;
    if crumbs.last().is_none_or(|(_, href)| href.is_some()) {
        crumbs.push((rendered.title.clone(), None));
    }
    let class = if rendered.narrow {
        "content content--narrow"
    } else {
        "content"
    };
    view! {
        <Title text=format!("{} · Guildhall", rendered.title) />
        <a class="skip-link" href="#content">"Skip to content"</a>
        <div class="app">
            {sidebar}
            <div class="shell">
                <div class="topbar">
                    <nav class="breadcrumb" aria-label="Breadcrumb">
                        <ol>
                            {crumbs
                                .into_iter()
                                .map(|(label, href)| match href {
                                    Some(href) => view! { <li><a href=href>{label}</a></li> }.into_any(),
                                    None => view! { <li><span aria-current="page">{label}</span></li> }.into_any(),
                                })
                                .collect_view()}
                        </ol>
                    </nav>
                    {visit
                        .site
                        .demo
                        .then(|| view! { <aside aria-label="Installation"><span class="badge badge--info">"Demo"</span></aside> })}
                    {help_link(&ssr::path())}
                </div>
                <main class=class id="content" tabindex="-1">{rendered.body}</main>
            </div>
        </div>
        {flash.map(|flash| ui::flash(&flash))}
    }
    .into_any()
}

/// The way to the part of the docs that is about this page.
fn help_link(path: &str) -> impl IntoView + use<> {
    let topic = help::topic(path);
    let label = format!("Help: {}", topic.title);
    let here = (path == help::INDEX).then_some("page");
    view! {
        <nav class="help-link" aria-label="Help">
            <a class="button button--ghost button--small" href=topic.href aria-label=label aria-current=here>
                {icon("book")}
                "Help"
            </a>
        </nav>
    }
}

/// The navigation. `switcher`: the menu of someone who has several organizations; `waiting`: how much waits for a decision
/// of the viewer behind an entry.
fn sidebar(me: &Me, switcher: Option<AnyView>, waiting: Counts<'_>) -> AnyView {
    let groups = navigation::groups(me);
    let path = ssr::path();
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
                    {groups.into_iter().enumerate().map(|(index, group)| nav_group(index, &group, &path, waiting)).collect_view()}
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

/// How much waits for the viewer, by where it leads.
type Counts<'a> = &'a [(&'static str, i64)];

fn nav_group(index: usize, group: &navigation::Group, path: &str, waiting: Counts<'_>) -> AnyView {
    let id = format!("nav-{index}");
    let here = group.entries.iter().any(|entry| current(entry, path).is_some());
    let links = group
        .entries
        .iter()
        .map(|entry| link(entry, path, waiting))
        .collect_view();
    if group.folded {
        return view! {
            <details class="nav__group" open=here>
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

fn link(entry: &navigation::Entry, path: &str, waiting: Counts<'_>) -> impl IntoView + use<> {
    let count = waiting.iter().find(|(href, count)| *href == entry.href && *count > 0);
    let count = count.map(|&(_, count)| {
        view! { <span class="count">{count}<span class="visually-hidden">" to decide"</span></span> }
    });
    view! {
        <li>
            <a class="nav__link" href=entry.href aria-current=current(entry, path)>
                {icon(entry.icon)}
                <span>{entry.label}</span>
                {count}
            </a>
        </li>
    }
}
