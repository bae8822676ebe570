//! Watches: lines of changes, where they begin, how they end.

use std::time::Duration;

use reqwest::{Method, Response, header};
use serde_json::{Value, json};
use server::kubernetes::WatchLimits;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::house::{House, Said};

const MERGE: &str = "application/merge-patch+json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// Longer than a watch goes without looking at its credential.
const PATIENCE: Duration = Duration::from_secs(90);

/// A watch, line by line.
struct Lines {
    response: Response,
    read: Vec<u8>,
}

impl Lines {
    async fn of(house: &House, query: &str) -> Self {
        Self::accepting(house, query, "application/json").await
    }

    async fn accepting(house: &House, query: &str, accept: &str) -> Self {
        let path = format!("{}?watch=true&{query}", House::collection("teams"));
        let request = house.request(Method::GET, &path).header(header::ACCEPT, accept);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        Self {
            response,
            read: Vec::new(),
        }
    }

    /// The next event; none at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("JSON"));
            }
            let piece = timeout(PATIENCE, self.response.chunk()).await.expect("in time");
            self.read.extend_from_slice(&piece.expect("a piece")?);
        }
    }

    /// The next event as `WORD name`.
    async fn told(&mut self) -> String {
        let event = self.next().await.expect("an event");
        let (word, object) = (&event["type"], &event["object"]);
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        format!("{} {name}", word.as_str().expect("a word"))
    }
}

#[tokio::test]
async fn changes_are_told_as_they_happen() {
    let house = House::new().await;
    house.make_team("alpha").await;
    let mut lines = Lines::of(&house, "").await;
    assert_eq!(lines.told().await, "ADDED alpha", "what is there comes first");
    house.make_team("beta").await;
    loop {
        let told = lines.told().await;
        if told == "ADDED beta" {
            break;
        }
        assert_eq!(told, "MODIFIED alpha", "LiteLLM has it now");
    }
    let path = House::team_path("beta");
    house
        .patch(&path, MERGE, &json!({"spec": {"maxBudget": "5"}}))
        .await
        .is(200);
    loop {
        let event = lines.next().await.expect("an event");
        assert_eq!(event["type"], "MODIFIED");
        if event["object"]["metadata"]["name"] == "beta" && event["object"]["spec"]["maxBudget"] == "5" {
            break;
        }
    }
    house.delete(&path).await.is(200);
    loop {
        let told = lines.told().await;
        if told == "DELETED beta" {
            break;
        }
        // Its status changes until it is gone.
        assert!(told.starts_with("MODIFIED "), "{told}");
    }
}

#[tokio::test]
async fn a_watch_goes_on_from_a_version() {
    let house = House::new().await;
    house.make_team("alpha").await;
    let list = house.get(&House::collection("teams")).await.is(200);
    let version = list["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version")
        .to_owned();
    house.make_team("beta").await;
    let mut lines = Lines::of(&house, &format!("resourceVersion={version}")).await;
    loop {
        let told = lines.told().await;
        if told == "ADDED beta" {
            break;
        }
        assert_eq!(told, "MODIFIED alpha", "its status may have changed meanwhile");
    }
}

#[tokio::test]
async fn versions_that_are_forgotten_are_410() {
    let house = House::new().await;
    house.make_team("alpha").await;
    for forget in [
        "UPDATE objects_state SET kept_from = objects_version()",
        "DELETE FROM object_changes",
    ] {
        sqlx::query(forget)
            .execute(&house.server.database.pool)
            .await
            .expect("forgotten");
    }
    let path = format!("{}?watch=true&resourceVersion=1", House::collection("teams"));
    let said = house.get(&path).await;
    if said.status == 410 {
        said.refused(410, "Expired");
    } else {
        let line = said.text.lines().next().expect("a line").to_owned();
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (&event["type"], &event["object"]["code"]),
            (&json!("ERROR"), &json!(410))
        );
    }
}

#[tokio::test]
async fn streaming_lists_end_with_a_bookmark() {
    let house = House::new().await;
    house.make_team("alpha").await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut lines = Lines::of(&house, query).await;
    assert_eq!(lines.told().await, "ADDED alpha");
    let event = lines.next().await.expect("an event");
    assert_eq!(event["type"], "BOOKMARK");
    let metadata = &event["object"]["metadata"];
    assert_eq!(metadata["annotations"]["k8s.io/initial-events-end"], "true");
    assert_ne!(metadata["resourceVersion"], "0");
    let path = format!("{}?watch=true&sendInitialEvents=true", House::collection("teams"));
    assert_eq!(house.get(&path).await.status, 400);
}

#[tokio::test]
async fn watches_end_when_the_client_says_with_a_bookmark() {
    let house = House::new().await;
    house.make_team("alpha").await;
    let mut lines = Lines::of(&house, "timeoutSeconds=2&allowWatchBookmarks=true").await;
    assert_eq!(lines.told().await, "ADDED alpha");
    let mut last = None;
    while let Some(event) = lines.next().await {
        last = Some(event);
    }
    assert_eq!(last.expect("a bookmark")["type"], "BOOKMARK");
}

#[tokio::test]
async fn tables_are_told_row_by_row() {
    let house = House::new().await;
    house.make_team("alpha").await;
    house.make_team("beta").await;
    let mut lines = Lines::accepting(&house, "", TABLE).await;
    let first = lines.next().await.expect("an event");
    assert_eq!(
        (&first["type"], &first["object"]["kind"]),
        (&json!("ADDED"), &json!("Table"))
    );
    assert!(
        !first["object"]["columnDefinitions"]
            .as_array()
            .expect("columns")
            .is_empty()
    );
    let second = lines.next().await.expect("an event");
    assert_eq!(second["object"]["rows"][0]["cells"][0], "beta");
    assert!(
        second["object"]["columnDefinitions"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
}

#[tokio::test]
async fn selectors_see_what_comes_and_goes() {
    let house = House::new().await;
    house.make_team("alpha").await;
    let mut lines = Lines::of(&house, "labelSelector=color%3Dred").await;
    let path = House::team_path("alpha");
    let paint = |color: &str| json!({"metadata": {"labels": {"color": color}}});
    house.patch(&path, MERGE, &paint("red")).await.is(200);
    assert_eq!(lines.told().await, "ADDED alpha");
    house.patch(&path, MERGE, &paint("blue")).await.is(200);
    loop {
        let told = lines.told().await;
        if told == "DELETED alpha" {
            break;
        }
        assert_eq!(told, "MODIFIED alpha");
    }
}

#[tokio::test]
async fn a_watch_of_one_name() {
    let house = House::new().await;
    house.make_team("alpha").await;
    house.make_team("beta").await;
    let mut lines = Lines::of(&house, "fieldSelector=metadata.name%3Dbeta").await;
    assert_eq!(lines.told().await, "ADDED beta");
}

#[tokio::test]
async fn one_person_has_so_many_watches() {
    let house = House::adjusted(&[], |listener| {
        listener.with_watch_limits(WatchLimits {
            most: 2,
            ..WatchLimits::default()
        })
    })
    .await;
    let one = Lines::of(&house, "").await;
    let _two = Lines::of(&house, "").await;
    let path = format!("{}?watch=true", House::collection("teams"));
    let said = house.get(&path).await;
    assert!(!said.header("retry-after").is_empty());
    said.refused(429, "TooManyRequests");
    drop(one);
    for _ in 0..50 {
        let again = Said::of(house.request(Method::GET, &format!("{path}&timeoutSeconds=1"))).await;
        if again.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a watch that ended still counts");
}

/// A second where others have half a minute.
fn quick() -> WatchLimits {
    WatchLimits {
        patience: Duration::from_secs(2),
        look: Duration::from_secs(1),
        ..WatchLimits::default()
    }
}

/// A token that is revoked ends its watches, at the next look.
#[tokio::test]
async fn revoked_tokens_end_watches() {
    let house = House::adjusted(&[], |listener| listener.with_watch_limits(quick())).await;
    let mut lines = Lines::of(&house, "").await;
    sqlx::query("UPDATE personal_access_tokens SET revoked_at = now()")
        .execute(&house.server.database.pool)
        .await
        .expect("revoked");
    let mut last = None;
    while let Some(event) = lines.next().await {
        last = Some(event);
    }
    assert_eq!(last.expect("an error")["object"]["code"], 401);
}

/// The server stops soon although watches are open.
#[tokio::test]
async fn watches_end_when_the_server_stops() {
    let mut house = House::new().await;
    let mut lines = Lines::of(&house, "").await;
    let begun = std::time::Instant::now();
    house.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(lines.next().await.is_none());
}

/// Who does not read is left, and costs bounded memory meanwhile.
#[tokio::test]
async fn slow_readers_are_left() {
    let house = House::adjusted(&[], |listener| listener.with_watch_limits(quick())).await;
    let mut team = House::team("large");
    team["metadata"]["annotations"] = json!({"text": "x".repeat(200_000)});
    house.post(&House::collection("teams"), &team).await.is(201);
    let connector = connector(&house.authority);
    let address = house.url.trim_start_matches("https://").to_owned();
    let stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").expect("a name");
    let mut stream = connector.connect(name, stream).await.expect("a handshake");
    let path = format!("{}?watch=true", House::collection("teams"));
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        house.token
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    for round in 0..100 {
        let change = json!({"metadata": {"labels": {"round": round.to_string()}}});
        house.patch(&House::team_path("large"), MERGE, &change).await.is(200);
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    // It was dropped: whatever is still on the way can be read, and then it ends.
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is still open");
    assert!(rest.len() < 15_000_000, "{} bytes were kept for it", rest.len());
}

fn connector(authority: &str) -> tokio_rustls::TlsConnector {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM"))
        .expect("an authority");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    std::sync::Arc::new(config).into()
}
