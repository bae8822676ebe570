//! Keys for models against a simulated LiteLLM: every state, and every fault at every call (SPEC C8–C12, C17).

mod ceilings;
mod faults;
mod making;
mod rights;
mod spending;
mod tree;

use std::time::Duration;

use backend::{
    Result,
    api_keys::{self, Made, NewApiKeyInput},
    keys::Overlap,
    litellm::{self, Instance, Instances},
};
use domain::{ApiKeyStatus, KeyId, TeamId, TeamRole, UserId, views::ApiKey};
use integrations::litellm::{Config, LiteLlm};
use secrecy::{ExposeSecret as _, SecretString};
use simulators::litellm::{LiteLlmSimulator, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::common::{World, request};

/// A team with an admin and a member, and a LiteLLM that has been told of everything.
pub struct House {
    pub world: World,
    pub litellm: LiteLlmSimulator,
    pub team: TeamId,
    pub boss: UserId,
    pub ada: UserId,
}

impl House {
    pub async fn new() -> Self {
        let mut world = World::new().await;
        let litellm = LiteLlmSimulator::start(Version::V1_108_7).await.expect("a free port");
        let instance = Instance {
            namespace: "litellm".to_owned(),
            is_default: true,
            url: litellm.url(),
            client: client(&litellm),
        };
        world.backend = world.backend.clone().with_litellm(Instances::new(vec![instance]));
        litellm::register(&world.backend).await.expect("an instance");
        let team = world.team("Engineering").await;
        let boss = world.member(team, "boss", TeamRole::Admin).await;
        let ada = world.member(team, "ada", TeamRole::Member).await;
        let house = Self {
            world,
            litellm,
            team,
            boss,
            ada,
        };
        house.deliver().await;
        house
    }

    /// Everything that is due is delivered, whatever pause it has.
    pub async fn deliver(&self) {
        self.world
            .sql("UPDATE litellm_objects SET due_at = now(), claimed_until = NULL WHERE state <> 'synced'")
            .await;
        self.world.sql("UPDATE litellm_orphan_keys SET due_at = now()").await;
        litellm::deliver_due(&self.world.backend).await.expect("a database");
    }

    /// The jobs find what lost answers left, as if the time for late effects were over.
    pub async fn tidy(&self) {
        self.world
            .sql("UPDATE api_keys SET making_until = now() - interval '1 minute' WHERE making_until <= now()")
            .await;
        api_keys::tidy(&self.world.backend).await.expect("a database");
        self.deliver().await;
    }

    pub async fn create(&self, by: UserId, input: NewApiKeyInput) -> Result<Made> {
        let new = input.parse().map_err(backend::Error::from)?;
        api_keys::create(&self.world.backend, self.world.caller(by).await, request(), new).await
    }

    /// A key that works.
    pub async fn ready(&self, by: UserId, name: &str) -> (ApiKey, SecretString) {
        match self.create(by, named(name)).await.expect("a key") {
            Made::Ready(key, secret) => (*key, secret),
            Made::Pending(_, why) => panic!("pending: {why}"),
        }
    }

    pub async fn claim(&self, by: UserId, id: KeyId) -> Result<Made> {
        api_keys::claim(&self.world.backend, self.world.caller(by).await, request(), id).await
    }

    pub async fn revoke(&self, by: UserId, id: KeyId) -> Result<ApiKey> {
        api_keys::revoke(&self.world.backend, self.world.caller(by).await, request(), id).await
    }

    pub async fn rotate(&self, by: UserId, id: KeyId, overlap: i64) -> Result<(ApiKey, SecretString)> {
        let overlap = Overlap::seconds(Some(overlap)).expect("an overlap");
        let caller = self.world.caller(by).await;
        api_keys::rotate(&self.world.backend, caller, request(), id, overlap, None).await
    }

    /// The key as the owner reads it.
    pub async fn key(&self, by: UserId, id: KeyId) -> ApiKey {
        let page = self.world.ask(by, async |ctx| api_keys::get(ctx, id).await).await;
        page.expect("a key").key
    }

    pub async fn status(&self, by: UserId, id: KeyId) -> ApiKeyStatus {
        self.key(by, id).await.status
    }

    /// Whether LiteLLM lets a secret in.
    pub async fn works(&self, secret: &SecretString) -> bool {
        self.call("GET /models", secret, "").await == 200
    }

    /// The status of a call that whoever has the key makes.
    pub async fn call(&self, route: &str, secret: &SecretString, body: &str) -> u16 {
        let address = self.litellm.url().replace("http://", "");
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("LiteLLM listens");
        let request = format!(
            "{route} HTTP/1.1\r\nhost: litellm\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
            content-length: {}\r\nconnection: close\r\n\r\n{body}",
            secret.expose_secret(),
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status")
    }

    /// LiteLLM's keys and ours agree: it has each key that is said to work, and no other.
    pub async fn agree(&self) {
        let mut ours: Vec<String> = self
            .world
            .all("SELECT litellm_token FROM api_keys WHERE litellm_state = 'active'")
            .await;
        let mut theirs: Vec<String> = self.litellm.keys().into_iter().map(|key| key.token).collect();
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs, "both sides have the same keys");
        let open: i64 = self
            .world
            .one("SELECT count(*) FROM api_keys WHERE litellm_state = 'revoking' OR making_until IS NOT NULL")
            .await;
        assert_eq!(open, 0, "nothing is left open");
    }
}

/// A client that gives up soon.
fn client(litellm: &LiteLlmSimulator) -> LiteLlm {
    let mut config = Config::new("litellm-example", litellm.url(), litellm.master_key().into());
    config.timeout = Duration::from_secs(2);
    config.attempts = 2;
    config.retry_delay = Duration::from_millis(5);
    config.breaker_failures = 1000;
    LiteLlm::new(config).expect("a good configuration")
}

pub fn named(name: &str) -> NewApiKeyInput {
    NewApiKeyInput {
        name: name.to_owned(),
        ..NewApiKeyInput::default()
    }
}
