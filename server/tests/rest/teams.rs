//! SPEC B3–B6, B9, X2, X3, X13.

use serde_json::{Value, json};

use crate::api::World;

fn names(list: &Value) -> Vec<&str> {
    list["teams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|team| team["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn b3_lists_have_true_totals_filters_and_pages() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    for name in ["Alpha", "Beta", "Gamma", "Delta"] {
        world.team(name).await;
    }
    world
        .sql("UPDATE teams SET status = 'inactive' WHERE name = 'Gamma'")
        .await;
    world
        .sql("UPDATE teams SET status = 'archived' WHERE name = 'Delta'")
        .await;
    let shown = async |query: &str| {
        let list = world.get(&admin, &format!("/admin/teams?{query}")).await.is(200);
        (names(&list).join(" "), list["total"].as_i64().unwrap())
    };
    // The Default Team comes with the installation.
    world.sql("UPDATE teams SET status = 'archived' WHERE is_system").await;
    assert_eq!(shown("").await, ("Alpha Beta".to_owned(), 2));
    assert_eq!(shown("include_inactive=true").await, ("Alpha Beta Gamma".to_owned(), 3));
    assert_eq!(shown("status=inactive").await, ("Gamma".to_owned(), 1));
    assert_eq!(shown("include_archived=true&search=del").await, ("Delta".to_owned(), 1));
    assert_eq!(
        shown("limit=1").await,
        ("Alpha".to_owned(), 2),
        "[F] the total is not the page's length"
    );
    assert_eq!(shown("limit=1&offset=1").await, ("Beta".to_owned(), 2));
    assert_eq!(shown("sort=created&order=desc").await, ("Beta Alpha".to_owned(), 2));
    assert_eq!(shown("search=ET").await, ("Beta".to_owned(), 1));

    let first = world.get(&admin, "/admin/teams?limit=1&sort=name").await.is(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world
        .get(&admin, &format!("/admin/teams?limit=1&sort=name&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!((names(&second), &second["next_cursor"]), (vec!["Beta"], &Value::Null));
}

#[tokio::test]
async fn b4_names_are_unique_and_patterns_compile() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let team = world
        .post(&admin, "/admin/teams", json!({"name": "Backend Team"}))
        .await
        .is(201);
    assert_eq!(team["slug"], "backend-team");
    assert_eq!(team["organization_id"], Value::Null, "X13");
    assert_eq!((&team["max_runners"], &team["is_active"]), (&Value::Null, &json!(true)));
    assert_eq!(team["member_count"], 0, "D11: creating a team over REST adds nobody");
    let again = world
        .post(&admin, "/admin/teams", json!({"name": "backend team"}))
        .await;
    again.refused(409, "NAME_TAKEN", "Team 'backend team' already exists");
    let bad = json!({"name": "x", "optional_label_patterns": ["("], "max_runners": -1});
    let body =
        world
            .post(&admin, "/admin/teams", bad)
            .await
            .invalid(&["name", "optional_label_patterns", "max_runners"]);
    assert!(
        body["fields"][1]["message"]
            .as_str()
            .unwrap()
            .starts_with("Invalid regex pattern '(': "),
        "{body}"
    );
    let gone = json!({"name": "Elsewhere", "organization_id": uuid::Uuid::nil()});
    world
        .post(&admin, "/admin/teams", gone)
        .await
        .refused(404, "NOT_FOUND", "Organization not found");
}

#[tokio::test]
async fn b4_a_description_has_at_most_500_characters() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let with = |length| json!({"name": format!("Team {length}"), "description": "ä".repeat(length)});
    world
        .post(&admin, "/admin/teams", with(501))
        .await
        .invalid(&["description"]);
    let team = world.post(&admin, "/admin/teams", with(500)).await.is(201);
    assert_eq!(team["description"], "ä".repeat(500));
    let path = format!("/admin/teams/{}", team["id"].as_str().unwrap());
    world
        .patch(&admin, &path, json!({"description": "x".repeat(501)}))
        .await
        .invalid(&["description"]);
}

#[tokio::test]
async fn b5_absent_keeps_and_null_clears() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let full = json!({
        "name": "Backend Team", "description": "Text", "required_labels": ["docker"],
        "optional_label_patterns": ["a-.*"], "max_runners": 3, "models": ["gpt-4"], "max_budget": 100.1,
        "budget_duration": "monthly", "tpm_limit": 5, "rpm_limit": 6
    });
    let team = world.post(&admin, "/admin/teams", full).await.is(201);
    assert_eq!(
        (&team["max_budget"], &team["budget_duration"]),
        (&json!(100.1), &json!("1mo")),
        "X8"
    );
    let path = format!("/admin/teams/{}", team["id"].as_str().unwrap());
    let same = world.patch(&admin, &path, json!({})).await.is(200);
    assert_eq!(same, team);
    let cleared = json!({
        "description": null, "required_labels": null, "optional_label_patterns": null, "max_runners": null,
        "models": null, "max_budget": null, "budget_duration": null, "tpm_limit": null, "rpm_limit": null
    });
    let team = world.patch(&admin, &path, cleared).await.is(200);
    for field in [
        "description",
        "max_runners",
        "max_budget",
        "budget_duration",
        "tpm_limit",
        "rpm_limit",
    ] {
        assert_eq!(team[field], Value::Null, "{field}");
    }
    for field in ["required_labels", "optional_label_patterns", "models"] {
        assert_eq!(team[field], json!([]), "{field}");
    }
    let body = world
        .patch(&admin, &path, json!({"name": null}))
        .await
        .invalid(&["name"]);
    assert_eq!(body["fields"][0]["message"], "must be text, not null");
    world
        .patch(&admin, &path, json!({"is_active": null}))
        .await
        .invalid(&["is_active"]);
    let renamed = world
        .patch(&admin, &path, json!({"name": "Core Team", "is_active": false}))
        .await
        .is(200);
    assert_eq!(
        (&renamed["slug"], &renamed["status"]),
        (&json!("backend-team"), &json!("inactive")),
        "X3"
    );
}

#[tokio::test]
async fn b6_x2_statuses_and_their_literals() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let team = world.team("Ops").await;
    let path = |verb: &str| format!("/admin/teams/{team}/{verb}");
    let act = async |verb: &str| world.call(Some(&admin.token), "POST", &path(verb), None).await;
    let reason = json!({"reason": "The project has ended"});
    let inactive = world.post(&admin, &path("deactivate"), reason).await.is(200);
    assert_eq!(inactive["deactivation_reason"], "The project has ended");
    let active = act("reactivate").await.is(200);
    for field in ["deactivated_at", "deactivated_by", "deactivation_reason"] {
        assert_eq!(active[field], Value::Null, "{field}");
    }
    act("activate")
        .await
        .refused(409, "WRONG_STATE", "Team 'Ops' is already active");
    act("restore")
        .await
        .refused(409, "WRONG_STATE", "Team 'Ops' is not archived");
    assert_eq!(act("archive").await.is(200)["status"], "archived");
    act("archive")
        .await
        .refused(409, "WRONG_STATE", "Team 'Ops' is already archived");
    let edit = world
        .patch(&admin, &format!("/admin/teams/{team}"), json!({"description": "x"}))
        .await;
    edit.refused(409, "WRONG_STATE", "Team 'Ops' is archived; restore it first");
    assert_eq!(act("restore").await.is(200)["status"], "inactive");
    world
        .post(&admin, &path("deactivate"), json!({"reason": ""}))
        .await
        .invalid(&["reason"]);
    world
        .post(&admin, &path("deactivate"), json!({"why": "x"}))
        .await
        .invalid(&["why"]);
}

#[tokio::test]
async fn b9_x16_refusals_say_what_was_tried_and_who_can() {
    let world = World::new().await;
    let (nobody, member) = (world.person("nobody").await, world.person("member").await);
    let team = world.team("Ops").await;
    world.join(team, &member, "member").await;
    let path = format!("/admin/teams/{team}");
    let literal = "Admin privileges required for team management";
    let body = world
        .post(&nobody, "/admin/teams", json!({"name": "Mine"}))
        .await
        .refused(403, "FORBIDDEN", literal);
    assert_eq!(
        body["rule"],
        "create a team, change its status or organization settings"
    );
    assert_eq!(body["who_can"], "a super_admin or org_admin of the organization");
    world
        .get(&nobody, "/admin/teams")
        .await
        .refused(403, "FORBIDDEN", literal);
    world
        .get(&nobody, &path)
        .await
        .refused(403, "FORBIDDEN", "Access denied: not a team member");
    let members = format!("{path}/members");
    world
        .get(&nobody, &members)
        .await
        .refused(403, "FORBIDDEN", "Access denied: not a team member");
    let add = json!({"user_id": nobody.email});
    world
        .post(&member, &members, add.clone())
        .await
        .refused(403, "FORBIDDEN", "Insufficient permissions");
    world
        .post(&nobody, &members, add)
        .await
        .refused(403, "FORBIDDEN", literal);
    let only_inactive = world.get(&member, "/admin/teams?status=inactive").await;
    only_inactive.refused(403, "FORBIDDEN", "Only admins can view inactive teams");
    let missing = uuid::Uuid::nil();
    let answer = world.get(&member, &format!("/admin/teams/{missing}")).await;
    answer.refused(404, "NOT_FOUND", &format!("Team not found: {missing}"));
    world
        .get(&member, "/admin/teams/ops")
        .await
        .refused(404, "NOT_FOUND", "Team not found: ops");
}

#[tokio::test]
async fn p_an_inactive_team_gives_its_members_name_and_status() {
    let world = World::new().await;
    let member = world.person("member").await;
    let team = world.team("Ops").await;
    world.join(team, &member, "admin").await;
    world
        .sql("UPDATE teams SET status = 'inactive', description = 'secret', max_runners = 3, required_labels = '{x}'")
        .await;
    let shown = world.get(&member, &format!("/admin/teams/{team}")).await.is(200);
    assert_eq!((&shown["name"], &shown["status"]), (&json!("Ops"), &json!("inactive")));
    for field in ["description", "max_runners"] {
        assert_eq!(shown[field], Value::Null, "{field}");
    }
    assert_eq!(shown["required_labels"], json!([]));
    let members = world.get(&member, &format!("/admin/teams/{team}/members")).await;
    members.refused(403, "TEAM_INACTIVE", "Team is inactive");
}

#[tokio::test]
async fn p_team_admins_may_lower_the_quota_and_not_raise_it() {
    let world = World::new().await;
    let admin = world.person("admin").await;
    let team = world.team("Ops").await;
    world.join(team, &admin, "admin").await;
    world.sql("UPDATE teams SET max_runners = 5").await;
    let path = format!("/admin/teams/{team}");
    world.patch(&admin, &path, json!({"max_runners": 4})).await.is(200);
    for raised in [json!({"max_runners": 5}), json!({"max_runners": null})] {
        let body = world
            .patch(&admin, &path, raised)
            .await
            .refused(403, "FORBIDDEN", "Insufficient permissions");
        assert!(
            body["rule"].as_str().unwrap().starts_with("raise the label policy"),
            "{body}"
        );
    }
}
