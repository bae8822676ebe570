//! The GitHub client against the simulator: B11 to B15, B20 and B21.
#![expect(clippy::expect_used, reason = "a panic in a test is the failure")]

use std::time::Duration;

use integrations::github::{Config, Credentials, Error, GitHub, JitConfig, JitRequest};
use secrecy::ExposeSecret;
use simulators::TEST_RSA_PRIVATE_KEY;
use simulators::github::{Faults, GitHubOptions, GitHubSimulator, RateLimit, SimulatedGroup};

const JIT: &str = "POST /orgs/{org}/actions/runners/generate-jitconfig";
const LIST: &str = "GET /orgs/{org}/actions/runners";
const TOKENS: &str = "POST /app/installations/{id}/access_tokens";

async fn simulator(options: GitHubOptions) -> GitHubSimulator {
    let addr = "127.0.0.1:0".parse().expect("an address");
    GitHubSimulator::start(addr, options).await.expect("a free port")
}

fn client_with(simulator: &GitHubSimulator, credentials: Credentials) -> GitHub {
    let mut config = Config::new(simulator.org(), credentials);
    config.api_url = simulator.url();
    config.timeout = Duration::from_secs(2);
    GitHub::new(config).expect("a good configuration")
}

fn client(simulator: &GitHubSimulator) -> GitHub {
    client_with(simulator, Credentials::Token("demo-token".into()))
}

fn app() -> Credentials {
    Credentials::App {
        app_id: 7,
        installation_id: 11,
        private_key_pem: TEST_RSA_PRIVATE_KEY.into(),
    }
}

fn app_options() -> GitHubOptions {
    let app = Some((7, simulators::TEST_RSA_PUBLIC_KEY.to_owned()));
    GitHubOptions {
        app,
        ..GitHubOptions::default()
    }
}

async fn provision(github: &GitHub, name: &str) -> Result<JitConfig, Error> {
    let labels = ["self-hosted", "linux", "x64", "docker"].map(str::to_owned);
    let request = JitRequest {
        name,
        runner_group_id: 1,
        labels: &labels,
        work_folder: "_work",
    };
    github.generate_jit_config(&request).await
}

#[tokio::test]
async fn a_jit_configuration_has_the_runner_and_the_secret() {
    let simulator = simulator(GitHubOptions::default()).await;
    let jit = provision(&client(&simulator), "web-1").await.expect("a configuration");
    assert_eq!(
        (jit.runner.name.as_str(), jit.runner.status.as_str(), jit.runner.busy),
        ("web-1", "offline", false)
    );
    assert_eq!(jit.runner.labels, ["self-hosted", "linux", "x64", "docker"]);
    assert_eq!(jit.runner.runner_group_id, Some(1));
    let secret = jit.encoded_jit_config.expose_secret();
    assert!(secret.len() > 100);
    assert!(!format!("{jit:?}").contains(secret), "the secret shows in Debug");
    assert_eq!(simulator.runner_count(), 1);
}

#[tokio::test]
async fn bad_requests_are_told_apart() {
    let simulator = simulator(GitHubOptions::default()).await;
    let github = client(&simulator);
    provision(&github, "web-1").await.expect("a configuration");
    assert_eq!(
        provision(&github, "WEB-1").await.expect_err("taken"),
        Error::NameConflict
    );

    let labels = ["linux".to_owned()];
    let good = JitRequest {
        name: "web-2",
        runner_group_id: 1,
        labels: &labels,
        work_folder: "_work",
    };
    let bad_group = github
        .generate_jit_config(&JitRequest {
            runner_group_id: 99,
            ..good
        })
        .await;
    assert!(matches!(bad_group, Err(Error::NotFound { .. })), "{bad_group:?}");
    let none = github.generate_jit_config(&JitRequest { labels: &[], ..good }).await;
    assert!(matches!(none, Err(Error::Rejected { status: 422, .. })), "{none:?}");
    let many: Vec<String> = (0..101).map(|number| format!("l{number}")).collect();
    let many = github
        .generate_jit_config(&JitRequest { labels: &many, ..good })
        .await
        .expect_err("101 labels");
    assert!(
        many.user_message()
            .starts_with("GitHub API error: Invalid request.  No more than 100"),
        "{many}"
    );
    assert!(!many.is_ambiguous());
    assert_eq!(simulator.runner_count(), 1);
}

#[tokio::test]
async fn all_pages_are_read() {
    let simulator = simulator(GitHubOptions::default()).await;
    let github = client(&simulator);
    assert!(github.list_runners().await.expect("a list").is_empty());
    for number in 0..250 {
        simulator.add_runner(&format!("runner-{number}"), &["linux"]);
    }
    let before = simulator.calls_of(LIST);
    let runners = github.list_runners().await.expect("a list");
    assert_eq!(runners.len(), 250);
    assert!(runners.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(simulator.calls_of(LIST) - before, 3);

    let mut pages = github.runner_pages();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await.expect("a page") {
        sizes.push(page.len());
    }
    assert_eq!(sizes, [100, 100, 50]);
    assert!(pages.steady());
}

#[tokio::test]
async fn runners_that_slip_between_pages_are_found_by_reading_again() {
    let simulator = simulator(GitHubOptions::default()).await;
    let github = client(&simulator);
    let ids: Vec<i64> = (0..250)
        .map(|number| simulator.add_runner(&format!("r-{number}"), &["linux"]))
        .collect();
    simulator.set_faults(Faults {
        slow_page_ms: 100,
        ..Faults::default()
    });
    let listing = tokio::spawn(async move { github.list_runners().await });
    while simulator.calls_of(LIST) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Page 2 waits now: with these gone, runners 101 to 105 move to page 1, which has been read.
    for id in &ids[..5] {
        simulator.remove_runner(*id);
    }
    let found: Vec<i64> = listing
        .await
        .expect("no panic")
        .expect("a list")
        .iter()
        .map(|runner| runner.id)
        .collect();
    assert!(
        ids[5..].iter().all(|id| found.contains(id)),
        "runners are missing from the list"
    );
    assert!(simulator.calls_of(LIST) > 3);
}

#[tokio::test]
async fn single_runners_are_found_and_removed() {
    let simulator = simulator(GitHubOptions::default()).await;
    let github = client(&simulator);
    for number in 0..120 {
        simulator.add_runner(&format!("other-{number}"), &["linux"]);
    }
    let id = simulator.add_runner("web & more", &["linux"]);
    let found = github
        .find_runner("web & more")
        .await
        .expect("an answer")
        .expect("it exists");
    assert_eq!(found.id, id);
    assert_eq!(github.get_runner(id).await.expect("an answer"), Some(found));
    assert_eq!(github.find_runner("web").await.expect("an answer"), None);

    simulator.update_runner(id, |runner| runner.busy = true);
    let busy = github.delete_runner(id).await.expect_err("it runs a job");
    assert!(matches!(busy, Error::Rejected { status: 422, .. }), "{busy:?}");
    simulator.update_runner(id, |runner| runner.busy = false);
    github.delete_runner(id).await.expect("removed");
    github.delete_runner(id).await.expect("removing again is fine");
    assert_eq!(github.get_runner(id).await.expect("an answer"), None);
}

#[tokio::test]
async fn groups_are_listed_and_runs_cancelled() {
    let groups = (1..=130)
        .map(|id| SimulatedGroup::new(id, &format!("group {id}"), id == 1))
        .collect();
    let simulator = simulator(GitHubOptions {
        groups,
        ..GitHubOptions::default()
    })
    .await;
    let github = client(&simulator);
    let groups = github.list_runner_groups().await.expect("a list");
    assert_eq!((groups.len(), groups[0].default, groups[129].id), (130, true, 130));
    github.cancel_run("acme", "shop", 5).await.expect("cancelled");
    assert_eq!(simulator.cancelled_runs(), ["acme/shop/5"]);
    let escape = github.cancel_run("acme", "shop/../..", 5).await;
    assert!(matches!(escape, Err(Error::Config(_))));
}

#[tokio::test]
async fn rate_limits_are_named_and_nothing_is_done() {
    let simulator = simulator(GitHubOptions::default()).await;
    let github = client(&simulator);
    for status in [403, 429] {
        let limit = RateLimit {
            status,
            retry_after: Some(17),
            reset_in: 60,
        };
        simulator.set_faults(Faults {
            rate_limit: Some(limit),
            ..Faults::default()
        });
        let error = provision(&github, "web-1").await.expect_err("limited");
        let retry_after = Some(Duration::from_secs(17));
        assert_eq!(error, Error::RateLimited { retry_after });
        assert_eq!(error.user_message(), "GitHub API rate limit exceeded");
    }
    let limit = RateLimit {
        retry_after: None,
        reset_in: 30,
        ..RateLimit::default()
    };
    simulator.set_faults(Faults {
        rate_limit: Some(limit),
        ..Faults::default()
    });
    let Err(Error::RateLimited {
        retry_after: Some(wait),
    }) = github.list_runners().await
    else {
        panic!("not limited");
    };
    assert!(
        wait <= Duration::from_secs(30) && wait > Duration::from_secs(25),
        "{wait:?}"
    );
    assert_eq!(simulator.runner_count(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_ambiguous_and_the_call_is_not_repeated() {
    let simulator = simulator(GitHubOptions::default()).await;
    let github = client(&simulator);
    // On a fresh connection and on a used one, where clients like to send again.
    for (name, used) in [("fresh", false), ("used", true)] {
        if used {
            github.list_runners().await.expect("a list");
        }
        let before = simulator.calls_of(JIT);
        simulator.set_faults(Faults {
            drop_after_next: 1,
            ..Faults::default()
        });
        let error = provision(&github, name).await.expect_err("the answer is lost");
        assert!(
            matches!(error, Error::Ambiguous(_)) && error.is_ambiguous(),
            "{error:?}"
        );
        assert_eq!(simulator.calls_of(JIT) - before, 1);
        assert!(
            github.find_runner(name).await.expect("an answer").is_some(),
            "B15: settled by name"
        );
    }
    simulator.set_faults(Faults {
        bad_gateway_after_next: 1,
        ..Faults::default()
    });
    let error = provision(&github, "gateway").await.expect_err("502");
    assert!(error.is_ambiguous() && error.user_message().contains("502"), "{error}");
    assert_eq!(simulator.runner_count(), 3);
}

#[tokio::test]
async fn a_time_out_is_ambiguous() {
    let simulator = simulator(GitHubOptions::default()).await;
    let mut config = Config::new("acme", Credentials::Token("demo-token".into()));
    config.api_url = simulator.url();
    config.timeout = Duration::from_millis(200);
    let github = GitHub::new(config).expect("a good configuration");
    simulator.set_faults(Faults {
        latency_ms: 1000,
        ..Faults::default()
    });
    let error = provision(&github, "slow").await.expect_err("it takes too long");
    assert_eq!(error, Error::Ambiguous("no answer in time".into()));
}

#[tokio::test]
async fn a_refused_connection_is_not_ambiguous() {
    let simulator = simulator(GitHubOptions::default()).await;
    let github = client(&simulator);
    provision(&github, "before").await.expect("a configuration");
    simulator.stop().await;
    let error = provision(&github, "during").await.expect_err("nobody listens");
    assert!(
        matches!(error, Error::Unreachable(_)) && !error.is_ambiguous(),
        "{error:?}"
    );
    assert!(error.user_message().contains("refused"), "{error}");
    simulator.restart().await.expect("the port is still free");
    provision(&github, "after").await.expect("a configuration");
    let mut config = Config::new("acme", Credentials::Token("t".into()));
    config.api_url = "http://no-such-host.invalid".to_owned();
    let error = GitHub::new(config)
        .expect("a good configuration")
        .list_runners()
        .await
        .expect_err("no such host");
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn wrong_credentials_are_denied() {
    let simulator = simulator(GitHubOptions::default()).await;
    let error = provision(&client_with(&simulator, Credentials::Token("wrong".into())), "web").await;
    let message = "Bad credentials".to_owned();
    assert_eq!(error.expect_err("denied"), Error::Denied { status: 401, message });
    let foreign = Config {
        api_url: simulator.url(),
        ..Config::new("other", Credentials::Token("demo-token".into()))
    };
    let error = GitHub::new(foreign)
        .expect("a good configuration")
        .list_runners()
        .await
        .expect_err("not ours");
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn an_app_shares_one_token_between_calls() {
    let simulator = simulator(app_options()).await;
    let github = client_with(&simulator, app());
    let calls = (0..20).map(|number| {
        let github = github.clone();
        tokio::spawn(async move { provision(&github, &format!("web-{number}")).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no panic").expect("a configuration");
    }
    assert_eq!(simulator.calls_of(TOKENS), 1);
    assert_eq!(simulator.runner_count(), 20);
}

#[tokio::test]
async fn a_token_that_ends_soon_is_renewed_and_a_revoked_one_replaced() {
    let token_lifetime = Duration::from_secs(299);
    let simulator = simulator(GitHubOptions {
        token_lifetime,
        ..app_options()
    })
    .await;
    let github = client_with(&simulator, app());
    provision(&github, "one").await.expect("a configuration");
    provision(&github, "two").await.expect("a configuration");
    assert_eq!(simulator.calls_of(TOKENS), 2, "B20: refreshed 5 minutes before expiry");
    // The renewal fails, so the old token is used, and refused: one fresh token, one more try.
    simulator.revoke_installation_tokens();
    let before = simulator.calls_of(JIT);
    simulator.set_faults(Faults {
        only: Some("access_tokens".into()),
        fail_next: 1,
        ..Faults::default()
    });
    provision(&github, "three").await.expect("a configuration");
    assert_eq!(simulator.calls_of(JIT) - before, 2);
    assert_eq!(simulator.runner_count(), 3);
}

#[tokio::test]
async fn without_a_token_nothing_was_sent_so_nothing_is_ambiguous() {
    let simulator = simulator(app_options()).await;
    let github = client_with(&simulator, app());
    simulator.set_faults(Faults {
        only: Some("access_tokens".into()),
        drop_after_next: 1,
        ..Faults::default()
    });
    let error = provision(&github, "web").await.expect_err("no token");
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert_eq!(simulator.calls_of(JIT), 0);
    let stranger = Credentials::App {
        app_id: 8,
        installation_id: 11,
        private_key_pem: TEST_RSA_PRIVATE_KEY.into(),
    };
    let error = provision(&client_with(&simulator, stranger), "web")
        .await
        .expect_err("another App");
    assert!(matches!(error, Error::Denied { status: 401, .. }), "{error:?}");
}

#[test]
fn bad_settings_are_clear_errors() {
    let attempt = |api_url: &str, org: &str, credentials| {
        let config = Config {
            api_url: api_url.to_owned(),
            ..Config::new(org, credentials)
        };
        let error = GitHub::new(config).expect_err("a bad setting");
        assert!(matches!(error, Error::Config(_)), "{error:?}");
        error.to_string()
    };
    let token = || Credentials::Token("s3cret\n\u{7f}x".into());
    let key = |pem: &str| Credentials::App {
        app_id: 1,
        installation_id: 2,
        private_key_pem: pem.into(),
    };
    let good = "https://api.github.com";
    assert!(attempt("github", "acme", token()).contains("not a URL"));
    assert!(attempt(good, "ac/me", token()).contains("`ac/me` is not the name"));
    assert!(!attempt(good, "acme", token()).contains("s3cret"));
    assert!(attempt(good, "acme", Credentials::Token(" ".into())).contains("empty"));
    assert!(attempt(good, "acme", key("-----BEGIN s3cret")).contains("PEM"));
    assert!(attempt(good, "acme", key(simulators::TEST_RSA_PUBLIC_KEY)).contains("RSA"));
    assert!(!format!("{:?}", key("s3cret")).contains("s3cret"));
    assert!(!format!("{:?}", Credentials::Token("s3cret".into())).contains("s3cret"));
}
