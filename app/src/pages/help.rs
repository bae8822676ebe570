//! `/help`: the user docs, in the console.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    help::{
        INDEX,
        document::{self, Document},
    },
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Error},
    ui,
};

/// How many sections make a list of them worth its place.
const WORTH_A_LIST: usize = 3;

/// `/help`: all pages.
pub fn index() -> impl IntoView {
    page(async {
        ssr::read().await?;
        let header = ui::page_header(
            "Help",
            None,
            Some("What each part of the console is for, how to do things with it, and who may.".to_owned()),
            view! { <a class="button" href="/api/docs">{icon("book")}"API reference"</a> }.into_any(),
        );
        let groups = document::groups()
            .iter()
            .map(|(group, documents)| {
                view! {
                    <section class="section">
                        <h2 class="section__title">{*group}</h2>
                        <ul class="help-index">
                            {documents
                                .iter()
                                .map(|document| {
                                    view! {
                                        <li>
                                            <a class="link" href=format!("{INDEX}/{}", document.slug)>{document.title.as_str()}</a>
                                            <p class="muted">{document.summary.as_str()}</p>
                                        </li>
                                    }
                                })
                                .collect_view()}
                        </ul>
                    </section>
                }
            })
            .collect_view();
        Ok(Rendered::new("Help", view! { {header} {groups} }).narrow())
    })
}

/// `/help/{page}`.
pub fn one() -> impl IntoView {
    let params = use_params_map();
    let slug = params.with_untracked(|params| params.get("page").unwrap_or_default());
    page(async move {
        ssr::read().await?;
        let document = document::find(&slug).ok_or_else(|| Error::not_found("Help page", slug))?;
        let header = ui::page_header(&document.title, None, Some(document.summary.clone()), ().into_any());
        let body = view! {
            {header}
            {contents(document)}
            <div class="prose" inner_html=document.html.as_str()></div>
            <p><a class="link" href=INDEX>"All help pages"</a></p>
        };
        Ok(Rendered::new(document.title.as_str(), body)
            .under("Help", INDEX)
            .narrow())
    })
}

fn contents(document: &'static Document) -> Option<impl IntoView> {
    let sections: Vec<_> = document.headings.iter().filter(|heading| heading.is_section).collect();
    (sections.len() >= WORTH_A_LIST).then(|| {
        view! {
            <nav class="help-contents" aria-label="On this page">
                <ul>
                    {sections
                        .into_iter()
                        .map(|heading| view! { <li><a class="link" href=format!("#{}", heading.id)>{heading.text.as_str()}</a></li> })
                        .collect_view()}
                </ul>
            </nav>
        }
    })
}
