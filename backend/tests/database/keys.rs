//! Keys of projects: who makes them, for whom, and how they end: D8, D11, D12, X12.

use backend::{
    Error, Result,
    api_keys::{self, KeyQuery, Whose},
    keys::{self, NewKey, Overlap, Secret},
    projects,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ApiKeyStatus, KeyId, KeyName, KeyState, OrgRole, ProjectId, ProjectName, ProjectRole, TeamId, TeamRole, TeamStatus,
    UserId, UserRef,
    views::{ApiKey, Key},
};
use sha2::{Digest as _, Sha256};

use crate::common::{World, refused};

/// A team with an admin, a project admin, a project member and somebody without a project.
struct House {
    world: World,
    organization: domain::OrganizationId,
    team: TeamId,
    project: ProjectId,
    boss: UserId,
    lead: UserId,
    ada: UserId,
    bob: UserId,
}

impl House {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Engineering").await;
        let project = world.project(team, "LLM API").await;
        let house = Self {
            organization,
            boss: world.member(team, "boss", TeamRole::Admin).await,
            lead: world.member(team, "lead", TeamRole::Member).await,
            ada: world.member(team, "ada", TeamRole::Member).await,
            bob: world.member(team, "bob", TeamRole::Member).await,
            team,
            project,
            world,
        };
        house.assign(house.lead, ProjectRole::Admin).await;
        house.assign(house.ada, ProjectRole::Member).await;
        house
    }

    async fn assign(&self, who: UserId, role: ProjectRole) {
        let (project, role) = (self.project, role.as_str());
        self.world
            .sql(&format!(
                "INSERT INTO project_members (project_id, user_id, role) VALUES ('{project}', '{who}', '{role}')"
            ))
            .await;
    }

    async fn create(&self, by: UserId, name: &str, owner: Option<UserId>) -> Result<(Key, Secret)> {
        self.create_until(by, name, owner, None).await
    }

    async fn create_until(
        &self,
        by: UserId,
        name: &str,
        owner: Option<UserId>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(Key, Secret)> {
        let (team, project) = (self.team, self.project);
        let new = NewKey {
            name: KeyName::parse(name).unwrap(),
            expires_at,
            owner: owner.map(UserRef::Id),
        };
        self.world
            .act(by, async |ctx| keys::create(ctx, team, project, &new).await)
            .await
    }

    async fn rotate(&self, by: UserId, key: KeyId, overlap: Option<i64>) -> Result<(Key, Secret)> {
        let (team, project) = (self.team, self.project);
        let overlap = Overlap::seconds(overlap)?;
        self.world
            .act(by, async |ctx| {
                keys::rotate(ctx, team, project, key, overlap, None).await
            })
            .await
    }

    async fn revoke(&self, by: UserId, key: KeyId) -> Result<Key> {
        let (team, project) = (self.team, self.project);
        self.world
            .act(by, async |ctx| keys::revoke(ctx, team, project, key).await)
            .await
    }

    async fn list(&self, by: UserId) -> Vec<Key> {
        let (team, project) = (self.team, self.project);
        let (_, page) = self
            .world
            .ask(by, async |ctx| keys::list(ctx, team, project, None, 1000).await)
            .await
            .unwrap();
        assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
        page.items
    }

    async fn state(&self, key: KeyId) -> Option<KeyState> {
        let list = self.list(self.boss).await;
        list.iter().find(|other| other.id == key).map(|key| key.state)
    }

    /// Makes the time pass for a key.
    async fn age(&self, key: KeyId, by: &str) {
        self.world
            .sql(&format!(
                "UPDATE api_keys SET created_at = created_at - interval '{by}', expires_at = expires_at - interval '{by}'
                WHERE id = '{key}'"
            ))
            .await;
    }
}

/// D8: the secret is 256 random bits after `sk-`; of it the database has the hash and the beginning, and nothing else
/// has it at all.
#[tokio::test]
async fn d8_a_secret_is_kept_as_a_hash() {
    let house = House::new().await;
    let (key, secret) = house.create(house.ada, "ci", None).await.unwrap();
    let text = secret.reveal();
    assert!(text.starts_with("sk-") && text.len() == 46, "{text}");
    assert!(
        text[3..]
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );
    assert_eq!(key.prefix, text[..11]);
    let hash: Vec<u8> = house.world.one("SELECT key_hash FROM api_keys").await;
    assert_eq!(hash, Sha256::digest(text).to_vec());
    let traces: i64 = house
        .world
        .one(&format!(
            "SELECT (SELECT count(*) FROM api_keys k WHERE k::text LIKE '%{0}%')
                + (SELECT count(*) FROM audit_entries a WHERE a::text LIKE '%{0}%')",
            &text[11..]
        ))
        .await;
    assert_eq!(traces, 0);
    assert!(!format!("{secret:?}{key:?}").contains(&text[11..]));
    let entry: String = house
        .world
        .one("SELECT concat_ws(' ', action, target, after ->> 'project', after ->> 'owner', after ->> 'prefix') FROM audit_entries")
        .await;
    assert_eq!(entry, format!("key.create ci LLM API ada@example.com {}", key.prefix));
}

/// P, row keys: members have their own and see no others; admins of the project and above see and revoke all.
#[tokio::test]
async fn p_members_have_their_own_keys_and_admins_manage_all() {
    let house = House::new().await;
    let (mine, _) = house.create(house.ada, "mine", None).await.unwrap();
    let (leads, _) = house.create(house.lead, "leads", None).await.unwrap();
    assert_eq!(house.list(house.ada).await.len(), 1);
    for who in [house.lead, house.boss, house.world.super_admin().await] {
        assert_eq!(house.list(who).await.len(), 2);
    }
    let auditor = house.world.user("auditor").await;
    house.world.give(house.organization, auditor, OrgRole::Auditor).await;
    assert_eq!(house.list(auditor).await.len(), 2);
    refused(
        house.revoke(auditor, mine.id).await,
        "FORBIDDEN",
        "Admin privileges required",
    );
    refused(
        house.revoke(house.ada, leads.id).await,
        "NOT_FOUND",
        &format!("Key not found: {}", leads.id),
    );
    refused(
        house.rotate(house.ada, leads.id, None).await,
        "NOT_FOUND",
        "Key not found",
    );
    refused(
        house.create(house.ada, "for lead", Some(house.lead)).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    refused(house.revoke(house.bob, mine.id).await, "NOT_FOUND", "Project not found");
    house.revoke(house.lead, mine.id).await.unwrap();
    refused(house.revoke(house.lead, mine.id).await, "NOT_FOUND", "Key not found");
    assert_eq!(house.list(house.ada).await, []);
    let revoked_by: uuid::Uuid = house
        .world
        .one(&format!("SELECT revoked_by FROM api_keys WHERE id = '{}'", mine.id))
        .await;
    assert_eq!(revoked_by, house.lead.0);
}

/// D8: a key belongs to someone of the team with access to the project.
#[tokio::test]
async fn d8_a_key_belongs_to_someone_with_access() {
    let house = House::new().await;
    let (key, _) = house.create(house.lead, "for ada", Some(house.ada)).await.unwrap();
    assert_eq!(
        (key.owner.as_str(), key.created_by.as_deref()),
        ("ada@example.com", Some("lead@example.com"))
    );
    assert_eq!(house.list(house.ada).await.len(), 1, "it is the owner's");
    let without = house.create(house.lead, "for bob", Some(house.bob)).await;
    refused(without, "VALIDATION_ERROR", "owner: has no access to this project");
    let stranger = house.world.user("stranger").await;
    refused(
        house.create(house.lead, "x", Some(stranger)).await,
        "NOT_FOUND",
        "User is not a member of this team",
    );
    refused(
        house.create(stranger, "x", None).await,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
    let root = house.world.super_admin().await;
    refused(
        house.create(root, "x", None).await,
        "VALIDATION_ERROR",
        "owner: is required",
    );
    house
        .create(root, "for boss", Some(house.boss))
        .await
        .expect("from above, for someone of the team");
}

/// D11: nobody holds a key of someone with more rights: neither a new one, nor what rotating theirs would show.
#[tokio::test]
async fn d11_no_key_gives_its_maker_the_rights_of_its_owner() {
    let house = House::new().await;
    let (root, owner) = (house.world.super_admin().await, house.world.user("owner").await);
    house.world.give(house.organization, owner, OrgRole::OrgAdmin).await;
    for above in [root, owner] {
        house.world.join(house.team, above, TeamRole::Member).await;
        house.assign(above, ProjectRole::Member).await;
    }
    for (by, above) in [
        (house.lead, house.boss),
        (house.lead, owner),
        (house.boss, owner),
        (house.boss, root),
        (owner, root),
    ] {
        let name = format!("{by} {above}").chars().take(100).collect::<String>();
        refused(
            house.create(by, &name, Some(above)).await,
            "FORBIDDEN",
            "Insufficient permissions. To hold a key of someone with more rights than you, ask its owner.",
        );
        let (key, _) = house.create(above, &name, None).await.unwrap();
        refused(
            house.rotate(by, key.id, None).await,
            "FORBIDDEN",
            "Insufficient permissions",
        );
        house.revoke(by, key.id).await.expect("ending it gives nothing");
    }
}

/// A key's name is taken as long as the key works: revoked, replaced and expired ones give it away.
#[tokio::test]
async fn a_name_is_one_keys_at_a_time() {
    let house = House::new().await;
    let (first, _) = house.create(house.ada, "CI", None).await.unwrap();
    refused(
        house.create(house.lead, "ci", None).await,
        "NAME_TAKEN",
        "Key 'ci' already exists in this project",
    );
    house.revoke(house.ada, first.id).await.unwrap();
    let tomorrow = Some(Utc::now() + TimeDelta::days(1));
    let (second, _) = house.create_until(house.lead, "ci", None, tomorrow).await.unwrap();
    refused(house.create(house.ada, "ci", None).await, "NAME_TAKEN", "Key 'ci'");
    house.age(second.id, "2 days").await;
    assert_eq!(house.state(second.id).await, Some(KeyState::Expired));
    let (third, _) = house.create(house.ada, "ci", None).await.unwrap();
    assert_eq!(house.state(second.id).await, None, "the expired one made way");
    house.rotate(house.ada, third.id, None).await.unwrap();
    refused(house.create(house.ada, "ci", None).await, "NAME_TAKEN", "Key 'ci'");
    let elsewhere = House {
        project: house.world.project(house.team, "Other").await,
        ..house
    };
    elsewhere
        .create(elsewhere.boss, "ci", None)
        .await
        .expect("another project has names of its own");
}

#[tokio::test]
async fn a_key_ends_in_the_future_or_never() {
    let house = House::new().await;
    let past = Some(Utc::now() - TimeDelta::seconds(1));
    refused(
        house.create_until(house.ada, "late", None, past).await,
        "VALIDATION_ERROR",
        "expires_at: must be in the future",
    );
    let far = Some("+262142-12-31T23:59:59Z".parse().unwrap());
    refused(
        house.create_until(house.ada, "far", None, far).await,
        "VALIDATION_ERROR",
        "expires_at: must be before the year 10000",
    );
    let (key, _) = house.create(house.ada, "ever", None).await.unwrap();
    assert_eq!((key.expires_at, key.state), (None, KeyState::Active));
}

/// D8: whatever a key's end is, rotating it gives an end that there is.
#[tokio::test]
async fn d8_a_key_with_a_far_end_is_rotated() {
    let house = House::new().await;
    let (old, _) = house.create(house.ada, "far", None).await.unwrap();
    let update = "UPDATE api_keys SET expires_at = '262142-12-31 23:59:59+00'";
    house.world.sql(&format!("{update} WHERE id = '{}'", old.id)).await;
    let (new, _) = house.rotate(house.ada, old.id, None).await.unwrap();
    assert_eq!(new.expires_at, Some("9999-12-31T23:59:59Z".parse().unwrap()));
}

/// Rotation: the new key works at once and lives as long as the old one did; both work until the overlap is over.
#[tokio::test]
async fn d8_rotating_lets_both_keys_work_for_a_while() {
    let house = House::new().await;
    let month = Utc::now() + TimeDelta::days(30);
    let (old, old_secret) = house.create_until(house.ada, "ci", None, Some(month)).await.unwrap();
    house.age(old.id, "10 days").await;
    let before = Utc::now();
    let (new, secret) = house.rotate(house.ada, old.id, Some(3600)).await.unwrap();
    assert_ne!(secret.reveal(), old_secret.reveal());
    assert_eq!(
        (&new.name, &new.owner, new.state),
        (&old.name, &old.owner, KeyState::Active)
    );
    let lifetime = new.expires_at.unwrap() - new.created_at;
    assert!(
        (lifetime - TimeDelta::days(30)).abs() < TimeDelta::minutes(1),
        "{lifetime}"
    );
    let list = house.list(house.ada).await;
    let replaced = list.iter().find(|key| key.id == old.id).unwrap();
    assert_eq!(
        (replaced.state, replaced.replaced_by),
        (KeyState::Replaced, Some(new.id))
    );
    let overlap = replaced.expires_at.unwrap() - before;
    assert!(
        overlap > TimeDelta::minutes(59) && overlap < TimeDelta::minutes(61),
        "{overlap}"
    );
    refused(
        house.rotate(house.ada, old.id, None).await,
        "WRONG_STATE",
        "Key 'ci' has been rotated already",
    );
    house.age(old.id, "2 hours").await;
    assert_eq!(house.state(old.id).await, Some(KeyState::Expired));
    let (newer, _) = house.rotate(house.lead, new.id, Some(0)).await.unwrap();
    assert_eq!(newer.owner, "ada@example.com", "rotation keeps the owner");
    assert_eq!(house.state(new.id).await, Some(KeyState::Expired), "no overlap");
}

/// The overlap never lengthens a key's life, and is at most 30 days.
#[tokio::test]
async fn an_overlap_has_bounds() {
    let house = House::new().await;
    let soon = Utc::now() + TimeDelta::minutes(5);
    let (old, _) = house.create_until(house.ada, "ci", None, Some(soon)).await.unwrap();
    house.rotate(house.ada, old.id, Some(86_400)).await.unwrap();
    let list = house.list(house.ada).await;
    let replaced = list.iter().find(|key| key.id == old.id).unwrap();
    assert_eq!(replaced.expires_at, old.expires_at);
    for bad in [-1, 30 * 86_400 + 1, i64::MAX, i64::MIN] {
        assert!(Overlap::seconds(Some(bad)).is_err(), "{bad}");
    }
    for good in [None, Some(0), Some(30 * 86_400)] {
        assert!(Overlap::seconds(good).is_ok(), "{good:?}");
    }
    let (dead, _) = house.create_until(house.ada, "dead", None, Some(soon)).await.unwrap();
    house.age(dead.id, "1 hour").await;
    refused(
        house.rotate(house.ada, dead.id, None).await,
        "WRONG_STATE",
        "Key 'dead' has expired",
    );
}

/// Two rotations at once: one wins, and there is one new key, every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_rotations_at_once_one_wins() {
    let house = House::new().await;
    for round in 0..20 {
        let (key, _) = house.create(house.ada, &format!("k{round}"), None).await.unwrap();
        let (a, b) = tokio::join!(
            house.rotate(house.ada, key.id, None),
            house.rotate(house.lead, key.id, None)
        );
        assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1);
        let error: Error = a.err().or(b.err()).unwrap();
        assert_eq!(error.detail(), format!("Key 'k{round}' has been rotated already"));
        let keys: i64 = house
            .world
            .one(&format!("SELECT count(*) FROM api_keys WHERE name = 'k{round}'"))
            .await;
        assert_eq!(keys, 2);
    }
}

/// A project has at most so many keys, also when they are made at the same moment; rotating one is always possible.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_has_a_hundred_keys_at_most() {
    let house = House::new().await;
    let (team, project, ada) = (house.team, house.project, house.ada);
    house
        .world
        .sql(&format!(
            "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, key_hash)
            SELECT gen_random_uuid(), '{team}', '{project}', '{ada}', 'n' || n, 'sk-', sha256(n::text::bytea)
            FROM generate_series(1, {}) n",
            keys::MAX_KEYS - 1
        ))
        .await;
    let (a, b) = tokio::join!(house.create(ada, "a", None), house.create(house.lead, "b", None));
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1);
    let made = a.as_ref().or(b.as_ref()).map(|(key, _)| key.id).ok().unwrap();
    refused(
        if a.is_ok() { b } else { a },
        "WRONG_STATE",
        "A project may have at most 100 keys",
    );
    house
        .rotate(house.lead, made, None)
        .await
        .expect("none more in the end");
    refused(house.create(ada, "c", None).await, "WRONG_STATE", "A project may have");
    house
        .world
        .sql("UPDATE api_keys SET expires_at = now() - interval '1 minute' WHERE name = 'n1'")
        .await;
    house
        .create(ada, "c", None)
        .await
        .expect("an expired one does not count");
}

/// What a key is worth follows its owner's access and the team's status.
#[tokio::test]
async fn p_a_key_is_worth_what_its_owner_may() {
    let house = House::new().await;
    let (key, _) = house.create(house.ada, "ci", None).await.unwrap();
    let (bosses, _) = house.create(house.boss, "boss", None).await.unwrap();
    let root = house.world.super_admin().await;
    let states = async || {
        let (team, project) = (house.team, house.project);
        let (_, page) = house
            .world
            .ask(root, async |ctx| keys::list(ctx, team, project, None, 10).await)
            .await
            .unwrap();
        let of = |id| page.items.iter().find(|key| key.id == id).unwrap().state;
        (of(key.id), of(bosses.id))
    };
    let (active, suspended) = (KeyState::Active, KeyState::Suspended);
    assert_eq!(states().await, (active, active));
    for (change, back, expected) in [
        (
            format!("DELETE FROM project_members WHERE user_id = '{}'", house.ada),
            format!(
                "INSERT INTO project_members VALUES ('{}', '{}', 'member')",
                house.project, house.ada
            ),
            (suspended, active),
        ),
        (
            format!(
                "UPDATE team_members SET role = 'member' WHERE user_id = '{}'",
                house.boss
            ),
            format!(
                "UPDATE team_members SET role = 'admin' WHERE user_id = '{}'",
                house.boss
            ),
            (active, suspended),
        ),
        (
            format!(
                "UPDATE team_members SET admin_until = now() WHERE user_id = '{}'",
                house.boss
            ),
            "UPDATE team_members SET admin_until = NULL".to_owned(),
            (active, suspended),
        ),
        (
            "UPDATE team_members SET expires_at = now()".to_owned(),
            "UPDATE team_members SET expires_at = NULL".to_owned(),
            (suspended, suspended),
        ),
        (
            format!("UPDATE users SET deactivated_at = now() WHERE id = '{}'", house.ada),
            "UPDATE users SET deactivated_at = NULL".to_owned(),
            (suspended, active),
        ),
        (
            "UPDATE teams SET status = 'inactive'".to_owned(),
            "UPDATE teams SET status = 'active'".to_owned(),
            (suspended, suspended),
        ),
    ] {
        house.world.sql(&change).await;
        assert_eq!(states().await, expected, "{change}");
        house.world.sql(&back).await;
        assert_eq!(states().await, (active, active), "{back}");
    }
}

/// D6: an inactive team gives its members nothing, but what is one's own may always be ended.
#[tokio::test]
async fn d6_owners_may_always_revoke() {
    let house = House::new().await;
    let (one, _) = house.create(house.ada, "one", None).await.unwrap();
    let (two, _) = house.create(house.ada, "two", None).await.unwrap();
    house.world.set_status(house.team, TeamStatus::Inactive).await;
    let inactive = "Team is inactive";
    refused(house.create(house.ada, "three", None).await, "TEAM_INACTIVE", inactive);
    refused(house.rotate(house.ada, one.id, None).await, "TEAM_INACTIVE", inactive);
    refused(house.revoke(house.lead, one.id).await, "TEAM_INACTIVE", inactive);
    let (own, total) = mine(&house, 1, 10).await;
    assert_eq!(total, 2);
    assert!(own.iter().all(|key| key.status == ApiKeyStatus::Suspended));
    house.revoke(house.ada, one.id).await.unwrap();
    house.world.set_status(house.team, TeamStatus::Active).await;
    house
        .world
        .sql(&format!("DELETE FROM project_members WHERE user_id = '{}'", house.ada))
        .await;
    house.revoke(house.ada, two.id).await.expect("also without the project");
    refused(house.revoke(house.ada, two.id).await, "NOT_FOUND", "Key not found");
}

/// X6: my keys, over all teams, newest first, on pages with a true total.
#[tokio::test]
async fn x6_my_keys_are_paged_without_gaps() {
    let house = House::new().await;
    for n in 0..5 {
        house.create(house.ada, &format!("k{n}"), None).await.unwrap();
    }
    house.create(house.lead, "not mine", None).await.unwrap();
    let mut names = Vec::new();
    for page in 1..=3 {
        let (own, total) = mine(&house, page, 2).await;
        assert_eq!(total, 5);
        names.extend(own.into_iter().map(|key| key.name));
    }
    assert_eq!(names, ["k4", "k3", "k2", "k1", "k0"]);
    house.world.set_status(house.team, TeamStatus::Archived).await;
    let (own, total) = mine(&house, 1, 2).await;
    assert_eq!((total, own.len()), (0, 0), "an archived team is hidden");
}

/// Ada's own keys of all teams, and how many there are.
async fn mine(house: &House, page: i64, limit: i64) -> (Vec<ApiKey>, i64) {
    let query = KeyQuery {
        whose: Whose::Mine,
        models: None,
        active: None,
        open_only: false,
        page,
        limit,
    };
    let list = house
        .world
        .ask(house.ada, async |ctx| api_keys::list(ctx, &query).await);
    list.await.unwrap()
}

/// Every process hears, in the writing transaction, of a key that is revoked, rotated or gone, and of a project's new
/// name, which is kept with its keys; not of a use.
#[tokio::test]
async fn changes_of_keys_are_told() {
    let house = House::new().await;
    let (team, project) = (house.team, house.project);
    let (one, _) = house.create(house.ada, "one", None).await.unwrap();
    let (two, _) = house.create(house.ada, "two", None).await.unwrap();
    let mut listener = sqlx::postgres::PgListener::connect_with(&house.world.pool)
        .await
        .unwrap();
    listener.listen("guildhall").await.unwrap();
    house.world.sql("UPDATE api_keys SET last_used_at = now()").await;
    assert!(house.list(house.ada).await.iter().all(|key| key.last_used_at.is_some()));
    house.revoke(house.ada, one.id).await.unwrap();
    let mut heard = async || listener.recv().await.unwrap().payload().to_owned();
    assert_eq!(heard().await, format!("key:{}", one.id));
    house.rotate(house.ada, two.id, None).await.unwrap();
    assert_eq!(heard().await, format!("key:{}", two.id));
    let name = ProjectName::parse("Renamed").unwrap();
    house
        .world
        .act(house.boss, async |ctx| {
            projects::update(ctx, team, project, Some(&name), None).await
        })
        .await
        .unwrap();
    let told = [heard().await, heard().await];
    assert!(told.contains(&format!("key:{}", two.id)), "{told:?}");
}
