//! The circuit breaker: after too many failed calls in a row nothing is sent for a while, and then one call probes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What the breaker does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Calls go through.
    Closed {
        /// How many calls in a row have failed.
        failures: u32,
    },
    /// Calls are refused.
    Open {
        /// Until one may probe.
        retry_after: Duration,
    },
    /// The next call probes, or one does already; the others are refused.
    HalfOpen,
}

/// How a call went, as the breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// An answer came, be it a refusal.
    Answered,
    /// 5xx, time-out, network.
    Failed,
    /// Something came that proves neither.
    Unclear,
}

/// The breaker of one instance. Clones are the same breaker.
#[derive(Clone)]
pub(super) struct Circuit {
    state: Arc<Mutex<State>>,
    threshold: u32,
    open_for: Duration,
}

#[derive(Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One call is under way to see whether the instance is back.
    Probing,
}

/// What a refused caller is told while somebody else probes.
const WAIT_FOR_PROBE: Duration = Duration::from_secs(1);

/// A call that was let through. Dropped without a verdict (its future was cancelled), a probe leaves its place to the
/// next call.
pub(super) struct Permit {
    circuit: Circuit,
    probe: bool,
    settled: bool,
}

impl Circuit {
    pub(super) fn new(threshold: u32, open_for: Duration) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::Closed { failures: 0 })),
            threshold: threshold.max(1),
            open_for,
        }
    }

    /// Lets a call through, or says how long to wait.
    pub(super) fn admit(&self) -> Result<Permit, Duration> {
        let mut state = self.state();
        let probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return Err(left);
                }
                *state = State::Probing;
                true
            }
            State::Probing => return Err(WAIT_FOR_PROBE),
        };
        Ok(Permit {
            circuit: self.clone(),
            probe,
            settled: false,
        })
    }

    pub(super) fn view(&self) -> Breaker {
        match *self.state() {
            State::Closed { failures } => Breaker::Closed { failures },
            State::Open { until } => {
                let retry_after = until.saturating_duration_since(Instant::now());
                if retry_after.is_zero() {
                    Breaker::HalfOpen
                } else {
                    Breaker::Open { retry_after }
                }
            }
            State::Probing => Breaker::HalfOpen,
        }
    }

    /// A panic elsewhere leaves the state whole: it is one plain value.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Whether this call is the one that tells whether the instance is back.
    pub(super) fn is_probe(&self) -> bool {
        self.probe
    }

    /// Says how the call went.
    pub(super) fn settle(mut self, verdict: Verdict) {
        self.settled = true;
        let circuit = &self.circuit;
        let mut state = circuit.state();
        let open = State::Open {
            until: Instant::now() + circuit.open_for,
        };
        *state = match (*state, self.probe, verdict) {
            (State::Probing, true, Verdict::Answered) | (State::Closed { .. }, _, Verdict::Answered) => {
                State::Closed { failures: 0 }
            }
            (State::Probing, true, _) => open,
            (State::Closed { failures }, _, Verdict::Failed) if failures + 1 >= circuit.threshold => open,
            (State::Closed { failures }, _, Verdict::Failed) => State::Closed { failures: failures + 1 },
            // A call from before the breaker opened says nothing about now.
            (state, ..) => state,
        };
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.probe && !self.settled {
            let mut state = self.circuit.state();
            if matches!(*state, State::Probing) {
                *state = State::Open { until: Instant::now() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Breaker, Circuit, Verdict};

    const OPEN: Duration = Duration::from_secs(30);

    fn fail(circuit: &Circuit, times: u32) {
        for _ in 0..times {
            circuit.admit().expect("closed").settle(Verdict::Failed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn c6_five_failures_in_a_row_open_it_for_thirty_seconds() {
        let circuit = Circuit::new(5, OPEN);
        fail(&circuit, 4);
        circuit.admit().expect("closed").settle(Verdict::Answered);
        assert_eq!(
            circuit.view(),
            Breaker::Closed { failures: 0 },
            "an answer starts the count anew"
        );
        fail(&circuit, 4);
        assert_eq!(circuit.view(), Breaker::Closed { failures: 4 });
        fail(&circuit, 1);
        assert_eq!(circuit.view(), Breaker::Open { retry_after: OPEN });
        tokio::time::advance(Duration::from_secs(29)).await;
        assert_eq!(circuit.admit().err(), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(circuit.view(), Breaker::HalfOpen);
    }

    #[tokio::test(start_paused = true)]
    async fn c6_one_call_probes_and_decides() {
        let circuit = Circuit::new(1, OPEN);
        fail(&circuit, 1);
        tokio::time::advance(OPEN).await;
        let probe = circuit.admit().expect("a probe");
        assert!(probe.is_probe());
        assert!(circuit.admit().is_err(), "one at a time");
        probe.settle(Verdict::Failed);
        assert_eq!(
            circuit.view(),
            Breaker::Open { retry_after: OPEN },
            "for the whole time again"
        );
        tokio::time::advance(OPEN).await;
        circuit.admit().expect("a probe").settle(Verdict::Unclear);
        assert_eq!(
            circuit.view(),
            Breaker::Open { retry_after: OPEN },
            "HTML is no sign of life"
        );
        tokio::time::advance(OPEN).await;
        circuit.admit().expect("a probe").settle(Verdict::Answered);
        assert_eq!(circuit.view(), Breaker::Closed { failures: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn c6_a_cancelled_probe_leaves_its_place() {
        let circuit = Circuit::new(1, OPEN);
        fail(&circuit, 1);
        tokio::time::advance(OPEN).await;
        drop(circuit.admit().expect("a probe"));
        assert!(circuit.admit().expect("the next probe").is_probe());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_it_opened_decide_nothing() {
        let circuit = Circuit::new(1, OPEN);
        let (slow, late) = (circuit.admit().expect("closed"), circuit.admit().expect("closed"));
        fail(&circuit, 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        slow.settle(Verdict::Answered);
        late.settle(Verdict::Failed);
        let retry_after = Duration::from_secs(20);
        assert_eq!(circuit.view(), Breaker::Open { retry_after });
    }
}
