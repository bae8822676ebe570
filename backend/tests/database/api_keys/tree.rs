//! The whole tree of limits, and use of it: no order of writes leaves a child above its parent, and no use is allowed at or
//! above a limit (SPEC E7).

use std::time::Duration;

use backend::{
    Error, Result,
    api_keys::{self, ApiKeyPatchInput, LimitsInput, Made},
    authz::{self, About, Checked},
    budgets::{self, EntryInput, LimitsPatchInput},
    members,
    organizations::{self, OrganizationKey, OrganizationPatchInput},
    projects,
    teams::{self, TeamPatchInput},
};
use domain::{KeyId, OrganizationId, ProjectId, TeamId, TeamRole, TermsPatch, UserId, UserRef};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};

use super::{House, named};

/// An organization with two teams, each with a member, a project and a key of the member.
struct Tree {
    house: House,
    root: UserId,
    organization: OrganizationId,
    branches: Vec<Branch>,
}

struct Branch {
    team: TeamId,
    member: UserId,
    project: ProjectId,
    key: KeyId,
    secret: SecretString,
}

impl Tree {
    async fn new() -> Self {
        let house = House::new().await;
        let organization = house.world.organization("acme").await;
        let mut branches = Vec::new();
        for name in ["Backend", "Frontend"] {
            let team = house.world.team_in(organization, name).await;
            let member = house.world.member(team, &name.to_lowercase(), TeamRole::Member).await;
            let project = house.world.project(team, "Billing").await;
            house.deliver().await;
            let mut input = named("ci");
            input.team_id = Some(team.to_string());
            let Made::Ready(key, secret) = house.create(member, input).await.expect("a key") else {
                panic!("LiteLLM is there");
            };
            branches.push(Branch {
                team,
                member,
                project,
                key: key.id,
                secret,
            });
        }
        // Keys are made with the installation's defaults.
        house
            .world
            .sql("UPDATE api_keys SET max_budget = NULL, tpm_limit = NULL, rpm_limit = NULL")
            .await;
        Self {
            root: house.world.super_admin().await,
            house,
            organization,
            branches,
        }
    }

    async fn set(&self, level: u32, branch: usize, budget: Option<i64>, rpm: Option<i64>) -> Result<()> {
        let (world, root, branch) = (&self.house.world, self.root, &self.branches[branch]);
        let (max_budget, rpm_limit) = (Some(budget.map(Decimal::from)), Some(rpm));
        let below = LimitsPatchInput {
            max_budget,
            rpm_limit,
            ..LimitsPatchInput::default()
        };
        match level {
            0 => {
                let patch = OrganizationPatchInput {
                    max_budget,
                    rpm_limit,
                    ..OrganizationPatchInput::default()
                };
                let (patch, key) = (patch.parse()?, OrganizationKey::Id(self.organization));
                world
                    .act(root, async |ctx| organizations::update(ctx, &key, patch).await)
                    .await
                    .map(drop)
            }
            1 => {
                let patch = TeamPatchInput {
                    max_budget,
                    rpm_limit,
                    ..TeamPatchInput::default()
                };
                let patch = patch.parse()?;
                world
                    .act(root, async |ctx| teams::update(ctx, branch.team, patch).await)
                    .await
                    .map(drop)
            }
            2 => {
                let (patch, user, terms) = (
                    below.parse_of_member()?,
                    UserRef::Id(branch.member),
                    TermsPatch::default(),
                );
                world
                    .act(root, async |ctx| {
                        members::change(ctx, branch.team, &user, terms, &patch).await
                    })
                    .await
                    .map(drop)
            }
            3 => {
                let patch = below.parse()?;
                world
                    .act(root, async |ctx| {
                        projects::change(ctx, branch.team, branch.project, None, None, &patch).await
                    })
                    .await
                    .map(drop)
            }
            _ => {
                let limits = LimitsInput {
                    max_budget,
                    rpm_limit,
                    ..LimitsInput::default()
                };
                let patch = ApiKeyPatchInput {
                    limits,
                    ..ApiKeyPatchInput::default()
                };
                let patch = patch.parse()?;
                world
                    .act(root, async |ctx| api_keys::update(ctx, branch.key, &patch).await)
                    .await
                    .map(drop)
            }
        }
    }

    /// How many are above something that is above them: said without the rule under test.
    async fn above(&self) -> i64 {
        self.house
            .world
            .one(
                "SELECT count(*) FROM teams t JOIN organizations o ON o.id = t.organization_id
                    JOIN team_members m ON m.team_id = t.id JOIN projects p ON p.team_id = t.id
                    JOIN api_keys k ON k.team_id = t.id AND k.owner_id = m.user_id
                WHERE t.max_budget > o.max_budget OR m.max_budget > o.max_budget OR p.max_budget > o.max_budget
                    OR k.max_budget > o.max_budget OR m.max_budget > t.max_budget OR p.max_budget > t.max_budget
                    OR k.max_budget > t.max_budget OR k.max_budget > m.max_budget
                    OR t.rpm_limit > o.rpm_limit OR m.rpm_limit > o.rpm_limit OR p.rpm_limit > o.rpm_limit
                    OR k.rpm_limit > o.rpm_limit OR m.rpm_limit > t.rpm_limit OR p.rpm_limit > t.rpm_limit
                    OR k.rpm_limit > t.rpm_limit OR k.rpm_limit > m.rpm_limit",
            )
            .await
    }

    /// What a check of a key says: the literal when a budget is used up.
    async fn check(&self, branch: &Branch) -> Result<bool> {
        let who = Checked::Key(branch.secret.expose_secret().to_owned());
        let about = About::Model("fake-gpt".to_owned());
        let asked = self
            .house
            .world
            .ask(self.root, async |ctx| authz::check(ctx, &who, &about).await);
        asked.await.map(|(allowed, _)| allowed)
    }

    /// Whether some budget above the key, or its own, is used up: said without the rule under test.
    async fn is_used_up(&self, branch: &Branch) -> bool {
        let (team, member, key) = (branch.team, branch.member, branch.key);
        let sql = format!(
            "SELECT EXISTS (SELECT FROM teams t JOIN organizations o ON o.id = t.organization_id
                JOIN team_members m ON m.team_id = t.id AND m.user_id = '{member}' JOIN api_keys k ON k.id = '{key}'
            WHERE t.id = '{team}' AND (
                (SELECT coalesce(sum(cost), 0) FROM spend_entries WHERE organization_id = o.id) >= o.max_budget
                OR (SELECT coalesce(sum(cost), 0) FROM spend_entries WHERE team_id = t.id) >= t.max_budget
                OR (SELECT coalesce(sum(cost), 0) FROM spend_entries WHERE team_id = t.id AND user_id = m.user_id) >= m.max_budget
                OR (SELECT coalesce(sum(cost), 0) FROM spend_entries WHERE key_id = k.id) >= k.max_budget))"
        );
        self.house.world.one(&sql).await
    }
}

/// Writes to every level and spending in random orders; after each of them the tree is sound, and use is allowed exactly as
/// long as no budget is used up.
#[tokio::test]
async fn e7_no_order_of_writes_leaves_a_child_above_its_parent_and_no_use_is_above_a_limit() {
    let tree = Tree::new().await;
    let (mut accepted, mut refused, mut over, mut under) = (0, 0, 0, 0);
    for seed in 0..4 {
        let mut random = StdRng::seed_from_u64(seed);
        for step in 0..60 {
            let branch = random.random_range(0..2);
            if random.random_range(0..4) == 0 {
                let entry = EntryInput {
                    request_id: format!("{seed}-{step}"),
                    key: Some(tree.branches[branch].secret.clone()),
                    cost: Decimal::from(random.random_range(0..3_i64)),
                    ..EntryInput::default()
                };
                let world = &tree.house.world;
                world
                    .act(tree.root, async |ctx| budgets::ingest(ctx, vec![entry]).await)
                    .await
                    .unwrap();
            } else {
                let limit = |random: &mut StdRng, most: i64| match random.random_range(0..=most + 1) {
                    0 => None,
                    limit => Some(limit - 1 + 10 * i64::try_from(seed).unwrap()),
                };
                let (budget, rpm) = (limit(&mut random, 12), limit(&mut random, 6));
                match tree.set(random.random_range(0..5), branch, budget, rpm).await {
                    Ok(()) => accepted += 1,
                    Err(Error::Invalid(_)) => refused += 1,
                    Err(error) => panic!("seed {seed}, step {step}: {error}"),
                }
                assert_eq!(tree.above().await, 0, "seed {seed}, step {step}");
            }
            let branch = &tree.branches[branch];
            match tree.check(branch).await {
                Ok(allowed) => {
                    assert!(allowed && !tree.is_used_up(branch).await, "seed {seed}, step {step}");
                    under += 1;
                }
                Err(error) => {
                    assert_eq!(error.code().status(), 429, "{error}");
                    assert!(error.detail().starts_with("Budget has been exceeded! "), "{error}");
                    assert!(tree.is_used_up(branch).await, "seed {seed}, step {step}: {error}");
                    over += 1;
                }
            }
        }
    }
    // A test of orders that are all refused, or none, would say nothing.
    for (what, times) in [
        ("accepted", accepted),
        ("refused", refused),
        ("over", over),
        ("under", under),
    ] {
        assert!(times > 15, "{what}: {times}");
    }
}

#[tokio::test]
async fn e7_litellm_knows_what_a_member_may_spend_in_a_team() {
    let tree = Tree::new().await;
    let branch = &tree.branches[0];
    let there = || {
        let team = tree.house.litellm.team(&branch.team.to_string()).expect("it is there");
        let member = team
            .members
            .into_iter()
            .find(|member| member.user_id == branch.member.to_string());
        member.expect("a member").max_budget
    };
    tree.set(2, 0, Some(7), None).await.unwrap();
    tree.house.deliver().await;
    assert_eq!(there(), Some(7.0));
    tree.set(2, 0, None, None).await.unwrap();
    tree.house.deliver().await;
    assert_eq!(there(), None);
}

#[tokio::test]
async fn e7_litellms_figures_count_once_at_every_level() {
    let tree = Tree::new().await;
    let branch = &tree.branches[0];
    tree.house.litellm.set_call_spend(0.25);
    let body = r#"{"model": "fake-gpt", "messages": [{"role": "user", "content": "hello"}]}"#;
    let read = async || {
        assert_eq!(
            tree.house.call("POST /chat/completions", &branch.secret, body).await,
            200
        );
        for _ in 0..2 {
            api_keys::read_spending(&tree.house.world.backend, Duration::ZERO)
                .await
                .unwrap();
        }
    };
    read().await;
    read().await;
    let spent: Vec<Decimal> = tree
        .house
        .world
        .all("SELECT spend FROM budget_spend WHERE level IN ('organization', 'team', 'member', 'key', 'share')")
        .await;
    assert_eq!(spent, vec![Decimal::new(5, 1); 5]);
    // A sum that begins anew is what was spent since.
    let caller = tree.house.world.caller(tree.root).await;
    api_keys::reset_spend(&tree.house.world.backend, caller, crate::common::request(), branch.key)
        .await
        .unwrap();
    read().await;
    let team: Decimal = tree
        .house
        .world
        .one("SELECT spend FROM budget_spend WHERE level = 'team'")
        .await;
    assert_eq!(team, Decimal::new(75, 2), "what was spent stays spent");
    // At the limit use is refused, whoever told of it.
    tree.set(1, 0, Some(1), None).await.unwrap();
    assert!(tree.check(branch).await.unwrap());
    read().await;
    let refused = tree.check(branch).await.unwrap_err();
    assert_eq!(
        refused.detail(),
        format!(
            "Budget has been exceeded! Team={} Current cost: 1, Max budget: 1",
            branch.team
        )
    );
}
