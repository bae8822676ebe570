//! The ceilings: bare axum handlers over a pool of the same size that run the same SQL, and do nothing else.

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt as _,
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow as _, PgPool, postgres::PgPoolOptions};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{
    announce,
    jit::{Jit, Request},
    recording::{self, Recorded},
};

struct Ceiling {
    pool: PgPool,
    list: Recorded,
    jit: Jit,
}

/// The columns of `backend::teams::list`. When those change, this does not decode any more, and says so.
#[derive(Serialize, sqlx::FromRow)]
struct Team {
    id: Uuid,
    organization_id: Uuid,
    organization_slug: String,
    organization_name: String,
    name: String,
    slug: String,
    description: Option<String>,
    status: String,
    is_system: bool,
    runners_enabled: bool,
    required_labels: Vec<String>,
    optional_label_patterns: Vec<String>,
    max_runners: Option<i32>,
    runner_group_ids: Vec<i64>,
    models: Vec<String>,
    max_budget: Option<Decimal>,
    budget_duration: Option<String>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    created_by: Option<String>,
    deactivated_at: Option<DateTime<Utc>>,
    deactivated_by: Option<String>,
    deactivation_reason: Option<String>,
    member_count: i32,
    project_count: i32,
    runner_count: i32,
    total: i64,
}

/// Serves until it is killed.
pub async fn serve(
    database: &str,
    connections: u32,
    list: &Path,
    jit: &Path,
    github: String,
    requests: &Path,
) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        // As Guildhall's own pool, which asks idle connections only.
        .test_before_acquire(false)
        .connect(database)
        .await?;
    let ceiling = {
        let mut connection = pool.acquire().await?;
        let mut list = recording::read(list, &["SELECT t.id, t.organization_id"], &mut connection).await?;
        let jit = Jit::read(jit, github, requests, &mut connection).await?;
        Arc::new(Ceiling {
            pool: pool.clone(),
            list: list.remove(0),
            jit,
        })
    };
    let router = Router::new()
        .route("/api/v1/admin/teams", get(list_teams))
        .route("/api/v1/runners/jit", post(provision))
        .with_state(ceiling);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    announce(&listener.local_addr()?.to_string())?;
    let listener = listener.tap_io(|stream| {
        // The client is gone already, if this fails.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// An error as text, with 500.
struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", self.0)).into_response()
    }
}

async fn list_teams(State(ceiling): State<Arc<Ceiling>>) -> Result<Json<Vec<Team>>, Failed> {
    let rows = ceiling
        .list
        .query(|_| DateTime::UNIX_EPOCH, |_, _| None)?
        .fetch_all(&ceiling.pool)
        .await?;
    let mut teams = rows.iter().map(Team::from_row).collect::<Result<Vec<_>, _>>()?;
    // Guildhall asks for one more row than it shows.
    teams.pop();
    Ok(Json(teams))
}

async fn provision(
    State(ceiling): State<Arc<Ceiling>>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Json<Value>), Failed> {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let body = ceiling
        .jit
        .provision(&ceiling.pool, authorization.unwrap_or_default(), &request)
        .await?;
    Ok((StatusCode::CREATED, Json(body)))
}
