//! Teams: find, list, create, edit, change status.

mod contacts;
mod edit;
mod history;
mod input;
mod limits;
mod list;
mod mine;
mod moving;
mod named;
mod overview;
mod row;
mod status;

pub use contacts::who_may;
pub(crate) use contacts::whom;
use domain::{
    OrgRole, Permission, Standing, TeamId, TeamRole, TeamStatus,
    views::{Team, TeamPage},
};
pub use edit::{create, update};
pub use history::history;
pub use input::{LimitsInput, NewTeam, NewTeamInput, TeamPatch, TeamPatchInput};
pub(crate) use input::{parse_budget, parse_max_runners};
pub(crate) use limits::quotas;
pub use limits::{budget, limits, limits_of};
pub use list::{Order, Sort, TeamQuery, list};
pub use mine::{mine, provision_form};
pub(crate) use mine::{own_label_policy, own_runners};
pub use moving::move_to;
pub(crate) use named::named;
pub use overview::overview;
pub use status::change_status;
pub(crate) use status::withdraw;
use uuid::Uuid;

use crate::{Caller, Code, Ctx, Error, Result};

/// How a page names a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TeamKey {
    /// By id.
    Id(TeamId),
    /// By slug, which may fit several teams in different organizations (SPEC X3).
    Slug(String),
}

impl TeamKey {
    /// Reads a UUID, else takes the text for a slug.
    pub fn parse(text: &str) -> Self {
        Uuid::try_parse(text).map_or_else(|_| Self::Slug(text.to_owned()), |id| Self::Id(TeamId(id)))
    }
}

/// What looking for a team gives.
#[derive(Debug, Clone)]
pub enum Found {
    /// The one.
    One(Box<TeamPage>),
    /// Several with this slug; each with its organization.
    Several(Vec<TeamPage>),
}

/// A team by id, with the caller's standing in it. Of a team that is not [`open`](TeamPage::open) to
/// the caller, only name and status.
///
/// # Errors
/// 404 when there is none, or it is archived and the caller does not see those; 403 when the caller
/// may not see it.
pub async fn get(ctx: &mut Ctx, id: TeamId) -> Result<TeamPage> {
    visible(load(ctx, id, Lock::None).await?, &id.to_string())
}

/// A team by id or slug.
///
/// # Errors
/// As [`get`].
pub async fn find(ctx: &mut Ctx, key: &TeamKey) -> Result<Found> {
    let slug = match key {
        TeamKey::Id(id) => return Ok(Found::One(Box::new(get(ctx, *id).await?))),
        TeamKey::Slug(slug) => slug,
    };
    let missing = || Error::not_found("Team", slug);
    if slug.contains('\0') {
        return Err(missing());
    }
    let ids = sqlx::query_scalar!(
        "SELECT id FROM teams WHERE slug = $1 ORDER BY status, organization_id LIMIT 50",
        slug
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut pages = Vec::new();
    let mut refused = None;
    for id in ids {
        match get(ctx, TeamId(id)).await {
            Ok(page) => pages.push(page),
            Err(error @ Error::Forbidden(_)) => refused = Some(error),
            Err(Error::Refused(Code::NotFound, _)) => {}
            Err(error) => return Err(error),
        }
    }
    // An archived team has given its slug away: it is shown under it only when no other team is.
    let live: Vec<TeamPage> = pages
        .iter()
        .filter(|page| page.team.status != TeamStatus::Archived)
        .cloned()
        .collect();
    let mut pages = if live.is_empty() { pages } else { live };
    match (pages.len(), refused) {
        (0, Some(error)) => Err(error),
        (0, None) => Err(missing()),
        (1, _) => Ok(Found::One(Box::new(pages.remove(0)))),
        _ => Ok(Found::Several(pages)),
    }
}

/// Whether to lock a team's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Only read.
    None,
    /// Until the transaction ends: changes of one team happen one after another.
    Update,
}

/// A team with the caller's standing, read from the database, not from memory.
pub(crate) async fn load(ctx: &mut Ctx, id: TeamId, lock: Lock) -> Result<TeamPage> {
    if lock == Lock::Update {
        sqlx::query_scalar!("SELECT id FROM teams WHERE id = $1 FOR UPDATE", id.0)
            .fetch_optional(ctx.connection())
            .await?;
    }
    let viewer = ctx.caller.user_id().map(|id| id.0);
    let row = row::by_id(ctx.connection(), id, viewer)
        .await?
        .ok_or_else(|| Error::not_found("Team", id))?;
    let mut standing = Standing {
        super_admin: row.viewer_super_admin || matches!(ctx.caller, Caller::System(..)),
        auditor: row.viewer_auditor,
        org: row.viewer_org_role.as_deref().map(str::parse::<OrgRole>).transpose()?,
        team: row
            .viewer_team_role
            .as_deref()
            .map(str::parse::<TeamRole>)
            .transpose()?,
    };
    let has_admin = row.has_admin;
    let team = row.into_team()?;
    if let Caller::Machine(machine) = &ctx.caller
        && machine.team_id == id
    {
        standing.team = Some(TeamRole::Member);
    }
    let open = team.status == TeamStatus::Active || sees_closed(&standing);
    if team.status == TeamStatus::Archived && !sees_closed(&standing) {
        standing.team = None;
    }
    Ok(TeamPage {
        team,
        standing,
        open,
        has_admin,
    })
}

/// Whether someone sees teams that are not active: those who could activate them, and auditors.
fn sees_closed(standing: &Standing) -> bool {
    standing.may(Permission::TeamAdminister) || standing.auditor || standing.org == Some(OrgRole::Auditor)
}

fn visible(page: TeamPage, key: &str) -> Result<TeamPage> {
    if page.team.status == TeamStatus::Archived && !sees_closed(&page.standing) {
        return Err(Error::not_found("Team", key));
    }
    page.standing.require(Permission::TeamView)?;
    let open = page.open;
    Ok(TeamPage {
        team: if open { page.team } else { name_and_status(page.team) },
        ..page
    })
}

/// What an inactive team gives its members.
fn name_and_status(team: Team) -> Team {
    Team {
        description: None,
        policy: domain::LabelPolicy::default(),
        max_runners: None,
        limits: domain::Limits::default(),
        deactivation_reason: None,
        member_count: 0,
        project_count: 0,
        runner_count: 0,
        ..team
    }
}

/// A team that the caller sees whole: what an inactive team does not give its members.
///
/// # Errors
/// As [`get`], and 403 `Team is inactive` for members of an inactive team.
pub(crate) async fn open(ctx: &mut Ctx, id: TeamId) -> Result<TeamPage> {
    let page = get(ctx, id).await?;
    if page.open { Ok(page) } else { Err(inactive()) }
}

/// A team, locked, in which the caller has a permission in full.
///
/// # Errors
/// As [`open`], and 403 without the permission.
pub(crate) async fn locked_for(ctx: &mut Ctx, id: TeamId, permission: Permission) -> Result<TeamPage> {
    let page = load(ctx, id, Lock::Update).await?;
    if page.team.status == TeamStatus::Archived && !sees_closed(&page.standing) {
        return Err(Error::not_found("Team", id));
    }
    page.standing.require(permission)?;
    if page.open { Ok(page) } else { Err(inactive()) }
}

/// An archived team is kept as it was: it has to be restored before it is changed.
pub(crate) fn require_not_archived(page: &TeamPage) -> Result<()> {
    if page.team.status == TeamStatus::Archived {
        return Err(Error::refused(
            Code::WrongState,
            format!("Team '{}' is archived; restore it first", page.team.name),
        ));
    }
    Ok(())
}

/// The refusal that members of a team meet while it is not active.
pub(crate) fn inactive() -> Error {
    Error::refused(
        Code::TeamInactive,
        format!(
            "Team is inactive. To activate it, ask {}.",
            Permission::TeamAdminister.who()
        ),
    )
}
