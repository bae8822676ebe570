//! Who may start a review, see it, and decide its lines: all of it asked of the one table (SPEC P).

use std::collections::HashMap;

use domain::{
    LineKind, OrganizationId, Permission, Refusal, TeamId,
    views::{AccessReview, ReviewLine, TeamPage},
};

use crate::{
    Caller, Ctx, Error, Result, default_team,
    organizations::{self, OrganizationKey},
    scope::Scope,
    teams,
};

/// Whether there are reviews that the caller could see; costs no query.
pub fn reads_somewhere(caller: &Caller) -> bool {
    let scope = Scope::of(caller);
    scope.all || !scope.organizations.is_empty() || !scope.administered.is_empty()
}

/// How much of a review somebody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sees {
    /// All lines.
    Whole,
    /// Those of teams that they administer.
    Teams,
}

/// How much of a review this scope shows; of an organization's review an admin of a team in it may see a part.
pub(super) fn sees(scope: &Scope, review: &AccessReview) -> Sees {
    let whole = scope.all
        || scope.organizations.contains(&review.organization_id.0)
        || review.team_id.is_some_and(|team| scope.administered.contains(&team.0));
    if whole { Sees::Whole } else { Sees::Teams }
}

/// The team, for someone who may run reviews in it.
pub(super) async fn require_team(ctx: &mut Ctx, team: TeamId) -> Result<TeamPage> {
    let page = teams::open(ctx, team).await?;
    page.standing.require(Permission::RequestsDecide)?;
    default_team::require_other(&page.team, ": everyone belongs to it, and there is nothing to review")?;
    Ok(page)
}

/// The organization's id and name, for someone who may run reviews in all of it.
pub(super) async fn require_organization(ctx: &mut Ctx, key: &OrganizationKey) -> Result<(OrganizationId, String)> {
    let loaded = organizations::load(ctx, key, organizations::Lock::None).await?;
    organizations::require(&loaded.standing, Permission::RequestsDecide)?;
    Ok((loaded.id(), loaded.organization.name))
}

/// Asks whether the caller may remind, close and cancel a review: who may start it may.
pub(super) async fn require_manager(ctx: &mut Ctx, review: &AccessReview) -> Result<()> {
    match review.team_id {
        Some(team) => require_team(ctx, team).await.map(drop),
        None => require_organization(ctx, &review.organization_id.into())
            .await
            .map(drop),
    }
}

/// Whether the caller may decide lines, each team being asked of once.
#[derive(Default)]
pub(super) struct Deciders {
    people: HashMap<Option<TeamId>, Option<String>>,
    services: HashMap<TeamId, Option<String>>,
}

impl Deciders {
    /// Why the caller may not decide a line; none when they may.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn refusal(
        &mut self,
        ctx: &mut Ctx,
        review: &AccessReview,
        line: &ReviewLine,
    ) -> Result<Option<String>> {
        if line.user_id.is_some() && line.user_id == ctx.caller.user_id() {
            return Ok(Some(own_line().to_string()));
        }
        match (line.kind, line.team_id) {
            (LineKind::Service, Some(team)) => {
                if let Some(known) = self.services.get(&team) {
                    return Ok(known.clone());
                }
                let refusal = of_team(ctx, team, Permission::ServicesAllow).await?;
                self.services.insert(team, refusal.clone());
                Ok(refusal)
            }
            (_, team) => {
                if let Some(known) = self.people.get(&team) {
                    return Ok(known.clone());
                }
                let refusal = match team {
                    Some(team) => of_team(ctx, team, Permission::MembersManage).await?,
                    None => of_organization(ctx, review.organization_id).await?,
                };
                self.people.insert(team, refusal.clone());
                Ok(refusal)
            }
        }
    }
}

/// The refusal of one's own line.
fn own_line() -> Refusal {
    Refusal {
        literal: "Insufficient permissions".to_owned(),
        rule: "decide on your own line".to_owned(),
        who_can: "somebody else who administers the team or organization: nobody reviews themselves".to_owned(),
    }
}

async fn of_team(ctx: &mut Ctx, team: TeamId, permission: Permission) -> Result<Option<String>> {
    let page = teams::load(ctx, team, teams::Lock::None).await?;
    Ok(match page.standing.require(permission) {
        Err(refusal) => Some(refusal.to_string()),
        Ok(()) if !page.open => Some(teams::inactive().to_string()),
        Ok(()) => None,
    })
}

async fn of_organization(ctx: &mut Ctx, organization: OrganizationId) -> Result<Option<String>> {
    let loaded = organizations::load(ctx, &organization.into(), organizations::Lock::None).await?;
    match organizations::require(&loaded.standing, Permission::DirectoryManage) {
        Ok(()) => Ok(None),
        Err(error @ Error::Forbidden(_)) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}
