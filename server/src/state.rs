//! What every handler can reach.

use std::sync::Arc;

use app::ssr::Site;
use axum::extract::FromRef;
use backend::{
    Backend,
    litellm::{Instance, Instances},
    measure,
};
use integrations::{github::GitHub, graph::Graph, litellm::LiteLlm, oidc::Provider};
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;

use crate::{
    assets::Assets,
    config::{Config, LiteLlmInstance},
    telemetry,
};

/// Everything that outlives a request. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// What people can do.
    pub backend: Backend,
    /// What the operator decided.
    pub config: Arc<Config>,
    /// The OpenID provider, when one is configured.
    pub provider: Option<Provider>,
    /// What Leptos needs to know to write a page's head.
    pub leptos: LeptosOptions,
    /// What the console knows of the installation.
    pub site: Arc<Site>,
    /// Style sheet, scripts, wasm and pictures.
    pub assets: Arc<Assets>,
    /// What `/metrics` prints.
    pub metrics: PrometheusHandle,
}

/// Why a server cannot be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The provider's settings.
    #[error(transparent)]
    Oidc(#[from] integrations::oidc::Error),
    /// GitHub's settings.
    #[error(transparent)]
    GitHub(#[from] integrations::github::Error),
    /// Microsoft Graph's settings.
    #[error(transparent)]
    Graph(#[from] integrations::graph::Error),
    /// LiteLLM's settings.
    #[error(transparent)]
    LiteLlm(#[from] integrations::litellm::Error),
}

/// The configured LiteLLM proxies.
pub(crate) fn instances(config: &Config) -> Result<Instances, Error> {
    let one = |one: &LiteLlmInstance| {
        let mut client = one.client.clone();
        client.observe = Some(measure::litellm_calls(&client.name));
        Ok(Instance {
            namespace: one.namespace.clone(),
            is_default: one.is_default,
            url: client.api_url.clone(),
            client: LiteLlm::new(client)?,
        })
    };
    config
        .litellm
        .iter()
        .map(one)
        .collect::<Result<_, _>>()
        .map(Instances::new)
}

impl AppState {
    /// A server's state over a database. Touches neither the database nor the network.
    ///
    /// # Errors
    /// When the settings of the OpenID provider, GitHub, Microsoft Graph or LiteLLM will not do.
    pub fn new(pool: PgPool, config: Config) -> Result<Self, Error> {
        let public_url = config.public_url();
        let github = config.github.clone().map(GitHub::new).transpose()?;
        let graph = config.entra.graph.clone().map(Graph::new).transpose()?;
        let provider = config
            .oidc
            .as_ref()
            .map(|oidc| Provider::new(oidc.client(&public_url)))
            .transpose()?;
        let litellm = instances(&config)?;
        let assets = Assets::load();
        let leptos = LeptosOptions::builder()
            .output_name("guildhall")
            .site_pkg_dir(assets.dir().to_owned())
            .build();
        let site = Site {
            sign_in: provider.is_some(),
            demo: config.demo,
            public_url,
        };
        Ok(Self {
            backend: Backend::new(pool, github, config.settings())
                .with_litellm(litellm)
                .with_graph(graph),
            provider,
            leptos,
            site: Arc::new(site),
            assets: Arc::new(assets),
            metrics: telemetry::metrics(),
            config: Arc::new(config),
        })
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}
