//! A bare proxy of GitHub's call with Guildhall's writes around it: reserve, call, confirm and note.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, Row as _};
use uuid::Uuid;

use crate::{
    load::Template,
    recording::{self, Recorded, texts},
};

/// What one call of `POST /api/v1/runners/jit` wrote: the next ones write the same with other values.
pub struct Jit {
    reserve: Recorded,
    confirm: Recorded,
    audit: Recorded,
    github: reqwest::Client,
    url: String,
    /// Who has which token, by the whole header.
    users: HashMap<String, String>,
    labels: Vec<String>,
}

/// The body of a request.
#[derive(Deserialize)]
pub struct Request {
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

impl Jit {
    /// From PostgreSQL's log of one call.
    pub async fn read(log: &Path, url: String, requests: &Path, connection: &mut PgConnection) -> anyhow::Result<Self> {
        let starts = [
            "INSERT INTO runners ",
            "UPDATE runners SET github_runner_id",
            "INSERT INTO audit_entries ",
        ];
        let writes = recording::read(log, &starts, connection).await?;
        let [reserve, confirm, audit] = <[Recorded; 3]>::try_from(writes)
            .ok()
            .context("the recording is short")?;
        let labels = reserve.parameters.iter().flatten().find(|text| text.starts_with('{'));
        let users = Template::read_all(requests)?
            .into_iter()
            .filter_map(|template| Some((template.authorization()?.to_owned(), template.user.clone()?)));
        let github = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .tls_certs_only([]);
        Ok(Self {
            labels: labels.map(|text| texts(text)).unwrap_or_default(),
            users: users.collect(),
            github: github.build()?,
            url,
            reserve,
            confirm,
            audit,
        })
    }

    /// One call.
    pub async fn provision(&self, pool: &PgPool, authorization: &str, request: &Request) -> anyhow::Result<Value> {
        #[expect(clippy::disallowed_methods, reason = "there is no Ctx here")]
        let now = Utc::now();
        let user = self.users.get(authorization).context("whose token is that?")?;
        let id = Uuid::now_v7().to_string();
        let name = format!("{}-{}", request.runner_name_prefix, &id[24..]);

        // The recorded call's values, wherever they stand, give way to this one's.
        let (old_id, old_team, old_name) = (self.reserve.text(0), self.reserve.text(1), self.reserve.text(3));
        let old_user = self.audit.text(2);
        let replaced = |_: usize, value: &str| match value {
            value if value == old_id => Some(id.clone()),
            value if value == old_team => Some(request.team_id.clone()),
            value if value == old_name => Some(name.clone()),
            value if value == old_user => Some(user.clone()),
            _ => None,
        };

        let mut transaction = pool.begin().await?;
        let written = self
            .reserve
            .query(|_| now, replaced)?
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        // Guildhall confirms a reservation only while its lease is the one that it wrote.
        let lease = written.first().and_then(|row| row.try_get::<DateTime<Utc>, _>(0).ok());

        let answer = self.call(&name).await?;

        let number = answer.runner.id.to_string();
        let confirmed = |index: usize, value: &str| {
            let is_number = self.confirm.is_int8(index);
            is_number.then(|| number.clone()).or_else(|| replaced(index, value))
        };
        let entry = Uuid::now_v7().to_string();
        let noted = |index: usize, value: &str| match index {
            0 => Some(entry.clone()),
            _ => replaced(index, value),
        };
        let leased = self.confirm.compared("lease_until");
        let time = |index: usize| lease.filter(|_| leased == Some(index)).unwrap_or(now);
        let mut transaction = pool.begin().await?;
        let done = self.confirm.query(time, confirmed)?.execute(&mut *transaction).await?;
        self.audit.query(|_| now, noted)?.execute(&mut *transaction).await?;
        transaction.commit().await?;
        // A ceiling that does less than Guildhall is none.
        anyhow::ensure!(
            done.rows_affected() == 1,
            "nothing was confirmed: the statements have changed"
        );

        Ok(json!({
            "runner_id": id,
            "runner_name": name,
            "encoded_jit_config": answer.encoded_jit_config,
            "labels": self.labels,
            "expires_at": now,
            "run_command": format!("./run.sh --jitconfig {}", answer.encoded_jit_config),
        }))
    }

    async fn call(&self, name: &str) -> anyhow::Result<Answer> {
        let body = json!({"name": name, "runner_group_id": 1, "labels": self.labels, "work_folder": "_work"});
        let answer = self
            .github
            .post(format!("{}/orgs/acme/actions/runners/generate-jitconfig", self.url))
            .header("authorization", "Bearer demo-token")
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .json(&body)
            .send()
            .await?
            .error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }
}
