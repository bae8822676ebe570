//! Limits of what belongs to something else: organization → team → member or project → key (SPEC E7, E8).
//!
//! One rule for all levels: equal is fine, more is not; none below a limit inherits it.

use serde::{Deserialize, Serialize};

use crate::{BudgetDuration, Ceilings, Invalid, Limits, Money};

/// How many names a refusal gives before it only counts.
pub const NAMED: usize = 10;

/// Whose limits they are, from the top down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// An organization.
    Organization,
    /// A team of it.
    Team,
    /// A member of a team.
    Member,
    /// A project of a team.
    Project,
    /// A key of a member or a project.
    Key,
}

impl Level {
    /// The word, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::Member => "member",
            Self::Project => "project",
            Self::Key => "key",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Self::Organization => "Organization",
            Self::Team => "Team",
            Self::Member => "Member",
            Self::Project => "Project",
            Self::Key => "Key",
        }
    }
}

/// Checks limits against those of what they belong to: equal is fine, more is not. None of a kind, or no models, is no
/// limit of its own: the parent's holds.
///
/// # Errors
/// One error for each limit that is above its parent's, with the literal of E7.
pub fn check(child: Level, own: &Limits, parent: Level, ceiling: &Limits) -> Result<(), Vec<Invalid>> {
    let (who, whose) = (child.subject(), parent.as_str());
    let mut errors = Vec::new();
    let mut above = |field: &'static str, own: String, ceiling: String| {
        let words = format!("{who} {field} ({own}) exceeds {whose}'s {field} ({ceiling}).");
        errors.push(Invalid::new(field, words));
    };
    if let (Some(own), Some(ceiling)) = (own.max_budget, ceiling.max_budget)
        && own > ceiling
    {
        above("max_budget", own.to_string(), ceiling.to_string());
    }
    for (field, own, ceiling) in [
        ("tpm_limit", own.tpm_limit, ceiling.tpm_limit),
        ("rpm_limit", own.rpm_limit, ceiling.rpm_limit),
    ] {
        if let (Some(own), Some(ceiling)) = (own, ceiling)
            && own > ceiling
        {
            above(field, own.to_string(), ceiling.to_string());
        }
    }
    let extra = own.models_beyond(ceiling);
    if !extra.is_empty() {
        let (extra, has) = (extra.join(", "), ceiling.models.join(", "));
        errors.push(Invalid::new(
            "models",
            format!("{extra} not in {whose}'s allowed models: {has}"),
        ));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Checks a parent's new limits against all that belong to it: lowering it below one of them is refused, and says which
/// of them have to be lowered first.
///
/// # Errors
/// One error for each limit, with the first case's words and the names of all cases: [`NAMED`] of them and the count.
pub fn check_children(
    parent: Level,
    ceiling: &Limits,
    child: Level,
    children: impl IntoIterator<Item = (String, Limits)>,
) -> Result<(), Vec<Invalid>> {
    let mut broken: Vec<(Invalid, Vec<String>)> = Vec::new();
    for (name, own) in children {
        for error in check(child, &own, parent, ceiling).err().unwrap_or_default() {
            match broken.iter_mut().find(|(known, _)| known.field == error.field) {
                Some((_, names)) => names.push(name.clone()),
                None => broken.push((error, vec![name.clone()])),
            }
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    let errors = broken.into_iter().map(|(error, names)| {
        let rule = error.message.trim_end_matches('.');
        Invalid::new(
            error.field.clone(),
            format!("{rule}. Lower it first in: {}", listed(&names)),
        )
    });
    Err(errors.collect())
}

/// Names, the first [`NAMED`] of them, and how many more there are.
fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more ({} in all)", names.len())
    }
}

/// One step of a chain of limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// What it is.
    pub level: Level,
    /// What it is called.
    pub name: String,
    /// Its own limits.
    pub ceilings: Ceilings,
}

/// A limit that is in force, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound<T> {
    /// The limit.
    pub value: T,
    /// What binds: the level.
    pub level: Level,
    /// What binds: its name.
    pub name: String,
}

/// The limits that are in force at the end of a chain; none is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// Budget, with its own period.
    pub max_budget: Option<Bound<(Money, Option<BudgetDuration>)>>,
    /// Tokens per minute.
    pub tpm_limit: Option<Bound<i64>>,
    /// Requests per minute.
    pub rpm_limit: Option<Bound<i64>>,
    /// Live runners.
    pub max_runners: Option<Bound<i32>>,
    /// AI models; none is all, an empty list is none at all.
    pub models: Option<Bound<Vec<String>>>,
}

/// What a chain of limits comes to, from the top down: of each kind the lowest. Where several are equal the topmost
/// binds, since raising the others would change nothing.
pub fn effective(chain: &[Rung]) -> Effective {
    let mut result = Effective::default();
    for rung in chain {
        let limits = &rung.ceilings.limits;
        let budget = limits.max_budget.map(|budget| (budget, limits.budget_duration.clone()));
        tighten(&mut result.max_budget, rung, budget, |new, old| new.0 < old.0);
        tighten(&mut result.tpm_limit, rung, limits.tpm_limit, |new, old| new < old);
        tighten(&mut result.rpm_limit, rung, limits.rpm_limit, |new, old| new < old);
        tighten(&mut result.max_runners, rung, rung.ceilings.max_runners, |new, old| {
            new < old
        });
        if limits.inherits_models() {
            continue;
        }
        let models = match &result.models {
            None => limits.models.clone(),
            Some(bound) => {
                let own = |model: &&String| limits.models.contains(*model);
                bound.value.iter().filter(own).cloned().collect()
            }
        };
        tighten(&mut result.models, rung, Some(models), |new, old| new.len() < old.len());
    }
    result
}

fn tighten<T>(current: &mut Option<Bound<T>>, rung: &Rung, value: Option<T>, tighter: impl FnOnce(&T, &T) -> bool) {
    let Some(value) = value else { return };
    if current.as_ref().is_none_or(|bound| tighter(&value, &bound.value)) {
        *current = Some(Bound {
            value,
            level: rung.level,
            name: rung.name.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(budget: Option<i64>, rpm: Option<i64>, models: &[&str]) -> Limits {
        Limits {
            max_budget: budget.map(|budget| Money::trusted(budget.into())),
            rpm_limit: rpm,
            models: models.iter().map(ToString::to_string).collect(),
            ..Limits::default()
        }
    }

    fn rung(level: Level, name: &str, limits: Limits) -> Rung {
        Rung {
            level,
            name: name.to_owned(),
            ceilings: Ceilings {
                limits,
                max_runners: None,
            },
        }
    }

    #[test]
    fn e7_one_rule_for_all_levels() {
        let (more, parent) = (limits(Some(101), None, &[]), limits(Some(100), None, &[]));
        let words = |child, of| check(child, &more, of, &parent).unwrap_err()[0].message.to_string();
        assert_eq!(
            words(Level::Team, Level::Organization),
            "Team max_budget (101) exceeds organization's max_budget (100)."
        );
        assert_eq!(
            words(Level::Key, Level::Team),
            "Key max_budget (101) exceeds team's max_budget (100)."
        );
        assert_eq!(
            check(Level::Key, &parent, Level::Team, &parent),
            Ok(()),
            "equal is fine"
        );
        let none = Limits::default();
        assert_eq!(check(Level::Key, &none, Level::Team, &parent), Ok(()), "none inherits");
    }

    #[test]
    fn e7_a_parent_that_is_lowered_says_which_children_are_above() {
        let children = (1..=12).map(|n| (format!("t{n}"), limits(Some(90 + n), None, &[])));
        let errors =
            check_children(Level::Organization, &limits(Some(91), None, &[]), Level::Team, children).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(
            errors[0].message,
            "Team max_budget (92) exceeds organization's max_budget (91). Lower it first in: \
             t2, t3, t4, t5, t6, t7, t8, t9, t10, t11 and 1 more (11 in all)"
        );
    }

    #[test]
    fn e7_the_effective_limit_names_the_parent_that_binds() {
        let chain = [
            rung(Level::Organization, "Acme", limits(Some(100), Some(600), &["a", "b"])),
            rung(Level::Team, "Backend", limits(Some(100), None, &["b"])),
        ];
        let effective = effective(&chain);
        let rpm = effective.rpm_limit.unwrap();
        assert_eq!((rpm.value, rpm.name.as_str()), (600, "Acme"));
        assert_eq!(effective.max_budget.unwrap().name, "Acme", "the topmost of equals");
        let models = effective.models.unwrap();
        assert_eq!((models.value, models.level), (vec!["b".to_owned()], Level::Team));
        assert!(effective.tpm_limit.is_none());
    }

    fn some_limits() -> impl Strategy<Value = Limits> {
        let models = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
        let count = || proptest::option::of(0_i64..4);
        (count(), count(), models).prop_map(|(budget, rpm, models)| limits(budget, rpm, &models))
    }

    proptest! {
        /// Writes to an organization (`None`) and its teams in any order, each taken only when the rule accepts it.
        #[test]
        fn e7_no_order_of_accepted_writes_leaves_a_child_above_its_parent(
            writes in proptest::collection::vec((proptest::option::of(0_usize..3), some_limits()), 0..40)
        ) {
            let mut organization = Limits::default();
            let mut teams = vec![Limits::default(); 3];
            for (target, new) in writes {
                match target {
                    Some(team) => {
                        if check(Level::Team, &new, Level::Organization, &organization).is_ok() {
                            teams[team] = new;
                        }
                    }
                    None => {
                        let children = teams.iter().map(|team| (String::new(), team.clone()));
                        if check_children(Level::Organization, &new, Level::Team, children).is_ok() {
                            organization = new;
                        }
                    }
                }
                for team in &teams {
                    // Said without the rule under test.
                    prop_assert!(team.rpm_limit.zip(organization.rpm_limit).is_none_or(|(own, of)| own <= of));
                    prop_assert!(team.max_budget.zip(organization.max_budget).is_none_or(|(own, of)| own <= of));
                    prop_assert!(organization.models.is_empty()
                        || team.models.iter().all(|model| organization.models.contains(model)));
                }
            }
        }

        #[test]
        fn e7_equal_is_always_fine(same in some_limits()) {
            prop_assert_eq!(check(Level::Team, &same, Level::Organization, &same), Ok(()));
        }

        /// What is in force is never above any step of the chain.
        #[test]
        fn e7_the_effective_limit_is_below_every_parent(steps in proptest::collection::vec(some_limits(), 1..4)) {
            let chain: Vec<Rung> = steps.iter().map(|step| rung(Level::Team, "t", step.clone())).collect();
            let effective = effective(&chain);
            for step in &steps {
                if let Some(rpm) = step.rpm_limit {
                    prop_assert!(effective.rpm_limit.as_ref().unwrap().value <= rpm);
                }
                if let Some(budget) = step.max_budget {
                    prop_assert!(effective.max_budget.as_ref().unwrap().value.0 <= budget);
                }
                if !step.models.is_empty() {
                    let models = &effective.models.as_ref().unwrap().value;
                    prop_assert!(models.iter().all(|model| step.models.contains(model)));
                }
            }
        }
    }
}
