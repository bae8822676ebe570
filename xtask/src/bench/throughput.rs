//! Answers a second, and memory while giving them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;

use super::{
    folder, http,
    processes::{Database, POOL, Running, guildhall, helper, pause, start},
    rounds::alternate,
    seed::Data,
    table::{Aim, Table},
};
use crate::{paths, postgres::Throwaway};

const LIST: &str = "/api/v1/admin/teams?limit=50";

/// The list as JSON and as a page, and provisioning, each beside its ceiling.
pub fn measure(database: &Throwaway, data: &Data, table: &mut Table) -> anyhow::Result<()> {
    let github = start("github", Command::new(helper()).arg("github"))?;
    let ours = guildhall("guildhall", &Database::Url(&data.url), Some(github.address))?;
    pause(Duration::from_secs(2));
    table.number(
        "memory, idle after start (VmRSS)",
        ours.memory("VmRSS")?,
        " MB",
        "",
        Aim::AtMost(60.0),
    );

    let (list, jit) = recordings(database, data, &ours)?;
    let all = data.jit("jit", Data::provisioners())?;
    let ceiling = start(
        "ceiling",
        Command::new(helper())
            .args(["ceiling", "--database", &data.url, "--connections", &POOL.to_string()])
            .args(["--github", &format!("http://{}", github.address)])
            .arg("--list")
            .arg(list)
            .arg("--jit")
            .arg(jit)
            .arg("--requests")
            .arg(&all),
    )?;

    let json = data.get("list", LIST, "")?;
    let page = data.get("page", "/admin/teams", "")?;
    let compressed = data.get("page-br", "/admin/teams", r#", "accept-encoding": "br""#)?;
    let pair = alternate(6, (&ours, &json), (&ceiling, &json))?;
    table.pair("GET /api/v1/admin/teams?limit=50", &pair, Aim::AtLeast(0.8));
    let pair = alternate(6, (&ours, &page), (&ceiling, &json))?;
    table.pair("page /admin/teams, against the same handler", &pair, Aim::AtLeast(0.6));
    let pair = alternate(2, (&ours, &compressed), (&ceiling, &json))?;
    table.pair("  the page compressed (br), as browsers ask for it", &pair, Aim::None);
    let pair = alternate(6, (&ours, &all), (&ceiling, &all))?;
    table.pair(
        "POST /api/v1/runners/jit, 200 people and teams",
        &pair,
        Aim::AtLeast(0.5),
    );
    let hot = data.jit("jit-hot", 1)?;
    let pair = alternate(4, (&ours, &hot), (&ceiling, &hot))?;
    table.pair("  one hot team", &pair, Aim::None);
    table.number(
        "memory, most under this load (VmHWM)",
        ours.memory("VmHWM")?,
        " MB",
        "",
        Aim::AtMost(150.0),
    );
    Ok(())
}

/// PostgreSQL's log of one call of each: what the ceilings do again.
fn recordings(database: &Throwaway, data: &Data, ours: &Running) -> anyhow::Result<(PathBuf, PathBuf)> {
    let list = || http::get(ours.address, LIST, &[&Data::authorization()]);
    let (body, authorization) = data.one_jit();
    let jit = || {
        let headers = ["Content-Type: application/json", authorization.as_str()];
        http::request(ours.address, "POST", "/api/v1/runners/jit", &headers, &body)
    };
    // Warm: who calls is known then, as for nearly every request.
    list()?;
    jit()?;
    let log = paths::in_root("target/bench-pg/postgres.log");
    Ok((
        record(database, &log, "list", || list().map(drop))?,
        record(database, &log, "jit", || jit().map(drop))?,
    ))
}

fn record(
    database: &Throwaway,
    log: &Path,
    name: &str,
    call: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let begin = fs::read(log)
        .with_context(|| format!("could not read {}", log.display()))?
        .len();
    let switch = |how: &str| {
        database.execute("postgres", &format!("ALTER SYSTEM {how}; SELECT pg_reload_conf();"))?;
        // Sessions hear of it one after another.
        pause(Duration::from_millis(500));
        anyhow::Ok(())
    };
    switch("SET log_statement = 'all'")?;
    let outcome = call();
    switch("RESET log_statement")?;
    outcome?;
    let file = folder().join(format!("{name}.log"));
    fs::write(&file, &fs::read(log)?[begin..])?;
    Ok(file)
}
