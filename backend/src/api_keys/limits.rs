//! What a key may have: the installation's ceilings, then its team's and its organization's limits (SPEC C9, E7, E8).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Invalid, KeyPolicy, Limits, Money, TeamId,
    hierarchy::{self, Level},
    models::Unusable,
    smallest,
    views::{Effective, EffectiveLimits, TeamPage},
};

use super::input::Wanted;
use crate::{Code, Ctx, Error, Result, litellm};

/// What is above a key.
pub(super) struct Above {
    pub(super) policy: KeyPolicy,
    /// Its team, with the organization's models where it has none of its own.
    pub(super) team: Limits,
    pub(super) organization: Limits,
}

/// A key's limits with what `Limits` does not have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyLimits {
    pub(super) limits: Limits,
    pub(super) soft_budget: Option<Money>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) tags: Vec<String>,
}

/// Reads what is above the keys of a team. The team's row is locked, or nothing depends on it.
pub(super) async fn above(ctx: &mut Ctx, team: &TeamPage) -> Result<Above> {
    let policy = super::settings::load_keys(ctx).await?;
    let organization = organization(ctx, team).await?;
    let mut limits = team.team.limits.clone();
    if limits.models.is_empty() || limits.models.iter().any(|model| model == "all-org-models") {
        limits.models.clone_from(&organization.models);
    }
    Ok(Above {
        policy,
        team: limits,
        organization,
    })
}

async fn organization(ctx: &mut Ctx, team: &TeamPage) -> Result<Limits> {
    let row = sqlx::query!(
        "SELECT models, max_budget, budget_duration, tpm_limit, rpm_limit FROM organizations WHERE id = $1",
        team.team.organization_id.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(Limits {
        models: row.models,
        max_budget: row.max_budget.map(Money::trusted),
        budget_duration: row.budget_duration.map(domain::BudgetDuration::trusted),
        tpm_limit: row.tpm_limit,
        rpm_limit: row.rpm_limit,
    })
}

impl Above {
    /// The limits of a new key: what was said, else the default, else the ceiling, within what is above it.
    pub(super) fn fill(&self, wanted: &Wanted, now: DateTime<Utc>) -> KeyLimits {
        let (own, top) = (&self.policy.defaults, &self.policy.maximums);
        let count = |said: Option<Option<i64>>, default: Option<i64>, top: Option<i64>, team, organization| {
            said.unwrap_or_else(|| {
                let given = default.or(top)?;
                smallest([Some(given), top, team, organization])
            })
        };
        let (team, organization) = (&self.team, &self.organization);
        let max_budget = wanted.max_budget.unwrap_or_else(|| {
            let given = own.max_budget.or(top.max_budget)?;
            smallest([Some(given), top.max_budget, team.max_budget, organization.max_budget])
        });
        let budget_duration = wanted.budget_duration.clone().unwrap_or_else(|| {
            max_budget?;
            own.budget_duration.clone().or_else(|| team.budget_duration.clone())
        });
        let soft_budget = wanted
            .soft_budget
            .unwrap_or_else(|| own.soft_budget.map(|soft| max_budget.map_or(soft, |max| soft.min(max))));
        KeyLimits {
            limits: Limits {
                models: wanted.models.clone().unwrap_or_default(),
                max_budget,
                budget_duration,
                tpm_limit: count(
                    wanted.tpm_limit,
                    own.tpm_limit,
                    top.tpm_limit,
                    team.tpm_limit,
                    organization.tpm_limit,
                ),
                rpm_limit: count(
                    wanted.rpm_limit,
                    own.rpm_limit,
                    top.rpm_limit,
                    team.rpm_limit,
                    organization.rpm_limit,
                ),
            },
            soft_budget,
            expires_at: wanted.expires_at.unwrap_or_else(|| {
                let days = own.expires_in_days.or(top.expires_in_days)?;
                Some(now + TimeDelta::days(days))
            }),
            tags: wanted.tags.clone().unwrap_or_default(),
        }
    }

    /// Checks a key's limits.
    ///
    /// # Errors
    /// 400 `Quota limits exceeded: …` with all ceilings that it is above; each limit that is above its team's or
    /// organization's.
    pub(super) fn check(&self, key: &KeyLimits, now: DateTime<Utc>) -> Result<()> {
        if key.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expiresAt", "must be in the future"));
        }
        if let (Some(soft), Some(max)) = (key.soft_budget, key.limits.max_budget)
            && soft > max
        {
            return Err(Error::invalid("softBudget", "must not be above maxBudget"));
        }
        let violations = self.policy.maximums.violations(&key.limits, key.expires_at, now);
        if !violations.is_empty() {
            return Err(Error::refused(
                Code::KeyLimits,
                format!("Quota limits exceeded: {}", violations.join("; ")),
            ));
        }
        let mut errors = Vec::new();
        for (level, ceiling) in [(Level::Team, &self.team), (Level::Organization, &self.organization)] {
            if let Err(above) = hierarchy::check(Level::Key, &key.limits, level, ceiling) {
                errors.extend(above);
            }
        }
        let mut seen = Vec::new();
        let errors: Vec<Invalid> = (errors.into_iter().map(as_sent))
            // The team's word comes first, and says enough.
            .filter(|invalid| {
                !seen.contains(&invalid.field) && {
                    seen.push(invalid.field.clone());
                    true
                }
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
    }

    /// What is in force for a key, and who sets it.
    pub(super) fn effective(&self, key: &Limits) -> EffectiveLimits {
        let (team, organization) = (&self.team, &self.organization);
        let models = [("key", key), ("team", team), ("organization", organization)]
            .into_iter()
            .find(|(_, limits)| !limits.has_all_models())
            .map(|(from, limits)| Effective {
                limit: limits.models.clone(),
                from,
            });
        EffectiveLimits {
            max_budget: binding([key.max_budget, team.max_budget, organization.max_budget]),
            tpm_limit: binding([key.tpm_limit, team.tpm_limit, organization.tpm_limit]),
            rpm_limit: binding([key.rpm_limit, team.rpm_limit, organization.rpm_limit]),
            models,
        }
    }
}

/// Refuses a key for models that its team needs an approved request for, and has none (SPEC C15).
///
/// # Errors
/// 422 `<model> restricted: the team needs an approved request for it`.
pub(super) async fn require_unrestricted(ctx: &mut Ctx, team: TeamId, models: &[String]) -> Result<()> {
    let blocked = litellm::blocked(ctx.connection(), team, models).await?;
    if blocked.is_empty() {
        return Ok(());
    }
    let words = format!("{} {}", blocked.join(", "), Unusable::Restricted);
    Err(Error::invalid("modelIds", words))
}

/// The smallest limit; of equal ones the nearest.
fn binding<T: Ord + Copy>(limits: [Option<T>; 3]) -> Option<Effective<T>> {
    let [key, team, organization] = limits;
    [("key", key), ("team", team), ("organization", organization)]
        .into_iter()
        .filter_map(|(from, limit)| Some(Effective { limit: limit?, from }))
        .min_by_key(|effective| effective.limit)
}

/// An error of a limit under the name that SPEC C8 has for it.
fn as_sent(invalid: Invalid) -> Invalid {
    let name = match &*invalid.field {
        "max_budget" => "maxBudget",
        "tpm_limit" => "tpmLimit",
        "rpm_limit" => "rpmLimit",
        "models" => "modelIds",
        _ => return invalid,
    };
    invalid.on(name)
}
