//! Tests of the one rule for limits (SPEC E7).

use proptest::prelude::*;

use super::*;
use crate::{Ceilings, Money};

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
    let errors = check_children(Level::Organization, &limits(Some(91), None, &[]), Level::Team, children).unwrap_err();
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
