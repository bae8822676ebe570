//! Budgets: what is spent counts once at every level, in its period, and is never lost (SPEC E7, X8).

mod limits;
mod moving;

use backend::{
    Result,
    budgets::{self, EntryInput, Recorded},
    organizations::{self, OrganizationKey, OrganizationPatchInput},
    teams::{self, TeamPatchInput},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrgRole, OrganizationId, ProjectId, TeamId, TeamRole, UserId};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::common::{World, refusal, refused};

/// An organization with a team, a member, a project and a key of it.
pub struct Place {
    pub world: World,
    pub root: UserId,
    pub organization: OrganizationId,
    pub team: TeamId,
    pub max: UserId,
    pub project: ProjectId,
}

pub const SECRET: &str = "sk-the-whole-key-of-max";

impl Place {
    pub async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Backend").await;
        let max = world.member(team, "max", TeamRole::Member).await;
        let project = world.project(team, "Billing").await;
        let key = Uuid::now_v7();
        world
            .sql(&format!(
                "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, key_hash)
                VALUES ('{key}', '{team}', '{project}', '{max}', 'ci', 'sk-the-who', sha256('{SECRET}'))"
            ))
            .await;
        Self {
            root: world.super_admin().await,
            world,
            organization,
            team,
            max,
            project,
        }
    }

    pub async fn tell(&self, entries: Vec<EntryInput>) -> Result<Recorded> {
        self.tell_as(self.root, entries).await
    }

    pub async fn tell_as(&self, by: UserId, entries: Vec<EntryInput>) -> Result<Recorded> {
        self.world
            .act(by, async |ctx| budgets::ingest(ctx, entries).await)
            .await
    }

    /// An amount in cents that the key spent.
    pub fn entry(&self, name: &str, cents: i64) -> EntryInput {
        EntryInput {
            request_id: name.to_owned(),
            key: Some(SECRET.into()),
            team_id: Some(self.team.0),
            cost: Decimal::new(cents, 2),
            ..EntryInput::default()
        }
    }

    /// What is kept of a level's current period.
    pub async fn kept(&self, level: &str) -> Vec<Decimal> {
        let sql = format!("SELECT spend FROM budget_spend WHERE level = '{level}' ORDER BY period_start");
        let found: Vec<Decimal> = self.world.all(&sql).await;
        found.into_iter().map(|spend| spend.normalize()).collect()
    }

    pub async fn set_organization(&self, patch: OrganizationPatchInput) -> Result<()> {
        let (patch, key) = (patch.parse()?, OrganizationKey::Id(self.organization));
        let set = self
            .world
            .act(self.root, async |ctx| organizations::update(ctx, &key, patch).await);
        set.await.map(drop)
    }

    pub async fn set_team(&self, patch: TeamPatchInput) -> Result<()> {
        let patch = patch.parse()?;
        let set = self
            .world
            .act(self.root, async |ctx| teams::update(ctx, self.team, patch).await);
        set.await.map(drop)
    }

    /// The team's budgets, from the organization down: what was spent of each.
    pub async fn spent(&self) -> Vec<Decimal> {
        let budget = self
            .world
            .ask(self.root, async |ctx| teams::budget(ctx, self.team).await)
            .await
            .unwrap();
        budget.chain.iter().map(|budget| budget.spend.decimal()).collect()
    }
}

pub fn dollars(amount: i64) -> Decimal {
    Decimal::from(amount)
}

/// With every level's sum what the entries say.
async fn agrees(world: &World) {
    let wrong: Vec<String> = world
        .all(
            "SELECT level || ' ' || object_id || ' ' || spend FROM budget_spend
            WHERE spend <> budget_sum(level, object_id, part_id, period_start, period_end)",
        )
        .await;
    assert_eq!(wrong, Vec::<String>::new(), "what is kept is what the entries come to");
}

#[tokio::test]
async fn e7_spend_counts_once_at_every_level() {
    let place = Place::new().await;
    let done = place
        .tell(vec![place.entry("r1", 150), place.entry("r2", 50)])
        .await
        .unwrap();
    assert_eq!((done.recorded, done.duplicates), (2, 0));
    for level in ["organization", "share", "team", "member", "project", "key"] {
        assert_eq!(place.kept(level).await, [dollars(2)], "{level}");
    }
    // Told again, and twice in one batch, it changes nothing.
    let again = vec![place.entry("r1", 999), place.entry("r3", 100), place.entry("r3", 100)];
    let done = place.tell(again).await.unwrap();
    assert_eq!((done.recorded, done.duplicates), (1, 2));
    assert_eq!(place.kept("team").await, [dollars(3)]);
    // By the team alone, for a person who is no member: it counts for the team and above, and for the person there.
    let other = EntryInput {
        request_id: "r4".to_owned(),
        team_id: Some(place.team.0),
        user_id: Some("root@example.com".to_owned()),
        cost: dollars(7),
        ..EntryInput::default()
    };
    place.tell(vec![other]).await.unwrap();
    assert_eq!(place.spent().await, [dollars(10), dollars(10)]);
    assert_eq!(place.kept("project").await, [dollars(3)]);
    assert_eq!(place.kept("member").await.iter().sum::<Decimal>(), dollars(10));
    agrees(&place.world).await;
    let told: i64 = place
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'spend.record'")
        .await;
    assert_eq!(told, 3, "one entry for each batch that told something new");
}

#[tokio::test]
async fn e7_who_may_tell_what_was_spent_and_of_whom() {
    let place = Place::new().await;
    let olga = place.world.user("olga").await;
    place.world.give(place.organization, olga, OrgRole::OrgAdmin).await;
    assert_eq!(
        place.tell_as(olga, vec![place.entry("a", 1)]).await.unwrap().recorded,
        1
    );
    let elsewhere = place.world.organization("other").await;
    let eve = place.world.user("eve").await;
    place.world.give(elsewhere, eve, OrgRole::OrgAdmin).await;
    let ours = "is no key of an organization that you administer";
    let prefix = EntryInput {
        key: None,
        key_prefix: Some("sk-the-who…".to_owned()),
        ..place.entry("b", 1)
    };
    let team = EntryInput {
        key: None,
        team_id: Some(place.team.0),
        ..place.entry("c", 1)
    };
    let (code, words) = refusal(
        place
            .tell_as(eve, vec![place.entry("a", 1), prefix.clone(), team])
            .await,
    );
    assert_eq!(code, "VALIDATION_ERROR");
    assert_eq!(
        words,
        format!(
            "entries[0].key: {ours}; entries[1].key_prefix: {ours}; entries[2].team_id: is no team of an organization that you administer"
        )
    );
    assert_eq!(place.tell_as(olga, vec![prefix]).await.unwrap().recorded, 1);
    refused(
        place.tell_as(place.max, vec![place.entry("d", 1)]).await,
        "FORBIDDEN",
        "Admin",
    );
    // All that is wrong is said at once, and nothing is recorded.
    let wrong = EntryInput {
        request_id: String::new(),
        cost: dollars(-1),
        at: Some(Utc::now() - TimeDelta::days(36)),
        ..EntryInput::default()
    };
    let (_, words) = refusal(place.tell(vec![place.entry("e", 1), wrong]).await);
    for field in ["request_id", "cost", "at", "team_id"] {
        assert!(words.contains(&format!("entries[1].{field}: ")), "{words}");
    }
    let nobody = EntryInput {
        user_id: Some("nobody@example.com".to_owned()),
        ..place.entry("f", 1)
    };
    let (_, words) = refusal(place.tell(vec![nobody]).await);
    assert_eq!(words, "entries[0].user_id: is nobody with an account");
    assert_eq!(place.world.one::<i64>("SELECT count(*) FROM spend_entries").await, 2);
}

#[tokio::test]
async fn e7_spend_that_happened_is_recorded_above_every_budget() {
    let place = Place::new().await;
    let limit = |amount| TeamPatchInput {
        max_budget: Some(Some(dollars(amount))),
        ..TeamPatchInput::default()
    };
    place.set_team(limit(1)).await.unwrap();
    place.tell(vec![place.entry("a", 150)]).await.unwrap();
    place.tell(vec![place.entry("b", 150)]).await.unwrap();
    assert_eq!(place.spent().await, [dollars(3), dollars(3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e7_racing_batches_lose_and_double_nothing() {
    let place = Place::new().await;
    let second = place.world.team_in(place.organization, "Frontend").await;
    let batches = (0..24_i64).map(|n| {
        let mut entries: Vec<EntryInput> = (0..6)
            .map(|i| place.entry(&format!("r{}", (n / 2) * 6 + i), 1))
            .collect();
        entries.extend((0..4).map(|i| EntryInput {
            request_id: format!("s{n}-{i}"),
            team_id: Some(second.0),
            cost: Decimal::new(1, 2),
            ..EntryInput::default()
        }));
        if n % 2 == 0 {
            entries.reverse();
        }
        place.tell(entries)
    });
    let told = futures_util::future::join_all(batches).await;
    let recorded: u64 = told.into_iter().map(|done| done.expect("no deadlock").recorded).sum();
    // Each r was told by two of them.
    assert_eq!(recorded, 12 * 6 + 24 * 4);
    assert_eq!(place.spent().await, [Decimal::new(168, 2), Decimal::new(72, 2)]);
    agrees(&place.world).await;
}

fn month() -> OrganizationPatchInput {
    OrganizationPatchInput {
        budget_duration: Some(Some("monthly".to_owned())),
        max_budget: Some(Some(dollars(100))),
        ..OrganizationPatchInput::default()
    }
}

#[tokio::test]
async fn x8_a_new_period_counts_what_was_spent_in_it() {
    let place = Place::new().await;
    let now: DateTime<Utc> = Utc::now();
    let last_month = place.entry("old", 500);
    let old = EntryInput {
        at: Some(now - TimeDelta::days(34)),
        ..last_month
    };
    place.tell(vec![old, place.entry("new", 200)]).await.unwrap();
    assert_eq!(place.spent().await[0], dollars(7), "without a period everything counts");
    place.set_organization(month()).await.unwrap();
    assert_eq!(
        place.kept("organization").await,
        Vec::<Decimal>::new(),
        "the old sum is dropped"
    );
    assert_eq!(
        place.spent().await,
        [dollars(2), dollars(7)],
        "and taken from the entries"
    );
    place.tell(vec![place.entry("more", 100)]).await.unwrap();
    assert_eq!(place.spent().await, [dollars(3), dollars(8)]);
    // Another time zone, too: there nothing was spent yet, or all of it.
    let zone = OrganizationPatchInput {
        time_zone: Some("pacific/kiritimati".to_owned()),
        ..OrganizationPatchInput::default()
    };
    place.set_organization(zone).await.unwrap();
    agrees(&place.world).await;
    assert_eq!(
        place
            .world
            .one::<String>("SELECT time_zone FROM organizations WHERE slug = 'acme'")
            .await,
        "Pacific/Kiritimati"
    );
    assert_eq!(place.spent().await[1], dollars(8));
}

#[tokio::test]
async fn x8_an_org_admin_does_not_move_a_budgets_period() {
    let place = Place::new().await;
    let olga = place.world.user("olga").await;
    place.world.give(place.organization, olga, OrgRole::OrgAdmin).await;
    let key = OrganizationKey::Id(place.organization);
    let zone = async |name: &str| {
        let patch = OrganizationPatchInput {
            time_zone: Some(name.to_owned()),
            ..OrganizationPatchInput::default()
        };
        let patch = patch.parse()?;
        place
            .world
            .act(olga, async |ctx| organizations::update(ctx, &key, patch).await)
            .await
            .map(drop)
    };
    zone("Europe/Berlin").await.unwrap();
    place.set_organization(month()).await.unwrap();
    refused(zone("UTC").await, "FORBIDDEN", "Insufficient permissions");
    let (code, words) = refusal(zone("Berlin").await);
    assert_eq!((code, words.contains("Europe/Berlin")), ("VALIDATION_ERROR", true));
}

#[tokio::test]
async fn e7_alerts_come_once_a_period_and_level() {
    let place = Place::new().await;
    place.set_organization(month()).await.unwrap();
    let team = TeamPatchInput {
        max_budget: Some(Some(dollars(10))),
        ..TeamPatchInput::default()
    };
    place.set_team(team).await.unwrap();
    let told = async || -> Vec<String> {
        place
            .world
            .all("SELECT level || ' ' || threshold FROM budget_alerts ORDER BY level, threshold")
            .await
    };
    place.tell(vec![place.entry("a", 499)]).await.unwrap();
    assert_eq!(told().await, Vec::<String>::new());
    place.tell(vec![place.entry("b", 1)]).await.unwrap();
    assert_eq!(told().await, ["team 50"], "from the threshold on");
    place
        .tell(vec![place.entry("c", 100), place.entry("d", 4_400)])
        .await
        .unwrap();
    let all = ["organization 50", "team 50", "team 80", "team 100"];
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(
        sorted(told().await),
        sorted(all.iter().map(ToString::to_string).collect())
    );
    place.tell(vec![place.entry("e", 1)]).await.unwrap();
    assert_eq!(told().await.len(), 4, "once");
    let entries: i64 = place
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'budget.threshold' AND after->>'percent' = '100'")
        .await;
    assert_eq!(entries, 1);
    let alerts = place
        .world
        .ask(place.root, async |ctx| backend::alerts::list(ctx).await)
        .await
        .unwrap();
    let shown: Vec<(&str, i64)> = alerts.iter().map(|alert| (alert.kind.as_str(), alert.count)).collect();
    assert!(shown.contains(&("budget_used_up", 1)), "{shown:?}");
    // What was raised meanwhile needs nobody.
    let raised = TeamPatchInput {
        max_budget: Some(Some(dollars(100))),
        ..TeamPatchInput::default()
    };
    place.set_team(raised).await.unwrap();
    let alerts = place
        .world
        .ask(place.root, async |ctx| backend::alerts::list(ctx).await)
        .await
        .unwrap();
    assert!(
        alerts.iter().all(|alert| alert.kind.as_str() != "budget_used_up"),
        "{alerts:?}"
    );
}

#[tokio::test]
async fn x8_old_entries_become_sums_and_lose_nothing() {
    let place = Place::new().await;
    place
        .tell((0..30).map(|n| place.entry(&format!("r{n}"), 10)).collect())
        .await
        .unwrap();
    place
        .world
        .sql("UPDATE spend_entries SET at = at - interval '40 days'")
        .await;
    place.world.sql("DELETE FROM budget_spend").await;
    place.tell(vec![place.entry("new", 100)]).await.unwrap();
    assert_eq!(budgets::tidy(&place.world.backend).await.unwrap(), 30);
    assert_eq!(place.world.one::<i64>("SELECT count(*) FROM spend_entries").await, 2);
    assert_eq!(place.spent().await, [dollars(4), dollars(4)]);
    agrees(&place.world).await;
    assert_eq!(budgets::tidy(&place.world.backend).await.unwrap(), 0, "once");
}

#[tokio::test]
async fn e7_the_split_of_a_budget_adds_up() {
    let place = Place::new().await;
    place.set_organization(month()).await.unwrap();
    let second = place.world.team_in(place.organization, "Frontend").await;
    place
        .world
        .sql("UPDATE teams SET max_budget = 80 WHERE name IN ('Backend', 'Frontend')")
        .await;
    let other = EntryInput {
        request_id: "x".to_owned(),
        team_id: Some(second.0),
        cost: dollars(5),
        ..EntryInput::default()
    };
    place.tell(vec![place.entry("a", 300), other]).await.unwrap();
    let key = OrganizationKey::Id(place.organization);
    let split = place
        .world
        .ask(place.root, async |ctx| {
            let page = organizations::get(ctx, &key).await?;
            budgets::split(ctx, &page).await
        })
        .await
        .unwrap()
        .expect("it has a budget");
    let teams: Vec<(&str, Decimal)> = (split.teams.iter())
        .map(|team| (team.name.as_str(), team.spend.decimal()))
        .collect();
    assert_eq!(
        teams,
        [("Frontend", dollars(5)), ("Backend", dollars(3))],
        "the dearest first"
    );
    assert_eq!(
        (split.budget.spend.decimal(), split.more_spend.decimal()),
        (dollars(8), dollars(0))
    );
    assert_eq!(
        (split.allotted.0.decimal(), split.allotted.1),
        (dollars(160), 2),
        "more than the 100 there are"
    );
    // What a team spent that is gone stays spent.
    place
        .world
        .sql(&format!(
            "UPDATE teams SET organization_id = '{}' WHERE id = '{second}'",
            domain::DEFAULT_ORGANIZATION
        ))
        .await;
    let split = place
        .world
        .ask(place.root, async |ctx| {
            let page = organizations::get(ctx, &key).await?;
            budgets::split(ctx, &page).await
        })
        .await
        .unwrap()
        .expect("it has a budget");
    assert_eq!(
        (split.budget.spend.decimal(), split.more_spend.decimal()),
        (dollars(8), dollars(5))
    );
}
