//! Where a cluster's files live.
//!
//! ```text
//! <data dir>/cluster.lock      held while a process starts or stops the cluster
//! <data dir>/cluster.users     held, shared, by every process that uses it
//! <data dir>/postgres/         PostgreSQL's own data folder (or a link to it: see `home`)
//! <data dir>/postgres.log
//! <data dir>/run/              the socket (or a short folder elsewhere: see `socket_dir`)
//! ```

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash as _, Hasher as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    account::{Account, is_root},
    error::{Error, file},
    postmaster,
};

/// Longest folder a socket may lie in. `sockaddr_un` holds 104 bytes on the strictest system, and
/// `/.s.PGSQL.5432.lock` takes 19 of them.
const LONGEST_SOCKET_DIR: usize = 84;

/// Where clusters go whose data directory the PostgreSQL account cannot reach.
const ELSEWHERE: &str = "/var/lib/guildhall";

/// The places of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The caller's folder, absolute and without links.
    pub dir: PathBuf,
    /// PostgreSQL's data folder.
    pub data: PathBuf,
    /// The folder of the socket: private to the account.
    pub socket_dir: PathBuf,
    /// What the postmaster prints.
    pub log: PathBuf,
}

impl Layout {
    /// Creates `data_dir` when it is missing.
    pub(crate) fn root(data_dir: &Path) -> Result<PathBuf, Error> {
        fs::create_dir_all(data_dir).map_err(file("create", data_dir))?;
        fs::canonicalize(data_dir).map_err(file("resolve", data_dir))
    }

    /// Settles where everything lies. Call it under the lock: it may move what an earlier cluster left behind.
    pub(crate) async fn settle(dir: PathBuf, account: Account) -> Result<Self, Error> {
        let home = home(&dir, account).await?;
        let data = home.join("postgres");
        let socket_dir = socket_dir(&home, account)?;
        Ok(Self {
            log: dir.join("postgres.log"),
            dir,
            data,
            socket_dir,
        })
    }
}

/// The folder that holds `postgres/`: `dir` itself, or a place of its own under /var/lib when the account of the
/// postmaster cannot enter `dir` (a clone under /root, say). A link in `dir` then points there.
async fn home(dir: &Path, account: Account) -> Result<PathBuf, Error> {
    let pointer = dir.join("postgres");
    if let Ok(target) = fs::read_link(&pointer) {
        if let Some(home) = target.parent().filter(|_| target.is_dir()) {
            return Ok(home.to_owned());
        }
        fs::remove_file(&pointer).map_err(file("remove", &pointer))?;
    }
    if account.can_enter(dir).await {
        return Ok(dir.to_owned());
    }
    let home = Path::new(ELSEWHERE).join(fingerprint(dir));
    let data = home.join("postgres");
    if data.exists() {
        // Someone deleted the data directory, and meant the database too: do not bring it back from the dead, but do
        // not delete it for them either. Its server may still run.
        postmaster::stop(&data).await?;
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |age| age.as_secs());
        let aside = home.join(format!("postgres.{seconds}"));
        fs::rename(&data, &aside).map_err(file("move", &data))?;
        tracing::warn!(from = %dir.display(), to = %aside.display(), "kept the database of a data directory that was removed");
    }
    fs::create_dir_all(&home).map_err(file("create", &home))?;
    symlink(&data, &pointer).map_err(file("create", &pointer))?;
    Ok(home)
}

/// The folder of the socket. Its mode is what keeps other accounts out: connections over the socket are trusted.
fn socket_dir(home: &Path, account: Account) -> Result<PathBuf, Error> {
    let beside = home.join("run");
    let dir = if beside.as_os_str().len() <= LONGEST_SOCKET_DIR {
        beside
    } else {
        // /run survives cleaners of temporary files; only root may write there.
        let base = if is_root() && Path::new("/run").is_dir() {
            "/run"
        } else {
            "/tmp"
        };
        Path::new(base).join(format!("guildhall-{}", fingerprint(home)))
    };
    private_dir(&dir, account)?;
    Ok(dir)
}

/// Makes `dir`, owned by the account and closed to all others. Refuses one that someone else prepared in /tmp.
pub(crate) fn private_dir(dir: &Path, account: Account) -> Result<(), Error> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => return account.give(dir),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(file("create", dir)(error)),
    }
    let found = fs::symlink_metadata(dir).map_err(file("inspect", dir))?;
    let ours = found.uid() == account.user() || found.uid() == rustix::process::geteuid().as_raw();
    if !found.is_dir() || !ours {
        return Err(Error::UntrustedSocketDir { path: dir.to_owned() });
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(file("change the mode of", dir))?;
    account.give(dir)
}

/// A short name for a path. It only has to be the same on the next start with the same program; a collision is caught
/// by PostgreSQL's own lock on the data folder.
fn fingerprint(path: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
