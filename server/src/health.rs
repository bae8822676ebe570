//! What machines ask: is it alive, is it ready, how is it doing.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use serde_json::json;

use crate::{AppState, clock, database};

/// `/healthz`, `/readyz`, `/health`, `/metrics`.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
}

/// The process answers. Says nothing of the database: a restart would not bring it back.
async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers, and has the tables that this build needs.
async fn ready(State(state): State<AppState>) -> Response {
    let migrated = async {
        let mut connection = state.backend.pool.acquire().await?;
        database::is_migrated(&mut connection).await
    };
    let (status, words) = match migrated.await {
        Ok(true) => (StatusCode::OK, "ready\n"),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "the database is not migrated\n"),
        Err(error) => {
            tracing::warn!(error = %error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    };
    (status, words).into_response()
}

/// SPEC B29's answer.
async fn health() -> Json<serde_json::Value> {
    Json(json!({"status": "healthy", "version": env!("CARGO_PKG_VERSION"), "timestamp": clock::now()}))
}

/// Prometheus' text format.
async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let pool = &state.backend.pool;
    let idle = pool.num_idle();
    let open = usize::try_from(pool.size()).unwrap_or(usize::MAX);
    for (name, count) in [("idle", idle), ("used", open.saturating_sub(idle))] {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("guildhall_database_connections", "state" => name).set(f64::from(count));
    }
    backend::measure::refresh(&state.backend).await;
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        state.metrics.render(),
    )
}
