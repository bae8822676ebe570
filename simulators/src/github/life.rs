//! What the machines behind simulated runners do by themselves: for the demo, so that there is something to see.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::state::Shared;

/// How runners live; without it nothing happens to one unless somebody does it.
#[derive(Clone, Debug)]
pub struct Life {
    /// Seconds from the registration to the first sight.
    pub start: Range<f64>,
    /// Seconds without a job.
    pub idle: Range<f64>,
    /// Seconds that a job takes; then the runner is gone.
    pub job: Range<f64>,
    /// The part of runners that never start, from 0 to 1.
    pub never: f64,
}

impl Default for Life {
    /// Quick enough to watch, slow enough to see each state.
    fn default() -> Self {
        Self {
            start: 3.0..10.0,
            idle: 30.0..180.0,
            job: 20.0..120.0,
            never: 0.1,
        }
    }
}

/// How often the machines do something.
const TICK: Duration = Duration::from_millis(250);
const REPOSITORIES: [&str; 3] = ["shop", "payments", "infrastructure"];
const JOBS: [&str; 4] = ["build", "test", "lint", "deploy"];

/// What a runner does next.
#[derive(Clone, Copy)]
enum Next {
    Start,
    Work,
    End,
    /// Its machine never came up.
    Nothing,
}

/// Lives until the simulator is gone.
pub(super) async fn live(shared: Weak<Shared>, life: Life) {
    let mut plans: HashMap<i64, (Next, Instant)> = HashMap::new();
    loop {
        tokio::time::sleep(TICK).await;
        let Some(shared) = shared.upgrade() else { return };
        step(&shared, &life, &mut plans);
    }
}

fn step(shared: &Arc<Shared>, life: &Life, plans: &mut HashMap<i64, (Next, Instant)>) {
    let now = Instant::now();
    let after = |seconds: &Range<f64>| now + Duration::from_secs_f64(rand::random_range(seconds.clone()));
    let known: Vec<i64> = shared.state().runners.keys().copied().collect();
    plans.retain(|id, _| known.binary_search(id).is_ok());
    for id in known {
        let plan = plans.entry(id).or_insert_with(|| {
            let next = if rand::random_bool(life.never) {
                Next::Nothing
            } else {
                Next::Start
            };
            (next, after(&life.start))
        });
        if plan.1 > now {
            continue;
        }
        *plan = match plan.0 {
            Next::Start => {
                shared.state().connect(id);
                (Next::Work, after(&life.idle))
            }
            Next::Work => {
                let pick = |from: &[&'static str]| from[rand::random_range(0..from.len())];
                let repository = format!("{}/{}", shared.options.org, pick(&REPOSITORIES));
                // Somebody else may have given it one.
                shared.begin_job(id, &repository, pick(&JOBS));
                (Next::End, after(&life.job))
            }
            Next::End => {
                shared.end_job(id, if rand::random_bool(0.85) { "success" } else { "failure" });
                (Next::Work, after(&life.idle))
            }
            Next::Nothing => continue,
        };
    }
}
