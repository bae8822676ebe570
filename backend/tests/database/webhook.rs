//! What GitHub's `workflow_job` webhook does to jobs and runners (B23).

use backend::{
    Backend, Settings, WorkflowLabelCheck,
    runners::JitInput,
    workflow_jobs::{self, Received},
};
use domain::{TeamId, TeamRole, UserId, views::Provisioned};
use serde_json::{Value, json};
use simulators::github::Faults;

use crate::common::{World, request};

/// A team with an optional label `gpu`, and a runner that has it.
struct Scene {
    world: World,
    team: TeamId,
    dev: UserId,
    runner: Provisioned,
    github_id: i64,
}

impl Scene {
    async fn new(check: WorkflowLabelCheck) -> Self {
        let world = World::with(Settings {
            workflow_label_check: check,
            ..Settings::default()
        })
        .await;
        let team = world.team("Ops").await;
        world
            .sql("UPDATE teams SET required_labels = '{ops}', optional_label_patterns = '{gpu.*}'")
            .await;
        let dev = world.member(team, "dev", TeamRole::Member).await;
        let input = JitInput {
            team_id: Some(team),
            labels: vec!["gpu".to_owned()],
            ..JitInput::default()
        };
        let runner = world.provision(dev, input).await.unwrap();
        let github_id = world.one("SELECT github_runner_id FROM runners").await;
        Self {
            world,
            team,
            dev,
            runner,
            github_id,
        }
    }

    /// An event as GitHub writes it.
    fn event(&self, action: &str) -> Value {
        let runner = (action != "queued").then_some((self.github_id, self.runner.runner_name.as_str()));
        json!({
            "action": action,
            "workflow_job": {
                "id": 11, "run_id": 7, "run_attempt": 1, "workflow_name": "CI", "name": "build", "labels": ["self-hosted", "gpu"],
                "runner_id": runner.map(|(id, _)| id), "runner_name": runner.map(|(_, name)| name),
                "started_at": "2026-11-21T08:00:00Z",
                "completed_at": (action == "completed").then_some("2026-11-21T08:05:00Z"),
                "conclusion": (action == "completed").then_some("success"), "head_branch": "main",
            },
            "repository": {"full_name": "acme/shop"}, "sender": {"login": "octocat"},
        })
    }

    async fn tell(&self, action: &str) -> Received {
        self.say(&self.event(action)).await
    }

    async fn say(&self, event: &Value) -> Received {
        deliver(&self.world.backend, event).await
    }

    /// Status and busy of the runner, and status of the job.
    async fn state(&self) -> String {
        let runner: String = self.world.one("SELECT status || ' ' || busy FROM runners").await;
        let jobs = self.world.all::<String>("SELECT status FROM workflow_jobs").await;
        format!("{runner} {}", jobs.join(","))
    }
}

async fn deliver(backend: &Backend, event: &Value) -> Received {
    let event = workflow_jobs::parse(event.to_string().as_bytes())
        .unwrap()
        .expect("an action that is used");
    workflow_jobs::receive(backend, request(), &event).await.unwrap()
}

/// The jobs' effects in the audit log.
const STATES: &str =
    "SELECT (after->>'status') || ' ' || (after->>'busy') || ' ' || (team_id IS NOT NULL) || ' ' || actor
    FROM audit_entries WHERE action = 'runner.update_status' ORDER BY txid, position";

#[tokio::test]
async fn b23_a_job_makes_its_runner_active_and_then_offline() {
    let scene = Scene::new(WorkflowLabelCheck::Audit).await;
    scene.tell("queued").await;
    assert_eq!(scene.state().await, "pending false queued");
    scene.tell("in_progress").await;
    assert_eq!(scene.state().await, "active true in_progress");
    scene.tell("completed").await;
    assert_eq!(scene.state().await, "offline false completed");
    let job: String = scene
        .world
        .one("SELECT concat_ws(' ', run_id, repository, workflow_name, name, sender, conclusion, array_to_string(labels, ','),
            extract(epoch FROM completed_at - started_at)::int, (SELECT slug FROM teams t WHERE t.id = team_id)) FROM workflow_jobs")
        .await;
    assert_eq!(
        job,
        "7 acme/shop CI build octocat success self-hosted,linux,x64,ops,gpu 300 ops"
    );
    assert_eq!(
        scene.world.all::<String>(STATES).await,
        ["active true true github", "offline false true github"]
    );
    let history: Vec<String> = scene
        .world
        .all("SELECT status || ' ' || busy FROM runner_history ORDER BY id")
        .await;
    assert_eq!(history, ["pending false", "active true", "offline false"]);
    let events: i64 = scene.world.one("SELECT count(*) FROM security_events").await;
    assert_eq!(events, 0, "the policy admits gpu");
}

#[tokio::test]
async fn b23_deliveries_that_come_again_or_late_change_nothing() {
    let scene = Scene::new(WorkflowLabelCheck::Audit).await;
    // Nobody delivers in order.
    scene.tell("completed").await;
    assert_eq!(scene.state().await, "offline false completed");
    for late in ["in_progress", "queued"] {
        assert!(matches!(scene.tell(late).await, Received::Ignored), "{late}");
        assert_eq!(scene.state().await, "offline false completed");
    }
    // What the sync saw since is not undone by the same delivery sent again.
    scene.world.sql("UPDATE runners SET status = 'active'").await;
    assert!(matches!(
        scene.tell("completed").await,
        Received::Recorded { cancel: None }
    ));
    assert_eq!(scene.state().await, "active false completed");
    assert_eq!(scene.world.all::<String>(STATES).await.len(), 1);
}

#[tokio::test]
async fn b23_many_deliveries_of_one_job_at_once_are_one() {
    let scene = Scene::new(WorkflowLabelCheck::Audit).await;
    scene.world.sql("UPDATE teams SET optional_label_patterns = '{}'").await;
    let events = ["queued", "in_progress", "completed"].map(|action| scene.event(action));
    let all = (0..8).flat_map(|_| &events).map(|event| scene.say(event));
    futures_util::future::join_all(all).await;
    assert_eq!(scene.state().await, "offline false completed");
    assert!(scene.world.all::<String>(STATES).await.len() <= 2);
    let violations: i64 = scene.world.one("SELECT count(*) FROM security_events").await;
    assert!(violations <= 1);
}

#[tokio::test]
async fn b23_a_deleted_runner_stays_deleted_and_its_job_is_kept() {
    let scene = Scene::new(WorkflowLabelCheck::Audit).await;
    scene
        .world
        .sql("UPDATE runners SET status = 'deleted', deleted_at = now()")
        .await;
    for action in ["in_progress", "completed"] {
        scene.tell(action).await;
        assert_eq!(scene.state().await, format!("deleted false {action}"));
    }
    let owned: i64 = scene
        .world
        .one("SELECT count(*) FROM workflow_jobs WHERE team_id IS NOT NULL")
        .await;
    assert_eq!((owned, scene.world.all::<String>(STATES).await.len()), (1, 0));
}

#[tokio::test]
async fn b23_jobs_of_unknown_runners_do_no_harm() {
    let scene = Scene::new(WorkflowLabelCheck::Enforce).await;
    let mut event = scene.event("in_progress");
    // A namesake with another number is another runner.
    event["workflow_job"]["runner_id"] = json!(scene.github_id + 1);
    assert!(matches!(scene.say(&event).await, Received::Ignored));
    event["workflow_job"]["runner_name"] = json!("GitHub Actions 2");
    event["workflow_job"]["name"] = json!("nul \u{0}");
    assert!(matches!(scene.say(&event).await, Received::Ignored));
    assert_eq!(scene.state().await, "pending false ");
    // No number yet, because our answer is on its way: then the name is enough, and provisioning goes on.
    scene
        .world
        .sql("UPDATE runners SET github_runner_id = NULL, lease_until = now() + interval '1 minute'")
        .await;
    scene.tell("in_progress").await;
    assert_eq!(scene.state().await, "pending false in_progress");
    // Once the job is over that no runner took, GitHub gives it the runner 0 without a name, and an end before its start.
    let mut event = scene.event("completed");
    event["workflow_job"]["id"] = json!(12);
    event["workflow_job"]["runner_id"] = json!(0);
    event["workflow_job"]["runner_name"] = json!("");
    assert!(matches!(scene.say(&event).await, Received::Ignored));
    event["action"] = json!("queued");
    scene.say(&event).await;
    event["action"] = json!("completed");
    event["workflow_job"]["completed_at"] = json!("2026-11-21T07:00:00Z");
    scene.say(&event).await;
    let over: i64 = scene
        .world
        .one("SELECT count(*) FROM workflow_jobs WHERE id = 12 AND status = 'completed'")
        .await;
    assert_eq!(over, 1);
}

#[tokio::test]
async fn b23_labels_out_of_policy_are_one_security_event() {
    let scene = Scene::new(WorkflowLabelCheck::Audit).await;
    scene.world.sql("UPDATE teams SET optional_label_patterns = '{}'").await;
    for _ in 0..2 {
        assert!(matches!(
            scene.tell("in_progress").await,
            Received::Recorded { cancel: None }
        ));
    }
    let events: Vec<String> = scene
        .world
        .all(
            "SELECT concat_ws(' ', event_type, severity, action_taken, user_identity, team_name,
            violation_data->>'refused_labels', violation_data->>'job_id') FROM security_events",
        )
        .await;
    assert_eq!(
        events,
        [r#"label_policy_violation_workflow high logged_only octocat Ops ["gpu"] 11"#]
    );
    assert!(scene.world.github.cancelled_runs().is_empty());
    assert_eq!(scene.state().await, "active true in_progress");
    let _ = (scene.team, scene.dev);
}

#[tokio::test]
async fn b23_enforce_cancels_the_run_and_says_whether_it_worked() {
    let scene = Scene::new(WorkflowLabelCheck::Enforce).await;
    scene.world.sql("UPDATE teams SET optional_label_patterns = '{}'").await;
    const ACTION: &str = "SELECT action_taken FROM security_events ORDER BY at DESC LIMIT 1";
    let Received::Recorded { cancel: Some(cancel) } = scene.tell("in_progress").await else {
        panic!("the run has to be cancelled");
    };
    // Committed before GitHub is called; if this process died now, nobody could say that it was cancelled.
    assert_eq!(scene.state().await, "active true in_progress");
    assert_eq!(scene.world.one::<String>(ACTION).await, "cancel_failed");
    scene.world.github.set_faults(Faults {
        fail_next: 1,
        fail_status: 409,
        ..Faults::default()
    });
    workflow_jobs::cancel(&scene.world.backend, &cancel).await;
    assert_eq!(scene.world.one::<String>(ACTION).await, "cancel_failed");
    workflow_jobs::cancel(&scene.world.backend, &cancel).await;
    assert_eq!(scene.world.one::<String>(ACTION).await, "workflow_cancelled");
    assert_eq!(scene.world.github.cancelled_runs(), ["acme/shop/7"]);
    assert!(
        matches!(scene.tell("in_progress").await, Received::Recorded { cancel: None }),
        "once for each job"
    );
}

/// Jobs that have been queued for 30 days never began, and are forgotten; those that ran stay, for cost.
#[tokio::test]
async fn b23_jobs_that_never_began_are_forgotten() {
    let scene = Scene::new(WorkflowLabelCheck::Audit).await;
    let add = async |id: i64, status: &str, days: i64| {
        scene
            .world
            .sql(&format!(
                "INSERT INTO workflow_jobs (id, run_id, repository, name, status, received_at)
                VALUES ({id}, 1, 'acme/shop', 'build', '{status}', now() - interval '{days} days')"
            ))
            .await;
    };
    add(1, "queued", 31).await;
    add(2, "queued", 29).await;
    add(3, "in_progress", 31).await;
    add(4, "completed", 400).await;
    assert_eq!(workflow_jobs::purge(&scene.world.backend).await.unwrap(), 1);
    let left: Vec<i64> = scene.world.all("SELECT id FROM workflow_jobs ORDER BY id").await;
    assert_eq!(left, [2, 3, 4]);
}
