//! SPEC B14, B18, B19 over HTTP: statuses, literals and bodies.

use serde_json::{Value, json};
use simulators::github::Faults;

use crate::api::{Person, World};

async fn provisioned(world: &World, by: &Person, team: uuid::Uuid, name: &str) -> String {
    let body = json!({"team_id": team, "runner_name": name});
    let made = world.post(by, "/runners/jit", body).await.is(201);
    made["runner_id"].as_str().unwrap().to_owned()
}

fn names(list: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = (list["runners"].as_array().unwrap().iter())
        .map(|runner| runner["runner_name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// B19's JSON, word for word.
#[tokio::test]
async fn b19_delete_and_refresh_answer_as_the_contract_says() {
    let world = World::new().await;
    let (user, other) = (world.person("user").await, world.person("other").await);
    let team = world.team("Mine").await;
    world.join(team, &user, "member").await;
    let id = provisioned(&world, &user, team, "worker").await;
    let path = format!("/runners/{id}");
    let missing = format!("Runner with ID '{id}' not found or not owned by you");
    world.delete(&other, &path).await.refused(404, "NOT_FOUND", &missing);
    world
        .post(&other, &format!("{path}/refresh"), json!(null))
        .await
        .refused(404, "NOT_FOUND", &missing);
    let at_github = world.github.runners()[0].id;
    world
        .github
        .update_runner(at_github, |runner| "online".clone_into(&mut runner.status));
    let seen = world.post(&user, &format!("{path}/refresh"), json!(null)).await.is(200);
    assert_eq!((&seen["status"], &seen["busy"]), (&json!("active"), &json!(false)));
    assert!(seen["state_since"].is_string() && seen["last_seen_at"].is_string() && seen["registered_at"].is_string());

    let both = world
        .call(
            Some(&user.token),
            "DELETE",
            &format!("/api/v1{path}?reason=a"),
            Some(json!({"reason": "b"})),
        )
        .await;
    both.invalid(&["reason"]);
    let unknown = world
        .call(
            Some(&user.token),
            "DELETE",
            &format!("/api/v1{path}"),
            Some(json!({"why": "b"})),
        )
        .await;
    unknown.invalid(&["why"]);
    world
        .delete(&user, &format!("{path}?force=true"))
        .await
        .invalid(&["force"]);
    let long = format!("{path}?reason={}", "a".repeat(501));
    world.delete(&user, &long).await.invalid(&["reason"]);
    let gone = world
        .call(
            Some(&user.token),
            "DELETE",
            &format!("/api/v1{path}"),
            Some(json!({"reason": "not needed"})),
        )
        .await
        .is(200);
    let expected = json!({
        "runner_id": id,
        "runner_name": "worker",
        "success": true,
        "message": "Runner 'worker' successfully deprovisioned",
    });
    assert_eq!(gone, expected);
    let again = format!("Runner with ID '{id}' is already deleted");
    world
        .delete(&user, &path)
        .await
        .refused(400, "RUNNER_ALREADY_DELETED", &again);
    world.delete(&user, "/runners/7").await.refused(
        404,
        "NOT_FOUND",
        "Runner with ID '7' not found or not owned by you",
    );
    assert_eq!(world.get(&user, &path).await.is(200)["deletion_reason"], "not needed");

    let id = provisioned(&world, &user, team, "second").await;
    world.github.set_faults(Faults {
        fail_next: 1,
        fail_status: 403,
        ..Faults::default()
    });
    let answer = world.delete(&user, &format!("/runners/{id}")).await;
    answer.refused(502, "GITHUB_ERROR", "GitHub API error: Forbidden");
    let at_github = world.github.runners()[0].id;
    world.github.update_runner(at_github, |runner| runner.busy = true);
    let answer = world.delete(&user, &format!("/runners/{id}")).await;
    answer.refused(409, "RUNNER_BUSY", "Runner 'second' runs a job");
}

/// B18: the list's parameters, each checked; more than the original's hundred.
#[tokio::test]
async fn b18_the_list_takes_its_parameters() {
    let world = World::new().await;
    let user = world.person("user").await;
    let team = world.team("Mine").await;
    world.join(team, &user, "member").await;
    let gone = provisioned(&world, &user, team, "gone").await;
    world.delete(&user, &format!("/runners/{gone}")).await.is(200);
    provisioned(&world, &user, team, "alpha").await;
    provisioned(&world, &user, team, "beta").await;
    world
        .sql("UPDATE runners SET status = 'active', busy = true WHERE name = 'beta'")
        .await;
    for (query, expected) in [
        ("", &["alpha", "beta"][..]),
        ("q=ALP", &["alpha"]),
        ("q=user%40", &["alpha", "beta"]),
        ("busy=true", &["beta"]),
        ("busy=false", &["alpha"]),
        ("status=pending", &["alpha"]),
        ("status=deleted", &["gone"]),
        ("include_deleted=true", &["alpha", "beta", "gone"]),
        ("team=mine&ephemeral=true", &["alpha", "beta"]),
        ("team=other", &[]),
    ] {
        let list = world.get(&user, &format!("/runners?{query}")).await.is(200);
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["total"], expected.len(), "{query}");
    }
    for (query, field) in [
        ("busy=maybe", "busy"),
        ("include_deleted=2", "include_deleted"),
        ("status=online", "status"),
        ("limit=1001", "limit"),
        ("offset=-1", "offset"),
        ("cursor=nonsense", "cursor"),
        ("state=idle", "state"),
    ] {
        world.get(&user, &format!("/runners?{query}")).await.invalid(&[field]);
    }
    world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by)
            SELECT gen_random_uuid(), '{team}', 'x-' || n, 'active', '{{}}', 1, '{}' FROM generate_series(1, 250) n",
            user.id
        ))
        .await;
    let list = world.get(&user, "/runners?limit=1000").await.is(200);
    assert_eq!(
        (list["runners"].as_array().unwrap().len(), &list["total"]),
        (252, &json!(252))
    );
}

/// B14, B26: a full quota names its holders; a clean-up makes room, and nothing is taken by being left out.
#[tokio::test]
async fn b14_a_full_quota_names_its_holders_and_a_clean_up_makes_room() {
    let world = World::new().await;
    let user = world.person("user").await;
    let team = world.team("Mine").await;
    world.join(team, &user, "member").await;
    world.sql("UPDATE teams SET max_runners = 2").await;
    let idle = provisioned(&world, &user, team, "idle").await;
    provisioned(&world, &user, team, "waiting").await;
    world
        .sql("UPDATE runners SET status = 'active' WHERE name = 'idle'")
        .await;
    world
        .sql("UPDATE runners SET state_since = now() - interval '2 hours' WHERE name = 'idle'")
        .await;
    let full = world
        .post(&user, "/runners/jit", json!({"team_id": team}))
        .await
        .refused(
            403,
            "QUOTA_EXCEEDED",
            "Team quota exceeded. Maximum allowed: 2, current: 2",
        );
    assert_eq!(full["quota"], json!({"scope": "team", "total": 2, "removable": 1}));
    let holders = full["holders"].as_array().unwrap();
    assert_eq!(holders.len(), 2);
    let first = &holders[0];
    assert_eq!(
        (
            &first["runner_id"],
            &first["runner_name"],
            &first["provisioned_by"],
            &first["status"],
            &first["busy"]
        ),
        (
            &json!(idle),
            &json!("idle"),
            &json!(user.email),
            &json!("active"),
            &json!(false)
        )
    );
    assert!((7_200..7_260).contains(&first["age_seconds"].as_i64().unwrap()) && first["since"].is_string());
    let elsewhere =
        world
            .post(&user, "/runners/jit", json!({}))
            .await
            .refused(400, "TEAM_REQUIRED", "team_id is required");
    assert!(elsewhere.get("holders").is_none());

    world
        .post(&user, "/runners/cleanup", json!({}))
        .await
        .invalid(&["team_id"]);
    let both = json!({"team_id": team, "all": true});
    world.post(&user, "/runners/cleanup", both).await.invalid(&["team_id"]);
    let wrong = json!({"team_id": team, "states": [], "minutes": -1, "reason": "a\u{0}"});
    world
        .post(&user, "/runners/cleanup", wrong)
        .await
        .invalid(&["states", "minutes", "reason"]);
    let dry = world
        .post(&user, "/runners/cleanup", json!({"team_id": team, "dry_run": true}))
        .await
        .is(200);
    assert_eq!(
        (&dry["matched"], &dry["removed"], &dry["dry_run"]),
        (&json!(1), &json!(0), &json!(true))
    );
    assert_eq!(dry["runners"][0]["outcome"], "would_remove");
    let done = world
        .post(&user, "/runners/cleanup", json!({"own": true, "states": ["idle"]}))
        .await
        .is(200);
    assert_eq!((&done["removed"], &done["failed"]), (&json!(1), &json!(0)));
    assert_eq!(done["runners"][0]["runner_name"], "idle");
    provisioned(&world, &user, team, "next").await;
}
