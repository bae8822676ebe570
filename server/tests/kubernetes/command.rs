//! `guildhall serve --kube-listen` and `guildhall kubeconfig`, as programs.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
};

use crate::common::database::Database;

use super::kubectl::programs;

/// The program, with nothing in its environment but the database.
fn guildhall(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.args(arguments).env_clear().env("DATABASE_URL", database.url());
    command
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn run(database: &Database, arguments: &[&str]) -> String {
    text(&guildhall(database, arguments).output().expect("it runs"))
}

/// A running server; killed at the end of the scope.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A kubeconfig of the running server works with kubectl as it is printed.
#[tokio::test]
async fn a_kubeconfig_is_ready_to_use() {
    let database = Database::empty().await;
    let mut serve = guildhall(
        &database,
        &["serve", "--listen", "127.0.0.1:0", "--kube-listen", "127.0.0.1:0"],
    );
    let mut child = serve
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let _serving = Serving(child);
    let mut line = || lines.next().expect("a line").expect("text");
    let said = line();
    let url = said
        .strip_prefix("kubernetes API on ")
        .unwrap_or_else(|| panic!("{said}"));
    assert!(line().starts_with("listening on http://127.0.0.1:"));
    run(
        &database,
        &["user", "create", "--email", "ada@example.com", "--super-admin"],
    );

    let config = run(
        &database,
        &["kubeconfig", "--email", "ada@example.com", "--namespace", "default"],
    );
    assert!(config.contains(&format!("server: \"{url}\"")), "{config}");
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config");
    std::fs::write(&file, &config).expect("written");
    for program in programs() {
        let said = Command::new(program)
            .args(["get", "teams"])
            .env("KUBECONFIG", &file)
            .env("HOME", dir.path())
            .output()
            .expect("it runs");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
}

#[tokio::test]
async fn a_kubeconfig_before_the_first_start() {
    let database = Database::empty().await;
    run(&database, &["user", "create", "--email", "ada@example.com"]);
    let config = run(&database, &["kubeconfig", "--email", "ada@example.com"]);
    assert!(config.contains("server: \"https://127.0.0.1:6443\""), "{config}");
    let other = [
        "kubeconfig",
        "--email",
        "ada@example.com",
        "--server",
        "https://k8s.example/",
        "--expires",
        "1h",
    ];
    let other = run(&database, &other);
    assert!(other.contains("server: \"https://k8s.example\""), "{other}");
    let authority = |text: &str| {
        let line = text.lines().find(|line| line.contains("certificate-authority-data"));
        line.expect("an authority").to_owned()
    };
    assert_eq!(authority(&config), authority(&other), "there is one authority");
    for wrong in [
        &["kubeconfig"][..],
        &[
            "kubeconfig",
            "--email",
            "ada@example.com",
            "--server",
            "http://plain.example",
        ],
    ] {
        let said = guildhall(&database, wrong).output().expect("it runs");
        assert_eq!(said.status.code(), Some(2), "{wrong:?}");
    }
    let nobody = guildhall(&database, &["kubeconfig", "--email", "nobody@example.com"]).output();
    assert_eq!(nobody.expect("it runs").status.code(), Some(1));
}

/// The demo is for this machine only, also for kubectl.
#[tokio::test]
async fn the_demo_listens_on_loopback_only() {
    let database = Database::empty().await;
    let said = guildhall(&database, &["serve", "--demo", "--kube-listen", "0.0.0.0:0"]).output();
    let said = said.expect("it runs");
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("loopback"));
}
