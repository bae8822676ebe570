//! Killed with -9 in the middle of provisioning, and started again (SPEC B15).

use std::time::{Duration, Instant};

use backend::{Backend, Ctx, Method, Settings, identity, members, teams, tokens};
use domain::{Email, TeamRole, TokenName, UserRef};
use simulators::github::{Faults, GitHubSimulator};

use super::command_line::{Serving, guildhall};
use crate::common::{client, database::Database};

const QUOTA: i32 = 10;

/// A member's token and the id of a team with a quota of ten.
async fn team_with_a_member(database: &Database) -> (String, String) {
    let backend = Backend::new(database.pool.clone(), None, Settings::default());
    let mut ctx = Ctx::system(&backend, "test", Method::Command)
        .await
        .expect("a transaction");
    let email = Email::parse("max@example.com").expect("an email");
    let user = identity::create(&mut ctx, &email, None, false, None)
        .await
        .expect("created");
    let new = teams::NewTeamInput {
        name: "Backend Team".to_owned(),
        max_runners: Some(QUOTA.into()),
        ..teams::NewTeamInput::default()
    };
    let team = teams::create(&mut ctx, new.parse().expect("valid"))
        .await
        .expect("created")
        .team
        .id;
    members::add(&mut ctx, team, &UserRef::Id(user), TeamRole::Member)
        .await
        .expect("added");
    let name = TokenName::parse("test").expect("a name");
    let (_, secret) = tokens::create(&mut ctx, user, &name, None).await.expect("created");
    ctx.commit().await.expect("committed");
    (secret.reveal().to_owned(), team.to_string())
}

/// Sends as many requests at once; returns how many made a runner.
async fn provision(url: &str, token: &str, team: &str, requests: usize) -> usize {
    let client = client();
    let calls = (0..requests).map(|_| {
        let request = client
            .post(format!("{url}/api/v1/runners/jit"))
            .bearer_auth(token)
            .json(&serde_json::json!({"team_id": team}));
        tokio::spawn(async move { request.send().await.is_ok_and(|answer| answer.status() == 201) })
    });
    let mut made = 0;
    for call in calls.collect::<Vec<_>>() {
        made += usize::from(call.await.expect("it ended"));
    }
    made
}

/// Runners that count against the quota, and how many of them wait for GitHub.
async fn counts(database: &Database) -> (usize, i64) {
    let (live, waiting): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(lease_until) FROM runners WHERE status <> 'deleted'")
            .fetch_one(&database.pool)
            .await
            .expect("counts");
    (usize::try_from(live).expect("a count"), waiting)
}

#[tokio::test(flavor = "multi_thread")]
async fn b15_killed_in_the_middle_the_truth_is_back_within_a_minute() {
    let database = Database::migrated().await;
    let (token, team) = team_with_a_member(&database).await;
    let github = GitHubSimulator::start_default().await.expect("a free port");
    let serve = || {
        let mut command = guildhall(&database, &["serve", "--listen", "127.0.0.1:0"]);
        command
            .env("GUILDHALL_GITHUB_API_URL", github.url())
            .env("GUILDHALL_GITHUB_ORG", github.org())
            .env("GUILDHALL_GITHUB_TOKEN", "demo-token")
            // Nobody reads its log, and a full pipe would stop it.
            .env("GUILDHALL_LOG_LEVEL", "off");
        Serving::start(command)
    };

    // Some confirmed, some reserved: GitHub gets slow after the first.
    let serving = serve();
    assert_eq!(provision(&serving.url, &token, &team, 3).await, 3);
    github.set_faults(Faults {
        latency_ms: 8_000,
        ..Faults::default()
    });
    let (url, one_token, one_team) = (serving.url.clone(), token.clone(), team.clone());
    let racing = tokio::spawn(async move { provision(&url, &one_token, &one_team, 300).await });
    let deadline = Instant::now() + Duration::from_secs(20);
    while counts(&database).await.1 == 0 {
        assert!(Instant::now() < deadline, "nothing was reserved");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    serving.kill_now();
    assert_eq!(racing.await.expect("it ended"), 0, "nobody got an answer");
    let (live, waiting) = counts(&database).await;
    assert!(
        waiting > 0 && live <= QUOTA as usize,
        "{waiting} of {live} wait for GitHub"
    );

    github.set_faults(Faults::default());
    let serving = serve();
    let deadline = Instant::now() + Duration::from_mins(1);
    while counts(&database).await.1 > 0 {
        assert!(Instant::now() < deadline, "reservations are left after a minute");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(
        (counts(&database).await.0, github.runner_count()),
        (3, 3),
        "what was confirmed, and no more"
    );

    // The places are free again: seven, not one more.
    assert_eq!(provision(&serving.url, &token, &team, 60).await, 7);
    assert_eq!((counts(&database).await.0, github.runner_count()), (10, 10));
}
