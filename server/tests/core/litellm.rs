//! A server with a LiteLLM proxy, for the tests of what it tells of it.

use std::time::Duration;

use backend::litellm;
use domain::UserId;
use reqwest::{Method, Response};
use serde_json::Value;
use simulators::litellm::{Faults, LiteLlmSimulator, Version};

use crate::common::Server;

pub const MASTER_KEY: &str = "LITELLM_MASTER_KEY";

/// The name of the instance, which is the default one.
pub const INSTANCE: &str = "litellm-example";

pub struct House {
    pub server: Server,
    pub proxy: LiteLlmSimulator,
}

impl House {
    /// Nobody is there yet, and LiteLLM knows the Default Team. Calls are tried once, and quickly.
    pub async fn new() -> Self {
        let proxy = LiteLlmSimulator::start(Version::V1_108_7).await.expect("a free port");
        let url = proxy.url();
        let settings = [("LITELLM_API_URL", url.as_str()), (MASTER_KEY, proxy.master_key())];
        let server = Server::adjusted(&settings, |config| {
            for instance in &mut config.litellm {
                instance.client.attempts = 1;
                instance.client.timeout = Duration::from_secs(2);
            }
        })
        .await;
        litellm::register(&server.state.backend).await.expect("registered");
        let house = Self { server, proxy };
        house.deliver().await;
        house
    }

    /// What the worker does once.
    pub async fn deliver(&self) {
        litellm::deliver_due(&self.server.state.backend)
            .await
            .expect("a database");
    }

    /// Somebody with a token.
    pub async fn person(&self, email: &str) -> (UserId, String) {
        let id = self.server.person(email, false).await;
        (id, self.server.token(email, None).await)
    }

    pub async fn sql(&self, sql: &str) {
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&self.server.database.pool)
            .await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Answers the next calls of a route with a status, and does nothing.
    pub fn fail(&self, route: &str, times: u64, status: u16) {
        self.proxy.set_faults(Faults {
            only: Some(route.to_owned()),
            fail_next: times,
            fail_status: status,
            ..Faults::default()
        });
    }

    /// A request to the API with a body.
    pub async fn call(&self, token: &str, method: Method, path: &str, body: Value) -> Response {
        let url = format!("{}/api/v1{path}", self.server.url);
        let request = self.server.client.request(method, url).bearer_auth(token).json(&body);
        request.send().await.expect("an answer")
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Response {
        self.call(token, Method::POST, path, body).await
    }
}
