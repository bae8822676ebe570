//! Many runners and teams at a time: SPEC B26.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::World;

const COMMENT: &str = "the department is closed";

async fn runner(world: &World, team: Uuid, name: &str) -> Uuid {
    let id = Uuid::now_v7();
    let number = world.github.add_runner(name, &["self-hosted"]);
    world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by, github_runner_id)
            VALUES ('{id}', '{team}', '{name}', 'active', '{{}}', 1, (SELECT id FROM users ORDER BY id LIMIT 1), {number})"
        ))
        .await;
    id
}

async fn count(world: &World, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&world.pool).await.unwrap()
}

fn field(answer: &Value) -> &str {
    answer["fields"][0]["field"].as_str().unwrap_or_default()
}

/// [F] In the original an empty list of teams was all teams.
#[tokio::test]
async fn b26_nothing_named_is_never_everything() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Engineering").await;
    runner(&world, team, "one").await;
    for (action, name) in [
        ("deactivate-teams", "team_ids"),
        ("reactivate-teams", "team_ids"),
        ("delete-runners", "runner_ids"),
        ("disable-users", "user_ids"),
        ("restore-users", "user_ids"),
    ] {
        let path = format!("/admin/batch/{action}");
        for body in [json!({"comment": COMMENT}), json!({"comment": COMMENT, name: []})] {
            assert_eq!(field(&world.post(&root, &path, body).await.is(422)), name, "{action}");
        }
        let both = json!({"comment": COMMENT, name: [team], "all": true});
        assert_eq!(field(&world.post(&root, &path, both).await.is(422)), name, "{action}");
        let short = json!({"comment": "because", "all": true});
        assert_eq!(
            field(&world.post(&root, &path, short).await.is(422)),
            "comment",
            "{action}"
        );
    }
    let live = "SELECT count(*) FROM runners r, teams t WHERE r.status = 'active' AND t.status = 'active' AND t.id = r.team_id";
    assert_eq!(count(&world, live).await, 1);
}

#[tokio::test]
async fn b26_teams_one_by_one_and_the_batch_as_a_whole() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (one, two) = (world.team("One").await, world.team("Two").await);
    let body = |dry: bool| json!({"team_ids": [one, two, "nonsense", Uuid::nil()], "comment": COMMENT, "dry_run": dry});
    let path = "/admin/batch/deactivate-teams";
    let dry = world.post(&root, path, body(true)).await.is(200);
    assert_eq!((&dry["affected_count"], &dry["failed_count"]), (&json!(2), &json!(2)));
    assert_eq!(
        count(&world, "SELECT count(*) FROM teams WHERE status = 'inactive'").await,
        0
    );
    assert_eq!(
        count(
            &world,
            "SELECT count(*) FROM audit_entries WHERE action <> 'token.create'"
        )
        .await,
        0,
        "a dry run writes nothing"
    );

    let done = world.post(&root, path, body(false)).await.is(200);
    assert_eq!(
        (&done["success"], &done["action"]),
        (&json!(false), &json!("deactivate_teams"))
    );
    assert_eq!((&done["affected_count"], &done["failed_count"]), (&json!(2), &json!(2)));
    assert_eq!((&done["comment"], &done["dry_run"]), (&json!(COMMENT), &json!(false)));
    assert_eq!(done["details"][0]["error"], "Team not found: nonsense");
    let again = world
        .post(&root, path, json!({"team_ids": [one], "comment": COMMENT}))
        .await
        .is(200);
    assert_eq!(again["details"][0]["error"], "Team 'One' is already deactivated");
    let entries = "SELECT count(*) FROM audit_entries WHERE action = 'team.deactivate' AND team_id IS NOT NULL";
    assert_eq!(count(&world, entries).await, 2);
    assert_eq!(
        count(
            &world,
            "SELECT count(*) FROM audit_entries WHERE action = 'batch_deactivate_teams'"
        )
        .await,
        2
    );
    let events = "SELECT count(*) FROM security_events WHERE event_type = 'batch_deactivate_teams'";
    assert_eq!(count(&world, events).await, 2);

    let back = world
        .post(
            &root,
            "/admin/batch/reactivate-teams",
            json!({"all": true, "comment": COMMENT}),
        )
        .await
        .is(200);
    assert_eq!((&back["affected_count"], &back["success"]), (&json!(2), &json!(true)));
    // B24: and each of the two teams has an entry of its own.
    assert_eq!(once(&world, "batch_reactivate_teams").await, (1, 1, COMMENT.to_owned()));
    let entries = "SELECT count(*) FROM audit_entries WHERE action = 'team.activate' AND team_id IS NOT NULL";
    assert_eq!(count(&world, entries).await, 2);
}

/// How often a batch is in the audit log and among the security events, and its comment there.
async fn once(world: &World, batch: &str) -> (i64, i64, String) {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM audit_entries WHERE action = $1), count(*), min(violation_data->>'comment')
        FROM security_events WHERE event_type = $1",
    )
    .bind(batch)
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn b26_runners_of_a_team_at_github_and_here() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (team, other) = (world.team("Engineering").await, world.team("Other").await);
    for name in ["one", "two", "busy"] {
        runner(&world, team, name).await;
    }
    let elsewhere = runner(&world, other, "elsewhere").await;
    let busy = world
        .github
        .runners()
        .into_iter()
        .find(|runner| runner.name == "busy")
        .unwrap();
    world.github.update_runner(busy.id, |runner| runner.busy = true);
    let body = |dry: bool| json!({"team_id": team, "comment": COMMENT, "dry_run": dry});
    let path = "/admin/batch/delete-runners";
    let dry = world.post(&root, path, body(true)).await.is(200);
    assert_eq!(
        (&dry["affected_count"], &dry["details"][0]["name"]),
        (&json!(3), &json!("one"))
    );
    assert_eq!(
        count(&world, "SELECT count(*) FROM runners WHERE status <> 'deleted'").await,
        4
    );

    let done = world.post(&root, path, body(false)).await.is(200);
    assert_eq!((&done["affected_count"], &done["failed_count"]), (&json!(2), &json!(1)));
    let failed = done["details"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["success"] == false)
        .unwrap();
    assert_eq!(failed["name"], "busy");
    assert!(failed["error"].as_str().unwrap().contains("runs a job"), "{failed}");
    assert_eq!(
        count(&world, "SELECT count(*) FROM runners WHERE status <> 'deleted'").await,
        2
    );
    assert_eq!(world.github.runners().len(), 2, "gone there, too");
    assert_eq!(
        count(
            &world,
            "SELECT count(*) FROM audit_entries WHERE action = 'deprovision'"
        )
        .await,
        2
    );
    assert_eq!(
        count(
            &world,
            "SELECT count(*) FROM audit_entries WHERE action = 'batch_delete_runners'"
        )
        .await,
        1
    );

    assert_eq!(
        once(&world, "batch_delete_runners").await,
        (1, 1, COMMENT.to_owned()),
        "B24"
    );

    let named = json!({"runner_ids": [elsewhere, Uuid::nil()], "comment": COMMENT});
    let done = world.post(&root, path, named).await.is(200);
    assert_eq!((&done["affected_count"], &done["failed_count"]), (&json!(1), &json!(1)));
}

/// P: batches of an org_admin reach as far as the organization does.
#[tokio::test]
async fn p_an_org_admins_batch_stays_in_the_organization() {
    let world = World::new().await;
    let boss = world.person("boss").await;
    let acme = world.organization("acme").await;
    world
        .sql(&format!(
            "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{acme}', '{}', 'org_admin')",
            boss.id
        ))
        .await;
    let (own, foreign) = (world.team_in(acme, "Own").await, world.team("Foreign").await);
    runner(&world, own, "own").await;
    runner(&world, foreign, "foreign").await;
    let all = json!({"all": true, "comment": COMMENT});
    let done = world
        .post(&boss, "/admin/batch/delete-runners", all.clone())
        .await
        .is(200);
    assert_eq!(
        (&done["affected_count"], &done["details"][0]["name"]),
        (&json!(1), &json!("own"))
    );
    let named = json!({"team_ids": [foreign], "comment": COMMENT});
    let done = world.post(&boss, "/admin/batch/deactivate-teams", named).await.is(200);
    assert_eq!((&done["affected_count"], &done["failed_count"]), (&json!(0), &json!(1)));
    let done = world.post(&boss, "/admin/batch/deactivate-teams", all).await.is(200);
    assert_eq!(
        (&done["affected_count"], &done["details"][0]["name"]),
        (&json!(1), &json!("Own"))
    );
    assert_eq!(
        count(
            &world,
            "SELECT count(*) FROM teams WHERE status = 'active' AND name = 'Foreign'"
        )
        .await,
        1
    );
}
