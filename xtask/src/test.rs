//! `cargo xtask test`: everything, and one last line that says how it went.

use std::{ffi::OsString, path::PathBuf, process::Command};

use anyhow::bail;
use clap::ValueEnum;

use crate::{
    build, check, paths, postgres,
    process::{cargo, output, program},
    report::section,
    setup,
    tally::{self, Tally},
};

/// The cluster of the tests.
const CLUSTER: &str = "test-pg";
/// How tests that need PostgreSQL find it: an administrator's URL, with which they make databases of their own.
const DATABASE: &str = "GUILDHALL_TEST_DATABASE_URL";

/// A part of the tests, for a quick look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// What Cargo runs: unit, database and HTTP tests, without lints
    Unit,
    /// What runs in a browser
    Browser,
}

/// Runs what was asked for, all of it even when something fails, and ends with `N passed, N failed`.
pub fn test(only: Option<Part>) -> anyhow::Result<()> {
    let outcome = perform(only);
    let tally = match outcome {
        Ok(tally) => tally,
        Err(error) => {
            eprintln!("error: {error:#}");
            Tally::FAILED
        }
    };
    println!("{tally}");
    if tally.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

/// Builds as for the browser tests and runs `npm run screenshots` in end2end.
pub fn screenshots(arguments: &[OsString]) -> anyhow::Result<()> {
    setup::postgres()?;
    if !setup::browser_tests()? {
        bail!("there is no end2end/package-lock.json yet");
    }
    let chromium = setup::chromium()?;
    build::debug()?;
    let server = postgres::start(CLUSTER)?;
    let mut npm = npm(&chromium, &server.admin_url);
    npm.args(["run", "screenshots", "--silent", "--"]).args(arguments);
    crate::process::run(&mut npm)
}

fn perform(only: Option<Part>) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    setup::postgres()?;
    if only.is_none() {
        let failed = check::all().into_iter().filter(|check| check::failed(*check)).count();
        tally.failed += failed as u64;
    }
    let server = postgres::start(CLUSTER)?;
    server.clear()?;
    if only != Some(Part::Browser) {
        setup::nginx()?;
        tally += section("test", "unit, database and HTTP tests", || native(&server.admin_url))?;
    }
    if only != Some(Part::Unit) {
        match section("test", "browser tests", || browser(&server.admin_url)) {
            Ok(browser) => tally += browser,
            Err(error) => {
                eprintln!("error: {error:#}");
                tally += Tally::FAILED;
            }
        }
    }
    Ok(tally)
}

fn native(database: &str) -> anyhow::Result<Tally> {
    // The server serves what is in target/site; its tests must not depend on a wasm build.
    std::fs::create_dir_all(paths::site())?;
    let mut doc = cargo();
    doc.args(["test", "--doc", "--locked", "--workspace"])
        .env(DATABASE, database);
    if output(cargo().args(["nextest", "--version"])).is_err() {
        eprintln!("cargo-nextest is not installed; `cargo test` does it more slowly");
        let mut all = cargo();
        all.args(["test", "--locked", "--workspace", "--no-fail-fast"])
            .env(DATABASE, database);
        return tally::run(&mut all);
    }
    let report = paths::in_root("target/nextest/default/junit.xml");
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    let mut nextest = cargo();
    nextest
        .args(["nextest", "run", "--locked", "--workspace", "--no-tests=warn"])
        .env(DATABASE, database);
    let succeeded = crate::process::run(&mut nextest)
        .inspect_err(|error| eprintln!("error: {error:#}"))
        .is_ok();
    // No report: it did not get as far as running tests.
    let counted = if report.exists() {
        tally::junit(&report)?
    } else {
        Tally::default()
    };
    let mut tally = tally::or_failed(counted, succeeded);
    // nextest does not run the examples in doc comments.
    tally += tally::run(&mut doc)?;
    Ok(tally)
}

fn browser(database: &str) -> anyhow::Result<Tally> {
    if !setup::browser_tests()? {
        eprintln!("there is no end2end/package-lock.json yet: no browser tests");
        return Ok(Tally::default());
    }
    let chromium = setup::chromium()?;
    build::debug()?;
    tally::run(npm(&chromium, database).args(["test", "--silent"]))
}

/// npm in end2end, told where everything is.
pub fn npm(chromium: &PathBuf, database: &str) -> Command {
    let mut npm = program("npm");
    npm.current_dir(paths::end2end());
    npm.env("GUILDHALL_BIN", paths::server("debug"))
        .env("CHROMIUM", chromium)
        .env(DATABASE, database);
    npm
}
