//! Watches: nothing is missed, nothing goes back.

use std::{collections::BTreeMap, time::Duration};

use backend::objects::{self, Changes, Query, What};
use kubernetes::{Kind, Reason};

use super::{House, team};

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
    drop(ctx);
    assert_eq!(list.objects.len(), 50);
    let mut watch = changes
        .watch(house.caller(house.root).await, teams(), list.version)
        .await
        .unwrap();
    let (done, finished) = tokio::sync::watch::channel(false);
    let seen = tokio::spawn(async move {
        let (mut last, mut state, mut count) = (list.version, BTreeMap::new(), 0_u64);
        loop {
            let next = tokio::time::timeout(Duration::from_secs(3), watch.next()).await;
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
