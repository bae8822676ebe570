//! Projects: list, create, rename, delete.

use backend::projects as rules;
use domain::{Permission, views::Project};
use leptos::prelude::*;

use super::{Place, Tab, page, tab_page};
use crate::{
    forms::{self, FormState},
    icon::icon,
    pages::limit_fields::{Hints, limit_fields},
    ssr,
    ui::{self, Confirm, Field},
};

/// `/admin/teams/{team}/projects`.
pub fn projects() -> impl IntoView {
    page(tab_page(Tab::Projects, async |ctx, place| {
        let (_, list) = rules::list(ctx, place.page.team.id).await?;
        let manages = place.may_change(Permission::ProjectsManage);
        let create = forms::take("create-project").await;
        let edit = forms::take("edit-project").await;
        let delete = forms::take("delete-project").await;
        let chosen =
            |name: &str| ssr::query(name).and_then(|id| list.iter().find(|project| project.id.to_string() == id));
        let editing = chosen("edit").filter(|_| manages);
        let deleting = ssr::query("confirm")
            .filter(|what| what == "delete" && manages)
            .and_then(|_| chosen("project"));
        let hidden = i64::from(place.page.team.project_count) - i64::try_from(list.len()).unwrap_or_default();
        Ok(view! {
            {ui::refusal(delete.refusal())}
            {match editing {
                Some(project) => edit_form(place, project, &edit),
                None if manages => create_form(place, &create),
                None => ().into_any(),
            }}
            {if list.is_empty() {
                ui::empty(
                    "folder",
                    if hidden > 0 { "No projects for you" } else { "No projects yet" },
                    if hidden > 0 {
                        "This team has projects, but you are assigned to none. Ask a team admin."
                    } else {
                        "A project has its own members and data within the team."
                    },
                    None,
                )
            } else {
                table(place, &list, manages)
            }}
            {deleting.map(|project| delete_dialog(place, project, &place.tab(Tab::Projects), &delete))}
        }
        .into_any())
    }))
}

fn fields(state: &FormState, name: &str, description: &str) -> AnyView {
    view! {
        {Field { name: "name", label: "Name", current: name, required: true, placeholder: "LLM API", ..Field::default() }.view(state)}
        {Field { name: "description", label: "Description", current: description, ..Field::default() }.view(state)}
    }
    .into_any()
}

/// The fields of a project's limits.
pub(super) fn limits(state: &FormState, project: &Project) -> AnyView {
    let hints = Hints {
        models: "One per line or separated by commas. Leave empty for all that the team has.",
        budget: "Not above the team's. Leave empty for no limit of its own.",
        rate: "Not above the team's. Leave empty for no limit of its own.",
    };
    limit_fields(state, &project.limits, &hints)
}

fn create_form(place: &Place, state: &FormState) -> AnyView {
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="create-title">
            <header class="card__header"><h2 class="card__title" id="create-title">"Create project"</h2></header>
            <form class="card__body stack" method="post" action="/actions/projects/create">
                {place.hidden()}
                <div class="field-row">{fields(state, "", "")}</div>
                <div class="form-actions"><button class="button button--primary">"Create project"</button></div>
            </form>
        </section>
    }
    .into_any()
}

fn edit_form(place: &Place, project: &Project, state: &FormState) -> AnyView {
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="edit-title">
            <header class="card__header"><h2 class="card__title" id="edit-title">{format!("Edit {}", project.name)}</h2></header>
            <form class="card__body stack" method="post" action="/actions/projects/update">
                {place.hidden()}
                <input type="hidden" name="project" value=project.id.to_string() />
                <div class="field-row">{fields(state, &project.name, project.description.as_deref().unwrap_or_default())}</div>
                {limits(state, project)}
                <div class="form-actions">
                    <button class="button button--primary">"Save Changes"</button>
                    <a class="button" href=place.tab(Tab::Projects)>"Cancel"</a>
                </div>
            </form>
        </section>
    }
    .into_any()
}

fn table(place: &Place, projects: &[Project], manages: bool) -> AnyView {
    let rows = projects
        .iter()
        .map(|project| {
            let base = place.tab(Tab::Projects);
            let id = project.id.to_string();
            view! {
                <tr>
                    <th scope="row" class="table__title">
                        <a href=format!("{base}/{id}")>{project.name.clone()}</a>
                    </th>
                    {ui::text_cell("Description", project.description.as_deref(), true)}
                    <td class="table__number" data-label="Members">{project.member_count}</td>
                    <td class="table__number" data-label="Keys">{project.key_count}</td>
                    <td class="table__number" data-label="Runners">{project.runner_count}</td>
                    <td data-label="Created">{ui::time(project.created_at)}</td>
                    <td class="table__actions">
                        {manages
                            .then(|| {
                                view! {
                                    <details class="menu" name="row-menu">
                                        <summary class="button button--icon button--ghost" aria-label=format!("Actions for {}", project.name)>
                                            {icon("more")}
                                        </summary>
                                        <div class="menu__list">
                                            <a class="menu__item" href=format!("{base}?edit={id}")>"Edit"</a>
                                            <hr />
                                            <a class="menu__item menu__item--danger" href=format!("{base}?confirm=delete&project={id}")>
                                                "Delete…"
                                            </a>
                                        </div>
                                    </details>
                                }
                            })}
                    </td>
                </tr>
            }
        })
        .collect_view();
    let count = i64::try_from(projects.len()).unwrap_or_default();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Projects"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="table__optional">"Description"</th>
                        <th scope="col" class="table__number">"Members"</th>
                        <th scope="col" class="table__number">"Keys"</th>
                        <th scope="col" class="table__number">"Runners"</th>
                        <th scope="col">"Created"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(projects.len(), count, "project", None, None, |_| String::new())}
    }
    .into_any()
}

/// The question before a project is deleted, with what goes. `cancel` is the page that asks.
pub(super) fn delete_dialog(place: &Place, project: &Project, cancel: &str, state: &FormState) -> AnyView {
    let mut fields = place.fields();
    fields.push(("project", project.id.to_string()));
    if cancel != place.tab(Tab::Projects) {
        fields.push(("from", "project".to_owned()));
    }
    let input = (project.key_count > 0).then(|| {
        let error = state.error("confirmation");
        view! {
            <div class="field">
                <label class="field__label" for="confirmation">"Type "<b>{project.name.clone()}</b>" to confirm"</label>
                <input
                    class="input"
                    id="confirmation"
                    name="confirmation"
                    required
                    autofocus
                    autocomplete="off"
                    value=state.value("confirmation", "")
                    aria-invalid=error.is_some().then_some("true")
                    aria-describedby=error.is_some().then_some("confirmation-error")
                />
                {ui::error_line("confirmation", error)}
            </div>
        }
        .into_any()
    });
    ui::confirm(Confirm {
        id: "delete-project",
        title: format!("Delete {}?", project.name),
        text: "The project is deleted with its data. This cannot be undone.".to_owned(),
        consequences: [
            ui::counted("Removes", project.member_count, "project role", "", true),
            ui::counted("Revokes", project.key_count, "key", "", true),
            ui::counted("Leaves", project.runner_count, "runner", " with the team", false),
        ]
        .into_iter()
        .flatten()
        .collect(),
        action: "/actions/projects/delete",
        fields,
        input,
        button: "Delete project",
        danger: true,
        cancel: cancel.to_owned(),
    })
}
