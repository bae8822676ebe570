//! Signing in with 200 groups: what it takes beside what Graph takes of it.

use std::process::Command;

use anyhow::{Context as _, bail};

use super::{
    processes::{helper, migrated, start},
    table::{Aim, Table},
};
use crate::{paths, postgres::Throwaway, process::output};

const NAME: &str = "bench_sign_in";
const PEOPLE: &str = "50";
const GROUPS: &str = "200";

/// One person after the other: what each of them waits for.
pub fn measure(database: &Throwaway, table: &mut Table) -> anyhow::Result<()> {
    let url = migrated(database, NAME)?;
    let directory = start(
        "directory",
        Command::new(helper()).args(["directory", "--people", PEOPLE, "--groups", GROUPS]),
    )?;
    let said = directory.said.first().context("Graph said nothing")?;
    let (graph, application) = said.split_once(' ').context("an address and an id")?;
    let oidc = format!("http://{}", directory.address);
    let server = start(
        "guildhall-sign-in",
        Command::new(paths::server("release"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DATABASE_URL", &url)
            .env("GUILDHALL_OIDC_ISSUER", &oidc)
            .env("GUILDHALL_OIDC_CLIENT_ID", "guildhall")
            .env("GUILDHALL_OIDC_CLIENT_SECRET", "demo-secret")
            .env("GUILDHALL_GRAPH_URL", graph)
            .env("GUILDHALL_ENTRA_AUTHORITY_URL", graph)
            .env("MICROSOFT_TENANT", "contoso")
            .env("MICROSOFT_CLIENT_ID", "guildhall")
            .env("MICROSOFT_CLIENT_SECRET", "demo-secret")
            .env("MICROSOFT_SERVICE_PRINCIPAL_ID", application)
            .env("ENTRA_GROUPS_ALSO_CREATE_ORGS", "true"),
    )?;
    let printed = output(Command::new(helper()).args([
        "sign-in",
        "--server",
        &server.address.to_string(),
        "--graph",
        graph,
        "--application",
        application,
        "--people",
        PEOPLE,
    ]))?;
    let numbers: Vec<f64> = printed.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [newcomer, first, again, graph] = numbers[..] else {
        bail!("the sign-ins printed {printed:?}");
    };
    let beside = format!("and {graph:.1} ms of Graph");
    let mut line = |what: &str, took: f64| table.number(what, took - graph, " ms", &beside, Aim::None);
    line(
        "sign-in with 200 groups, all new: 200 organizations and teams",
        newcomer,
    );
    line("sign-in with 200 groups, the first time", first);
    line("sign-in with 200 groups, again", again);
    Ok(())
}
