//! Who may do what with keys, and what keys may have: SPEC P, C9, E7, E8.

use backend::{
    api_keys::{self, ApiKeyPatchInput, KeyQuery, Made, NewApiKeyInput, Whose},
    keys::{self, NewKey},
};
use domain::{
    ApiKeyStatus, KeyId, KeyKind, KeyMaximums, KeyName, KeyPolicy, Money, OrgRole, TeamRole, UserId, hierarchy::Level,
};
use rust_decimal::Decimal;

use super::{House, named};
use crate::common::{refusal, refused};

fn limited(max_budget: i64, models: &[&str]) -> NewApiKeyInput {
    let mut input = named("one");
    input.limits.max_budget = Some(Some(Decimal::from(max_budget)));
    input.limits.model_ids = Some(models.iter().map(|&model| model.to_owned()).collect());
    input
}

fn for_whom(owner: UserId) -> NewApiKeyInput {
    NewApiKeyInput {
        owner: Some(owner.to_string()),
        ..named("theirs")
    }
}

#[tokio::test]
async fn p_own_keys_for_members_all_of_the_team_for_its_admins() {
    let house = House::new().await;
    let bob = house.world.member(house.team, "bob", TeamRole::Member).await;
    let (key, _) = house.ready(house.ada, "one").await;
    for stranger in [bob, house.world.user("nobody").await] {
        let seen = house
            .world
            .ask(stranger, async |ctx| api_keys::get(ctx, key.id).await)
            .await;
        refused(seen, "NOT_FOUND", "Key not found");
        refused(house.revoke(stranger, key.id).await, "NOT_FOUND", "Key not found");
        refused(house.rotate(stranger, key.id, 0).await, "NOT_FOUND", "Key not found");
    }
    assert_eq!(house.status(house.boss, key.id).await, ApiKeyStatus::Active);
    refused(
        house.create(bob, for_whom(house.ada)).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    refused(
        house.create(house.ada, for_whom(house.boss)).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    let made = house.create(house.boss, for_whom(house.ada)).await.unwrap();
    assert_eq!(
        (made.key().owner_id, matches!(made, Made::Ready(..))),
        (house.ada, true)
    );
    let root = house.world.super_admin().await;
    house.world.join(house.team, root, TeamRole::Member).await;
    refused(
        house.create(house.boss, for_whom(root)).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    let mut elsewhere = named("x");
    elsewhere.team_id = Some(house.world.team("Other").await.to_string());
    refused(
        house.create(house.ada, elsewhere).await,
        "VALIDATION_ERROR",
        "teamId: is not one of your teams",
    );
    assert_eq!(
        house.revoke(house.boss, key.id).await.unwrap().status,
        ApiKeyStatus::Revoked
    );
}

#[tokio::test]
async fn c9_ten_active_keys_and_not_one_more_also_at_once() {
    let house = House::new().await;
    let names: Vec<String> = (0..20).map(|n| format!("key {n}")).collect();
    let made = futures_util::future::join_all(names.iter().map(|name| house.create(house.ada, named(name)))).await;
    let (ok, no): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((ok.len(), no.len()), (10, 10));
    for error in no {
        let (code, words) = refusal(error);
        assert_eq!(
            (code, words.as_str()),
            ("MAX_API_KEYS_REACHED", "Maximum 10 active API keys allowed per user")
        );
    }
    assert_eq!(house.litellm.keys().len(), 10);
    house.agree().await;
    let first = ok.into_iter().next().unwrap().unwrap().key().id;
    house
        .rotate(house.ada, first, 60)
        .await
        .expect("it takes the old one's place");
    assert!(house.create(house.ada, named("more")).await.is_err());
    house.revoke(house.boss, first).await.unwrap();
    assert!(
        house.create(house.ada, named("more")).await.is_err(),
        "that one did not count any more"
    );
}

#[tokio::test]
async fn c9_ceilings_and_defaults_of_the_installation() {
    let house = House::new().await;
    let root = house.world.super_admin().await;
    let policy = KeyPolicy {
        maximums: KeyMaximums {
            max_budget: Some(Money::trusted(Decimal::from(3))),
            expires_in_days: Some(30),
            ..KeyMaximums::default()
        },
        ..KeyPolicy::default()
    };
    let set = async |ctx: &mut backend::Ctx| api_keys::set_key_policy(ctx, &policy).await;
    refused(
        house.world.act(house.boss, set).await,
        "FORBIDDEN",
        "Admin privileges required",
    );
    house.world.act(root, set).await.unwrap();
    let mut wanted = limited(5, &["fake-gpt"]);
    wanted.limits.expires_at = Some(None);
    refused(
        house.create(house.ada, wanted).await,
        "QUOTA_LIMITS_EXCEEDED",
        "Quota limits exceeded: maxBudget: 5 exceeds maximum 3; expiresAt: 'Never' is not allowed",
    );
    let (key, _) = house.ready(house.ada, "one").await;
    assert_eq!(
        key.limits.max_budget, policy.maximums.max_budget,
        "the ceiling is what is not said"
    );
    assert!(key.expires_at.is_some());
    let mut patch = ApiKeyPatchInput::default();
    patch.limits.max_budget = Some(None);
    let patch = patch.parse().unwrap();
    let changed = house
        .world
        .act(house.ada, async |ctx| api_keys::update(ctx, key.id, &patch).await)
        .await;
    refused(
        changed,
        "QUOTA_LIMITS_EXCEEDED",
        "Quota limits exceeded: maxBudget: 'Unlimited' is not allowed",
    );
}

#[tokio::test]
async fn e7_e8_a_key_stays_within_its_team_and_organization() {
    let house = House::new().await;
    house
        .world
        .sql(&format!(
            "UPDATE teams SET max_budget = 100, rpm_limit = 10, models = '{{fake-gpt}}' WHERE id = '{}'",
            house.team
        ))
        .await;
    let (code, words) = refusal(house.create(house.ada, limited(101, &["fake-claude"])).await);
    assert_eq!(code, "VALIDATION_ERROR");
    assert_eq!(
        words,
        "maxBudget: Key max_budget (101) exceeds team's max_budget (100).; modelIds: fake-claude not in team's allowed models: fake-gpt"
    );
    let made = house.create(house.ada, limited(100, &["fake-gpt"])).await.unwrap();
    let id = made.key().id;
    let page = house
        .world
        .ask(house.ada, async |ctx| api_keys::get(ctx, id).await)
        .await
        .unwrap();
    let rpm = page.effective.rpm_limit.unwrap();
    assert_eq!((rpm.value, rpm.level), (10, Level::Team));
    assert_eq!(
        page.effective.max_budget.unwrap().level,
        Level::Team,
        "the topmost of equals"
    );
}

#[tokio::test]
async fn c8_what_a_new_key_must_be() {
    let mut bad = named(&"x".repeat(256));
    bad.limits.model_ids = Some(Vec::new());
    bad.limits.budget_duration = Some(Some("fortnightly".to_owned()));
    bad.limits.tpm_limit = Some(Some(-1));
    bad.limits.max_budget = Some(Some(Decimal::NEGATIVE_ONE));
    bad.limits.tags = Some(vec![String::new()]);
    bad.team_id = Some("mine".to_owned());
    bad.metadata.insert("a".to_owned(), "\0".into());
    let fields: Vec<_> = bad
        .parse()
        .unwrap_err()
        .into_iter()
        .map(|invalid| invalid.field)
        .collect();
    assert_eq!(
        fields,
        [
            "name",
            "maxBudget",
            "tpmLimit",
            "modelIds",
            "budgetDuration",
            "tags",
            "teamId",
            "metadata"
        ]
    );
    assert!(named(&"é".repeat(255)).parse().is_ok());
}

#[tokio::test]
async fn c8_changes_reach_litellm() {
    let house = House::new().await;
    let (key, secret) = house.ready(house.ada, "one").await;
    let mut patch = ApiKeyPatchInput {
        name: Some("renamed".to_owned()),
        ..ApiKeyPatchInput::default()
    };
    patch.limits.max_budget = Some(Some(Decimal::from(7)));
    patch.limits.model_ids = Some(vec!["fake-gpt".to_owned()]);
    let patch = patch.parse().unwrap();
    let changed = house
        .world
        .act(house.ada, async |ctx| api_keys::update(ctx, key.id, &patch).await)
        .await;
    assert_eq!(changed.unwrap().name, "renamed");
    house.deliver().await;
    let there = house
        .litellm
        .key(secrecy::ExposeSecret::expose_secret(&secret))
        .unwrap();
    assert_eq!(
        (there.max_budget, there.models),
        (Some(7.0), vec!["fake-gpt".to_owned()])
    );
    assert!(house.works(&secret).await);
}

#[tokio::test]
async fn c8_lists_show_both_kinds_with_true_totals() {
    let house = House::new().await;
    let project = house.world.project(house.team, "API").await;
    house.world.assign(project, house.ada).await;
    let new = NewKey {
        name: KeyName::parse("ci").unwrap(),
        expires_at: None,
        owner: None,
    };
    let team = house.team;
    house
        .world
        .act(house.ada, async |ctx| keys::create(ctx, team, project, &new).await)
        .await
        .unwrap();
    let (model, _) = house.ready(house.ada, "gpt").await;
    house.ready(house.boss, "boss").await;
    house.revoke(house.ada, model.id).await.unwrap();
    let query = |whose, active, open_only| KeyQuery {
        whose,
        models: None,
        active,
        open_only,
        page: 1,
        limit: 20,
    };
    let list = async |by, query: KeyQuery| {
        let (keys, total) = house
            .world
            .ask(by, async |ctx| api_keys::list(ctx, &query).await)
            .await
            .unwrap();
        let found: Vec<_> = keys.into_iter().map(|key| (key.name, key.kind, key.status)).collect();
        assert_eq!(i64::try_from(found.len()).unwrap(), total);
        found
    };
    let (gpt, ci) = (
        ("gpt".to_owned(), KeyKind::Models, ApiKeyStatus::Revoked),
        ("ci".to_owned(), KeyKind::Services, ApiKeyStatus::Active),
    );
    assert_eq!(
        list(house.ada, query(Whose::Mine, None, false)).await,
        [gpt.clone(), ci.clone()]
    );
    assert_eq!(
        list(house.ada, query(Whose::Mine, Some(true), false)).await,
        std::slice::from_ref(&ci)
    );
    assert_eq!(
        list(house.ada, query(Whose::Mine, Some(false), false)).await,
        std::slice::from_ref(&gpt)
    );
    assert_eq!(list(house.ada, query(Whose::Team(team), None, true)).await, [ci]);
    assert_eq!(list(house.boss, query(Whose::Team(team), None, false)).await.len(), 3);
}

#[tokio::test]
async fn p_somebodys_keys_are_listed_for_those_who_see_the_account() {
    let house = House::new().await;
    let world = &house.world;
    let (key, _) = house.ready(house.ada, "one").await;
    let (ended, _) = house.ready(house.ada, "two").await;
    house.revoke(house.ada, ended.id).await.unwrap();
    let (near, far) = (world.organization("near").await, world.organization("far").await);
    world
        .sql(&format!(
            "UPDATE teams SET organization_id = '{near}' WHERE id = '{}'",
            house.team
        ))
        .await;
    let listed = async |who: UserId| {
        let keys = world
            .ask(who, async |ctx| api_keys::of_person(ctx, house.ada, 50).await)
            .await?;
        Ok(keys.into_iter().map(|key| key.id).collect::<Vec<_>>())
    };
    for (organization, name, role, sees) in [
        (near, "olga", OrgRole::OrgAdmin, true),
        (near, "audrey", OrgRole::Auditor, true),
        (far, "otto", OrgRole::OrgAdmin, false),
    ] {
        let who = world.user(name).await;
        world.give(organization, who, role).await;
        let expected = if sees { vec![key.id] } else { Vec::new() };
        assert_eq!(listed(who).await.unwrap(), expected, "{name}");
    }
    assert_eq!(listed(world.super_admin().await).await.unwrap(), [key.id]);
    // Who sees no accounts sees no list of them, not even the own one: that is on /keys.
    for who in [house.boss, house.ada] {
        let refused_list: backend::Result<Vec<KeyId>> = listed(who).await;
        refused(refused_list, "FORBIDDEN", "Admin privileges required");
    }
}
