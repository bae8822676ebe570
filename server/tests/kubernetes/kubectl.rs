//! A real kubectl.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use backend::{
    Ctx, Method,
    kubernetes_door::{Kubeconfig, text},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::house::{House, NAMESPACE};

/// Where `cargo xtask setup` unpacks one.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/kubectl/usr/bin/kubectl");

/// The kubectls of this machine: each is a version that has to work. None at all is a failure of the set-up.
pub fn programs() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&path).map(|dir| dir.join("kubectl")).collect();
    found.push(UNPACKED.into());
    found.retain(|program| program.is_file());
    for program in &mut found {
        if let Ok(real) = program.canonicalize() {
            *program = real;
        }
    }
    found.sort();
    found.dedup();
    assert!(!found.is_empty(), "there is no kubectl: run `cargo xtask setup`");
    found
}

/// A kubectl with a kubeconfig for a house.
pub struct Kubectl {
    program: PathBuf,
    pub dir: TempDir,
    config: PathBuf,
}

/// What a command came to.
#[derive(Debug)]
pub struct Done {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

impl Done {
    /// What it printed, when it worked.
    #[track_caller]
    pub fn works(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// What it said on standard error, when it failed.
    #[track_caller]
    pub fn fails(self) -> String {
        assert!(self.code.is_some_and(|code| code != 0), "{}{}", self.out, self.err);
        self.err
    }
}

impl Kubectl {
    /// As the admin of the house, in its namespace.
    pub fn new(program: PathBuf, house: &House) -> Self {
        Self::with_token(program, house, &house.token)
    }

    pub fn with_token(program: PathBuf, house: &House, token: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("kubeconfig");
        let written = text(&Kubeconfig {
            server: &house.url,
            authority: Some(&house.authority),
            token,
            namespace: Some(NAMESPACE),
            user: "somebody@example.com",
        });
        std::fs::write(&config, written).expect("written");
        Self { program, dir, config }
    }

    /// Another kubeconfig.
    pub fn with_config(mut self, text: &str) -> Self {
        self.config = self.dir.path().join("other");
        std::fs::write(&self.config, text).expect("written");
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("KUBECONFIG", &self.config)
            .env("HOME", self.dir.path())
            .env("KUBE_EDITOR", "false")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Done {
        Self::done(self.command(arguments).output()).await
    }

    /// With something on standard input.
    pub async fn fed(&self, arguments: &[&str], input: &str) -> Done {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        pipe.write_all(input.as_bytes()).await.expect("written");
        drop(pipe);
        Self::done(child.wait_with_output()).await
    }

    pub async fn done(output: impl Future<Output = std::io::Result<std::process::Output>>) -> Done {
        let output = tokio::time::timeout(Duration::from_secs(60), output).await;
        let output = output.expect("it ends in time").expect("it runs");
        Done {
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
            code: output.status.code(),
        }
    }

    /// `1.32`: the client's version.
    pub async fn minor(&self) -> u32 {
        let said = self.run(&["version", "--client", "-o", "json"]).await.works();
        let version: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        let minor = version["clientVersion"]["minor"].as_str().expect("a version");
        minor.trim_end_matches('+').parse().expect("a number")
    }

    /// A file of `tests/kubernetes/data`.
    pub fn data(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes/data").join(name);
        path.to_str().expect("text").to_owned()
    }
}

/// Somebody with an account in the organization, whom a manifest refers to.
pub async fn person(house: &House, email: &str) {
    let mut ctx = Ctx::system(&house.server.state.backend, "test", Method::Command)
        .await
        .expect("a transaction");
    let email = domain::Email::parse(email).expect("an email");
    let organization = Some((NAMESPACE, domain::OrgRole::OrgMember));
    backend::identity::create(&mut ctx, &email, None, false, organization)
        .await
        .expect("created");
    ctx.commit().await.expect("committed");
}
