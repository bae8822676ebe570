//! Everything that goes wrong is a `Status`.

use reqwest::{Method, header};

use super::house::{GROUP, House, NOBODY, Said};

#[tokio::test]
async fn without_a_credential_only_health_and_version_answer() {
    let house = House::new().await;
    let ask = async |path: &str, token: Option<&str>| {
        let mut request = house.client.get(format!("{}{path}", house.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Said::of(request).await
    };
    for path in ["/healthz", "/livez", "/readyz", "/version"] {
        assert_eq!(ask(path, None).await.status, 200, "{path}");
    }
    for path in [
        "/",
        "/api",
        "/apis",
        "/openapi/v2",
        "/openapi/v3",
        GROUP,
        "/api/v1/namespaces",
        "/nowhere",
    ] {
        let said = ask(path, None).await;
        assert_eq!(said.header("www-authenticate"), "Bearer", "{path}");
        said.refused(401, "Unauthorized");
    }
    for token in ["guildhall_pat_unknown", "nonsense", "a.b.c"] {
        ask("/apis", Some(token)).await.refused(401, "Unauthorized");
    }
    let basic = house
        .client
        .get(format!("{}/apis", house.url))
        .basic_auth("a", Some("b"));
    Said::of(basic).await.refused(401, "Unauthorized");
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_there() {
    let house = House::new().await;
    for path in [
        "/",
        "/apis/apps",
        "/api/v1/pods",
        "/apis/auth.litellm.ai/v1",
        &format!("{GROUP}/pods"),
    ] {
        let message = house.get(path).await.refused(404, "NotFound");
        assert_eq!(message, "the server could not find the requested resource", "{path}");
    }
    let teams = House::collection("teams");
    let (team, status) = (House::team_path("x"), format!("{}/status", House::team_path("x")));
    for (method, path) in [
        (Method::DELETE, teams.as_str()),
        (Method::PUT, &teams),
        (Method::POST, &team),
        (Method::PUT, &status),
        (Method::PATCH, &status),
        (Method::POST, "/apis"),
        (Method::POST, "/api/v1/namespaces"),
        (Method::POST, &format!("{GROUP}/teams")),
        (Method::OPTIONS, &teams),
    ] {
        let said = Said::of(house.request(method.clone(), path)).await;
        assert_eq!(said.status, 405, "{method} {path}: {}", said.text);
        said.refused(405, "MethodNotAllowed");
    }
}

#[tokio::test]
async fn forms_that_nobody_can_answer() {
    let house = House::new().await;
    for accept in [
        "text/html",
        "application/json;as=Pie;v=v1;g=meta.k8s.io",
        "application/vnd.kubernetes.protobuf",
    ] {
        for path in [
            House::collection("teams"),
            "/apis".to_owned(),
            "/api/v1/namespaces".to_owned(),
        ] {
            let said = Said::of(house.request(Method::GET, &path).header(header::ACCEPT, accept)).await;
            assert_eq!(said.status, 406, "{path} {accept}: {}", said.text);
        }
    }
    let said = Said::of(
        house
            .request(Method::POST, &House::collection("teams"))
            .header(header::CONTENT_TYPE, "text/plain")
            .body("hello"),
    );
    said.await.refused(415, "UnsupportedMediaType");
    let said = house
        .patch(&House::team_path("x"), "application/json", &serde_json::json!({}))
        .await;
    assert!(
        said.refused(415, "UnsupportedMediaType")
            .contains("application/merge-patch+json")
    );
}

#[tokio::test]
async fn bodies_that_are_no_objects() {
    let house = House::new().await;
    let teams = House::collection("teams");
    for body in ["", "{", "[]", "null", "\"x\"", "{\"kind\":\"Team\"}", "\u{0}"] {
        let request = house
            .request(Method::POST, &teams)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        Said::of(request).await.refused(400, "BadRequest");
    }
    for query in [
        "limit=x",
        "watch=maybe",
        "labelSelector=a%20b",
        "fieldSelector=spec.role%3Dx",
        "resourceVersion=x",
    ] {
        house.get(&format!("{teams}?{query}")).await.refused(400, "BadRequest");
    }
}

/// What PostgreSQL cannot keep is refused where it stands, and is no fault of ours.
#[tokio::test]
async fn texts_that_no_database_keeps() {
    let house = House::new().await;
    for (part, field) in [("metadata", "annotations"), ("spec", "metadata")] {
        let mut team = House::team("nul");
        team[part][field] = serde_json::json!({"note": "a\u{0}b"});
        let said = house.post(&House::collection("teams"), &team).await;
        let message = said.refused(422, "Invalid");
        assert!(
            message.contains(&format!("{part}.{field}.note: Invalid value")),
            "{message}"
        );
    }
}

/// A client reads why, and not that its connection was reset.
#[tokio::test]
async fn bodies_that_are_too_large() {
    let house = House::new().await;
    let mut team = House::team("large");
    team["spec"]["metadata"] = serde_json::json!({"text": "x".repeat(3 * 1024 * 1024)});
    let said = house.post(&House::collection("teams"), &team).await;
    let message = said.refused(413, "RequestEntityTooLarge");
    assert!(message.contains("limit is 1310720 bytes"), "{message}");
}

/// Whoever may not see an organization sees nothing of it.
#[tokio::test]
async fn namespaces_of_others_are_not_there() {
    let house = House::new().await;
    let token = house.server.token(NOBODY, None).await;
    let ask = async |path: &str| {
        let request = house.client.get(format!("{}{path}", house.url)).bearer_auth(&token);
        Said::of(request).await
    };
    ask("/api/v1/namespaces/litellm").await.refused(404, "NotFound");
    ask(&House::collection("teams")).await.refused(404, "NotFound");
    ask(&House::team_path("x")).await.refused(404, "NotFound");
    let all = ask(&format!("{GROUP}/teams")).await.is(200);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn every_answer_has_its_request_id() {
    let house = House::new().await;
    let said = Said::of(house.request(Method::GET, "/version").header("x-request-id", "mine-1")).await;
    assert_eq!(
        (said.header("audit-id"), said.header("x-request-id")),
        ("mine-1", "mine-1")
    );
    assert_eq!(said.header("x-content-type-options"), "nosniff");
    let said = house.get("/nowhere").await;
    assert!(!said.header("audit-id").is_empty());
}
