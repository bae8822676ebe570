//! Creating, renaming and deleting projects.

use backend::projects;
use domain::{Description, Fields, ProjectId, ProjectName};
use leptos::prelude::*;

use super::{team_id, team_page};
use crate::{
    forms::{ApiError, Done, Sent},
    ssr::{self, Error},
};

fn parse(name: &str, description: &str) -> ssr::Result<(ProjectName, Option<Description>)> {
    let mut fields = Fields::new();
    let name = fields.take(ProjectName::parse(name));
    let description = fields.take(Description::optional(description));
    Ok(fields.with(name.zip(description))?)
}

/// The page of a project that a form was on, as a path on this host.
pub(super) fn project_page(team: &str, at: &str, project: &str) -> String {
    let list = format!("{}/projects", team_page(team, at));
    project_id(project).map_or_else(|_| list.clone(), |id| format!("{list}/{id}"))
}

/// A project's id from a hidden field.
pub(super) fn project_id(text: &str) -> ssr::Result<ProjectId> {
    text.parse().map_err(|_| Error::not_found("Project", text))
}

/// Creates a project.
#[server(prefix = "/actions", endpoint = "projects/create")]
pub async fn create_project(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
) -> Result<(), ApiError> {
    let back = format!("{}/projects", team_page(&team, &at));
    let sent = Sent {
        form: "create-project",
        values: &[("name", &name), ("description", &description)],
        back: &back,
    };
    sent.run(async |ctx| {
        let (name, description) = parse(&name, &description)?;
        let project = projects::create(ctx, team_id(&team)?, &name, description.as_ref()).await?;
        let to = format!("{back}/{}", project.id);
        Ok(Done::new(to, format!("Project {} was created.", project.name)))
    })
    .await
}

/// Renames and describes a project.
#[server(prefix = "/actions", endpoint = "projects/update")]
pub async fn update_project(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] project: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
    #[server(default)] from: String,
) -> Result<(), ApiError> {
    let page = if from == "project" {
        project_page(&team, &at, &project)
    } else {
        format!("{}/projects", team_page(&team, &at))
    };
    let back = project_id(&project).map_or_else(|_| page.clone(), |id| format!("{page}?edit={id}"));
    let sent = Sent {
        form: "edit-project",
        values: &[("name", &name), ("description", &description)],
        back: &back,
    };
    sent.run(async |ctx| {
        let (name, description) = parse(&name, &description)?;
        let id = project_id(&project)?;
        let changed = projects::update(ctx, team_id(&team)?, id, Some(&name), Some(description.as_ref())).await?;
        Ok(Done::new(&page, format!("Project {} was saved.", changed.name)))
    })
    .await
}

/// Deletes a project with its data. One with keys wants its name typed.
#[server(prefix = "/actions", endpoint = "projects/delete")]
pub async fn delete_project(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] project: String,
    #[server(default)] confirmation: String,
    #[server(default)] from: String,
) -> Result<(), ApiError> {
    let list = format!("{}/projects", team_page(&team, &at));
    let back = match project_id(&project) {
        Ok(id) if from == "project" => format!("{list}/{id}?confirm=delete"),
        Ok(id) => format!("{list}?confirm=delete&project={id}"),
        Err(_) => list.clone(),
    };
    let sent = Sent {
        form: "delete-project",
        values: &[("confirmation", &confirmation)],
        back: &back,
    };
    sent.run(async |ctx| {
        let deleted = projects::delete(ctx, team_id(&team)?, project_id(&project)?).await?;
        // Asked of what was deleted, so that no key slips in between; an error undoes it all.
        if deleted.key_count > 0 && confirmation.trim() != deleted.name {
            return Err(Error::invalid("confirmation", format!("must be {}", deleted.name)));
        }
        Ok(Done::new(&list, format!("Project {} was deleted.", deleted.name)))
    })
    .await
}
