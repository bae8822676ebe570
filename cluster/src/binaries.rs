//! Finding a PostgreSQL server on this machine.

use std::{
    ffi::OsString,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use crate::{account::Account, error::Error};

/// The oldest major version that Guildhall's migrations are tested on.
const OLDEST: u32 = 15;

/// The programs of one PostgreSQL installation.
#[derive(Debug, Clone)]
pub struct Binaries {
    pub(crate) initdb: PathBuf,
    pub(crate) postgres: PathBuf,
    pub(crate) psql: PathBuf,
    /// The major version, for example 15.
    pub major: u32,
}

impl Binaries {
    /// The newest usable installation in the first place that has one: `$GUILDHALL_POSTGRES_BIN`, `PATH`,
    /// `pg_config --bindir`, then where distributions put it. [`Error::NoBinaries`] when there is none.
    pub async fn find() -> Result<Self, Error> {
        let account = Account::choose().await?;
        let mut considered = String::new();
        match search(account, None, &mut considered).await {
            Some(found) => Ok(found),
            None => Err(Error::NoBinaries { considered }),
        }
    }

    /// The installation that can serve `data`: of the version that wrote it, or any when it is not there yet.
    pub(crate) async fn find_for(data: &Path, account: Account) -> Result<Self, Error> {
        let wanted = tokio::fs::read_to_string(data.join("PG_VERSION")).await.ok();
        let wanted = wanted.and_then(|text| text.trim().parse().ok());
        let mut considered = String::new();
        match (search(account, wanted, &mut considered).await, wanted) {
            (Some(found), _) => Ok(found),
            (None, Some(wanted)) => Err(Error::WrongVersion {
                data: data.to_owned(),
                wanted,
                considered,
            }),
            (None, None) => Err(Error::NoBinaries { considered }),
        }
    }
}

async fn search(account: Account, wanted: Option<u32>, considered: &mut String) -> Option<Binaries> {
    for dir in places().await {
        match inspect(&dir, account, wanted).await {
            Ok(found) => return Some(found),
            Err(None) => {}
            Err(Some(why)) => {
                let separator = if considered.is_empty() { ":" } else { "," };
                // Writing into a String cannot fail.
                let _ = write!(considered, "{separator} {} ({why})", dir.display());
            }
        }
    }
    None
}

/// `Err(None)`: nothing there worth a word. `Err(Some(why))`: a PostgreSQL that cannot be used.
async fn inspect(dir: &Path, account: Account, wanted: Option<u32>) -> Result<Binaries, Option<String>> {
    // A folder in PATH often holds links to some of the programs only; all of them live where the link points.
    let postgres = tokio::fs::canonicalize(dir.join("postgres")).await.map_err(|_| None)?;
    let dir = postgres.parent().ok_or(None)?;
    let initdb = dir.join("initdb");
    if !initdb.is_file() {
        return Err(Some("has no initdb".to_owned()));
    }
    // Run it, as the account that will run it: a file that is there may be for another machine or out of reach.
    let mut version = account.command(&postgres);
    let output = version
        .arg("--version")
        .output()
        .await
        .map_err(|error| Some(format!("does not run: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let major = major(&text).ok_or_else(|| Some(format!("does not tell its version: {}", text.trim())))?;
    if major < OLDEST {
        return Err(Some(format!("PostgreSQL {major}, at least {OLDEST} is needed")));
    }
    if wanted.is_some_and(|wanted| wanted != major) {
        return Err(Some(format!("PostgreSQL {major}")));
    }
    let beside = dir.join("psql");
    let psql = if beside.is_file() {
        beside
    } else {
        PathBuf::from("psql")
    };
    Ok(Binaries {
        initdb,
        postgres,
        psql,
        major,
    })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15; so are `15beta1` and `15devel`.
fn major(version: &str) -> Option<u32> {
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Folders that may hold a server, the best first.
async fn places() -> Vec<PathBuf> {
    let (named, path) = environment();
    if let Some(dir) = named {
        // Asked for by name: anything else would be a surprise.
        return vec![PathBuf::from(dir)];
    }
    let mut places: Vec<PathBuf> = path.iter().flat_map(std::env::split_paths).collect();
    let mut pg_config = Command::new("pg_config");
    pg_config.arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null());
    if let Ok(output) = pg_config.output().await {
        places.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    for (root, prefix) in [
        ("/usr/lib/postgresql", ""),    // Debian, Ubuntu
        ("/usr", "pgsql-"),             // PostgreSQL's own packages for Red Hat
        ("/usr/libexec", "postgresql"), // Alpine
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
    ] {
        places.extend(versions(Path::new(root), prefix));
    }
    places.dedup();
    places
}

#[expect(
    clippy::disallowed_methods,
    reason = "where PostgreSQL is installed is a fact of the machine, not configuration"
)]
fn environment() -> (Option<OsString>, Option<OsString>) {
    let named = std::env::var_os("GUILDHALL_POSTGRES_BIN").filter(|value| !value.is_empty());
    (named, std::env::var_os("PATH"))
}

/// `root/<prefix><number>[/bin]`, the highest number first.
fn versions(root: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            let bin = entry.path().join("bin");
            Some((number, if bin.is_dir() { bin } else { entry.path() }))
        })
        .collect();
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_every_form() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 19beta2"), Some(19));
        assert_eq!(major("something else"), None);
    }
}
