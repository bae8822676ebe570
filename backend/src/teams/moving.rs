//! Linking a team that stands alone to an organization (SPEC E9).

use domain::{
    DEFAULT_ORGANIZATION, Invalid, OrganizationId, Permission, TeamId, UserId,
    hierarchy::{Level, NAMED},
    views::{Team, TeamMove},
};
use serde_json::json;
use uuid::Uuid;

use super::{Lock, load, require_not_archived};
use crate::{
    Code, Ctx, Error, Result, audit, budgets, default_team,
    organizations::{self, Admission},
};

/// Moves a team that stands alone to an organization, with everything in it, and says what that does; `dry_run` only
/// says it. Its members become members of the organization, and services of the old catalogue go.
///
/// # Errors
/// 403 for all but super_admins; 404 without the team or the organization; 409 for a team that does not stand alone, and
/// `TEAM_DOES_NOT_FIT` with everything that stands in the way.
pub async fn move_to(ctx: &mut Ctx, id: TeamId, to: OrganizationId, dry_run: bool) -> Result<TeamMove> {
    organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::InstallationManage)?;
    // Organizations before teams, as everything does that locks both; nobody lowers a ceiling meanwhile, or fills it.
    sqlx::query_scalar!(
        "SELECT id FROM organizations WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
        &[DEFAULT_ORGANIZATION.0, to.0],
    )
    .fetch_all(ctx.connection())
    .await?;
    let page = load(ctx, id, Lock::Update).await?;
    page.standing.require(Permission::InstallationManage)?;
    let team = &page.team;
    default_team::require_other(team, " and stays where it is")?;
    require_not_archived(&page)?;
    if team.organization_id != DEFAULT_ORGANIZATION {
        let words = format!(
            "Team '{}' belongs to {}: only teams that stand alone can be moved",
            team.name, team.organization_name
        );
        return Err(Error::refused(Code::WrongState, words));
    }
    if to == DEFAULT_ORGANIZATION {
        return Err(Error::invalid(
            "organization_id",
            "must be an organization: the team stands alone already",
        ));
    }
    let plan = plan(ctx, team, to).await?;
    if dry_run {
        return Ok(plan.into());
    }
    if !plan.shown.obstacles.is_empty() {
        let words = format!("Team '{}' does not fit into {}", team.name, plan.shown.organization);
        return Err(Error::Conflict(Code::TeamDoesNotFit, words, plan.shown.obstacles));
    }
    carry_out(ctx, team, to, &plan).await?;
    Ok(plan.into())
}

/// What a move does, with what carrying it out needs.
struct Plan {
    shown: TeamMove,
    joining: Vec<Uuid>,
}

impl From<Plan> for TeamMove {
    fn from(plan: Plan) -> Self {
        plan.shown
    }
}

async fn plan(ctx: &mut Ctx, team: &Team, to: OrganizationId) -> Result<Plan> {
    let ceilings = organizations::ceilings(ctx, to).await?;
    let now = ctx.now;
    let facts = sqlx::query!(
        r#"SELECT o.name,
            EXISTS (SELECT FROM teams t WHERE t.organization_id = o.id AND t.status <> 'archived'
                AND lower(t.name) = lower($3)) AS "name_taken!",
            EXISTS (SELECT FROM teams t WHERE t.organization_id = o.id AND t.status <> 'archived' AND t.slug = $4)
                AS "slug_taken!",
            (SELECT coalesce(sum(t.runner_count), 0) FROM teams t WHERE t.organization_id = o.id)::bigint AS "runners!",
            (SELECT count(*) FROM api_keys k WHERE k.team_id = $2 AND k.revoked_at IS NULL
                AND (k.expires_at IS NULL OR k.expires_at > $5)) AS "keys!",
            ARRAY(SELECT s.name FROM team_services a JOIN services s ON s.id = a.service_id
                WHERE a.team_id = $2 ORDER BY s.name) AS "services!: Vec<String>"
        FROM organizations o WHERE o.id = $1"#,
        to.0,
        team.id.0,
        team.name,
        team.slug,
        now,
    )
    .fetch_one(ctx.connection())
    .await?;
    let mut obstacles = team.limits.within(&ceilings.limits).err().unwrap_or_default();
    obstacles.extend(budgets::above(ctx, budgets::Of::Team(team.id), Level::Organization, &ceilings.limits).await?);
    if facts.name_taken {
        obstacles.push(Invalid::new("name", format!("Team '{}' already exists", team.name)));
    }
    if facts.slug_taken {
        obstacles.push(Invalid::new(
            "slug",
            format!("another team has the slug '{}'", team.slug),
        ));
    }
    let (own, all) = (i64::from(team.runner_count), facts.runners);
    if let Some(most) = ceilings.max_runners.map(i64::from)
        && own > 0
        && all + own > most
    {
        let words = format!("{own} live runners and the organization's {all} are more than its max_runners ({most})");
        obstacles.push(Invalid::new("max_runners", words));
    }
    let members = sqlx::query!(
        r#"SELECT u.id, u.email, o.user_id IS NOT NULL AS "belongs!",
            EXISTS (SELECT FROM user_identities i WHERE i.user_id = u.id AND i.email_denied) AS "doubtful!"
        FROM team_members m JOIN users u ON u.id = m.user_id
            LEFT JOIN organization_members o ON o.organization_id = $2 AND o.user_id = u.id
        WHERE m.team_id = $1 ORDER BY u.email"#,
        team.id.0,
        to.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let admission = Admission::load(ctx, to).await?;
    let strangers = members.into_iter().filter(|member| !member.belongs);
    let (settled, doubtful): (Vec<_>, Vec<_>) = strangers.partition(|member| !member.doubtful);
    let (admitted, foreign): (Vec<_>, Vec<_>) =
        (settled.into_iter()).partition(|member| admission.admit(&member.email).is_ok());
    if !foreign.is_empty() {
        let words = format!(
            "not in this organization's email domains: {}. Invite them as guests first, or take them out of the team",
            named(foreign.iter().map(|member| member.email.as_str()))
        );
        obstacles.push(Invalid::new("members", words));
    }
    if !doubtful.is_empty() {
        let words = format!(
            "their addresses were never verified: {}. Confirm them on the accounts' pages first, or take them out of the team",
            named(doubtful.iter().map(|member| member.email.as_str()))
        );
        obstacles.push(Invalid::new("members", words));
    }
    Ok(Plan {
        joining: admitted.iter().map(|member| member.id).collect(),
        shown: TeamMove {
            organization: facts.name,
            obstacles,
            joining: admitted.into_iter().map(|member| member.email).collect(),
            services: facts.services,
            keys: facts.keys,
            projects: team.project_count.into(),
            members: team.member_count.into(),
            runners: own,
        },
    })
}

/// The first of some people, and how many more there are.
fn named<'a>(emails: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = emails.len().saturating_sub(NAMED);
    let first: Vec<&str> = emails.take(NAMED).collect();
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", first.join(", "))
}

async fn carry_out(ctx: &mut Ctx, team: &Team, to: OrganizationId, plan: &Plan) -> Result<()> {
    let now = ctx.now;
    sqlx::query!("DELETE FROM team_services WHERE team_id = $1", team.id.0)
        .execute(ctx.connection())
        .await?;
    // Before the team itself: nobody is in a team of an organization to which they do not belong.
    organizations::join_many(ctx, to, &plan.joining).await?;
    sqlx::query!(
        "UPDATE teams SET organization_id = $2, updated_at = $3 WHERE id = $1",
        team.id.0,
        to.0,
        now,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| {
        super::edit::taken(error, &team.name, || {
            format!("Another team has the slug '{}'", team.slug)
        })
    })?;
    let members = sqlx::query_scalar!(
        "SELECT user_id FROM team_members WHERE team_id = $1 LIMIT 1000",
        team.id.0
    )
    .fetch_all(ctx.connection())
    .await?;
    for member in members {
        ctx.touch(UserId(member));
    }
    let entry = audit::Entry::new("team.move", "team", team.id, &team.name)
        .team(to, team.id)
        .change(
            json!({"organization": team.organization_name, "services": plan.shown.services}),
            json!({"organization": plan.shown.organization, "joined": plan.shown.joining.len()}),
        );
    audit::record(ctx, entry).await
}
