//! Whether the list of runners costs the same when a million of them are long gone.

use std::net::SocketAddr;

use anyhow::Context as _;

use super::{
    http,
    processes::{Database, Load, guildhall, load},
    rounds::Spread,
    seed::{Data, SMALL},
    table::{Aim, Table},
};
use crate::{postgres::Throwaway, report::step};

const ROUNDS: usize = 3;
const ROUND: u32 = 200;
const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
/// The history of team 1.
const OF_TEAM: &str = "&include_deleted=true&team_id=30000000-0000-4000-8000-000000000001";

/// Latency of the list, one request at a time, over 1,000 and over 1,000,000 rows. In both 200 runners live, and team 1
/// has the same 800 rows of history: what differs is what is in nobody's way but the database's.
pub fn measure(database: &Throwaway, table: &mut Table) -> anyhow::Result<()> {
    let few = write(database, "bench_runners_1k", FEW)?;
    let many = write(database, "bench_runners_1m", MANY)?;
    let sizes = [(&few, FEW), (&many, MANY)];
    let servers = [
        guildhall("guildhall-runners-1k", &Database::Url(&few.url), None)?,
        guildhall("guildhall-runners-1m", &Database::Url(&many.url), None)?,
    ];
    let member = Data::provisioner(1, SMALL);
    for (what, user, query, deep, aim) in [
        ("member's list", member, "", false, Aim::AtMost(1.5)),
        ("super_admin's list", 1, "", false, Aim::AtMost(1.5)),
        ("a team's history, page 11", member, OF_TEAM, true, Aim::AtMost(1.5)),
        // Its total is a true count of a million.
        (
            "super_admin's history, page 11",
            1,
            "&include_deleted=true",
            true,
            Aim::None,
        ),
    ] {
        let path = format!("/api/v1/runners?limit=50{query}");
        let mut requests = Vec::new();
        for ((data, _), server) in sizes.iter().zip(&servers) {
            let path = if deep {
                walk(server.address, &path, user, 10)?
            } else {
                path.clone()
            };
            requests.push(data.get_as(&what.replace([' ', '\'', ','], "-"), &path, user)?);
        }
        let mut rounds: Vec<Vec<Load>> = Vec::new();
        for turn in 0..=ROUNDS {
            let round = servers
                .iter()
                .zip(&requests)
                .map(|(server, requests)| load(server, requests, 1, ROUND));
            let round = round.collect::<Result<_, _>>()?;
            if turn > 0 {
                rounds.push(round);
            }
        }
        show(table, what, &rounds, aim);
    }
    Ok(())
}

fn show(table: &mut Table, what: &str, rounds: &[Vec<Load>], aim: Aim) {
    let shown = |size: usize| {
        let p50 = Spread::of(rounds.iter().map(|round| round[size].p50)).median;
        let errors: u64 = rounds.iter().map(|round| round[size].errors).sum();
        let errors = if errors == 0 {
            String::new()
        } else {
            format!(", {errors} ERRORS")
        };
        format!("{p50:.2} ms{errors}")
    };
    let measure = format!("runners, {what}: {MANY} rows");
    let ratio = Spread::of(rounds.iter().map(|round| round[1].p50 / round[0].p50));
    let ceiling = format!("{FEW} rows: {}", shown(0));
    table.ratio(&measure, shown(1), ceiling, ratio, aim);
}

/// The address of a page further on, as a client gets there.
fn walk(address: SocketAddr, first: &str, user: u32, pages: usize) -> anyhow::Result<String> {
    let mut path = first.to_owned();
    for _ in 0..pages {
        let text = http::get(address, &path, &[&Data::authorization_of(user)])?.text();
        let cursor = text.split("\"next_cursor\":\"").nth(1);
        let cursor = cursor.and_then(|rest| rest.split('"').next());
        path = format!("{first}&cursor={}", cursor.context("the list has no next_cursor")?);
    }
    Ok(path)
}

/// A small installation with so many runners: 200 live, 800 of team 1's history, the rest in the other teams'.
fn write(database: &Throwaway, name: &str, rows: u32) -> anyhow::Result<Data> {
    let data = Data::write(database, name, SMALL)?;
    step("bench", format!("{rows} runners"), || {
        // The history of a runner is not what is measured: its triggers would write another million rows.
        let sql = format!(
            "SET session_replication_role = replica;
            INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by, created_at, updated_at,
                deleted_at, deletion_reason)
            SELECT gen_random_uuid(), t.id, 'runner-' || n, CASE WHEN n <= 200 THEN 'active' ELSE 'deleted' END,
                ARRAY['self-hosted', 'linux', 'x64', 'docker'], 1, t.created_by, now() - n * interval '20 seconds', now(),
                CASE WHEN n > 200 THEN now() END, CASE WHEN n > 200 THEN 'not_found_in_github' END
            FROM generate_series(1, {rows}) n
            JOIN (SELECT id, created_by, row_number() OVER (ORDER BY id) AS place FROM teams WHERE NOT is_system) t
                ON t.place = CASE WHEN n <= 200 THEN n WHEN n <= 1000 THEN 1 ELSE 2 + n % 900 END;
            SET session_replication_role = DEFAULT;
            VACUUM ANALYZE runners;"
        );
        database.execute(name, &sql)?;
        Ok(((), "written".to_owned()))
    })?;
    Ok(data)
}
