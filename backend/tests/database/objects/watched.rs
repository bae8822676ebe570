//! Watches: nothing is missed, nothing goes back.

use std::{collections::BTreeMap, time::Duration};

use backend::{
    Ctx,
    objects::{self, Changes, Query, What},
};
use kubernetes::{Kind, Reason};

use super::{House, team};
use crate::common::request;

fn teams() -> Query {
    Query {
        kind: Kind::Team,
        namespace: Some("acme".to_owned()),
        name: None,
    }
}

/// Writers change what they like, many at once, over SQL and over objects; whoever watches sees every object's last state,
/// and versions only rise.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_watch_through_ten_thousand_changes_misses_nothing() {
    let house = House::new().await;
    for number in 0..50 {
        house.world.team_in(house.acme, &format!("team-{number}")).await;
    }
    let changes = Changes::new(&house.world.backend);
    let job = tokio::spawn(changes.clone().run());
    let mut ctx = house.ctx(house.root).await;
    let list = objects::list(&mut ctx, &teams(), None, None, &|_| true).await.unwrap();
    // What the list brought up to date stays so.
    ctx.commit().await.unwrap();
    assert_eq!(list.objects.len(), 50);
    let mut watch = changes
        .watch(house.caller(house.root).await, teams(), list.version)
        .await
        .unwrap();
    let (done, finished) = tokio::sync::watch::channel(false);
    let seen = tokio::spawn(async move {
        let (mut last, mut state, mut count) = (list.version, BTreeMap::new(), 0_u64);
        loop {
            let next = tokio::time::timeout(Duration::from_secs(8), watch.next()).await;
            let Ok(next) = next else {
                if *finished.borrow() {
                    return (state, count);
                }
                continue;
            };
            for change in next.unwrap() {
                assert!(change.object.version() > last, "a version went back");
                last = change.object.version();
                count += 1;
                let name = change.object.metadata.name.clone();
                if change.what == What::Deleted {
                    state.remove(&name);
                } else {
                    state.insert(
                        name,
                        change.object.spec.get("rpmLimit").and_then(serde_json::Value::as_i64),
                    );
                }
            }
        }
    });
    let mut writers = Vec::new();
    for writer in 0..10 {
        let pool = house.world.pool.clone();
        writers.push(tokio::spawn(async move {
            for step in 0..1000_i64 {
                let team = format!("team-{}", (step * 7 + writer) % 50);
                sqlx::query("UPDATE teams SET rpm_limit = $2 WHERE slug = $1")
                    .bind(team)
                    .bind(step * 10 + writer)
                    .execute(&pool)
                    .await
                    .unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    done.send(true).unwrap();
    let (state, count) = seen.await.unwrap();
    job.abort();
    let truth: Vec<String> = house
        .world
        .all("SELECT slug || ' ' || coalesce(rpm_limit, -1) FROM teams WHERE slug LIKE 'team-%' ORDER BY slug")
        .await;
    let mut shown: Vec<String> = state
        .iter()
        .map(|(name, limit)| format!("{name} {}", limit.unwrap_or(-1)))
        .collect();
    shown.sort();
    let mut truth = truth;
    truth.sort();
    assert_eq!(shown, truth);
    assert!(count >= 50);
}

/// As many memberships as a large company has: each is there once, in pages, and under a name of its own.
#[tokio::test]
async fn ten_thousand_memberships_are_listed_in_pages() {
    let house = House::new().await;
    let team = house.world.team_in(house.acme, "everybody").await;
    house
        .world
        .sql(&format!(
            "WITH people AS (INSERT INTO users (id, email) SELECT gen_random_uuid(), 'p' || n % 5000 || '@' || n / 5000 || '.example.com'
                FROM generate_series(0, 9999) n RETURNING id)
            INSERT INTO team_members (team_id, user_id, role) SELECT '{team}', id, 'member' FROM people"
        ))
        .await;
    let query = Query {
        kind: Kind::TeamMemberAssociation,
        namespace: Some("acme".to_owned()),
        name: None,
    };
    let (mut names, mut after, mut pages) = (std::collections::BTreeSet::new(), None::<String>, 0);
    loop {
        // As doors read: what this brings up to date stays so.
        let mut ctx = Ctx::read(&house.world.backend, house.caller(house.root).await, request())
            .await
            .unwrap();
        let list = objects::list(&mut ctx, &query, Some(700), after.as_deref(), &|_| true)
            .await
            .unwrap();
        pages += 1;
        assert!(list.objects.len() <= 700);
        for object in list.objects {
            assert!(
                names.insert(object.metadata.name.clone()),
                "{} twice",
                object.metadata.name
            );
        }
        match list.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((names.len(), pages), (10_000, 15));
    let mut ctx = house.ctx(house.root).await;
    let shown = objects::get(&mut ctx, Kind::Team, "acme", "everybody").await.unwrap();
    assert_eq!(shown.status["memberCount"], 10_000);
    assert_eq!(shown.status["membersWithRole"].as_array().unwrap().len(), 100);
}

/// What a team spends is told now and then.
#[tokio::test]
async fn a10_spend_is_shown_with_the_end_of_its_period() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house
        .world
        .sql(
            "INSERT INTO budget_spend (level, object_id, period_start, period_end, spend)
            SELECT 'team', id, now() - interval '1 day', now() + interval '1 day', 1.50 FROM teams WHERE slug = 'ai-team'",
        )
        .await;
    let job = tokio::spawn(Changes::new(&house.world.backend).run());
    crate::common::within(Duration::from_secs(20), async || {
        let shown = house.get(house.root, Kind::Team, "ai-team").await.unwrap();
        shown.status.get("spend").is_some_and(|spend| spend == "1.5") && shown.status.contains_key("budgetResetAt")
    })
    .await;
    job.abort();
}

#[tokio::test]
async fn a_watch_resumes_where_it_was_and_what_is_forgotten_is_410() {
    let house = House::new().await;
    house.create(house.root, team("one")).await.unwrap();
    let changes = Changes::new(&house.world.backend);
    let job = tokio::spawn(changes.clone().run());
    let caller = house.caller(house.root).await;
    let mut watch = changes.watch(caller.clone(), teams(), 1).await.unwrap();
    let first = watch.next().await.unwrap();
    assert_eq!(first[0].object.metadata.name, "one");
    let place = watch.version();
    drop(watch);
    house.create(house.root, team("two")).await.unwrap();
    let mut watch = changes.watch(caller.clone(), teams(), place).await.unwrap();
    let next = watch.next().await.unwrap();
    assert_eq!(
        (next[0].what, next[0].object.metadata.name.as_str()),
        (What::Added, "two")
    );
    house
        .world
        .sql("UPDATE object_changes SET at = now() - interval '2 days'")
        .await;
    let mut ctx = house.ctx(house.root).await;
    assert!(objects::forget_old(&mut ctx).await.unwrap() > 0);
    ctx.commit().await.unwrap();
    let Err(refused) = changes.watch(caller.clone(), teams(), 1).await else {
        panic!("it is forgotten")
    };
    assert_eq!(refused.reason, Reason::Expired);
    let Err(refused) = changes.watch(caller, teams(), i64::MAX).await else {
        panic!("it is to come")
    };
    assert_eq!(refused.reason, Reason::Timeout);
    job.abort();
}
