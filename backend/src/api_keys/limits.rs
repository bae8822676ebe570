//! What a key may have: the installation's ceilings, then its team's and its organization's limits (SPEC C9, E7, E8).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    BudgetDuration, Ceilings, Invalid, KeyPolicy, Limits, Money, ProjectId, TeamId, UserId, check_end,
    hierarchy::{self, Effective, Level, Rung, effective},
    smallest,
    views::TeamPage,
};

use super::input::Wanted;
use crate::{
    Code, Ctx, Error, Result, organizations,
    restricted_models::{self, TeamModels},
};

/// What is above a key.
pub(super) struct Above {
    pub(super) policy: KeyPolicy,
    /// Its organization, its team, its owner in the team, its project.
    chain: Vec<Rung>,
    /// Which models the team may use.
    models: TeamModels,
}

/// A key's limits with what `Limits` does not have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyLimits {
    pub(super) limits: Limits,
    pub(super) soft_budget: Option<Money>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) tags: Vec<String>,
}

/// Reads what is above the keys of a team. To write a key, hold the organization and lock the team first.
pub(super) async fn above(ctx: &mut Ctx, page: &TeamPage, owner: UserId, project: Option<ProjectId>) -> Result<Above> {
    let team = &page.team;
    let organization = Rung {
        level: Level::Organization,
        name: team.organization_name.clone(),
        ceilings: organizations::ceilings(ctx, team.organization_id).await?,
    };
    let own = Rung {
        level: Level::Team,
        name: team.name.clone(),
        ceilings: Ceilings {
            limits: team.limits.with_models_of(&organization.ceilings.limits),
            max_runners: None,
        },
    };
    let mut chain = vec![organization, own];
    chain.extend(beside(ctx, team.id, owner, project).await?);
    Ok(Above {
        policy: super::settings::load_keys(ctx).await?,
        chain,
        models: restricted_models::of_team(ctx, team.id).await?,
    })
}

/// The limits of a key's owner in the team, and of its project, where there are any.
async fn beside(ctx: &mut Ctx, team: TeamId, owner: UserId, project: Option<ProjectId>) -> Result<Vec<Rung>> {
    let rows = sqlx::query!(
        r#"SELECT 'member' AS "level!", u.email AS "name!", '{}'::text[] AS "models!", m.max_budget,
            NULL::text AS budget_duration, m.tpm_limit, m.rpm_limit
        FROM team_members m JOIN users u ON u.id = m.user_id WHERE m.team_id = $1 AND m.user_id = $2
        UNION ALL SELECT 'project', p.name, p.models, p.max_budget, p.budget_duration, p.tpm_limit, p.rpm_limit
        FROM projects p WHERE p.team_id = $1 AND p.id = $3"#,
        team.0,
        owner.0,
        project.map(|id| id.0),
    )
    .fetch_all(ctx.connection())
    .await?;
    let rungs = rows.into_iter().map(|row| Rung {
        level: if row.level == "member" {
            Level::Member
        } else {
            Level::Project
        },
        name: row.name,
        ceilings: Ceilings {
            limits: Limits {
                models: row.models,
                max_budget: row.max_budget.map(Money::trusted),
                budget_duration: row.budget_duration.map(BudgetDuration::trusted),
                tpm_limit: row.tpm_limit,
                rpm_limit: row.rpm_limit,
            },
            max_runners: None,
        },
    });
    Ok(rungs.collect())
}

impl Above {
    /// The limits of a new key: what was said, else the default, else the ceiling, within what is above it.
    pub(super) fn fill(&self, wanted: &Wanted, now: DateTime<Utc>) -> KeyLimits {
        let (own, top) = (&self.policy.defaults, &self.policy.maximums);
        let over = effective(&self.chain);
        let count = |said: Option<Option<i64>>, default: Option<i64>, top: Option<i64>, over: Option<i64>| {
            said.unwrap_or_else(|| {
                let given = default.or(top)?;
                smallest([Some(given), top, over])
            })
        };
        let max_budget = wanted.max_budget.unwrap_or_else(|| {
            let given = own.max_budget.or(top.max_budget)?;
            let over = over.max_budget.as_ref().map(|bound| bound.value.0);
            smallest([Some(given), top.max_budget, over])
        });
        let budget_duration = wanted.budget_duration.clone().unwrap_or_else(|| {
            max_budget?;
            let team = self.chain.iter().find(|rung| rung.level == Level::Team);
            own.budget_duration
                .clone()
                .or_else(|| team.and_then(|team| team.ceilings.limits.budget_duration.clone()))
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
                    over.tpm_limit.map(|bound| bound.value),
                ),
                rpm_limit: count(
                    wanted.rpm_limit,
                    own.rpm_limit,
                    top.rpm_limit,
                    over.rpm_limit.map(|bound| bound.value),
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
    /// organization's; restricted models without an approval.
    pub(super) fn check(&self, key: &KeyLimits, now: DateTime<Utc>) -> Result<()> {
        check_end("expiresAt", key.expires_at, now)?;
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
        for rung in self.chain.iter().rev() {
            if let Err(above) = hierarchy::check(Level::Key, &key.limits, rung.level, &rung.ceilings.limits) {
                errors.extend(above);
            }
        }
        errors.extend(self.restricted(&key.limits));
        let mut seen = Vec::new();
        let errors: Vec<Invalid> = (errors.into_iter().map(as_sent))
            // The word of the nearest comes first, and says enough.
            .filter(|invalid| {
                !seen.contains(&invalid.field) && {
                    seen.push(invalid.field.clone());
                    true
                }
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
    }

    /// The refusal of restricted models that a key would reach without an approval (SPEC C15).
    fn restricted(&self, key: &Limits) -> Option<Invalid> {
        let usable = self.models.usable();
        let reached = usable.without_approval(&key.models);
        if reached.is_empty() {
            return None;
        }
        let (names, one) = (reached.join(", "), reached.len() == 1);
        let restricted = if one { "is restricted" } else { "are restricted" };
        let what = if key.models.is_empty() {
            ". Name the key's models without it, or request it first"
        } else {
            ""
        };
        let words = format!("{names} {restricted}: the team needs an approved request for it{what}");
        Some(Invalid::new("models", words))
    }

    /// What is in force for a key, and who sets it.
    pub(super) fn effective(&self, name: &str, key: &Limits) -> Effective {
        let mut chain = self.chain.clone();
        chain.push(Rung {
            level: Level::Key,
            name: name.to_owned(),
            ceilings: Ceilings {
                limits: key.clone(),
                max_runners: None,
            },
        });
        let mut limits = effective(&chain);
        if let Some(models) = &mut limits.models {
            let usable = self.models.usable();
            let reached = usable.without_approval(&key.models);
            models.value.retain(|model| !reached.contains(&model.as_str()));
        }
        limits
    }
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
