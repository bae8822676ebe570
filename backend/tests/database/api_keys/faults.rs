//! Faults that stay (one at a time they are in `litellm_faults`). Afterwards both sides agree, no key works that should not, and the answers were true.

use backend::api_keys::Made;
use domain::ApiKeyStatus;
use simulators::litellm::{Faults, RateLimit};

use super::{House, named};

/// How often a fault strikes: more often than anything tries at once.
const TIMES: u64 = 20;

/// What can go wrong with a call, by name.
fn faults(call: &str) -> Vec<(&'static str, Faults)> {
    let only = || Faults {
        only: Some(call.to_owned()),
        ..Faults::default()
    };
    vec![
        ("refused", Faults { down: true, ..only() }),
        (
            "500 before",
            Faults {
                fail_next: TIMES,
                ..only()
            },
        ),
        (
            "lost before",
            Faults {
                drop_before_next: TIMES,
                ..only()
            },
        ),
        (
            "lost after",
            Faults {
                drop_after_next: TIMES,
                ..only()
            },
        ),
        (
            "500 after",
            Faults {
                error_after_next: TIMES,
                ..only()
            },
        ),
        (
            "garbage",
            Faults {
                garbage_next: TIMES,
                ..only()
            },
        ),
        (
            "late",
            Faults {
                latency_ms: 2500,
                ..only()
            },
        ),
        (
            "429",
            Faults {
                rate_limit: Some(RateLimit {
                    retry_after: Some(1),
                    next: None,
                }),
                ..only()
            },
        ),
    ]
}

async fn create_survives(call: &'static str) {
    for (fault, faults) in faults(call) {
        let house = House::new().await;
        // Somebody whom LiteLLM does not know yet, in a team that it does not know: every call is made.
        let team = house.world.team("New").await;
        let nina = house.world.member(team, "nina", domain::TeamRole::Member).await;
        house.litellm.set_faults(faults);
        let made = house.create(nina, named("one")).await;
        house.litellm.set_faults(Faults::default());
        let what = format!("{fault} at {call}");
        let secret = match made {
            Ok(Made::Ready(key, secret)) => {
                assert_eq!(key.status, ApiKeyStatus::Active, "{what}");
                secret
            }
            Ok(Made::Pending(key, why)) => {
                assert!(key.prefix.is_empty() && !why.is_empty(), "{what}");
                assert_eq!(house.status(nina, key.id).await, ApiKeyStatus::Pending, "{what}");
                house.tidy().await;
                house.agree().await;
                assert!(house.litellm.keys().is_empty(), "{what}: nobody has the secret");
                match house.claim(nina, key.id).await {
                    Ok(Made::Ready(_, secret)) => secret,
                    other => panic!("{what}: {other:?}"),
                }
            }
            Err(error) => {
                // LiteLLM's word was no: then there is none.
                let rows: i64 = house.world.one("SELECT count(*) FROM api_keys").await;
                assert_eq!((error.code().as_str(), rows), ("LITELLM_ERROR", 0), "{what}: {error}");
                house.tidy().await;
                house.agree().await;
                continue;
            }
        };
        house.tidy().await;
        assert!(house.works(&secret).await, "{what}");
        assert_eq!(house.litellm.keys().len(), 1, "{what}");
        house.agree().await;
    }
}

#[tokio::test]
async fn c17_faults_at_key_generate() {
    create_survives("POST /key/generate").await;
}

#[tokio::test]
async fn c17_faults_at_team_new() {
    create_survives("POST /team/new").await;
}

#[tokio::test]
async fn c17_faults_at_user_new() {
    create_survives("POST /user/new").await;
}

#[tokio::test]
async fn c17_faults_at_user_info() {
    create_survives("GET /user/info").await;
}

#[tokio::test]
async fn c17_faults_at_member_add() {
    create_survives("POST /team/member_add").await;
}

#[tokio::test]
async fn c12_faults_at_revocation() {
    for call in ["POST /key/delete", "GET /key/info"] {
        for (fault, faults) in faults(call) {
            let what = format!("{fault} at {call}");
            let house = House::new().await;
            let (key, secret) = house.ready(house.ada, "one").await;
            house.litellm.set_faults(faults);
            let said = house.revoke(house.ada, key.id).await.unwrap().status;
            house.litellm.set_faults(Faults::default());
            match said {
                ApiKeyStatus::Revoked => assert!(!house.works(&secret).await, "{what}: it was not true"),
                ApiKeyStatus::Revoking => {}
                other => panic!("{what}: {other:?}"),
            }
            house.tidy().await;
            assert_eq!(house.status(house.ada, key.id).await, ApiKeyStatus::Revoked, "{what}");
            assert!(!house.works(&secret).await, "{what}");
            house.agree().await;
        }
    }
}

#[tokio::test]
async fn c10_faults_at_rotation() {
    for call in ["POST /key/generate", "POST /key/delete"] {
        for (fault, faults) in faults(call) {
            let what = format!("{fault} at {call}");
            let house = House::new().await;
            let (old, before) = house.ready(house.ada, "one").await;
            house.litellm.set_faults(faults);
            let rotated = house.rotate(house.ada, old.id, 0).await;
            house.litellm.set_faults(Faults::default());
            house.tidy().await;
            match rotated {
                Ok((new, after)) => {
                    assert!(house.works(&after).await && !house.works(&before).await, "{what}");
                    assert_eq!(house.status(house.ada, new.id).await, ApiKeyStatus::Active, "{what}");
                    assert_eq!(house.status(house.ada, old.id).await, ApiKeyStatus::Revoked, "{what}");
                }
                Err(error) => {
                    assert!(error.code().as_str().starts_with("LITELLM_"), "{what}: {error}");
                    assert!(house.works(&before).await, "{what}");
                    assert_eq!(house.status(house.ada, old.id).await, ApiKeyStatus::Active, "{what}");
                }
            }
            house.agree().await;
        }
    }
}

#[tokio::test]
async fn c17_a_process_that_died_while_making_a_key_leaves_none_behind() {
    let house = House::new().await;
    house.litellm.set_faults(Faults {
        only: Some("POST /key/generate".to_owned()),
        spare_next: 1,
        latency_ms: 0,
        ..Faults::default()
    });
    let (key, secret) = house.ready(house.ada, "one").await;
    // As it is when the process dies between LiteLLM's answer and our second transaction.
    house
        .world
        .sql(
            "UPDATE api_keys SET litellm_state = 'pending', key_hash = NULL, prefix = '', litellm_token = NULL,
            making_until = now() - interval '20 seconds'",
        )
        .await;
    assert!(house.works(&secret).await);
    house.tidy().await;
    assert!(house.litellm.keys().is_empty(), "nobody had the secret");
    let Made::Ready(_, again) = house.claim(house.ada, key.id).await.unwrap() else {
        panic!("LiteLLM is there");
    };
    assert!(house.works(&again).await && !house.works(&secret).await);
    house.agree().await;

    // And when its owner comes before the job does.
    house
        .world
        .sql(
            "UPDATE api_keys SET litellm_state = 'pending', key_hash = NULL, prefix = '', litellm_token = NULL,
            making_until = now() - interval '1 second'",
        )
        .await;
    let Made::Ready(_, third) = house.claim(house.ada, key.id).await.unwrap() else {
        panic!("LiteLLM is there");
    };
    assert!(house.works(&third).await && !house.works(&again).await);
    house.agree().await;
}
