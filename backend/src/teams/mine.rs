//! The caller's own teams.

use domain::{
    ALL_LABELS, Label, LabelPattern, LabelPolicy, TeamId, TeamStatus, UserLabelPolicy,
    views::{MyTeam, ProvisionForm},
};

use crate::{Ctx, Result};

/// The caller's teams that are not archived, by name. Of an inactive one only name and status are
/// told. The Default Team is left out unless runners are enabled on it (SPEC X4).
///
/// # Errors
/// When the database does not answer.
pub async fn mine(ctx: &mut Ctx) -> Result<Vec<MyTeam>> {
    let person = ctx.person()?.id;
    let rows = sqlx::query!(
        r#"SELECT t.id, t.slug, t.name, t.description, m.role AS "role!", t.status, t.required_labels,
            t.optional_label_patterns, t.max_runners, t.runner_count, t.member_count, t.waiting_list,
            o.name AS organization_name
        FROM current_team_members m JOIN teams t ON t.id = m.team_id JOIN organizations o ON o.id = t.organization_id
        WHERE m.user_id = $1 AND t.status <> 'archived' AND (NOT t.is_system OR t.runners_enabled)
        ORDER BY lower(t.name), t.id"#,
        person.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let status: TeamStatus = row.status.parse()?;
            let open = status == TeamStatus::Active;
            Ok(MyTeam {
                id: TeamId(row.id),
                slug: row.slug,
                name: row.name,
                description: row.description.filter(|_| open),
                role: row.role.parse()?,
                status,
                policy: LabelPolicy {
                    required: row
                        .required_labels
                        .into_iter()
                        .filter(|_| open)
                        .map(Label::trusted)
                        .collect(),
                    optional: row
                        .optional_label_patterns
                        .into_iter()
                        .filter(|_| open)
                        .map(LabelPattern::trusted)
                        .collect(),
                },
                max_runners: row.max_runners.filter(|_| open),
                runner_count: if open { row.runner_count } else { 0 },
                member_count: if open { row.member_count } else { 0 },
                waiting_list: open && row.waiting_list,
                organization_name: row.organization_name,
            })
        })
        .collect()
}

/// What the provisioning form offers: the caller's active teams, or without any the caller's own
/// label policy (SPEC B16).
///
/// # Errors
/// When the database does not answer.
pub async fn provision_form(ctx: &mut Ctx) -> Result<ProvisionForm> {
    let mut teams = mine(ctx).await?;
    teams.retain(|team| team.status == TeamStatus::Active);
    let (own, own_runners) = if teams.is_empty() {
        (own_label_policy(ctx).await?, own_runners(ctx).await?)
    } else {
        (None, 0)
    };
    let last_team = if teams.len() > 1 {
        last_team(ctx)
            .await?
            .filter(|id| teams.iter().any(|team| team.id == *id))
    } else {
        None
    };
    let policy_by_default = own.as_ref().is_some_and(|own| own.by_default);
    Ok(ProvisionForm {
        teams,
        last_team,
        own_policy: own.map(|own| own.policy),
        policy_by_default,
        own_runners: i32::try_from(own_runners).unwrap_or(i32::MAX),
        can_use_jit: ctx.person()?.can_use_jit,
    })
}

/// The team of the caller's newest runner.
async fn last_team(ctx: &mut Ctx) -> Result<Option<TeamId>> {
    let person = ctx.person()?.id;
    let team = sqlx::query_scalar!(
        "SELECT team_id FROM runners WHERE provisioned_by = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
        person.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(team.flatten().map(TeamId))
}

/// The policy of someone in no team.
pub(crate) struct OwnPolicy {
    pub(crate) policy: UserLabelPolicy,
    /// Whether it is what the installation allows to people who have none.
    pub(crate) by_default: bool,
}

/// The caller's live runners, of whichever team: they count against the number of their own policy.
pub(crate) async fn own_runners(ctx: &mut Ctx) -> Result<i64> {
    let person = ctx.person()?.id;
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM runners WHERE provisioned_by = $1 AND status <> 'deleted'"#,
        person.0,
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// The caller's own label policy, or the one that the installation's default stands for.
pub(crate) async fn own_label_policy(ctx: &mut Ctx) -> Result<Option<OwnPolicy>> {
    let person = ctx.person()?.id;
    if let Some(policy) = crate::label_policies::of(ctx, person).await? {
        let by_default = false;
        return Ok(Some(OwnPolicy { policy, by_default }));
    }
    let everything = ctx.backend.settings.allow_without_label_policy;
    Ok(everything.then(|| OwnPolicy {
        policy: UserLabelPolicy {
            allowed: vec![ALL_LABELS.to_owned()],
            ..UserLabelPolicy::default()
        },
        by_default: true,
    }))
}
