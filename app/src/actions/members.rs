//! Adding, changing and removing members.

use backend::members;
use domain::UserRef;
use leptos::prelude::*;

use super::{team_id, team_page};
use crate::forms::{ApiError, Done, Sent};

/// Adds a person by id or email.
#[server(prefix = "/actions", endpoint = "members/add")]
pub async fn add_member(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
    #[server(default)] role: String,
) -> Result<(), ApiError> {
    let back = format!("{}/members", team_page(&team, &at));
    let sent = Sent {
        form: "add-member",
        values: &[("user_id", &user_id), ("role", &role)],
        back: &back,
    };
    sent.run(async |ctx| {
        let user = UserRef::parse("user_id", &user_id)?;
        let member = members::add(ctx, team_id(&team)?, &user, role.parse()?).await?;
        Ok(Done::new(
            &back,
            format!("{} is now {} of the team.", member.email, article(member.role)),
        ))
    })
    .await
}

fn article(role: domain::TeamRole) -> &'static str {
    match role {
        domain::TeamRole::Admin => "an admin",
        domain::TeamRole::Member => "a member",
    }
}

/// Changes a member's role.
#[server(prefix = "/actions", endpoint = "members/role")]
pub async fn change_role(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
    #[server(default)] role: String,
) -> Result<(), ApiError> {
    let back = format!("{}/members", team_page(&team, &at));
    let sent = Sent {
        form: "change-role",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let user = UserRef::parse("user_id", &user_id)?;
        let member = members::change_role(ctx, team_id(&team)?, &user, role.parse()?).await?;
        Ok(Done::new(
            &back,
            format!("{} is now {} of the team.", member.email, article(member.role)),
        ))
    })
    .await
}

/// Removes a member, or leaves the team.
#[server(prefix = "/actions", endpoint = "members/remove")]
pub async fn remove_member(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
) -> Result<(), ApiError> {
    let back = format!("{}/members", team_page(&team, &at));
    let sent = Sent {
        form: "remove-member",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let user = UserRef::parse("user_id", &user_id)?;
        let own = ctx.caller.user_id().map(UserRef::Id).as_ref() == Some(&user);
        let effects = members::remove(ctx, team_id(&team)?, &user).await?;
        let to = if own { "/teams" } else { &back };
        let message = if own {
            "You left the team.".to_owned()
        } else {
            format!("{} was removed.", effects.email)
        };
        Ok(Done::new(to, message))
    })
    .await
}
