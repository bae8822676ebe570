//! SPEC D3, D5, X11: lists of people, and memberships with an end, over HTTP.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::api::World;

/// D3: addresses without an account are invited on request, listed and withdrawn.
#[tokio::test]
async fn d3_a_list_invites_those_without_an_account() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let team = world.team("Ops").await;
    let bulk = format!("/admin/teams/{team}/members/bulk");
    let body = json!({"members": [{"user_id": "nora@example.com", "role": "admin"}], "invite": true});
    let answer = world.post(&admin, &bulk, body).await.is(200);
    assert_eq!((&answer["added"], &answer["invited"]), (&json!(0), &json!(1)));
    assert_eq!(answer["rows"][0]["outcome"], "invited");
    let path = format!("/admin/teams/{team}/invitations");
    let one = world
        .post(&admin, &path, json!({"email": "otto@example.com"}))
        .await
        .is(201);
    assert_eq!(
        (&one["role"], &one["invited_by"]),
        (&json!("member"), &json!(admin.email))
    );
    let wrong = world
        .post(&admin, &path, json!({"email": "otto", "role": "owner"}))
        .await;
    assert_eq!(wrong.status, 422);
    let fields: Vec<_> = wrong.body["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["field"])
        .collect();
    assert_eq!(fields, ["email", "role"]);
    let first = world.get(&admin, &format!("{path}?limit=1")).await.is(200);
    assert_eq!(
        (&first["total"], &first["invitations"][0]["email"]),
        (&json!(2), &json!("otto@example.com"))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world
        .get(&admin, &format!("{path}?limit=1&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!(second["invitations"][0]["role"], "admin");
    let gone = format!("{path}/{}", one["id"].as_str().unwrap());
    world.delete(&admin, &gone).await.is(204);
    world.delete(&admin, &gone).await.is(404);
}

#[tokio::test]
async fn d3_a_list_is_previewed_and_added() {
    let world = World::new().await;
    let (admin, ada, bob) = (
        world.super_admin().await,
        world.person("ada").await,
        world.person("bob").await,
    );
    let team = world.team("Ops").await;
    let path = format!("/admin/teams/{team}/members/bulk");
    let members = json!([
        {"user_id": "ADA@example.com", "role": "admin"},
        {"user_id": bob.id},
        {"user_id": "nobody@example.com", "role": "member"},
        {"user_id": bob.email, "role": "owner"},
    ]);
    let expected = json!([
        {"user_id": "ADA@example.com", "outcome": "added", "detail": null},
        {"user_id": bob.id, "outcome": "added", "detail": null},
        {"user_id": "nobody@example.com", "outcome": "invalid", "detail": "User not found: nobody@example.com"},
        {"user_id": bob.email, "outcome": "invalid", "detail": "role must be admin or member. Verify role spelling"},
    ]);
    let send = async |more: Value| {
        let mut body = json!({"members": members});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post(&admin, &path, body).await.is(200)
    };
    let count = || world.count("SELECT count(*) FROM team_members");
    let look = send(json!({"dry_run": true, "on_invalid": "skip"})).await;
    assert_eq!(look, json!({"rows": expected, "added": 2, "dry_run": true}));
    let abort = send(json!({})).await;
    assert_eq!(
        abort,
        json!({"rows": expected, "added": 0, "dry_run": false}),
        "abort is the default"
    );
    assert_eq!(count().await, 0);
    let done = send(json!({"on_invalid": "skip"})).await;
    assert_eq!(done, json!({"rows": expected, "added": 2, "dry_run": false}));
    assert_eq!(count().await, 2);
    let list = world.get(&ada, &format!("/admin/teams/{team}/members")).await.is(200);
    assert_eq!(list["members"][0]["source"], "bulk");
    let admins = world
        .get(&ada, &format!("/admin/teams/{team}/members?role=admin&search=AD"))
        .await
        .is(200);
    assert_eq!(
        (&admins["total"], &admins["members"][0]["email"]),
        (&json!(1), &json!(ada.email))
    );
}

#[tokio::test]
async fn d3_a_list_may_be_long_but_not_endless() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let team = world.team("Ops").await;
    let path = format!("/admin/teams/{team}/members/bulk");
    world
        .sql("INSERT INTO users (id, email) SELECT gen_random_uuid(), 'u' || n || '@example.com' FROM generate_series(1, 4900) n")
        .await;
    // More than a mebibyte, which is the limit everywhere else.
    let rows: Vec<Value> = (1..=5000)
        .map(|n| match n {
            ..=4900 => json!({"user_id": format!("u{n}@example.com"), "role": "member"}),
            _ => json!({"user_id": format!("u{n}@{}.example", "a".repeat(63)), "role": " ".repeat(20_000)}),
        })
        .collect();
    let body = json!({"members": rows, "on_invalid": "skip"});
    assert!(body.to_string().len() > 2 * 1024 * 1024);
    let done = world.post(&admin, &path, body).await.is(200);
    assert_eq!(done["added"], 4900);
    let rows = done["rows"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["outcome"] == "invalid").count(), 100);
    assert_eq!(world.count("SELECT count(*) FROM team_members").await, 4900);

    let long = json!({"members": vec![json!({"user_id": "a@b.example"}); 10_001]});
    world.post(&admin, &path, long).await.invalid(&["members"]);
    world
        .post(&admin, &path, json!({"members": []}))
        .await
        .invalid(&["members"]);
    world
        .post(
            &admin,
            &path,
            json!({"members": [{"user_id": "a@b.example", "rule": "x"}]}),
        )
        .await
        .invalid(&["members[0].rule"]);
    world
        .post(
            &admin,
            &path,
            json!({"members": [{"user_id": "a@b.example"}], "on_invalid": "ignore"}),
        )
        .await
        .invalid(&["on_invalid"]);
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    world
        .raw(&admin, "POST", &path, Some("application/json"), large)
        .await
        .refused(413, "BODY_TOO_LARGE", "The request is larger than 4 MiB");
}

#[tokio::test]
async fn d5_ends_are_set_shown_and_cleared() {
    let world = World::new().await;
    let (root, ada, bob) = (
        world.super_admin().await,
        world.person("ada").await,
        world.person("bob").await,
    );
    let team = world.team("Ops").await;
    let path = format!("/admin/teams/{team}/members");
    let (hour, past) = (Utc::now() + TimeDelta::hours(1), Utc::now() - TimeDelta::hours(1));
    let literal = "Cannot remove last team admin";
    world
        .post(
            &root,
            &path,
            json!({"user_id": ada.id, "role": "admin", "admin_until": hour}),
        )
        .await
        .refused(400, "LAST_TEAM_ADMIN", literal);
    world
        .post(&root, &path, json!({"user_id": ada.id, "role": "admin"}))
        .await
        .is(201);
    let one = format!("{path}/{}", ada.email);
    for field in ["admin_until", "expires_at"] {
        world
            .patch(&ada, &one, json!({field: hour}))
            .await
            .refused(400, "LAST_TEAM_ADMIN", literal);
    }
    let added = world
        .post(
            &ada,
            &path,
            json!({"user_id": bob.id, "role": "admin", "admin_until": hour, "expires_at": hour}),
        )
        .await
        .is(201);
    let at = |value: &Value| {
        value
            .as_str()
            .unwrap()
            .parse::<chrono::DateTime<Utc>>()
            .unwrap()
            .timestamp_micros()
    };
    assert_eq!(
        (at(&added["admin_until"]), at(&added["expires_at"])),
        (hour.timestamp_micros(), hour.timestamp_micros())
    );
    let two = format!("{path}/{}", bob.email);
    let kept = world.patch(&ada, &two, json!({"expires_at": null})).await.is(200);
    assert_eq!(
        (&kept["expires_at"], kept["admin_until"].is_string()),
        (&Value::Null, true)
    );
    let same = world.patch(&ada, &two, json!({})).await.is(200);
    assert_eq!(same, kept, "what is left out stays");
    world.patch(&ada, &two, json!({"role": null})).await.invalid(&["role"]);
    world
        .patch(&ada, &two, json!({"expires_at": past, "admin_until": past}))
        .await
        .invalid(&["expires_at", "admin_until"]);
    world
        .patch(&ada, &two, json!({"role": "member", "admin_until": hour}))
        .await
        .invalid(&["admin_until"]);
    world
        .patch(&ada, &two, json!({"expires_at": "Friday"}))
        .await
        .invalid(&["expires_at"]);
    let demoted = world.patch(&ada, &two, json!({"role": "member"})).await.is(200);
    assert_eq!(demoted["admin_until"], Value::Null);
    let list = world.get(&bob, &path).await.is(200);
    assert_eq!(list["members"][0]["expires_at"], Value::Null);
    world.get(&bob, &format!("{path}?role=owner")).await.invalid(&["role"]);

    world
        .sql("UPDATE team_members SET expires_at = now() - interval '1 second' WHERE role = 'member'")
        .await;
    world
        .get(&bob, &path)
        .await
        .refused(403, "FORBIDDEN", "Access denied: not a team member");
    assert_eq!(world.get(&ada, &path).await.is(200)["total"], 1);
}
