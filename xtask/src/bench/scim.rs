//! People provisioned over SCIM, beside PostgreSQL writing the same rows by itself.

use std::{fmt::Write as _, path::PathBuf, process::Command, time::Instant};

use anyhow::{Context as _, ensure};

use super::{
    folder,
    processes::{CONNECTIONS, load, migrated, start},
    rounds::Spread,
    table::{Aim, Table},
};
use crate::{paths, postgres::Throwaway};

const NAME: &str = "bench_scim";
/// What is provisioned, and what the lines are told for.
const USERS: u32 = 10_000;
/// More than anybody sends in a round: none is sent twice.
const SENT: u32 = 80_000;
/// One round, in milliseconds: long enough for thousands of people.
const ROUND: u32 = 15_000;
const ORGANIZATION: &str = "0199a3c8-0000-7000-8000-000000000001";
const TOKEN: &str = "ghscim_bench";

/// One round: a person is new once.
pub fn measure(database: &Throwaway, table: &mut Table) -> anyhow::Result<()> {
    let url = migrated(database, NAME)?;
    database.execute(
        NAME,
        &format!(
            "INSERT INTO organizations (id, name, slug) VALUES ('{ORGANIZATION}', 'Bench', 'bench');
            INSERT INTO scim_tokens (id, organization_id, name, prefix, token_hash)
            VALUES (gen_random_uuid(), '{ORGANIZATION}', 'bench', 'ghscim_benc', sha256(convert_to('{TOKEN}', 'UTF8')));"
        ),
    )?;
    let server = start(
        "guildhall-scim",
        Command::new(paths::server("release"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DATABASE_URL", &url),
    )?;
    let sent = load(&server, &requests()?, CONNECTIONS, ROUND)?;
    ensure!(sent.errors == 0, "{} people were not provisioned", sent.errors);
    let ours = sent.rate;
    let ceiling = f64::from(USERS) / by_itself(database)?;
    table.ratio(
        "users provisioned over SCIM",
        format!("{ours:.0}/s"),
        format!("{ceiling:.0}/s, the same rows written by PostgreSQL itself, one at a time"),
        Spread::of(std::iter::once(ours / ceiling)),
        Aim::None,
    );
    let seconds = f64::from(USERS) / ours;
    table.number("10,000 users at this rate", seconds, " s", "", Aim::None);
    table.number("most memory meanwhile", server.memory("VmHWM")?, " MB", "", Aim::None);
    Ok(())
}

/// The requests, as Entra sends them.
fn requests() -> anyhow::Result<PathBuf> {
    let mut text = String::new();
    for n in 1..=SENT {
        let email = format!("p{n}@example.com");
        writeln!(
            text,
            "{{\"method\": \"POST\", \"path\": \"/scim/v2/Users\", \"headers\": {{\"authorization\": \"Bearer {TOKEN}\", \
             \"content-type\": \"application/scim+json\"}}, \"body\": \"{{\\\"schemas\\\": \
             [\\\"urn:ietf:params:scim:schemas:core:2.0:User\\\"], \\\"externalId\\\": \\\"{n}\\\", \
             \\\"userName\\\": \\\"{email}\\\", \\\"active\\\": true, \\\"displayName\\\": \\\"Person {n}\\\", \
             \\\"emails\\\": [{{\\\"primary\\\": true, \\\"type\\\": \\\"work\\\", \\\"value\\\": \\\"{email}\\\"}}], \
             \\\"name\\\": {{\\\"givenName\\\": \\\"Person\\\", \\\"familyName\\\": \\\"{n}\\\"}}}}\"}}",
        )?;
    }
    let path = folder().join(format!("{NAME}.users.requests"));
    std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
}

/// How many seconds PostgreSQL takes for the rows of [`USERS`] people: the account with its membership of the Default
/// Team, what the directory knows of it, the membership of the organization, three entries of the audit log; one commit
/// each.
fn by_itself(database: &Throwaway) -> anyhow::Result<f64> {
    let begun = Instant::now();
    database.execute(
        NAME,
        &format!(
            "DO $$ DECLARE person uuid; BEGIN FOR n IN 1..{USERS} LOOP
                person := gen_random_uuid();
                INSERT INTO users (id, email, display_name) VALUES (person, 'c' || n || '@example.com', 'Person ' || n);
                INSERT INTO team_members (team_id, user_id, role) VALUES ('a0000000-0000-4000-8000-000000000001', person, 'member');
                INSERT INTO scim_users (id, organization_id, user_id, user_name, external_id, active, attributes, created_at,
                    updated_at)
                VALUES (gen_random_uuid(), '{ORGANIZATION}', person, 'c' || n || '@example.com', 'c' || n, true,
                    jsonb_build_object('displayName', 'Person ' || n), now(), now());
                INSERT INTO scim_people (organization_id, user_id, made_account) VALUES ('{ORGANIZATION}', person, true);
                INSERT INTO organization_members (organization_id, user_id, role, source)
                VALUES ('{ORGANIZATION}', person, 'org_member', 'idp');
                INSERT INTO audit_entries (id, at, actor, method, action, organization_id, target_kind, target_id, target)
                SELECT gen_random_uuid(), now(), 'bench', 'scim', 'bench', '{ORGANIZATION}', 'user', person::text, 'c' || n
                FROM generate_series(1, 3);
                COMMIT;
            END LOOP; END $$;"
        ),
    )?;
    Ok(begun.elapsed().as_secs_f64())
}
