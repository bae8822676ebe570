//! Users, models and what was used.

use chrono::{DateTime, TimeDelta, Utc};
use integrations::litellm::{Created, Error, Role};
use secrecy::ExposeSecret;
use simulators::litellm::{Faults, SimulatedUser, Version};

use crate::support::{ALL, RECORDED, key, money, start, start_with_user, team, user};

#[tokio::test]
async fn c2_an_unknown_user_is_none_whichever_way_the_version_says_it() {
    for version in ALL {
        let (_simulator, litellm) = start(version).await;
        assert_eq!(litellm.user_info("nobody").await, Ok(None), "{version:?}");
    }
}

#[tokio::test]
async fn c2_an_existing_user_without_teams_exists_and_is_not_usable() {
    for version in ALL {
        let (_simulator, litellm) = start(version).await;
        litellm.create_user(&user("u", &[])).await.unwrap();
        let found = litellm.user_info("u").await.unwrap().expect("they exist");
        assert!(!found.is_integrated(), "{version:?}");
        litellm.create_team(&team("t")).await.unwrap();
        litellm.add_member("t", "u", Role::User, None).await.unwrap();
        assert!(litellm.user_info("u").await.unwrap().unwrap().is_integrated());
    }
}

#[tokio::test]
async fn c2_other_failures_are_never_absent() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    for status in [401, 403, 404, 422, 429, 500, 502] {
        simulator.set_faults(Faults {
            fail_next: 5,
            fail_status: status,
            ..Faults::default()
        });
        let result = litellm.user_info("u").await;
        assert!(result.is_err(), "{status}: {result:?}");
    }
}

#[tokio::test]
async fn c3_a_user_is_made_in_their_team_without_a_key() {
    for version in ALL {
        let (simulator, litellm) = start(version).await;
        litellm.create_team(&team("t")).await.unwrap();
        let mut spec = user("u", &["t"]);
        spec.alias = Some("Uma".into());
        spec.max_budget = Some(money(700));
        assert_eq!(litellm.create_user(&spec).await, Ok(Created::New));
        let found = litellm.user_info("u").await.unwrap().expect("a user");
        assert_eq!(
            (found.teams.as_slice(), found.max_budget),
            (&["t".to_owned()][..], Some(money(700)))
        );
        assert_eq!(found.alias.as_deref(), Some("Uma"));
        assert!(simulator.keys().is_empty(), "auto_create_key is off");

        // 1.75.9 takes it for an update.
        let again = if version == Version::V1_75_9 {
            Created::New
        } else {
            Created::Existed
        };
        assert_eq!(litellm.create_user(&spec).await, Ok(again), "{version:?}");

        let mut twin = user("v", &[]);
        twin.email = spec.email.clone();
        let error = litellm
            .create_user(&twin)
            .await
            .expect_err("one e-mail address, one user");
        assert!(matches!(error, Error::Conflict { .. }), "{version:?} {error:?}");
        assert_eq!(litellm.user_info("v").await, Ok(None));

        litellm.delete_user("u").await.unwrap();
        litellm.delete_user("u").await.expect("done already");
        assert_eq!(litellm.user_info("u").await, Ok(None));
    }
}

#[tokio::test]
async fn an_update_makes_no_users_though_litellm_would() {
    for version in ALL {
        let (simulator, litellm) = start_with_user(version).await;
        let error = litellm.update_user(&user("nobody", &[])).await.expect_err("nobody");
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
        assert_eq!(simulator.user("nobody"), None);
        let mut spec = user("u", &[]);
        spec.max_budget = Some(money(100));
        litellm.update_user(&spec).await.unwrap();
        assert_eq!(simulator.user("u").unwrap().max_budget, Some(1.0));
        assert_eq!(
            simulator.user("u").unwrap().teams,
            ["t"],
            "an update does not touch teams"
        );
        spec.max_budget = None;
        litellm.update_user(&spec).await.unwrap();
        let cleared = version != Version::V1_75_9;
        assert_eq!(
            simulator.user("u").unwrap().max_budget.is_none(),
            cleared,
            "{version:?}"
        );
    }
}

#[tokio::test]
async fn users_are_listed_in_pages() {
    for version in RECORDED {
        let (simulator, litellm) = start(version).await;
        for number in 0..101 {
            simulator.put_user(SimulatedUser {
                id: format!("u-{number}"),
                ..SimulatedUser::default()
            });
        }
        let mut pages = litellm.list_users();
        assert_eq!(pages.next().await.unwrap().unwrap().len(), 100);
        simulator.put_user(SimulatedUser {
            id: "u-late".into(),
            ..SimulatedUser::default()
        });
        let rest = pages.next().await.unwrap().unwrap();
        let rest: Vec<&str> = rest.iter().map(|user| user.id.as_str()).collect();
        assert_eq!(rest, ["u-100", "u-late"], "what comes late comes at the end");
        assert!(!pages.steady(), "and shows in the total");
        assert_eq!(pages.next().await, Ok(None));
    }
}

#[tokio::test]
async fn models_and_liveness_are_told() {
    for version in ALL {
        let (simulator, litellm) = start(version).await;
        litellm.liveness().await.unwrap();
        assert_eq!(simulator.calls_of("GET /health/liveliness"), 1);
        let models = litellm.models().await.unwrap();
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["fake-claude", "fake-gpt"]);
        assert_eq!(models[0].provider.as_deref(), Some("openai"));
        assert_eq!(models[0].input_cost_per_token.unwrap().to_string(), "0.000001");
    }
}

#[tokio::test]
async fn what_a_key_uses_shows_at_its_user_and_its_team() {
    for version in RECORDED {
        let (simulator, litellm) = start_with_user(version).await;
        simulator.set_call_spend(0.25);
        let key = litellm.generate_key(&key("k")).await.unwrap();
        for _ in 0..3 {
            assert_eq!(chat(&simulator.url(), key.key.expose_secret(), "fake-gpt").await.0, 200);
        }
        assert_eq!(litellm.team_spend("t").await, Ok(Some(money(75))));
        assert_eq!(litellm.team_spend("nope").await, Ok(None));
        assert_eq!(litellm.user_info("u").await.unwrap().unwrap().spend, money(75));
        assert_eq!(litellm.key_info(&key.token).await.unwrap().unwrap().spend, money(75));
        let today = DateTime::<Utc>::from(std::time::SystemTime::now()).date_naive();
        let (from, to) = (today - TimeDelta::days(1), today + TimeDelta::days(1));
        for activity in [
            litellm.user_daily_activity("u", from, to).await.unwrap(),
            litellm.team_daily_activity("t", from, to).await.unwrap(),
        ] {
            assert_eq!(activity.spend(), money(75));
            let requests: i64 = activity.days.iter().map(|day| day.successful_requests).sum();
            let tokens: i64 = activity.days.iter().map(|day| day.prompt_tokens).sum();
            assert_eq!((requests, tokens), (3, 30));
        }
        let before = litellm
            .user_daily_activity("u", from - TimeDelta::days(9), from)
            .await
            .unwrap();
        assert!(before.days.is_empty());
    }
}

/// A chat with a user's key: the status, and what it says.
pub async fn chat(url: &str, key: &str, model: &str) -> (u16, String) {
    let body = serde_json::json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
    call(
        key,
        http().post(format!("{url}/chat/completions")).body(body.to_string()),
    )
    .await
}

/// A user's look at the models.
pub async fn look(url: &str, key: &str) -> (u16, String) {
    call(key, http().get(format!("{url}/v1/models"))).await
}

pub fn http() -> reqwest::Client {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let plain = reqwest::Client::builder().tls_certs_only([]);
    plain.build().expect("a client")
}

async fn call(key: &str, request: reqwest::RequestBuilder) -> (u16, String) {
    let response = request.bearer_auth(key).send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a body"))
}
