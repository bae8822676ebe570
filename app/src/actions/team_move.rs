//! Moving a team to an organization.

use backend::teams;
use domain::OrganizationId;
use leptos::prelude::*;

use super::{team_id, team_page};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::team::MOVE_TEAM,
    ssr::Error,
};

/// Moves a team that stands alone.
#[server(prefix = "/actions", endpoint = "teams/move")]
pub async fn move_team(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] organization: String,
) -> Result<(), ApiError> {
    let settings = format!("{}/settings", team_page(&team, &at));
    let to = organization.parse::<OrganizationId>();
    let back = to
        .as_ref()
        .map_or_else(|_| settings.clone(), |id| format!("{settings}?move={id}"));
    let sent = Sent {
        form: MOVE_TEAM,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let id = team_id(&team)?;
        let to = to.map_err(|_| Error::not_found("Organization", &organization))?;
        let moved = teams::move_to(ctx, id, to, false).await?;
        // By its id: in the organization another team may be found by the slug.
        Ok(Done::new(
            format!("/admin/teams/{id}/settings"),
            format!("The team belongs to {} now.", moved.organization),
        ))
    })
    .await
}
