//! A private PostgreSQL cluster: Guildhall's database when nobody gives it one, and the tests' database.
//!
//! It listens on a Unix socket in a folder that only its account (and root) can enter, never on the network. A clean
//! stop, a kill -9 of Guildhall and a kill -9 of PostgreSQL all leave it usable: the next [`Cluster::start`] takes over
//! the server that still runs, or starts a new one, which recovers.

mod account;
mod binaries;
mod error;
mod layout;
mod postmaster;
mod psql;

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

pub use binaries::Binaries;
pub use error::Error;

use account::Account;
use error::file;
use layout::Layout;

/// The one role; it owns everything in the cluster.
const ROLE: &str = "guildhall";
/// Another process may be initialising or recovering the same cluster.
const LOCKED_AT_MOST: Duration = Duration::from_secs(150);

/// Who may connect. `trust` is safe here because the door is the folder of the socket, which only the account of the
/// postmaster and root can enter. `peer` would not do: Guildhall as root is not the account that PostgreSQL runs as.
const WHO_MAY_CONNECT: &str = "# Written by Guildhall: the socket's folder (mode 0700) decides who gets this far.\n\
                               local all all trust\nlocal replication all trust\n";

/// What a crash of the machine may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// Nothing that was committed.
    Kept,
    /// Everything: for tests, which can start again.
    Throwaway,
}

impl Durability {
    /// Settings given on the command line, so that an update of Guildhall changes them for clusters that exist.
    fn settings(self) -> impl Iterator<Item = &'static str> {
        let common = [
            "listen_addresses=",
            "unix_socket_permissions=0700",
            "shared_buffers=128MB",
            "log_timezone=UTC",
            "timezone=UTC",
        ];
        let own: &[&str] = match self {
            Self::Kept => &["max_connections=200"],
            // Each test has a database and a pool of its own. The log is never needed, so it is kept minimal.
            Self::Throwaway => &[
                "max_connections=500",
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "wal_level=minimal",
                "max_wal_senders=0",
                "checkpoint_timeout=1h",
                "max_wal_size=4GB",
            ],
        };
        common.into_iter().chain(own.iter().copied())
    }
}

/// A running private PostgreSQL. Dropping it leaves PostgreSQL running for the next one to find; [`Cluster::stop`]
/// ends it.
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    binaries: Binaries,
    /// A shared lock: as long as any process holds one, nobody stops the server under it. A kill -9 lets go of it.
    users: File,
}

impl Cluster {
    /// Finds PostgreSQL, initialises `data_dir` when that was not done yet, and starts the server or takes over the
    /// one that runs there already. Returns when it answers. Any number of processes may do so at the same time.
    pub async fn start(data_dir: &Path) -> Result<Self, Error> {
        Self::open(data_dir, Durability::Kept).await
    }

    /// As [`Cluster::start`], but trades durability for speed: a crash of the machine may corrupt it. For tests.
    pub async fn start_throwaway(data_dir: &Path) -> Result<Self, Error> {
        Self::open(data_dir, Durability::Throwaway).await
    }

    /// The URL of the database `name`, which is created when it is missing.
    pub async fn database_url(&self, name: &str) -> Result<String, Error> {
        let exists = format!("SELECT 1 FROM pg_database WHERE datname = {};", psql::literal(name));
        if self.execute("postgres", &exists).await?.trim().is_empty() {
            let create = format!("CREATE DATABASE {};", psql::identifier(name));
            let created = self.execute("postgres", &create).await;
            // Another process may have been quicker; only a database that is still missing is an error.
            if created.is_err() && self.execute("postgres", &exists).await?.trim().is_empty() {
                created?;
            }
        }
        let host = encoded(&self.layout.socket_dir.to_string_lossy());
        Ok(format!("postgres://{ROLE}@localhost/{}?host={host}", encoded(name)))
    }

    /// Runs a script in a database with `psql` and returns what it printed: rows without decoration, columns
    /// separated by `|`. The first statement that fails ends it.
    pub async fn execute(&self, database: &str, script: &str) -> Result<String, Error> {
        psql::run(&self.binaries, &self.layout.socket_dir, database, script).await
    }

    /// Stops the server cleanly: sessions are ended and everything is on disk when this returns. A server that another
    /// process uses is left running.
    pub async fn stop(self) -> Result<(), Error> {
        let _starting_or_stopping = lock(&self.layout.dir).await?;
        let path = self.layout.dir.join("cluster.users");
        self.users.unlock().map_err(file("unlock", &path))?;
        match self.users.try_lock() {
            Ok(()) => {
                postmaster::stop(&self.layout.data).await?;
                // Empty by now, and perhaps not in the data directory: only litter. The next start makes it again.
                let _ = fs::remove_dir(&self.layout.socket_dir);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(source)) => Err(file("lock", path)(source)),
        }
    }

    async fn open(data_dir: &Path, durability: Durability) -> Result<Self, Error> {
        let dir = Layout::root(data_dir)?;
        let account = Account::choose().await?;
        let _starting_or_stopping = lock(&dir).await?;
        let users = open_lock(&dir, "cluster.users")?;
        users.lock_shared().map_err(file("lock", dir.join("cluster.users")))?;
        let layout = Layout::settle(dir, account).await?;
        let binaries = Binaries::find_for(&layout.data, account).await?;
        if !layout.data.join("PG_VERSION").exists() {
            initialise(&layout, &binaries, account, durability).await?;
        }
        postmaster::ensure(&layout, &binaries, account, durability).await?;
        Ok(Self {
            layout,
            binaries,
            users,
        })
    }
}

/// Makes the data folder under another name and moves it into place whole: a crash half-way leaves nothing behind that
/// looks like a database.
async fn initialise(
    layout: &Layout,
    binaries: &Binaries,
    account: Account,
    durability: Durability,
) -> Result<(), Error> {
    let draft = layout.data.with_extension("new");
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(file("remove", &draft))?;
    }
    layout::private_dir(&draft, account)?;
    let mut initdb = account.command(&binaries.initdb);
    initdb.arg("--pgdata").arg(&draft).arg(format!("--username={ROLE}"));
    initdb.args(["--auth=trust", "--encoding=UTF8", "--no-instructions"]);
    // The same order and the same idea of letters on every machine, whatever its locale.
    if cfg!(target_os = "macos") {
        initdb.args(["--lc-collate=C", "--lc-ctype=UTF-8"]);
    } else {
        initdb.arg("--locale=C.UTF-8");
    }
    if durability == Durability::Throwaway {
        initdb.arg("--no-sync");
    }
    let output = initdb.output().await.map_err(|source| Error::Spawn {
        program: binaries.initdb.clone(),
        source,
    })?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Failed {
            program: "initdb",
            output,
        });
    }
    let hba = draft.join("pg_hba.conf");
    fs::write(&hba, WHO_MAY_CONNECT).map_err(file("write", hba))?;
    fs::rename(&draft, &layout.data).map_err(file("move", draft))
}

/// Waits for the lock under which the cluster is started and stopped. It goes with the returned handle.
async fn lock(dir: &Path) -> Result<File, Error> {
    let lock = open_lock(dir, "cluster.lock")?;
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCKED_AT_MOST => sleep(Duration::from_millis(50)).await,
            Err(TryLockError::WouldBlock) => {
                let what = format!("another process to start or stop the database in {}", dir.display());
                return Err(Error::Timeout {
                    what,
                    seconds: LOCKED_AT_MOST.as_secs(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(file("lock", dir.join("cluster.lock"))(source)),
        }
    }
}

fn open_lock(dir: &Path, name: &str) -> Result<File, Error> {
    let path = dir.join(name);
    File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(file("open", path))
}

/// Percent-encodes everything that could end a part of a URL.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_./~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_path_stays_one_part_of_the_url() {
        assert_eq!(encoded("/tmp/a b&c/ä"), "/tmp/a%20b%26c/%C3%A4");
    }
}
