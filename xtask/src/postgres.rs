//! The databases that building and testing need, in private clusters under target/.

use std::{fs, future::Future, path::PathBuf};

use anyhow::Context as _;
use cluster::{Binaries, Cluster};
use tokio::runtime::Runtime;

use crate::paths;

/// A throwaway cluster. It is stopped when this goes out of scope, also after an error.
#[derive(Debug)]
pub struct Throwaway {
    runtime: Runtime,
    /// Only `None` while being dropped or after [`Throwaway::leave_running`].
    cluster: Option<Cluster>,
    /// The URL of its `postgres` database, as a role that may create others.
    pub admin_url: String,
}

/// The PostgreSQL of this machine.
pub fn find() -> anyhow::Result<Binaries> {
    Ok(runtime()?.block_on(Binaries::find())?)
}

/// Starts the cluster in target/`name`, or takes over the one that runs there.
pub fn start(name: &str) -> anyhow::Result<Throwaway> {
    let runtime = runtime()?;
    let cluster = runtime.block_on(Cluster::start_throwaway(&paths::root().join("target").join(name)))?;
    let admin_url = runtime.block_on(cluster.database_url("postgres"))?;
    Ok(Throwaway {
        runtime,
        cluster: Some(cluster),
        admin_url,
    })
}

impl Throwaway {
    /// Drops every database that an earlier run left, so that this one starts from nothing.
    pub fn clear(&self) -> anyhow::Result<()> {
        self.execute(
            "postgres",
            "SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', datname) FROM pg_database \
             WHERE datname NOT IN ('postgres', 'template0', 'template1') \\gexec\n",
        )?;
        Ok(())
    }

    /// The URL of a database, created when it is missing.
    pub fn database_url(&self, name: &str) -> anyhow::Result<String> {
        self.ask(async |cluster| cluster.database_url(name).await)
    }

    /// Runs a script; returns what it printed.
    pub fn execute(&self, database: &str, script: &str) -> anyhow::Result<String> {
        self.ask(async |cluster| cluster.execute(database, script).await)
    }

    /// Makes `name` an empty database and applies every migration to it. Returns its URL.
    pub fn migrated(&self, name: &str) -> anyhow::Result<String> {
        self.execute("postgres", &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE);"))?;
        let url = self.database_url(name)?;
        for file in migrations()? {
            let script = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
            self.execute(name, &script)
                .with_context(|| format!("{} does not apply", file.display()))?;
        }
        Ok(url)
    }

    /// Leaves the server running when this program ends.
    pub fn leave_running(mut self) {
        self.cluster = None;
    }

    fn ask<'a, T, F>(&'a self, question: impl FnOnce(&'a Cluster) -> F) -> anyhow::Result<T>
    where
        F: Future<Output = Result<T, cluster::Error>> + 'a,
    {
        let cluster = self.cluster.as_ref().context("the database was stopped already")?;
        Ok(self.runtime.block_on(question(cluster))?)
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster.take()
            && let Err(error) = self.runtime.block_on(cluster.stop())
        {
            eprintln!("the test database did not stop: {error}");
        }
    }
}

/// The scripts that go forward, in the order of their timestamps.
pub fn migrations() -> anyhow::Result<Vec<PathBuf>> {
    let dir = paths::in_root("migrations");
    let entries = fs::read_dir(&dir).with_context(|| format!("could not read {}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".sql") && !name.ends_with(".down.sql")
        })
        .collect();
    files.sort();
    Ok(files)
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start tokio")
}
