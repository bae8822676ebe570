//! Budgets over REST: what was spent is told, and a use above a budget is 429 with the seed's literal (SPEC E7, D13).

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Person, World};

struct Place {
    world: World,
    root: Person,
    organization: Uuid,
    team: Uuid,
    member: Person,
}

impl Place {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Backend").await;
        let member = world.person("max").await;
        world.join(team, &member, "member").await;
        Self {
            root: world.super_admin().await,
            world,
            organization,
            team,
            member,
        }
    }

    async fn spend(&self, name: &str, cost: f64) -> Value {
        let entry = json!({"request_id": name, "team_id": self.team, "user_id": self.member.email, "cost": cost});
        self.world
            .post(&self.root, "/spend", json!({"entries": [entry]}))
            .await
            .is(200)
    }
}

#[tokio::test]
async fn e7_a_check_above_a_budget_is_429_with_the_literal() {
    let place = Place::new().await;
    let (world, team, organization) = (&place.world, place.team, place.organization);
    let limit = json!({"max_budget": 2.5, "budget_duration": "monthly"});
    world
        .patch(&place.root, &format!("/admin/organizations/{organization}"), limit)
        .await
        .is(200);
    let check = async |person: &Person| {
        world
            .post(person, "/authz/check", json!({"team_id": team, "model": "gpt-4o"}))
            .await
    };
    assert_eq!(place.spend("a", 2.499).await, json!({"recorded": 1, "duplicates": 0}));
    assert_eq!(check(&place.member).await.is(200)["allowed"], true);
    assert_eq!(place.spend("a", 5.0).await, json!({"recorded": 0, "duplicates": 1}));
    place.spend("b", 0.001).await;
    let literal = format!("Budget has been exceeded! Organization={organization} Current cost: 2.5, Max budget: 2.5");
    let refused = check(&place.member).await.is(429);
    assert_eq!(
        (&refused["detail"], &refused["error_code"]),
        (&json!(literal), &json!("BUDGET_EXCEEDED"))
    );
    // A model that the team has not at all is no question of money.
    let models = json!({"models": ["claude"]});
    world
        .patch(&place.root, &format!("/admin/teams/{team}"), models)
        .await
        .is(200);
    let answer = check(&place.member).await.is(200);
    assert_eq!(
        answer,
        json!({"allowed": false, "reason": "Model 'gpt-4o' not allowed for team"})
    );
    // Why: each budget with what was spent, and who can change it.
    let ask = json!({"user_id": place.member.email, "team_id": team, "model": "claude"});
    let why = world.post(&place.member, "/authz/explain", ask).await.is(200);
    let step = |rule: &str| -> Value {
        let chain = why["chain"].as_array().unwrap();
        chain
            .iter()
            .find(|step| step["rule"] == rule)
            .unwrap_or_else(|| panic!("{rule}: {why:#}"))
            .clone()
    };
    assert_eq!(why["reason"], literal);
    let of_organization = step("budget of the organization");
    assert_eq!(of_organization["outcome"], "failed");
    assert!(
        of_organization["detail"]
            .as_str()
            .unwrap()
            .starts_with("acme has spent $2.5 of $2.5 this month, until ")
    );
    assert_eq!(of_organization["who_can_change"], "a super_admin");
    assert_eq!(step("budget of the team")["outcome"], "not_reached");
}

#[tokio::test]
async fn e7_budgets_are_read_with_what_was_spent() {
    let place = Place::new().await;
    let (world, team) = (&place.world, place.team);
    world
        .patch(
            &place.root,
            &format!("/admin/teams/{team}"),
            json!({"max_budget": 10, "budget_duration": "7d"}),
        )
        .await
        .is(200);
    place.spend("a", 8.0).await;
    let body = world
        .get(&place.member, &format!("/admin/teams/{team}/budget"))
        .await
        .is(200);
    let own = &body["budgets"][1];
    assert_eq!(
        (&own["level"], &own["spend"], &own["max_budget"]),
        (&json!("team"), &json!(8.0), &json!(10.0))
    );
    assert_eq!(
        (&own["budget_utilization"], &own["exceeded"]),
        (&json!(80.0), &json!(false))
    );
    assert!(own["resets_at"].is_string());
    assert_eq!(
        body["budgets"][0]["budget_utilization"],
        Value::Null,
        "C5: no budget, no utilization"
    );
    let told: Vec<&Value> = body["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| &alert["threshold"])
        .collect();
    assert_eq!(told, [&json!(80)], "the highest of each budget");
    let path = format!("/admin/organizations/{}/budget", place.organization);
    let body = world.get(&place.root, &path).await.is(200);
    assert_eq!(
        (&body["teams"][0]["spend"], &body["time_zone"]),
        (&json!(8.0), &json!("UTC"))
    );
    assert_eq!(body["allotted"], 10.0);
    let home = format!("/admin/organizations/{}/budget", domain::DEFAULT_ORGANIZATION);
    assert_eq!(world.get(&place.root, &home).await.is(200)["budget"], Value::Null);
}

#[tokio::test]
async fn e7_members_and_projects_have_limits() {
    let place = Place::new().await;
    let (world, team) = (&place.world, place.team);
    let project = world
        .post(
            &place.root,
            &format!("/admin/teams/{team}/projects"),
            json!({"name": "Billing"}),
        )
        .await
        .is(201);
    let member = format!("/admin/teams/{team}/members/{}", place.member.email);
    let project = format!("/admin/teams/{team}/projects/{}", project["id"].as_str().unwrap());
    world
        .patch(
            &place.root,
            &format!("/admin/teams/{team}"),
            json!({"max_budget": 100, "rpm_limit": 60}),
        )
        .await
        .is(200);
    let refused = world
        .patch(
            &place.root,
            &member,
            json!({"max_budget_in_team": 101, "rpm_limit": 61}),
        )
        .await
        .is(422);
    assert_eq!(
        refused["fields"],
        json!([
            {"field": "max_budget_in_team", "message": "Member max_budget (101) exceeds team's max_budget (100)."},
            {"field": "rpm_limit", "message": "Member rpm_limit (61) exceeds team's rpm_limit (60)."},
        ])
    );
    let body = world
        .patch(&place.root, &member, json!({"max_budget_in_team": 40, "rpm_limit": 60}))
        .await
        .is(200);
    assert_eq!(
        (&body["max_budget_in_team"], &body["rpm_limit"], &body["role"]),
        (&json!(40.0), &json!(60), &json!("member"))
    );
    let body = world
        .patch(&place.root, &member, json!({"max_budget_in_team": null}))
        .await
        .is(200);
    assert_eq!(
        (&body["max_budget_in_team"], &body["rpm_limit"]),
        (&Value::Null, &json!(60)),
        "B5"
    );
    let refused = world
        .patch(
            &place.root,
            &project,
            json!({"max_budget": -1, "budget_duration": "soon"}),
        )
        .await
        .is(422);
    assert_eq!(refused["fields"].as_array().unwrap().len(), 2);
    let patch = json!({"max_budget": 30, "budget_duration": "monthly", "models": ["claude"]});
    let body = world.patch(&place.root, &project, patch).await.is(200);
    assert_eq!(
        (&body["budget_duration"], &body["models"]),
        (&json!("1mo"), &json!(["claude"]))
    );
    for wrong in [
        json!({"entries": []}),
        json!({"entries": [{"request_id": "x", "cost": "1"}]}),
        json!({"items": []}),
    ] {
        world.post(&place.root, "/spend", wrong).await.is(422);
    }
}

#[tokio::test]
async fn e9_a_move_says_what_does_not_fit() {
    let place = Place::new().await;
    let world = &place.world;
    let team = world.team_in(domain::DEFAULT_ORGANIZATION.0, "Ops").await;
    world
        .patch(
            &place.root,
            &format!("/admin/organizations/{}", place.organization),
            json!({"max_budget": 5}),
        )
        .await
        .is(200);
    world
        .patch(&place.root, &format!("/admin/teams/{team}"), json!({"max_budget": 6}))
        .await
        .is(200);
    let path = format!("/admin/teams/{team}/move");
    let to = json!({"organization_id": place.organization, "dry_run": true});
    let plan = world.post(&place.root, &path, to).await.is(200);
    let obstacle =
        json!([{"field": "max_budget", "message": "Team max_budget (6) exceeds organization's max_budget (5)."}]);
    assert_eq!((&plan["fits"], &plan["obstacles"]), (&json!(false), &obstacle));
    let to = json!({"organization_id": place.organization});
    let refused = world.post(&place.root, &path, to.clone()).await.is(409);
    assert_eq!(
        (&refused["error_code"], &refused["fields"]),
        (&json!("TEAM_DOES_NOT_FIT"), &obstacle)
    );
    world
        .patch(&place.root, &format!("/admin/teams/{team}"), json!({"max_budget": 5}))
        .await
        .is(200);
    assert_eq!(world.post(&place.root, &path, to).await.is(200)["fits"], true);
    let moved = world.get(&place.root, &format!("/admin/teams/{team}")).await.is(200);
    assert_eq!(moved["organization_id"], json!(place.organization));
}
