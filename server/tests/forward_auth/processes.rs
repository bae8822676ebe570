//! Two processes over one database, each with a memory and a listener of its own: what changes on one is felt on the
//! other within a second.

use std::time::Duration;

use crate::office::{Answer, Office, Process, within};

const SOON: Duration = Duration::from_secs(1);

/// Waits until the process answers from memory, and proves it: with the triggers asleep a change is not seen.
async fn warm(process: &Process, credential: &str) {
    for _ in 0..3 {
        process.ask(credential, "llm-service").await.allowed();
    }
}

/// Warms, changes, and measures until the other process refuses.
async fn felt(process: &Process, credential: &str, what: &str, change: impl Future<Output = ()>) -> Answer {
    warm(process, credential).await;
    change.await;
    let took = within(SOON, async || {
        process.ask(credential, "llm-service").await.status != 200
    })
    .await;
    println!("{what}: refused after {took:?}");
    process.ask(credential, "llm-service").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_felt_by_the_other_process_within_a_second() {
    let office = Office::new().await;
    let process = Process::start(&office.world.state);
    let (member, team) = (&office.member, office.team);
    let sql = async |text: String| office.world.sql(&text).await;

    // It does answer from memory: what no trigger tells of goes unnoticed.
    let (id, secret) = office.key(member, team, None).await;
    within(Duration::from_secs(10), async || {
        warm(&process, &secret).await;
        sql("ALTER TABLE api_keys DISABLE TRIGGER USER".to_owned()).await;
        sql(format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{id}'")).await;
        let from_memory = process.ask(&secret, "llm-service").await.status == 200;
        sql(format!("UPDATE api_keys SET revoked_at = NULL WHERE id = '{id}'")).await;
        sql("ALTER TABLE api_keys ENABLE TRIGGER USER".to_owned()).await;
        from_memory
    })
    .await;

    let answer = felt(
        &process,
        &secret,
        "key revoked",
        sql(format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{id}'")),
    )
    .await;
    answer.refused(401, "Token validation failed: the key is unknown or revoked");

    let (id, secret) = office.key(member, team, None).await;
    let answer = felt(
        &process,
        &secret,
        "key deleted",
        sql(format!("DELETE FROM api_keys WHERE id = '{id}'")),
    )
    .await;
    assert_eq!(answer.status, 401);

    let (id, secret) = office.key(member, team, None).await;
    let past = sql(format!(
        "UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE id = '{id}'"
    ));
    assert_eq!(felt(&process, &secret, "key ended early", past).await.status, 401);

    let project = office.project(team, "Gone", Some(member)).await;
    let (_, secret) = office.key(member, team, Some(project)).await;
    let answer = felt(
        &process,
        &secret,
        "project deleted",
        sql(format!("DELETE FROM projects WHERE id = '{project}'")),
    )
    .await;
    assert_eq!(answer.status, 401);

    let (_, secret) = office.key(member, team, None).await;
    let policy = "DELETE FROM team_services";
    let answer = felt(
        &process,
        &secret,
        "service taken from the policy",
        sql(policy.to_owned()),
    )
    .await;
    answer.refused(403, "Service 'llm-service' not allowed for team");
    office.allow(team, "llm-service").await;
    within(SOON, async || process.ask(&secret, "llm-service").await.status == 200).await;

    let rules = "UPDATE services SET path_prefixes = '{/v1}' WHERE name = 'llm-service'";
    assert_eq!(
        felt(&process, &secret, "path rule", sql(rules.to_owned())).await.status,
        403
    );
    sql("UPDATE services SET path_prefixes = '{}'".to_owned()).await;
    within(SOON, async || process.ask(&secret, "llm-service").await.status == 200).await;

    for credential in [&secret, &member.token] {
        let inactive = sql(format!("UPDATE teams SET status = 'inactive' WHERE id = '{team}'"));
        let answer = felt(&process, credential, "team deactivated", inactive).await;
        answer.refused(403, "Team is inactive");
        sql(format!("UPDATE teams SET status = 'active' WHERE id = '{team}'")).await;
        within(SOON, async || {
            process.ask(credential, "llm-service").await.status == 200
        })
        .await;

        let removed = sql(format!("DELETE FROM team_members WHERE user_id = '{}'", member.id));
        let answer = felt(&process, credential, "member removed", removed).await;
        answer.refused(403, "You are not a member of this team");
        office.world.join(team, member, "member").await;
        within(SOON, async || {
            process.ask(credential, "llm-service").await.status == 200
        })
        .await;

        let deactivated = sql(format!(
            "UPDATE users SET deactivated_at = now() WHERE id = '{}'",
            member.id
        ));
        let answer = felt(&process, credential, "account deactivated", deactivated).await;
        answer.refused(403, "User account is deactivated.");
        sql(format!(
            "UPDATE users SET deactivated_at = NULL WHERE id = '{}'",
            member.id
        ))
        .await;
        within(SOON, async || {
            process.ask(credential, "llm-service").await.status == 200
        })
        .await;
    }
    let ends = format!(
        "UPDATE team_members SET expires_at = now() + interval '300 ms' WHERE user_id = '{}'",
        member.id
    );
    let answer = felt(
        &process,
        &secret,
        "membership ended by itself, 0.3 s after it was changed",
        sql(ends),
    )
    .await;
    answer.refused(403, "You are not a member of this team");
    // In bulk: more than a hundred keys in one statement say so together.
    sql("UPDATE team_members SET expires_at = NULL".to_owned()).await;
    let mut secrets = Vec::new();
    for _ in 0..120 {
        secrets.push(office.key(&office.admin, team, None).await.1);
    }
    let answer = felt(
        &process,
        &secrets[60],
        "many keys revoked",
        sql("UPDATE api_keys SET revoked_at = now()".to_owned()),
    )
    .await;
    assert_eq!(answer.status, 401);
}

/// As a race: while a key is revoked and given back all the time, no process goes on believing the old answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_crosses_a_change_is_not_kept() {
    let office = Office::new().await;
    let process = Process::start(&office.world.state);
    let (id, secret) = office.key(&office.member, office.team, None).await;
    for round in 0..60 {
        let (revoked, expected) = if round % 2 == 0 { ("now()", 401) } else { ("NULL", 200) };
        let change = async {
            office
                .world
                .sql(&format!("UPDATE api_keys SET revoked_at = {revoked} WHERE id = '{id}'"))
                .await;
        };
        let asking = async {
            for _ in 0..8 {
                process.ask(&secret, "llm-service").await;
            }
        };
        tokio::join!(asking, change, async { process.ask(&secret, "llm-service").await });
        within(SOON, async || {
            process.ask(&secret, "llm-service").await.status == expected
        })
        .await;
        assert_eq!(process.ask(&secret, "llm-service").await.status, expected);
    }
}

/// X18: a process that does not listen asks the database each time.
#[tokio::test]
async fn x18_without_a_listener_nothing_is_believed() {
    let office = Office::new().await;
    let (id, secret) = office.key(&office.member, office.team, None).await;
    for _ in 0..3 {
        office.ask(&secret, "llm-service").await.allowed();
    }
    office.world.sql("ALTER TABLE api_keys DISABLE TRIGGER USER").await;
    office
        .world
        .sql(&format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{id}'"))
        .await;
    assert_eq!(office.ask(&secret, "llm-service").await.status, 401, "at once");
}

/// When keys were last used reaches the database, but not with each request.
#[tokio::test]
async fn d8_last_use_is_noted() {
    let office = Office::new().await;
    let (id, secret) = office.key(&office.member, office.team, None).await;
    office.ask(&secret, "llm-service").await.allowed();
    let used =
        format!("SELECT count(*) FROM api_keys WHERE id = '{id}' AND last_used_at > now() - interval '1 minute'");
    assert_eq!(office.world.count(&used).await, 0);
    backend::keys::write_last_used(&office.world.pool)
        .await
        .expect("written");
    assert_eq!(office.world.count(&used).await, 1);
}

/// A notification drops what it names, and nothing else: the others are answered from memory as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_a_notification_names_is_dropped() {
    let office = Office::new().await;
    let process = Process::start(&office.world.state);
    let sql = async |text: String| office.world.sql(&text).await;
    let (id, kept) = office.key(&office.member, office.team, None).await;
    let (mut other, mut revoked) = office.key(&office.admin, office.team, None).await;
    // Two keys in one place forget each other.
    while (id.as_u128() ^ other.as_u128()).trailing_zeros() >= 12 {
        (other, revoked) = office.key(&office.admin, office.team, None).await;
    }
    let elsewhere = office.world.team_in(office.organization, "Elsewhere").await;
    within(Duration::from_secs(10), async || {
        warm(&process, &kept).await;
        warm(&process, &revoked).await;
        // Without a word to anyone.
        for table in ["api_keys", "team_members", "team_services"] {
            sql(format!("ALTER TABLE {table} DISABLE TRIGGER USER")).await;
        }
        sql(format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{id}'")).await;
        let from_memory = process.ask(&kept, "llm-service").await.status == 200;
        if !from_memory {
            sql(format!("UPDATE api_keys SET revoked_at = NULL WHERE id = '{id}'")).await;
        }
        for table in ["api_keys", "team_members", "team_services"] {
            sql(format!("ALTER TABLE {table} ENABLE TRIGGER USER")).await;
        }
        from_memory
    })
    .await;
    // Another key, another person, another team's policy.
    sql(format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{other}'")).await;
    sql(format!(
        "UPDATE users SET display_name = 'x' WHERE id = '{}'",
        office.admin.id
    ))
    .await;
    office.allow(elsewhere, "llm-service").await;
    within(SOON, async || process.ask(&revoked, "llm-service").await.status == 401).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    process.ask(&kept, "llm-service").await.allowed();
}
