//! Who may call, and as whom.

use http::header;
use serde_json::json;

use super::{Acme, refused, send};

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let acme = Acme::new().await;
    let world = &acme.world;
    for token in [None, Some("ghscim_nonsense"), Some(acme.root.token.as_str())] {
        let answer = send(world, token, "GET", "/Users", None, &[]).await;
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        refused(answer, 401, None);
    }
    // And the other way round: a directory is nobody on the API.
    let answer = world.call(Some(&acme.token), "GET", "/auth/me", None).await;
    answer.refused(401, "INVALID_TOKEN", "Token validation failed");

    world
        .sql("UPDATE scim_tokens SET expires_at = now() - interval '1 second'")
        .await;
    refused(acme.get("/Users").await, 401, None);
    refused(acme.get("/Schemas").await, 401, None);
}

#[tokio::test]
async fn tokens_are_shown_once_listed_and_end_at_once() {
    let acme = Acme::new().await;
    let (world, root) = (&acme.world, &acme.root);
    let path = format!("/admin/organizations/{}/scim-tokens", acme.id);
    let answer = world
        .post(
            root,
            &path,
            json!({"name": "Okta", "expires_at": "2099-01-01T00:00:00Z"}),
        )
        .await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let made = answer.is(201);
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with("ghscim_") && secret.starts_with(made["prefix"].as_str().unwrap()));
    let list = world.get(root, &path).await.is(200);
    assert_eq!(list["total"], 2);
    assert_eq!(list["tokens"][0]["name"], "Okta");
    assert!(!list.to_string().contains(secret), "the secret is not shown again");
    let kept = world
        .count(&format!(
            "SELECT count(*) FROM scim_tokens t WHERE t::text LIKE '%{secret}%'"
        ))
        .await;
    assert_eq!(kept, 0, "only its hash is kept");

    acme.get("/Users").await.is(200);
    let used = world.get(root, &path).await.is(200);
    assert!(used["tokens"][1]["last_used_at"].is_string());
    let one = format!("{path}/{}", used["tokens"][1]["id"].as_str().unwrap());
    world.delete(root, &one).await.is(204);
    refused(acme.get("/Users").await, 401, None);
    world
        .delete(root, &one)
        .await
        .refused(404, "NOT_FOUND", "SCIM token not found");
    let audited = "SELECT count(*) FROM audit_entries WHERE action LIKE 'scim_token.%' AND organization_id IS NOT NULL";
    assert_eq!(world.count(audited).await, 3);

    let home = "/admin/organizations/default/scim-tokens";
    world
        .post(root, home, json!({"name": "x"}))
        .await
        .refused(409, "WRONG_STATE", "The default organization");
    for end in ["2020-01-01T00:00:00Z", "+262142-12-31T23:59:59Z"] {
        world
            .post(root, &path, json!({"name": "x", "expires_at": end}))
            .await
            .invalid(&["expires_at"]);
    }
}

#[tokio::test]
async fn a_directory_sees_its_own_people_only() {
    let acme = Acme::new().await;
    let max = acme.user("max").await;
    let tools = acme.group("Tools", &[&max]).await;
    let (_, other) = acme.other("other").await;
    let ask = async |method: &str, path: String, body| send(&acme.world, Some(&other), method, &path, body, &[]).await;
    assert_eq!(ask("GET", "/Users".to_owned(), None).await.is(200)["totalResults"], 0);
    assert_eq!(ask("GET", "/Groups".to_owned(), None).await.is(200)["totalResults"], 0);
    let patch = json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
    for (method, path, body) in [
        ("GET", format!("/Users/{max}"), None),
        ("PATCH", format!("/Users/{max}"), Some(patch)),
        ("PUT", format!("/Users/{max}"), Some(json!({"userName": "x"}))),
        ("DELETE", format!("/Users/{max}"), None),
        ("GET", format!("/Groups/{tools}"), None),
        ("PUT", format!("/Groups/{tools}"), Some(json!({"displayName": "x"}))),
        ("DELETE", format!("/Groups/{tools}"), None),
    ] {
        refused(ask(method, path, body).await, 404, None);
    }
    // Nor does it take another one's person into a group of its own.
    let body = json!({"displayName": "Mine", "members": [{"value": max}]});
    refused(
        ask("POST", "/Groups".to_owned(), Some(body)).await,
        400,
        Some("invalidValue"),
    );
    assert_eq!(acme.team("Tools").await, ["max"]);
}

#[tokio::test]
async fn what_a_directory_does_is_in_the_audit_log_by_its_name() {
    let acme = Acme::new().await;
    acme.user("max").await;
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT action, method FROM audit_entries WHERE actor = 'SCIM Entra' AND request_id IS NOT NULL ORDER BY action",
    )
    .fetch_all(&acme.world.pool)
    .await
    .unwrap();
    let expected = ["organization.member_add", "scim.user_create", "user.create"];
    assert_eq!(rows, expected.map(|action| (action.to_owned(), "scim".to_owned())));
}
