//! C15 at LiteLLM: a team and its keys have no restricted model there that nobody approved, and hear of each approval and
//! of its end in the transaction that makes it.

use backend::{
    api_keys::{self, LimitsInput, NewApiKeyInput},
    litellm,
    organizations::OrganizationKey,
    requests::{self, NewRequestInput},
    restricted_models::{self, RestrictedInput},
};
use domain::{OrganizationId, RequestId, TeamId, TeamRole, UserId};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{House, Made, Result, request};
use crate::common::refused;

struct Scene {
    house: House,
    organization: OrganizationId,
    team: TeamId,
    member: UserId,
    root: UserId,
}

impl Scene {
    async fn new() -> Self {
        let house = House::new().await;
        let organization = house.world.organization("acme").await;
        let team = house.world.team_in(organization, "Backend").await;
        let member = house.fresh_member(team, TeamRole::Member).await;
        let root = house.world.super_admin().await;
        house.settle("given").await;
        Self {
            house,
            organization,
            team,
            member,
            root,
        }
    }

    async fn restrict(&self, everywhere: bool, models: &[&str]) {
        let list: Vec<String> = models.iter().map(ToString::to_string).collect();
        let input = RestrictedInput {
            models: (!everywhere).then(|| list.clone()),
            installation_wide: everywhere.then_some(list),
        };
        let key = OrganizationKey::Id(self.organization);
        self.house
            .world
            .act(self.root, async |ctx| restricted_models::set(ctx, &key, input).await)
            .await
            .expect("restricted");
    }

    async fn approve(&self, model: &str) -> RequestId {
        let input = NewRequestInput {
            kind: "model".to_owned(),
            team: self.team.to_string(),
            value: json!(model),
            reason: "we need it".to_owned(),
            reviews: None,
        };
        let new = input.parse().expect("a request");
        let asked = self
            .house
            .world
            .act(self.member, async |ctx| requests::create(ctx, new).await)
            .await
            .expect("asked");
        let id = asked.request.id;
        self.house
            .world
            .act(self.root, async |ctx| requests::approve(ctx, id, None).await)
            .await
            .expect("approved");
        id
    }

    /// What the team has at LiteLLM, once it is told.
    async fn there(&self) -> Vec<String> {
        self.house.settle("told").await;
        self.house.agree("told").await;
        self.house.proxy.team(&self.team.to_string()).expect("there").models
    }

    async fn key(&self, models: &[&str]) -> Result<Made> {
        let input = NewApiKeyInput {
            name: self.house.fresh("key "),
            team_id: Some(self.team.to_string()),
            limits: LimitsInput {
                model_ids: Some(models.iter().map(ToString::to_string).collect()),
                ..LimitsInput::default()
            },
            ..NewApiKeyInput::default()
        };
        let new = input.parse().expect("a good key");
        let caller = self.house.world.caller(self.member).await;
        let made = api_keys::create(self.house.backend(), caller, request(), new).await?;
        self.house.remember(&made);
        Ok(made)
    }

    async fn models(&self, sql: &str) {
        self.house.world.sql(sql).await;
    }
}

#[tokio::test]
async fn c15_a_team_has_no_restricted_model_there_until_it_is_approved() {
    for everywhere in [false, true] {
        let scene = Scene::new().await;
        assert!(scene.there().await.is_empty(), "all");
        scene.restrict(everywhere, &["fake-gpt"]).await;
        // "All but one" has no word at LiteLLM: it is a list there.
        assert_eq!(scene.there().await, ["fake-claude"]);
        let id = scene.approve("fake-gpt").await;
        assert!(scene.there().await.is_empty(), "all again");
        scene
            .house
            .world
            .act(scene.root, async |ctx| requests::revert(ctx, id).await)
            .await
            .expect("reverted");
        assert_eq!(scene.there().await, ["fake-claude"]);
        scene.restrict(everywhere, &[]).await;
        assert!(scene.there().await.is_empty(), "nothing is restricted");

        scene
            .models("UPDATE organizations SET models = '{fake-gpt,fake-claude}' WHERE slug = 'acme'")
            .await;
        scene.restrict(everywhere, &["fake-gpt"]).await;
        assert_eq!(scene.there().await, ["fake-claude"], "of the organization's list");
        scene
            .models(&format!(
                "UPDATE teams SET models = '{{fake-gpt}}' WHERE id = '{}'",
                scene.team
            ))
            .await;
        // An empty list would be all of them.
        assert_eq!(scene.there().await, ["no-default-models"], "of its own list");
    }
}

#[tokio::test]
async fn c15_a_key_has_no_restricted_model_there_until_it_is_approved() {
    let scene = Scene::new().await;
    let Ok(Made::Ready(_, both)) = scene.key(&["fake-gpt", "fake-claude"]).await else {
        panic!("nothing is restricted yet");
    };
    let Ok(Made::Ready(_, one)) = scene.key(&["fake-gpt"]).await else {
        panic!("nothing is restricted yet");
    };
    let there = |secret: &super::SecretString| scene.house.proxy.key(secret.expose_secret()).expect("there").models;
    scene.restrict(false, &["fake-gpt"]).await;
    scene.there().await;
    assert_eq!(
        (there(&both), there(&one)),
        (vec!["fake-claude".to_owned()], vec!["no-default-models".to_owned()])
    );
    refused(
        scene.key(&["fake-claude", "fake-gpt"]).await,
        "VALIDATION_ERROR",
        "modelIds: fake-gpt is restricted: the team needs an approved request for it",
    );
    scene.approve("fake-gpt").await;
    scene.there().await;
    assert_eq!((there(&both).len(), there(&one)), (2, vec!["fake-gpt".to_owned()]));
    scene.key(&["fake-gpt"]).await.expect("approved");
}

/// In the same transaction: what is not committed is not told, and what is committed waits in the outbox at that moment.
#[tokio::test]
async fn c15_an_approval_and_what_litellm_must_know_of_it_are_one_transaction() {
    let scene = Scene::new().await;
    scene.restrict(false, &["fake-gpt"]).await;
    scene.there().await;
    let waiting = async || -> i64 {
        scene
            .house
            .world
            .one("SELECT count(*) FROM litellm_objects WHERE state <> 'synced' AND kind = 'team'")
            .await
    };
    assert_eq!(waiting().await, 0);
    scene.approve("fake-gpt").await;
    assert_eq!(waiting().await, 1);
    // A request for something else changes nothing there.
    scene.there().await;
    scene.approve_nothing().await;
    assert_eq!(waiting().await, 0);
}

impl Scene {
    /// A denial of a model changes nothing at LiteLLM.
    async fn approve_nothing(&self) {
        let input = NewRequestInput {
            kind: "quota".to_owned(),
            team: self.team.to_string(),
            value: json!(3),
            reason: "we need it".to_owned(),
            reviews: None,
        };
        let new = input.parse().expect("a request");
        let asked = self
            .house
            .world
            .act(self.member, async |ctx| requests::create(ctx, new).await)
            .await;
        let Ok(asked) = asked else { return };
        let reason = domain::Reason::parse("no").expect("a reason");
        self.house
            .world
            .act(self.root, async |ctx| {
                requests::deny(ctx, asked.request.id, &reason).await
            })
            .await
            .expect("denied");
    }
}

/// A model that comes to LiteLLM later comes to the teams that may use all but the restricted ones.
#[tokio::test]
async fn c15_new_models_come_to_teams_that_have_all_but_some() {
    let scene = Scene::new().await;
    scene.restrict(false, &["fake-gpt"]).await;
    assert_eq!(scene.there().await, ["fake-claude"]);
    // As if LiteLLM had offered less when it was asked.
    scene.models("UPDATE litellm_instances SET models = '{fake-gpt}'").await;
    assert_eq!(scene.there().await, ["no-default-models"]);
    litellm::refresh_models(scene.house.backend())
        .await
        .expect("a database");
    assert_eq!(scene.there().await, ["fake-claude"]);
}

/// The migration goes back and comes again on an installation that has restricted models and approvals: what is written in
/// between works, and is told.
#[tokio::test]
async fn c15_the_migration_of_models_goes_back_with_data_in_place() {
    let scene = Scene::new().await;
    scene.restrict(false, &["fake-gpt"]).await;
    assert_eq!(scene.there().await, ["fake-claude"]);
    let before = 20_261_121_000_331;
    let pool = &scene.house.world.pool;
    backend::MIGRATOR.undo(pool, before).await.expect("down");
    scene.approve("fake-gpt").await;
    scene
        .models("UPDATE users SET deactivated_at = now() WHERE email = 'watcher@example.com'")
        .await;
    scene.models("UPDATE users SET deactivated_at = NULL").await;
    backend::MIGRATOR.run(pool).await.expect("up again");
    scene
        .models("UPDATE teams SET max_budget = 1 WHERE name = 'Backend'")
        .await;
    assert!(scene.there().await.is_empty(), "the approval of meanwhile holds");
}
