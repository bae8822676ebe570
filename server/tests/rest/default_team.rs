//! SPEC C4, C5: the Default Team over HTTP.

use serde_json::{Value, json};

use crate::api::World;

const PATH: &str = "/admin/default-team";

#[tokio::test]
async fn c5_the_statistics_have_the_seeds_fields() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    world.join(domain::DEFAULT_TEAM.0, &admin, "member").await;
    let stats = async || world.get(&admin, &format!("{PATH}/stats")).await.is(200);
    assert_eq!(
        stats().await,
        json!({
            "teamId": "a0000000-0000-4000-8000-000000000001",
            "memberCount": 1,
            "activeUsers": 1,
            "totalSpend": 0.0,
            "budgetUtilization": 0.0,
        })
    );
    world.sql("UPDATE teams SET max_budget = NULL WHERE is_system").await;
    assert_eq!(
        stats().await["budgetUtilization"],
        Value::Null,
        "[F] not a division by 1"
    );
}

#[tokio::test]
async fn c4_people_are_moved_from_the_default_team() {
    let world = World::new().await;
    let (admin, ada, bob) = (
        world.super_admin().await,
        world.person("ada").await,
        world.person("bob").await,
    );
    let team = world.team("Ops").await;
    for person in [&ada, &bob] {
        world.join(domain::DEFAULT_TEAM.0, person, "member").await;
    }
    let send = async |body: Value| world.post(&admin, &format!("{PATH}/move"), body).await;
    let look = send(json!({"all": true, "scope": "unassigned", "team_id": team, "dry_run": true}))
        .await
        .is(200);
    let row =
        |email: &str, outcome: &str, detail: Value| json!({"user_id": email, "outcome": outcome, "detail": detail});
    let both = json!([
        row(&ada.email, "added", Value::Null),
        row(&bob.email, "added", Value::Null)
    ]);
    assert_eq!(look, json!({"rows": both, "moved": 2, "dry_run": true}));
    let count =
        || world.count("SELECT count(*) FROM team_members m JOIN teams t ON t.id = m.team_id WHERE NOT t.is_system");
    assert_eq!(count().await, 0);
    let one = send(json!({"user_ids": [ada.id], "team_id": team, "role": "admin"}))
        .await
        .is(200);
    assert_eq!((&one["moved"], count().await), (&json!(1), 1));
    let rest = send(json!({"all": true, "scope": "unassigned", "team_id": team}))
        .await
        .is(200);
    assert_eq!(rest["rows"], json!([row(&bob.email, "added", Value::Null)]));
    let teams = world.get(&ada, "/teams/my-teams").await;
    assert_eq!(teams.is(200)["teams"][0]["role"], "admin");

    // Who is meant has to be said, once.
    for (body, field) in [
        (json!({"team_id": team}), "user_ids"),
        (json!({"team_id": team, "all": true}), "scope"),
        (json!({"team_id": team, "user_ids": [ada.id], "all": true}), "all"),
        (
            json!({"team_id": team, "user_ids": [ada.id], "scope": "everyone"}),
            "scope",
        ),
        (json!({"team_id": team, "all": true, "scope": "some"}), "scope"),
        (json!({"team_id": team, "user_ids": []}), "user_ids"),
        (json!({"team_id": team, "user_ids": [ada.id], "role": "owner"}), "role"),
        (
            json!({"team_id": team, "user_ids": [ada.id], "because": "x"}),
            "because",
        ),
    ] {
        send(body).await.invalid(&[field]);
    }
    send(json!({"team_id": domain::DEFAULT_TEAM, "user_ids": [ada.id]}))
        .await
        .refused(409, "WRONG_STATE", "Team 'Default Team' is a system team");
}
