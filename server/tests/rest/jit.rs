//! SPEC B11–B16, B18, B20, B34, B35.

use futures_util::future::join_all;
use http::header;
use serde_json::json;
use simulators::github::{Faults, RateLimit};

use crate::api::World;

const JIT: &str = "POST /orgs/{org}/actions/runners/generate-jitconfig";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b15_300_at_once_take_10_places() {
    let world = World::new().await;
    let user = world.person("user").await;
    let team = world.team("Ops").await;
    world.join(team, &user, "member").await;
    world.sql("UPDATE teams SET max_runners = 10").await;
    let body = json!({"team_id": team});
    let answers = join_all((0..300).map(|_| world.post(&user, "/runners/jit", body.clone()))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (10, 290));
    for answer in refused {
        answer.refused(
            403,
            "QUOTA_EXCEEDED",
            "Team quota exceeded. Maximum allowed: 10, current: 10",
        );
    }
    assert_eq!(
        world
            .count("SELECT count(*) FROM runners WHERE status <> 'deleted'")
            .await,
        10
    );
    assert_eq!(world.count("SELECT count(*) FROM runners").await, 10);
    assert_eq!(world.github.runner_count(), 10);
    assert_eq!(
        world.github.calls_of(JIT),
        10,
        "GitHub is asked only for places that were free"
    );
}

#[tokio::test]
async fn b14_b16_b34_who_may_provision_for_which_team() {
    let world = World::new().await;
    let (user, other) = (world.person("user").await, world.person("other").await);
    let (mine, theirs) = (world.team("Mine").await, world.team("Theirs").await);
    world.join(mine, &user, "member").await;
    let nothing = world.post(&user, "/runners/jit", json!({})).await;
    nothing.refused(400, "TEAM_REQUIRED", "team_id is required");
    for team in [theirs, uuid::Uuid::nil()] {
        let answer = world.post(&user, "/runners/jit", json!({"team_id": team})).await;
        answer.refused(403, "NOT_TEAM_MEMBER", "User not a member of team");
    }
    let root = world.super_admin().await;
    let answer = world.post(&root, "/runners/jit", json!({"team_id": mine})).await;
    answer.refused(403, "NOT_TEAM_MEMBER", "User not a member of team");
    let answer = world.post(&other, "/runners/jit", json!({})).await;
    answer.refused(403, "LABEL_NOT_PERMITTED", "Labels not permitted by policy");
    world
        .sql(&format!(
            "UPDATE users SET can_use_jit = false WHERE id = '{}'",
            user.id
        ))
        .await;
    let answer = world.post(&user, "/runners/jit", json!({"team_id": mine})).await;
    answer.refused(
        403,
        "JIT_NOT_PERMITTED",
        "Access to JIT API not permitted for this user.",
    );
    assert_eq!(world.github.calls_of(JIT), 0);
}

#[tokio::test]
async fn b11_names() {
    let world = World::new().await;
    let user = world.person("user").await;
    let team = world.team("Back End").await;
    world.join(team, &user, "member").await;
    let generated = world
        .post(&user, "/runners/jit", json!({"team_id": team}))
        .await
        .is(201);
    assert!(generated["runner_name"].as_str().unwrap().starts_with("back-end-"));
    let exact = json!({"team_id": team, "runner_name": "mine"});
    world.post(&user, "/runners/jit", exact.clone()).await.is(201);
    let again = world.post(&user, "/runners/jit", exact).await;
    again.refused(409, "RUNNER_NAME_TAKEN", "Runner with name 'mine' is currently active.");
    let both = json!({"team_id": team, "runner_name": "a", "runner_name_prefix": "b"});
    let body = world.post(&user, "/runners/jit", both).await.invalid(&["runner_name"]);
    let message = "Only one of 'runner_name' or 'runner_name_prefix' can be provided, not both";
    assert_eq!(body["fields"][0]["message"], message);
    let bad = json!({
        "team_id": team, "runner_name_prefix": "a b", "labels": ["no spaces"], "work_folder": "/etc", "runner_group_id": 0
    });
    let fields = ["runner_name_prefix", "labels", "work_folder", "runner_group_id"];
    world.post(&user, "/runners/jit", bad).await.invalid(&fields);
    let other = json!({"team_id": team, "runner_group_id": 9});
    world
        .post(&user, "/runners/jit", other)
        .await
        .invalid(&["runner_group_id"]);
    let project = json!({"team_id": team, "project_id": uuid::Uuid::nil()});
    world
        .post(&user, "/runners/jit", project)
        .await
        .refused(404, "NOT_FOUND", "Project not found");
}

#[tokio::test]
async fn b20_github_errors_in_clear_words() {
    let world = World::new().await;
    let user = world.person("user").await;
    let team = world.team("Ops").await;
    world.join(team, &user, "member").await;
    world.sql("UPDATE teams SET max_runners = 1").await;
    let ask = async || world.post(&user, "/runners/jit", json!({"team_id": team})).await;

    world.github.set_faults(Faults {
        fail_next: 1,
        fail_status: 404,
        ..Faults::default()
    });
    ask().await.refused(502, "GITHUB_ERROR", "GitHub API error");
    let limit = RateLimit {
        retry_after: Some(30),
        ..RateLimit::default()
    };
    world.github.set_faults(Faults {
        rate_limit: Some(limit),
        ..Faults::default()
    });
    let answer = ask().await;
    assert_eq!(answer.headers[header::RETRY_AFTER], "30");
    answer.refused(503, "GITHUB_RATE_LIMITED", "GitHub API rate limit exceeded");
    world.github.set_faults(Faults::default());
    world.github.stop().await;
    ask().await.refused(502, "GITHUB_ERROR", "GitHub API error");
    world.github.restart().await.unwrap();
    // None of these has taken the one place.
    ask().await.is(201);
}

#[tokio::test]
async fn without_github_the_answer_names_the_setting() {
    let world = World::without_github().await;
    let user = world.person("user").await;
    let team = world.team("Ops").await;
    world.join(team, &user, "member").await;
    let answer = world.post(&user, "/runners/jit", json!({"team_id": team})).await;
    let body = answer.refused(503, "NOT_CONFIGURED", "GitHub is not configured");
    assert!(body["detail"].as_str().unwrap().contains("GUILDHALL_GITHUB_ORG"));
    assert_eq!(world.count("SELECT count(*) FROM runners").await, 0);
}

#[tokio::test]
async fn b18_b35_who_sees_which_runners() {
    let world = World::new().await;
    let (ada, bob, eve) = (
        world.person("ada").await,
        world.person("bob").await,
        world.person("eve").await,
    );
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    world.join(team, &ada, "member").await;
    world.join(team, &bob, "member").await;
    let made = world.post(&ada, "/runners/jit", json!({"team_id": team})).await.is(201);
    let one = format!("/runners/{}", made["runner_id"].as_str().unwrap());
    let total = async |who, query: &str| world.get(who, &format!("/runners?{query}")).await.is(200)["total"].clone();
    for who in [&ada, &bob, &root] {
        assert_eq!(total(who, "").await, 1);
        assert_eq!(world.get(who, &one).await.is(200)["runner_name"], made["runner_name"]);
    }
    assert_eq!(total(&eve, "").await, 0);
    let literal = format!(
        "Runner with ID '{}' not found or not owned by you",
        made["runner_id"].as_str().unwrap()
    );
    world.get(&eve, &one).await.refused(404, "NOT_FOUND", &literal);
    let answer = world.get(&eve, &format!("/runners?team_id={team}")).await;
    answer.refused(403, "FORBIDDEN", "Access denied: not a team member");
    for (query, expected) in [
        ("status=pending", 1),
        ("status=deleted", 0),
        ("ephemeral=true", 1),
        ("ephemeral=false", 0),
        ("team=ops", 1),
        ("team=other", 0),
        ("status=&team=", 1),
        ("offset=1", 1),
    ] {
        assert_eq!(total(&root, query).await, expected, "{query}");
    }
    world.sql("UPDATE teams SET status = 'inactive'").await;
    assert_eq!(
        (total(&ada, "").await, total(&bob, "").await),
        (json!(1), json!(0)),
        "B35"
    );
    world.get(&ada, &one).await.is(200);
    world.get(&bob, &one).await.refused(404, "NOT_FOUND", &literal);
    assert!(
        !world.get(&ada, &one).await.is(200).to_string().contains("jit_config"),
        "B12: shown once"
    );
}

#[tokio::test]
async fn b30_a_teams_runners_join_its_runner_groups_only() {
    let world = World::new().await;
    let (root, lead) = (world.super_admin().await, world.person("lead").await);
    let team = world.team("Ops").await;
    world.join(team, &lead, "admin").await;
    let path = format!("/admin/teams/{team}");
    let changed = world
        .patch(&root, &path, json!({"runner_group_ids": [2, 3, 2]}))
        .await
        .is(200);
    assert_eq!(changed["runner_group_ids"], json!([2, 3]));
    let raised = world.patch(&lead, &path, json!({"runner_group_ids": [1]})).await;
    raised.refused(403, "FORBIDDEN", "Insufficient permissions");
    let bad = world.patch(&root, &path, json!({"runner_group_ids": [0]})).await;
    bad.invalid(&["runner_group_ids"]);
    let other = json!({"team_id": team, "runner_group_id": 1});
    world
        .post(&lead, "/runners/jit", other)
        .await
        .invalid(&["runner_group_id"]);
    let cleared = world
        .patch(&root, &path, json!({"runner_group_ids": null}))
        .await
        .is(200);
    assert_eq!(cleared["runner_group_ids"], json!([]));
    world
        .post(&lead, "/runners/jit", json!({"team_id": team}))
        .await
        .is(201);
}
