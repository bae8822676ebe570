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
        /// Since when calls are refused, probes that failed included.
        since: Instant,
    },
    /// One call is under way to see whether the instance is back.
    Probing {
        since: Instant,
    },
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
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Result<Permit, Duration> {
        let mut state = self.state();
        let probe = match *state {
            State::Closed { .. } => false,
            State::Open { until, since } => {
                let left = until.saturating_duration_since(now);
                if !left.is_zero() {
                    return Err(left);
                }
                *state = State::Probing { since };
                true
            }
            State::Probing { .. } => return Err(WAIT_FOR_PROBE),
        };
        Ok(Permit {
            circuit: self.clone(),
            probe,
            settled: false,
        })
    }

    pub(super) fn view(&self) -> Breaker {
        self.view_at(Instant::now())
    }

    fn view_at(&self, now: Instant) -> Breaker {
        match *self.state() {
            State::Closed { failures } => Breaker::Closed { failures },
            State::Open { until, .. } => {
                let retry_after = until.saturating_duration_since(now);
                if retry_after.is_zero() {
                    Breaker::HalfOpen
                } else {
                    Breaker::Open { retry_after }
                }
            }
            State::Probing { .. } => Breaker::HalfOpen,
        }
    }

    /// How long calls have been refused without one that worked; none while they go through.
    pub(super) fn refusing_for(&self) -> Option<Duration> {
        self.refusing_for_at(Instant::now())
    }

    fn refusing_for_at(&self, now: Instant) -> Option<Duration> {
        match *self.state() {
            State::Closed { .. } => None,
            State::Open { since, .. } | State::Probing { since } => Some(now.saturating_duration_since(since)),
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
    pub(super) fn settle(self, verdict: Verdict) {
        self.settle_at(verdict, Instant::now());
    }

    fn settle_at(mut self, verdict: Verdict, now: Instant) {
        self.settled = true;
        let circuit = &self.circuit;
        let mut state = circuit.state();
        let open = |since| State::Open {
            until: now + circuit.open_for,
            since,
        };
        *state = match (*state, self.probe, verdict) {
            (State::Probing { .. }, true, Verdict::Answered) | (State::Closed { .. }, _, Verdict::Answered) => {
                State::Closed { failures: 0 }
            }
            (State::Probing { since }, true, _) => open(since),
            (State::Closed { failures }, _, Verdict::Failed) if failures + 1 >= circuit.threshold => open(now),
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
            if let State::Probing { since } = *state {
                *state = State::Open {
                    until: Instant::now(),
                    since,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Breaker, Circuit, Permit, Verdict};

    const OPEN: Duration = Duration::from_secs(30);

    /// A breaker and a clock that is put forward by hand.
    struct Clocked {
        circuit: Circuit,
        now: Instant,
    }

    impl Clocked {
        fn new(threshold: u32) -> Self {
            Self {
                circuit: Circuit::new(threshold, OPEN),
                now: Instant::now(),
            }
        }

        fn admit(&self) -> Result<Permit, Duration> {
            self.circuit.admit_at(self.now)
        }

        fn view(&self) -> Breaker {
            self.circuit.view_at(self.now)
        }

        fn settle(&self, permit: Permit, verdict: Verdict) {
            permit.settle_at(verdict, self.now);
        }

        fn call(&self, verdict: Verdict) {
            self.settle(self.admit().expect("let through"), verdict);
        }

        fn fail(&self, times: u32) {
            (0..times).for_each(|_| self.call(Verdict::Failed));
        }

        fn wait(&mut self, time: Duration) {
            self.now += time;
        }
    }

    #[test]
    fn c6_five_failures_in_a_row_open_it_for_thirty_seconds() {
        let mut circuit = Clocked::new(5);
        circuit.fail(4);
        circuit.call(Verdict::Answered);
        assert_eq!(circuit.view(), Breaker::Closed { failures: 0 }, "an answer starts anew");
        circuit.fail(4);
        assert_eq!(circuit.view(), Breaker::Closed { failures: 4 });
        circuit.fail(1);
        assert_eq!(circuit.view(), Breaker::Open { retry_after: OPEN });
        circuit.wait(Duration::from_secs(29));
        assert_eq!(circuit.admit().err(), Some(Duration::from_secs(1)));
        circuit.wait(Duration::from_secs(1));
        assert_eq!(circuit.view(), Breaker::HalfOpen);
    }

    #[test]
    fn c6_one_call_probes_and_decides() {
        let mut circuit = Clocked::new(1);
        circuit.fail(1);
        circuit.wait(OPEN);
        let probe = circuit.admit().expect("a probe");
        assert!(probe.is_probe());
        assert!(circuit.admit().is_err(), "one at a time");
        circuit.settle(probe, Verdict::Failed);
        let open = Breaker::Open { retry_after: OPEN };
        assert_eq!(circuit.view(), open, "for the whole time again");
        circuit.wait(OPEN);
        circuit.call(Verdict::Unclear);
        assert_eq!(circuit.view(), open, "HTML is no sign of life");
        circuit.wait(OPEN);
        circuit.call(Verdict::Answered);
        assert_eq!(circuit.view(), Breaker::Closed { failures: 0 });
    }

    #[test]
    fn c16_it_is_known_since_when_calls_are_refused() {
        let mut circuit = Clocked::new(2);
        let since = |circuit: &Clocked| circuit.circuit.refusing_for_at(circuit.now);
        circuit.fail(1);
        assert_eq!(since(&circuit), None, "one failure refuses nothing");
        circuit.fail(1);
        assert_eq!(since(&circuit), Some(Duration::ZERO));
        for probes in 1..=3 {
            circuit.wait(OPEN);
            let probe = circuit.admit().expect("a probe");
            assert_eq!(since(&circuit), Some(OPEN * probes), "also while somebody probes");
            circuit.settle(probe, Verdict::Failed);
        }
        circuit.wait(OPEN);
        drop(circuit.admit().expect("a probe"));
        assert_eq!(since(&circuit), Some(OPEN * 4), "a cancelled probe begins nothing anew");
    }

    #[test]
    fn c6_a_cancelled_probe_leaves_its_place() {
        let mut circuit = Clocked::new(1);
        circuit.fail(1);
        circuit.wait(OPEN);
        drop(circuit.admit().expect("a probe"));
        assert!(circuit.admit().expect("the next probe").is_probe());
    }

    #[test]
    fn calls_from_before_it_opened_decide_nothing() {
        let mut circuit = Clocked::new(1);
        let slow = circuit.admit().expect("closed");
        let late = circuit.admit().expect("closed");
        circuit.fail(1);
        circuit.wait(Duration::from_secs(10));
        circuit.settle(slow, Verdict::Answered);
        circuit.settle(late, Verdict::Failed);
        let retry_after = Duration::from_secs(20);
        assert_eq!(circuit.view(), Breaker::Open { retry_after });
    }
}
