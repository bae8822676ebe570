//! What a service behind the proxy can check by itself.

use backend::authz;
use chrono::{TimeDelta, Utc};
use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use serde_json::Value;

use crate::office::{Office, Process, send};

async fn key_set(router: &axum::Router) -> JwkSet {
    let answer = send(router, "GET", "/.well-known/jwks.json", &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert!(!answer.text.contains("\"d\""), "the private part stays here");
    serde_json::from_str(&answer.text).expect("a key set")
}

/// As a service does it: `aud` is its own name, `iss` is Guildhall's address.
fn verified(keys: &JwkSet, assertion: &str, service: &str) -> Result<Value, jsonwebtoken::errors::Error> {
    let header = jsonwebtoken::decode_header(assertion)?;
    let jwk = keys.find(&header.kid.expect("a key id")).expect("a published key");
    let mut validation = Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_audience(&[service]);
    validation.set_issuer(&["http://127.0.0.1:3000"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    jsonwebtoken::decode::<Value>(assertion, &DecodingKey::from_jwk(jwk)?, &validation).map(|token| token.claims)
}

#[tokio::test]
async fn an_assertion_proves_who_it_is_to_one_service() {
    let office = Office::new().await;
    let project = office.project(office.team, "Main", Some(&office.member)).await;
    let (key, secret) = office.key(&office.member, office.team, Some(project)).await;
    let answer = office.ask(&secret, "llm-service").await;
    let assertion = answer.allowed().header("x-guildhall-assertion");
    let keys = key_set(&office.router).await;
    let claims = verified(&keys, assertion, "llm-service").expect("it is good");
    assert_eq!(claims["sub"], office.member.id.to_string());
    assert_eq!(claims["email"], "member@example.com");
    assert_eq!(
        (&claims["team"], &claims["team_name"]),
        (&office.team.to_string().into(), &"Engineering".into())
    );
    assert_eq!(
        (&claims["project"], &claims["key"]),
        (&project.to_string().into(), &key.to_string().into())
    );
    assert_eq!(claims["roles"], serde_json::json!(["team_member"]));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    assert!(
        verified(&keys, assertion, "analytics").is_err(),
        "it is for one service"
    );
    let mut forged = assertion.to_owned();
    forged.replace_range(forged.len() - 6.., "AAAAAA");
    assert!(verified(&keys, &forged, "llm-service").is_err());

    // Another process proves it, and signs with the same keys.
    let process = Process::start(&office.world.state);
    assert!(verified(&key_set(&process.router).await, assertion, "llm-service").is_ok());
    let theirs = process.ask(&secret, "llm-service").await;
    assert!(verified(&keys, theirs.allowed().header("x-guildhall-assertion"), "llm-service").is_ok());
    assert_eq!(office.world.count("SELECT count(*) FROM signing_keys").await, 1);
    let person = office.ask(&office.admin.token, "llm-service").await;
    let claims = verified(&keys, person.allowed().header("x-guildhall-assertion"), "llm-service").expect("good");
    assert_eq!(
        (claims.get("key"), &claims["roles"]),
        (None, &serde_json::json!(["team_admin"]))
    );
}

/// A warm assertion is handed out again, but never after what it says has changed.
#[tokio::test]
async fn an_assertion_is_never_out_of_date() {
    let office = Office::new().await;
    office.world.state.backend.principals.set_listening(true);
    let token = &office.member.token;
    let assertion = async || {
        office
            .ask(token, "llm-service")
            .await
            .allowed()
            .header("x-guildhall-assertion")
            .to_owned()
    };
    let first = assertion().await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(first, assertion().await, "kept for a moment: it says the same second");
    office.world.sql("UPDATE team_members SET role = 'admin'").await;
    office.world.state.backend.principals.forget_user(office.member.id);
    let promoted = assertion().await;
    let claims = verified(&key_set(&office.router).await, &promoted, "llm-service").expect("good");
    assert_eq!(claims["roles"], serde_json::json!(["team_admin"]));
}

/// A new key every 30 days, published a day before it signs; what the old one signed stays good.
#[tokio::test]
async fn keys_are_rotated_with_an_overlap() {
    let office = Office::new().await;
    let backend = &office.world.state.backend;
    let now = Utc::now();
    let first = authz::signer(backend, now).await.expect("a key");
    let count = || office.world.count("SELECT count(*) FROM signing_keys");
    for (days, keys) in [(1, 1), (28, 1), (29, 2), (29, 2), (31, 2), (33, 1)] {
        authz::rotate(backend, now + TimeDelta::days(days))
            .await
            .expect("rotated");
        assert_eq!(count().await, keys, "day {days}");
        if days == 29 {
            let process = Process::start(&office.world.state);
            let soon = authz::signer(&process.state.backend, now + TimeDelta::days(29))
                .await
                .expect("keys");
            assert_eq!(
                format!("{soon:?}"),
                format!("{first:?}"),
                "the new one is only published"
            );
            let process = Process::start(&office.world.state);
            let later = authz::signer(&process.state.backend, now + TimeDelta::days(31))
                .await
                .expect("keys");
            assert_ne!(format!("{later:?}"), format!("{first:?}"));
        }
    }
}

/// With a secret of the operator's, nobody who reads the database can sign.
#[tokio::test]
async fn the_private_key_is_sealed() {
    let office = Office::new().await;
    let with = |secret: &str| {
        let env = [("GUILDHALL_SECRET_KEY".to_owned(), secret.to_owned())];
        let config = server::config::Config::load(None, env).expect("a configuration");
        server::AppState::new(office.world.pool.clone(), config).expect("a configuration")
    };
    let secret = "0123456789abcdef0123456789abcdef";
    let first = authz::signer(&with(secret).backend, Utc::now()).await.expect("a key");
    assert_eq!(
        office
            .world
            .count("SELECT count(*) FROM signing_keys WHERE sealed")
            .await,
        1
    );
    let again = authz::signer(&with(secret).backend, Utc::now())
        .await
        .expect("the same");
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    // With another secret it cannot be opened: a new one is made, and both are published.
    let other = authz::signer(&with("another secret that is long enough").backend, Utc::now())
        .await
        .expect("a key");
    assert_ne!(format!("{first:?}"), format!("{other:?}"));
    let keys: JwkSet = serde_json::from_str(&other.jwks).expect("a key set");
    assert_eq!(keys.keys.len(), 2);
    let refused = server::config::Config::load(None, [("GUILDHALL_SECRET_KEY".to_owned(), "short".to_owned())]);
    assert!(
        refused
            .expect_err("too short")
            .to_string()
            .contains("at least 32 characters")
    );
}
