//! `/keys/services`: where a key for a service is made, since it belongs to a project.

use backend::projects;
use domain::views::MyProject;
use leptos::prelude::*;

use crate::{
    layout::{Rendered, page as console_page},
    ssr, ui,
};

/// `/keys/services`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let projects = projects::mine(&mut ctx).await?;
        drop(ctx);
        let header = ui::page_header(
            "Key for a service",
            None,
            Some(
                "Such a key belongs to a project, and calls the services that the project's team may use. Choose the project."
                    .to_owned(),
            ),
            ().into_any(),
        );
        let body = if projects.is_empty() {
            ui::empty(
                "folder",
                "You are assigned to no project",
                "Ask an admin of your team to assign you to one. A key for AI models needs none.",
                Some(("My teams", "/teams")),
            )
        } else {
            list(&projects)
        };
        Ok(Rendered::new("Key for a service", view! { {header} {body} })
            .narrow()
            .under("API keys", "/keys")
            .at("Service"))
    })
}

fn list(projects: &[MyProject]) -> AnyView {
    let row = |project: &MyProject| {
        let href = format!("/admin/teams/{}/projects/{}#keys", project.team_id, project.id);
        view! {
            <li class="row">
                <div class="row__main">
                    <a class="row__title" href=href>{project.name.clone()}</a>
                    <span class="row__text">{project.team.clone()}</span>
                </div>
            </li>
        }
    };
    view! {
        <section class="card" aria-labelledby="projects-title">
            <header class="card__header"><h2 class="card__title" id="projects-title">"Your projects"</h2></header>
            <ul class="rows">{projects.iter().map(row).collect_view()}</ul>
        </section>
    }
    .into_any()
}
