//! `/admin/teams/{team}/projects/{project}`: who is in it, its keys, and its end.

mod keys;
mod members;

use backend::{
    keys as key_rules, projects as rules,
    teams::{self, Found, TeamKey},
};
use domain::{
    Permission, ProjectId, ProjectRight, TeamStatus,
    views::{Project, ProjectPage},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{Place, Tab, page, projects::delete_dialog, several};
use crate::{
    forms,
    icon::icon,
    layout::Rendered,
    pages::keys as shown_keys,
    ssr::{self, Error, Result},
    ui::{self, Field},
};

/// How many people a field of the page knows; of more it only suggests some.
const SUGGESTED: usize = 200;

/// Rows of members and of keys on the page.
const ROWS: i64 = 50;

/// A project's page: the project, the viewer's standing in it, and where the page is.
struct Here<'a> {
    place: &'a Place,
    page: ProjectPage,
    /// The page's address.
    path: String,
}

impl Here<'_> {
    /// Whether the viewer may do something here that changes it.
    fn may_change(&self, right: ProjectRight) -> bool {
        self.page.standing.may(right) && self.place.page.team.status != TeamStatus::Archived
    }

    /// Hidden fields that tell a form's server function which project and page it is on.
    fn hidden(&self) -> AnyView {
        view! {
            {self.place.hidden()}
            <input type="hidden" name="project" value=self.page.project.id.to_string() />
        }
        .into_any()
    }

    /// The same, for a dialog.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = self.place.fields();
        fields.push(("project", self.page.project.id.to_string()));
        fields
    }
}

/// `/admin/teams/{team}/projects/{project}`.
pub fn project() -> impl IntoView {
    let (key, id) = use_params_map().with_untracked(|params| {
        let text = |name| params.get(name).unwrap_or_default();
        (text("team"), text("project"))
    });
    page(async move {
        let mut ctx = ssr::read().await?;
        let team = match teams::find(&mut ctx, &TeamKey::parse(&key)).await? {
            Found::One(page) => *page,
            Found::Several(pages) => return Ok(several(&key, &pages)),
        };
        let place = Place {
            page: team,
            path: format!("/admin/teams/{key}"),
        };
        let id: ProjectId = id.parse().map_err(|_| Error::not_found("Project", &id))?;
        show(&mut ctx, &place, id).await
    })
}

async fn show(ctx: &mut ssr::Ctx, place: &Place, id: ProjectId) -> Result<Rendered> {
    let team = place.page.team.id;
    let here = Here {
        path: format!("{}/{id}", place.tab(Tab::Projects)),
        page: rules::get(ctx, team, id).await?,
        place,
    };
    let project = &here.page.project;
    let manages = place.may_change(Permission::ProjectsManage);
    // The forms of the page have fields of the same names, so that this one stands alone.
    if manages && ssr::query("edit").is_some() {
        let state = forms::take("edit-project").await;
        let body = view! { {ui::page_header(&project.name, None, None, ().into_any())} {edit_form(&here, &state)} };
        let rendered = rendered(&here, format!("Edit {}", project.name), body);
        return Ok(rendered.under(project.name.clone(), here.path.clone()).at("Edit"));
    }
    let now = ctx.now;
    let key_list = key_rules::list_of(ctx, &here.page, ssr::query("keys").as_deref(), ROWS).await?;
    let people = rules::members::list_of(ctx, &here.page, ssr::query("members").as_deref(), ROWS).await?;
    let secret = shown_keys::take().await;
    let key_section = keys::section(&here, &key_list, &people, now).await;
    let key_dialog = keys::dialog(&here, &key_list.items, now);
    let candidates = if here.may_change(ProjectRight::ManageMembers) {
        rules::members::candidates(ctx, &here.page, i64::try_from(SUGGESTED).unwrap_or(i64::MAX)).await?
    } else {
        Vec::new()
    };
    let member_dialog = members::dialog(ctx, &here).await?;
    let member_section = members::section(&here, &people, &candidates, ctx.caller.user_id(), now).await;
    let delete = forms::take("delete-project").await;
    let deleting = manages && ssr::query("confirm").as_deref() == Some("delete");
    let actions = manages.then(|| view! { <a class="button" href=format!("{}?edit={id}", here.path)>"Edit"</a> });
    let body = view! {
        {ui::page_header(&project.name, None, project.description.clone(), actions.into_any())}
        {ui::refusal(delete.refusal())}
        {secret.map(shown_keys::shown)}
        {key_section}
        {member_section}
        {facts(project)}
        {manages.then(|| danger_zone(&here))}
        {key_dialog}
        {member_dialog}
        {deleting.then(|| delete_dialog(place, project, &here.path, &delete))}
    };
    let title = format!("{} · {}", project.name, place.page.team.name);
    Ok(rendered(&here, title, body).at(project.name.clone()))
}

fn rendered(here: &Here<'_>, title: String, body: impl IntoView + 'static) -> Rendered {
    Rendered::new(title, body)
        .under("Teams", "/admin/teams")
        .under(here.place.page.team.name.clone(), here.place.path.clone())
        .under("Projects", here.place.tab(Tab::Projects))
}

fn edit_form(here: &Here<'_>, state: &forms::FormState) -> AnyView {
    let project = &here.page.project;
    let description = project.description.clone().unwrap_or_default();
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="edit-title">
            <header class="card__header"><h2 class="card__title" id="edit-title">{format!("Edit {}", project.name)}</h2></header>
            <form class="card__body stack" method="post" action="/actions/projects/update">
                {here.hidden()}
                <input type="hidden" name="from" value="project" />
                <div class="field-row">
                    {Field { name: "name", label: "Name", current: &project.name, required: true, ..Field::default() }.view(state)}
                    {Field { name: "description", label: "Description", current: &description, ..Field::default() }.view(state)}
                </div>
                {super::projects::limits(state, project)}
                <div class="form-actions">
                    <button class="button button--primary">"Save Changes"</button>
                    <a class="button" href=here.path.clone()>"Cancel"</a>
                </div>
            </form>
        </section>
    }
    .into_any()
}

fn facts(project: &Project) -> AnyView {
    view! {
        <section class="card" aria-labelledby="facts-title">
            <header class="card__header"><h2 class="card__title" id="facts-title">"Facts"</h2></header>
            <div class="card__body">
                <dl class="facts">
                    <div>
                        <dt>"Id"</dt>
                        <dd>
                            <span class="copyable">
                                <code id="project-id">{project.id.to_string()}</code>
                                <button
                                    class="button button--icon button--ghost button--small"
                                    type="button"
                                    data-copy="project-id"
                                    aria-label="Copy project id"
                                >
                                    {icon("copy")}
                                </button>
                            </span>
                        </dd>
                    </div>
                    <div><dt>"Runners"</dt><dd>{project.runner_count}</dd></div>
                    <div>
                        <dt>"Created"</dt>
                        <dd>{ui::time(project.created_at)}{project.created_by.clone().map(|by| format!(" by {by}"))}</dd>
                    </div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn danger_zone(here: &Here<'_>) -> AnyView {
    view! {
        <section class="card danger-zone" aria-labelledby="danger-title">
            <header class="card__header"><h2 class="card__title" id="danger-title">"Danger zone"</h2></header>
            <ul class="rows">
                <li class="row">
                    <div class="row__main">
                        <span class="row__title">"Delete project"</span>
                        <span class="row__text">"Its roles and keys go for good; its runners stay with the team."</span>
                    </div>
                    <a class="button button--danger-quiet" href=format!("{}?confirm=delete", here.path)>"Delete…"</a>
                </li>
            </ul>
        </section>
    }
    .into_any()
}
