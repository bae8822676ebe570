//! What every answer has, and what no request gets past.

use std::time::Duration;

use reqwest::header;

use crate::common::{MAX, Server};

#[tokio::test]
async fn answers_tell_browsers_to_be_careful() {
    let server = Server::start().await;
    for path in [
        "/login",
        "/no/such/page",
        "/api/v1/auth/me",
        "/api/nothing",
        "/healthz",
        "/auth/login/oidc",
    ] {
        let answer = server.browse(path, None).await;
        let headers = answer.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
        assert!(headers.contains_key("permissions-policy"), "{path}");
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(
            policy.contains("default-src 'none'") || policy.contains("default-src 'self'"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"),
            "{path}: {policy}"
        );
        assert!(
            headers["cache-control"].to_str().expect("text").contains("no-store"),
            "{path}"
        );
        assert!(!headers.contains_key("strict-transport-security"), "{path}");
    }
}

#[tokio::test]
async fn request_ids_are_kept_if_they_are_sane() {
    let server = Server::start().await;
    let id = async |sent: &str| {
        let request = server
            .client
            .get(format!("{}/healthz", server.url))
            .header("x-request-id", sent);
        request.send().await.expect("an answer").headers()["x-request-id"]
            .to_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(id("abc-1").await, "abc-1");
    assert_ne!(id("a b").await, "a b");
    assert_eq!(id(&"x".repeat(100)).await.len(), 32);
}

#[tokio::test]
async fn other_sites_change_nothing() {
    let server = Server::start().await;
    let cookie = server.sign_in(MAX).await;
    let post = |path: &str| {
        server
            .client
            .post(format!("{}{path}", server.url))
            .header("cookie", &cookie)
    };
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for path in ["/auth/logout", "/api/v1/runners/jit", "/actions/anything"] {
            let answer = post(path).header(name, value).send().await.expect("an answer");
            assert_eq!(answer.status(), 403, "{path} {name}: {value}");
            let body: serde_json::Value = answer.json().await.expect("JSON");
            assert_eq!(body["error_code"], "CROSS_SITE_REQUEST");
        }
    }
    let page = post("/auth/logout")
        .header("origin", "null")
        .header("accept", "text/html")
        .send()
        .await
        .expect("an answer");
    assert_eq!(page.status(), 403);
    assert!(page.text().await.expect("a page").contains("another site"));
    let own = post("/auth/logout")
        .header("origin", &server.url)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(own.send().await.expect("an answer").status(), 303);
}

#[tokio::test]
async fn unknown_actions_are_not_found() {
    use reqwest::Method;
    let server = Server::start().await;
    let cookie = server.sign_in(MAX).await;
    let send = async |method: Method, path: &str, accept: &str| {
        let request = server
            .client
            .request(method, format!("{}{path}", server.url))
            .header("cookie", &cookie)
            .header("accept", accept)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &server.url);
        request.send().await.expect("an answer")
    };
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let page = send(method.clone(), "/actions/nothing/here", "text/html").await;
        assert_eq!(page.status(), 404, "{method}");
        let page = page.text().await.expect("a page");
        assert!(
            page.contains("Guildhall</title>") && !page.contains("server function"),
            "{page}"
        );
    }
    let answer = send(Method::POST, "/actions/nothing", "*/*").await;
    assert_eq!(answer.status(), 404);
    let body: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(body["error_code"], "NOT_FOUND");
    // An action is sent, not visited.
    let visited = send(Method::GET, "/actions/teams/create", "text/html").await;
    assert_eq!(visited.status(), 405);
    assert_eq!(
        send(Method::POST, "/actions/teams/create", "text/html").await.status(),
        303
    );
}

#[tokio::test]
async fn bodies_end_at_one_mebibyte() {
    let server = Server::start().await;
    server.person("ada@example.com", true).await;
    let token = server.token("ada@example.com", None).await;
    let announced = vec![b'x'; 1024 * 1024 + 1];
    for path in ["/api/v1/admin/teams", "/actions/anything", "/auth/logout"] {
        let request = server
            .client
            .post(format!("{}{path}", server.url))
            .bearer_auth(&token)
            .body(announced.clone());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 413, "{path}");
        assert_eq!(
            answer.json::<serde_json::Value>().await.expect("JSON")["error_code"],
            "BODY_TOO_LARGE"
        );
    }
    let answer = chunked(&server, &format!("authorization: Bearer {token}\r\n"), 1024 * 1024 + 1).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

/// A POST whose length nobody announced.
async fn chunked(server: &Server, headers: &str, length: usize) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = server.url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let head =
        format!("POST /api/v1/admin/teams HTTP/1.1\r\nhost: {address}\r\ntransfer-encoding: chunked\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let chunk = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
    // The server may answer, and close, before it has read all.
    let _ = stream.write_all(chunk.as_bytes()).await;
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer))
        .await
        .expect("in time");
    String::from_utf8_lossy(&answer[..read.expect("an answer")]).into_owned()
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_readers_language() {
    let server = Server::start().await;
    let api = server.browse("/api/v1/nothing", None).await;
    assert_eq!(
        (api.status().as_u16(), &api.headers()["content-type"]),
        (404, &"application/problem+json".parse().expect("a value"))
    );
    let request = server.client.delete(format!("{}/api/v1/auth/me", server.url));
    let method = request.send().await.expect("an answer");
    assert_eq!(method.status(), 405);
    assert_eq!(
        method.json::<serde_json::Value>().await.expect("JSON")["error_code"],
        "METHOD_NOT_ALLOWED"
    );
    let page = server.browse("/no/such/page", None).await;
    assert_eq!(page.status(), 404);
    assert!(
        page.headers()[header::CONTENT_TYPE]
            .to_str()
            .expect("text")
            .starts_with("text/html")
    );
    let asset = server.browse("/pkg/0000000000000000/guildhall.css", None).await;
    assert_eq!(asset.status(), 404);
    assert!(
        !asset.headers()["cache-control"]
            .to_str()
            .expect("text")
            .contains("public")
    );
}

#[tokio::test]
async fn machines_learn_how_it_is() {
    let server = Server::start().await;
    let text = async |path: &str| {
        let answer = server
            .client
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    assert_eq!(text("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(text("/readyz").await, (200, "ready\n".to_owned()));
    let health: serde_json::Value = serde_json::from_str(&text("/health").await.1).expect("JSON");
    assert_eq!(health["status"], "healthy");
    // B29.
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    let at: chrono::DateTime<chrono::Utc> = health["timestamp"].as_str().expect("text").parse().expect("a time");
    let age = (chrono::Utc::now() - at).num_seconds();
    assert!((0..60).contains(&age), "{age}");
    let _ = text("/api/v1/secret-word").await;
    let metrics = text("/metrics").await.1;
    assert!(metrics.contains("route=\"/healthz\""), "{metrics}");
    assert!(
        metrics.contains("guildhall_database_connections{state=\"idle\"}"),
        "{metrics}"
    );
    assert!(!metrics.contains("secret-word"), "only routes become labels");
}

#[tokio::test]
async fn without_the_database_it_is_alive_and_not_ready() {
    let server = Server::start().await;
    server.database.pool.close().await;
    let status = async |path: &str| {
        server
            .client
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16()
    };
    assert_eq!(status("/healthz").await, 200);
    assert_eq!(status("/readyz").await, 503);
    let (code, body) = server.me("guildhall_pat_x").await;
    assert_eq!(
        (code, &body["error_code"]),
        (503, &serde_json::json!("DATABASE_UNAVAILABLE"))
    );
    let page = server
        .client
        .get(format!("{}/teams", server.url))
        .header("cookie", "guildhall=AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(
        page.header("accept", "text/html")
            .send()
            .await
            .expect("an answer")
            .status(),
        503
    );
}

#[tokio::test]
async fn without_github_the_form_for_a_runner_says_so_and_offers_nothing_to_send() {
    let nothing = [("GUILDHALL_GITHUB_ORG", ""), ("GUILDHALL_GITHUB_TOKEN", "")];
    for (server, ready) in [(Server::start().await, true), (Server::with(&nothing).await, false)] {
        let cookie = server.sign_in(MAX).await;
        let page = server.browse("/provision", Some(&cookie)).await;
        assert_eq!(page.status(), 200);
        let html = page.text().await.expect("a page");
        assert_eq!(html.contains("GitHub is not configured"), !ready);
        assert_eq!(html.contains(">Provision JIT Runner</button>"), ready);
    }
}
