//! Log lines on standard error, and the numbers behind `/metrics`.

mod catalogue;

use std::{io::IsTerminal as _, sync::OnceLock, time::Duration};

pub use catalogue::{Kind, METRICS, Metric};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{Config, LogFormat};

/// Upper ends of the buckets of durations, in seconds.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The same of requests to LiteLLM, which may take 30 seconds.
const LITELLM_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Starts logging as configured; `RUST_LOG`-style filters come from `log.level`. Standard output stays free for what
/// commands print.
pub fn start(config: &Config) {
    let json = match config.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    // The sessions' own span would hide ours, and a cookie that has ended is nothing to warn of.
    let level = format!("tower_sessions=warn,tower_sessions_core=error,{}", config.log_level);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if json {
        // The list, and not the innermost span alone: the request's id is in the outermost one.
        lines.json().flatten_event(true).with_current_span(false).boxed()
    } else {
        lines
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed()
    };
    // Fails when something else logs already, as in tests: then that one goes on.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

/// The process's metrics. The first call installs the recorder.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let litellm = Matcher::Full("guildhall_litellm_request_duration_seconds".to_owned());
            let recorder = builder
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
                .and_then(|builder| builder.set_buckets_for_metric(litellm, LITELLM_SECONDS))
                .unwrap_or_else(|_| PrometheusBuilder::new())
                .build_recorder();
            let handle = recorder.handle();
            // Someone else's recorder stays; ours is then empty, which `/metrics` shows.
            let _ = metrics::set_global_recorder(recorder);
            catalogue::describe();
            handle
        })
        .clone()
}

/// Gives the recorder time to put histograms in order, every few seconds.
pub(crate) async fn upkeep(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        handle.run_upkeep();
    }
}
