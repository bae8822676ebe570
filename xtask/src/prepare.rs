//! `.sqlx`: what sqlx's macros know about every query, so that building needs no database.
//!
//! The macros write it themselves when they run against a database with `SQLX_OFFLINE_DIR` set; this only gives them
//! the database and tidies up. (`sqlx-cli`, which does the same, takes minutes to build.)

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context as _, bail};

use crate::{
    paths, postgres,
    process::{cargo, run},
    report::section,
    setup,
};

/// The cluster that queries are checked against.
const CLUSTER: &str = "xtask-pg";
/// Its neighbour, which `cargo xtask database` leaves running: nothing else here stops it.
const LEFT_RUNNING: &str = "dev-pg";

/// Writes `.sqlx` anew, or with `check` only compares.
pub fn prepare(check: bool) -> anyhow::Result<()> {
    setup::postgres()?;
    section("check", "saved queries", || {
        let mut command = cargo();
        // Tests have queries too. The whole workspace: other features would build everything again.
        command.args(["check", "--locked", "--workspace", "--all-targets"]);
        if check {
            return compare_while(&mut command);
        }
        save(&saved()?, &describe(&mut command)?)
    })
}

/// Runs a command that compiles the whole workspace against a database, and compares what it knew of the queries with
/// `.sqlx`.
pub fn compare_while(command: &mut Command) -> anyhow::Result<()> {
    compare(&saved()?, &describe(command)?)
}

fn saved() -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    read(&paths::in_root(".sqlx"))
}

/// Prints the URL of a database with all migrations, and leaves it running.
pub fn database() -> anyhow::Result<()> {
    setup::postgres()?;
    let server = postgres::start(LEFT_RUNNING)?;
    let url = server.migrated("guildhall_dev")?;
    println!("{url}");
    server.leave_running();
    Ok(())
}

/// The files that the macros write for today's queries and migrations, by name, while the command compiles them.
fn describe(command: &mut Command) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let crates = crates_with_queries()?;
    let server = postgres::start(CLUSTER)?;
    let url = server.migrated("guildhall_prepare")?;
    let out = paths::in_root("target/sqlx-prepare");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("could not remove {}", out.display()))?;
    }
    fs::create_dir_all(&out).with_context(|| format!("could not create {}", out.display()))?;
    for name in &crates {
        touch(name)?;
    }
    command
        .env("DATABASE_URL", &url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &out);
    run(command)?;
    // What was just built remembers the database; the next build should read what is saved.
    for name in &crates {
        touch(name)?;
    }
    read(&out)
}

/// Cargo does not know that the macros look at a database: a newer file makes it run them again.
fn touch(name: &str) -> anyhow::Result<()> {
    for file in sources(&paths::in_root(name)) {
        let main = matches!(
            file.file_name().and_then(|name| name.to_str()),
            Some("lib.rs" | "main.rs")
        );
        let test = file.parent().is_some_and(|dir| dir.ends_with("tests"));
        if main || test {
            let opened = fs::File::options().write(true).open(&file);
            let touched = opened.and_then(|opened| opened.set_modified(SystemTime::now()));
            touched.with_context(|| format!("could not touch {}", file.display()))?;
        }
    }
    Ok(())
}

/// The workspace's crates in which a checked query is written.
fn crates_with_queries() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(paths::root())?.flatten() {
        let dir = entry.path();
        if !dir.join("Cargo.toml").exists() || dir.ends_with("xtask") {
            continue;
        }
        let has_query = sources(&dir).iter().any(|file| {
            fs::read_to_string(file).is_ok_and(|text| {
                ["query!(", "query_as!(", "query_scalar!(", "query_file!("]
                    .iter()
                    .any(|mac| text.contains(mac))
            })
        });
        if has_query {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Every Rust file of a crate.
pub fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn read(dir: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if !dir.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(dir).with_context(|| format!("could not read {}", dir.display()))? {
        let path = entry?.path();
        let bytes = fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
        files.insert(PathBuf::from(path.file_name().unwrap_or_default()), bytes);
    }
    Ok(files)
}

fn compare(saved: &BTreeMap<PathBuf, Vec<u8>>, fresh: &BTreeMap<PathBuf, Vec<u8>>) -> anyhow::Result<()> {
    if saved == fresh {
        return Ok(());
    }
    let missing = fresh.keys().filter(|name| !saved.contains_key(*name)).count();
    let unused = saved.keys().filter(|name| !fresh.contains_key(*name)).count();
    let changed = fresh
        .iter()
        .filter(|(name, bytes)| saved.get(*name).is_some_and(|old| old != *bytes))
        .count();
    bail!(".sqlx is out of date ({missing} missing, {changed} changed, {unused} unused): run `cargo xtask prepare`");
}

fn save(saved: &BTreeMap<PathBuf, Vec<u8>>, fresh: &BTreeMap<PathBuf, Vec<u8>>) -> anyhow::Result<()> {
    let dir = paths::in_root(".sqlx");
    fs::create_dir_all(&dir).with_context(|| format!("could not create {}", dir.display()))?;
    for (name, bytes) in fresh.iter().filter(|(name, bytes)| saved.get(*name) != Some(*bytes)) {
        let path = dir.join(name);
        fs::write(&path, bytes).with_context(|| format!("could not write {}", path.display()))?;
    }
    for name in saved.keys().filter(|name| !fresh.contains_key(*name)) {
        let path = dir.join(name);
        fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
    }
    eprintln!("{} queries in .sqlx", fresh.len());
    Ok(())
}
