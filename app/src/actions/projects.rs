//! Creating, renaming and deleting projects.

use backend::{budgets::LimitsPatchInput, projects};
use domain::{Description, Fields, Money, ProjectId, ProjectName, split_list};
use leptos::prelude::*;

use super::{filled, number, team_id, team_page};
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

/// Renames and describes a project, and saves its limits.
#[server(prefix = "/actions", endpoint = "projects/update")]
pub async fn update_project(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] project: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
    #[server(default)] from: String,
    #[server(default)] models: String,
    #[server(default)] max_budget: String,
    #[server(default)] budget_duration: String,
    #[server(default)] tpm_limit: String,
    #[server(default)] rpm_limit: String,
) -> Result<(), ApiError> {
    let page = if from == "project" {
        project_page(&team, &at, &project)
    } else {
        format!("{}/projects", team_page(&team, &at))
    };
    let back = project_id(&project).map_or_else(|_| page.clone(), |id| format!("{page}?edit={id}"));
    let sent = Sent {
        form: "edit-project",
        values: &[
            ("name", &name),
            ("description", &description),
            ("models", &models),
            ("max_budget", &max_budget),
            ("budget_duration", &budget_duration),
            ("tpm_limit", &tpm_limit),
            ("rpm_limit", &rpm_limit),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let name = fields.take(ProjectName::parse(&name));
        let description = fields.take(Description::optional(&description));
        let limits = LimitsPatchInput {
            models: Some(split_list(&models)),
            max_budget: Some(fields.take(Money::read("max_budget", &max_budget)).flatten()),
            budget_duration: Some(filled(&budget_duration)),
            tpm_limit: Some(fields.take(number("tpm_limit", &tpm_limit)).flatten()),
            rpm_limit: Some(fields.take(number("rpm_limit", &rpm_limit)).flatten()),
        };
        let limits = fields.and(limits.parse())?;
        // Without an error there is a value for each field.
        let description = description.flatten();
        let id = project_id(&project)?;
        let described = Some(description.as_ref());
        let changed = projects::change(ctx, team_id(&team)?, id, name.as_ref(), described, &limits).await?;
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
