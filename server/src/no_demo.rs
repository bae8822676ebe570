//! Stands in for `demo` in builds without it: release images hold no simulators.

use crate::{config::Config, state::AppState};

/// What a running demo would hold.
pub(crate) struct Simulators;

/// Whether `serve --demo` works in this build.
pub(crate) const BUILT_IN: bool = false;

/// Refuses; the command line has refused before.
#[expect(clippy::unused_async, reason = "the demo's own is async")]
pub(crate) async fn start(_: &mut Config) -> anyhow::Result<Simulators> {
    anyhow::bail!("this build has no --demo")
}

/// Nothing to write.
#[expect(clippy::unused_async, reason = "the demo's own is async")]
pub(crate) async fn seed(_: &AppState) -> backend::Result<()> {
    Ok(())
}
