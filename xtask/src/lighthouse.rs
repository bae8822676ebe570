//! `cargo xtask lighthouse`: what Lighthouse says of the main pages, in end2end/lighthouse.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};

use crate::{build, paths, postgres, process::run, setup, test};

/// The cluster that it shares with the tests: a database of its own is made and dropped.
const CLUSTER: &str = "test-pg";

/// Builds release, or takes another binary, and measures; fails when a score is below the aim.
pub fn lighthouse(builds: bool, binary: Option<PathBuf>) -> anyhow::Result<()> {
    setup::postgres()?;
    if !setup::browser_tests()? {
        bail!("there is no end2end/package-lock.json yet");
    }
    setup::lighthouse()?;
    let chromium = setup::chromium()?;
    if builds && binary.is_none() {
        build::release()?;
    }
    let binary = binary.unwrap_or_else(|| paths::server("release"));
    let binary = fs::canonicalize(&binary).with_context(|| format!("there is no {}", binary.display()))?;
    let server = postgres::start(CLUSTER)?;
    let mut npm = test::npm(&chromium, &server.admin_url);
    npm.env("GUILDHALL_BIN", binary)
        .env("GUILDHALL_LIGHTHOUSE_OUTPUT", paths::in_root("target/lighthouse"))
        .args(["run", "lighthouse", "--silent"]);
    run(&mut npm)
}
