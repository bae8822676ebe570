//! Keys.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use integrations::litellm::{Error, KeyChange, KeyFilter};
use secrecy::ExposeSecret;
use serde_json::json;
use simulators::litellm::{Faults, Version};

use crate::support::{ALL, RECORDED, key, money, start_with_user};
use crate::users::{chat, look};

fn in_an_hour() -> DateTime<Utc> {
    DateTime::from(SystemTime::now() + Duration::from_hours(1))
}

#[tokio::test]
async fn a_key_works_until_it_is_deleted() {
    for version in ALL {
        let (simulator, litellm) = start_with_user(version).await;
        let mut spec = key("k");
        spec.models = vec!["fake-gpt".into()];
        spec.max_budget = Some(money(500));
        spec.expires = Some(in_an_hour());
        spec.metadata.insert("a".into(), json!(1));
        let made = litellm.generate_key(&spec).await.unwrap();
        let secret = made.key.expose_secret();
        assert!(secret.starts_with("sk-") && !format!("{made:?}").contains(secret));
        assert_eq!((made.token.len(), made.dropped.as_slice()), (64, &[][..]));
        let late = made.expires.unwrap() - spec.expires.unwrap();
        assert!(late.abs() < TimeDelta::seconds(3), "{late}");

        let info = litellm.key_info(&made.token).await.unwrap().expect("a key");
        assert_eq!(
            info,
            litellm.key_info(secret).await.unwrap().expect("by its secret, too")
        );
        assert_eq!(
            (info.user_id.as_deref(), info.team_id.as_deref()),
            (Some("u"), Some("t")),
            "C10"
        );
        assert_eq!((info.max_budget, info.alias.as_deref()), (Some(money(500)), Some("k")));
        assert_eq!(info.models, ["fake-gpt"]);

        assert_eq!(look(&simulator.url(), secret).await.0, 200);
        assert_eq!(chat(&simulator.url(), secret, "fake-gpt").await.0, 200);
        let (status, body) = chat(&simulator.url(), secret, "fake-claude").await;
        assert!(
            status == 403 && body.contains("key_model_access_denied"),
            "{status} {body}"
        );

        assert_eq!(litellm.key_is_refused(&made.token).await, Ok(false));
        litellm.delete_key(&made.token).await.unwrap();
        litellm.delete_key(&made.token).await.expect("done already");
        assert_eq!(litellm.key_is_refused(secret).await, Ok(true));
        assert_eq!(litellm.key_info(&made.token).await, Ok(None));
        let (status, body) = look(&simulator.url(), secret).await;
        assert!(
            status == 401 && body.contains("token_not_found_in_db"),
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn c12_a_key_is_refused_when_blocked_ended_or_unknown_and_not_before() {
    for version in RECORDED {
        let (simulator, litellm) = start_with_user(version).await;
        let made = litellm.generate_key(&key("k")).await.unwrap();
        litellm.block_key(&made.token).await.unwrap();
        assert_eq!(litellm.key_is_refused(&made.token).await, Ok(true));
        let (status, body) = look(&simulator.url(), made.key.expose_secret()).await;
        assert!(status == 401 && body.contains("Key is blocked"), "{status} {body}");
        litellm.unblock_key(&made.token).await.unwrap();
        assert_eq!(litellm.key_is_refused(&made.token).await, Ok(false));
        assert_eq!(look(&simulator.url(), made.key.expose_secret()).await.0, 200);

        let mut short = key("short");
        short.expires = Some(DateTime::from(SystemTime::now() + Duration::from_millis(300)));
        let short = litellm.generate_key(&short).await.unwrap();
        assert_eq!(litellm.key_is_refused(&short.token).await, Ok(false));
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(litellm.key_is_refused(&short.token).await, Ok(true));
        let (status, body) = look(&simulator.url(), short.key.expose_secret()).await;
        assert!(status == 401 && body.contains("expired_key"), "{status} {body}");

        for result in [litellm.block_key("nope").await, litellm.unblock_key("nope").await] {
            assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
        }
        // Out of reach is not refused.
        simulator.set_faults(Faults {
            fail_next: 3,
            ..Faults::default()
        });
        let result = litellm.key_is_refused(&made.token).await;
        assert!(matches!(result, Err(Error::Ambiguous(_))), "{result:?}");
    }
}

#[tokio::test]
async fn a_used_up_budget_refuses_in_each_versions_way() {
    for (version, status) in [
        (Version::V1_108_7, 422),
        (Version::V1_101_6, 429),
        (Version::V1_75_9, 400),
    ] {
        let (simulator, litellm) = start_with_user(version).await;
        simulator.set_call_spend(0.6);
        let mut spec = key("k");
        spec.max_budget = Some(money(100));
        let made = litellm.generate_key(&spec).await.unwrap();
        let secret = made.key.expose_secret();
        for expected in [200, 200, status] {
            let (status, body) = chat(&simulator.url(), secret, "fake-gpt").await;
            assert_eq!(status, expected, "{version:?} {body}");
        }
        let reset = KeyChange {
            spend: Some(money(0)),
            ..KeyChange::default()
        };
        litellm.update_key(&made.token, &reset).await.unwrap();
        assert_eq!(chat(&simulator.url(), secret, "fake-gpt").await.0, 200);
    }
}

#[tokio::test]
async fn a_change_touches_what_it_names() {
    for version in RECORDED {
        let (simulator, litellm) = start_with_user(version).await;
        let mut spec = key("k");
        spec.max_budget = Some(money(100));
        spec.rpm_limit = Some(7);
        spec.expires = Some(in_an_hour());
        let made = litellm.generate_key(&spec).await.unwrap();
        let change = KeyChange {
            alias: Some("k2".into()),
            max_budget: Some(None),
            expires: Some(None),
            ..KeyChange::default()
        };
        litellm.update_key(&made.token, &change).await.unwrap();
        let found = simulator.key(&made.token).unwrap();
        assert_eq!(
            (found.alias.as_deref(), found.max_budget, found.expires),
            (Some("k2"), None, None)
        );
        assert_eq!(found.rpm_limit, Some(7));
        let result = litellm.update_key("nope", &change).await;
        assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
    }
}

#[tokio::test]
async fn aliases_are_unique_and_a_lost_key_is_removed_by_its_alias() {
    for version in RECORDED {
        let (simulator, litellm) = start_with_user(version).await;
        litellm.generate_key(&key("k")).await.unwrap();
        let error = litellm.generate_key(&key("k")).await.expect_err("taken");
        assert!(matches!(error, Error::Conflict { .. }), "{error:?}");

        simulator.set_faults(Faults {
            only: Some("/key/generate".into()),
            drop_after_next: 1,
            ..Faults::default()
        });
        let error = litellm.generate_key(&key("lost")).await.expect_err("no answer");
        assert!(error.is_ambiguous(), "{error:?}");
        let filter = KeyFilter {
            alias: Some("lost".into()),
            ..KeyFilter::default()
        };
        assert_eq!(
            litellm.list_keys(&filter).await.unwrap().len(),
            1,
            "made, and nobody has its secret"
        );
        litellm.delete_key_alias("lost").await.unwrap();
        litellm.delete_key_alias("lost").await.expect("done already");
        assert_eq!(litellm.list_keys(&filter).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn keys_are_listed_by_team_and_user_over_all_pages() {
    let (simulator, litellm) = start_with_user(Version::V1_101_6).await;
    for number in 0..103 {
        let mut spec = key(&format!("k-{number}"));
        spec.user_id = if number == 102 { "v" } else { "u" }.to_owned();
        litellm.generate_key(&spec).await.unwrap();
    }
    let of = |team: Option<&str>, user: Option<&str>| KeyFilter {
        team_id: team.map(str::to_owned),
        user_id: user.map(str::to_owned),
        alias: None,
    };
    assert_eq!(litellm.list_keys(&of(Some("t"), None)).await.unwrap().len(), 103);
    let own = litellm.list_keys(&of(Some("t"), Some("u"))).await.unwrap();
    assert_eq!(own.len(), 102);
    assert_eq!(own[0].token, simulator.keys()[0].token);
    assert!(litellm.list_keys(&of(Some("x"), None)).await.unwrap().is_empty());
}

#[tokio::test]
async fn c7_what_needs_a_licence_is_left_out_and_told() {
    for version in RECORDED {
        let (simulator, litellm) = start_with_user(version).await;
        let mut spec = key("k");
        spec.tags = vec!["a".into()];
        spec.model_max_budget
            .insert("fake-gpt".into(), json!({"budget_limit": 1}));
        let made = litellm.generate_key(&spec).await.unwrap();
        assert_eq!(made.dropped, ["model_max_budget", "tags"], "{version:?}");
        assert_eq!(simulator.keys().len(), 1);

        spec.alias = "guarded".into();
        spec.guardrails = vec!["pii".into()];
        let error = litellm
            .generate_key(&spec)
            .await
            .expect_err("no key without its guardrails");
        assert!(matches!(error, Error::Licence { .. }), "{error:?}");
        assert_eq!(simulator.keys().len(), 1);

        simulator.set_licensed(true);
        let made = litellm.generate_key(&spec).await.unwrap();
        assert!(made.dropped.is_empty());
    }
}

#[tokio::test]
async fn keys_go_with_their_team_and_a_blocked_team_blocks_them() {
    let (simulator, litellm) = start_with_user(Version::V1_108_7).await;
    let made = litellm.generate_key(&key("k")).await.unwrap();
    litellm.set_team_blocked("t", true).await.unwrap();
    assert_eq!(look(&simulator.url(), made.key.expose_secret()).await.0, 401);
    litellm.set_team_blocked("t", false).await.unwrap();
    assert_eq!(look(&simulator.url(), made.key.expose_secret()).await.0, 200);
    litellm.delete_team("t").await.unwrap();
    assert_eq!(litellm.key_is_refused(&made.token).await, Ok(true));
}
