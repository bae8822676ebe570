//! The keys that would be above what is set over them (SPEC E7).

use domain::{
    BudgetDuration, Invalid, Limits, Money, OrganizationId, ProjectId, TeamId, UserId,
    hierarchy::{Level, check_children},
};

use crate::{Ctx, Error, Result};

/// Whose keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysOf {
    /// A team's, whatever its status.
    Team(TeamId),
    /// Those of an organization's teams, but for archived ones: they are asked about when they are restored.
    Organization(OrganizationId),
    /// Those of one person in a team.
    Member(TeamId, UserId),
    /// Those of a project.
    Project(ProjectId),
}

/// Which limits are below those of a key that works or waits, each with the keys' names. Whoever asks holds the row of
/// the team, or of the organization, so that no key comes meanwhile.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn above(ctx: &mut Ctx, keys: KeysOf, level: Level, ceiling: &Limits) -> Result<Vec<Invalid>> {
    let (mut team, mut organization, mut owner, mut project) = (None, None, None, None);
    match keys {
        KeysOf::Team(id) => team = Some(id.0),
        KeysOf::Organization(id) => organization = Some(id.0),
        KeysOf::Member(id, user) => (team, owner) = (Some(id.0), Some(user.0)),
        KeysOf::Project(id) => project = Some(id.0),
    }
    let now = ctx.now;
    // The rule is `hierarchy::check`; SQL only leaves out keys that it cannot be about.
    let rows = sqlx::query!(
        r#"SELECT k.name, u.email AS owner, k.replaced_by IS NOT NULL AS "replaced!", k.models, k.max_budget,
            k.budget_duration, k.tpm_limit, k.rpm_limit
        FROM api_keys k JOIN teams t ON t.id = k.team_id JOIN users u ON u.id = k.owner_id
        WHERE k.litellm_state IN ('pending', 'active') AND k.revoked_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > $1)
            AND (k.team_id = $2 AND ($8::uuid IS NULL OR k.owner_id = $8)
                OR t.organization_id = $3 AND t.status <> 'archived' OR k.project_id = $9)
            AND (k.max_budget > $4 OR k.tpm_limit > $5 OR k.rpm_limit > $6
                OR cardinality($7::text[]) > 0 AND NOT k.models <@ $7)
        ORDER BY lower(k.name), k.id"#,
        now,
        team,
        organization,
        ceiling.max_budget.map(Money::decimal),
        ceiling.tpm_limit,
        ceiling.rpm_limit,
        &ceiling.models,
        owner,
        project,
    )
    .fetch_all(ctx.connection())
    .await?;
    let keys = rows.into_iter().map(|row| {
        let rotated = if row.replaced { ", rotated" } else { "" };
        let limits = Limits {
            models: row.models,
            max_budget: row.max_budget.map(Money::trusted),
            budget_duration: row.budget_duration.map(BudgetDuration::trusted),
            tpm_limit: row.tpm_limit,
            rpm_limit: row.rpm_limit,
        };
        (format!("{} ({}{rotated})", row.name, row.owner), limits)
    });
    Ok(check_children(level, ceiling, Level::Key, keys)
        .err()
        .unwrap_or_default())
}

/// Refuses limits below those of a key.
///
/// # Errors
/// One error for each limit, with the keys' names.
pub(crate) async fn require_within(ctx: &mut Ctx, keys: KeysOf, level: Level, ceiling: &Limits) -> Result<()> {
    let broken = above(ctx, keys, level, ceiling).await?;
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(broken))
    }
}
