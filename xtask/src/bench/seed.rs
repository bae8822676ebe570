//! Teams and people to measure with, written in SQL by the database itself.

use std::{fmt::Write as _, path::PathBuf};

use anyhow::Context as _;

use super::{folder, processes::migrated};
use crate::{postgres::Throwaway, report::step};

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Teams.
    pub teams: u32,
    /// Members of each.
    pub members: u32,
    users: u32,
}

/// 10,000 teams, 1,000,000 memberships.
pub const MAIN: Size = Size {
    teams: 10_000,
    members: 100,
    users: 20_000,
};
/// A tenth of the teams, each as large.
pub const SMALL: Size = Size {
    teams: 1_000,
    members: 100,
    users: 2_000,
};
/// Ten times the teams; fewer members in each, to be written in seconds.
pub const LARGE: Size = Size {
    teams: 100_000,
    members: 3,
    users: 20_000,
};

/// People who provision runners, each in a team of their own without a quota.
const PROVISIONERS: u32 = 200;
/// The session of the super_admin: 16 bytes as `tower_sessions` writes them. It guards nothing but made-up teams.
const SESSION: &str = "AAECAwQFBgcICQoLDA0ODw";
const TEAMS_AT_A_TIME: u32 = 2_000;
const ORGANIZATIONS: u32 = 20;

/// A database full of teams, and the requests to send to a Guildhall over it.
pub struct Data {
    /// `DATABASE_URL`.
    pub url: String,
    pub size: Size,
    name: String,
}

impl Data {
    /// Migrates with the release binary and fills.
    pub fn write(database: &Throwaway, name: &str, size: Size) -> anyhow::Result<Self> {
        let memberships = size.teams * size.members;
        step(
            "bench",
            format!("{} teams, {memberships} memberships", size.teams),
            || {
                let url = migrated(database, name)?;
                database.execute(name, &script(size))?;
                let data = Self {
                    url,
                    size,
                    name: name.to_owned(),
                };
                let counted = database.execute(name, "SELECT sum(member_count) FROM teams;")?;
                anyhow::ensure!(
                    counted.trim() == memberships.to_string(),
                    "the triggers counted {counted}"
                );
                Ok((data, "written".to_owned()))
            },
        )
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The super_admin's token.
    pub fn authorization() -> String {
        format!("Authorization: Bearer {}", token(1))
    }

    /// Somebody's token; 1 is the super_admin.
    pub fn authorization_of(user: u32) -> String {
        format!("Authorization: Bearer {}", token(user))
    }

    /// The id of one of the teams.
    pub fn team() -> String {
        id('3', 1)
    }

    /// Someone who is a member of the team, and has a token when the team is one of the first 200.
    pub fn provisioner(team: u32, size: Size) -> u32 {
        provisioner(team, size)
    }

    /// A file with one GET as somebody.
    pub fn get_as(&self, what: &str, path: &str, user: u32) -> anyhow::Result<PathBuf> {
        let token = token(user);
        self.file(
            what,
            &format!("{{\"method\": \"GET\", \"path\": \"{path}\", \"headers\": {{\"authorization\": \"Bearer {token}\"}}}}\n"),
        )
    }

    /// The super_admin's session.
    pub fn cookie() -> String {
        format!("Cookie: guildhall={SESSION}")
    }

    /// A file with one GET as the super_admin.
    pub fn get(&self, what: &str, path: &str, extra: &str) -> anyhow::Result<PathBuf> {
        let credential = if path.starts_with("/api/") {
            format!(r#""authorization": "Bearer {}""#, token(1))
        } else {
            format!(r#""cookie": "guildhall={SESSION}""#)
        };
        self.file(
            what,
            &format!("{{\"method\": \"GET\", \"path\": \"{path}\", \"headers\": {{{credential}{extra}}}}}\n"),
        )
    }

    /// A file with requests for runners by `people` different people, each for another team.
    pub fn jit(&self, what: &str, people: u32) -> anyhow::Result<PathBuf> {
        let mut lines = String::new();
        for team in 1..=people {
            let (user, token) = (provisioner(team, self.size), token(provisioner(team, self.size)));
            let body = jit_body(team).replace('"', "\\\"");
            writeln!(
                lines,
                "{{\"method\": \"POST\", \"path\": \"/api/v1/runners/jit\", \"user\": \"{}\", \"headers\": \
                 {{\"authorization\": \"Bearer {token}\", \"content-type\": \"application/json\"}}, \"body\": \"{body}\"}}",
                id('2', user),
            )?;
        }
        self.file(what, &lines)
    }

    /// All who provision.
    pub fn provisioners() -> u32 {
        PROVISIONERS
    }

    /// The request of one team for a runner, and the header of the person who sends it.
    pub fn one_jit(&self) -> (String, String) {
        (
            jit_body(1),
            format!("Authorization: Bearer {}", token(provisioner(1, self.size))),
        )
    }

    fn file(&self, what: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = folder().join(format!("{}.{what}.requests", self.name));
        std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
        Ok(path)
    }
}

/// Ids tell their table and number.
fn id(table: char, number: u32) -> String {
    format!("{table}0000000-0000-4000-8000-{number:012x}")
}

fn token(user: u32) -> String {
    format!("guildhall_pat_bench{user}")
}

/// Someone who is a member of the team.
fn provisioner(team: u32, size: Size) -> u32 {
    (team * 37 + 1) % size.users + 1
}

fn script(size: Size) -> String {
    let Size { teams, members, users } = size;
    let mut sql = format!(
        "CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
            $$ SELECT (kind || '0000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
        INSERT INTO organizations (id, name, slug)
            SELECT pg_temp.id('1', n), 'Division ' || n, 'division-' || n FROM generate_series(1, {ORGANIZATIONS}) n;
        INSERT INTO users (id, email, display_name, is_super_admin)
            SELECT pg_temp.id('2', n), 'person' || n || '@example.com', 'Person ' || n, n = 1 FROM generate_series(1, {users}) n;
        INSERT INTO personal_access_tokens (id, user_id, name, prefix, token_hash)
            SELECT pg_temp.id('4', n), pg_temp.id('2', n), 'bench', 'guildhall_pat_benc', sha256(convert_to('guildhall_pat_bench' || n, 'UTF8'))
            FROM (SELECT 1 AS n UNION SELECT (t * 37 + 1) % {users} + 1 FROM generate_series(1, {PROVISIONERS}) t) _;
        INSERT INTO sessions (id, user_id, data, expires_at)
            SELECT encode(sha256(convert_to('{SESSION}', 'UTF8')), 'hex'), pg_temp.id('2', 1),
                jsonb_build_object('user', pg_temp.id('2', 1), 'signed_in_at', now, 'seen_at', now), now() + interval '11 hours'
            FROM (SELECT extract(epoch FROM now())::bigint AS now) _;\n"
    );
    let mut first = 1;
    while first <= teams {
        let last = (first + TEAMS_AT_A_TIME - 1).min(teams);
        // Each statement is a transaction of its own, as the totals' rows are written once for each team.
        let _ = write!(
            sql,
            "INSERT INTO teams (id, organization_id, name, slug, description, status, required_labels, optional_label_patterns,
                max_runners, created_at, created_by, updated_at, deactivated_at, deactivated_by, deactivation_reason)
            SELECT pg_temp.id('3', n), pg_temp.id('1', 1 + n % {ORGANIZATIONS}), kind || ' ' || n, lower(kind) || '-' || n,
                CASE WHEN n % 7 > 0 THEN kind || ' services, their pipelines and their on-call, part ' || n
                    || CASE WHEN n <= 160 AND n % 20 = 0 THEN ', with zeppelins' ELSE '' END END,
                status, ARRAY['linux', 'docker'], ARRAY['backend-.*', 'service-.*'], CASE WHEN n > {PROVISIONERS} THEN 10 END,
                now() - n * interval '7 minutes', pg_temp.id('2', 1 + n % {users}), now() - n * interval '5 minutes',
                CASE WHEN status <> 'active' THEN now() END, CASE WHEN status <> 'active' THEN pg_temp.id('2', 1) END,
                CASE WHEN status <> 'active' THEN 'Reorganised' END
            FROM (SELECT n, (ARRAY['Platform', 'Payments', 'Search', 'Mobile', 'Data', 'Checkout', 'Identity', 'Logistics',
                    'Research', 'Billing', 'Support', 'Growth'])[1 + n * 7919 % 12] AS kind,
                CASE WHEN n > {PROVISIONERS} AND n % 50 = 0 THEN 'inactive' WHEN n > {PROVISIONERS} AND n % 97 = 0 THEN 'archived'
                    ELSE 'active' END AS status
                FROM generate_series({first}::bigint, {last}) n) _;
            INSERT INTO team_members (team_id, user_id, role)
            SELECT pg_temp.id('3', t), pg_temp.id('2', (t * 37 + k) % {users} + 1), CASE WHEN k <= 2 THEN 'admin' ELSE 'member' END
            FROM generate_series({first}::bigint, {last}) t, generate_series(1, {members}) k;
            INSERT INTO projects (id, team_id, name)
            SELECT pg_temp.id('5', t), pg_temp.id('3', t), 'Main' FROM generate_series({first}::bigint, {last}) t;\n"
        );
        first = last + 1;
    }
    sql + "VACUUM ANALYZE;\n"
}

/// The body of a request for a runner.
fn jit_body(team: u32) -> String {
    format!(
        r#"{{"runner_name_prefix": "bench", "labels": ["backend-api"], "team_id": "{}"}}"#,
        id('3', team)
    )
}
