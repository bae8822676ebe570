//! The migrations go up, down and up again on an empty database, and leave nothing behind on the way.

use sqlx::migrate::Migrate;

use crate::common::database::Database;

/// Everything in the schema that is ours: tables, functions, triggers, indexes, columns.
async fn schema(database: &Database) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT 'relation ' || c.relkind::text || ' ' || c.relname || coalesce(' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull, '')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE n.nspname = 'public' AND c.relname NOT LIKE '\\_sqlx%'
        UNION ALL SELECT 'function ' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = 'public' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
        UNION ALL SELECT 'trigger ' || t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal
        UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
            WHERE n.nspname = 'public' AND conname NOT LIKE '\\_sqlx%'
        ORDER BY 1",
    )
    .fetch_all(&database.pool)
    .await
    .expect("the catalogue")
}

/// DESIGN §1: migrations are reversible. Each step down undoes its step up exactly.
#[tokio::test]
async fn migrations_go_up_down_and_up_again() {
    let database = Database::empty().await;
    let steps: Vec<i64> = backend::MIGRATOR
        .iter()
        .filter(|step| step.migration_type.is_up_migration())
        .map(|step| step.version)
        .collect();
    let downs = backend::MIGRATOR
        .iter()
        .filter(|step| step.migration_type.is_down_migration())
        .count();
    assert_eq!((steps.len(), steps.is_empty()), (downs, false), "each has a way back");
    let empty = schema(&database).await;
    assert_eq!(empty, Vec::<String>::new());

    let mut after_each = vec![empty];
    for step in &steps {
        backend::MIGRATOR
            .run_to(*step, &database.pool)
            .await
            .unwrap_or_else(|error| panic!("{step} up: {error}"));
        after_each.push(schema(&database).await);
    }
    let full = after_each.last().unwrap().clone();
    for (index, step) in steps.iter().enumerate().rev() {
        let target = if index == 0 { 0 } else { steps[index - 1] };
        backend::MIGRATOR
            .undo(&database.pool, target)
            .await
            .unwrap_or_else(|error| panic!("{step} down: {error}"));
        assert_eq!(
            schema(&database).await,
            after_each[index],
            "{step} down leaves what was there before it"
        );
    }
    backend::MIGRATOR.run(&database.pool).await.expect("up again");
    assert_eq!(schema(&database).await, full);
    backend::MIGRATOR
        .run(&database.pool)
        .await
        .expect("a second time does nothing");
    let mut connection = database.pool.acquire().await.unwrap();
    let applied = connection.list_applied_migrations("_sqlx_migrations").await.unwrap();
    assert_eq!(applied.len(), steps.len());
}

/// The downs also work on a database that is in use.
#[tokio::test]
async fn migrations_go_down_with_data_in_place() {
    let world = crate::common::World::new().await;
    let team = world.team("Ops").await;
    let ada = world.member(team, "ada", domain::TeamRole::Admin).await;
    world.runner(Some(team), ada, "active").await;
    world
        .act(ada, async |ctx| {
            let name = domain::TokenName::parse("laptop")?;
            backend::tokens::create(ctx, ada, &name, None).await.map(drop)
        })
        .await
        .unwrap();
    backend::MIGRATOR.undo(&world.pool, 0).await.expect("all the way down");
    assert_eq!(schema(&world.database).await, Vec::<String>::new());
    backend::MIGRATOR.run(&world.pool).await.expect("and up");
    assert_eq!(world.one::<i64>("SELECT count(*) FROM organizations").await, 1);
}
