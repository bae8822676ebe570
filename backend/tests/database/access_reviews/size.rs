//! A review of ten thousand lines costs as many statements as one of ten.

use std::{cell::Cell, time::Duration};

use backend::{
    Ctx,
    access_reviews::{self, LineQuery, ReviewQuery},
    waiting,
};
use tracing_subscriber::layer::SubscriberExt as _;

use super::{Scene, of_organization};
use crate::common::request;

thread_local! {
    /// What sqlx sent on this thread: tests that run beside this one have threads of their own.
    static STATEMENTS: Cell<usize> = const { Cell::new(0) };
}

struct CountStatements;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for CountStatements {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            STATEMENTS.set(STATEMENTS.get() + 1);
        }
    }
}

#[tokio::test]
async fn access_review_of_ten_thousand_lines_costs_a_fixed_number_of_statements() {
    let scene = Scene::new().await;
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(CountStatements));
    // The first signature of an installation makes the key.
    backend::authz::signer(&scene.world.backend, chrono::Utc::now())
        .await
        .unwrap();
    let mut counts = Vec::new();
    for more in [2, 10_000] {
        scene
            .world
            .sql(&format!(
                "WITH made AS (INSERT INTO users (id, email)
                    SELECT gen_random_uuid(), 'p' || n || '-{more}@example.com' FROM generate_series(1, {more}) n RETURNING id)
                INSERT INTO team_members (team_id, user_id, role) SELECT '{}', id, 'member' FROM made",
                scene.team
            ))
            .await;
        let mut costs = Vec::new();
        let mut before = STATEMENTS.get();
        let mut cost = || {
            let now = STATEMENTS.get();
            costs.push(now - std::mem::replace(&mut before, now));
        };
        let started = std::time::Instant::now();
        let review = scene
            .start(scene.org_admin, of_organization(scene.organization, "keep"))
            .await
            .unwrap()
            .review;
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(review.lines >= more);
        cost();
        let mut ctx = Ctx::read(
            &scene.world.backend,
            scene.world.caller(scene.org_admin).await,
            request(),
        )
        .await
        .unwrap();
        cost();
        let query = LineQuery {
            limit: 1000,
            ..LineQuery::default()
        };
        let (_, page) = access_reviews::lines(&mut ctx, review.id, &query).await.unwrap();
        cost();
        access_reviews::get(&mut ctx, review.id).await.unwrap();
        cost();
        access_reviews::list(&mut ctx, &ReviewQuery::default()).await.unwrap();
        cost();
        waiting::load(&mut ctx).await.unwrap();
        cost();
        assert_eq!(i64::try_from(page.items.len()).unwrap(), page.total.min(1000));
        drop(ctx);
        let started = std::time::Instant::now();
        scene.close(scene.org_admin, review.id).await.unwrap();
        access_reviews::settle(&scene.world.backend, review.id).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(10));
        cost();
        counts.push(costs);
    }
    assert_eq!(counts[0], counts[1]);
    assert_eq!(counts[0][5], 1, "what waits is asked on each page: {counts:?}");
}
