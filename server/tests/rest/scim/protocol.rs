//! The protocol beside what directories usually send: errors, versions, bodies, repetition.

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use super::{Acme, GROUP, PATCH, USER, id_of, refused};

#[tokio::test]
async fn names_are_unique_whatever_their_case_and_free_again_afterwards() {
    let acme = Acme::new().await;
    let body = json!({"schemas": [USER], "userName": "Max"});
    let first = id_of(&acme.post("/Users", body.clone()).await.is(201));
    refused(
        acme.post("/Users", json!({"schemas": [USER], "userName": "MAX"})).await,
        409,
        Some("uniqueness"),
    );
    let other = id_of(
        &acme
            .post("/Users", json!({"schemas": [USER], "userName": "Tess"}))
            .await
            .is(201),
    );
    let rename = json!([{"op": "replace", "path": "userName", "value": "max"}]);
    refused(
        acme.patch(&format!("/Users/{other}"), rename).await,
        409,
        Some("uniqueness"),
    );
    acme.delete(&format!("/Users/{first}")).await.is(204);
    acme.post("/Users", body).await.is(201);
    // Two resources are not one person either.
    acme.user("ada").await;
    let again = json!({"schemas": [USER], "userName": "ada2", "emails": [{"value": "ADA@example.com"}]});
    let answer = refused(acme.post("/Users", again).await, 409, Some("uniqueness"));
    assert!(answer["detail"].as_str().unwrap().contains("email"), "{answer}");
    acme.group("Tools", &[]).await;
    refused(
        acme.post("/Groups", json!({"schemas": [GROUP], "displayName": "tools"}))
            .await,
        409,
        Some("uniqueness"),
    );
}

#[tokio::test]
async fn versions_are_weak_tags_and_guard_changes() {
    let acme = Acme::new().await;
    let path = format!("/Users/{}", acme.user("max").await);
    let answer = acme.get(&path).await;
    let tag = answer.headers[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(answer.is(200)["meta"]["version"], tag.as_str());
    assert_eq!(
        acme.send("GET", &path, None, &[("if-none-match", &tag)]).await.is(304),
        ""
    );
    let title =
        |title: &str| json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": title}]});
    let changed = acme
        .send("PATCH", &path, Some(title("a")), &[("if-match", &tag)])
        .await
        .is(200);
    assert_ne!(changed["meta"]["version"], tag.as_str());
    for (method, body) in [
        ("PATCH", Some(title("b"))),
        ("PUT", Some(json!({"userName": "x"}))),
        ("DELETE", None),
    ] {
        refused(acme.send(method, &path, body, &[("if-match", &tag)]).await, 412, None);
    }
    acme.send("GET", &path, None, &[("if-none-match", &tag)]).await.is(200);
    // The same again is no change, and no new version.
    let again = acme
        .send("PATCH", &path, Some(title("a")), &[("if-match", "*")])
        .await
        .is(200);
    assert_eq!(again, changed);
}

#[tokio::test]
async fn bodies_that_are_none_are_told_so() {
    let acme = Acme::new().await;
    let path = format!("/Users/{}", acme.user("max").await);
    let raw = async |content_type: Option<&str>, body: &str| {
        let mut request = Request::builder().method("POST").uri("/scim/v2/Users");
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", acme.token));
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        acme.world
            .send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    };
    refused(
        raw(Some("application/scim+json"), "{").await,
        400,
        Some("invalidSyntax"),
    );
    refused(
        raw(Some("application/json; charset=utf-8"), "").await,
        400,
        Some("invalidSyntax"),
    );
    refused(raw(Some("text/plain"), "{}").await, 415, None);
    refused(raw(None, "{}").await, 415, None);
    refused(
        raw(Some("application/json"), &"[".repeat(100_000)).await,
        400,
        Some("invalidSyntax"),
    );
    refused(
        raw(Some("application/json"), &format!("\"{}\"", "x".repeat(1_100_000))).await,
        413,
        None,
    );
    refused(acme.post("/Users", json!([])).await, 400, Some("invalidSyntax"));
    refused(
        acme.post("/Users", json!({"schemas": [GROUP], "userName": "a"})).await,
        400,
        Some("invalidSyntax"),
    );
    refused(
        acme.post(
            "/Users",
            json!({"schemas": [USER], "userName": "a", "emails": [{"value": "nobody"}]}),
        )
        .await,
        400,
        Some("invalidValue"),
    );
    refused(
        acme.put(&path, json!({"schemas": [USER]})).await,
        400,
        Some("invalidValue"),
    );
    for (operations, kind) in [
        (json!([]), "invalidSyntax"),
        (json!([{"op": "jump"}]), "invalidSyntax"),
        (json!([{"op": "remove"}]), "noTarget"),
        (json!([{"op": "remove", "path": "userName"}]), "mutability"),
        (json!([{"op": "replace", "path": "id", "value": "x"}]), "mutability"),
        (
            json!([{"op": "replace", "path": "emails[type eq \"fax\"].value", "value": "x"}]),
            "noTarget",
        ),
        (
            json!([{"op": "replace", "path": "emails[", "value": "x"}]),
            "invalidFilter",
        ),
        (
            json!([{"op": "replace", "path": "nonsense", "value": "x"}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "active", "value": "perhaps"}]),
            "invalidValue",
        ),
    ] {
        refused(acme.patch(&path, operations).await, 400, Some(kind));
    }
    refused(
        acme.send("PATCH", &path, Some(json!({"schemas": [USER], "Operations": []})), &[])
            .await,
        400,
        Some("invalidSyntax"),
    );
    // All of a PATCH or nothing of it.
    let half =
        json!([{"op": "add", "path": "title", "value": "x"}, {"op": "replace", "path": "nonsense", "value": "x"}]);
    refused(acme.patch(&path, half).await, 400, Some("invalidPath"));
    assert!(acme.get(&path).await.is(200).get("title").is_none());
    refused(acme.get("/Users/nonsense").await, 404, None);
    refused(
        acme.get("/Groups/00000000-0000-0000-0000-000000000000").await,
        404,
        None,
    );
}

#[tokio::test]
async fn what_is_asked_for_twice_at_once_happens_once() {
    let acme = Acme::new().await;
    let body = json!({"schemas": [USER], "userName": "max@example.com"});
    let group = json!({"schemas": [GROUP], "displayName": "Tools", "externalId": "g1"});
    let ((a, b), (c, d)) = tokio::join!(
        async { tokio::join!(acme.post("/Users", body.clone()), acme.post("/Users", body.clone())) },
        async { tokio::join!(acme.post("/Groups", group.clone()), acme.post("/Groups", group.clone())) },
    );
    for (one, two) in [(a, b), (c, d)] {
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{:#} {:#}", one.body, two.body);
    }
    assert_eq!(
        acme.world
            .count("SELECT count(*) FROM teams WHERE name = 'Tools'")
            .await,
        1
    );
    assert_eq!(
        acme.world
            .count("SELECT count(*) FROM users WHERE email = 'max@example.com'")
            .await,
        1
    );
}

#[tokio::test]
async fn out_of_order_is_survived() {
    let acme = Acme::new().await;
    let nobody = "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e";
    let tools = format!("/Groups/{}", acme.group("Tools", &[]).await);
    let add = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    refused(acme.patch(&tools, add(nobody)).await, 400, Some("invalidValue"));
    refused(acme.patch(&tools, add("nonsense")).await, 400, Some("invalidValue"));
    // Who is not in the group needs no taking out.
    for id in [nobody, "nonsense"] {
        acme.patch(
            &tools,
            json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]),
        )
        .await
        .is(204);
        acme.patch(
            &tools,
            json!([{"op": "remove", "path": "members", "value": [{"value": id}]}]),
        )
        .await
        .is(204);
    }
    // In a group before there is an address, and with it an account.
    let max = id_of(
        &acme
            .post("/Users", json!({"schemas": [USER], "userName": "max"}))
            .await
            .is(201),
    );
    acme.patch(&tools, add(&max)).await.is(204);
    assert!(acme.team("Tools").await.is_empty());
    let email = json!([{"op": "add", "path": "emails[type eq \"work\"].value", "value": "max@example.com"}]);
    acme.patch(&format!("/Users/{max}"), email).await.is(200);
    assert_eq!(acme.team("Tools").await, ["max"]);
    // Deactivated twice, deleted while in a group, deleted twice.
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let first: Value = acme.patch(&format!("/Users/{max}"), off.clone()).await.is(200);
    assert_eq!(acme.patch(&format!("/Users/{max}"), off).await.is(200), first);
    acme.delete(&format!("/Users/{max}")).await.is(204);
    assert!(acme.get(&tools).await.is(200).get("members").is_none());
    acme.patch(
        &tools,
        json!([{"op": "remove", "path": format!("members[value eq \"{max}\"]")}]),
    )
    .await
    .is(204);
}
