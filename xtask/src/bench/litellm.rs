//! Deliveries to LiteLLM: 10,000 queued changes beside the same calls without books, and the first sync of 10,000 people.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::bail;

use super::{
    processes::{helper, start},
    rounds::Spread,
    table::{Aim, Table},
};
use crate::{
    paths,
    postgres::Throwaway,
    process::{output, run},
};

const NAME: &str = "bench_litellm";
const CHANGES: u32 = 10_000;

/// One round each: a queue is drained once.
pub fn measure(database: &Throwaway, table: &mut Table) -> anyhow::Result<()> {
    let url = database.database_url(NAME)?;
    run(Command::new(paths::server("release"))
        .arg("migrate")
        .env("DATABASE_URL", &url)
        .stdout(Stdio::null()))?;
    let litellm = start("litellm", Command::new(helper()).arg("lite-llm"))?;
    let address = format!("http://{}", litellm.address);
    let server = start(
        "guildhall-litellm",
        Command::new(paths::server("release"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DATABASE_URL", &url)
            .env("LITELLM_API_URL", &address)
            .env("LITELLM_MASTER_KEY", "sk-1234"),
    )?;
    drained(database)?;

    database.execute(
        NAME,
        &format!(
            "INSERT INTO teams (id, organization_id, name, slug) SELECT gen_random_uuid(),
                '00000000-0000-4000-8000-000000000001', 'Team ' || n, 'team-' || n FROM generate_series(1, {CHANGES}) n;"
        ),
    )?;
    let ours = drained(database)?;
    let printed =
        output(Command::new(helper()).args(["tell", "--litellm", &address, "--teams", &CHANGES.to_string()]))?;
    let ceiling = printed.trim().parse::<f64>()? / 1000.0;
    let rate = |seconds: f64| f64::from(CHANGES) / seconds;
    table.ratio(
        "drain of 10,000 queued teams",
        format!("{:.0}/s", rate(ours)),
        format!("{:.0}/s, the same calls", rate(ceiling)),
        Spread::of(std::iter::once(ceiling / ours)),
        Aim::AtLeast(0.3),
    );

    database.execute(
        NAME,
        &format!(
            "WITH people AS (INSERT INTO users (id, email) SELECT gen_random_uuid(), 'p' || n || '@example.com'
                FROM generate_series(1, {CHANGES}) n RETURNING id)
            INSERT INTO team_members (team_id, user_id, role)
            SELECT (SELECT id FROM teams WHERE slug = 'team-1'), id, 'member' FROM people ON CONFLICT DO NOTHING;"
        ),
    )?;
    let seconds = drained(database)?;
    table.number(
        "first sync of 10,000 people and their memberships",
        seconds,
        " s",
        "",
        Aim::None,
    );
    table.number("most memory meanwhile", server.memory("VmHWM")?, " MB", "", Aim::None);
    Ok(())
}

/// Waits until nothing waits, and says how many seconds that took.
fn drained(database: &Throwaway) -> anyhow::Result<f64> {
    let begun = Instant::now();
    loop {
        let open = database.execute(
            NAME,
            "SELECT count(*), count(*) FILTER (WHERE state IN ('failed', 'parked')) FROM litellm_objects WHERE state <> 'synced';",
        )?;
        match open.trim() {
            "0|0" | "0 0" | "0\t0" => return Ok(begun.elapsed().as_secs_f64()),
            _ if begun.elapsed() > Duration::from_mins(5) => {
                bail!("LiteLLM's queue is not empty after five minutes: {open}")
            }
            _ => pause(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no executor here whose thread it could block"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}
