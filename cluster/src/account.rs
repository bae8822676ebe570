//! Who PostgreSQL runs as. It refuses to run as root, so a root process lends it an unprivileged account.

use std::{os::unix::fs::chown, path::Path, process::Stdio};

use tokio::process::Command;

use crate::error::{Error, file};

/// The account of the postmaster; `None` inside means "whoever we are".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account(Option<Ids>);

#[derive(Debug, Clone, Copy)]
struct Ids {
    user: u32,
    group: u32,
}

impl Account {
    /// The current user, or when that is root: `postgres`, else `nobody`.
    pub(crate) async fn choose() -> Result<Self, Error> {
        if !is_root() {
            return Ok(Self(None));
        }
        for name in ["postgres", "nobody"] {
            if let Some(ids) = look_up(name).await {
                return Ok(Self(Some(ids)));
            }
        }
        Err(Error::NoAccount)
    }

    /// The user id files of the cluster belong to.
    pub(crate) fn user(self) -> u32 {
        self.0
            .map_or_else(|| rustix::process::geteuid().as_raw(), |ids| ids.user)
    }

    /// A command that will run as this account, untouched by `PG*` variables meant for other clusters.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for name in [
            "PGDATA",
            "PGHOST",
            "PGHOSTADDR",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGOPTIONS",
            "PGSERVICE",
        ] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        if let Some(ids) = self.0 {
            // The account may not enter our working directory; `/` is open to all.
            command.uid(ids.user).gid(ids.group).current_dir("/");
        }
        command
    }

    /// Hands a file or folder to the account; nothing to do when we are the account.
    pub(crate) fn give(self, path: &Path) -> Result<(), Error> {
        match self.0 {
            Some(ids) => chown(path, Some(ids.user), Some(ids.group)).map_err(file("change the owner of", path)),
            None => Ok(()),
        }
    }

    /// Whether the account can enter `dir`. Asked of the system rather than read off the mode bits, so that access
    /// lists, mounts and every folder above count too.
    pub(crate) async fn can_enter(self, dir: &Path) -> bool {
        if self.0.is_none() {
            return true;
        }
        let mut command = self.command(Path::new("/bin/sh"));
        command.args(["-c", "cd -- \"$0\""]).arg(dir);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().await.is_ok_and(|status| status.success())
    }
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

async fn look_up(name: &str) -> Option<Ids> {
    // getent also knows accounts that live in a directory service; systems without it have a plain file.
    let line = match Command::new("getent").args(["passwd", name]).output().await {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => {
            let file = tokio::fs::read_to_string("/etc/passwd").await.ok()?;
            file.lines()
                .find(|line| line.split(':').next() == Some(name))?
                .to_owned()
        }
    };
    parse(line.lines().next()?)
}

fn parse(line: &str) -> Option<Ids> {
    let mut fields = line.split(':').skip(2);
    let ids = Ids {
        user: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
    };
    // An account named `nobody` that is root would only bring PostgreSQL's refusal back.
    (ids.user != 0).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_passwd_line_gives_user_and_group() {
        let ids = parse("postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash");
        assert_eq!(ids.map(|ids| (ids.user, ids.group)), Some((101, 104)));
    }

    #[test]
    fn root_and_nonsense_are_not_accounts() {
        assert!(parse("toor:x:0:0::/root:/bin/sh").is_none());
        assert!(parse("postgres").is_none());
    }
}
