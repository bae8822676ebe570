//! Making the change that a request asks for, by the functions that make it anyway.

use domain::{
    LabelPolicy, Limits, Reason, RequestValue, UserRef, models,
    views::{AccessRequest, Team, TeamPage},
};

use crate::{
    Ctx, Error, Result, members, restricted_models, services,
    teams::{self, TeamPatch, TeamPatchInput},
};

/// Makes the change. The team's row and its organization's are locked, and the caller may decide the request.
pub(super) async fn apply(ctx: &mut Ctx, request: &AccessRequest, page: &TeamPage) -> Result<()> {
    teams::require_not_archived(page)?;
    let team = &page.team;
    match &request.value {
        RequestValue::Join(role) => {
            members::add(ctx, team.id, &UserRef::Id(request.requester_id), *role).await?;
        }
        RequestValue::Quota(count) => {
            let patch = TeamPatchInput {
                max_runners: Some(Some(i64::from(*count))),
                ..TeamPatchInput::default()
            };
            update(ctx, team, patch.parse()?).await?;
        }
        value @ RequestValue::Budget { .. } => {
            let limits = limits_with(team, value);
            let patch = TeamPatchInput {
                max_budget: Some(limits.max_budget.map(domain::Money::decimal)),
                budget_duration: Some(limits.budget_duration.map(String::from)),
                tpm_limit: Some(limits.tpm_limit),
                rpm_limit: Some(limits.rpm_limit),
                ..TeamPatchInput::default()
            };
            update(ctx, team, patch.parse()?).await?;
        }
        value @ RequestValue::Labels { .. } => {
            let policy = policy_with(team, value);
            let patch = TeamPatchInput {
                required_labels: Some(policy.required.into_iter().map(String::from).collect()),
                optional_label_patterns: Some(policy.optional.into_iter().map(String::from).collect()),
                ..TeamPatchInput::default()
            };
            update(ctx, team, patch.parse()?).await?;
        }
        RequestValue::Service(name) => {
            let choices = services::choices(ctx, team).await?;
            let known = choices.iter().find(|choice| choice.name == *name);
            let service = known.ok_or_else(|| Error::not_found("Service", name))?.id;
            let reason = Reason::trusted(request.reason.clone());
            services::allow(ctx, team.id, service, &reason).await?;
        }
        RequestValue::Model(model) => {
            restricted_models::of_team(ctx, team.id)
                .await?
                .require_in_organization(model)?;
            // A list of its own has to name it; without one the team has all that its organization has.
            if models::usable(&team.limits.models, &[], &[], &[]).check(model).is_err() {
                let mut list = team.limits.models.clone();
                list.push(model.clone());
                let patch = TeamPatchInput {
                    models: Some(list),
                    ..TeamPatchInput::default()
                };
                update(ctx, team, patch.parse()?).await?;
            }
        }
    }
    Ok(())
}

async fn update(ctx: &mut Ctx, team: &Team, patch: TeamPatch) -> Result<()> {
    teams::update(ctx, team.id, patch).await.map(drop)
}

/// A team's limits with what a request asks for.
pub(super) fn limits_with(team: &Team, value: &RequestValue) -> Limits {
    let current = team.limits.clone();
    let RequestValue::Budget {
        max_budget,
        budget_duration,
        tpm_limit,
        rpm_limit,
    } = value
    else {
        return current;
    };
    Limits {
        models: current.models,
        max_budget: max_budget.or(current.max_budget),
        budget_duration: budget_duration.clone().or(current.budget_duration),
        tpm_limit: tpm_limit.or(current.tpm_limit),
        rpm_limit: rpm_limit.or(current.rpm_limit),
    }
}

/// A team's label policy with what a request asks for.
pub(super) fn policy_with(team: &Team, value: &RequestValue) -> LabelPolicy {
    let current = team.policy.clone();
    let RequestValue::Labels { required, optional } = value else {
        return current;
    };
    LabelPolicy {
        required: required.clone().unwrap_or(current.required),
        optional: optional.clone().unwrap_or(current.optional),
    }
}
