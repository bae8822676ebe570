//! The ceilings: bare axum handlers over a pool of the same size that run the same SQL, and do nothing else.

use std::{collections::HashMap, net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

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
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{FromRow as _, PgPool, postgres::PgPoolOptions};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{
    announce,
    load::Template,
    recording::{self, Recorded, texts},
};

struct Ceiling {
    pool: PgPool,
    list: Recorded,
    jit: Jit,
}

/// What one call of `POST /api/v1/runners/jit` wrote, and where the next one's values go.
struct Jit {
    reserve: Recorded,
    confirm: Recorded,
    audit: Recorded,
    github: reqwest::Client,
    url: String,
    /// Who has which token, by the whole header.
    users: HashMap<String, String>,
    labels: Vec<String>,
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
        .connect(database)
        .await?;
    let ceiling = {
        let mut connection = pool.acquire().await?;
        let mut list = recording::read(list, &["SELECT t.id, t.organization_id"], &mut connection).await?;
        let starts = [
            "INSERT INTO runners ",
            "UPDATE runners SET github_runner_id",
            "INSERT INTO audit_entries ",
        ];
        let mut writes = recording::read(jit, &starts, &mut connection).await?.into_iter();
        let (Some(reserve), Some(confirm), Some(audit)) = (writes.next(), writes.next(), writes.next()) else {
            anyhow::bail!("the recording is short");
        };
        let labels = reserve.parameters.iter().flatten().find(|text| text.starts_with('{'));
        let labels = labels.map(|text| texts(text)).unwrap_or_default();
        let users = Template::read_all(requests)?
            .into_iter()
            .filter_map(|template| Some((template.authorization()?.to_owned(), template.user.clone()?)))
            .collect();
        let jit = Jit {
            reserve,
            confirm,
            audit,
            github: client()?,
            url: github,
            users,
            labels,
        };
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

/// As `integrations::http_client` builds it.
fn client() -> anyhow::Result<reqwest::Client> {
    // Fails when it was done before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .tls_certs_only([]);
    Ok(client.build()?)
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
        .query(DateTime::UNIX_EPOCH, |_, _| None)?
        .fetch_all(&ceiling.pool)
        .await?;
    let mut teams = rows.iter().map(Team::from_row).collect::<Result<Vec<_>, _>>()?;
    // Guildhall asks for one more row than it shows.
    teams.pop();
    Ok(Json(teams))
}

#[derive(Deserialize)]
struct Request {
    runner_name_prefix: String,
    team_id: String,
}

#[derive(Deserialize)]
struct Answer {
    runner: AnswerRunner,
    encoded_jit_config: String,
}

#[derive(Deserialize)]
struct AnswerRunner {
    id: i64,
}

async fn provision(
    State(ceiling): State<Arc<Ceiling>>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Response, Failed> {
    let jit = &ceiling.jit;
    #[expect(clippy::disallowed_methods, reason = "there is no Ctx here")]
    let now = Utc::now();
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let user = jit
        .users
        .get(token)
        .ok_or_else(|| anyhow::anyhow!("whose token is that?"))?;
    let id = Uuid::now_v7().to_string();
    let name = format!("{}-{}", request.runner_name_prefix, &id[24..]);

    // The recorded call's values, wherever they stand, give way to this one's.
    let recorded = |index: usize| {
        jit.reserve
            .parameters
            .get(index)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    };
    let (old_id, old_team, old_name) = (recorded(0), recorded(1), recorded(3));
    let old_user = jit
        .audit
        .parameters
        .get(2)
        .and_then(Option::as_deref)
        .unwrap_or_default();
    let replaced = |_: usize, value: &str| match value {
        value if value == old_id => Some(id.clone()),
        value if value == old_team => Some(request.team_id.clone()),
        value if value == old_name => Some(name.clone()),
        value if value == old_user => Some(user.clone()),
        _ => None,
    };

    let mut transaction = ceiling.pool.begin().await?;
    jit.reserve.query(now, replaced)?.execute(&mut *transaction).await?;
    transaction.commit().await?;

    let call = json!({"name": name, "runner_group_id": 1, "labels": jit.labels, "work_folder": "_work"});
    let answer = jit
        .github
        .post(format!("{}/orgs/acme/actions/runners/generate-jitconfig", jit.url))
        .header("authorization", "Bearer demo-token")
        .header("accept", "application/vnd.github+json")
        .json(&call)
        .send()
        .await?
        .error_for_status()?;
    let answer: Answer = serde_json::from_slice(&answer.bytes().await?)?;

    let number = answer.runner.id.to_string();
    let confirmed = |index: usize, value: &str| {
        if jit.confirm.is_int8(index) {
            Some(number.clone())
        } else {
            replaced(index, value)
        }
    };
    let entry = Uuid::now_v7().to_string();
    let noted = |index: usize, value: &str| {
        if index == 0 {
            Some(entry.clone())
        } else {
            replaced(index, value)
        }
    };
    let mut transaction = ceiling.pool.begin().await?;
    jit.confirm.query(now, confirmed)?.execute(&mut *transaction).await?;
    jit.audit.query(now, noted)?.execute(&mut *transaction).await?;
    transaction.commit().await?;

    let body: Value = json!({
        "runner_id": id,
        "runner_name": name,
        "encoded_jit_config": answer.encoded_jit_config,
        "labels": jit.labels,
        "expires_at": now,
        "run_command": format!("./run.sh --jitconfig {}", answer.encoded_jit_config),
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}
