//! The program: its commands, what they print, and how it starts and stops.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::common::{client, database::Database};

/// The program, with nothing in its environment but the database.
pub fn guildhall(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.args(arguments).env_clear().env("DATABASE_URL", database.url());
    command
}

fn output(database: &Database, arguments: &[&str]) -> Output {
    guildhall(database, arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// C4: prints the count only, for a script; `users` and `user` are the same.
#[tokio::test]
async fn c4_users_migrate_orphans_prints_how_many() {
    let database = Database::migrated().await;
    let run = |arguments: &[&str]| {
        let done = output(&database, arguments);
        assert!(done.status.success(), "{}", text(&done.stderr));
        (text(&done.stdout), text(&done.stderr))
    };
    run(&["user", "create", "--email", "ada@example.com"]);
    let silent = String::new();
    let migrate = ["users", "migrate-orphans"];
    assert_eq!(
        run(&migrate),
        ("0\n".to_owned(), silent.clone()),
        "who is created has it"
    );
    sqlx::query(
        "INSERT INTO users (id, email) SELECT gen_random_uuid(), n || '@example.com' FROM generate_series(1, 3) n",
    )
    .execute(&database.pool)
    .await
    .expect("three people");
    assert_eq!(run(&migrate), ("3\n".to_owned(), silent.clone()));
    assert_eq!(run(&["user", "migrate-orphans"]), ("0\n".to_owned(), silent));
}

#[tokio::test]
async fn from_an_empty_database_to_a_token() {
    let database = Database::empty().await;
    let created = output(
        &database,
        &[
            "user",
            "create",
            "--email",
            "Ada@Example.com",
            "--name",
            "Ada",
            "--super-admin",
        ],
    );
    assert!(created.status.success(), "{}", text(&created.stderr));
    let token = output(
        &database,
        &["token", "create", "--email", "ada@example.com", "--expires", "30d"],
    );
    let printed = text(&token.stdout);
    assert!(
        printed.starts_with("guildhall_pat_") && printed.lines().count() == 1,
        "{printed}"
    );
    assert_eq!(text(&token.stderr), "");
    let days: i32 =
        sqlx::query_scalar("SELECT extract(day FROM expires_at - created_at)::int FROM personal_access_tokens")
            .fetch_one(&database.pool)
            .await
            .expect("a row");
    assert_eq!(days, 30);
    // As long as over the API unless said otherwise; for ever only when that is said.
    for (expires, days) in [(&[][..], Some(90)), (&["--expires", "never"], None)] {
        let arguments = [&["token", "create", "--email", "ada@example.com"][..], expires].concat();
        assert!(output(&database, &arguments).status.success(), "{expires:?}");
        let found: Option<i32> = sqlx::query_scalar(
            "SELECT extract(day FROM expires_at - created_at)::int FROM personal_access_tokens ORDER BY id DESC LIMIT 1",
        )
        .fetch_one(&database.pool)
        .await
        .expect("a row");
        assert_eq!(found, days, "{expires:?}");
    }
    assert!(output(&database, &["migrate"]).status.success());
}

/// X17: whoever has signed in with an address that was never verified gets no rights because of it.
#[tokio::test]
async fn x17_rights_of_an_address_that_was_never_verified_wait_until_it_is_confirmed() {
    let database = Database::migrated().await;
    let create = |more: &[&str]| {
        let arguments = [&["user", "create", "--email", "ada@example.com"][..], more].concat();
        let output = output(&database, &arguments);
        (output.status.code().expect("it ended"), text(&output.stderr))
    };
    assert_eq!(create(&["--confirm-address"]).0, 0, "of nobody yet");
    sqlx::query(
        "INSERT INTO user_identities (issuer, subject, user_id, email_verified, email_denied)
        SELECT 'https://id.example.com', 'wolf', id, false, true FROM users",
    )
    .execute(&database.pool)
    .await
    .expect("an identity");
    let (code, said) = create(&["--super-admin"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("The address of ada@example.com was never verified") && said.contains("--confirm-address"),
        "{said}"
    );
    let (code, said) = create(&["--super-admin", "--confirm-address"]);
    assert_eq!(code, 0, "{said}");
    let whole: bool = sqlx::query_scalar("SELECT is_super_admin FROM users")
        .fetch_one(&database.pool)
        .await
        .expect("a person");
    assert!(whole);
}

#[tokio::test]
async fn mistakes_are_told_from_failures() {
    let database = Database::migrated().await;
    let outcome = |arguments: &[&str]| {
        let output = output(&database, arguments);
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        (output.status.code().expect("it ended"), text(&output.stderr))
    };
    let (code, said) = outcome(&["token", "create", "--email", "nobody@example.com"]);
    assert_eq!(code, 1);
    assert!(
        said.contains("User not found: nobody@example.com; create it with `guildhall user create"),
        "{said}"
    );
    let (code, said) = outcome(&["user", "create", "--email", "a@b.example", "--org", "nowhere"]);
    assert_eq!(
        (code, said.contains("Organization not found: nowhere")),
        (1, true),
        "{said}"
    );
    for wrong in [
        &["token", "create", "--email", "no-address"][..],
        &["token", "create", "--email", "a@b.c", "--expires", "soon"],
        &["fly"],
    ] {
        assert_eq!(outcome(wrong).0, 2, "{wrong:?}");
    }
    let (code, said) = outcome(&["serve", "--demo", "--listen", "0.0.0.0:0"]);
    assert_eq!((code, said.contains("loopback")), (2, true), "{said}");
}

#[tokio::test]
async fn a_configuration_with_faults_says_them_all() {
    let database = Database::empty().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "oidc:\n  isuer: x\nsignup: maybe\n").expect("written");
    let path = file.path().to_str().expect("text");
    let output = output(&database, &["migrate", "--config", path]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("unknown key `oidc.isuer`; did you mean `oidc.issuer`?"),
        "{said}"
    );
    assert!(said.contains("`signup` (GUILDHALL_SIGNUP)"), "{said}");
    let unreachable = guildhall(&database, &["migrate"])
        .env("DATABASE_URL", "postgres://u:s3cret@127.0.0.1:1/x")
        .output();
    let unreachable = unreachable.expect("it runs");
    assert_eq!(unreachable.status.code(), Some(1));
    assert!(!text(&unreachable.stderr).contains("s3cret"));
}

#[test]
fn documents_are_printed_without_any_configuration() {
    for (argument, part) in [("openapi", "\"openapi\""), ("config", "`GUILDHALL_OIDC_ISSUER`")] {
        let output = Command::new(env!("CARGO_BIN_EXE_guildhall"))
            .arg(argument)
            .env_clear()
            .output()
            .expect("it runs");
        assert!(
            output.status.success() && text(&output.stdout).contains(part),
            "{argument}"
        );
    }
}

/// A running server; killed at the end of the scope.
pub struct Serving {
    child: Child,
    pub url: String,
}

impl Serving {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        let url = line.trim_end().strip_prefix("listening on ").unwrap_or_else(|| {
            let mut said = String::new();
            let _ = child.stderr.take().expect("piped").read_to_string(&mut said);
            panic!("{line}{said}")
        });
        Self {
            url: url.to_owned(),
            child,
        }
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with -9.
    pub fn kill_now(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("its status");
    }

    /// Asks it to stop; returns its exit status and what it logged.
    pub fn stop(mut self) -> (Option<i32>, String) {
        let killed = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(killed.expect("kill runs").success());
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status;
            }
            assert!(Instant::now() < deadline, "it did not stop");
            #[expect(clippy::disallowed_methods, reason = "nothing else runs on this thread")]
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut logged = String::new();
        let _ = self.child.stderr.take().expect("piped").read_to_string(&mut logged);
        (status.code(), logged)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let database = Database::empty().await;
    let serving = Serving::start(guildhall(&database, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(
        serving.url.starts_with("http://127.0.0.1:") && !serving.url.ends_with(":0"),
        "{}",
        serving.url
    );
    let get = async |path: &str| {
        client()
            .get(format!("{}{path}", serving.url))
            .send()
            .await
            .expect("an answer")
    };
    assert_eq!(get("/readyz").await.status(), 200);
    // A secret where it should not be does not get into the log.
    assert_eq!(get("/auth/callback/oidc?code=s3cret&state=s3cret").await.status(), 503);
    let token = output(&database, &["user", "create", "--email", "a@example.com"]);
    assert!(token.status.success());
    let token = text(&output(&database, &["token", "create", "--email", "a@example.com"]).stdout);
    let token = token.trim().to_owned();
    let client = client();
    let me = client
        .get(format!("{}/api/v1/auth/me", serving.url))
        .bearer_auth(&token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(me.status(), 200);
    let (code, logged) = serving.stop();
    assert_eq!(code, Some(0), "{logged}");
    assert!(
        logged.contains("/auth/callback/oidc") && !logged.contains("s3cret") && !logged.contains(&token),
        "{logged}"
    );
    for line in logged.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    }
    let used: Option<i64> = sqlx::query_scalar("SELECT count(last_used_at) FROM personal_access_tokens")
        .fetch_one(&database.pool)
        .await
        .expect("a count");
    assert_eq!(used, Some(1), "what was in memory is written down at the end");
}

/// B25: `audit verify` says how much is sealed and what the head is; exits with 1 and names what was changed.
#[tokio::test]
async fn b25_the_audit_log_is_verified_from_the_command_line() {
    let database = Database::empty().await;
    assert!(
        output(&database, &["user", "create", "--email", "a@example.com"])
            .status
            .success()
    );
    let verify = |arguments: &[&str]| output(&database, &[&["audit", "verify"][..], arguments].concat());
    let fresh = verify(&[]);
    assert!(fresh.status.success(), "{}", text(&fresh.stderr));
    assert_eq!(text(&fresh.stdout), "sealed and unchanged: 0\nwaiting for a seal: 1\n");
    backend::audit::seal(&database.pool).await.expect("sealed");
    let good = text(&verify(&[]).stdout);
    let (first, head) = good.trim().split_once("\nhead ").expect("a head");
    assert_eq!(first, "sealed and unchanged: 1\nwaiting for a seal: 0");
    assert!(verify(&["--expect-head", head]).status.success());
    let other = verify(&["--expect-head", &format!("2:{}", &head[2..])]);
    assert_eq!(other.status.code(), Some(1));
    assert!(
        text(&other.stderr).contains("its end was cut off"),
        "{}",
        text(&other.stderr)
    );
    assert_eq!(verify(&["--expect-head", "nonsense"]).status.code(), Some(2));

    let forge = "ALTER TABLE audit_entries DISABLE TRIGGER USER; UPDATE audit_entries SET actor = 'nobody'";
    sqlx::raw_sql(forge).execute(&database.pool).await.expect("forged");
    let bad = verify(&[]);
    let said = text(&bad.stderr);
    assert_eq!((bad.status.code(), text(&bad.stdout).as_str()), (Some(1), ""));
    for words in ["seal 1: entry ", " nobody user.create a@example.com", "it was changed"] {
        assert!(said.contains(words), "{said}");
    }
}
