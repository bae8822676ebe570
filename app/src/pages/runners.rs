//! `/runners`, `/admin/runners` and a runner's own page (SPEC B28).

mod address;
mod deprovision;
mod detail;
mod list;
pub(crate) mod quota;
mod table;
pub(crate) mod waiting;

pub(crate) use deprovision::MOST;
pub use detail::detail;
pub use list::{all, mine};
pub use waiting::waiting;

use chrono::{DateTime, Utc};
use domain::views::{Runner, RunnerState};
use leptos::prelude::*;

use crate::ui;

/// The form of the question before runners are deprovisioned.
pub const DEPROVISION: &str = "deprovision-runners";

/// A badge of a runner's state: a word, not only a colour.
pub(crate) fn runner_badge(runner: &Runner) -> AnyView {
    state_badge(runner.state())
}

/// The badge of a runner's state.
pub(crate) fn state_badge(state: RunnerState) -> AnyView {
    let (class, label) = match state {
        RunnerState::Busy => ("badge badge--busy", "Busy"),
        RunnerState::Pending => ("badge badge--pending", "Pending"),
        RunnerState::Idle => ("badge badge--active", "Active"),
        RunnerState::Offline => ("badge badge--offline", "Offline"),
        RunnerState::Deleted => ("badge badge--archived", "Deleted"),
    };
    view! { <span class=class>{label}</span> }.into_any()
}

/// For how long a runner has been what it is: `idle for 5 minutes`.
pub(crate) fn state_age(runner: &Runner, now: DateTime<Utc>) -> AnyView {
    let word = runner.state().as_str();
    let age = lasting((now - runner.state_since).num_seconds());
    view! {
        <time datetime=ui::machine(runner.state_since) title=ui::moment(runner.state_since)>
            {format!("{word} for {age}")}
        </time>
    }
    .into_any()
}

/// A time of this many seconds, in its largest whole unit.
pub(crate) fn lasting(seconds: i64) -> String {
    match seconds {
        ..60 => "less than a minute".to_owned(),
        60..3_600 => ui::plural(seconds / 60, "minute"),
        3_600..86_400 => ui::plural(seconds / 3_600, "hour"),
        _ => ui::plural(seconds / 86_400, "day"),
    }
}

/// Why a runner was deleted, in words where it was not a person's.
pub(crate) fn reason_words(reason: &str) -> String {
    match reason {
        "not_found_in_github" => {
            "GitHub does not know it any more: its job is done, or it was removed there".to_owned()
        }
        "registration_token_expired" => "it was never started, and its configuration has expired".to_owned(),
        "provisioning_failed" => "GitHub did not make it".to_owned(),
        "reservation_expired" => "GitHub's answer never came".to_owned(),
        "label_drift" | "label_drift_detected" => {
            "its labels at GitHub were not those it was provisioned with".to_owned()
        }
        "deleted" => "no reason was given".to_owned(),
        words => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_well() {
        assert_eq!(lasting(-3), "less than a minute");
        assert_eq!(lasting(61), "1 minute");
        assert_eq!(lasting(7_300), "2 hours");
        assert_eq!(lasting(200_000), "2 days");
        assert!(reason_words("not_found_in_github").contains("GitHub"));
        assert_eq!(reason_words("Wrong labels"), "Wrong labels");
    }
}
