//! The workflow jobs that simulated runners run, and who wants to hear of them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::state::{Shared, SimulatedRunner, SimulatorState};

/// A job of a workflow run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// GitHub's number of the job.
    pub id: i64,
    /// GitHub's number of the run.
    pub run_id: i64,
    /// `owner/name`.
    pub repository: String,
    /// The workflow's name.
    pub workflow: String,
    /// The job's name.
    pub name: String,
    /// Login of who started it.
    pub sender: String,
    /// What it asks of a runner.
    pub labels: Vec<String>,
    /// When it began to run.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub completed_at: Option<DateTime<Utc>>,
}

/// A job that became something else: what GitHub tells of by `workflow_job` webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEvent {
    /// It waits for a runner.
    Queued(Job),
    /// It runs.
    InProgress(Job, SimulatedRunner),
    /// It is over: with `success`, `failure` or `cancelled`.
    Completed(Job, SimulatedRunner, &'static str),
}

impl Shared {
    /// Gives an idle, connected runner a job; tells `queued` and `in_progress`. None when there is no such runner.
    pub(super) fn begin_job(&self, runner: i64, repository: &str, name: &str) -> Option<Job> {
        let (queued, running, by) = {
            let mut state = self.state();
            let queued = state.queue(runner, repository, name)?;
            let mut running = queued.clone();
            running.started_at = Some(now());
            state.jobs.insert(runner, running.clone());
            let by = state.runners.get_mut(&runner)?;
            by.busy = true;
            (queued, running, by.clone())
        };
        self.tell(JobEvent::Queued(queued));
        self.tell(JobEvent::InProgress(running.clone(), by));
        Some(running)
    }

    /// Ends a runner's job and, since runners are ephemeral, the runner with it. Whether it had one.
    pub(super) fn end_job(&self, runner: i64, conclusion: &'static str) -> bool {
        let over = {
            let mut state = self.state();
            let Some(mut job) = state.jobs.remove(&runner) else {
                return false;
            };
            job.completed_at = Some(now());
            state.remove(runner).map(|mut by| {
                by.busy = false;
                (job, by)
            })
        };
        if let Some((job, by)) = over {
            self.tell(JobEvent::Completed(job, by, conclusion));
        }
        true
    }

    /// Ends the jobs of a run.
    pub(super) fn cancel_jobs(&self, repository: &str, run_id: i64) {
        let cancelled: Vec<i64> = (self.state().jobs.iter())
            .filter(|(_, job)| job.run_id == run_id && job.repository.eq_ignore_ascii_case(repository))
            .map(|(runner, _)| *runner)
            .collect();
        for runner in cancelled {
            self.end_job(runner, "cancelled");
        }
    }

    /// Nobody listening is no fault.
    fn tell(&self, event: JobEvent) {
        let _ = self.job_events.send(event);
    }
}

impl SimulatorState {
    fn queue(&mut self, runner: i64, repository: &str, name: &str) -> Option<Job> {
        let idle = |runner: &&SimulatedRunner| runner.status == "online" && !runner.busy;
        let labels = self.runners.get(&runner).filter(idle)?.labels.clone();
        let id = self.next_number();
        Some(Job {
            id,
            run_id: self.next_number(),
            repository: repository.to_owned(),
            workflow: "CI".to_owned(),
            name: name.to_owned(),
            sender: "octocat".to_owned(),
            labels,
            started_at: None,
            completed_at: None,
        })
    }
}

fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}
