//! What can go wrong, in words that say what to do about it.

use std::{io, path::PathBuf};

/// Why a private cluster could not be found, started, asked or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No usable PostgreSQL was found; `considered` lists what was looked at and why it was passed over.
    #[error(
        "no usable PostgreSQL server was found{considered}\n\
         Three ways out:\n  \
         1. set DATABASE_URL to a PostgreSQL server that already runs;\n  \
         2. install PostgreSQL (`apt-get install postgresql`, `dnf install postgresql-server postgresql-contrib`, \
            `apk add postgresql postgresql-contrib`, `brew install postgresql`) or put its bin folder in PATH;\n  \
         3. set GUILDHALL_POSTGRES_BIN to a folder that holds `initdb` and `postgres`."
    )]
    NoBinaries {
        /// Empty, or `: /some/folder (why not), …`.
        considered: String,
    },

    /// The data directory was written by a PostgreSQL that is not installed.
    #[error(
        "{} was written by PostgreSQL {wanted}, which was not found{considered}; install that version \
         (or point GUILDHALL_POSTGRES_BIN at it), or move the folder away to start with an empty database", data.display()
    )]
    WrongVersion {
        /// The PostgreSQL data directory.
        data: PathBuf,
        /// The major version it was written by.
        wanted: u32,
        /// As in [`Error::NoBinaries`].
        considered: String,
    },

    /// We are root and no unprivileged account exists to run PostgreSQL as.
    #[error(
        "PostgreSQL refuses to run as root, and neither a `postgres` nor a `nobody` account exists; \
         start Guildhall as another user or set DATABASE_URL"
    )]
    NoAccount,

    /// A file or folder could not be read, made or changed.
    #[error("could not {what} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb: `create`, `open`, …
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },

    /// The folder for the socket belongs to someone else: whoever owns it could impersonate the database.
    #[error("{} exists but is not a private folder of ours; remove it and start again", path.display())]
    UntrustedSocketDir {
        /// The folder.
        path: PathBuf,
    },

    /// A PostgreSQL program could not be run at all.
    #[error("could not run {}: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },

    /// A PostgreSQL program ran and reported a failure.
    #[error("{program} failed: {output}")]
    Failed {
        /// The program's name.
        program: &'static str,
        /// What it printed, or the end of its log.
        output: String,
    },

    /// Something took longer than it may.
    #[error("gave up after {seconds} s waiting for {what}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
    },
}

/// Shorthand for `map_err(Error::file("create", path))`.
pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::File { what, path, source }
}
