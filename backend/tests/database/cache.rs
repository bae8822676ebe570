//! What is kept in memory, and that it is never older than a moment (DESIGN §1, rule 7).

use std::{sync::Arc, time::Duration};

use backend::{Backend, Code, Principal, Settings, listen, members, sessions, tokens};
use chrono::{TimeDelta, Utc};
use domain::{OrgRole, TeamRole, TokenName, UserId, UserRef};
use serde_json::json;

use crate::common::{World, within};

/// How late another process may hear of a change.
const SOON: Duration = Duration::from_secs(1);

/// A second process on the same database, which listens.
struct Other {
    backend: Backend,
    listener: tokio::task::JoinHandle<()>,
}

impl Drop for Other {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Other {
    async fn start(world: &World) -> Self {
        let backend = Backend::new(world.database.another_pool(), None, Settings::default());
        let listener = tokio::spawn(listen::run(backend.pool.clone(), Arc::clone(&backend.principals)));
        let other = Self { backend, listener };
        let anyone = world.user("anyone").await;
        within(Duration::from_secs(10), async || other.keeps(anyone).await).await;
        other
    }

    async fn get(&self, user: UserId) -> backend::Result<Arc<Principal>> {
        self.backend.principals.get(&self.backend.pool, user).await
    }

    /// Whether a second question is answered from memory.
    async fn keeps(&self, user: UserId) -> bool {
        let (first, second) = (
            self.get(user).await.expect("a person"),
            self.get(user).await.expect("a person"),
        );
        Arc::ptr_eq(&first, &second)
    }

    /// Warms up what is known of someone, makes the change, and waits until the process knows.
    async fn hears(
        &self,
        user: UserId,
        what: &str,
        change: impl AsyncFnOnce(),
        mut known: impl FnMut(backend::Result<Arc<Principal>>) -> bool,
    ) {
        // What earlier changes said may still be on its way.
        within(SOON, async || self.keeps(user).await).await;
        assert!(!known(self.get(user).await), "{what}: known before it happened");
        change().await;
        let took = within(SOON, async || known(self.get(user).await)).await;
        println!("{what}: heard after {took:?}");
    }
}

/// DESIGN §1: another process sees every change of what someone may do within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_heard_within_a_second() {
    let world = World::new().await;
    let other = Other::start(&world).await;
    let here = world.organization("here").await;
    let team = world.team_in(here, "Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let ada = world.user("ada").await;
    let root = world.super_admin().await;
    let who = UserRef::Id(ada);
    let role = |person: &backend::Result<Arc<Principal>>| {
        person.as_ref().ok().and_then(|p| p.teams.first().map(|team| team.role))
    };
    let sql = async |text: String| {
        world.sql(&text).await;
    };
    let add = async || {
        world
            .act(admin, async |ctx| members::add(ctx, team, &who, TeamRole::Member).await)
            .await
            .unwrap();
    };
    other
        .hears(ada, "added", add, |person| role(&person) == Some(TeamRole::Member))
        .await;
    let promote = async || {
        world
            .act(admin, async |ctx| {
                members::change_role(ctx, team, &who, TeamRole::Admin).await
            })
            .await
            .unwrap();
    };
    other
        .hears(ada, "promoted", promote, |person| {
            role(&person) == Some(TeamRole::Admin)
        })
        .await;
    let rename = async || {
        let patch = backend::teams::TeamPatchInput {
            name: Some("Operations".to_owned()),
            ..Default::default()
        };
        world
            .act(root, async |ctx| {
                backend::teams::update(ctx, team, patch.parse()?).await
            })
            .await
            .unwrap();
    };
    other
        .hears(ada, "team renamed", rename, |person| {
            person.is_ok_and(|p| p.teams[0].name == "Operations")
        })
        .await;
    let deactivate = async || {
        let change = domain::StatusChange::Deactivate;
        world
            .act(root, async |ctx| {
                backend::teams::change_status(ctx, team, change, None).await
            })
            .await
            .unwrap();
    };
    let inactive = |person: backend::Result<Arc<Principal>>| {
        person.is_ok_and(|p| p.teams[0].status == domain::TeamStatus::Inactive)
    };
    other.hears(ada, "team deactivated", deactivate, inactive).await;
    let remove = async || {
        world
            .act(admin, async |ctx| {
                members::remove(ctx, team, &UserRef::Id(admin)).await.map(drop)
            })
            .await
            .unwrap();
    };
    // Inactive: the admin may still leave, as there is another.
    other
        .hears(admin, "left", remove, |person| role(&person).is_none())
        .await;
    let membership = async || world.give(here, admin, OrgRole::OrgAdmin).await;
    other
        .hears(admin, "org_admin", membership, |person| {
            person.is_ok_and(|p| p.is_admin())
        })
        .await;
    let demoted = async || {
        sql(format!(
            "UPDATE organization_members SET role = 'org_member' WHERE user_id = '{admin}'"
        ))
        .await;
    };
    other
        .hears(admin, "no org_admin", demoted, |person| {
            person.is_ok_and(|p| !p.is_admin())
        })
        .await;
    let gone = async || sql(format!("DELETE FROM organization_members WHERE user_id = '{admin}'")).await;
    other
        .hears(admin, "out of the organization", gone, |person| {
            person.is_ok_and(|p| p.organizations.is_empty())
        })
        .await;
    let jit = async || sql(format!("UPDATE users SET can_use_jit = false WHERE id = '{ada}'")).await;
    other
        .hears(ada, "no runners", jit, |person| person.is_ok_and(|p| !p.can_use_jit))
        .await;
    let off = async || sql(format!("UPDATE users SET deactivated_at = now() WHERE id = '{ada}'")).await;
    other
        .hears(ada, "deactivated", off, |person| {
            person.is_err_and(|error| error.code() == Code::Deactivated)
        })
        .await;
    // In bulk: more than a hundred people in one statement.
    sql("INSERT INTO users (id, email) SELECT gen_random_uuid(), 'u' || n || '@example.com' FROM generate_series(1, 150) n".to_owned()).await;
    let bulk = async || {
        sql(format!("INSERT INTO team_members (team_id, user_id, role) SELECT '{team}', id, 'member' FROM users ON CONFLICT DO NOTHING")).await;
    };
    other
        .hears(admin, "one of many", bulk, |person| role(&person).is_some())
        .await;
    let all_out = async || sql("DELETE FROM team_members".to_owned()).await;
    other
        .hears(admin, "all out", all_out, |person| role(&person).is_none())
        .await;
    let deleted = async || sql(format!("DELETE FROM users WHERE id = '{admin}'")).await;
    other.hears(admin, "deleted", deleted, |person| person.is_err()).await;
}

/// DESIGN §1: what a process changes itself, it knows when its transaction has ended, listener or not.
#[tokio::test]
async fn the_own_changes_are_known_at_once() {
    let world = World::new().await;
    let backend = &world.backend;
    backend.principals.set_listening(true);
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let ada = world.user("ada").await;
    let who = UserRef::Id(ada);
    let roles = async || backend.principals.get(&backend.pool, ada).await.unwrap().teams.len();
    assert_eq!(roles().await, 0);
    let mut ctx = world.write(admin).await;
    members::add(&mut ctx, team, &who, TeamRole::Member).await.unwrap();
    assert_eq!(roles().await, 0, "not before the commit");
    ctx.commit().await.unwrap();
    assert_eq!(roles().await, 1);
    world
        .act(admin, async |ctx| members::remove(ctx, team, &who).await)
        .await
        .unwrap();
    assert_eq!(roles().await, 0);
}

/// B1: a revoked token and an ended session are refused within a second by a process that had them in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b1_revoking_reaches_a_warm_cache() {
    let world = World::new().await;
    let other = Other::start(&world).await;
    let ada = world.user("ada").await;
    let name = TokenName::parse("laptop").unwrap();
    let (token, secret) = world
        .act(ada, async |ctx| tokens::create(ctx, ada, &name, None).await)
        .await
        .unwrap();
    let data = json!({"user": ada});
    let end = Utc::now() + TimeDelta::hours(1);
    for id in ["one", "two"] {
        sessions::create(&world.backend, id, &data, end).await.unwrap();
    }
    let known = async || {
        tokens::authenticate(&other.backend, secret.reveal(), Utc::now())
            .await
            .is_ok()
    };
    let session = async |id: &str| sessions::load(&other.backend, id, Utc::now()).await.unwrap().is_some();
    for _ in 0..3 {
        assert!(known().await && session("one").await && session("two").await);
    }
    world
        .act(ada, async |ctx| tokens::revoke(ctx, token.id).await)
        .await
        .unwrap();
    within(SOON, async || !known().await).await;
    sessions::delete(&world.backend, "one").await.unwrap();
    within(SOON, async || !session("one").await).await;
    assert!(session("two").await, "the other goes on");
    let signed_out = json!({});
    sessions::save(&world.backend, "two", &signed_out, end).await.unwrap();
    let load = async || {
        sessions::load(&other.backend, "two", Utc::now())
            .await
            .unwrap()
            .map(|(data, _)| data)
    };
    within(SOON, async || load().await == Some(signed_out.clone())).await;
    sessions::delete_of_user(&world.backend, ada).await.unwrap();

    // Expiry needs no word from anyone.
    let (_, short) = world
        .act(ada, async |ctx| {
            tokens::create(ctx, ada, &name, Some(Utc::now() + TimeDelta::hours(1))).await
        })
        .await
        .unwrap();
    for (hours, good) in [(0, true), (0, true), (2, false)] {
        let at = Utc::now() + TimeDelta::hours(hours);
        assert_eq!(
            tokens::authenticate(&other.backend, short.reveal(), at).await.is_ok(),
            good
        );
    }
}

/// DESIGN §1: a process that does not listen keeps nothing.
#[tokio::test]
async fn nothing_is_kept_while_nobody_listens() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let backend = &world.backend;
    let get = async || backend.principals.get(&backend.pool, ada).await.unwrap();
    assert!(!Arc::ptr_eq(&get().await, &get().await));
    let name = TokenName::parse("laptop").unwrap();
    let (_, secret) = world
        .act(ada, async |ctx| tokens::create(ctx, ada, &name, None).await)
        .await
        .unwrap();
    sessions::create(
        backend,
        "cookie",
        &json!({"user": ada}),
        Utc::now() + TimeDelta::hours(1),
    )
    .await
    .unwrap();
    let both = async || {
        let token = tokens::authenticate(backend, secret.reveal(), Utc::now()).await.is_ok();
        (
            token,
            sessions::load(backend, "cookie", Utc::now()).await.unwrap().is_some(),
        )
    };
    assert_eq!(both().await, (true, true));
    // Without the triggers, so that only a question to the database can tell.
    world
        .sql("ALTER TABLE personal_access_tokens DISABLE TRIGGER USER")
        .await;
    world.sql("ALTER TABLE sessions DISABLE TRIGGER USER").await;
    world.sql("UPDATE personal_access_tokens SET revoked_at = now()").await;
    world.sql("DELETE FROM sessions").await;
    assert_eq!(both().await, (false, false));
}

/// DESIGN §1: while the listening connection is down nothing is served from memory; once it is back, memory is used
/// again, and what was missed is not believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_listener_stops_the_cache_until_it_is_back() {
    let world = World::new().await;
    let other = Other::start(&world).await;
    let ada = world.user("ada").await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'";
    for round in 0..3 {
        within(Duration::from_secs(10), async || other.keeps(ada).await).await;
        assert_eq!(world.one::<i64>(kill).await, 1, "one connection listens");
        within(SOON, async || !other.keeps(ada).await).await;
        // Said while nobody listens.
        world
            .sql(&format!(
                "UPDATE users SET display_name = 'round {round}' WHERE id = '{ada}'"
            ))
            .await;
        let name = other.get(ada).await.unwrap().display_name.clone();
        assert_eq!(name, Some(format!("round {round}")), "asked of the database");
        within(Duration::from_secs(10), async || other.keeps(ada).await).await;
        assert_eq!(
            other.get(ada).await.unwrap().display_name,
            name,
            "and not forgotten afterwards"
        );
    }
}

/// DESIGN §1 as a race: while someone's role changes all the time, no process goes on believing an old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_crosses_a_change_is_not_kept() {
    let world = World::new().await;
    let other = Other::start(&world).await;
    let ada = world.user("ada").await;
    for round in 0..60 {
        let reading = async {
            for _ in 0..8 {
                other.get(ada).await.unwrap();
            }
        };
        let text = format!("UPDATE users SET display_name = 'n{round}' WHERE id = '{ada}'");
        tokio::join!(reading, world.sql(&text), async { other.get(ada).await.unwrap() });
        let expected = format!("n{round}");
        within(SOON, async || {
            other.get(ada).await.unwrap().display_name.as_ref() == Some(&expected)
        })
        .await;
    }
}
