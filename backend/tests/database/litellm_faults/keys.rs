//! Keys: what the person was told is true at each step.

use backend::{api_keys, keys::Overlap};
use domain::{ApiKeyStatus, KeyId, TeamId, TeamRole, UserId, views::ApiKey};

use super::{
    Duration, Faults, House, Made, Operation, Result, SecretString, at_both_versions, every_fault_at_every_call,
    request,
};
use crate::common::within;

/// A key that works, and whose it is.
struct Working {
    owner: UserId,
    team: TeamId,
    key: KeyId,
    secret: SecretString,
}

impl Working {
    async fn new(house: &House) -> Self {
        let team = house.fresh_team().await;
        let owner = house.fresh_member(team, TeamRole::Member).await;
        house.settle("given").await;
        match house.create(owner, team).await {
            Ok(Made::Ready(key, secret)) => Self {
                owner,
                team,
                key: key.id,
                secret,
            },
            other => panic!("LiteLLM is well: {other:?}"),
        }
    }
}

/// A key for somebody whom LiteLLM does not know, in a team that it does not know: all calls are made.
struct Creation;

impl Operation for Creation {
    type Given = (UserId, TeamId);
    type Told = Result<Made>;

    async fn prepare(&self, house: &House) -> Self::Given {
        let team = house.fresh_team().await;
        (house.fresh_member(team, TeamRole::Admin).await, team)
    }

    async fn act(&self, house: &House, &(owner, team): &Self::Given) -> Self::Told {
        let made = house.create(owner, team).await;
        if let Ok(Made::Pending(key, why)) = &made {
            assert!(
                key.prefix.is_empty() && !why.is_empty(),
                "there is no secret, and it says why"
            );
            assert_eq!(house.status(owner, key.id).await, ApiKeyStatus::Pending);
        }
        made
    }

    async fn afterwards(&self, house: &House, (owner, _): Self::Given, told: Self::Told, what: &str) {
        match told {
            Ok(Made::Ready(key, secret)) => {
                assert!(house.works(&secret).await, "{what}: it was shown and does not work");
                assert_eq!(house.status(owner, key.id).await, ApiKeyStatus::Active, "{what}");
            }
            // None of these faults is LiteLLM's no, so none may lose the key.
            Ok(Made::Pending(key, _)) => claimed(house, owner, key.id, what).await,
            Err(error) => panic!("{what}: the key is lost: {error}"),
        }
    }
}

/// Its owner claims it, and it works.
async fn claimed(house: &House, owner: UserId, key: KeyId, what: &str) {
    assert_eq!(house.status(owner, key).await, ApiKeyStatus::Pending, "{what}");
    let Ok(Made::Ready(_, secret)) = house.claim(owner, key).await else {
        panic!("{what}: LiteLLM is well, and the key cannot be claimed");
    };
    assert!(house.works(&secret).await, "{what}: it was shown and does not work");
}

at_both_versions!(c17_key_creation_survives_every_fault_at_every_call, |version| {
    every_fault_at_every_call(Creation, version)
});

/// A pending key of which LiteLLM has one that nobody knows the secret of.
struct Claim;

impl Operation for Claim {
    type Given = (UserId, KeyId);
    type Told = Result<Made>;

    async fn prepare(&self, house: &House) -> Self::Given {
        let team = house.fresh_team().await;
        let owner = house.fresh_member(team, TeamRole::Member).await;
        house.settle("given").await;
        house.proxy.set_faults(Faults {
            only: Some("POST /key/generate".to_owned()),
            drop_after_next: 2,
            ..Faults::default()
        });
        let Ok(Made::Pending(key, _)) = house.create(owner, team).await else {
            panic!("both answers got lost");
        };
        house.proxy.set_faults(Faults::default());
        house
            .world
            .sql("UPDATE api_keys SET making_until = now() - interval '1 second' WHERE making_until IS NOT NULL")
            .await;
        (owner, key.id)
    }

    async fn act(&self, house: &House, &(owner, key): &Self::Given) -> Self::Told {
        house.claim(owner, key).await
    }

    async fn afterwards(&self, house: &House, (owner, key): Self::Given, told: Self::Told, what: &str) {
        match told {
            Ok(Made::Ready(_, secret)) => assert!(house.works(&secret).await, "{what}"),
            Ok(Made::Pending(..)) => claimed(house, owner, key, what).await,
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

at_both_versions!(c17_claiming_survives_every_fault_at_every_call, |version| {
    every_fault_at_every_call(Claim, version)
});

/// A new key in a working one's place.
struct Rotation {
    overlap: i64,
}

impl Operation for Rotation {
    type Given = Working;
    type Told = Result<(ApiKey, SecretString)>;

    async fn prepare(&self, house: &House) -> Working {
        Working::new(house).await
    }

    async fn act(&self, house: &House, given: &Working) -> Self::Told {
        let overlap = Overlap::seconds(Some(self.overlap)).expect("an overlap");
        let caller = house.world.caller(given.owner).await;
        let rotated = api_keys::rotate(house.backend(), caller, request(), given.key, overlap, None).await;
        if let Ok((key, secret)) = &rotated {
            house.shown.lock().unwrap().insert(key.id.0, secret.clone());
            assert!(house.opens(secret), "it was shown and does not work");
        } else {
            assert!(house.opens(&given.secret), "the old one goes on working");
        }
        house.deliver().await;
        rotated
    }

    async fn afterwards(&self, house: &House, given: Working, told: Self::Told, what: &str) {
        let old = house.status(given.owner, given.key).await;
        match told {
            Ok((new, secret)) => {
                assert!(house.works(&secret).await, "{what}: the new one");
                assert_eq!(house.status(given.owner, new.id).await, ApiKeyStatus::Active, "{what}");
                assert_eq!(
                    house.works(&given.secret).await,
                    self.overlap > 0,
                    "{what}: the old one"
                );
                let said = if self.overlap > 0 {
                    ApiKeyStatus::Replaced
                } else {
                    ApiKeyStatus::Revoked
                };
                assert_eq!(old, said, "{what}");
                // Its end is LiteLLM's, too: nobody has to come back for it.
                if self.overlap > 0 {
                    let there = house.proxy.key(secrecy::ExposeSecret::expose_secret(&given.secret));
                    assert!(
                        there.expect("it works").expires.is_some(),
                        "{what}: it has an end there"
                    );
                }
            }
            Err(error) => {
                assert!(error.code().as_str().starts_with("LITELLM_"), "{what}: {error}");
                assert_eq!(old, ApiKeyStatus::Active, "{what}");
                assert!(house.works(&given.secret).await, "{what}: the old one is lost");
                let others: i64 = house
                    .world
                    .one(&format!(
                        "SELECT count(*) FROM api_keys WHERE team_id = '{}'",
                        given.team
                    ))
                    .await;
                assert_eq!(others, 1, "{what}: there is no new one");
            }
        }
    }
}

at_both_versions!(c10_rotation_survives_every_fault_at_every_call, |version| {
    every_fault_at_every_call(Rotation { overlap: 0 }, version)
});

at_both_versions!(
    c10_rotation_with_an_overlap_survives_every_fault_at_every_call,
    |version| every_fault_at_every_call(Rotation { overlap: 3600 }, version)
);

/// The end of a working key.
struct Revocation;

impl Operation for Revocation {
    type Given = Working;
    type Told = ApiKeyStatus;

    async fn prepare(&self, house: &House) -> Working {
        Working::new(house).await
    }

    async fn act(&self, house: &House, given: &Working) -> ApiKeyStatus {
        let caller = house.world.caller(given.owner).await;
        let revoked = api_keys::revoke(house.backend(), caller, request(), given.key).await;
        let said = revoked.expect("Guildhall refuses it at once").status;
        match said {
            ApiKeyStatus::Revoked => assert!(!house.opens(&given.secret), "it was not true"),
            other => assert_eq!(other, ApiKeyStatus::Revoking),
        }
        said
    }

    async fn afterwards(&self, house: &House, given: Working, _: ApiKeyStatus, what: &str) {
        assert_eq!(
            house.status(given.owner, given.key).await,
            ApiKeyStatus::Revoked,
            "{what}"
        );
        assert!(!house.works(&given.secret).await, "{what}");
    }
}

at_both_versions!(c12_revocation_survives_every_fault_at_every_call, |version| {
    every_fault_at_every_call(Revocation, version)
});

/// While LiteLLM makes a key, its owner's account ends: the key must not work for them.
#[tokio::test]
async fn c12_a_key_that_is_made_while_its_owners_account_ends_does_not_work() {
    let house = House::new().await;
    let team = house.fresh_team().await;
    let boss = house.fresh_member(team, TeamRole::Admin).await;
    let owner = house.fresh_member(team, TeamRole::Member).await;
    house.settle("given").await;
    house.proxy.set_faults(Faults {
        only: Some("POST /key/generate".to_owned()),
        latency_ms: 150,
        ..Faults::default()
    });
    let input = api_keys::NewApiKeyInput {
        name: "ci".to_owned(),
        team_id: Some(team.to_string()),
        owner: Some(owner.to_string()),
        ..api_keys::NewApiKeyInput::default()
    };
    let new = input.parse().expect("a good key");
    let caller = house.world.caller(boss).await;
    let making = api_keys::create(house.backend(), caller, request(), new);
    let ending = async {
        within(Duration::from_secs(5), async || {
            house.proxy.calls_of("POST /key/generate") == 1
        })
        .await;
        house
            .world
            .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{owner}'"))
            .await;
    };
    let (made, ()) = tokio::join!(making, ending);
    house.proxy.set_faults(Faults::default());
    let Ok(Made::Ready(_, secret)) = made else {
        panic!("LiteLLM is well: {made:?}");
    };
    assert!(house.works(&secret).await, "it was made after the account ended");
    house.settle("afterwards").await;
    assert!(!house.works(&secret).await, "its owner's account has ended");
    house
        .world
        .sql(&format!("UPDATE users SET deactivated_at = NULL WHERE id = '{owner}'"))
        .await;
    house.settle("back").await;
    assert!(house.works(&secret).await, "the account is back");
}
