//! What surrounds a page: navigation, breadcrumb, messages.

mod problem;
mod sidebar;

use std::future::Future;

use backend::{Principal, identity, organizations, waiting};
use domain::views::{OwnOrganization, Waiting};
use leptos::{prelude::*, tachys::html::InertElement};
use leptos_meta::Title;

use crate::{
    forms, help,
    icon::icon,
    pages,
    ssr::{self, Caller, Code, Flash, Result, Visit},
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
            let join = problem::join(&visit, &error).await;
            problem::page(&visit, &error, join)
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
    let side = sidebar::view(&me, switcher::view(&own), &waiting);
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
