//! What `cargo xtask bench` runs beside Guildhall: a load generator, the ceilings and the simulated services,
//! each as a process of its own.
//!
//! An example of this crate, because it stands in for something too, and because here it shares no code with what it
//! is held against.

mod bare;
mod ceiling;
mod jit;
mod kubernetes;
mod load;
mod pages;
mod recording;
mod sign_in;
mod tell;

use std::{io::Write as _, net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};
use simulators::{
    github::{GitHubOptions, GitHubSimulator},
    litellm::{LiteLlmSimulator, Version},
};

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Sends requests as fast as they are answered; prints what became of them
    Load {
        #[arg(long)]
        address: SocketAddr,
        /// Requests, one JSON object a line; each connection takes the next one, and begins anew at the end
        #[arg(long)]
        requests: PathBuf,
        #[arg(long)]
        connections: usize,
        #[arg(long)]
        milliseconds: u64,
    },
    /// What a bare handler reaches that does the same SQL
    Ceiling {
        #[arg(long)]
        database: String,
        #[arg(long)]
        connections: u32,
        /// PostgreSQL's log of one `GET /api/v1/admin/teams`
        #[arg(long)]
        list: PathBuf,
        /// PostgreSQL's log of one `POST /api/v1/runners/jit`
        #[arg(long)]
        jit: PathBuf,
        /// The simulated GitHub's URL
        #[arg(long)]
        github: String,
        /// The requests of `load`, for the people behind their tokens
        #[arg(long)]
        requests: PathBuf,
    },
    /// A handler that answers 200 to everything
    Bare,
    /// Reads all pages of runners, one after the other, and prints how many milliseconds that took
    Pages {
        #[arg(long)]
        github: String,
    },
    /// Makes teams at LiteLLM, as deliveries do, and prints how many milliseconds that took
    Tell {
        #[arg(long)]
        litellm: String,
        #[arg(long)]
        teams: u32,
    },
    /// An OpenID provider and a Graph of people in many groups
    Directory {
        #[arg(long)]
        people: u32,
        #[arg(long)]
        groups: u32,
    },
    /// Signs those people in, and prints how long that took
    SignIn {
        #[arg(long)]
        server: SocketAddr,
        #[arg(long)]
        graph: String,
        /// The application's object id there
        #[arg(long)]
        application: String,
        #[arg(long)]
        people: u32,
    },
    /// Lists memberships over the Kubernetes API, as Table
    KubernetesList {
        #[arg(long)]
        server: String,
        #[arg(long)]
        token: String,
        #[arg(long)]
        rounds: u32,
    },
    /// Applies memberships over it
    KubernetesApply {
        #[arg(long)]
        server: String,
        #[arg(long)]
        token: String,
        #[arg(long)]
        milliseconds: u64,
    },
    /// Holds watches of it, and changes something when told to
    KubernetesWatch {
        #[arg(long)]
        server: String,
        /// What the tokens begin with; the number of their person follows
        #[arg(long)]
        token: String,
        #[arg(long)]
        watches: u32,
        /// The resourceVersion from which they are told of changes
        #[arg(long)]
        version: String,
    },
    /// The simulated LiteLLM
    LiteLlm,
    /// The simulated GitHub
    Github {
        /// Runners that it has, `runner-1` and so on, numbered from 1, all online
        #[arg(long, default_value_t = 0)]
        runners: u32,
    },
}

fn main() -> anyhow::Result<()> {
    // As `integrations::http_client` does it, for all roles that ask somebody. It can only fail the second time.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Arguments::parse().role {
        // One thread: it must leave the processors to what it measures.
        Role::Load {
            address,
            requests,
            connections,
            milliseconds,
        } => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(load::run(address, &requests, connections, milliseconds)),
        role => tokio::runtime::Runtime::new()?.block_on(serve(role)),
    }
}

async fn serve(role: Role) -> anyhow::Result<()> {
    match role {
        Role::Ceiling {
            database,
            connections,
            list,
            jit,
            github,
            requests,
        } => ceiling::serve(&database, connections, &list, &jit, github, &requests).await,
        Role::Bare => bare::serve().await,
        Role::Pages { github } => pages::read(&github).await,
        Role::Tell { litellm, teams } => tell::tell(&litellm, teams).await,
        Role::Directory { people, groups } => sign_in::directory(people, groups).await,
        Role::SignIn {
            server,
            graph,
            application,
            people,
        } => sign_in::sign_in(server, &graph, &application, people).await,
        Role::KubernetesList { server, token, rounds } => kubernetes::list(&server, &token, rounds).await,
        Role::KubernetesApply {
            server,
            token,
            milliseconds,
        } => kubernetes::apply(&server, &token, milliseconds).await,
        Role::KubernetesWatch {
            server,
            token,
            watches,
            version,
        } => kubernetes::watch(&server, &token, watches, &version).await,
        Role::LiteLlm => {
            let simulator = LiteLlmSimulator::start(Version::V1_108_7).await?;
            announce(simulator.url().trim_start_matches("http://"))?;
            std::future::pending().await
        }
        Role::Load { .. } => anyhow::bail!("load has a runtime of its own"),
        Role::Github { runners } => {
            let simulator =
                GitHubSimulator::start(SocketAddr::from(([127, 0, 0, 1], 0)), GitHubOptions::default()).await?;
            for number in 1..=runners {
                let id = simulator.add_runner(&format!("runner-{number}"), &["self-hosted", "linux", "x64", "docker"]);
                simulator.connect_runner(id);
            }
            announce(simulator.url().trim_start_matches("http://"))?;
            std::future::pending().await
        }
    }
}

/// The line that says that requests are answered now, as `guildhall serve` writes it.
fn announce(address: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "listening on http://{address}")?)
}
