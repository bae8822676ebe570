//! The processes that are measured, and those that measure.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::folder;
use crate::{
    paths,
    postgres::Throwaway,
    process::{output, run},
};

/// Connections to PostgreSQL that Guildhall and its ceiling may have: `database.max_connections`' default.
pub const POOL: u32 = 20;
/// Connections of the load generator.
pub const CONNECTIONS: usize = 32;

/// A process that prints `listening on http://…` and serves; killed when it goes.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start to that line.
    pub ready: Duration,
    /// What it printed before.
    pub said: Vec<String>,
}

/// Where Guildhall finds its database.
pub enum Database<'a> {
    /// `DATABASE_URL`.
    Url(&'a str),
    /// A private cluster in this folder.
    Private(&'a Path),
}

/// A database with all tables and nothing in them; its URL.
pub fn migrated(database: &Throwaway, name: &str) -> anyhow::Result<String> {
    let url = database.database_url(name)?;
    run(Command::new(paths::server("release"))
        .arg("migrate")
        .env("DATABASE_URL", &url)
        .stdout(Stdio::null()))?;
    Ok(url)
}

/// Starts Guildhall, without the sync with GitHub: nothing goes on beside what is measured.
pub fn guildhall(name: &str, database: &Database<'_>, github: Option<SocketAddr>) -> anyhow::Result<Running> {
    guildhall_syncing(name, database, github, 0)
}

/// Starts Guildhall with a pass of the sync every so many seconds.
pub fn guildhall_syncing(
    name: &str,
    database: &Database<'_>,
    github: Option<SocketAddr>,
    seconds: u32,
) -> anyhow::Result<Running> {
    let mut command = Command::new(paths::server("release"));
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("GUILDHALL_RUNNER_SYNC_SECONDS", seconds.to_string());
    match database {
        Database::Url(url) => command.env("DATABASE_URL", url),
        Database::Private(dir) => command.env_remove("DATABASE_URL").env("GUILDHALL_DATA_DIR", dir),
    };
    if let Some(github) = github {
        command
            .env("GUILDHALL_GITHUB_API_URL", format!("http://{github}"))
            .env("GUILDHALL_GITHUB_ORG", "acme")
            .env("GUILDHALL_GITHUB_TOKEN", "demo-token");
    }
    start(name, &mut command)
}

/// The load generator's, the ceilings' and the simulated GitHub's program.
pub fn helper() -> PathBuf {
    paths::in_root("target/release/examples/bench")
}

/// Starts a program and waits until it listens. What it logs goes to a file, as in production it goes somewhere too.
pub fn start(name: &str, command: &mut Command) -> anyhow::Result<Running> {
    let log = File::create(folder().join(format!("{name}.log")))?;
    command
        .current_dir(paths::root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("could not start {name}"))?;
    let stdout = child.stdout.take().context("standard output is piped")?;
    let mut lines = BufReader::new(stdout).lines();
    let mut said = Vec::new();
    let address = loop {
        let Some(line) = lines.next().transpose()? else {
            bail!(
                "{name} ended before it was ready: {}; see target/bench/{name}.log",
                child.wait()?
            );
        };
        if let Some(address) = line.strip_prefix("listening on http://") {
            break address.trim().parse()?;
        }
        said.push(line);
    };
    Ok(Running {
        child,
        address,
        ready: begun.elapsed(),
        said,
    })
}

impl Running {
    /// A line of /proc/…/status in MB: `VmRSS` is memory now, `VmHWM` the most there was.
    pub fn memory(&self, key: &str) -> anyhow::Result<f64> {
        let file = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&file).with_context(|| format!("could not read {file}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let kilobytes: f64 = line
            .and_then(|line| line.split_whitespace().next())
            .context("no such line")?
            .parse()?;
        Ok(kilobytes * 1024.0 / 1e6)
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> anyhow::Result<()> {
        output(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has no data to lose: its database goes too.
        if self.child.kill().and_then(|()| self.child.wait()).is_err() {
            eprintln!("could not stop the process on {}", self.address);
        }
    }
}

/// What a round of load gave.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Answers a second.
    pub rate: f64,
    /// Median time of an answer, in milliseconds.
    pub p50: f64,
    /// The slowest hundredth, in milliseconds.
    pub p99: f64,
    /// Answers that were no success, or none.
    pub errors: u64,
}

/// Sends the requests of a file for a while.
pub fn load(to: &Running, requests: &Path, connections: usize, milliseconds: u32) -> anyhow::Result<Load> {
    let printed = output(
        Command::new(helper())
            .args(["load", "--address", &to.address.to_string(), "--requests"])
            .arg(requests)
            .args([
                "--connections",
                &connections.to_string(),
                "--milliseconds",
                &milliseconds.to_string(),
            ])
            .stderr(Stdio::inherit()),
    )?;
    let numbers: Vec<f64> = printed.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [requests, errors, seconds, p50, p99, _bytes] = numbers[..] else {
        bail!("the load generator printed {printed:?}");
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, printed as one"
    )]
    let errors = errors as u64;
    Ok(Load {
        rate: requests / seconds,
        p50: p50 / 1000.0,
        p99: p99 / 1000.0,
        errors,
    })
}

/// Waits.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no executor here whose thread it could block"
)]
pub(super) fn pause(how_long: Duration) {
    std::thread::sleep(how_long);
}
