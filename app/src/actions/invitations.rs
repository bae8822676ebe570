//! Invitations to a team: withdrawing one. They are made where members are added.

use backend::members::invitations;
use domain::InvitationId;
use leptos::prelude::*;

use super::{team_id, team_page};
use crate::{
    forms::{ApiError, Done, Sent},
    ssr::Error,
};

/// The form's name.
pub(crate) const FORM: &str = "withdraw-invitation";

/// Withdraws an invitation.
#[server(prefix = "/actions", endpoint = "members/withdraw")]
pub async fn withdraw_invitation(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] invitation: String,
) -> Result<(), ApiError> {
    let back = format!("{}/members/invitations", team_page(&team, &at));
    let sent = Sent {
        form: FORM,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let id: InvitationId =
            (invitation.trim().parse()).map_err(|_| Error::invalid("invitation", "must be an invitation's id"))?;
        invitations::withdraw(ctx, team_id(&team)?, id).await?;
        Ok(Done::new(&back, "The invitation was withdrawn."))
    })
    .await
}
