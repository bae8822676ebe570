//! How keys come and go while all is well, or LiteLLM is away.

use backend::{Error, api_keys::Made};
use domain::ApiKeyStatus;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use simulators::litellm::Faults;

use super::{House, named};
use crate::common::{refused, within};

#[tokio::test]
async fn c10_a_key_carries_its_team_and_owner_and_works() {
    let house = House::new().await;
    let (key, secret) = house.ready(house.ada, "My CI").await;
    assert_eq!(
        (key.status, key.team_id),
        (ApiKeyStatus::Active, house.team),
        "the primary team"
    );
    assert!(secret.expose_secret().starts_with(&key.prefix) && key.prefix.len() == 11);
    let there = house.litellm.key(secret.expose_secret()).expect("a key");
    assert_eq!(there.team_id, Some(house.team.to_string()));
    assert_eq!(there.user_id, Some(house.ada.to_string()));
    let alias = there.alias.expect("an alias");
    assert!(alias.starts_with("my-ci-") && alias.len() == 14, "{alias}");
    assert!(house.works(&secret).await);
    // Our own doors know it by its hash; the secret is nowhere.
    let hash: Vec<u8> = house.world.one("SELECT key_hash FROM api_keys").await;
    assert_eq!(hash, Sha256::digest(secret.expose_secret()).to_vec());
    let dump: String = house
        .world
        .one("SELECT string_agg(a::text, '') || (SELECT string_agg(k::text, '') FROM api_keys k) FROM audit_entries a")
        .await;
    assert!(!dump.contains(&secret.expose_secret()[11..]), "kept nowhere");
    house.agree().await;
}

#[tokio::test]
async fn c10_whoever_is_in_no_team_has_keys_of_the_default_team() {
    let house = House::new().await;
    let nora = house.world.user("nora").await;
    let (key, secret) = house.ready(nora, "mine").await;
    assert_eq!(key.team_id, domain::DEFAULT_TEAM);
    assert_eq!(
        house.litellm.key(secret.expose_secret()).expect("a key").team_id,
        Some(domain::DEFAULT_TEAM.to_string())
    );
    assert!(house.works(&secret).await);
    assert_eq!(house.revoke(nora, key.id).await.unwrap().status, ApiKeyStatus::Revoked);
}

#[tokio::test]
async fn c12_a_key_is_revoked_only_when_litellm_refuses_it() {
    let house = House::new().await;
    let (key, secret) = house.ready(house.ada, "one").await;
    house.litellm.stop().await;
    let revoked = house.revoke(house.ada, key.id).await.unwrap();
    assert_eq!(revoked.status, ApiKeyStatus::Revoking, "LiteLLM was never asked");
    let ours: bool = house.world.one("SELECT revoked_at IS NOT NULL FROM api_keys").await;
    assert!(ours, "our own doors refuse it at once");
    house.litellm.restart().await.unwrap();
    assert!(house.works(&secret).await, "so it was true");
    assert_eq!(house.status(house.ada, key.id).await, ApiKeyStatus::Revoking);
    house.deliver().await;
    assert!(!house.works(&secret).await);
    assert_eq!(house.status(house.ada, key.id).await, ApiKeyStatus::Revoked);
    house.agree().await;
}

#[tokio::test]
async fn c12_asking_again_asks_litellm_again() {
    let house = House::new().await;
    let (key, secret) = house.ready(house.ada, "one").await;
    house.litellm.stop().await;
    house.revoke(house.ada, key.id).await.unwrap();
    house.litellm.restart().await.unwrap();
    let again = house.revoke(house.ada, key.id).await.unwrap();
    assert_eq!(again.status, ApiKeyStatus::Revoked);
    assert!(!house.works(&secret).await);
    let entries: i64 = house
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'key.revoke'")
        .await;
    assert_eq!(entries, 1, "it was revoked once");
}

#[tokio::test]
async fn c17_with_litellm_away_a_key_waits_for_its_owner() {
    let house = House::new().await;
    house.litellm.stop().await;
    let Made::Pending(key, why) = house.create(house.ada, named("later")).await.unwrap() else {
        panic!("LiteLLM cannot have made it");
    };
    assert_eq!((key.status, key.prefix.as_str()), (ApiKeyStatus::Pending, ""));
    assert!(why.contains("cannot be reached"), "{why}");
    let Made::Pending(..) = house.claim(house.ada, key.id).await.unwrap() else {
        panic!("still away");
    };
    house.litellm.restart().await.unwrap();
    refused(
        house.claim(house.boss, key.id).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    let Made::Ready(made, secret) = house.claim(house.ada, key.id).await.unwrap() else {
        panic!("it is back");
    };
    assert_eq!((made.id, made.status), (key.id, ApiKeyStatus::Active));
    assert!(house.works(&secret).await);
    refused(
        house.claim(house.ada, key.id).await,
        "WRONG_STATE",
        "Key 'later' is active",
    );
    house.agree().await;
}

#[tokio::test]
async fn c17_a_key_is_shown_to_one_of_two_who_claim_it() {
    let house = House::new().await;
    house.litellm.stop().await;
    let key = house.create(house.ada, named("later")).await.unwrap().key().id;
    house.litellm.restart().await.unwrap();
    house.litellm.set_faults(Faults {
        latency_ms: 50,
        ..Faults::default()
    });
    let claims = futures_util::future::join_all((0..5).map(|_| house.claim(house.ada, key))).await;
    let mut shown = Vec::new();
    for claim in claims {
        match claim {
            Ok(Made::Ready(_, secret)) => shown.push(secret),
            other => refused(other, "WRONG_STATE", "Key 'later' is"),
        }
    }
    assert_eq!(shown.len(), 1);
    assert!(house.works(&shown[0]).await);
    house.agree().await;
}

#[tokio::test]
async fn c12_a_key_that_is_revoked_while_it_is_made_works_for_nobody() {
    let house = House::new().await;
    house.litellm.set_faults(Faults {
        only: Some("POST /key/generate".to_owned()),
        latency_ms: 700,
        ..Faults::default()
    });
    let (made, status) = tokio::join!(house.create(house.ada, named("one")), async {
        let waits = "SELECT count(*) FROM api_keys WHERE litellm_state = 'pending'";
        within(std::time::Duration::from_secs(5), async || {
            house.world.one::<i64>(waits).await == 1
        })
        .await;
        let id: uuid::Uuid = house.world.one("SELECT id FROM api_keys").await;
        house.world.sql("UPDATE litellm_objects SET due_at = now()").await;
        // It asks until LiteLLM's answer is known, or for five seconds.
        house.revoke(house.ada, id.into()).await.unwrap().status
    });
    refused(made, "WRONG_STATE", "The key was revoked while LiteLLM made it");
    assert!(
        matches!(status, ApiKeyStatus::Revoking | ApiKeyStatus::Revoked),
        "{status:?}"
    );
    house.litellm.set_faults(Faults::default());
    house.tidy().await;
    assert!(house.litellm.keys().is_empty(), "it works for nobody");
    house.agree().await;
}

#[tokio::test]
async fn c10_rotation_retires_the_old_key_when_the_new_one_works() {
    let house = House::new().await;
    let (old, before) = house.ready(house.ada, "one").await;
    let (new, after) = house.rotate(house.ada, old.id, 3600).await.unwrap();
    assert_eq!(
        (new.name.as_str(), new.team_id, new.owner_id),
        ("one", house.team, house.ada)
    );
    let there = house.litellm.key(after.expose_secret()).expect("a key");
    assert_eq!(
        there.team_id,
        Some(house.team.to_string()),
        "[F] the original drops team, user and alias"
    );
    assert_eq!(there.user_id, Some(house.ada.to_string()));
    assert!(there.alias.is_some());
    assert!(
        house.works(&before).await && house.works(&after).await,
        "both work until the overlap is over"
    );
    let old = house.key(house.ada, old.id).await;
    assert_eq!((old.status, old.replaced_by), (ApiKeyStatus::Replaced, Some(new.id)));
    house.deliver().await;
    let ends = house.litellm.key(before.expose_secret()).expect("a key").expires;
    assert!(ends.is_some(), "LiteLLM ends it by itself, too");
    refused(
        house.rotate(house.ada, old.id, 0).await,
        "WRONG_STATE",
        "Key 'one' has been rotated already",
    );

    let (newest, last) = house.rotate(house.ada, new.id, 0).await.unwrap();
    assert!(house.works(&last).await);
    house.deliver().await;
    assert!(!house.works(&after).await, "without an overlap it ends at once");
    assert_eq!(house.status(house.ada, new.id).await, ApiKeyStatus::Revoked);
    assert_eq!(house.status(house.ada, newest.id).await, ApiKeyStatus::Active);
}

#[tokio::test]
async fn c10_a_rotation_that_fails_leaves_the_old_key_alone() {
    let house = House::new().await;
    let (old, secret) = house.ready(house.ada, "one").await;
    house.litellm.stop().await;
    refused(
        house.rotate(house.ada, old.id, 0).await,
        "LITELLM_UNAVAILABLE",
        "Key 'one' was not rotated and goes on working",
    );
    house.litellm.restart().await.unwrap();
    let fault = Faults {
        only: Some("/key/generate".to_owned()),
        fail_next: 9,
        fail_status: 400,
        ..Faults::default()
    };
    house.litellm.set_faults(fault);
    refused(
        house.rotate(house.ada, old.id, 0).await,
        "LITELLM_ERROR",
        "LiteLLM did not make the key",
    );
    house.litellm.set_faults(Faults::default());
    house.tidy().await;
    assert!(house.works(&secret).await);
    assert_eq!(
        house.key(house.ada, old.id).await,
        old,
        "[F] the original deletes it first"
    );
    let keys: i64 = house.world.one("SELECT count(*) FROM api_keys").await;
    assert_eq!(keys, 1, "no key that LiteLLM never knew");
    house.agree().await;
}

#[tokio::test]
async fn c10_of_two_rotations_at_once_one_wins() {
    let house = House::new().await;
    let (old, _) = house.ready(house.ada, "one").await;
    let (first, second) = tokio::join!(house.rotate(house.ada, old.id, 60), house.rotate(house.ada, old.id, 60));
    assert_ne!(first.is_ok(), second.is_ok());
    let (winner, loser) = if first.is_ok() {
        (first, second)
    } else {
        (second, first)
    };
    refused(loser, "WRONG_STATE", "Key 'one' ");
    house.deliver().await;
    assert!(house.works(&winner.unwrap().1).await);
    assert_eq!(house.litellm.keys().len(), 2, "the old and the new one");
    house.agree().await;
}

#[tokio::test]
async fn c12_a_key_ends_at_its_time_on_both_sides() {
    let house = House::new().await;
    let (key, secret) = house.ready(house.ada, "short").await;
    house
        .world
        .sql("UPDATE api_keys SET expires_at = now() - interval '1 second'")
        .await;
    assert_eq!(
        house.status(house.ada, key.id).await,
        ApiKeyStatus::Revoking,
        "not confirmed yet"
    );
    house.tidy().await;
    assert!(!house.works(&secret).await);
    assert_eq!(house.status(house.ada, key.id).await, ApiKeyStatus::Expired);
    let entries: Vec<String> = house
        .world
        .all("SELECT target FROM audit_entries WHERE action = 'key.expired'")
        .await;
    assert_eq!(entries, ["short"]);
    house.tidy().await;
    let entries: i64 = house
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'key.expired'")
        .await;
    assert_eq!(entries, 1, "once");
    house.agree().await;
}

#[tokio::test]
async fn x12_keys_end_with_the_membership() {
    let house = House::new().await;
    let (key, secret) = house.ready(house.ada, "one").await;
    let (team, ada) = (house.team, house.ada);
    let user = domain::UserRef::Id(ada);
    let left = house
        .world
        .act(house.boss, async |ctx| backend::members::remove(ctx, team, &user).await);
    left.await.map(drop).map_err(|error: Error| error.to_string()).unwrap();
    house.deliver().await;
    assert!(!house.works(&secret).await);
    assert_eq!(house.status(house.ada, key.id).await, ApiKeyStatus::Revoked);
}
