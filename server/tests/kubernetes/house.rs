//! An organization `litellm`, whose objects a listener serves over TLS, with a simulated LiteLLM behind.

use std::time::Duration;

use backend::litellm;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, header};
use serde_json::{Value, json};
use server::{config::Config, kubernetes::Listener};
use simulators::litellm::{LiteLlmSimulator, Version};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use uuid::Uuid;

use crate::common::Server;

/// Where the objects are.
pub const GROUP: &str = "/apis/auth.litellm.ai/v1alpha1";
/// The organization that the seed's references name.
pub const NAMESPACE: &str = "litellm";
/// Everything is theirs.
pub const ADMIN: &str = "admin@example.com";
/// An org_admin of `litellm`.
pub const OLGA: &str = "olga@example.com";
/// Somebody with an account and nothing else.
pub const NOBODY: &str = "nobody@example.com";

/// A server with a listener for kubectl.
pub struct House {
    pub server: Server,
    pub proxy: LiteLlmSimulator,
    /// `https://127.0.0.1:…`
    pub url: String,
    /// The authority's certificate, PEM.
    pub authority: String,
    /// Trusts the authority.
    pub client: Client,
    /// A token of [`ADMIN`].
    pub token: String,
    pub organization: Uuid,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
    delivering: JoinHandle<()>,
}

impl House {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::adjusted(settings, |listener| listener).await
    }

    pub async fn adjusted(settings: &[(&str, &str)], adjust: impl FnOnce(Listener) -> Listener) -> Self {
        let proxy = LiteLlmSimulator::start(Version::V1_108_7).await.expect("a free port");
        let url = proxy.url();
        let mut all = vec![
            ("LITELLM_API_URL", url.as_str()),
            ("LITELLM_MASTER_KEY", proxy.master_key()),
        ];
        all.extend_from_slice(settings);
        let server = Server::adjusted(&all, quick).await;
        litellm::register(&server.state.backend).await.expect("registered");
        let organization = Uuid::now_v7();
        sqlx::query("INSERT INTO organizations (id, slug, name) VALUES ($1, $2, 'LiteLLM')")
            .bind(organization)
            .bind(NAMESPACE)
            .execute(&server.database.pool)
            .await
            .expect("an organization");
        server.person(ADMIN, true).await;
        let olga = server.person(OLGA, false).await;
        sqlx::query("INSERT INTO organization_members (organization_id, user_id, role) VALUES ($1, $2, 'org_admin')")
            .bind(organization)
            .bind(olga.0)
            .execute(&server.database.pool)
            .await
            .expect("a member");
        server.person(NOBODY, false).await;
        let token = server.token(ADMIN, None).await;
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listener = Listener::open(&server.state, socket).await.expect("a listener");
        let address = listener.address().clone();
        let authority = address.authority.expect("an authority of its own");
        let client = trusting(&authority);
        let backend = server.state.backend.clone();
        let delivering = tokio::spawn(async move {
            loop {
                let _ = litellm::deliver_due(&backend).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(adjust(listener).serve(async {
            let _ = stopped.await;
        }));
        Self {
            server,
            proxy,
            url: address.server,
            authority,
            client,
            token,
            organization,
            stop: Some(stop),
            serving: Some(serving),
            delivering,
        }
    }

    /// Stops the listener and waits for it.
    pub async fn stop(&mut self) {
        if let (Some(stop), Some(serving)) = (self.stop.take(), self.serving.take()) {
            let _ = stop.send(());
            tokio::time::timeout(Duration::from_secs(15), serving)
                .await
                .expect("it stops")
                .expect("it stops well");
        }
    }

    /// A request by the admin.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header(header::USER_AGENT, "test/1.0 (linux)")
    }

    pub async fn get(&self, path: &str) -> Said {
        Said::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Said {
        Said::of(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Said {
        Said::of(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, media_type: &str, body: &Value) -> Said {
        let request = self
            .request(Method::PATCH, path)
            .header(header::CONTENT_TYPE, media_type);
        Said::of(request.body(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Said {
        Said::of(self.request(Method::DELETE, path)).await
    }

    /// A collection in the namespace.
    pub fn collection(plural: &str) -> String {
        format!("{GROUP}/namespaces/{NAMESPACE}/{plural}")
    }

    /// One team as an address.
    pub fn team_path(name: &str) -> String {
        format!("{}/{name}", Self::collection("teams"))
    }

    /// A team as a manifest.
    pub fn team(name: &str) -> Value {
        json!({
            "apiVersion": "auth.litellm.ai/v1alpha1",
            "kind": "Team",
            "metadata": {"name": name},
            "spec": {
                "connectionRef": {"instanceRef": {"name": "litellm-example", "namespace": "litellm"}},
                "teamAlias": name,
                "models": ["gpt-4o"],
            },
        })
    }

    /// An object when LiteLLM has it as it is wanted: it does not change by itself any more.
    pub async fn settled(&self, path: &str) -> Value {
        for _ in 0..100 {
            let object = self.get(path).await.is(200);
            let conditions = object["status"]["conditions"].as_array().expect("conditions");
            let done = conditions.iter().any(|one| {
                one["type"] == "Ready"
                    && one["status"] == "True"
                    && one["observedGeneration"] == object["metadata"]["generation"]
            });
            if done {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{path} does not settle");
    }

    /// Makes a team.
    pub async fn make_team(&self, name: &str) -> Value {
        self.post(&Self::collection("teams"), &Self::team(name)).await.is(201)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.delivering.abort();
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Calls to LiteLLM are tried once, and quickly.
fn quick(config: &mut Config) {
    for instance in &mut config.litellm {
        instance.client.attempts = 1;
        instance.client.timeout = Duration::from_secs(2);
    }
}

/// A client that trusts one authority.
pub fn trusting(authority: &str) -> Client {
    let certificate = Certificate::from_pem(authority.as_bytes()).expect("PEM");
    Client::builder()
        .tls_certs_only([certificate])
        .timeout(Duration::from_mins(3))
        .build()
        .expect("a client")
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Said {
    pub async fn of(request: RequestBuilder) -> Self {
        Self::read(request.send().await.expect("an answer")).await
    }

    pub async fn read(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a body"),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn warnings(&self) -> Vec<&str> {
        let all = self.headers.get_all(header::WARNING).iter();
        all.map(|value| value.to_str().expect("text")).collect()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The body, when the status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// Checks a refusal: a whole `Status`. Returns its message.
    #[track_caller]
    pub fn refused(self, status: u16, reason: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        let body = self.json();
        for (field, wanted) in [
            ("kind", json!("Status")),
            ("apiVersion", json!("v1")),
            ("status", json!("Failure")),
            ("reason", json!(reason)),
            ("code", json!(status)),
        ] {
            assert_eq!(body[field], wanted, "{body}");
        }
        assert_eq!(self.header("content-type"), "application/json");
        body["message"].as_str().expect("a message").to_owned()
    }
}
