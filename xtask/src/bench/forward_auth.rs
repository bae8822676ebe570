//! Decisions of forward auth: how many a second, how late the slowest, how much memory, how soon a revocation is felt.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;

use super::{
    folder, http,
    processes::{CONNECTIONS, Database, Running, guildhall, helper, load, start},
    rounds::{Spread, alternate, alternate_for},
    seed::Data,
    table::{Aim, Table},
};
use crate::postgres::Throwaway;

/// Keys that are asked about in turn.
const KEYS: u32 = 100_000;
/// Keys in one file of requests while memory is filled.
const PORTION: u32 = 5_000;
/// How long a round over all keys takes, in milliseconds: long enough for most of them.
const TURN: u32 = 5_000;
/// How often a key is revoked and given back.
const REVOCATIONS: usize = 10;

/// All of it, over the database of `data`.
pub fn measure(database: &Throwaway, data: &Data, table: &mut Table) -> anyhow::Result<()> {
    database.execute(data.name(), &script())?;
    let ours = guildhall("guildhall-authz", &Database::Url(&data.url), None)?;
    let bare = start("bare", Command::new(helper()).arg("bare"))?;

    let one = requests("authz-one", 1..=1)?;
    let pair = alternate(6, (&ours, &one), (&bare, &one))?;
    table.pair(
        "forward auth, one warm key, against a bare 200",
        &pair,
        Aim::AtLeast(0.8),
    );
    let beside = format!("bare {:.2} ms", pair.ceiling_p99.median);
    table.number("  p99 of a decision", pair.ours_p99.median, " ms", &beside, Aim::None);

    let before = ours.memory("VmRSS")?;
    fill(&ours)?;
    let bytes = (ours.memory("VmRSS")? - before) * 1e6 / f64::from(KEYS);
    table.number(
        "memory per cached key",
        bytes,
        " B",
        "with its owner, team and assertion",
        Aim::None,
    );
    let all = requests("authz-all", 1..=KEYS)?;
    let pair = alternate_for(TURN, 3, (&ours, &all), (&bare, &all))?;
    table.pair("forward auth, 100,000 keys in turn", &pair, Aim::AtLeast(0.6));
    let beside = format!("bare {:.2} ms", pair.ceiling_p99.median);
    table.number("  p99 of a decision", pair.ours_p99.median, " ms", &beside, Aim::None);

    let other = guildhall("guildhall-authz-2", &Database::Url(&data.url), None)?;
    let felt = revocations(database, data, &[ours.address, other.address])?;
    table.number(
        "from revoking a key to its refusal by two processes",
        felt.median,
        " ms",
        &format!("at most {:.1} ms of {REVOCATIONS}", felt.max),
        Aim::AtMost(1000.0),
    );
    Ok(())
}

/// Asks about every key until memory knows all of them.
fn fill(ours: &Running) -> anyhow::Result<()> {
    for first in (1..=KEYS).step_by(PORTION as usize) {
        let file = requests("authz-portion", first..first + PORTION)?;
        let milliseconds = 1_500;
        for _ in 0..60 {
            let round = load(ours, &file, CONNECTIONS, milliseconds)?;
            anyhow::ensure!(
                round.errors == 0,
                "some of the keys {first}… were refused: see target/bench/guildhall-authz.log"
            );
            if round.rate * f64::from(milliseconds) / 1000.0 >= f64::from(PORTION) {
                break;
            }
        }
    }
    Ok(())
}

/// Milliseconds from the commit of a revocation until all processes refuse the key.
fn revocations(database: &Throwaway, data: &Data, processes: &[SocketAddr]) -> anyhow::Result<Spread> {
    let authorization = format!("Authorization: Bearer {}", secret(1));
    let allowed = |process: SocketAddr| http::get(process, "/authz/llm-service", &[&authorization]).is_ok();
    let mut times = Vec::new();
    for _ in 0..REVOCATIONS {
        // Warm in both, and known to be.
        for process in processes.iter().cycle().take(processes.len() * 20) {
            let begun = SystemTime::now();
            while !allowed(*process) {
                anyhow::ensure!(begun.elapsed()? < Duration::from_secs(10), "the key is not given back");
            }
        }
        let refused: Vec<std::thread::JoinHandle<SystemTime>> = processes
            .iter()
            .map(|process| {
                let (process, authorization) = (*process, authorization.clone());
                std::thread::spawn(move || {
                    while http::get(process, "/authz/llm-service", &[&authorization]).is_ok() {}
                    SystemTime::now()
                })
            })
            .collect();
        let set = |to: &str| {
            format!(
                "UPDATE api_keys SET revoked_at = {to} WHERE name = 'bench 1' RETURNING extract(epoch FROM clock_timestamp());"
            )
        };
        let printed = database.execute(data.name(), &set("now()"))?;
        let seconds: f64 =
            (printed.lines().find_map(|line| line.trim().parse().ok())).context("no time was printed")?;
        let revoked = UNIX_EPOCH + Duration::from_secs_f64(seconds);
        let mut last = Duration::ZERO;
        for thread in refused {
            let at = thread.join().map_err(|_| anyhow::anyhow!("a question failed"))?;
            last = last.max(at.duration_since(revoked).unwrap_or_default());
        }
        times.push(last.as_secs_f64() * 1000.0);
        database.execute(data.name(), &set("NULL"))?;
    }
    Ok(Spread::of(times))
}

fn secret(key: u32) -> String {
    format!("sk-bench{key}")
}

/// A file with a question for each key.
fn requests(what: &str, keys: impl IntoIterator<Item = u32>) -> anyhow::Result<PathBuf> {
    let mut lines = String::new();
    for key in keys {
        writeln!(
            lines,
            r#"{{"method": "GET", "path": "/authz/llm-service", "headers": {{"authorization": "Bearer {}"}}}}"#,
            secret(key)
        )?;
    }
    write(&folder().join(format!("{what}.requests")), &lines)
}

fn write(path: &Path, text: &str) -> anyhow::Result<PathBuf> {
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path.to_owned())
}

/// Five services in each organization, of which each team may use two, and the keys: spread over all active teams,
/// each of a member.
fn script() -> String {
    format!(
        "INSERT INTO services (id, organization_id, name)
            SELECT gen_random_uuid(), o.id, wanted.name FROM organizations o,
                unnest(ARRAY['analytics', 'auto-rater', 'cli-eval', 'llm-service', 'search']) AS wanted (name);
        INSERT INTO team_services (team_id, service_id, reason)
            SELECT t.id, s.id, 'bench' FROM teams t JOIN services s ON s.organization_id = t.organization_id
            WHERE s.name IN ('llm-service', 'search') AND NOT t.is_system;
        WITH active AS (
            SELECT t.id, row_number() OVER (ORDER BY t.id) - 1 AS place, count(*) OVER () AS total,
                (SELECT m.user_id FROM team_members m WHERE m.team_id = t.id ORDER BY m.user_id LIMIT 1) AS owner
            FROM teams t WHERE t.status = 'active' AND NOT t.is_system
        )
        INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash)
            SELECT gen_random_uuid(), a.id, a.owner, 'bench ' || n, 'sk-bench', sha256(convert_to('sk-bench' || n, 'UTF8'))
            FROM generate_series(1, {KEYS}) n JOIN active a ON a.place = n % a.total;
        ANALYZE api_keys, services, team_services;\n"
    )
}
