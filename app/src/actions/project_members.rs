//! Assigning people to projects, and taking them out.

use backend::projects::{self, members};
use domain::{Fields, ProjectRole, UserRef};
use leptos::prelude::*;

use super::{
    projects::{project_id, project_page},
    team_id, team_page,
};
use crate::{
    forms::{ApiError, Done, Sent},
    ssr::Error,
};

/// Gives someone of the team a role in a project.
#[server(prefix = "/actions", endpoint = "projects/members/set")]
pub async fn set_project_member(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] project: String,
    #[server(default)] user_id: String,
    #[server(default)] role: String,
    #[server(default)] from: String,
) -> Result<(), ApiError> {
    let back = project_page(&team, &at, &project);
    let menu = from == "menu";
    let typed = [("user_id", user_id.as_str()), ("role", role.as_str())];
    let sent = Sent {
        form: if menu { "project-member" } else { "assign-member" },
        // What a menu sends was not typed.
        values: if menu { &[] } else { &typed },
        back: &back,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let user = fields.take(UserRef::parse("user_id", &user_id));
        let role = fields.take(role.parse::<ProjectRole>());
        let (user, role) = fields.with(user.zip(role))?;
        let (member, _) = members::set(ctx, team_id(&team)?, project_id(&project)?, &user, role).await?;
        let what = match role {
            ProjectRole::Admin => "an admin",
            ProjectRole::Member => "a member",
        };
        Ok(Done::new(
            &back,
            format!("{} is now {what} of the project.", member.email),
        ))
    })
    .await
}

/// Takes someone out of a project, or leaves it.
#[server(prefix = "/actions", endpoint = "projects/members/remove")]
pub async fn remove_project_member(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] project: String,
    #[server(default)] user_id: String,
) -> Result<(), ApiError> {
    let back = project_page(&team, &at, &project);
    let sent = Sent {
        form: "project-member",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let (team_id, project) = (team_id(&team)?, project_id(&project)?);
        let user = UserRef::parse("user_id", &user_id)?;
        let removed = members::remove(ctx, team_id, project, &user).await?;
        // Whoever has left may not see the page any more.
        let sees = match projects::get(ctx, team_id, project).await {
            Ok(_) => true,
            Err(Error::Refused(..) | Error::Forbidden(_)) => false,
            Err(error) => return Err(error),
        };
        let to = if sees {
            back.clone()
        } else {
            format!("{}/projects", team_page(&team, &at))
        };
        Ok(Done::new(
            to,
            format!("{} was removed from the project.", removed.email),
        ))
    })
    .await
}
