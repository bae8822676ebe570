//! Deliveries to LiteLLM: 10,000 queued changes beside the same calls without books, the first sync of 10,000 people, and
//! keys beside LiteLLM's own.

use std::{
    fmt::Write as _,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::{
    folder,
    processes::{Running, helper, migrated, pause, start},
    rounds::{Spread, alternate_for},
    table::{Aim, Table},
};
use crate::{paths, postgres::Throwaway, process::output};

const NAME: &str = "bench_litellm";
const CHANGES: u32 = 10_000;
/// The teams of those people. With each person LiteLLM answers all members of their teams: one team of all would measure
/// how fast it writes those lists.
const TEAMS: u32 = 200;
/// Who makes keys: each may have ten, and no round comes near that.
const KEY_OWNERS: u32 = 2_000;
/// Seconds are enough for a median, and few enough for the owners' keys; in milliseconds.
const KEY_ROUND: u32 = 2_000;
const KEY_ROUNDS: usize = 3;

/// One round each: a queue is drained once.
pub fn measure(database: &Throwaway, table: &mut Table) -> anyhow::Result<()> {
    let url = migrated(database, NAME)?;
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
        Aim::None,
    );

    database.execute(
        NAME,
        &format!(
            "WITH people AS (INSERT INTO users (id, email) SELECT gen_random_uuid(), 'p' || n || '@example.com'
                FROM generate_series(1, {CHANGES}) n RETURNING id)
            INSERT INTO team_members (team_id, user_id, role)
            SELECT t.id, p.id, 'member' FROM (SELECT id, row_number() OVER () AS n FROM people) p
                JOIN teams t ON t.slug = 'team-' || 1 + p.n % {TEAMS} ON CONFLICT DO NOTHING;"
        ),
    )?;
    let seconds = drained(database)?;
    table.number("first sync of 10,000 people in 200 teams", seconds, " s", "", Aim::None);
    table.number("most memory meanwhile", server.memory("VmHWM")?, " MB", "", Aim::None);
    keys(database, &server, &litellm, table)
}

/// Keys for people whom LiteLLM knows, made over REST, beside LiteLLM's own `/key/generate`.
fn keys(database: &Throwaway, server: &Running, litellm: &Running, table: &mut Table) -> anyhow::Result<()> {
    database.execute(
        NAME,
        &format!(
            "INSERT INTO personal_access_tokens (id, user_id, name, prefix, token_hash)
            SELECT gen_random_uuid(), u.id, 'bench', 'guildhall_pat_benc', sha256(convert_to('guildhall_pat_bench' || n, 'UTF8'))
            FROM generate_series(1, {KEY_OWNERS}) n JOIN users u ON u.email = 'p' || n || '@example.com';"
        ),
    )?;
    let ours = (1..=KEY_OWNERS).map(|owner| {
        (
            "/api/v1/api-keys",
            format!("guildhall_pat_bench{owner}"),
            r#"{\"name\": \"bench\", \"maxBudget\": 10}"#.to_owned(),
        )
    });
    let direct = (1..=KEY_OWNERS).map(|owner| {
        (
            "/key/generate",
            "sk-1234".to_owned(),
            format!(r#"{{\"user_id\": \"ceiling-{owner}\", \"max_budget\": 10}}"#),
        )
    });
    let (ours, direct) = (requests("keys", ours)?, requests("keys-direct", direct)?);
    let pair = alternate_for(KEY_ROUND, KEY_ROUNDS, (server, &ours), (litellm, &direct))?;
    table.pair("POST api-keys", &pair, Aim::AtLeast(0.1));
    Ok(())
}

/// A file of POST requests: path, bearer and body, which is written as it stands in JSON text.
fn requests(what: &str, list: impl Iterator<Item = (&'static str, String, String)>) -> anyhow::Result<PathBuf> {
    let mut text = String::new();
    for (path, bearer, body) in list {
        writeln!(
            text,
            "{{\"method\": \"POST\", \"path\": \"{path}\", \"headers\": {{\"authorization\": \"Bearer {bearer}\", \
             \"content-type\": \"application/json\"}}, \"body\": \"{body}\"}}",
        )?;
    }
    let path = folder().join(format!("{NAME}.{what}.requests"));
    std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
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
            _ => pause(Duration::from_millis(100)),
        }
    }
}
