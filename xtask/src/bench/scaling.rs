//! Whether a list costs the same with ten times the rows.

use std::net::SocketAddr;

use anyhow::Context as _;

use super::{
    http,
    processes::{Database, Load, Running, guildhall, load},
    rounds::Spread,
    seed::Data,
    table::{Aim, Table},
};

const ROUNDS: usize = 5;
const ROUND: u32 = 400;

/// Latency of the list, one request at a time, over databases of growing size.
pub fn measure(sizes: &[&Data], table: &mut Table) -> anyhow::Result<()> {
    let servers: Vec<Running> = sizes
        .iter()
        .map(|data| {
            guildhall(
                &format!("guildhall-{}", data.size.teams),
                &Database::Url(&data.url),
                None,
            )
        })
        .collect::<Result<_, _>>()?;
    let first = "/api/v1/admin/teams?limit=50";
    // The same number of hits at each size, as a search for one thing has.
    let search = "/api/v1/admin/teams?limit=50&search=zeppelins";
    for (what, path) in [
        ("list", first),
        ("page 2 by cursor", ""),
        ("search with 8 hits", search),
    ] {
        let mut requests = Vec::new();
        for (data, server) in sizes.iter().zip(&servers) {
            let path = if path.is_empty() {
                second_page(server.address, first)?
            } else {
                path.to_owned()
            };
            requests.push(data.get(&what.replace(' ', "-"), &path, "")?);
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
        for size in 0..sizes.len() {
            let p50 = Spread::of(rounds.iter().map(|round| round[size].p50)).median;
            let p99 = Spread::of(rounds.iter().map(|round| round[size].p99)).median;
            let errors: u64 = rounds.iter().map(|round| round[size].errors).sum();
            let measure = format!("{what}, {} teams: p50 / p99", sizes[size].size.teams);
            let errors = if errors == 0 {
                String::new()
            } else {
                format!(", {errors} ERRORS")
            };
            let shown = format!("{p50:.2} / {p99:.2} ms{errors}");
            if size == 0 {
                table.push([
                    measure,
                    shown,
                    String::new(),
                    String::new(),
                    "–".to_owned(),
                    "–".to_owned(),
                ]);
                continue;
            }
            let ratio = Spread::of(rounds.iter().map(|round| round[size].p50 / round[size - 1].p50));
            table.ratio(
                &measure,
                shown,
                format!("{} teams", sizes[size - 1].size.teams),
                ratio,
                Aim::AtMost(1.2),
            );
        }
    }
    Ok(())
}

fn second_page(address: SocketAddr, first: &str) -> anyhow::Result<String> {
    let text = http::get(address, first, &[&Data::authorization()])?.text();
    let cursor = text
        .split("\"next_cursor\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    Ok(format!(
        "{first}&cursor={}",
        cursor.context("the list has no next_cursor")?
    ))
}
