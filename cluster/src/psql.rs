//! Asking a running cluster something, with PostgreSQL's own client: a few statements at start do not pay for a
//! driver.

use std::{path::Path, process::Stdio};

use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{ROLE, binaries::Binaries, error::Error};

/// Runs `sql` as one script and returns its rows, columns separated by `|`.
pub(crate) async fn run(binaries: &Binaries, socket_dir: &Path, database: &str, sql: &str) -> Result<String, Error> {
    let spawn_error = |source| Error::Spawn {
        program: binaries.psql.clone(),
        source,
    };
    let mut command = Command::new(&binaries.psql);
    // The environment may hold another server's password, options or service file: none of it is for this one.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
        .args([
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--set=ON_ERROR_STOP=1",
            "--file=-",
        ])
        .arg(format!("--username={ROLE}"))
        .arg(format!("--dbname={database}"))
        .arg("--host")
        .arg(socket_dir)
        .env("PGCLIENTENCODING", "UTF8")
        .env("PGOPTIONS", "--client-min-messages=warning")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(spawn_error)?;
    let stdin = child.stdin.take();
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // psql closes its end early when a statement fails; its message says more than this error would.
            let _ = stdin.write_all(sql.as_bytes()).await;
        }
    };
    // Both at once: a long script and a long answer would otherwise wait for each other.
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    let output = output.map_err(spawn_error)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Failed {
        program: "psql",
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// `name` as an SQL identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as an SQL string.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
