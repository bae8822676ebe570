//! One line for each step: what, how it went, how long it took.

use std::{
    fmt::Display,
    io::{IsTerminal as _, Write as _},
    time::Instant,
};

/// Runs a step and prints `kind  what … outcome (1.2 s)`. On an error the line says `failed` and the error follows.
pub fn step<T>(
    kind: &str,
    what: impl Display,
    work: impl FnOnce() -> anyhow::Result<(T, String)>,
) -> anyhow::Result<T> {
    let terminal = std::io::stderr().is_terminal();
    if terminal {
        eprint!("{kind:<6} {what} … ");
        // Only so that the line is seen while the work goes on.
        let _ = std::io::stderr().flush();
    }
    let begun = Instant::now();
    let outcome = work();
    let said = match &outcome {
        Ok((_, said)) => said.as_str(),
        Err(_) => "failed",
    };
    let seconds = begun.elapsed().as_secs_f32();
    // Where lines are collected (CI) nothing else may get between the two halves of one.
    let opening = if terminal {
        String::new()
    } else {
        format!("{kind:<6} {what} … ")
    };
    eprintln!("{opening}{said} ({seconds:.1} s)");
    Ok(outcome?.0)
}

/// As [`step`], for work that prints much itself: a line before it and one after.
pub fn section<T>(kind: &str, what: impl Display, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    eprintln!("{kind:<6} {what} …");
    let begun = Instant::now();
    let outcome = work();
    let said = if outcome.is_ok() { "done" } else { "failed" };
    eprintln!("{kind:<6} {what} … {said} ({:.1} s)", begun.elapsed().as_secs_f32());
    outcome
}

/// A size for people: `1.4 MB`, `312 kB`.
#[expect(
    clippy::cast_precision_loss,
    reason = "one digit after the point is all that is shown"
)]
pub fn size(bytes: u64) -> String {
    if bytes >= 1_000_000 {
        format!("{:.1} MB", bytes as f64 / 1e6)
    } else {
        format!("{:.0} kB", bytes as f64 / 1e3)
    }
}
