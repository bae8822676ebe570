//! What being in a group of a directory gives here (SPEC E2, E4–E6, X11): the one way by which a sign-in, the scheduled
//! sync and SCIM write memberships. What people gave by hand is never touched.

mod edit;
mod events;
mod give;
mod list;
mod people;
mod provision;
mod read;
mod sign_in;
mod sync;
mod take;

use chrono::{DateTime, Utc};
use domain::{
    DEFAULT_ORGANIZATION, Invalid, OrganizationId, TeamId, UserId,
    directory::{Gives, Mode, Provider},
};
pub use edit::{LinkPatchInput, NewLink, NewLinkInput, confirm, create, delete, update};
use give::give;
pub use list::{LinkQuery, events, get, list, targets};
pub use people::note_reading;
pub(crate) use people::of_directory;
pub use provision::{NewGroups, provision};
pub use sign_in::{Seen, sign_in, signed_in};
pub use sync::{preview_now, read_unread, sync_due, sync_now};
use take::take;
use uuid::Uuid;

use crate::{Ctx, Result};

/// A link, as the functions here need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) id: Uuid,
    pub(crate) provider: Provider,
    pub(crate) group_id: String,
    pub(crate) group_name: Option<String>,
    pub(crate) gives: Gives,
    pub(crate) mode: Mode,
    pub(crate) removal_limit: u8,
    /// Since when removals wait for somebody's word.
    pub(crate) held_at: Option<DateTime<Utc>>,
}

impl Link {
    /// The group for people.
    pub(crate) fn group(&self) -> &str {
        self.group_name.as_deref().unwrap_or(&self.group_id)
    }
}

/// Puts people into a group: they get what its links give. Who has it already keeps it as it is. Links to another
/// organization than `scope` do not count.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn put_in(
    ctx: &mut Ctx,
    provider: Provider,
    group: &str,
    scope: Option<OrganizationId>,
    people: &[UserId],
) -> Result<()> {
    let pairs = pairs(ctx, provider, group, scope, people).await?;
    give_and_take(ctx, &pairs, &[]).await
}

/// Takes people out of a group: they lose what its authoritative links gave, unless another link gives it or it waits for
/// somebody's word.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn take_out(
    ctx: &mut Ctx,
    provider: Provider,
    group: &str,
    scope: Option<OrganizationId>,
    people: &[UserId],
) -> Result<()> {
    let pairs = pairs(ctx, provider, group, scope, people).await?;
    give_and_take(ctx, &[], &pairs).await
}

/// Gives what links give to those who joined their groups, and takes it from those who left; a pair is a link and a person.
/// All that is locked is locked first and in one order, so that people who change places do not wait for each other. Nearly
/// always nothing has changed: then nothing is locked, either.
async fn give_and_take(ctx: &mut Ctx, joined: &[(Uuid, Uuid)], left: &[(Uuid, Uuid)]) -> Result<()> {
    let joined = give::missing(ctx, joined).await?;
    if joined.is_empty() && left.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = joined.iter().chain(left).map(|(link, _)| *link).collect();
    let links = read::by_ids(ctx, &ids).await?;
    give::lock(ctx, links.iter()).await?;
    give(ctx, &links, &joined).await?;
    take(ctx, left).await
}

async fn pairs(
    ctx: &mut Ctx,
    provider: Provider,
    group: &str,
    scope: Option<OrganizationId>,
    people: &[UserId],
) -> Result<Vec<(Uuid, Uuid)>> {
    let links = read::of_groups(ctx, provider, &[group.to_owned()], None).await?;
    Ok(links
        .iter()
        .filter(|link| scope.is_none() || link.gives.organization() == scope)
        .flat_map(|link| people.iter().map(|user| (link.id, user.0)))
        .collect())
}

/// Refuses what no link may give: the organization `default` has no admins of its own (SPEC X13).
pub(crate) fn require_givable(gives: Gives) -> Result<(), Invalid> {
    match gives {
        Gives::Organization(DEFAULT_ORGANIZATION, _) => Err(Invalid::new(
            "organization_id",
            "must not be the default organization: nobody is a member of it, and only super_admins administer it",
        )),
        Gives::Team(_, team, _) if team == domain::DEFAULT_TEAM => Err(Invalid::new(
            "team_id",
            "must not be the Default Team: everyone belongs to it",
        )),
        _ => Ok(()),
    }
}

/// A team and a link to it for a group that came (SPEC E2, for SCIM): a group never takes over a team that is there.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn link_new_team(
    ctx: &mut Ctx,
    provider: Provider,
    group: &str,
    name: &str,
    organization: OrganizationId,
    mode: Mode,
) -> Result<Option<TeamId>> {
    provision::team_for(ctx, provider, group, name, organization, mode).await
}
