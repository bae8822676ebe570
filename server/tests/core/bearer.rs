//! SPEC B1: who may call the API, and what the others are told.

use chrono::TimeDelta;
use serde_json::json;
use simulators::oidc::{Person, Signature};

use crate::common::{MAX, Server, UNVERIFIED};

#[tokio::test]
async fn b1_without_credentials() {
    let server = Server::start().await;
    let answer = server
        .client
        .get(format!("{}/api/v1/auth/me", server.url))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    let body: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(
        (&body["detail"], &body["error_code"]),
        (&json!("Not authenticated"), &json!("NOT_AUTHENTICATED"))
    );
    assert_eq!(body["request_id"], id);
}

#[tokio::test]
async fn tokens_work_until_they_end() {
    let server = Server::start().await;
    server.person("ada@example.com", true).await;
    let token = server.token("ada@example.com", Some(TimeDelta::hours(1))).await;
    let (status, me) = server.me(&token).await;
    assert_eq!((status, &me["email"]), (200, &json!("ada@example.com")));

    sqlx::query("UPDATE personal_access_tokens SET expires_at = now() - interval '1 second'")
        .execute(&server.database.pool)
        .await
        .expect("changed");
    let (status, body) = server.me(&token).await;
    assert_eq!((status, &body["error_code"]), (401, &json!("INVALID_TOKEN")));
    assert_eq!(body["detail"], "Token validation failed: the token has expired");

    let revoked = server.token("ada@example.com", None).await;
    sqlx::query("UPDATE personal_access_tokens SET revoked_at = now()")
        .execute(&server.database.pool)
        .await
        .expect("changed");
    assert_eq!(server.me(&revoked).await.0, 401);
    assert_eq!(server.me("guildhall_pat_unknown").await.0, 401);
    assert_eq!(server.me("nonsense").await.1["error_code"], "INVALID_TOKEN");
}

#[tokio::test]
async fn b1_jwts_of_the_issuer_make_an_account_once() {
    let server = Server::start().await;
    let max = server.oidc.person(MAX).expect("known").clone();
    let jwt = server.oidc.mint_token(&max, &json!({}), 600);
    // At once: one account comes of it.
    let (first, second) = tokio::join!(server.me(&jwt), server.me(&jwt));
    assert_eq!((first.0, second.0), (200, 200));
    assert_eq!(first.1["user_id"], second.1["user_id"]);
    assert_eq!(first.1["email"], MAX);
}

#[tokio::test]
async fn b1_other_jwts_are_refused() {
    let server = Server::start().await;
    let max = server.oidc.person(MAX).expect("known").clone();
    let expired = server.oidc.mint_token(&max, &json!({}), -600);
    let (status, body) = server.me(&expired).await;
    assert_eq!(
        (status, body["detail"].as_str()),
        (401, Some("Token validation failed: it has expired"))
    );
    let elsewhere = server.oidc.mint_token(&max, &json!({"aud": "somebody-else"}), 600);
    assert_eq!(server.me(&elsewhere).await.0, 401);
    let forged = server.oidc.mint_token_with(&max, &json!({}), 600, &Signature::None);
    assert_eq!(server.me(&forged).await.0, 401);
    let machine = server.oidc.mint_token(&max, &json!({"gty": "client-credentials"}), 600);
    let (status, body) = server.me(&machine).await;
    assert_eq!(
        (status, &body["error_code"]),
        (403, &json!("OAUTH_CLIENT_REFUSED")),
        "nobody registered it"
    );
}

#[tokio::test]
async fn b1_keys_that_cannot_be_fetched() {
    let server = Server::start().await;
    let max = server.oidc.person(MAX).expect("known").clone();
    server.oidc.fail_jwks(Some(500));
    let (status, body) = server.me(&server.oidc.mint_token(&max, &json!({}), 600)).await;
    assert_eq!((status, &body["error_code"]), (503, &json!("JWKS_UNAVAILABLE")));
    assert!(
        body["detail"]
            .as_str()
            .expect("text")
            .starts_with("Failed to fetch JWKS: "),
        "{body}"
    );
}

#[tokio::test]
async fn x17_closed_sign_up_and_deactivated_accounts() {
    let server = Server::with(&[("GUILDHALL_SIGNUP", "closed")]).await;
    let max = server.oidc.person(MAX).expect("known").clone();
    let jwt = server.oidc.mint_token(&max, &json!({}), 600);
    let (status, body) = server.me(&jwt).await;
    let literal = "User not authorized. Contact administrator to request access.";
    assert_eq!((status, body["detail"].as_str()), (403, Some(literal)));
    // Someone invited is no stranger.
    let id = server.person(MAX, false).await;
    assert_eq!(server.me(&jwt).await.0, 200);
    sqlx::query("UPDATE users SET deactivated_at = now() WHERE id = $1")
        .bind(id.0)
        .execute(&server.database.pool)
        .await
        .expect("changed");
    let (status, body) = server.me(&jwt).await;
    assert_eq!(
        (status, body["detail"].as_str()),
        (403, Some("User account is deactivated."))
    );
}

#[tokio::test]
async fn an_address_that_is_not_verified_joins_no_account() {
    let server = Server::start().await;
    server.person(UNVERIFIED, true).await;
    let person: Person = server.oidc.person(UNVERIFIED).expect("known").clone();
    let (status, body) = server.me(&server.oidc.mint_token(&person, &json!({}), 600)).await;
    assert_eq!((status, &body["error_code"]), (403, &json!("USER_NOT_AUTHORIZED")));
}
