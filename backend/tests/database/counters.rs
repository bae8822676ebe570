//! The numbers beside teams are kept by triggers, and are the true numbers whatever happened.

use domain::{DEFAULT_ORGANIZATION, TeamRole};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use crate::common::World;

/// What the counters should be, minus what they are; nothing when all is well.
async fn wrong(world: &World) -> Vec<String> {
    let mut wrong: Vec<String> = world
        .all(
            "SELECT t.id || ': members ' || t.member_count || ' projects ' || t.project_count || ' runners ' || t.runner_count FROM teams t
            WHERE t.member_count <> (SELECT count(*) FROM team_members m WHERE m.team_id = t.id)
                OR t.project_count <> (SELECT count(*) FROM projects p WHERE p.team_id = t.id)
                OR t.runner_count <> (SELECT count(*) FROM runners r WHERE r.team_id = t.id AND r.status <> 'deleted')",
        )
        .await;
    let totals: Vec<String> = world
        .all(
            "SELECT coalesce(k.organization_id, c.organization_id) || ' ' || coalesce(k.status, c.status) || ': ' || coalesce(k.teams, 0)
            FROM team_totals k FULL JOIN (SELECT organization_id, status, count(*) AS teams FROM teams GROUP BY 1, 2) c
                ON c.organization_id = k.organization_id AND c.status = k.status
            WHERE coalesce(k.teams, 0) <> coalesce(c.teams, 0)",
        )
        .await;
    wrong.extend(totals);
    wrong
}

/// B3, D7: after each of 300 random changes, in bulk and one by one, every counter is the true count.
#[tokio::test]
async fn b3_counters_are_true_after_random_changes() {
    let world = World::new().await;
    let seed: u64 = rand::rng().next_u64();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let other = world.organization("other").await;
    world.sql("INSERT INTO users (id, email) SELECT gen_random_uuid(), 'u' || n || '@example.com' FROM generate_series(1, 40) n").await;
    let insert_teams = format!(
        "INSERT INTO teams (id, organization_id, name, slug, status)
        SELECT id, CASE WHEN random() < 0.5 THEN '{DEFAULT_ORGANIZATION}'::uuid ELSE '{other}'::uuid END, id::text, id::text,
            (ARRAY['active', 'inactive', 'archived'])[1 + floor(random() * 3)::int]
        FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 5)) new"
    );
    let changes = [
        insert_teams.as_str(),
        "INSERT INTO team_members (team_id, user_id, role) SELECT t.id, u.id, 'member' FROM teams t, users u
            WHERE random() < 0.1 ON CONFLICT DO NOTHING",
        "INSERT INTO team_members (team_id, user_id, role) SELECT t.id, u.id, 'member' FROM teams t, users u
            WHERE random() < 0.05 ON CONFLICT (team_id, user_id) DO UPDATE SET role = 'admin'",
        "DELETE FROM team_members WHERE random() < 0.2",
        "DELETE FROM team_members WHERE false",
        "INSERT INTO projects (id, team_id, name) SELECT gen_random_uuid(), id, gen_random_uuid()::text FROM teams WHERE random() < 0.5",
        "DELETE FROM projects WHERE random() < 0.2",
        "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by)
            SELECT gen_random_uuid(), t.id, gen_random_uuid()::text,
                (ARRAY['pending', 'active', 'offline', 'deleted'])[1 + floor(random() * 4)::int], '{}', 1, (SELECT id FROM users LIMIT 1)
            FROM teams t WHERE random() < 0.5",
        "INSERT INTO runners (id, name, status, labels, runner_group_id, provisioned_by)
            SELECT gen_random_uuid(), gen_random_uuid()::text, 'active', '{}', 1, id FROM users LIMIT 2",
        "UPDATE runners SET status = (ARRAY['pending', 'active', 'offline', 'deleted'])[1 + floor(random() * 4)::int] WHERE random() < 0.5",
        "UPDATE runners SET team_id = (SELECT id FROM teams WHERE runners.id IS NOT NULL ORDER BY random() LIMIT 1) WHERE random() < 0.3",
        "UPDATE runners SET team_id = NULL WHERE random() < 0.1",
        "DELETE FROM runners WHERE random() < 0.1",
        "UPDATE teams SET status = (ARRAY['active', 'inactive', 'archived'])[1 + floor(random() * 3)::int] WHERE random() < 0.4",
        "UPDATE teams SET organization_id = (SELECT id FROM organizations WHERE teams.id IS NOT NULL ORDER BY random() LIMIT 1) WHERE random() < 0.2",
        "DELETE FROM teams t WHERE random() < 0.1 AND NOT EXISTS (SELECT FROM runners r WHERE r.team_id = t.id)",
        "DELETE FROM users u WHERE random() < 0.02 AND NOT EXISTS (SELECT FROM runners r WHERE r.provisioned_by = u.id)
            AND (SELECT count(*) FROM users) > 10",
    ];
    for step in 0..300 {
        let change = changes[rng.random_range(0..changes.len())];
        // Half of a change that is undone counts for nothing.
        if rng.random_bool(0.2) {
            let mut undone = world.pool.begin().await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(change))
                .execute(&mut *undone)
                .await
                .unwrap();
            undone.rollback().await.unwrap();
        } else {
            world.sql(change).await;
        }
        let wrong = wrong(&world).await;
        assert!(
            wrong.is_empty(),
            "step {step}, seed {seed}: after {change}:\n{}",
            wrong.join("\n")
        );
    }
    for table in ["teams", "team_members", "projects", "runners"] {
        let rows: i64 = world.one(&format!("SELECT count(*) FROM {table}")).await;
        assert!(rows > 0, "nothing was tested: {table} is empty, seed {seed}");
    }
}

/// B3 as a race: many add and remove members, projects and runners of one team at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b3_counters_are_true_after_concurrent_changes() {
    let world = std::sync::Arc::new(World::new().await);
    let team = world.team("Ops").await;
    let owner = world.member(team, "owner", TeamRole::Admin).await;
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move {
                let user = world.user(&format!("u{n}")).await;
                for round in 0..5 {
                    world.join(team, user, TeamRole::Member).await;
                    let project = world.project(team, &format!("p{n}-{round}")).await;
                    let runner = world.runner(Some(team), owner, "active").await;
                    if (n + round) % 2 == 0 {
                        world
                            .sql(&format!("UPDATE runners SET status = 'deleted' WHERE id = '{runner}'"))
                            .await;
                        world.sql(&format!("DELETE FROM projects WHERE id = '{project}'")).await;
                    }
                    world
                        .sql(&format!("DELETE FROM team_members WHERE user_id = '{user}'"))
                        .await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(wrong(&world).await, Vec::<String>::new());
    let counts: Vec<i32> = world
        .all(&format!(
            "SELECT unnest(ARRAY[member_count, project_count, runner_count]) FROM teams WHERE id = '{team}'"
        ))
        .await;
    assert_eq!(counts, [1, 40, 40]);
}
