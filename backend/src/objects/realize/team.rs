//! Teams.

use domain::{Slug, StatusChange, TeamId};
use kubernetes::{Cause, spec::Team};
use serde_json::json;

use super::{
    super::{keep, store::Row, subject::Ids},
    Instance, Made, Refused, changed, instance, money, warn_of_unused,
};
use crate::{
    Ctx, Result,
    teams::{self, NewTeamInput, TeamPatchInput},
};

pub(super) async fn make(ctx: &mut Ctx, row: &Row, spec: Team) -> Result<Made, Refused> {
    check(ctx, row, &spec)?;
    let name = match instance(ctx, &spec.connection_ref) {
        Instance::Known { name, is_default } => (!is_default).then_some(name),
        Instance::Unknown(why) => return Ok(Made::Waits(keep::reason("ConfigError", &why))),
    };
    let slug = Slug::parse(&row.name).map_err(|broken| {
        Cause::invalid(
            "metadata.name",
            &json!(row.name),
            &format!("is the team's slug, which {}", broken.message),
        )
    })?;
    let new = NewTeamInput {
        name: spec.team_alias,
        models: spec.models.unwrap_or_default(),
        max_budget: money("maxBudget", spec.max_budget.as_deref())?,
        budget_duration: spec.budget_duration.filter(|period| !period.is_empty()),
        tpm_limit: spec.tpm_limit,
        rpm_limit: spec.rpm_limit,
        organization_id: Some(row.organization.into()),
        ..NewTeamInput::default()
    };
    let page = teams::create(ctx, new.parse()?.declared(slug, name)).await?;
    let id = page.team.id;
    if spec.blocked == Some(true) {
        teams::change_status(ctx, id, StatusChange::Deactivate, None).await?;
    }
    Ok(Made::There(Ids {
        team: Some(id.0),
        ..Ids::default()
    }))
}

pub(super) async fn alter(ctx: &mut Ctx, row: &Row, old: Team, new: Team) -> Result<(), Refused> {
    check(ctx, row, &new)?;
    let Some(team) = row.ids.team else { return Ok(()) };
    let budget = |spec: &Team| money("maxBudget", spec.max_budget.as_deref());
    let period = |spec: &Team| spec.budget_duration.clone().filter(|period| !period.is_empty());
    let patch = TeamPatchInput {
        is_active: changed(&old.blocked.unwrap_or(false), &new.blocked.unwrap_or(false)).map(|blocked| !blocked),
        models: changed(
            &old.models.clone().unwrap_or_default(),
            &new.models.clone().unwrap_or_default(),
        ),
        max_budget: changed(&budget(&old)?, &budget(&new)?),
        budget_duration: changed(&period(&old), &period(&new)),
        tpm_limit: changed(&old.tpm_limit, &new.tpm_limit),
        rpm_limit: changed(&old.rpm_limit, &new.rpm_limit),
        ..TeamPatchInput::default()
    };
    teams::update(ctx, TeamId(team), patch.parse()?).await?;
    Ok(())
}

/// It is archived, and goes from LiteLLM (SPEC X15).
pub(super) async fn end(ctx: &mut Ctx, row: &Row) -> Result<()> {
    if let Some(team) = row.ids.team {
        teams::withdraw(ctx, TeamId(team)).await?;
    }
    Ok(())
}

fn check(ctx: &mut Ctx, row: &Row, spec: &Team) -> Result<(), Cause> {
    let own = [row.organization.to_string(), row.namespace.clone()];
    if let Some(organization) = spec.organization_id.as_deref().filter(|id| !id.is_empty())
        && !own.iter().any(|own| own == organization)
    {
        let rule = format!(
            "the namespace {:?} is the organization {}",
            row.namespace, row.organization
        );
        return Err(Cause::invalid("spec.organizationID", &json!(organization), &rule));
    }
    warn_of_unused(
        ctx,
        &[
            ("teamID", spec.team_id.is_some()),
            ("modelAliases", spec.model_aliases.is_some()),
            ("guardrails", spec.guardrails.is_some()),
            ("tags", spec.tags.is_some()),
            ("metadata", spec.metadata.is_some()),
            ("teamMemberPermissions", spec.team_member_permissions.is_some()),
        ],
    );
    Ok(())
}
