//! Issue 5, "with faults injected at every call": each operation is made once to count its calls, and then once for each
//! fault at each of them. Each time both sides agree in the end, no key works that should not, none is lost, and what the
//! person was told on the way was true.

mod keys;
mod outbox;
mod restricted;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use backend::{
    Backend, Result, Settings,
    api_keys::{self, Made, NewApiKeyInput},
    litellm::{self, Instance, Instances},
};
use domain::{ApiKeyStatus, KeyId, TeamId, TeamRole, UserId};
use integrations::litellm::{Config, LiteLlm};
use secrecy::{ExposeSecret as _, SecretString};
use simulators::litellm::{Faults, LiteLlmSimulator, RateLimit, Version};
use sqlx::AssertSqlSafe;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use crate::common::{World, request};

/// One test for each version whose answers were recorded.
macro_rules! at_both_versions {
    ($name:ident, $test:expr) => {
        mod $name {
            use super::*;

            #[tokio::test]
            async fn at_1_108_7() {
                ($test)(simulators::litellm::Version::V1_108_7).await;
            }

            #[tokio::test]
            async fn at_1_101_6() {
                ($test)(simulators::litellm::Version::V1_101_6).await;
            }
        }
    };
}
use at_both_versions;

/// What goes wrong with a call, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nobody listens, for this call and all later ones.
    Refused,
    /// No answer, before and after the effect.
    TimeoutBefore,
    TimeoutAfter,
    /// The connection breaks, before and after the effect.
    LostBefore,
    LostAfter,
    /// 500, before and after the effect.
    ErrorBefore,
    ErrorAfter,
    TooMany,
    /// 200 and a page of HTML.
    Garbage,
}

const FAULTS: [Fault; 9] = [
    Fault::Refused,
    Fault::TimeoutBefore,
    Fault::TimeoutAfter,
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::ErrorBefore,
    Fault::ErrorAfter,
    Fault::TooMany,
    Fault::Garbage,
];

/// Which call goes wrong.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// The one after so many others.
    After(u64),
    /// The next one of a route. Deliveries are made side by side, so that by its number one may be missed.
    Route(String),
}

/// The calls that a fault has yet to strike: each by its number, and then each route that was not among them.
fn targets(calls: u64, routes: &BTreeSet<String>) -> impl FnMut(&BTreeSet<String>) -> Option<Target> {
    let (mut call, mut tried) = (0, BTreeSet::new());
    move |struck| {
        if call < calls {
            call += 1;
            return Some(Target::After(call - 1));
        }
        let missed = routes
            .iter()
            .find(|route| !struck.contains(*route) && !tried.contains(*route))?;
        tried.insert(missed.clone());
        Some(Target::Route(missed.clone()))
    }
}

/// How long is waited for an answer while a call goes wrong, and while all is well: a busy machine is no fault.
const HASTY: Duration = Duration::from_millis(300);
const PATIENT: Duration = Duration::from_secs(20);

/// A backend with a LiteLLM of its own.
struct House {
    world: World,
    /// The same, with a client that gives up soon.
    hasty: Backend,
    striking: AtomicBool,
    proxy: LiteLlmSimulator,
    version: Version,
    name: String,
    /// The keys that somebody was shown, by their id.
    shown: std::sync::Mutex<BTreeMap<Uuid, SecretString>>,
    names: AtomicUsize,
    /// The keys of the case under way are newer than this one.
    newest: std::sync::Mutex<Uuid>,
    /// A super_admin, who reads what the console says.
    watcher: UserId,
}

/// A client that never tries again by itself: each fault is felt.
fn instances(proxy: &LiteLlmSimulator, name: &str, timeout: Duration) -> Instances {
    let mut config = Config::new(name, proxy.url(), proxy.master_key().into());
    config.timeout = timeout;
    config.attempts = 1;
    config.breaker_open = Duration::from_millis(20);
    Instances::new(vec![Instance {
        namespace: "litellm".to_owned(),
        is_default: true,
        url: proxy.url(),
        client: LiteLlm::new(config).expect("a good configuration"),
    }])
}

impl House {
    async fn new() -> Self {
        Self::of(Version::V1_108_7).await
    }

    /// With a LiteLLM of that version.
    async fn of(version: Version) -> Self {
        let house = Self::over(World::with(Settings::default()).await, "main", version).await;
        litellm::register(house.backend()).await.expect("registered");
        house.settle("at first").await;
        house
    }

    /// Without a word to the proxy yet.
    async fn over(mut world: World, name: &str, version: Version) -> Self {
        let proxy = LiteLlmSimulator::start(version).await.expect("a free port");
        world.backend = world.backend.with_litellm(instances(&proxy, name, PATIENT));
        let hasty = world.backend.clone().with_litellm(instances(&proxy, name, HASTY));
        let watcher = world.member(domain::DEFAULT_TEAM, "watcher", TeamRole::Member).await;
        world
            .sql(&format!(
                "UPDATE users SET is_super_admin = true WHERE id = '{watcher}'"
            ))
            .await;
        Self {
            hasty,
            striking: AtomicBool::new(false),
            watcher,
            world,
            proxy,
            version,
            name: name.to_owned(),
            shown: std::sync::Mutex::default(),
            names: AtomicUsize::new(0),
            newest: std::sync::Mutex::default(),
        }
    }

    fn backend(&self) -> &Backend {
        if self.striking.load(Ordering::Relaxed) {
            &self.hasty
        } else {
            &self.world.backend
        }
    }

    /// Another proxy, which knows nothing.
    async fn connect(&mut self, name: &str) {
        let proxy = LiteLlmSimulator::start(self.version).await.expect("a free port");
        for (backend, timeout) in [(&mut self.world.backend, PATIENT), (&mut self.hasty, HASTY)] {
            *backend = backend.clone().with_litellm(instances(&proxy, name, timeout));
        }
        (self.proxy, self.name) = (proxy, name.to_owned());
    }

    /// A name that nothing else has.
    fn fresh(&self, stem: &str) -> String {
        format!("{stem}{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    async fn fresh_team(&self) -> TeamId {
        self.world.team(&self.fresh("Team ")).await
    }

    async fn fresh_member(&self, team: TeamId, role: TeamRole) -> UserId {
        self.world.member(team, &self.fresh("person"), role).await
    }

    fn calls(&self) -> u64 {
        self.proxy.calls().values().sum()
    }

    /// From now on that call goes wrong.
    async fn strike(&self, fault: Fault, target: &Target) {
        let mut faults = Faults::default();
        match target {
            Target::After(spared) => faults.spare_next = *spared,
            Target::Route(route) => faults.only = Some(route.clone()),
        }
        match fault {
            Fault::Refused => faults.refuse = true,
            Fault::TimeoutBefore => faults.hang_before_next = 1,
            Fault::TimeoutAfter => faults.hang_after_next = 1,
            Fault::LostBefore => faults.drop_before_next = 1,
            Fault::LostAfter => faults.drop_after_next = 1,
            Fault::ErrorBefore => (faults.fail_next, faults.fail_status) = (1, 500),
            Fault::ErrorAfter => faults.error_after_next = 1,
            Fault::TooMany => {
                faults.rate_limit = Some(RateLimit {
                    retry_after: Some(0),
                    next: Some(1),
                });
            }
            Fault::Garbage => faults.garbage_next = 1,
        }
        self.proxy.set_faults(faults);
        self.striking.store(true, Ordering::Relaxed);
        if fault == Fault::Refused && *target == Target::After(0) {
            self.proxy.stop().await;
        }
    }

    /// LiteLLM is well again. Says which calls were struck.
    async fn calm(&self, fault: Fault) -> Vec<String> {
        let struck = self.proxy.struck();
        self.striking.store(false, Ordering::Relaxed);
        self.proxy.set_faults(Faults::default());
        if fault == Fault::Refused {
            self.proxy.restart().await.expect("its port is free");
        }
        struck
    }

    /// What the worker does once.
    async fn deliver(&self) {
        litellm::deliver_due(self.backend()).await.expect("a database");
    }

    /// Time goes by until nothing waits: pauses, claims and leases are over, and the jobs have run.
    async fn settle(&self, what: &str) {
        for _ in 0..80 {
            self.world
                .sql(
                    "UPDATE litellm_objects SET due_at = now(), claimed_until = NULL
                    WHERE state <> 'synced' OR claimed_until IS NOT NULL",
                )
                .await;
            self.world.sql("UPDATE litellm_orphan_keys SET due_at = now()").await;
            self.world
                .sql("UPDATE api_keys SET making_until = now() - interval '1 minute' WHERE making_until IS NOT NULL")
                .await;
            api_keys::tidy(self.backend()).await.expect("a database");
            self.deliver().await;
            if self.open().await.is_empty() {
                return;
            }
            // The breaker opens after five failures, as it should.
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        panic!("{what}: this is open in the end: {:?}", self.open().await);
    }

    /// What one of both sides does not know yet.
    async fn open(&self) -> Vec<String> {
        self.world
            .all(&format!(
                "SELECT kind || ' ' || state || ': ' || coalesce(last_error, '') FROM litellm_objects
                WHERE state <> 'synced' AND instance = '{0}'
                UNION ALL SELECT 'key ' || litellm_state || ' ' || name FROM api_keys
                WHERE litellm_instance = '{0}' AND (litellm_state = 'revoking' OR making_until IS NOT NULL)
                UNION ALL SELECT 'orphan ' || alias FROM litellm_orphan_keys WHERE instance = '{0}'",
                self.name
            ))
            .await
    }

    /// What the console says at this moment is true, however much still waits: what is called synced is there, what is
    /// called active works, and what is called revoked does not.
    async fn told_the_truth(&self, what: &str) {
        let synced: Vec<(String, String, String)> = self
            .rows(&format!(
                "SELECT kind, object_id::text, user_id::text FROM litellm_objects
                WHERE state = 'synced' AND instance = '{}'",
                self.name
            ))
            .await;
        for (kind, object, user) in synced {
            let there = match kind.as_str() {
                "team" => self.proxy.team(&object).is_some(),
                "user" => self.proxy.user(&object).is_some(),
                "member" => self
                    .proxy
                    .team(&object)
                    .is_some_and(|team| team.members.iter().any(|member| member.user_id == user)),
                _ => true,
            };
            assert!(
                there,
                "{what}: {kind} {object} {user} is called synced and is not there"
            );
        }
        for (id, status) in self.statuses().await {
            let secret = self.shown.lock().unwrap().get(&id).cloned();
            match (status, secret) {
                (ApiKeyStatus::Active, Some(secret)) => {
                    assert!(self.opens(&secret), "{what}: {id} is called active and does not work");
                }
                (ApiKeyStatus::Active, None) => panic!("{what}: {id} is active, and nobody was shown its secret"),
                (ApiKeyStatus::Revoked | ApiKeyStatus::Expired, Some(secret)) => {
                    assert!(!self.opens(&secret), "{what}: {id} is called revoked and works");
                }
                _ => {}
            }
        }
    }

    async fn rows(&self, sql: &str) -> Vec<(String, String, String)> {
        sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&self.world.pool)
            .await
            .expect("rows")
    }

    /// A new case begins. What was asked of the keys of earlier ones is not asked again: their sum is in the tables.
    fn begin(&self) {
        *self.newest.lock().unwrap() = Uuid::now_v7();
    }

    /// Every key of this case as the console has it.
    async fn statuses(&self) -> Vec<(Uuid, ApiKeyStatus)> {
        let newest = *self.newest.lock().unwrap();
        let ids: Vec<Uuid> = sqlx::query_scalar(
            "SELECT id FROM api_keys WHERE litellm_instance = $1 AND litellm_token IS NOT NULL AND id > $2",
        )
        .bind(&self.name)
        .bind(newest)
        .fetch_all(&self.world.pool)
        .await
        .expect("rows");
        let mut statuses = Vec::new();
        for id in ids {
            statuses.push((id, self.status(self.watcher, KeyId(id)).await));
        }
        statuses
    }

    /// The key's status as somebody reads it.
    async fn status(&self, reader: UserId, id: KeyId) -> ApiKeyStatus {
        let page = self.world.ask(reader, async |ctx| api_keys::get(ctx, id).await).await;
        page.expect("a key").key.status
    }

    /// Whether the proxy would let a secret in, seen in its own tables.
    fn opens(&self, secret: &SecretString) -> bool {
        self.proxy
            .key(secret.expose_secret())
            .is_some_and(|key| !key.blocked && key.expires.is_none_or(|end| end > now()))
    }

    /// Whether the proxy lets a secret in, asked as its holder does.
    async fn works(&self, secret: &SecretString) -> bool {
        let address = self.proxy.url().replace("http://", "");
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("LiteLLM listens");
        let request = format!(
            "GET /models HTTP/1.1\r\nhost: litellm\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            secret.expose_secret()
        );
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer.starts_with("HTTP/1.1 200")
    }

    /// Both sides agree: by a look into the proxy's own tables, and by the product's comparison.
    async fn agree(&self, what: &str) {
        let set = |list: Vec<String>| list.into_iter().collect::<BTreeSet<String>>();
        let teams = set(self.world.all("SELECT id::text FROM teams").await);
        let there = set(self.proxy.teams().into_iter().map(|team| team.id).collect());
        assert_eq!(there, teams, "{what}: teams");
        let users = set(self.world.all("SELECT id::text FROM users").await);
        let there = set(self.proxy.users().into_iter().map(|user| user.id).collect());
        assert_eq!(there, users, "{what}: people");
        let mut members: Vec<String> = self
            .world
            .all("SELECT team_id || ' ' || user_id FROM team_members WHERE expires_at IS NULL OR expires_at > now()")
            .await;
        let mut there = Vec::new();
        for team in self.proxy.teams() {
            let ours = team.members.iter().filter(|member| member.user_id != "default_user_id");
            there.extend(ours.map(|member| format!("{} {}", team.id, member.user_id)));
        }
        members.sort_unstable();
        there.sort_unstable();
        assert_eq!(there, members, "{what}: memberships, each once");
        let mut keys: Vec<String> = self
            .world
            .all(&format!(
                "SELECT litellm_token FROM api_keys WHERE litellm_state = 'active' AND litellm_instance = '{}'",
                self.name
            ))
            .await;
        let mut there: Vec<String> = self.proxy.keys().into_iter().map(|key| key.token).collect();
        keys.sort_unstable();
        there.sort_unstable();
        assert_eq!(
            there, keys,
            "{what}: LiteLLM has the keys that we call active, and no other"
        );
        // Whoever was shown a secret can use it exactly as long as we say so.
        let shown = self.shown.lock().unwrap().clone();
        for (id, status) in self.statuses().await {
            if let Some(secret) = shown.get(&id) {
                let works = matches!(status, ApiKeyStatus::Active | ApiKeyStatus::Replaced);
                assert_eq!(self.works(secret).await, works, "{what}: {id} is called {status:?}");
            }
        }
        let differences = self.differences().await;
        assert!(differences.is_empty(), "{what}: {differences:?}");
    }

    /// What the product's own comparison finds.
    async fn differences(&self) -> Vec<String> {
        self.world.sql("DELETE FROM litellm_comparisons").await;
        let id = Uuid::now_v7();
        self.world
            .sql(&format!(
                "INSERT INTO litellm_comparisons (id, instance, requested_by, started_at)
                VALUES ('{id}', '{}', 'test', clock_timestamp())",
                self.name
            ))
            .await;
        litellm::run(self.backend().clone(), id, self.name.clone()).await;
        let error: Option<String> = self.world.one("SELECT error FROM litellm_comparisons").await;
        assert_eq!(error, None, "the comparison was made");
        self.world
            .all("SELECT problem || ' ' || kind || ' ' || name || ': ' || detail FROM litellm_differences")
            .await
    }

    async fn create(&self, by: UserId, team: TeamId) -> Result<Made> {
        let input = NewApiKeyInput {
            name: self.fresh("key "),
            team_id: Some(team.to_string()),
            ..NewApiKeyInput::default()
        };
        let new = input.parse().map_err(backend::Error::from)?;
        let made = api_keys::create(self.backend(), self.world.caller(by).await, request(), new).await?;
        self.remember(&made);
        Ok(made)
    }

    async fn claim(&self, by: UserId, id: KeyId) -> Result<Made> {
        let made = api_keys::claim(self.backend(), self.world.caller(by).await, request(), id).await?;
        self.remember(&made);
        Ok(made)
    }

    fn remember(&self, made: &Made) {
        if let Made::Ready(key, secret) = made {
            self.shown.lock().unwrap().insert(key.id.0, secret.clone());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "test equipment: keys end by the wall clock")]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// An operation under test. Each step gets the house and what the step before made.
trait Operation {
    /// Whom and what it is made for; none of its calls is made yet.
    type Given;
    /// What the person was told.
    type Told;

    async fn prepare(&self, house: &House) -> Self::Given;
    /// The operation, with what the worker does about it.
    async fn act(&self, house: &House, given: &Self::Given) -> Self::Told;
    /// LiteLLM is well again and everything has settled: what the person was told holds.
    async fn afterwards(&self, house: &House, given: Self::Given, told: Self::Told, what: &str);
}

/// Makes an operation with every fault at every call.
async fn every_fault_at_every_call(operation: impl Operation, version: Version) {
    let house = House::of(version).await;
    let given = operation.prepare(&house).await;
    let before = house.proxy.calls();
    let told = operation.act(&house, &given).await;
    let after = house.proxy.calls();
    house.told_the_truth("without faults").await;
    house.settle("without faults").await;
    operation.afterwards(&house, given, told, "without faults").await;
    house.agree("without faults").await;
    let routes: BTreeSet<String> = after
        .iter()
        .filter(|(route, count)| before.get(*route) < Some(count))
        .map(|(route, _)| route.clone())
        .collect();
    let calls = after.values().sum::<u64>() - before.values().sum::<u64>();
    assert!(calls > 0, "there is something to go wrong");
    let mut cases = 0;
    for fault in FAULTS {
        let mut struck = BTreeSet::new();
        let mut next = targets(calls, &routes);
        while let Some(target) = next(&struck) {
            if fault == Fault::Refused && matches!(target, Target::Route(_)) {
                // Whoever refuses one call refuses all that come after it.
                break;
            }
            let what = format!("{fault:?}, {target:?} of {calls}");
            house.begin();
            let given = operation.prepare(&house).await;
            house.strike(fault, &target).await;
            let told = operation.act(&house, &given).await;
            house.told_the_truth(&what).await;
            struck.extend(house.calm(fault).await);
            house.settle(&what).await;
            operation.afterwards(&house, given, told, &what).await;
            house.told_the_truth(&what).await;
            house.agree(&what).await;
            cases += 1;
        }
        let missed: Vec<_> = routes.difference(&struck).collect();
        assert!(
            fault == Fault::Refused || missed.is_empty(),
            "{fault:?} never struck {missed:?}"
        );
    }
    println!("{cases} cases: {} faults at {calls} calls of {routes:?}", FAULTS.len());
}
