//! `cargo xtask run`: the demo.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::Command};

use anyhow::Context as _;

use crate::{build, paths, setup};

/// Builds, then becomes `guildhall serve --demo`: signals reach it directly, and its exit status is ours.
pub fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    // With a database of its own it needs no PostgreSQL here.
    if crate::process::variable("DATABASE_URL").is_none() {
        setup::postgres()?;
    }
    build::debug()?;
    let server = paths::server("debug");
    let mut command = Command::new(&server);
    command
        .args(["serve", "--demo"])
        .args(arguments)
        .current_dir(paths::root());
    let error = command.exec();
    Err(error).with_context(|| format!("could not start {}", server.display()))
}
