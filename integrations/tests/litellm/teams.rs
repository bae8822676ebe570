//! Teams and their members.

use domain::BudgetDuration;
use integrations::litellm::{Created, Error, Role};
use serde_json::json;
use simulators::litellm::{Faults, SimulatedTeam, Version};

use crate::support::{ALL, RECORDED, money, start, start_with_user, team, user};

#[tokio::test]
async fn a_team_is_made_read_changed_and_removed() {
    for version in ALL {
        let (simulator, litellm) = start(version).await;
        let mut spec = team("t-1");
        spec.models = vec!["fake-gpt".into()];
        spec.max_budget = Some(money(1_000_000));
        spec.budget_duration = Some(BudgetDuration::parse("monthly").unwrap());
        spec.tpm_limit = Some(50_000);
        spec.rpm_limit = Some(1_000);
        spec.metadata.insert("managed_by".into(), json!("guildhall"));
        assert_eq!(litellm.team_info("t-1").await, Ok(None), "{version:?}");
        assert_eq!(litellm.create_team(&spec).await, Ok(Created::New));
        assert_eq!(litellm.create_team(&spec).await, Ok(Created::Existed));

        let found = litellm.team_info("t-1").await.unwrap().expect("a team");
        assert_eq!(found.alias.as_deref(), Some("Team t-1"));
        assert_eq!(found.models, ["fake-gpt"]);
        assert_eq!(found.max_budget, Some(money(1_000_000)));
        assert_eq!(found.budget_duration.as_deref(), Some("1mo"));
        assert_eq!((found.tpm_limit, found.rpm_limit), (Some(50_000), Some(1_000)));
        assert_eq!(found.metadata["managed_by"], "guildhall");
        assert_eq!(found.members, [], "the proxy's own user is no member");
        assert_eq!(
            simulator.team("t-1").unwrap().members.len(),
            1,
            "though LiteLLM adds it"
        );

        // Null clears, lists and maps replace.
        let plain = team("t-1");
        litellm.update_team(&plain).await.unwrap();
        let found = litellm.team_info("t-1").await.unwrap().expect("a team");
        assert_eq!(
            (found.max_budget, found.tpm_limit, found.budget_duration),
            (None, None, None)
        );
        assert!(found.models.is_empty() && found.metadata.is_empty());
        let unknown = litellm.update_team(&team("nope")).await;
        assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");

        litellm.set_team_blocked("t-1", true).await.unwrap();
        assert!(litellm.team_info("t-1").await.unwrap().unwrap().blocked);
        litellm.set_team_blocked("t-1", false).await.unwrap();
        assert!(!simulator.team("t-1").unwrap().blocked);

        litellm.delete_team("t-1").await.unwrap();
        litellm.delete_team("t-1").await.expect("done already");
        assert_eq!(litellm.team_info("t-1").await, Ok(None));
    }
}

#[tokio::test]
async fn c3_no_budget_is_sent_as_null_and_never_as_a_number() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    litellm.create_team(&team("t")).await.unwrap();
    assert_eq!(simulator.team("t").unwrap().max_budget, None);
}

#[tokio::test]
async fn c3_a_team_is_absent_only_when_litellm_says_so() {
    for version in RECORDED {
        let (simulator, litellm) = start(version).await;
        for status in [400, 401, 403, 404, 500, 503] {
            simulator.set_faults(Faults {
                fail_next: 10,
                fail_status: status,
                ..Faults::default()
            });
            let result = litellm.team_info("t").await;
            // The simulator's failing 404 is one in LiteLLM's own envelope, but of an unknown route.
            assert!(result.is_err(), "{status}: {result:?}");
        }
        simulator.set_faults(Faults {
            garbage_next: 1,
            ..Faults::default()
        });
        let result = litellm.team_info("t").await;
        assert!(matches!(result, Err(Error::InvalidResponse(_))), "{result:?}");
        assert_eq!(simulator.calls_of("POST /team/new"), 0);
    }
}

#[tokio::test]
async fn teams_are_found_by_their_exact_alias_on_all_pages() {
    for version in RECORDED {
        let (simulator, litellm) = start(version).await;
        for number in 0..250 {
            simulator.put_team(SimulatedTeam {
                id: format!("t-{number:03}"),
                alias: Some(if number % 125 == 124 { "web" } else { "Web Team" }.to_owned()),
                ..SimulatedTeam::default()
            });
        }
        let found = litellm.teams_by_alias("web").await.unwrap();
        let ids: Vec<&str> = found.iter().map(|team| team.id.as_str()).collect();
        assert_eq!(ids, ["t-124", "t-249"]);
        assert_eq!(
            litellm.teams_by_alias("We").await,
            Ok(vec![]),
            "part of an alias is none"
        );

        let mut pages = litellm.list_teams();
        let mut sizes = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            sizes.push(page.len());
        }
        assert_eq!(
            (sizes, pages.total(), pages.steady()),
            (vec![100, 100, 50], Some(250), true)
        );
    }
}

#[tokio::test]
async fn members_come_and_go() {
    for version in ALL {
        let (simulator, litellm) = start(version).await;
        litellm.create_team(&team("t")).await.unwrap();
        litellm.create_user(&user("u", &[])).await.unwrap();
        let member = litellm
            .add_member("t", "u", Role::User, Some(money(250)))
            .await
            .unwrap();
        assert_eq!((member.role, member.existed), (Role::User, false));
        let again = litellm.add_member("t", "u", Role::User, None).await.unwrap();
        assert_eq!((again.role, again.existed), (Role::User, true), "{version:?}");
        let found = litellm.team_info("t").await.unwrap().unwrap();
        assert_eq!(found.member("u").unwrap().max_budget, Some(money(250)), "{version:?}");
        assert_eq!(litellm.user_info("u").await.unwrap().unwrap().teams, ["t"]);

        litellm
            .update_member("t", "u", Role::User, Some(money(400)))
            .await
            .unwrap();
        assert_eq!(simulator.team("t").unwrap().members[1].max_budget, Some(4.0));
        litellm.update_member("t", "u", Role::User, None).await.unwrap();
        assert_eq!(simulator.team("t").unwrap().members[1].max_budget, None);

        // 1.101.6 and 1.75.9 answer 200 to a change of nobody; 1.75.9 answers 500 for an unknown team.
        for (team, user) in [("t", "nobody"), ("nope", "u")] {
            let result = litellm.update_member(team, user, Role::User, None).await;
            assert!(matches!(result, Err(Error::NotFound { .. })), "{version:?} {result:?}");
        }
        let result = litellm.add_member("nope", "u", Role::User, None).await;
        assert!(matches!(result, Err(Error::NotFound { .. })), "{version:?} {result:?}");

        litellm.remove_member("t", "u").await.unwrap();
        litellm.remove_member("t", "u").await.expect("done already");
        litellm.remove_member("nope", "u").await.expect("no team, no member");
        assert!(litellm.team_info("t").await.unwrap().unwrap().members.is_empty());
    }
}

#[tokio::test]
async fn an_admin_falls_back_to_user_and_the_licence_is_asked_for_once() {
    for version in RECORDED {
        let (simulator, litellm) = start_with_user(version).await;
        litellm.create_team(&team("t2")).await.unwrap();
        litellm.create_user(&user("v", &[])).await.unwrap();
        let asked = simulator.calls_of("POST /team/member_add");
        let member = litellm.add_member("t2", "u", Role::Admin, None).await.unwrap();
        assert_eq!(member.role, Role::User, "told, not claimed");
        assert_eq!(simulator.calls_of("POST /team/member_add"), asked + 2);
        let member = litellm.add_member("t2", "v", Role::Admin, None).await.unwrap();
        assert_eq!(member.role, Role::User);
        assert_eq!(simulator.calls_of("POST /team/member_add"), asked + 3, "remembered");
        let member = litellm.update_member("t2", "v", Role::Admin, None).await.unwrap();
        assert_eq!((member.role, member.existed), (Role::User, true));
    }
}

#[tokio::test]
async fn with_a_licence_an_admin_is_one() {
    let (simulator, litellm) = start_with_user(Version::V1_108_7).await;
    simulator.set_licensed(true);
    litellm.create_team(&team("t2")).await.unwrap();
    assert_eq!(
        litellm.add_member("t2", "u", Role::Admin, None).await.unwrap().role,
        Role::Admin
    );
    let as_user = litellm.add_member("t2", "u", Role::User, None).await.unwrap();
    assert_eq!(
        (as_user.role, as_user.existed),
        (Role::Admin, true),
        "the role they have"
    );
    let found = litellm.team_info("t2").await.unwrap().unwrap();
    assert_eq!(found.member("u").unwrap().role, Role::Admin);
}

#[tokio::test]
async fn a_refusal_names_the_rule() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    simulator.put_organization(simulators::litellm::SimulatedOrganization {
        id: "org-1".into(),
        max_budget: Some(90.0),
        ..Default::default()
    });
    let mut spec = team("t");
    spec.organization_id = Some("org-1".into());
    spec.max_budget = Some(money(100_000));
    let error = litellm.create_team(&spec).await.expect_err("above the ceiling");
    assert_eq!(
        error.user_message(),
        "LiteLLM: Team max_budget (1000.0) exceeds organization's max_budget (90.0). Organization: org-1 (status 400)"
    );
    spec.organization_id = Some("nope".into());
    let error = litellm.create_team(&spec).await.expect_err("no such organization");
    assert!(matches!(error, Error::Rejected { status: 400, .. }), "{error:?}");
}
