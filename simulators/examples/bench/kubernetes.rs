//! The Kubernetes API from outside: lists as kubectl asks for them, memberships applied, watches held.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use reqwest::{Client, Response, header};
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

const KIND: &str = "/apis/auth.litellm.ai/v1alpha1/namespaces/bench/teammemberassociations";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
/// kubectl's `--chunk-size`.
const CHUNK: u32 = 500;
/// Clients that apply at the same time.
const APPLY: u32 = 8;
/// How many watches one person may have.
const EACH: u32 = 100;

fn client() -> anyhow::Result<Client> {
    // Its authority was made a moment ago, on this machine.
    Ok(Client::builder()
        .tcp_nodelay(true)
        .tls_danger_accept_invalid_certs(true)
        .build()?)
}

/// Lists all memberships as Table, in kubectl's chunks; prints `rows bytes milliseconds` for each round.
pub async fn list(server: &str, token: &str, rounds: u32) -> anyhow::Result<()> {
    let client = client()?;
    for _ in 0..rounds {
        let begun = Instant::now();
        let (mut rows, mut bytes, mut next) = (0, 0, String::new());
        loop {
            let url = format!("{server}{KIND}?limit={CHUNK}&continue={next}");
            let request = client.get(url).bearer_auth(token).header(header::ACCEPT, TABLE);
            let body = request.send().await?.error_for_status()?.bytes().await?;
            bytes += body.len();
            let page: Value = serde_json::from_slice(&body)?;
            rows += page["rows"].as_array().context("rows")?.len();
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => token.clone_into(&mut next),
                _ => break,
            }
        }
        let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
        writeln!(std::io::stdout(), "{rows} {bytes} {milliseconds:.3}")?;
    }
    Ok(())
}

/// Applies new memberships of the people `p1`, `p2` … in the team `applied`, for a while; prints how many, and how many
/// seconds that took.
pub async fn apply(server: &str, token: &str, milliseconds: u64) -> anyhow::Result<()> {
    let client = client()?;
    let next = Arc::new(AtomicU32::new(1));
    let begun = Instant::now();
    let end = begun + Duration::from_millis(milliseconds);
    let mut under_way = JoinSet::new();
    for _ in 0..APPLY {
        let (client, next) = (client.clone(), Arc::clone(&next));
        let (server, token) = (server.to_owned(), token.to_owned());
        under_way.spawn(async move {
            while Instant::now() < end {
                let person = next.fetch_add(1, Ordering::Relaxed);
                let name = format!("p{person}-applied");
                let object = json!({
                    "apiVersion": "auth.litellm.ai/v1alpha1", "kind": "TeamMemberAssociation",
                    "metadata": {"name": name, "namespace": "bench"},
                    "spec": {
                        "connectionRef": {"instanceRef": {"name": "litellm-example"}}, "role": "member",
                        "teamRef": {"name": "applied"}, "userEmail": format!("p{person}@example.com"),
                    },
                });
                let request = client
                    .patch(format!("{server}{KIND}/{name}?fieldManager=bench"))
                    .bearer_auth(&token)
                    .header(header::CONTENT_TYPE, "application/apply-patch+yaml")
                    .body(object.to_string());
                request.send().await?.error_for_status()?.bytes().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let applied = next.load(Ordering::Relaxed) - 1;
    Ok(writeln!(std::io::stdout(), "{applied} {seconds:.6}")?)
}

/// Holds watches of the people with the tokens `{token}1`, `{token}2` …; prints `open` when all are, waits for a line, then
/// labels one membership and prints how many milliseconds it took until all had heard of it.
pub async fn watch(server: &str, token: &str, watches: u32, version: &str) -> anyhow::Result<()> {
    let client = client()?;
    let opened = Arc::new(Barrier::new(usize::try_from(watches)? + 1));
    let mut under_way = JoinSet::new();
    for number in 0..watches {
        let url = format!("{server}{KIND}?watch=true&resourceVersion={version}");
        let request = client.get(url).bearer_auth(format!("{token}{}", number / EACH + 1));
        let opened = Arc::clone(&opened);
        under_way.spawn(async move {
            let answer = request.send().await?.error_for_status()?;
            opened.wait().await;
            heard(answer).await
        });
        // A thousand handshakes at once are another measure.
        if number % 50 == 49 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    opened.wait().await;
    writeln!(std::io::stdout(), "open")?;
    let asked = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    ensure!(asked.await?? > 0, "nobody asked for the change");
    let begun = Instant::now();
    let label = client
        .patch(format!("{server}{KIND}/p1-team-1"))
        .bearer_auth(format!("{token}1"))
        .header(header::CONTENT_TYPE, "application/merge-patch+json")
        .body(json!({"metadata": {"labels": {"bench": "watched"}}}).to_string());
    label.send().await?.error_for_status()?.bytes().await?;
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
    Ok(writeln!(std::io::stdout(), "{milliseconds:.3}")?)
}

/// Reads until the label was told.
async fn heard(mut answer: Response) -> anyhow::Result<()> {
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        text.extend_from_slice(&chunk);
        if text.windows(7).any(|seven| seven == b"watched") {
            return Ok(());
        }
    }
    anyhow::bail!("a watch ended before it heard of the change")
}
