//! Running other programs.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::paths;

/// A program, started in the repository.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(paths::root()).stdin(Stdio::null());
    command
}

/// The Cargo that runs us.
pub fn cargo() -> Command {
    let mut command = program(variable("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    // A DATABASE_URL in the environment is where Guildhall's data is; building must not ask it what its tables are.
    command.env("SQLX_OFFLINE", "true");
    command
}

/// Runs it with its output shown; a failure is an error that names the command.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs it with its output kept: returned when it succeeds, part of the error when it does not.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("could not start {}", shown(command)))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} failed: {}\n{stdout}{}",
            shown(command),
            output.status,
            stderr.trim_end()
        );
    }
    Ok(stdout)
}

/// The first of `names` that is a file in PATH.
pub fn which(names: &[&str]) -> Option<PathBuf> {
    let path = variable("PATH")?;
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|file| file.is_file()))
}

/// An environment variable that is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "xtask takes its environment as it is; it has no configuration"
)]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
