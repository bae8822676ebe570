//! When people were last seen.

use backend::users;
use chrono::{DateTime, TimeDelta, Utc};
use domain::UserId;
use sqlx::postgres::PgListener;

use crate::common::World;

async fn last_seen(world: &World, who: UserId) -> Option<DateTime<Utc>> {
    world
        .one(&format!("SELECT last_seen_at FROM users WHERE id = '{who}'"))
        .await
}

/// Issue 3: when someone was last seen is written at sign-in, and once an hour of use, whichever process saw them.
#[tokio::test]
async fn last_seen_is_written_once_an_hour() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let noon: DateTime<Utc> = "2030-01-01T12:00:00Z".parse().unwrap();
    let at = |minutes: i64| noon + TimeDelta::minutes(minutes);
    let flush = async || users::write_last_seen(&world.pool).await.unwrap();
    assert_eq!(last_seen(&world, ada).await, None);
    users::seen(ada, at(0));
    assert_eq!(last_seen(&world, ada).await, None, "a request writes nothing");
    flush().await;
    assert_eq!(
        (last_seen(&world, ada).await, last_seen(&world, bob).await),
        (Some(at(0)), None)
    );
    for (minutes, expected) in [(1, 0), (59, 0), (60, 60), (90, 60), (30, 60), (121, 121)] {
        users::seen(ada, at(minutes));
        flush().await;
        assert_eq!(last_seen(&world, ada).await, Some(at(expected)), "{minutes}");
    }
    // Another process has written it down meanwhile.
    world
        .sql(&format!(
            "UPDATE users SET last_seen_at = '2030-01-01T15:50:00Z' WHERE id = '{ada}'"
        ))
        .await;
    users::seen(ada, at(240));
    flush().await;
    assert_eq!(last_seen(&world, ada).await, Some(at(230)), "not twice an hour");
    users::signed_in(&world.backend, ada, at(250)).await.unwrap();
    assert_eq!(
        last_seen(&world, ada).await,
        Some(at(250)),
        "a sign-in is written at once"
    );
    users::signed_in(&world.backend, ada, at(10)).await.unwrap();
    assert_eq!(last_seen(&world, ada).await, Some(at(250)), "never backwards");
    flush().await;
    flush().await;
}

/// Issue 3: writing that someone was seen makes no process forget them; a change that decides something does.
#[tokio::test]
async fn last_seen_says_nothing_to_other_processes() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut listener = PgListener::connect_with(&world.pool).await.unwrap();
    listener.listen("guildhall").await.unwrap();
    let mut heard = async || {
        // What comes after in the same order marks the end.
        world.sql("SELECT pg_notify('guildhall', 'end')").await;
        let mut heard = Vec::new();
        loop {
            let payload = listener.recv().await.unwrap().payload().to_owned();
            if payload == "end" {
                return heard;
            }
            heard.push(payload);
        }
    };
    users::signed_in(&world.backend, ada, Utc::now()).await.unwrap();
    world
        .sql(&format!(
            "UPDATE users SET last_seen_at = NULL, updated_at = now(), deactivation_reason = 'x' WHERE id = '{ada}'"
        ))
        .await;
    users::seen(ada, Utc::now() + TimeDelta::hours(2));
    users::write_last_seen(&world.pool).await.unwrap();
    assert_eq!(heard().await, Vec::<String>::new());
    assert!(last_seen(&world, ada).await.is_some());
    for change in [
        "email = 'other@example.com'",
        "display_name = 'Ada'",
        "is_super_admin = true",
        "is_auditor = true",
        "can_use_jit = false",
        "deactivated_at = now()",
    ] {
        world
            .sql(&format!("UPDATE users SET {change} WHERE id = '{ada}'"))
            .await;
        assert_eq!(heard().await, [format!("user:{ada}")], "{change}");
    }
    world.sql(&format!("DELETE FROM users WHERE id = '{ada}'")).await;
    assert!(heard().await.contains(&format!("user:{ada}")));
}
