//! The OpenID client against the simulator.
#![expect(clippy::expect_used, reason = "a panic in a test is the failure")]

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use integrations::oidc::{Config, Error, Identity, PendingLogin, Provider};
use reqwest::{Client, Url};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulators::oidc::{OidcOptions, OidcSimulator, Person, Signature, SigningKey};

const CALLBACK: &str = "http://127.0.0.1:9/auth/callback/oidc";

fn people() -> Vec<Person> {
    let mut unverified = Person::new("uma@example.com", "Uma <b>Unverified</b>", "");
    unverified.email_verified = false;
    vec![Person::new("ada@example.com", "Ada Admin", "super_admin"), unverified]
}

async fn simulator(change: impl FnOnce(&mut OidcOptions)) -> OidcSimulator {
    let mut options = OidcOptions {
        people: people(),
        ..OidcOptions::default()
    };
    change(&mut options);
    OidcSimulator::start("127.0.0.1:0".parse().expect("an address"), options)
        .await
        .expect("a free port")
}

fn provider(simulator: &OidcSimulator) -> Provider {
    let mut config = Config::new(simulator.issuer(), simulator.client_id(), CALLBACK);
    config.client_secret = simulator.client_secret().map(Into::into);
    config.timeout = Duration::from_secs(2);
    Provider::new(config).expect("a good configuration")
}

fn browser() -> Client {
    let _ = Provider::new(Config::new("http://127.0.0.1", "x", CALLBACK)); // sets up TLS, which reqwest wants even for http
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

/// Reads the page at `url`, presses the button `name=value` of its form, and returns the callback's query.
async fn press(url: &str, name: &str, value: &str) -> HashMap<String, String> {
    let browser = browser();
    let page = browser.get(url).send().await.expect("a page");
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("form-action 'self' http://127.0.0.1:9"),
        "{policy}"
    );
    let html = page.text().await.expect("text");
    assert!(
        html.contains("Uma &lt;b&gt;Unverified") && !html.contains("<script"),
        "{html}"
    );
    assert!(
        html.contains(&format!("name={name} value=")) && html.contains(value),
        "{html}"
    );
    let mut form: HashMap<String, String> = html
        .split("<input type=hidden name=")
        .skip(1)
        .map(|input| {
            let (name, rest) = input.split_once(" value=\"").expect("a value");
            (name.to_owned(), rest.split_once('"').expect("an end").0.to_owned())
        })
        .collect();
    form.insert(name.to_owned(), value.to_owned());
    let action = Url::parse(url).expect("a URL").join("/authorize").expect("a URL");
    let answer = browser.post(action).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str().expect("text");
    assert!(location.starts_with(CALLBACK), "{location}");
    Url::parse(location)
        .expect("a URL")
        .query_pairs()
        .into_owned()
        .collect()
}

async fn sign_in(provider: &Provider, email: &str) -> Result<Identity, Error> {
    let login = provider.begin().await?;
    let query = press(&login.url, "as", email).await;
    assert!(login.pending.matches_state(&query["state"]));
    provider.complete(&login.pending, &query["code"]).await
}

/// A pending sign-in with one of its secrets changed, as only a test can.
fn tampered(pending: &PendingLogin, field: &str) -> PendingLogin {
    let mut json = serde_json::to_value(pending).expect("it serialises for sessions");
    assert!(json[field].is_string());
    json[field] = json!("0123456789012345678901234567890123456789012345");
    serde_json::from_value(json).expect("the same shape")
}

#[tokio::test]
async fn somebody_signs_in() {
    let simulator = simulator(|_| ()).await;
    let ada = sign_in(&provider(&simulator), "ada@example.com")
        .await
        .expect("an identity");
    assert_eq!(ada.issuer, simulator.issuer());
    assert_eq!(ada.subject, "sim|ada@example.com");
    assert_eq!(
        (ada.email.as_deref(), ada.email_verified),
        (Some("ada@example.com"), true)
    );
    assert_eq!(ada.name.as_deref(), Some("Ada Admin"));
    assert!(!ada.client_credentials && ada.expires_at > SystemTime::now());
    let uma = sign_in(&provider(&simulator), "uma@example.com")
        .await
        .expect("an identity");
    assert!(!uma.email_verified);
    assert_eq!(simulator.calls().get("userinfo"), None, "the ID token said it all");
}

#[tokio::test]
async fn public_clients_rsa_and_userinfo_work_too() {
    let simulator = simulator(|options| {
        options.client_secret = None;
        options.profile_in_id_token = false;
        options.signing_key = SigningKey::well_known_rsa();
        options.people[0].groups = vec!["platform".to_owned()];
    })
    .await;
    let provider = provider(&simulator);
    let ada = sign_in(&provider, "ada@example.com").await.expect("an identity");
    assert_eq!(
        (ada.email.as_deref(), ada.email_verified),
        (Some("ada@example.com"), true)
    );
    assert_eq!(
        (ada.name.as_deref(), ada.groups.as_slice()),
        (Some("Ada Admin"), &["platform".to_owned()][..])
    );
    let token = simulator.mint_token(&people()[0], &Value::Null, 60);
    assert!(provider.verify_bearer(&token).await.is_ok());
}

#[tokio::test]
async fn declining_is_told_apart() {
    let simulator = simulator(|_| ()).await;
    let login = provider(&simulator).begin().await.expect("a login");
    let query = press(&login.url, "action", "cancel").await;
    let error = Error::from_callback(&query["error"], query.get("error_description").map(String::as_str));
    assert_eq!(error, Error::Denied("You chose not to sign in. (access_denied)".into()));
}

#[tokio::test]
async fn wrong_nonces_verifiers_and_codes_are_refused() {
    let simulator = simulator(|_| ()).await;
    let provider = provider(&simulator);
    let login = provider.begin().await.expect("a login");
    assert!(!login.pending.matches_state("something else"));

    let code = press(&login.url, "as", "ada@example.com").await["code"].clone();
    let error = provider
        .complete(&tampered(&login.pending, "nonce"), &code)
        .await
        .expect_err("another nonce");
    assert_eq!(error, Error::Token("Invalid nonce: nonce mismatch".into()));

    let code = press(&login.url, "as", "ada@example.com").await["code"].clone();
    let error = provider
        .complete(&tampered(&login.pending, "pkce_verifier"), &code)
        .await
        .expect_err("another verifier");
    assert!(
        matches!(&error, Error::Refused(why) if why.contains("code_verifier")),
        "{error:?}"
    );

    let code = press(&login.url, "as", "ada@example.com").await["code"].clone();
    provider.complete(&login.pending, &code).await.expect("an identity");
    let error = provider.complete(&login.pending, &code).await.expect_err("a used code");
    assert!(
        matches!(&error, Error::Refused(why) if why.contains("invalid_grant")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_wrong_client_secret_is_not_the_persons_fault() {
    let simulator = simulator(|_| ()).await;
    let mut config = Config::new(simulator.issuer(), simulator.client_id(), CALLBACK);
    config.client_secret = Some("wrong".into());
    let error = sign_in(&Provider::new(config).expect("a configuration"), "ada@example.com").await;
    assert!(
        matches!(&error, Err(Error::Refused(why)) if why.contains("invalid_client")),
        "{error:?}"
    );
}

#[tokio::test]
async fn bearer_tokens_are_verified_without_network_once_warm() {
    let simulator = simulator(|_| ()).await;
    let provider = provider(&simulator);
    let ada = simulator.person("ada@example.com").expect("she exists").clone();
    let extra = json!({"gty": "client-credentials", "team_id": "t-1", "groups": ["a", "b"], "name": null});
    for _ in 0..3 {
        let who = provider
            .verify_bearer(&simulator.mint_token(&ada, &extra, 60))
            .await
            .expect("an identity");
        assert_eq!(
            (who.subject.as_str(), who.email_verified, who.name),
            ("sim|ada@example.com", true, None)
        );
        assert_eq!(
            (who.team_id.as_deref(), who.groups.len(), who.client_credentials),
            (Some("t-1"), 2, true)
        );
    }
    assert_eq!((simulator.calls()["discovery"], simulator.calls()["jwks"]), (1, 1));
    simulator.stop().await;
    let token = simulator.mint_token(&ada, &Value::Null, 60);
    for _ in 0..2 {
        provider.verify_bearer(&token).await.expect("an identity, from memory");
    }
}

#[tokio::test]
async fn bad_bearer_tokens_are_refused() {
    let simulator = simulator(|_| ()).await;
    let provider = provider(&simulator);
    let ada = simulator.person("ada@example.com").expect("she exists").clone();
    let mint = |claims: Value, ttl| simulator.mint_token(&ada, &claims, ttl);
    let now = jiffy();
    let cases = [
        ("expired", mint(Value::Null, -61), "it has expired"),
        ("early", mint(json!({"nbf": now + 120}), 600), "it is not valid yet"),
        (
            "another audience",
            mint(json!({"aud": "other"}), 60),
            "it is meant for another audience",
        ),
        (
            "no audience",
            mint(json!({"aud": null}), 60),
            "it lacks the claim `aud`",
        ),
        (
            "another issuer",
            mint(json!({"iss": "https://evil.example"}), 60),
            "it comes from another issuer",
        ),
        ("no subject", mint(json!({"sub": null}), 60), "it is malformed"),
        ("no expiry", mint(json!({"exp": null}), 60), "it is malformed"),
        (
            "no signature",
            signed(&simulator, &ada, &Signature::None),
            "it is not a JWT with a known algorithm",
        ),
        (
            "forged",
            signed(&simulator, &ada, &Signature::Forged),
            "its signature is wrong",
        ),
        (
            "unknown key",
            signed(&simulator, &ada, &Signature::UnknownKey),
            "it is signed with an unknown key",
        ),
        (
            "a shared secret",
            signed(
                &simulator,
                &ada,
                &Signature::SharedSecret(simulators::TEST_RSA_PUBLIC_KEY.into()),
            ),
            "the algorithm HS256 is not allowed",
        ),
        ("not a token", "x".to_owned(), "it is not a JWT with a known algorithm"),
        ("too long", "x".repeat(20_000), "it is too long"),
    ];
    for (name, token, why) in cases {
        let error = provider.verify_bearer(&token).await.expect_err(name);
        assert_eq!(error.to_string(), format!("Token validation failed: {why}"), "{name}");
        assert!(!error.is_unavailable());
    }
    provider
        .verify_bearer(&mint(Value::Null, -30))
        .await
        .expect("within the 60 s that clocks may differ");
    provider
        .verify_bearer(&mint(json!({"nbf": now + 30}), 60))
        .await
        .expect("the same");
    provider
        .verify_bearer(&mint(json!({"aud": ["x", "guildhall"]}), 60))
        .await
        .expect("one of its audiences");
}

fn signed(simulator: &OidcSimulator, person: &Person, signature: &Signature) -> String {
    simulator.mint_token_with(person, &Value::Null, 60, signature)
}

fn jiffy() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let simulator = simulator(|_| ()).await;
    let provider = provider(&simulator);
    let token = simulator.mint_token(&people()[0], &Value::Null, -58);
    provider.verify_bearer(&token).await.expect("just within the leeway");
    tokio::time::sleep(Duration::from_millis(3100)).await;
    assert!(matches!(provider.verify_bearer(&token).await, Err(Error::Token(_))));
}

#[tokio::test]
async fn new_keys_are_fetched_for_an_unknown_key_but_not_again_at_once() {
    let simulator = simulator(|_| ()).await;
    let provider = provider(&simulator);
    let ada = people()[0].clone();
    let old = simulator.mint_token(&ada, &Value::Null, 60);
    provider.verify_bearer(&old).await.expect("an identity");
    simulator.rotate_keys();
    provider
        .verify_bearer(&simulator.mint_token(&ada, &Value::Null, 60))
        .await
        .expect("an identity, with the new key");
    assert_eq!(simulator.calls()["jwks"], 2);
    assert!(
        provider.verify_bearer(&old).await.is_err(),
        "its key is gone, and so is the memory of it"
    );
    simulator.rotate_keys();
    for _ in 0..5 {
        let token = simulator.mint_token(&ada, &Value::Null, 60);
        assert!(matches!(provider.verify_bearer(&token).await, Err(Error::Token(_))));
    }
    assert_eq!(simulator.calls()["jwks"], 2, "unknown keys lead to one fetch in 10 s");
}

#[tokio::test]
async fn a_sign_in_survives_a_key_rotation() {
    let simulator = simulator(|_| ()).await;
    let provider = provider(&simulator);
    sign_in(&provider, "ada@example.com").await.expect("an identity");
    simulator.rotate_keys();
    sign_in(&provider, "ada@example.com")
        .await
        .expect("an identity, with the new key");
}

#[tokio::test]
async fn a_provider_that_is_away_at_first_is_found_later() {
    let simulator = simulator(|_| ()).await;
    let provider = provider(&simulator);
    let token = simulator.mint_token(&people()[0], &Value::Null, 60);
    simulator.stop().await;
    let error = provider.begin().await.expect_err("nobody listens");
    assert!(
        matches!(&error, Error::Discovery(why) if why.contains("refused")),
        "{error:?}"
    );
    let error = provider.verify_bearer(&token).await.expect_err("nobody listens");
    assert!(
        error.to_string().starts_with("Failed to fetch JWKS: ") && error.is_unavailable(),
        "{error}"
    );
    simulator.restart().await.expect("the port is still free");
    simulator.fail_jwks(Some(500));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let error = provider.verify_bearer(&token).await.expect_err("500");
    assert!(error.to_string().contains("/jwks answered 500"), "{error}");
    let asked = simulator.calls()["jwks"];
    assert!(provider.verify_bearer(&token).await.is_err());
    assert_eq!(simulator.calls()["jwks"], asked, "a failure is not repeated at once");
    simulator.fail_jwks(None);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    provider.verify_bearer(&token).await.expect("an identity");
}

#[tokio::test]
async fn a_provider_that_calls_itself_something_else_is_not_ours() {
    let simulator = simulator(|_| ()).await;
    let config = Config::new(format!("{}/", simulator.issuer()), "guildhall", CALLBACK);
    let error = Provider::new(config)
        .expect("a configuration")
        .begin()
        .await
        .expect_err("another issuer");
    assert!(
        matches!(&error, Error::Discovery(why) if why.contains("calls itself")),
        "{error:?}"
    );
}

#[tokio::test]
async fn signing_out_at_the_provider_leads_back() {
    let simulator = simulator(|_| ()).await;
    let url = provider(&simulator)
        .end_session_url("http://127.0.0.1:9/login")
        .await
        .expect("metadata");
    let answer = browser()
        .get(url.expect("it has such a page"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.headers()["location"], "http://127.0.0.1:9/login");
}

#[test]
fn bad_settings_are_clear_errors() {
    for (issuer, client, callback) in [
        ("x", "c", CALLBACK),
        ("http://x", "", CALLBACK),
        ("http://x", "c", "/relative"),
    ] {
        let error = Provider::new(Config::new(issuer, client, callback)).expect_err("a bad setting");
        assert!(matches!(error, Error::Config(_)), "{error:?}");
    }
}

/// Max, with what Entra and others say about people.
fn max(claims: &Value) -> Person {
    let mut max = Person::new("max@example.com", "Max Member", "");
    max.claims = claims.as_object().expect("an object").clone();
    max
}

/// Signs Max in straight away, at a provider that says so about him, and in the ID token or at userinfo only.
async fn sign_max_in(claims: Value, in_id_token: bool, groups_claim: Option<&str>) -> (Identity, u64) {
    let simulator = simulator(|options| {
        options.people = vec![max(&claims)];
        options.profile_in_id_token = in_id_token;
    })
    .await;
    let mut config = Config::new(simulator.issuer(), simulator.client_id(), CALLBACK);
    config.client_secret = simulator.client_secret().map(Into::into);
    config.groups_claim = groups_claim.map(str::to_owned);
    let provider = Provider::new(config).expect("a good configuration");
    let login = provider.begin().await.expect("a login");
    let answer = browser()
        .get(format!("{}&as=max@example.com", login.url))
        .send()
        .await
        .expect("an answer");
    let location = Url::parse(answer.headers()["location"].to_str().expect("text")).expect("a URL");
    let query: HashMap<_, _> = location.query_pairs().into_owned().collect();
    let identity = provider.complete(&login.pending, &query["code"]).await;
    let asked = simulator.calls().get("userinfo").copied().unwrap_or(0);
    (identity.expect("an identity"), asked)
}

#[tokio::test]
async fn e6_a_sign_in_tells_groups_roles_and_the_id_in_the_directory() {
    let claims = json!({"oid": "0a1b", "roles": ["Admin"], "groups": ["g1", "g2"]});
    for in_id_token in [true, false] {
        let (max, _) = sign_max_in(claims.clone(), in_id_token, None).await;
        assert_eq!(max.directory_id.as_deref(), Some("0a1b"));
        assert_eq!((max.groups_given, max.groups_overage), (true, false));
        assert_eq!(max.groups, ["g1", "g2"]);
        assert!(
            in_id_token != max.roles.is_empty(),
            "roles count where they are signed: {max:?}"
        );
        let token = max.access_token.as_ref().expect("an access token");
        assert!(
            !format!("{max:?}").contains(token.expose_secret()),
            "the token shows in Debug"
        );
    }
}

#[tokio::test]
async fn e6_groups_that_are_not_told_are_told_from_none() {
    let overage =
        json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x.example"}}});
    for (claims, given, more) in [
        (json!({}), false, false),
        (json!({"groups": []}), true, false),
        (overage, false, true),
        (json!({"hasgroups": true}), false, true),
    ] {
        for in_id_token in [true, false] {
            let (max, _) = sign_max_in(claims.clone(), in_id_token, None).await;
            assert_eq!(
                (max.groups_given, max.groups_overage, max.groups.len()),
                (given, more, 0),
                "{claims} {in_id_token}"
            );
        }
    }
}

#[tokio::test]
async fn userinfo_is_asked_for_groups_only_where_a_claim_is_configured() {
    let (_, asked) = sign_max_in(json!({}), true, None).await;
    assert_eq!(asked, 0);
    let (_, asked) = sign_max_in(json!({}), true, Some("groups")).await;
    assert_eq!(asked, 1);
    let (max, asked) = sign_max_in(
        json!({"realm_access": {"roles": ["r"]}}),
        true,
        Some("realm_access.roles"),
    )
    .await;
    assert_eq!((max.groups, asked), (vec!["r".to_owned()], 0));
    let (max, _) = sign_max_in(
        json!({"realm_access": {"roles": ["r"]}}),
        false,
        Some("realm_access.roles"),
    )
    .await;
    assert_eq!((max.groups, max.groups_given), (vec!["r".to_owned()], true));
}
