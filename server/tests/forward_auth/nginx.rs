//! The real nginx, with the configuration of docs/FORWARD_AUTH.md, before a small service and two Guildhalls.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{Router, extract::Request};
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::office::{Office, Process, within};

const DOCUMENT: &str = include_str!("../../../docs/FORWARD_AUTH.md");

/// nginx, killed when it goes.
struct Nginx {
    child: Child,
    url: String,
    client: Client,
    dir: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("error.log")).unwrap_or_default();
            eprintln!("nginx's error.log:\n{log}");
        }
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join("nginx"))
        .find(|file| file.is_file())
        .expect("nginx is needed: `cargo xtask setup` installs it, or `apt-get install nginx-light`")
}

/// The documented configuration, with the addresses of this test in it.
fn configuration(dir: &Path, listen: SocketAddr, guildhalls: &[SocketAddr], service: SocketAddr) -> String {
    let documented = DOCUMENT
        .split_once("```nginx\n")
        .and_then(|(_, rest)| rest.split_once("\n```"))
        .expect("the document has nginx's configuration")
        .0;
    let mut text = documented.to_owned();
    let servers: Vec<String> = guildhalls.iter().map(|address| format!("server {address};")).collect();
    for (from, to) in [
        ("server 127.0.0.1:3000;", servers.join(" ")),
        ("server 127.0.0.1:9000;", format!("server {service};")),
        ("listen 127.0.0.1:8080;", format!("listen {listen};")),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to);
    }
    let dir = dir.display();
    format!(
        "daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/error.log;\n\
         events {{}}\nhttp {{\naccess_log off;\nclient_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;\n\
         fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;\n{text}\n}}\n"
    )
}

impl Nginx {
    async fn start(guildhalls: &[SocketAddr], service: SocketAddr) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        // A port that was free a moment ago.
        let listen = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port")
            .local_addr()
            .expect("an address");
        let file = dir.path().join("nginx.conf");
        std::fs::write(&file, configuration(dir.path(), listen, guildhalls, service)).expect("written");
        let child = Command::new(program())
            .arg("-p")
            .arg(dir.path())
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let client = Client::builder().build().expect("a client");
        let nginx = Self {
            child,
            url: format!("http://{listen}"),
            client,
            dir,
        };
        within(Duration::from_secs(10), async || {
            tokio::net::TcpStream::connect(listen).await.is_ok()
        })
        .await;
        nginx
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.client.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    }

    async fn status(&self, secret: &str) -> u16 {
        self.get("/", &[("authorization", &format!("Bearer {secret}"))])
            .await
            .status()
            .as_u16()
    }
}

/// Serves a router for as long as the test lasts.
async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The service: says what it was asked, and by whom.
async fn echo(request: Request) -> String {
    let (parts, body) = request.into_parts();
    let headers: serde_json::Map<String, Value> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    serde_json::json!({
        "method": parts.method.as_str(), "path": parts.uri.path(), "headers": headers,
        "body": String::from_utf8_lossy(&bytes),
    })
    .to_string()
}

/// SPEC D13.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_nginx_lets_through_what_is_allowed_and_says_what_is_not() {
    let office = Office::new().await;
    office.allow(office.team, "analytics").await;
    office
        .world
        .sql("UPDATE services SET path_prefixes = '{GET /,POST /reports}' WHERE name = 'analytics'")
        .await;
    let (first, second) = (Process::start(&office.world.state), Process::start(&office.world.state));
    let guildhalls = [serve(first.router.clone()).await, serve(second.router.clone()).await];
    let service = serve(Router::new().fallback(echo)).await;
    let nginx = Nginx::start(&guildhalls, service).await;
    let (id, secret) = office.key(&office.member, office.team, None).await;
    let bearer = format!("Bearer {secret}");

    // An allowed key passes, with who it is; what the client claims does not.
    let forged = [
        ("authorization", bearer.as_str()),
        ("x-guildhall-roles", "super_admin"),
        ("x-guildhall-project", "forged"),
        ("x-original-uri", "/forged"),
        ("x-forwarded-uri", "/forged"),
    ];
    let answer = nginx.get("/a/path?x=1", &forged).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let seen: Value = answer.json().await.expect("JSON");
    let headers = &seen["headers"];
    assert_eq!(headers["x-guildhall-user"], office.member.id.to_string());
    assert_eq!(headers["x-guildhall-email"], office.member.email);
    assert_eq!(headers["x-guildhall-team"], office.team.to_string());
    assert_eq!(headers["x-guildhall-roles"], "team_member");
    assert!(headers["x-guildhall-project"].is_null(), "{headers:#}");
    assert!(
        headers["x-guildhall-assertion"]
            .as_str()
            .expect("text")
            .starts_with("ey")
    );
    assert!(headers["authorization"].is_null(), "the key stays with Guildhall");
    // The original method and path are what the rules are held against; bodies pass by.
    let post = async |path: &str| {
        let request = nginx.client.post(format!("{}{path}", nginx.url)).bearer_auth(&secret);
        request.body("numbers").send().await.expect("an answer")
    };
    let seen: Value = post("/reports/1").await.json().await.expect("JSON");
    assert_eq!((&seen["method"], &seen["body"]), (&"POST".into(), &"numbers".into()));
    let refused = post("/other").await;
    assert_eq!(refused.status(), 403);
    assert_eq!(
        refused.headers()["x-guildhall-reason"],
        "Path not allowed for service 'analytics'"
    );

    // Without a credential.
    let answer = nginx.get("/", &[]).await;
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["www-authenticate"].to_str().unwrap()
        ),
        (401, "Bearer")
    );

    // A revoked key stops within a second on both: nginx asks them in turns.
    for _ in 0..6 {
        assert_eq!(nginx.status(&secret).await, 200);
    }
    office
        .world
        .sql(&format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{id}'"))
        .await;
    let took = within(Duration::from_secs(1), async || {
        let mut refused = true;
        for _ in 0..4 {
            refused &= nginx.status(&secret).await == 401;
        }
        refused
    })
    .await;
    println!("refused by both after {took:?}");

    // What the policy does not list reaches the client in the seed's words.
    let (_, secret) = office.key(&office.member, office.team, None).await;
    office.world.sql("DELETE FROM team_services").await;
    within(Duration::from_secs(1), async || nginx.status(&secret).await == 403).await;
    let answer = nginx.get("/", &[("authorization", &format!("Bearer {secret}"))]).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(
        answer.headers()["x-guildhall-reason"],
        "Service 'analytics' not allowed for team"
    );
    assert_eq!(
        answer.text().await.expect("text"),
        "403 Forbidden: Service 'analytics' not allowed for team\n"
    );

    // Out of reach is 503, not nginx's 500.
    first.state.backend.pool.close().await;
    second.state.backend.pool.close().await;
    assert_eq!(nginx.status("sk-never-seen").await, 503);
}

/// Each configuration in the document names every header of an answer, and removes the client's credentials.
#[test]
fn every_documented_proxy_copies_every_header() {
    for proxy in ["nginx", "Traefik", "Caddy", "Envoy"] {
        let section = DOCUMENT
            .split_once(&format!("\n## {proxy}\n"))
            .and_then(|(_, rest)| rest.split_once("\n## "))
            .expect("a section")
            .0
            .to_lowercase();
        for name in ["user", "email", "team", "project", "roles", "assertion"] {
            let named = section.contains(&format!("x-guildhall-{name}")) || section.contains("prefix: x-guildhall-");
            assert!(named, "{proxy}: {name}");
        }
        for name in ["authorization", "x-api-key"] {
            assert!(section.contains(name), "{proxy}: {name}");
        }
    }
}
