//! Bytes of a first visit, and time to be ready.

use std::{collections::BTreeSet, fs, net::SocketAddr, path::Path};

use anyhow::Context as _;

use super::{
    http,
    processes::{Database, guildhall},
    rounds::Spread,
    seed::Data,
    table::{Aim, Table},
};
use crate::paths;

const STARTS: usize = 5;
/// All that a first visit loads, in kB.
const FIRST_KB: f64 = 150.0;
/// What later ones load: the page itself.
const LATER_KB: f64 = 30.0;
/// How the addresses end of pages with an island, of those that are measured: only they load wasm.
const ISLANDS: [&str; 2] = ["/provision", "/policy"];

/// Both.
pub fn measure(data: &Data, table: &mut Table) -> anyhow::Result<()> {
    let server = guildhall("guildhall-bytes", &Database::Url(&data.url), None)?;
    for page in pages() {
        let visit = first_visit(server.address, &page, &Data::cookie())?;
        let name = page.replace(&Data::team(), "{team}");
        let label = format!("first visit of {name}, compressed");
        table.number(&label, visit.total, " kB", &visit.parts, Aim::AtMost(FIRST_KB));
        let wasm = if visit.has_wasm { "with wasm" } else { "without wasm" };
        let label = format!("later visit of {name}, HTML, compressed");
        table.number(&label, visit.html, " kB", wasm, Aim::AtMost(LATER_KB));
        let islands = ISLANDS.iter().any(|end| page.ends_with(end));
        anyhow::ensure!(visit.has_wasm == islands, "{page} is {wasm}");
    }
    drop(server);

    let mut times = Vec::new();
    for _ in 0..STARTS {
        let server = guildhall("guildhall-start", &Database::Url(&data.url), None)?;
        times.push(server.ready.as_secs_f64());
        server.stop()?;
    }
    let time = Spread::of(times);
    table.number(
        "start to ready, DATABASE_URL given",
        time.median,
        " s",
        "",
        Aim::AtMost(0.5),
    );

    let dir = paths::in_root("target/bench-data");
    let mut rounds = Vec::new();
    // The first one initialises the cluster and does not count.
    for turn in 0..=STARTS {
        let server = guildhall("guildhall-private", &Database::Private(&dir), None)?;
        let own = postgres_start(&dir.join("postgres.log"))?;
        if turn > 0 {
            rounds.push((server.ready.as_secs_f64(), own));
        }
        server.stop()?;
    }
    let own = Spread::of(rounds.iter().map(|(_, own)| *own)).median;
    let beside = Spread::of(rounds.iter().map(|(all, own)| all - own)).median;
    let all = Spread::of(rounds.iter().map(|(all, _)| *all)).median;
    let words = format!("PostgreSQL's own {own:.2} s of {all:.2} s");
    table.number(
        "start to ready, private PostgreSQL, beside its own",
        beside,
        " s",
        &words,
        Aim::AtMost(0.5),
    );
    Ok(())
}

/// The main pages, as `cargo xtask lighthouse` has them.
fn pages() -> Vec<String> {
    let team = format!("/admin/teams/{}", Data::team());
    let of_team = ["", "/members", "/policy"].map(|tab| format!("{team}{tab}"));
    let others = [
        "/",
        "/admin/teams",
        "/admin/organizations",
        "/runners",
        "/provision",
        "/keys",
        "/admin/audit",
    ];
    others.map(str::to_owned).into_iter().chain(of_team).collect()
}

/// What a visit loads, in compressed kilobytes.
struct Visit {
    total: f64,
    html: f64,
    /// What the total is made of.
    parts: String,
    has_wasm: bool,
}

fn is_script(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "js")
}

/// A page with all that it loads.
fn first_visit(address: SocketAddr, page: &str, cookie: &str) -> anyhow::Result<Visit> {
    let html = http::get(address, page, &[cookie])?.text();
    let mut found: BTreeSet<String> = links(&html);
    // A script may load more, next to itself.
    for script in found.clone().iter().filter(|path| is_script(path)) {
        let folder = script.rsplit_once('/').map_or("", |(folder, _)| folder);
        let text = http::get(address, script, &[])?.text();
        let beside = text.split(['\'', '"', '`']).filter_map(|word| word.strip_prefix("./"));
        found.extend(
            beside
                .filter(|name| is_file(name))
                .map(|name| format!("{folder}/{name}")),
        );
    }
    let encoding = "Accept-Encoding: br";
    let html = kilobytes(&http::get(address, page, &[cookie, encoding])?);
    let mut total = html;
    let mut parts = vec![format!("HTML {html:.0}")];
    for path in &found {
        // Icons and the like that a script only names.
        let Ok(answer) = http::get(address, path, &[encoding]) else {
            continue;
        };
        let size = kilobytes(&answer);
        total += size;
        parts.push(format!("{} {size:.0}", path.rsplit(['.']).next().unwrap_or_default()));
    }
    let has_wasm = found
        .iter()
        .any(|path| Path::new(path).extension().is_some_and(|extension| extension == "wasm"));
    Ok(Visit {
        total,
        html,
        parts: parts.join(" + "),
        has_wasm,
    })
}

#[expect(clippy::cast_precision_loss, reason = "no page has 2^52 bytes")]
fn kilobytes(answer: &http::Answer) -> f64 {
    (answer.head.len() + answer.body.len()) as f64 / 1000.0
}

/// Every asset that the page names.
fn links(html: &str) -> BTreeSet<String> {
    let words = html.split(['"', '\'', '`']);
    words
        .filter(|word| word.starts_with("/pkg/") && is_file(word))
        .map(str::to_owned)
        .collect()
}

fn is_file(path: &str) -> bool {
    let endings = [".js", ".css", ".wasm", ".svg", ".png", ".woff2"];
    endings.iter().any(|ending| path.ends_with(ending)) && !path.contains([' ', '<', '$'])
}

/// What PostgreSQL itself took, from its first line to the one that says that it is ready, in seconds.
fn postgres_start(log: &Path) -> anyhow::Result<f64> {
    let text = fs::read_to_string(log).with_context(|| format!("could not read {}", log.display()))?;
    let time = |words: &str| {
        let line = text.lines().find(|line| line.contains(words))?;
        let mut parts = line.split(' ').nth(1)?.split(':').map(str::parse::<f64>);
        let (hours, minutes, seconds) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        Some((hours * 60.0 + minutes) * 60.0 + seconds)
    };
    let begun = time("starting PostgreSQL").context("PostgreSQL's log does not say when it began")?;
    let ready = time("ready to accept connections").context("PostgreSQL's log does not say when it was ready")?;
    // Over midnight a day is missing.
    Ok((ready - begun).rem_euclid(24.0 * 3600.0))
}
