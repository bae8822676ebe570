//! Members and projects that would be above what is set over them (SPEC E7).

use domain::{
    BudgetDuration, Invalid, Limits, Money, OrganizationId, TeamId,
    hierarchy::{self, Level, check_children},
    views::Team,
};

use crate::{
    Ctx, Error, Result,
    api_keys::{self, KeysOf},
    organizations,
};

/// Whose members, projects and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A team's, whatever its status.
    Team(TeamId),
    /// Those of an organization's teams, but for archived ones: they are asked about when they are restored.
    Organization(OrganizationId),
}

/// Which limits are below those of a member, project or key, each with their names. Whoever asks holds the row of the
/// team, or of the organization, so that nothing comes meanwhile.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn above(ctx: &mut Ctx, of: Of, level: Level, ceiling: &Limits) -> Result<Vec<Invalid>> {
    let (team, organization, keys) = match of {
        Of::Team(id) => (Some(id.0), None, KeysOf::Team(id)),
        Of::Organization(id) => (None, Some(id.0), KeysOf::Organization(id)),
    };
    // The rule is `hierarchy::check`; SQL only leaves out what it cannot be about.
    let rows = sqlx::query!(
        "SELECT u.email, m.max_budget, m.tpm_limit, m.rpm_limit
        FROM team_members m JOIN teams t ON t.id = m.team_id JOIN users u ON u.id = m.user_id
        WHERE (m.team_id = $1 OR t.organization_id = $2 AND t.status <> 'archived')
            AND (m.max_budget > $3 OR m.tpm_limit > $4 OR m.rpm_limit > $5)
        ORDER BY u.email",
        team,
        organization,
        ceiling.max_budget.map(Money::decimal),
        ceiling.tpm_limit,
        ceiling.rpm_limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    let members = rows.into_iter().map(|row| {
        let limits = Limits {
            max_budget: row.max_budget.map(Money::trusted),
            tpm_limit: row.tpm_limit,
            rpm_limit: row.rpm_limit,
            ..Limits::default()
        };
        (row.email, limits)
    });
    let mut broken = check_children(level, ceiling, Level::Member, members)
        .err()
        .unwrap_or_default();
    let rows = sqlx::query!(
        "SELECT p.name, t.name AS team, p.models, p.max_budget, p.budget_duration, p.tpm_limit, p.rpm_limit
        FROM projects p JOIN teams t ON t.id = p.team_id
        WHERE (p.team_id = $1 OR t.organization_id = $2 AND t.status <> 'archived')
            AND (p.max_budget > $3 OR p.tpm_limit > $4 OR p.rpm_limit > $5
                OR cardinality($6::text[]) > 0 AND NOT p.models <@ $6)
        ORDER BY lower(p.name), p.id",
        team,
        organization,
        ceiling.max_budget.map(Money::decimal),
        ceiling.tpm_limit,
        ceiling.rpm_limit,
        &ceiling.models,
    )
    .fetch_all(ctx.connection())
    .await?;
    let projects = rows.into_iter().map(|row| {
        let limits = Limits {
            models: row.models,
            max_budget: row.max_budget.map(Money::trusted),
            budget_duration: row.budget_duration.map(BudgetDuration::trusted),
            tpm_limit: row.tpm_limit,
            rpm_limit: row.rpm_limit,
        };
        let name = match of {
            Of::Team(_) => row.name,
            Of::Organization(_) => format!("{} ({})", row.name, row.team),
        };
        (name, limits)
    });
    broken.extend(
        check_children(level, ceiling, Level::Project, projects)
            .err()
            .unwrap_or_default(),
    );
    broken.extend(api_keys::above(ctx, keys, level, ceiling).await?);
    Ok(broken)
}

/// Refuses limits below those of a member, project or key of a team.
///
/// # Errors
/// One error for each limit and kind, with the names.
pub(crate) async fn require_within(ctx: &mut Ctx, of: Of, level: Level, ceiling: &Limits) -> Result<()> {
    let broken = above(ctx, of, level, ceiling).await?;
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(broken))
    }
}

/// Checks limits of a member or a project against their team's and its organization's; of each limit the team's word
/// comes first, and says enough. The caller holds the organization and has locked the team.
///
/// # Errors
/// One error for each limit that is above.
pub(crate) async fn require_within_team(ctx: &mut Ctx, team: &Team, level: Level, own: &Limits) -> Result<()> {
    let organization = organizations::ceilings(ctx, team.organization_id).await?.limits;
    let of_team = team.limits.with_models_of(&organization);
    let mut broken = hierarchy::check(level, own, Level::Team, &of_team)
        .err()
        .unwrap_or_default();
    for above in hierarchy::check(level, own, Level::Organization, &organization)
        .err()
        .unwrap_or_default()
    {
        if broken.iter().all(|known| known.field != above.field) {
            broken.push(above);
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(broken))
    }
}
