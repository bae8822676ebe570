//! Who asks.

use serde_json::json;
use sha2::Digest as _;
use simulators::oidc::{OidcSimulator, Person};

use crate::office::{Office, Process, send, within};

#[tokio::test]
async fn d13_bad_credentials_are_401_whatever_is_wrong_with_them() {
    let office = Office::new().await;
    let (revoked, secret) = office.key(&office.member, office.team, None).await;
    let (ended, expired) = office.key(&office.member, office.team, None).await;
    office.ask(&secret, "llm-service").await.allowed();
    office
        .world
        .sql(&format!(
            "UPDATE api_keys SET revoked_at = now() WHERE id = '{revoked}'"
        ))
        .await;
    office
        .world
        .sql(&format!(
            "UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE id = '{ended}'"
        ))
        .await;
    let validation = |words: &str| format!("Token validation failed: {words}");
    for (credential, words) in [
        (secret.as_str(), validation("the key is unknown or revoked")),
        (&expired, validation("the key has expired")),
        ("sk-unknown", validation("the key is unknown or revoked")),
        ("sk-", validation("the key is unknown or revoked")),
        ("guildhall_pat_unknown", validation("the token is unknown or revoked")),
        (
            "a.b.c",
            validation("no OpenID provider is configured here (GUILDHALL_OIDC_ISSUER)"),
        ),
        (
            "nonsense",
            validation("it is neither a key, nor a personal access token, nor a JWT"),
        ),
    ] {
        office.ask(credential, "llm-service").await.refused(401, &words);
        // The same for a service that there is not: whoever is nobody learns nothing.
        office.ask(credential, "no-such").await.refused(401, &words);
    }
    for headers in [
        &[][..],
        &[("authorization", "Basic YTpi")],
        &[("cookie", "guildhall=AAAAAAAAAAAAAAAAAAAAAA")],
        &[("x-api-key", "")],
    ] {
        send(&office.router, "GET", "/authz/llm-service", headers)
            .await
            .refused(401, "Not authenticated");
    }
}

#[tokio::test]
async fn keys_come_as_bearer_or_in_a_header_of_their_own() {
    let office = Office::new().await;
    let (_, secret) = office.key(&office.member, office.team, None).await;
    let bearer = format!("Bearer {secret}");
    for headers in [
        &[("authorization", bearer.as_str())][..],
        &[("x-api-key", &secret)],
        // What the service itself wants in `Authorization` is none of ours.
        &[("x-api-key", &secret), ("authorization", "Basic YTpi")],
    ] {
        for method in ["GET", "POST", "DELETE", "OPTIONS", "PURGE"] {
            send(&office.router, method, "/authz/llm-service", headers)
                .await
                .allowed();
        }
    }
    let two = "Not authenticated: send one credential, not several";
    for headers in [
        &[("x-api-key", secret.as_str()), ("authorization", bearer.as_str())][..],
        &[("x-api-key", &secret), ("x-api-key", &secret)],
    ] {
        send(&office.router, "GET", "/authz/llm-service", headers)
            .await
            .refused(401, two);
    }
}

#[tokio::test]
async fn deactivated_people_and_their_keys_are_refused() {
    let office = Office::new().await;
    let (_, secret) = office.key(&office.member, office.team, None).await;
    office
        .world
        .sql(&format!(
            "UPDATE users SET deactivated_at = now() WHERE id = '{}'",
            office.member.id
        ))
        .await;
    for credential in [secret.as_str(), &office.member.token] {
        office
            .ask(credential, "llm-service")
            .await
            .refused(403, "User account is deactivated.");
    }
}

/// Sessions of the console, and JWTs with the seed's `team_id`.
#[tokio::test]
async fn d5_jwts_and_sessions() {
    let office = Office::new().await;
    let person = Person::new("member@example.com", "Max Member", "");
    let oidc = OidcSimulator::start_with(vec![person.clone()])
        .await
        .expect("a free port");
    let issuer = oidc.issuer();
    let env = [
        ("GUILDHALL_OIDC_ISSUER", issuer.as_str()),
        ("GUILDHALL_OIDC_CLIENT_ID", oidc.client_id()),
        ("GUILDHALL_PUBLIC_URL", "http://guild.example"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = server::config::Config::load(None, env).expect("a configuration");
    let state = server::AppState::new(office.world.pool.clone(), config).expect("a configuration");
    let process = Process::over(office.world.pool.clone(), &state);

    let plain = oidc.mint_token(&person, &json!({}), 600);
    process.ask(&plain, "llm-service").await.allowed();
    let bound = |team: &str| oidc.mint_token(&person, &json!({"team_id": team}), 600);
    process
        .ask(&bound(&office.team.to_string()), "llm-service")
        .await
        .allowed();
    process.ask(&bound("engineering"), "llm-service").await.allowed();
    let elsewhere = office.world.team_in(office.organization, "Elsewhere").await;
    for foreign in [
        elsewhere.to_string(),
        uuid::Uuid::now_v7().to_string(),
        "nonsense\0".to_owned(),
    ] {
        process
            .ask(&bound(&foreign), "llm-service")
            .await
            .refused(403, "You are not a member of this team");
    }
    // The header picks, also against the token.
    let authorization = format!("Bearer {}", bound(&elsewhere.to_string()));
    let team = office.team.to_string();
    let headers = [("authorization", authorization.as_str()), ("x-team-id", &team)];
    send(&process.router, "GET", "/authz/llm-service", &headers)
        .await
        .allowed();
    let late = oidc.mint_token(&person, &json!({}), -600);
    assert_eq!(process.ask(&late, "llm-service").await.status, 401);

    let data = json!({"user": office.member.id});
    let end = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    backend::sessions::create(&state.backend, "AAECAwQFBgcICQoLDA0ODw", &data, end)
        .await
        .expect("a session");
    let cookie = [("cookie", "theme=dark; guildhall=AAECAwQFBgcICQoLDA0ODw")];
    let answer = send(&process.router, "GET", "/authz/llm-service", &cookie).await;
    assert_eq!(answer.allowed().header("x-guildhall-email"), "member@example.com");
    // There is nothing to forge: whatever the browser says of where a request comes from.
    let foreign = [
        cookie[0],
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ];
    send(&process.router, "POST", "/authz/llm-service", &foreign)
        .await
        .allowed();
    backend::sessions::delete(&state.backend, "AAECAwQFBgcICQoLDA0ODw")
        .await
        .expect("deleted");
    let soon = std::time::Duration::from_secs(1);
    within(soon, async || {
        send(&process.router, "GET", "/authz/llm-service", &cookie).await.status == 401
    })
    .await;
}

#[tokio::test]
async fn browsers_get_a_page_with_the_way_on() {
    let office = Office::new().await;
    let html = ("accept", "text/html,*/*;q=0.8");
    let answer = send(&office.router, "GET", "/authz/llm-service", &[html]).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.text.contains("/login\">Sign in"), "{}", answer.text);
    // It is shown at the service's address: nothing in it is loaded from there, or at all.
    let policy = answer.header("content-security-policy");
    let style = answer
        .text
        .split(['<', '>'])
        .skip_while(|part| *part != "style")
        .nth(1)
        .expect("a style");
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sha2::Sha256::digest(style));
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains(&hash),
        "{policy}"
    );
    assert!(
        !answer.text.contains(" src=") && !answer.text.contains("<link"),
        "{}",
        answer.text
    );
    let answer = office.ask_with(&office.member.token, "analytics", &[html]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.header("x-guildhall-reason"),
        "Service 'analytics' not allowed for team"
    );
    assert!(
        answer.text.contains("Service &#39;analytics&#39; not allowed for team"),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains("/admin/explain?service=analytics"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("Who can change it"), "{}", answer.text);
    let answer = office.ask_with(&office.member.token, "%3Cscript%3E", &[html]).await;
    assert!(!answer.text.contains("<script>"), "{}", answer.text);
}
