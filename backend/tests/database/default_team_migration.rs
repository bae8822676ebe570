//! The migration that brings the Default Team, on an installation that is in use: up, down, and up again (SPEC C1, C4).

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::common::database::Database;

const DEFAULT_TEAM: &str = "a0000000-0000-4000-8000-000000000001";
const HOME: &str = "00000000-0000-4000-8000-000000000001";
/// The migration, and the one before it.
const VERSIONS: [i64; 2] = [20_261_121_000_310, 20_261_121_000_300];

async fn sql(database: &Database, sql: &str) {
    for statement in sql.split(';').filter(|statement| !statement.trim().is_empty()) {
        let done = sqlx::query(AssertSqlSafe(statement)).execute(&database.pool).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// The first column of a query, as JSON.
async fn all(database: &Database, sql: &str) -> Vec<Value> {
    let sql = format!("SELECT to_jsonb(q) FROM ({sql}) q");
    let rows = sqlx::query_scalar(AssertSqlSafe(sql.as_str()))
        .fetch_all(&database.pool)
        .await;
    rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// An installation as it was before: people in a team, in none, in an archived one, and with a membership that has ended.
async fn before() -> Database {
    let database = Database::empty().await;
    backend::MIGRATOR.run_to(VERSIONS[1], &database.pool).await.unwrap();
    sql(
        &database,
        &format!(
            "INSERT INTO users (id, email) SELECT gen_random_uuid(), name || '@example.com'
                FROM unnest(ARRAY['ada', 'bob', 'cyd', 'dan', 'eve']) AS name;
            INSERT INTO teams (id, organization_id, name, slug, status) VALUES
                (gen_random_uuid(), '{HOME}', 'Ops', 'ops', 'active'), (gen_random_uuid(), '{HOME}', 'Old', 'old', 'archived');
            INSERT INTO team_members (team_id, user_id, role, expires_at)
                SELECT t.id, u.id, 'admin', e.ends FROM (VALUES ('ops', 'ada', NULL), ('old', 'bob', NULL),
                    ('ops', 'cyd', now() - interval '1 day'), ('ops', 'dan', now() + interval '1 day')) e(slug, name, ends)
                JOIN teams t ON t.slug = e.slug JOIN users u ON u.email = e.name || '@example.com'"
        ),
    )
    .await;
    database
}

/// Everything that was there before, as it is.
async fn data(database: &Database) -> Vec<Value> {
    let mut data = all(
        database,
        "SELECT id, email, created_at, updated_at FROM users ORDER BY id",
    )
    .await;
    let teams = format!(
        "SELECT id, name, slug, description, status, member_count FROM teams WHERE id <> '{DEFAULT_TEAM}' ORDER BY id"
    );
    data.extend(all(database, &teams).await);
    let members = format!("SELECT * FROM team_members WHERE team_id <> '{DEFAULT_TEAM}' ORDER BY team_id, user_id");
    data.extend(all(database, &members).await);
    data
}

async fn up(database: &Database) {
    backend::MIGRATOR.run_to(VERSIONS[0], &database.pool).await.expect("up");
}

async fn down(database: &Database) {
    backend::MIGRATOR.undo(&database.pool, VERSIONS[1]).await.expect("down");
}

/// C1, C4: existing people without a team get it, others are left alone, their data is whole; down takes it all away, and
/// up again brings it back.
#[tokio::test]
async fn c1_the_migration_assigns_people_without_a_team_and_goes_back() {
    let database = before().await;
    let found = data(&database).await;
    let assigned = format!(
        "SELECT u.email, m.role FROM team_members m JOIN users u ON u.id = m.user_id WHERE m.team_id = '{DEFAULT_TEAM}' ORDER BY 1"
    );
    for _ in 0..2 {
        up(&database).await;
        let people: Vec<Value> = ["bob", "cyd", "eve"]
            .map(|name| json!({"email": format!("{name}@example.com"), "role": "member"}))
            .to_vec();
        assert_eq!(all(&database, &assigned).await, people);
        let kept = all(&database, "SELECT member_count AS n FROM teams WHERE is_system").await;
        assert_eq!(kept, [json!({"n": 3})]);
        assert_eq!(data(&database).await, found, "what was there is as it was");
        down(&database).await;
        assert_eq!(all(&database, &assigned).await, Vec::<Value>::new());
        assert_eq!(data(&database).await, found, "and afterwards, too");
        assert_eq!(
            all(&database, "SELECT id FROM teams WHERE is_system").await,
            Vec::<Value>::new()
        );
        // The counters go on working.
        sql(
            &database,
            "INSERT INTO team_members (team_id, user_id, role)
            SELECT t.id, u.id, 'member' FROM teams t, users u WHERE t.slug = 'ops' AND u.email LIKE 'eve@%'",
        )
        .await;
        let count = all(&database, "SELECT member_count AS n FROM teams WHERE slug = 'ops'").await;
        assert_eq!(count, [json!({"n": 4})]);
        sql(
            &database,
            "DELETE FROM team_members m USING users u WHERE u.id = m.user_id AND u.email LIKE 'eve@%'",
        )
        .await;
    }
}

/// C1: a row that has the id is left as it is.
#[tokio::test]
async fn c1_the_migration_leaves_a_team_with_that_id_alone() {
    let database = before().await;
    sql(
        &database,
        &format!(
            "INSERT INTO teams (id, organization_id, name, slug, max_budget)
            VALUES ('{DEFAULT_TEAM}', '{HOME}', 'Default Team', 'default-team', 7)"
        ),
    )
    .await;
    up(&database).await;
    let rows = all(
        &database,
        "SELECT id, max_budget::text AS budget FROM teams WHERE slug = 'default-team'",
    )
    .await;
    assert_eq!(rows, [json!({"id": DEFAULT_TEAM, "budget": "7"})]);
}

/// C1: teams that have its name or its alias already keep everything else and get the next free number, which the audit
/// log says; on the way back they get what they had.
#[tokio::test]
async fn c1_teams_with_its_name_or_alias_make_way() {
    let database = before().await;
    sql(
        &database,
        &format!(
            "INSERT INTO organizations (id, name, slug) VALUES ('00000000-0000-4000-8000-0000000000aa', 'Acme', 'acme');
            INSERT INTO teams (id, organization_id, name, slug, status) VALUES
                ('00000000-0000-4000-8000-00000000000a', '{HOME}', 'DEFAULT team', 'platform', 'active'),
                ('00000000-0000-4000-8000-00000000000b', '{HOME}', 'Everyone', 'default-team', 'inactive'),
                ('00000000-0000-4000-8000-00000000000c', '{HOME}', 'default team (2)', 'default-team-2', 'active'),
                ('00000000-0000-4000-8000-00000000000d', '{HOME}', 'Default Team', 'default-team', 'archived'),
                ('00000000-0000-4000-8000-00000000000e', '00000000-0000-4000-8000-0000000000aa', 'Default Team', 'default-team', 'active')"
        ),
    )
    .await;
    let found = data(&database).await;
    up(&database).await;
    let names = "SELECT name || ' / ' || slug AS names FROM teams WHERE id::text LIKE '00000000-%' ORDER BY id";
    let expected = [
        "DEFAULT team (3) / platform",
        "Everyone / default-team-3",
        "default team (2) / default-team-2",
        "Default Team / default-team",
        "Default Team / default-team",
    ];
    assert_eq!(
        all(&database, names).await,
        expected.map(|names| json!({"names": names}))
    );
    let ours = all(&database, "SELECT name, slug FROM teams WHERE is_system").await;
    assert_eq!(ours, [json!({"name": "Default Team", "slug": "default-team"})]);
    let noted = all(
        &database,
        "SELECT before, after FROM audit_entries WHERE action = 'team.update' ORDER BY target_id",
    )
    .await;
    let change = |before: [&str; 2], after: [&str; 2]| {
        let [before, after] = [before, after].map(|[name, slug]| json!({"name": name, "slug": slug}));
        json!({"before": before, "after": after})
    };
    assert_eq!(
        noted,
        [
            change(["DEFAULT team", "platform"], ["DEFAULT team (3)", "platform"]),
            change(["Everyone", "default-team"], ["Everyone", "default-team-3"]),
        ]
    );
    down(&database).await;
    assert_eq!(data(&database).await, found);
}
