//! The sync of 5,000 runners beside reading the same 50 pages and doing nothing with them.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use super::{
    processes::{Database, guildhall_syncing, helper, migrated, pause, start},
    rounds::Spread,
    table::{Aim, Table},
};
use crate::{postgres::Throwaway, process::output};

const NAME: &str = "bench_sync";
const RUNNERS: u32 = 5_000;
const ROUNDS: usize = 5;
/// Long enough for the ceiling to be measured between two passes.
const INTERVAL: u32 = 4;

/// Passes in which nothing changes, which is what almost all are; each beside the ceiling.
pub fn measure(database: &Throwaway, table: &mut Table) -> anyhow::Result<()> {
    let url = migrated(database, NAME)?;
    database.execute(NAME, &script())?;
    let github = start(
        "github-sync",
        Command::new(helper()).args(["github", "--runners", &RUNNERS.to_string()]),
    )?;
    let server = guildhall_syncing("guildhall-sync", &Database::Url(&url), Some(github.address), INTERVAL)?;
    let mut rounds = Vec::new();
    let mut passes = 0;
    // The first pass finds all runners online, and writes that down.
    for turn in 0..=ROUNDS {
        let ours = next_pass(database, &mut passes)?;
        let ceiling = ceiling(&github.address.to_string())?;
        if turn > 0 {
            rounds.push((ours, ceiling));
        }
    }
    let ours = Spread::of(rounds.iter().map(|(ours, _)| *ours));
    let ceiling = Spread::of(rounds.iter().map(|(_, ceiling)| *ceiling));
    table.ratio(
        "sync of 5,000 runners, nothing changed",
        format!("{:.0} ms", ours.median),
        format!("{:.0} ms to read the 50 pages", ceiling.median),
        Spread::of(rounds.iter().map(|(ours, ceiling)| ceiling / ours)),
        Aim::AtLeast(0.25),
    );
    let most = server.memory("VmHWM")?;
    table.number("most memory while syncing them", most, " MB", "", Aim::None);
    Ok(())
}

/// How long the pass after the last one that was looked at took, in milliseconds.
fn next_pass(database: &Throwaway, passes: &mut i64) -> anyhow::Result<f64> {
    let begun = Instant::now();
    loop {
        let printed = database.execute(
            NAME,
            "SELECT concat_ws(' ', (SELECT count(*) FROM sync_runs WHERE ended_at IS NOT NULL), total, errors + deleted,
                extract(epoch FROM ended_at - started_at) * 1000)
            FROM sync_runs WHERE ended_at IS NOT NULL ORDER BY started_at DESC LIMIT 1;",
        )?;
        let numbers: Vec<f64> = printed.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        if let [count, total, wrong, milliseconds] = numbers[..] {
            #[expect(clippy::cast_possible_truncation, reason = "a count, printed as one")]
            let count = count as i64;
            if count > *passes {
                *passes = count;
                ensure!(
                    wrong < 0.5 && total > f64::from(RUNNERS) - 0.5,
                    "the pass went wrong: {printed}"
                );
                return Ok(milliseconds);
            }
        }
        if begun.elapsed() > Duration::from_mins(1) {
            bail!("no pass within a minute; see target/bench/guildhall-sync.log");
        }
        pause(Duration::from_millis(50));
    }
}

fn ceiling(github: &str) -> anyhow::Result<f64> {
    let printed = output(Command::new(helper()).args(["pages", "--github", &format!("http://{github}")]))?;
    let (runners, milliseconds) = printed.trim().split_once(' ').context("two numbers")?;
    ensure!(runners == RUNNERS.to_string(), "the ceiling read {runners} runners");
    Ok(milliseconds.parse()?)
}

/// The runners that the simulated GitHub has, ours.
fn script() -> String {
    format!(
        "INSERT INTO users (id, email) VALUES ('20000000-0000-4000-8000-000000000001', 'person@example.com');
        INSERT INTO teams (id, organization_id, name, slug, required_labels) SELECT
            ('30000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '00000000-0000-4000-8000-000000000001',
            'Team ' || n, 'team-' || n, ARRAY['docker'] FROM generate_series(1, 100) n;
        INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by, github_runner_id) SELECT
            gen_random_uuid(), ('30000000-0000-4000-8000-' || lpad(to_hex(1 + n % 100), 12, '0'))::uuid, 'runner-' || n,
            'pending', ARRAY['self-hosted', 'linux', 'x64', 'docker'], 1, '20000000-0000-4000-8000-000000000001', n
            FROM generate_series(1, {RUNNERS}) n;"
    )
}
