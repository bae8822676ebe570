//! Who calls: tokens, and what is refused without a good one (SPEC B1, B10).

use chrono::{DateTime, TimeDelta};
use http::header;
use serde_json::{Value, json};

use crate::api::{Person, World, masked};

#[tokio::test]
async fn tokens_are_shown_once_and_end_at_once() {
    let world = World::new().await;
    let user = world.person("user").await;
    let answer = world.post(&user, "/auth/tokens", json!({"name": "laptop"})).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let made = answer.is(201);
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with(made["prefix"].as_str().unwrap()));
    let time = |field: &str| -> DateTime<chrono::Utc> { made[field].as_str().unwrap().parse().unwrap() };
    assert_eq!(time("expires_at") - time("created_at"), TimeDelta::days(90));
    world.call(Some(secret), "GET", "/auth/me", None).await.is(200);

    let list = world.get(&user, "/auth/tokens").await.is(200);
    assert_eq!(list["total"], 2, "this one and the test's own");
    assert_eq!(list["tokens"][0]["name"], "laptop");
    assert!(!list.to_string().contains(secret), "the secret is not shown again");
    let other = world.person("other").await;
    let path = format!("/auth/tokens/{}", made["id"].as_str().unwrap());
    world
        .delete(&other, &path)
        .await
        .refused(404, "NOT_FOUND", "Token not found");
    world.delete(&user, &path).await.is(204);
    let answer = world.call(Some(secret), "GET", "/auth/me", None).await;
    answer.refused(401, "INVALID_TOKEN", "Token validation failed");

    let forever = world
        .post(&user, "/auth/tokens", json!({"name": "ci", "expires_at": null}))
        .await
        .is(201);
    assert_eq!(forever["expires_at"], Value::Null);
    let past = json!({"name": "old", "expires_at": "2020-01-01T00:00:00Z"});
    world.post(&user, "/auth/tokens", past).await.invalid(&["expires_at"]);
    world
        .post(&user, "/auth/tokens", json!({"name": "x", "expires_at": "soon"}))
        .await
        .invalid(&["expires_at"]);
    world
        .post(&user, "/auth/tokens", json!({"expires_at": null}))
        .await
        .invalid(&["name"]);
}

/// B1: a token that leaked ends with everything that it made.
#[tokio::test]
async fn b1_a_token_makes_none_that_outlives_it() {
    let world = World::new().await;
    let user = world.person("user").await;
    let end = "2099-01-01T00:00:00Z";
    let short = world
        .post(&user, "/auth/tokens", json!({"name": "short", "expires_at": end}))
        .await
        .is(201);
    let asking = Person {
        token: short["token"].as_str().unwrap().to_owned(),
        ..user.clone()
    };
    let make = async |body: Value| world.post(&asking, "/auth/tokens", body).await;
    let time = |made: &Value, field: &str| -> DateTime<chrono::Utc> { made[field].as_str().unwrap().parse().unwrap() };
    let later = make(json!({"name": "later", "expires_at": "2099-01-01T00:00:01Z"})).await;
    assert_eq!(
        later.invalid(&["expires_at"])["fields"][0]["message"],
        "must not be later than the end of the token that asks, 2099-01-01T00:00:00Z"
    );
    let never = make(json!({"name": "never", "expires_at": null})).await.is(201);
    assert_eq!(time(&never, "expires_at"), time(&short, "expires_at"));
    let usual = make(json!({"name": "usual"})).await.is(201);
    assert_eq!(
        time(&usual, "expires_at") - time(&usual, "created_at"),
        TimeDelta::days(90)
    );
    world
        .sql("UPDATE personal_access_tokens SET expires_at = now() + interval '1 day' WHERE name = 'short'")
        .await;
    let soon = make(json!({"name": "soon"})).await.is(201);
    assert!(time(&soon, "expires_at") - time(&soon, "created_at") <= TimeDelta::days(1));
    let forever = world
        .post(&user, "/auth/tokens", json!({"name": "ci", "expires_at": null}))
        .await
        .is(201);
    assert_eq!(forever["expires_at"], Value::Null, "its own has no end");
}

#[tokio::test]
async fn b1_without_a_good_credential() {
    let world = World::new().await;
    let user = world.person("user").await;
    let answer = world.call(None, "GET", "/auth/me", None).await;
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
    let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    let body = answer.refused(401, "NOT_AUTHENTICATED", "Not authenticated");
    assert_eq!(body["request_id"], id);
    let answer = world.call(Some("nonsense"), "GET", "/auth/me", None).await;
    answer.refused(401, "INVALID_TOKEN", "Token validation failed");
    world.sql("UPDATE personal_access_tokens SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day'").await;
    world
        .get(&user, "/auth/me")
        .await
        .refused(401, "INVALID_TOKEN", "Token validation failed: the token has expired");
    let gone = world.person("gone").await;
    world
        .sql(&format!(
            "UPDATE users SET deactivated_at = now() WHERE id = '{}'",
            gone.id
        ))
        .await;
    world
        .get(&gone, "/auth/me")
        .await
        .refused(403, "USER_DEACTIVATED", "User account is deactivated.");
}

#[tokio::test]
async fn b10_who_i_am() {
    let world = World::new().await;
    let (root, user) = (world.super_admin().await, world.person("user").await);
    let team = world.team("Ops").await;
    world.join(team, &user, "admin").await;
    let me = world.get(&user, "/auth/me").await.is(200);
    insta::assert_json_snapshot!(masked(&me));
    let me = world.get(&root, "/auth/me").await.is(200);
    assert_eq!((&me["is_admin"], &me["roles"]), (&json!(true), &json!(["admin"])));
}
