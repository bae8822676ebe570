use proptest::prelude::*;

use super::*;
use crate::{BudgetDuration, Money};

fn money(amount: i64) -> Money {
    Money::trusted(amount.into())
}

#[test]
fn e2_a_groups_name_is_kept_and_one_that_is_none_gives_way_to_its_id() {
    assert_eq!(
        name_for_group(Some(" Production LLM Team "), "x"),
        "Production LLM Team"
    );
    for none in [None, Some(""), Some("a"), Some("\u{200b}\u{7}b")] {
        assert_eq!(name_for_group(none, "g-1"), "Group g-1");
    }
    assert_eq!(name_for_group(Some(&"n".repeat(900)), "g").chars().count(), 256);
}

#[test]
fn e2_names_that_are_taken_get_a_mark_and_still_fit() {
    let id = Uuid::from_u128(0x550e_8400_e29b_41d4_a716_4466_5544_0000);
    assert_eq!(
        other_names_for_group("LLM", id),
        ["LLM (550e8400)", "LLM (550e8400e29b41d4a716446655440000)"]
    );
    let slugs = |name| {
        slugs_for_group(name, id)
            .into_iter()
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let last = "group-550e8400e29b41d4a716446655440000";
    assert_eq!(
        slugs("Production LLM"),
        ["production-llm", "production-llm-550e8400", last]
    );
    assert_eq!(slugs("日本"), [last]);
}

#[test]
fn e2_the_team_has_its_organizations_models_and_the_other_parameters() {
    let configured = Limits {
        models: vec!["gpt-4".to_owned()],
        max_budget: Some(money(100)),
        budget_duration: BudgetDuration::parse("30d").ok(),
        tpm_limit: Some(10_000),
        rpm_limit: Some(1000),
    };
    assert_eq!(limits_of_group_team(&configured, None), configured, "a standalone team");
    let team = limits_of_group_team(&configured, Some(&configured));
    assert_eq!(team.models, ["all-org-models"]);
    assert_eq!(
        (team.max_budget, team.budget_duration, team.tpm_limit, team.rpm_limit),
        (
            configured.max_budget,
            configured.budget_duration.clone(),
            Some(10_000),
            Some(1000)
        )
    );
}

#[test]
fn e7_a_team_made_under_an_organization_that_was_lowered_fits_it() {
    let configured = Limits {
        max_budget: Some(money(100)),
        tpm_limit: Some(5),
        ..Limits::default()
    };
    let organization = Limits {
        max_budget: Some(money(40)),
        budget_duration: BudgetDuration::parse("1d").ok(),
        rpm_limit: Some(7),
        ..Limits::default()
    };
    let team = limits_of_group_team(&configured, Some(&organization));
    assert_eq!(
        (team.max_budget, team.tpm_limit, team.rpm_limit),
        (Some(money(40)), Some(5), None)
    );
    assert!(team.within(&organization).is_ok());
}

#[test]
fn e5_a_link_gives_only_roles_that_its_target_has() {
    let (organization, team) = (Some(OrganizationId(Uuid::nil())), Some(TeamId(Uuid::nil())));
    let role = |organization, team, role| Gives::parse(organization, team, role).map(Gives::role);
    assert_eq!(role(organization, team, None), Ok("member"));
    assert_eq!(role(organization, None, None), Ok("org_member"));
    assert_eq!(role(organization, None, Some("org_admin")), Ok("org_admin"));
    assert_eq!(role(None, None, Some("super_admin")), Ok("super_admin"));
    for wrong in [
        role(None, None, None),
        role(None, None, Some("org_admin")),
        role(organization, team, Some("org_admin")),
        role(organization, None, Some("super_admin")),
        role(None, team, None),
    ] {
        assert!(wrong.is_err(), "{wrong:?}");
    }
}

#[test]
fn a_few_removals_are_free_and_a_share_of_many() {
    assert!(may_remove(3, 3, 0) && !may_remove(4, 4, 20));
    assert!(may_remove(20, 100, 20) && !may_remove(21, 100, 20));
}

proptest! {
    #[test]
    fn any_group_gives_names_and_slugs_that_the_database_takes(name in ".{0,300}", id: u128) {
        let id = Uuid::from_u128(id);
        let name = name_for_group(Some(&name), &id.to_string());
        for name in other_names_for_group(&name, id).into_iter().chain([name.clone()]) {
            prop_assert!((2..=256).contains(&name.chars().count()));
        }
        for slug in slugs_for_group(&name, id) {
            prop_assert!(Slug::parse(slug.as_str()).is_ok(), "{slug}");
        }
    }
}
