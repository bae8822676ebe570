//! `serve --demo`: simulators instead of GitHub, LiteLLM, an OpenID provider and Microsoft Entra ID, and made-up people and teams.
//!
//! Everything else is the real thing: the same sign-in, the same rules, the same database.

mod data;
mod directory;
mod history;
mod keys;
mod refusals;
mod requests;
mod services;
mod spending;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::Context as _;
use integrations::github;
use simulators::{
    github::{GitHubOptions, GitHubSimulator, Life},
    graph::GraphSimulator,
    litellm::{LiteLlmOptions, LiteLlmSimulator},
    oidc::{OidcOptions, OidcSimulator},
};

use crate::config::{Config, LiteLlmInstance, Oidc};
pub(crate) use data::seed;

/// Whether `serve --demo` works in this build.
pub(crate) const BUILT_IN: bool = true;

/// The running simulators. They stop when this is dropped.
pub(crate) struct Simulators {
    _github: GitHubSimulator,
    _oidc: OidcSimulator,
    _graph: GraphSimulator,
    _litellm: LiteLlmSimulator,
}

/// Starts the simulators and points the configuration at them. The ports after ours, if they are free: then people
/// stay who they are when the demo starts again.
pub(crate) async fn start(config: &mut Config) -> anyhow::Result<Simulators> {
    let people = directory::people();
    let callback = format!("{}/auth/callback/oidc", config.public_url());
    let oidc = on_port(config.listen.port().checked_add(1), async |address| {
        let options = OidcOptions {
            people: people.clone(),
            redirect_urls: vec![callback.clone()],
            ..OidcOptions::default()
        };
        OidcSimulator::start(address, options).await
    })
    .await
    .context("could not start the simulated OpenID provider")?;
    // Numbers go on where they stopped when the demo starts again over the same database.
    let options = GitHubOptions {
        first_id: crate::clock::now().timestamp(),
        life: config.demo_life.then(Life::default),
        ..GitHubOptions::default()
    };
    // Often, so that people see it.
    config.runner_sync_seconds.get_or_insert(5);
    let github = on_port(config.listen.port().checked_add(2), async |address| {
        GitHubSimulator::start(address, options.clone()).await
    })
    .await
    .context("could not start the simulated GitHub")?;

    let options = LiteLlmOptions {
        models: [
            "claude-opus",
            "claude-sonnet",
            "gpt-4o",
            "gpt-4o-mini",
            "text-embedding-3-small",
        ]
        .map(str::to_owned)
        .to_vec(),
        call_spend: 0.23,
        ..LiteLlmOptions::default()
    };
    let litellm = LiteLlmSimulator::start_with(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options)
        .await
        .context("could not start the simulated LiteLLM")?;
    config.litellm = vec![LiteLlmInstance {
        namespace: "litellm".to_owned(),
        is_default: true,
        client: integrations::litellm::Config::new("litellm-example", litellm.url(), litellm.master_key().into()),
    }];

    config.oidc = Some(Oidc {
        issuer: oidc.issuer(),
        client_id: oidc.client_id().to_owned(),
        client_secret: oidc.client_secret().map(Into::into),
        audience: None,
        scopes: None,
        groups_claim: None,
    });
    let graph = GraphSimulator::start_with(directory::options(&oidc))
        .await
        .context("could not start the simulated Microsoft Graph")?;
    directory::configure(&mut config.entra, graph.url(), graph.options());

    // A secret of this run: nobody else's webhook is taken.
    let secret = hex::encode(rand::random::<[u8; 32]>());
    github.send_webhooks(
        format!("http://{}/api/v1/webhooks/github", reachable(config.listen)),
        &secret,
    );
    config.webhook_secret = Some(secret.into());
    let mut settings = github::Config::new(github.org(), github::Credentials::Token("demo-token".into()));
    settings.api_url = github.url();
    config.github = Some(settings);
    tracing::info!(
        oidc = oidc.issuer(),
        github = github.url(),
        graph = graph.url(),
        litellm = config.litellm.first().map(|one| one.client.api_url.clone()),
        "this is a demo: sign-in, Entra ID, GitHub and LiteLLM are simulated"
    );
    Ok(Simulators {
        _github: github,
        _oidc: oidc,
        _graph: graph,
        _litellm: litellm,
    })
}

/// Where this machine reaches what listens there: not everywhere can "any address" be called.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    listen
}

/// On this loopback port, else on any free one.
async fn on_port<T>(port: Option<u16>, start: impl AsyncFn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match start(at(port.unwrap_or(0))).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => start(at(0)).await,
        outcome => outcome,
    }
}
