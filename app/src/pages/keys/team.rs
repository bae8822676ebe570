//! A team's keys of both kinds, for the team's page.

use backend::api_keys::{self, Whose};
use domain::{TeamStatus, views::TeamPage};
use leptos::prelude::*;

use super::{over_link, parts, query, summary};
use crate::{
    ssr::{Ctx, Result},
    ui,
};

/// All of the team's keys for those who manage or audit them, else the viewer's own.
pub async fn keys(ctx: &mut Ctx, team: &TeamPage, path: &str) -> Result<AnyView> {
    let whose = Whose::Team(team.team.id);
    let all = api_keys::of_team(ctx, team.team.id).await?.all;
    let query = query(whose);
    let (keys, total) = api_keys::list(ctx, &query).await?;
    let stats = api_keys::stats(ctx, whose, None).await?;
    let now = ctx.now;
    let creates =
        team.team.status == TeamStatus::Active && team.standing.team.is_some() && !ctx.backend.litellm.is_empty();
    let new = format!("/keys/new?team={}", team.team.id);
    if keys.is_empty() && total == 0 && query.open_only {
        let text = if all {
            "Keys for models of this team's people, and keys for services of its projects, are listed here."
        } else {
            "Your own keys of this team are listed here; its admins see all of them."
        };
        let action = creates.then_some(("Create a key", new.as_str()));
        return Ok(view! { {over_link(&query)} {ui::empty("key", "No API keys", text, action)} }.into_any());
    }
    Ok(view! {
        {summary(&stats)}
        {creates.then(|| view! { <p><a class="button button--primary" href=new>"Create a key"</a></p> })}
        {(!all).then(|| view! { <p class="muted">"Your own; the team's admins see all of them."</p> })}
        {over_link(&query)}
        {parts::table("API keys of the team", &keys, true, now)}
        {parts::pages(&query, total, &format!("{path}/keys"))}
    }
    .into_any())
}
