//! Limits above keys, and restricted models (SPEC E7, E8, C15).

use backend::{
    Result,
    api_keys::{self, ApiKeyPatchInput, Made, NewApiKeyInput},
    organizations::{self, OrganizationKey, OrganizationPatchInput},
    requests::{self, NewRequestInput},
    restricted_models::{self, RestrictedInput},
    teams::{self, TeamPatchInput},
};
use domain::{KeyId, OrganizationId, RequestId, StatusChange, TeamId, TeamRole, UserId};
use rust_decimal::Decimal;
use serde_json::json;

use super::{House, named};
use crate::common::{refusal, refused};

/// A team of an organization that may have limits, with a member.
struct Place {
    house: House,
    root: UserId,
    organization: OrganizationId,
    team: TeamId,
    max: UserId,
}

impl Place {
    async fn new() -> Self {
        let house = House::new().await;
        let organization = house.world.organization("acme").await;
        let team = house.world.team_in(organization, "Backend").await;
        let max = house.world.member(team, "max", TeamRole::Member).await;
        house.deliver().await;
        Self {
            root: house.world.super_admin().await,
            house,
            organization,
            team,
            max,
        }
    }

    fn wanted(&self, budget: i64, models: &[&str]) -> NewApiKeyInput {
        let mut input = named("ci");
        input.team_id = Some(self.team.to_string());
        input.limits.max_budget = Some(Some(Decimal::from(budget)));
        if !models.is_empty() {
            input.limits.model_ids = Some(models.iter().map(|&model| model.to_owned()).collect());
        }
        input
    }

    async fn key(&self, budget: i64, models: &[&str]) -> Result<KeyId> {
        let made = self.house.create(self.max, self.wanted(budget, models)).await?;
        assert!(matches!(made, Made::Ready(..)));
        Ok(made.key().id)
    }

    async fn lower_team(&self, budget: Option<i64>, models: &[&str]) -> Result<()> {
        let patch = TeamPatchInput {
            max_budget: budget.map(|budget| Some(Decimal::from(budget))),
            models: Some(models.iter().map(|&model| model.to_owned()).collect()),
            ..TeamPatchInput::default()
        };
        let (patch, world) = (patch.parse()?, &self.house.world);
        let lowered = world.act(self.root, async |ctx| teams::update(ctx, self.team, patch).await);
        lowered.await.map(drop)
    }

    async fn lower_organization(&self, budget: i64) -> Result<()> {
        let patch = OrganizationPatchInput {
            max_budget: Some(Some(Decimal::from(budget))),
            ..OrganizationPatchInput::default()
        };
        let (patch, key) = (patch.parse()?, OrganizationKey::Id(self.organization));
        let world = &self.house.world;
        let lowered = world.act(self.root, async |ctx| organizations::update(ctx, &key, patch).await);
        lowered.await.map(drop)
    }

    async fn restrict(&self, models: &[&str]) {
        let input = RestrictedInput {
            models: Some(models.iter().map(|&model| model.to_owned()).collect()),
            installation_wide: None,
        };
        let key = OrganizationKey::Id(self.organization);
        let world = &self.house.world;
        let set = world.act(self.root, async |ctx| restricted_models::set(ctx, &key, input).await);
        set.await.expect("a super_admin");
    }

    async fn approved(&self, model: &str) -> RequestId {
        let input = NewRequestInput {
            kind: "model".to_owned(),
            team: self.team.to_string(),
            value: json!(model),
            reason: "we need it".to_owned(),
            reviews: None,
        };
        let (new, world) = (input.parse().expect("a request"), &self.house.world);
        let asked = world.act(self.max, async |ctx| requests::create(ctx, new).await).await;
        let id = asked.expect("asked").request.id;
        let approved = world.act(self.root, async |ctx| requests::approve(ctx, id, None).await);
        approved.await.expect("approved");
        id
    }

    /// The models that LiteLLM has of the only key.
    async fn models_there(&self) -> Vec<String> {
        self.house.deliver().await;
        self.house.litellm.keys().remove(0).models
    }
}

#[tokio::test]
async fn e7_a_team_is_not_lowered_below_its_keys() {
    let place = Place::new().await;
    let id = place.key(80, &["fake-gpt"]).await.expect("a key");
    let (code, words) = refusal(place.lower_team(Some(79), &[]).await);
    assert_eq!(code, "VALIDATION_ERROR");
    assert!(
        words.contains("Key max_budget (80) exceeds team's max_budget (79). Lower it first in: ci (max@example.com)"),
        "{words}"
    );
    let (_, words) = refusal(place.lower_team(Some(80), &["other"]).await);
    assert!(
        words.contains("fake-gpt not in team's allowed models: other"),
        "{words}"
    );
    place.lower_team(Some(80), &["fake-gpt"]).await.expect("equal is fine");
    place.house.revoke(place.max, id).await.expect("revoked");
    place
        .lower_team(Some(10), &["other"])
        .await
        .expect("one that is over does not count");
}

/// A rotated key works until its overlap is over.
#[tokio::test]
async fn e7_a_rotated_key_counts_as_long_as_it_works() {
    let place = Place::new().await;
    let id = place.key(80, &[]).await.expect("a key");
    let (new, _) = place.house.rotate(place.max, id, 3600).await.expect("rotated");
    let mut patch = ApiKeyPatchInput::default();
    patch.limits.max_budget = Some(Some(Decimal::from(5)));
    let patch = patch.parse().expect("a patch");
    let world = &place.house.world;
    let changed = world.act(place.max, async |ctx| api_keys::update(ctx, new.id, &patch).await);
    changed.await.expect("lowered");
    let (_, words) = refusal(place.lower_team(Some(10), &[]).await);
    assert!(words.ends_with("ci (max@example.com, rotated)"), "{words}");
    world
        .sql("UPDATE api_keys SET expires_at = now() WHERE replaced_by IS NOT NULL")
        .await;
    place.lower_team(Some(10), &[]).await.expect("it is over");
}

/// A team without limits of its own has only its organization's above its keys.
#[tokio::test]
async fn e7_an_organization_is_not_lowered_below_keys_of_teams_without_limits() {
    let place = Place::new().await;
    place.key(80, &[]).await.expect("a key");
    let (code, words) = refusal(place.lower_organization(50).await);
    assert_eq!(code, "VALIDATION_ERROR");
    assert!(
        words.contains("Key max_budget (80) exceeds organization's max_budget (50). Lower it first in: ci (max@"),
        "{words}"
    );
    // An archived team does not hold the organization back; it is asked about when it is restored.
    let (world, team) = (&place.house.world, place.team);
    let change = async |change| {
        world
            .act(place.root, async |ctx| {
                teams::change_status(ctx, team, change, None).await
            })
            .await
    };
    change(StatusChange::Archive).await.expect("archived");
    place.lower_organization(50).await.expect("lowered");
    let (code, words) = refusal(change(StatusChange::Restore).await);
    assert_eq!(code, "WRONG_STATE");
    assert!(
        words.contains("Key max_budget (80) exceeds organization's max_budget (50)"),
        "{words}"
    );
}

/// Whichever comes first holds; never both.
#[tokio::test(flavor = "multi_thread")]
async fn e7_a_key_made_while_what_is_above_it_is_lowered() {
    let place = Place::new().await;
    let world = &place.house.world;
    let (mut made, mut lowered) = (0, 0);
    for round in 0..12 {
        let lower = async {
            if round % 2 == 0 {
                place.lower_team(Some(50), &[]).await
            } else {
                place.lower_organization(50).await
            }
        };
        let (key, parent) = tokio::join!(place.key(80, &[]), lower);
        made += u32::from(key.is_ok());
        lowered += u32::from(parent.is_ok());
        assert!(key.is_ok() != parent.is_ok(), "round {round}: {key:?} {parent:?}");
        world.sql("DELETE FROM api_keys").await;
        world.sql("UPDATE teams SET max_budget = NULL").await;
        world.sql("UPDATE organizations SET max_budget = NULL").await;
    }
    assert_eq!(made + lowered, 12);
}

#[tokio::test]
async fn c15_a_key_gets_a_restricted_model_with_an_approval_only() {
    let place = Place::new().await;
    place.restrict(&["gpt-4o"]).await;
    refused(
        place.key(1, &["fake-gpt", "gpt-4o"]).await,
        "VALIDATION_ERROR",
        "modelIds: gpt-4o is restricted: the team needs an approved request for it",
    );
    // Without a list of its own it would have all that the team has.
    let (code, words) = refusal(place.key(1, &[]).await);
    assert_eq!(
        (code, words.contains("gpt-4o is restricted")),
        ("VALIDATION_ERROR", true),
        "{words}"
    );
    let id = place.key(1, &["fake-gpt"]).await.expect("others are free");
    let mut patch = ApiKeyPatchInput::default();
    patch.limits.model_ids = Some(vec!["gpt-4o".to_owned()]);
    let patch = patch.parse().expect("a patch");
    let world = &place.house.world;
    let change = async || {
        world
            .act(place.max, async |ctx| api_keys::update(ctx, id, &patch).await)
            .await
    };
    assert_eq!(refusal(change().await).0, "VALIDATION_ERROR");
    place.approved("gpt-4o").await;
    change().await.expect("approved");
    assert_eq!(place.models_there().await, ["gpt-4o"]);
}

/// What is taken back is taken back where it is used.
#[tokio::test]
async fn c15_a_key_loses_a_model_that_is_restricted_or_reverted() {
    let place = Place::new().await;
    place.key(1, &["fake-gpt", "gpt-4o"]).await.expect("free as yet");
    place.restrict(&["gpt-4o"]).await;
    assert_eq!(place.models_there().await, ["fake-gpt"]);
    let request = place.approved("gpt-4o").await;
    assert_eq!(place.models_there().await, ["fake-gpt", "gpt-4o"]);
    let world = &place.house.world;
    let reverted = world.act(place.root, async |ctx| requests::revert(ctx, request).await);
    reverted.await.expect("reverted");
    assert_eq!(place.models_there().await, ["fake-gpt"]);
    place.restrict(&["gpt-4o", "fake-gpt"]).await;
    assert_eq!(place.models_there().await, ["no-default-models"], "none, not all");
    place.restrict(&[]).await;
    assert_eq!(place.models_there().await, ["fake-gpt", "gpt-4o"]);
}
