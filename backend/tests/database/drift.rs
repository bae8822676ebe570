//! Labels at GitHub that are not those that were provisioned (B22), and policies that changed since.

use backend::{DriftBusyAction, Settings, runners::JitInput};
use domain::TeamId;
use simulators::github::Faults;

use crate::{
    common::World,
    sync::{number, ops, synced},
};

/// A world with one online runner, `box`, with the label `docker`; GitHub's number of it.
async fn online(settings: Settings) -> (World, TeamId, i64) {
    let world = World::with(settings).await;
    let (team, dev) = ops(&world).await;
    world
        .sql("UPDATE teams SET required_labels = '{docker}', optional_label_patterns = '{app-.*}'")
        .await;
    let input = JitInput {
        runner_name: Some("box".to_owned()),
        labels: vec!["app-1".to_owned()],
        team_id: Some(team),
        ..JitInput::default()
    };
    world.provision(dev, input).await.expect("provisioned");
    let github = number(&world, "box").await;
    world.github.connect_runner(github);
    assert_eq!(synced(&world).await.label_drifts, 0);
    (world, team, github)
}

fn relabel(world: &World, github: i64, labels: &[&str]) {
    let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
    assert!(world.github.update_runner(github, |runner| runner.labels = labels));
}

async fn events(world: &World) -> Vec<String> {
    world
        .all("SELECT event_type || ' ' || severity || ' ' || action_taken FROM security_events ORDER BY at, id")
        .await
}

async fn state(world: &World) -> String {
    world
        .one("SELECT status || coalesce(' ' || deletion_reason, '') FROM runners")
        .await
}

const DELETE: &str = "DELETE /orgs/{org}/actions/runners/{id}";

#[tokio::test]
async fn b22_an_idle_runner_that_drifted_is_removed_at_github_and_then_here() {
    let (world, team, github) = online(Settings::default()).await;
    relabel(&world, github, &["APP-1", "Docker", "X64", "linux", "self-hosted"]);
    assert_eq!(synced(&world).await.label_drifts, 0, "the same, in other words");
    relabel(&world, github, &["self-hosted", "app-1", "Prod"]);
    let counts = synced(&world).await;
    assert_eq!((counts.label_drifts, counts.deleted, counts.total), (1, 1, 1));
    assert_eq!(
        (state(&world).await.as_str(), world.github.runner_count()),
        ("deleted label_drift", 0)
    );
    assert_eq!(events(&world).await, ["label_drift_detected high runner_deleted"]);
    let data: serde_json::Value = world.one("SELECT violation_data FROM security_events").await;
    let expected = serde_json::json!({
        "original_labels": ["self-hosted", "linux", "x64", "docker", "app-1"],
        "current_labels": ["self-hosted", "app-1", "Prod"],
        "added_labels": ["Prod"],
        "removed_labels": ["docker"],
        "runner_busy": false,
        "provisioning_method": "jit",
    });
    assert_eq!(data, expected);
    let who: String = world
        .one(&format!(
            "SELECT user_identity || ' ' || runner_name || ' ' || team_name FROM security_events
            WHERE team_id = '{team}' AND github_runner_id = {github} AND user_id IS NOT NULL"
        ))
        .await;
    assert_eq!(who, "dev@example.com box Ops");
    let audited: i64 = world
        .one(&format!(
            "SELECT count(*) FROM audit_entries WHERE action = 'runner.drift_deleted' AND team_id = '{team}'"
        ))
        .await;
    assert_eq!(audited, 1);
}

/// B22 [F]: while GitHub does not agree it is not deleted here; the event says so, once; the next pass tries again.
#[tokio::test]
async fn b22_a_runner_that_github_keeps_is_not_marked_deleted() {
    let (world, _, github) = online(Settings::default()).await;
    relabel(&world, github, &["prod"]);
    world.github.set_faults(Faults {
        only: Some("DELETE ".to_owned()),
        fail_next: 2,
        fail_status: 500,
        ..Faults::default()
    });
    for _ in 0..2 {
        let counts = synced(&world).await;
        assert_eq!((counts.label_drifts, counts.errors, counts.deleted), (1, 1, 0));
        assert_eq!(state(&world).await, "active", "it counts against its quota");
        assert_eq!(events(&world).await, ["label_drift_detected high delete_failed"]);
    }
    assert_eq!(synced(&world).await.deleted, 1);
    assert_eq!(state(&world).await, "deleted label_drift");
    assert_eq!(events(&world).await.len(), 1, "no second event for the same drift");
    assert_eq!(world.github.calls_of(DELETE), 3);
}

#[tokio::test]
async fn b22_a_rate_limit_at_the_removal_ends_the_pass() {
    let (world, _, github) = online(Settings::default()).await;
    relabel(&world, github, &["prod"]);
    world.github.set_faults(Faults {
        only: Some("DELETE ".to_owned()),
        rate_limit: Some(simulators::github::RateLimit::default()),
        ..Faults::default()
    });
    let run = crate::sync::pass(&world).await;
    assert_eq!(run.error.as_deref(), Some("GitHub API rate limit exceeded"));
    assert_eq!(
        (state(&world).await.as_str(), events(&world).await.len()),
        ("active", 0)
    );
}

#[tokio::test]
async fn b22_a_busy_runner_is_logged_once_for_each_drift() {
    let (world, _, github) = online(Settings::default()).await;
    world.github.begin_job(github, "acme/shop", "build").expect("idle");
    relabel(&world, github, &["docker", "app-1", "prod"]);
    for _ in 0..3 {
        assert_eq!(synced(&world).await.label_drifts, 1);
        assert_eq!(events(&world).await, ["label_drift_detected high logged_only"]);
    }
    assert_eq!(world.github.calls_of(DELETE), 0);
    relabel(&world, github, &["docker", "app-1", "prod", "gpu"]);
    synced(&world).await;
    assert_eq!(events(&world).await.len(), 2, "another drift");
    relabel(&world, github, &["docker", "app-1"]);
    assert_eq!(synced(&world).await.label_drifts, 0, "it is right again");
    assert_eq!(world.one::<i64>("SELECT count(*) FROM runner_findings").await, 0);
    relabel(&world, github, &["docker", "app-1", "prod", "gpu"]);
    synced(&world).await;
    assert_eq!(events(&world).await.len(), 3, "and wrong again");
    // The job ends while the drift lasts.
    world.github.update_runner(github, |runner| runner.busy = false);
    assert_eq!(synced(&world).await.deleted, 1);
    assert_eq!(
        events(&world).await.last().unwrap(),
        "label_drift_detected high runner_deleted"
    );
    assert!(world.github.cancelled_runs().is_empty());
}

/// A runner that gets a job between GitHub's answer and its removal is treated as the busy one that it is.
#[tokio::test]
async fn b22_a_runner_that_became_busy_is_not_removed() {
    let (world, _, github) = online(Settings::default()).await;
    relabel(&world, github, &["prod"]);
    world.github.set_faults(Faults {
        only: Some("DELETE ".to_owned()),
        fail_next: 1,
        fail_status: 422,
        ..Faults::default()
    });
    let counts = synced(&world).await;
    assert_eq!((counts.errors, counts.deleted), (0, 0));
    assert_eq!(events(&world).await, ["label_drift_detected high logged_only"]);
}

#[tokio::test]
async fn b22_a_busy_runners_run_is_cancelled_when_configured() {
    let settings = Settings {
        drift_busy_action: DriftBusyAction::Cancel,
        ..Settings::default()
    };
    let (world, team, github) = online(settings).await;
    let job = world.github.begin_job(github, "acme/shop", "build").expect("idle");
    relabel(&world, github, &["prod"]);
    synced(&world).await;
    let why = "SELECT violation_data->>'not_cancelled' FROM security_events";
    assert_eq!(world.one::<String>(why).await, "no webhook told which job it runs");
    assert_eq!(events(&world).await, ["label_drift_detected high logged_only"]);
    // The webhook arrives.
    world
        .sql(&format!(
            "INSERT INTO workflow_jobs (id, run_id, repository, name, runner_id, status, started_at)
            SELECT {}, {}, 'acme/shop', 'build', id, 'in_progress', now() FROM runners",
            job.id, job.run_id
        ))
        .await;
    synced(&world).await;
    synced(&world).await;
    assert_eq!(
        world.github.cancelled_runs(),
        [format!("acme/shop/{}", job.run_id)],
        "once"
    );
    assert_eq!(events(&world).await.len(), 1);
    let audited: i64 = world
        .one(&format!(
            "SELECT count(*) FROM audit_entries WHERE action = 'runner.workflow_cancelled' AND team_id = '{team}'"
        ))
        .await;
    assert_eq!(audited, 1);
}

/// The policy changed since: counted and shown, not deleted.
#[tokio::test]
async fn b21_a_runner_that_its_teams_policy_would_not_admit_now_is_counted() {
    let (world, _, _) = online(Settings::default()).await;
    let root = world.super_admin().await;
    world.sql("UPDATE teams SET optional_label_patterns = '{other}'").await;
    for _ in 0..2 {
        let counts = synced(&world).await;
        assert_eq!((counts.policy_violations, counts.unchanged, counts.deleted), (1, 1, 0));
    }
    let (findings, total) = world
        .ask(root, async |ctx| backend::sync::findings(ctx, 10).await)
        .await
        .unwrap();
    assert_eq!(
        (findings[0].drift, findings[0].labels.as_slice(), total),
        (false, &["app-1".to_owned()][..], 1)
    );
    world.sql("UPDATE teams SET optional_label_patterns = '{APP-.}'").await;
    assert_eq!(synced(&world).await.policy_violations, 0);
    assert!(
        world
            .ask(root, async |ctx| backend::sync::findings(ctx, 10).await)
            .await
            .unwrap()
            .0
            .is_empty()
    );
    assert!(events(&world).await.is_empty());
}
