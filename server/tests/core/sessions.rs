//! Sessions: who has one, and when it ends.

use crate::common::{MAX, Server, location, set_cookie};

async fn rows(server: &Server) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM sessions")
        .fetch_one(&server.database.pool)
        .await
        .expect("a count")
}

async fn status_of_me(server: &Server, cookie: &str) -> u16 {
    let request = server
        .client
        .get(format!("{}/api/v1/auth/me", server.url))
        .header("cookie", cookie);
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn visitors_get_neither_row_nor_cookie() {
    let server = Server::start().await;
    for path in ["/login", "/admin/teams", "/no/such/page", "/api/v1/auth/me", "/healthz"] {
        let answer = server.browse(path, None).await;
        assert_eq!(set_cookie(&answer), None, "{path}");
    }
    assert_eq!(rows(&server).await, 0);
}

#[tokio::test]
async fn pages_cost_no_write() {
    let server = Server::start().await;
    let cookie = server.sign_in(MAX).await;
    let version = "SELECT xmin::text FROM sessions WHERE user_id IS NOT NULL";
    let before: String = sqlx::query_scalar(version)
        .fetch_one(&server.database.pool)
        .await
        .expect("a row");
    for path in ["/teams", "/provision", "/teams"] {
        let answer = server.browse(path, Some(&cookie)).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(set_cookie(&answer), None, "{path}");
    }
    let after: String = sqlx::query_scalar(version)
        .fetch_one(&server.database.pool)
        .await
        .expect("a row");
    assert_eq!(before, after);
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let server = Server::start().await;
    let cookie = server.sign_in(MAX).await;
    assert_eq!(status_of_me(&server, &cookie).await, 200);
    let request = server
        .client
        .post(format!("{}/auth/logout", server.url))
        .header("cookie", &cookie);
    let answer = request.send().await.expect("an answer");
    assert_eq!(location(&answer), "/login");
    let removal = answer.headers()["set-cookie"].to_str().expect("text");
    assert!(
        removal.starts_with("guildhall=;") && removal.contains("Max-Age=0"),
        "{removal}"
    );
    assert_eq!(status_of_me(&server, &cookie).await, 401);
    let page = server.browse("/teams", Some(&cookie)).await;
    assert!(location(&page).starts_with("/login?next="));
    // No link or picture can sign anyone out.
    assert_eq!(server.browse("/auth/logout", None).await.status(), 405);
}

#[tokio::test]
async fn ended_and_deactivated_means_out() {
    let server = Server::start().await;
    let cookie = server.sign_in(MAX).await;
    let pool = &server.database.pool;
    sqlx::query("UPDATE users SET deactivated_at = now()")
        .execute(pool)
        .await
        .expect("changed");
    assert_eq!(status_of_me(&server, &cookie).await, 401);
    sqlx::query("UPDATE users SET deactivated_at = NULL")
        .execute(pool)
        .await
        .expect("changed");
    assert_eq!(status_of_me(&server, &cookie).await, 200);
    sqlx::query("UPDATE sessions SET expires_at = now() - interval '1 second'")
        .execute(pool)
        .await
        .expect("changed");
    assert_eq!(status_of_me(&server, &cookie).await, 401);
    sqlx::query("DELETE FROM sessions")
        .execute(pool)
        .await
        .expect("deleted");
    assert_eq!(status_of_me(&server, &cookie).await, 401);
}

#[tokio::test]
async fn a_request_on_its_way_does_not_bring_an_ended_session_back() {
    let server = Server::start().await;
    let cookie = server.sign_in(MAX).await;
    let pool = &server.database.pool;
    // As if it was last seen long ago, so that the next request writes.
    let id: String = sqlx::query_scalar("UPDATE sessions SET data = data || '{\"seen_at\": 0}' RETURNING id")
        .fetch_one(pool)
        .await
        .expect("a row");
    let record = backend::sessions::load(
        &server.state.backend,
        cookie.split_once('=').expect("a cookie").1,
        chrono::DateTime::UNIX_EPOCH,
    );
    let (data, end) = record.await.expect("an answer").expect("a session");
    sqlx::query("DELETE FROM sessions WHERE id = $1")
        .bind(&id)
        .execute(pool)
        .await
        .expect("deleted");
    let secret = cookie.split_once('=').expect("a cookie").1;
    backend::sessions::save(&server.state.backend, secret, &data, end)
        .await
        .expect("no error");
    assert_eq!(rows(&server).await, 0);
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_the_host() {
    let server = Server::with(&[("GUILDHALL_PUBLIC_URL", "https://guild.example")]).await;
    let begun = server
        .client
        .get(format!("{}/auth/login/oidc?here=1", server.url))
        .send()
        .await
        .expect("an answer");
    let cookie = begun.headers()["set-cookie"].to_str().expect("text").to_owned();
    assert!(
        cookie.starts_with("__Host-guildhall=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    assert!(!cookie.contains("Domain"));
    assert!(begun.headers().contains_key("strict-transport-security"));
    let pair = cookie.split(';').next().expect("a pair");
    let out = server
        .client
        .post(format!("{}/auth/logout", server.url))
        .header("cookie", pair)
        .send()
        .await
        .expect("an answer");
    let removal = out.headers()["set-cookie"].to_str().expect("text");
    assert!(
        removal.contains("Max-Age=0") && removal.contains("; Secure"),
        "{removal}"
    );
}

/// Issue 3: a sign-in is written down at once; what is used after it, once an hour.
#[tokio::test]
async fn a_sign_in_is_when_someone_was_last_seen() {
    let server = Server::start().await;
    let seen = async || -> Option<chrono::DateTime<chrono::Utc>> {
        sqlx::query_scalar("SELECT last_seen_at FROM users WHERE email = $1")
            .bind(MAX)
            .fetch_one(&server.database.pool)
            .await
            .expect("a row")
    };
    let cookie = server.sign_in(MAX).await;
    let first = seen().await.expect("written at the sign-in");
    assert_eq!(server.browse("/teams", Some(&cookie)).await.status(), 200);
    let token = server.token(MAX, None).await;
    assert_eq!(server.me(&token).await.0, 200);
    backend::users::write_last_seen(&server.database.pool)
        .await
        .expect("written");
    assert_eq!(seen().await, Some(first), "once an hour");

    // Someone who never signed in, but uses a token.
    server.person("robot@example.com", false).await;
    let token = server.token("robot@example.com", None).await;
    assert_eq!(server.me(&token).await.0, 200);
    backend::users::write_last_seen(&server.database.pool)
        .await
        .expect("written");
    let robot: bool =
        sqlx::query_scalar("SELECT last_seen_at IS NOT NULL FROM users WHERE email = 'robot@example.com'")
            .fetch_one(&server.database.pool)
            .await
            .expect("a row");
    assert!(robot);
}
