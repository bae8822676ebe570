//! The Kubernetes API with 10,000 memberships: made objects of once, listed as kubectl does, applied, and watched.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::{
    folder,
    processes::{Load, Running, helper, load, migrated, pause, start},
    rounds::Spread,
    table::{Aim, Table},
};
use crate::{paths, postgres::Throwaway, process::output};

const NAME: &str = "bench_kubernetes";
const MEMBERSHIPS: u32 = 10_000;
const TEAMS: u32 = 100;
/// Enough for all that are applied, and added over REST, in a round.
const PEOPLE: u32 = 20_000;
const LISTS: usize = 5;
/// How long memberships are applied, in milliseconds.
const ROUND: u32 = 5_000;
/// How long the first making of objects may take.
const PATIENCE: Duration = Duration::from_mins(3);
const WATCHES: u32 = 1_000;
/// A person may have a hundred watches.
const WATCHERS: u32 = WATCHES / 100;
const TOKEN: &str = "guildhall_pat_bench";
/// As many as apply.
const CLIENTS: usize = 8;
const BENCH: &str = "10000000-0000-4000-8000-000000000001";
const REST: &str = "30000000-0000-4000-8000-000000000102";

/// All of it, over one process.
pub fn measure(database: &Throwaway, table: &mut Table) -> anyhow::Result<()> {
    let url = migrated(database, NAME)?;
    database.execute(NAME, &script())?;
    let litellm = start("litellm-kubernetes", Command::new(helper()).arg("lite-llm"))?;
    let serve = || {
        start(
            "guildhall-kubernetes",
            Command::new(paths::server("release"))
                .args(["serve", "--listen", "127.0.0.1:0", "--kube-listen", "127.0.0.1:0"])
                .env("DATABASE_URL", &url)
                .env("LITELLM_API_URL", format!("http://{}", litellm.address))
                .env("LITELLM_MASTER_KEY", "sk-1234"),
        )
    };
    let first = serve()?;
    let seconds = first.ready.as_secs_f64();
    let begun = Instant::now();
    settled(database)?;
    let settling = begun.elapsed().as_secs_f64();
    // As autovacuum does within a minute: what is measured is how it is from then on.
    database.execute(NAME, "ANALYZE;")?;
    first.stop()?;
    let server = serve()?;
    let again = format!("{:.2} s the next time", server.ready.as_secs_f64());
    let what = "start with 10,000 memberships, when nobody listened before";
    table.number(what, seconds, " s", &again, Aim::None);
    let what = "  until all memberships and 20,000 people are objects";
    table.number(what, settling, " s", "", Aim::None);

    lists(database, &server, table)?;
    applied(&server, table)?;
    watched(database, &server, table)
}

/// Waits until nothing waits to be made an object.
fn settled(database: &Throwaway) -> anyhow::Result<()> {
    let begun = Instant::now();
    while database.execute(NAME, "SELECT count(*) FROM object_touches;")?.trim() != "0" {
        ensure!(begun.elapsed() < PATIENCE, "objects are still made after {PATIENCE:?}");
        pause(Duration::from_millis(100));
    }
    Ok(())
}

/// Where the Kubernetes API is.
fn door(server: &Running) -> anyhow::Result<&str> {
    let address = server
        .said
        .iter()
        .find_map(|line| line.strip_prefix("kubernetes API on "));
    address.context("the Kubernetes API is not served")
}

/// Lists beside PostgreSQL writing the same columns to nobody.
fn lists(database: &Throwaway, server: &Running, table: &mut Table) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    let mut size = 0.0;
    for _ in 0..LISTS {
        let printed = output(Command::new(helper()).args([
            "kubernetes-list",
            "--server",
            door(server)?,
            "--token",
            &format!("{TOKEN}1"),
            "--rounds",
            "1",
        ]))?;
        let numbers: Vec<f64> = printed.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [rows, bytes, milliseconds] = numbers[..] else {
            anyhow::bail!("the list printed {printed:?}");
        };
        ensure!(rows >= f64::from(MEMBERSHIPS), "only {rows} rows");
        size = bytes / 1e6;
        let begun = Instant::now();
        database.execute(
            NAME,
            "COPY (SELECT uid, name, namespace, labels, annotations, managed_fields, generation, version, created_at, spec, status
                FROM objects WHERE kind = 'TeamMemberAssociation' ORDER BY name) TO '/dev/null';",
        )?;
        rounds.push((milliseconds, begun.elapsed().as_secs_f64() * 1000.0));
    }
    let ours = Spread::of(rounds.iter().map(|(ours, _)| *ours)).median;
    let ceiling = Spread::of(rounds.iter().map(|(_, ceiling)| *ceiling)).median;
    table.ratio(
        "list of 10,000 memberships as Table, in kubectl's chunks",
        format!("{ours:.0} ms, {size:.1} MB"),
        format!("{ceiling:.0} ms, PostgreSQL reading the rows"),
        Spread::of(rounds.iter().map(|(ours, ceiling)| ceiling / ours)),
        Aim::None,
    );
    let most = server.memory("VmHWM")?;
    table.number("most memory meanwhile", most, " MB", "", Aim::AtMost(150.0));
    Ok(())
}

/// Server-side apply beside adding members over REST, by as many clients.
fn applied(server: &Running, table: &mut Table) -> anyhow::Result<()> {
    let printed = output(Command::new(helper()).args([
        "kubernetes-apply",
        "--server",
        door(server)?,
        "--token",
        &format!("{TOKEN}1"),
        "--milliseconds",
        &ROUND.to_string(),
    ]))?;
    let (count, seconds) = printed.trim().split_once(' ').context("two numbers")?;
    let ours = count.parse::<f64>()? / seconds.parse::<f64>()?;
    let Load { rate, errors, .. } = load(server, &additions()?, CLIENTS, ROUND)?;
    ensure!(errors == 0, "{errors} people were not added");
    table.ratio(
        "memberships applied, server-side, by 8 clients",
        format!("{ours:.0}/s"),
        format!("{rate:.0}/s, members added over REST"),
        Spread::of(std::iter::once(ours / rate)),
        Aim::None,
    );
    Ok(())
}

/// People added to a team over REST, one after the other.
fn additions() -> anyhow::Result<PathBuf> {
    let mut text = String::new();
    for person in 1..=PEOPLE {
        writeln!(
            text,
            "{{\"method\": \"POST\", \"path\": \"/api/v1/admin/teams/{REST}/members\", \"headers\": {{\"authorization\": \
             \"Bearer {TOKEN}1\", \"content-type\": \"application/json\"}}, \"body\": \"{{\\\"user_id\\\": \
             \\\"20000000-0000-4000-8000-{person:012x}\\\", \\\"role\\\": \\\"member\\\"}}\"}}",
        )?;
    }
    let path = folder().join(format!("{NAME}.members.requests"));
    std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
}

/// What watches that wait take, and how soon all have heard of a change.
fn watched(database: &Throwaway, server: &Running, table: &mut Table) -> anyhow::Result<()> {
    let version = database.execute(NAME, "SELECT objects_version();")?;
    let before = server.memory("VmRSS")?;
    let mut clients = Command::new(helper())
        .args(["kubernetes-watch", "--server", door(server)?, "--token", TOKEN])
        .args(["--watches", &WATCHES.to_string(), "--version", version.trim()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start the watches")?;
    let (mut asks, told) = (
        clients.stdin.take().context("its input is piped")?,
        clients.stdout.take().context("its output is piped")?,
    );
    let mut told = BufReader::new(told).lines();
    let opened = told.next().transpose()?;
    ensure!(opened.as_deref() == Some("open"), "the watches were not opened");
    let each = (server.memory("VmRSS")? - before) * 1000.0 / f64::from(WATCHES);
    writeln!(asks, "change")?;
    let milliseconds: f64 = told
        .next()
        .transpose()?
        .context("nobody heard of the change")?
        .parse()?;
    ensure!(clients.wait()?.success(), "a watch went wrong");
    table.number("memory of a watch, of 1,000 over TLS", each, " kB", "", Aim::None);
    table.number(
        "from a change until all 1,000 heard of it",
        milliseconds,
        " ms",
        "",
        Aim::None,
    );
    Ok(())
}

/// 100 teams of 100, two more teams, and people who watch.
fn script() -> String {
    format!(
        "CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
            $$ SELECT (kind || '0000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
        INSERT INTO organizations (id, name, slug) VALUES ('{BENCH}', 'Bench', 'bench');
        INSERT INTO users (id, email) SELECT pg_temp.id('2', n), 'p' || n || '@example.com' FROM generate_series(1, {PEOPLE}) n;
        INSERT INTO organization_members (organization_id, user_id, role)
            SELECT '{BENCH}', pg_temp.id('2', n), CASE WHEN n <= {WATCHERS} THEN 'org_admin' ELSE 'org_member' END
            FROM generate_series(1, {PEOPLE}) n;
        INSERT INTO personal_access_tokens (id, user_id, name, prefix, token_hash)
            SELECT pg_temp.id('4', n), pg_temp.id('2', n), 'bench', 'guildhall_pat_benc', sha256(convert_to('{TOKEN}' || n, 'UTF8'))
            FROM generate_series(1, {WATCHERS}) n;
        INSERT INTO teams (id, organization_id, name, slug)
            SELECT pg_temp.id('3', n), '{BENCH}', 'Team ' || n, 'team-' || n FROM generate_series(1, {TEAMS}) n
            UNION ALL VALUES (pg_temp.id('3', 257), '{BENCH}'::uuid, 'Applied', 'applied'), ('{REST}', '{BENCH}', 'Added', 'added');
        INSERT INTO team_members (team_id, user_id, role)
            SELECT pg_temp.id('3', 1 + n % {TEAMS}), pg_temp.id('2', 1 + n / {TEAMS}), 'member'
            FROM generate_series(0, {MEMBERSHIPS} - 1) n;"
    )
}
