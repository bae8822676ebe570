//! Issue 5, "killed with -9 at every outbox step": a real process is killed at each call that it makes to LiteLLM, before
//! the call has its effect and after it, and another one is started. Both sides agree, and no key works that nobody has.

use std::{
    cell::Cell,
    collections::BTreeSet,
    time::{Duration, Instant},
};

use backend::{
    Backend, Ctx, Method, Settings, identity,
    litellm::{self, Instance, Instances},
    members, teams, tokens,
};
use domain::{Email, TeamId, TeamRole, TokenName, UserId, UserRef};
use integrations::litellm::{Config, LiteLlm};
use serde_json::{Value, json};
use simulators::litellm::{Faults, LiteLlmSimulator, Version};
use sqlx::AssertSqlSafe;

use super::command_line::{Serving, guildhall};
use crate::common::{client, database::Database};

const INSTANCE: &str = "litellm-example";

/// Somebody with a token of theirs, in a team of theirs.
struct Member {
    team: TeamId,
    user: UserId,
    token: String,
}

struct Installation {
    /// As another process sees it.
    backend: Backend,
    proxy: LiteLlmSimulator,
    client: reqwest::Client,
    number: std::sync::atomic::AtomicUsize,
    database: Database,
}

impl Installation {
    async fn new() -> Self {
        let client = client();
        let database = Database::migrated().await;
        let proxy = LiteLlmSimulator::start(Version::V1_108_7).await.expect("a free port");
        let config = Config::new(INSTANCE, proxy.url(), proxy.master_key().into());
        let instance = Instance {
            namespace: "litellm".to_owned(),
            is_default: true,
            url: proxy.url(),
            client: LiteLlm::new(config).expect("a good configuration"),
        };
        let backend =
            Backend::new(database.pool.clone(), None, Settings::default()).with_litellm(Instances::new(vec![instance]));
        Self {
            backend,
            proxy,
            client,
            number: std::sync::atomic::AtomicUsize::new(0),
            database,
        }
    }

    /// A process, which has told LiteLLM of everything.
    async fn serve(&self) -> Serving {
        let mut command = guildhall(&self.database, &["serve", "--listen", "127.0.0.1:0"]);
        command
            .env("LITELLM_API_URL", self.proxy.url())
            .env("LITELLM_MASTER_KEY", self.proxy.master_key())
            // Nobody reads its log, and a full pipe would stop it.
            .env("GUILDHALL_LOG_LEVEL", "off");
        let serving = Serving::start(command);
        self.settle().await;
        serving
    }

    /// What a killed process had taken may be taken again: the time for that has gone by.
    async fn later(&self) {
        // What it had sent already may still be committed, until PostgreSQL notices that nobody is there.
        let deadline = Instant::now() + Duration::from_secs(10);
        let connections = "SELECT pid::text FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'guildhall'";
        while !self.all(connections).await.is_empty() {
            assert!(Instant::now() < deadline, "a killed process is still connected");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.sql("UPDATE litellm_objects SET claimed_until = NULL, due_at = now()")
            .await;
        self.sql("UPDATE api_keys SET making_until = now() - interval '1 minute' WHERE making_until IS NOT NULL")
            .await;
    }

    /// Waits until the process has delivered everything.
    async fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(100);
        loop {
            let open = self.open().await;
            if open.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "this is open in the end: {open:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What LiteLLM is still to be told.
    async fn open(&self) -> Vec<String> {
        self.all(
            "SELECT kind || ' ' || state || ' ' || coalesce(last_error, '') FROM litellm_objects WHERE state <> 'synced'
            UNION ALL SELECT 'revoking ' || name FROM api_keys WHERE litellm_state = 'revoking'
            UNION ALL SELECT 'orphan ' || alias FROM litellm_orphan_keys",
        )
        .await
    }

    async fn sql(&self, sql: &str) {
        sqlx::query(AssertSqlSafe(sql))
            .execute(&self.database.pool)
            .await
            .expect("a good statement");
    }

    async fn all(&self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&self.database.pool)
            .await
            .expect("a good query")
    }

    /// A new team with a new member, of whom LiteLLM is to be told.
    async fn member(&self) -> Member {
        let number = self.number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut ctx = Ctx::system(&self.backend, "test", Method::Command)
            .await
            .expect("a transaction");
        let email = Email::parse(&format!("max{number}@example.com")).expect("an email");
        let user = identity::create(&mut ctx, &email, None, false, None)
            .await
            .expect("created");
        let new = teams::NewTeamInput {
            name: format!("Team {number}"),
            ..teams::NewTeamInput::default()
        };
        let team = teams::create(&mut ctx, new.parse().expect("valid"))
            .await
            .expect("created")
            .team
            .id;
        members::add(&mut ctx, team, &UserRef::Id(user), TeamRole::Member)
            .await
            .expect("added");
        let name = TokenName::parse("test").expect("a name");
        let (_, secret) = tokens::create(&mut ctx, user, &name, None).await.expect("created");
        ctx.commit().await.expect("committed");
        Member {
            team,
            user,
            token: secret.reveal().to_owned(),
        }
    }

    /// Asks the process; none when it dies over it.
    async fn ask(&self, url: &str, member: &Member, method: &str, path: &str, body: Value) -> Option<(u16, Value)> {
        let method = method.parse().expect("a method");
        let request = self
            .client
            .request(method, format!("{url}/api/v1/api-keys{path}"))
            .bearer_auth(&member.token)
            .json(&body);
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.ok()?))
    }

    /// A key that works: its id and its secret.
    async fn key(&self, url: &str, member: &Member) -> (String, String) {
        let body = json!({"name": "ci", "teamId": member.team.to_string()});
        let (status, made) = self.ask(url, member, "POST", "", body).await.expect("an answer");
        assert_eq!(status, 201, "{made}");
        let text = |field: &str| made[field].as_str().expect("text").to_owned();
        (text("id"), text("key"))
    }

    fn works(&self, secret: &str) -> bool {
        self.proxy
            .key(secret)
            .is_some_and(|key| !key.blocked && key.expires.is_none())
    }

    fn calls(&self) -> u64 {
        let calls = self.proxy.calls();
        calls
            .iter()
            .filter(|(call, _)| !call.contains("/key/list"))
            .map(|(_, count)| count)
            .sum()
    }

    /// Both sides agree: in the proxy's own tables, and by the product's comparison.
    async fn agree(&self, what: &str) {
        let set = |list: Vec<String>| list.into_iter().collect::<BTreeSet<String>>();
        let there = set(self.proxy.teams().into_iter().map(|team| team.id).collect());
        assert_eq!(
            there,
            set(self.all("SELECT id::text FROM teams").await),
            "{what}: teams"
        );
        let there = set(self.proxy.users().into_iter().map(|user| user.id).collect());
        assert_eq!(
            there,
            set(self.all("SELECT id::text FROM users").await),
            "{what}: people"
        );
        let mut there = Vec::new();
        for team in self.proxy.teams() {
            let ours = team.members.iter().filter(|member| member.user_id != "default_user_id");
            there.extend(ours.map(|member| format!("{} {}", team.id, member.user_id)));
        }
        let mut members = self.all("SELECT team_id || ' ' || user_id FROM team_members").await;
        there.sort_unstable();
        members.sort_unstable();
        assert_eq!(there, members, "{what}: memberships, each once");
        let mut there: Vec<String> = self.proxy.keys().into_iter().map(|key| key.token).collect();
        let mut keys = self
            .all("SELECT litellm_token FROM api_keys WHERE litellm_state = 'active'")
            .await;
        there.sort_unstable();
        keys.sort_unstable();
        assert_eq!(there, keys, "{what}: keys that we call active, and no other");

        let mut ctx = Ctx::system(&self.backend, "test", Method::Command)
            .await
            .expect("a transaction");
        let id = litellm::begin(&mut ctx, INSTANCE).await.expect("none is under way");
        ctx.commit().await.expect("committed");
        litellm::run(self.backend.clone(), id, INSTANCE.to_owned()).await;
        let found = self
            .all(&format!(
                "SELECT problem || ' ' || kind || ' ' || name || ': ' || detail FROM litellm_differences
                WHERE comparison_id = '{id}'"
            ))
            .await;
        assert!(found.is_empty(), "{what}: {found:?}");
        let failed = self
            .all("SELECT error FROM litellm_comparisons WHERE error IS NOT NULL")
            .await;
        assert!(failed.is_empty(), "{what}: {failed:?}");
    }
}

/// A status and a body; none when the process died first.
type Told = Option<(u16, Value)>;

/// Something that makes calls to LiteLLM.
trait Operation {
    type Given;
    /// Everything here is settled before the calls are counted.
    async fn prepare(&self, at: &Installation, url: &str) -> Self::Given;
    /// Begins it, and says what the person was told, if they were told anything.
    async fn act(&self, at: &Installation, url: &str, given: &Self::Given) -> Told;
    /// Another process runs: what was told is true, and what was not told is mended, or its owner can mend it.
    async fn mended(&self, at: &Installation, url: &str, given: Self::Given, told: Told, what: &str);
}

/// Kills a process at every call of an operation. `after`: once the call has had its effect.
async fn killed_at_every_call(operation: impl Operation, after: bool) {
    let at = Installation::new().await;
    let mut serving = at.serve().await;
    let given = operation.prepare(&at, &serving.url).await;
    at.settle().await;
    let before = at.calls();
    let told = operation.act(&at, &serving.url, &given).await;
    at.settle().await;
    let calls = at.calls() - before;
    assert!(calls > 0, "there is something to be killed at");
    operation.mended(&at, &serving.url, given, told, "never killed").await;
    at.settle().await;
    at.agree("never killed").await;
    let mut struck = 0;
    for call in 0..calls {
        let given = operation.prepare(&at, &serving.url).await;
        at.settle().await;
        at.proxy.set_faults(Faults {
            // A job reads what keys have spent whenever it likes.
            except: Some("/key/list".to_owned()),
            spare_next: call,
            hang_before_next: u64::from(!after),
            hang_after_next: u64::from(after),
            ..Faults::default()
        });
        let url = serving.url.clone();
        let acted = Cell::new(false);
        let acting = async {
            let told = operation.act(&at, &url, &given).await;
            acted.set(true);
            told
        };
        let killing = async {
            // Things are told side by side, so that the last calls may not come this time: then all is told without them.
            let (start, mut busy) = (Instant::now(), Instant::now());
            while at.proxy.struck().is_empty() && busy.elapsed() < Duration::from_secs(2) {
                if !acted.get() || !at.open().await.is_empty() {
                    busy = Instant::now();
                }
                let took = start.elapsed();
                assert!(
                    took < Duration::from_secs(100),
                    "call {call} is neither made nor is all told"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            serving.kill_now();
        };
        let (told, ()) = tokio::join!(acting, killing);
        struck += at.proxy.struck().len();
        let what = format!("killed at call {call} of {calls}, {}", at.proxy.struck().join(", "));
        at.proxy.set_faults(Faults::default());
        at.later().await;
        serving = at.serve().await;
        operation.mended(&at, &serving.url, given, told, &what).await;
        at.settle().await;
        at.agree(&what).await;
    }
    println!("killed at {struck} of {calls} calls");
    // What is told side by side takes ten calls one time and thirteen another.
    assert!(struck as u64 * 2 >= calls, "killed at {struck} of {calls} calls only");
}

/// The worker tells LiteLLM of a team, a person and their memberships.
struct Delivery;

impl Operation for Delivery {
    type Given = ();
    async fn prepare(&self, _: &Installation, _: &str) {}
    async fn act(&self, at: &Installation, _: &str, (): &()) -> Told {
        at.member().await;
        None
    }
    async fn mended(&self, _: &Installation, _: &str, (): (), _: Told, _: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_killed_before_each_call_of_a_delivery() {
    killed_at_every_call(Delivery, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_killed_after_each_call_of_a_delivery() {
    killed_at_every_call(Delivery, true).await;
}

/// A member makes a key.
struct Creation;

impl Operation for Creation {
    type Given = Member;

    async fn prepare(&self, at: &Installation, _: &str) -> Member {
        let member = at.member().await;
        at.settle().await;
        // Not there any more, as if nobody had been told of them yet: then all calls are the request's own.
        at.proxy.remove_team(&member.team.to_string());
        at.proxy.remove_user(&member.user.to_string());
        member
    }

    async fn act(&self, at: &Installation, url: &str, member: &Member) -> Told {
        // At the same moment for the worker and the request: whoever is first tells LiteLLM of them.
        at.sql(&format!(
            "UPDATE litellm_objects SET state = 'pending', synced = 0, due_at = now() WHERE object_id IN ('{0}', '{1}')
                OR user_id = '{1}'",
            member.team, member.user
        ))
        .await;
        let body = json!({"name": "ci", "teamId": member.team.to_string()});
        at.ask(url, member, "POST", "", body).await
    }

    async fn mended(&self, at: &Installation, url: &str, member: Member, told: Told, what: &str) {
        let keys = at
            .all(&format!(
                "SELECT id || ' ' || litellm_state FROM api_keys WHERE team_id = '{}'",
                member.team
            ))
            .await;
        let [key] = keys.as_slice() else {
            // Killed before the request was written down: nobody was told of a key.
            assert!(keys.is_empty(), "{what}: {keys:?}");
            return;
        };
        let (id, state) = key.split_once(' ').expect("two words");
        if state == "active" {
            // The answer itself may get lost, as on any network. Then nobody has the secret, and its owner rotates it.
            let rotate = json!({"overlap_seconds": 0});
            let told = match told {
                Some(told) => told,
                None => at
                    .ask(url, &member, "POST", &format!("/{id}/rotate"), rotate)
                    .await
                    .expect("an answer"),
            };
            let (status, made) = told;
            assert_eq!(status, 201, "{what}: {made}");
            assert!(at.works(made["key"].as_str().expect("a secret")), "{what}");
            return;
        }
        assert_eq!(state, "pending", "{what}");
        let claimed = at.ask(url, &member, "POST", &format!("/{id}/claim"), json!({})).await;
        let (status, claimed) = claimed.expect("an answer");
        assert_eq!(status, 201, "{what}: {claimed}");
        assert!(at.works(claimed["key"].as_str().expect("a secret")), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_killed_before_each_call_of_key_creation() {
    killed_at_every_call(Creation, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_killed_after_each_call_of_key_creation() {
    killed_at_every_call(Creation, true).await;
}

/// A member rotates a key, without an overlap.
struct Rotation;

impl Operation for Rotation {
    type Given = (Member, String, String);

    async fn prepare(&self, at: &Installation, url: &str) -> Self::Given {
        let member = at.member().await;
        at.settle().await;
        let (id, secret) = at.key(url, &member).await;
        (member, id, secret)
    }

    async fn act(&self, at: &Installation, url: &str, (member, id, _): &Self::Given) -> Told {
        let body = json!({"overlap_seconds": 0});
        at.ask(url, member, "POST", &format!("/{id}/rotate"), body).await
    }

    async fn mended(&self, at: &Installation, url: &str, (member, id, secret): Self::Given, told: Told, what: &str) {
        if let Some((201, rotated)) = told {
            assert!(
                at.works(rotated["key"].as_str().expect("a secret")),
                "{what}: it was shown"
            );
        }
        let (_, old) = at
            .ask(url, &member, "GET", &format!("/{id}"), json!({}))
            .await
            .expect("an answer");
        // Either the old one works and there is no other, or it does not and the new one does.
        let replaced = old["status"] == "revoked";
        assert!(replaced || old["status"] == "active", "{what}: {old}");
        assert_eq!(
            at.works(&secret),
            !replaced,
            "{what}: it was said to be {}",
            old["status"]
        );
        let waiting = at
            .all(&format!(
                "SELECT id::text FROM api_keys WHERE team_id = '{}' AND litellm_state = 'pending'",
                member.team
            ))
            .await;
        assert!(waiting.len() <= usize::from(!replaced), "{what}");
        for id in waiting {
            // What was begun is taken back by its owner, or by a job in a while.
            at.ask(url, &member, "DELETE", &format!("/{id}"), json!({}))
                .await
                .expect("an answer");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_killed_before_each_call_of_rotation() {
    killed_at_every_call(Rotation, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_killed_after_each_call_of_rotation() {
    killed_at_every_call(Rotation, true).await;
}

/// A member revokes a key.
struct Revocation;

impl Operation for Revocation {
    type Given = (Member, String, String);

    async fn prepare(&self, at: &Installation, url: &str) -> Self::Given {
        Rotation.prepare(at, url).await
    }

    async fn act(&self, at: &Installation, url: &str, (member, id, secret): &Self::Given) -> Told {
        let told = at.ask(url, member, "DELETE", &format!("/{id}"), json!({})).await;
        if let Some((_, body)) = &told {
            assert!(
                body["status"] == "revoking" || !at.works(secret),
                "it was called {}",
                body["status"]
            );
        }
        told
    }

    async fn mended(&self, at: &Installation, url: &str, (member, id, secret): Self::Given, _: Told, what: &str) {
        let (_, key) = at
            .ask(url, &member, "GET", &format!("/{id}"), json!({}))
            .await
            .expect("an answer");
        assert_eq!(key["status"], "revoked", "{what}");
        assert!(!at.works(&secret), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_killed_before_each_call_of_revocation() {
    killed_at_every_call(Revocation, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_killed_after_each_call_of_revocation() {
    killed_at_every_call(Revocation, true).await;
}
