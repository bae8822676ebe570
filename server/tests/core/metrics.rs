//! SPEC C16: what `/metrics` tells, read before and after from a running server.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use simulators::{github, litellm::SimulatedUser};

use super::litellm::House;

/// The numbers of a scrape, by name and labels as they are printed.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    async fn of(house: &House) -> Self {
        let url = format!("{}/metrics", house.server.url);
        let answer = house.server.client.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.expect("text");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let number = |line: &str| {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            (series.to_owned(), value.parse().expect("a number"))
        };
        Self(lines.map(number).collect())
    }

    #[track_caller]
    fn get(&self, series: &str) -> f64 {
        let known = || {
            self.0
                .keys()
                .filter(|name| name.starts_with(&series[..series.len().min(24)]))
        };
        *self
            .0
            .get(series)
            .unwrap_or_else(|| panic!("no {series} in {:?}", known().collect::<Vec<_>>()))
    }

    /// A number that is whole.
    #[track_caller]
    fn count(&self, series: &str) -> i64 {
        whole(self.get(series))
    }

    /// What a counter is, also one that has not counted yet.
    fn counted(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or_default()
    }

    /// Which of these counters have grown since an earlier scrape, and by how much.
    fn grown(&self, before: &Self, prefixes: &[&str]) -> BTreeMap<String, i64> {
        let ours = self
            .0
            .iter()
            .filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        let steps = ours.map(|(name, value)| (name.clone(), whole(value - before.counted(name))));
        steps.filter(|(_, step)| *step != 0).collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "counts of a test")]
fn whole(number: f64) -> i64 {
    assert!(number.fract().abs() < 1e-9, "{number} is no count");
    number.round() as i64
}

const COUNTERS: [&str; 4] = [
    "guildhall_user_creation_total",
    "guildhall_team_assignment_total",
    "guildhall_key_creation_total",
    "guildhall_sync_errors_total",
];

fn steps<const N: usize>(steps: [(&str, &str, i64); N]) -> BTreeMap<String, i64> {
    let series = |(name, label, step): (&str, &str, i64)| {
        let (label, value) = label.split_once('=').expect("a label and its value");
        (format!("guildhall_{name}_total{{{label}=\"{value}\"}}"), step)
    };
    steps.into_iter().map(series).collect()
}

#[tokio::test]
async fn c16_people_and_memberships_at_litellm_are_counted_by_how_that_went() {
    let house = House::new().await;
    let start = Scrape::of(&house).await;
    // Before anything failed the counter of failures is there: a rule about its increase sees the first one.
    for series in [
        "guildhall_user_creation_total{outcome=\"failed\"}",
        "guildhall_team_assignment_total{outcome=\"failed\"}",
        "guildhall_key_creation_total{outcome=\"refused\"}",
        "guildhall_sync_errors_total{target=\"litellm\"}",
        "guildhall_sync_errors_total{target=\"github\"}",
        "guildhall_litellm_breaker_state{instance=\"litellm-example\"}",
        "guildhall_litellm_objects{instance=\"litellm-example\",state=\"parked\"}",
        "guildhall_litellm_oldest_pending_seconds{instance=\"litellm-example\"}",
    ] {
        assert_eq!(start.count(series), 0, "{series}");
    }

    house.person("ada@example.com").await;
    house.deliver().await;
    let made = Scrape::of(&house).await;
    // The membership of the Default Team came with her.
    let expected = steps([
        ("user_creation", "outcome=created", 1),
        ("team_assignment", "outcome=existed", 1),
    ]);
    assert_eq!(made.grown(&start, &COUNTERS), expected);

    // Somebody whom LiteLLM knows already.
    let (bob, _) = house.person("bob@example.com").await;
    house.proxy.put_user(SimulatedUser {
        id: bob.to_string(),
        email: Some("bob@example.com".to_owned()),
        ..SimulatedUser::default()
    });
    house.deliver().await;
    let existed = Scrape::of(&house).await;
    let grown = existed.grown(&made, &COUNTERS);
    assert_eq!(
        grown.get("guildhall_user_creation_total{outcome=\"existed\"}"),
        Some(&1),
        "{grown:?}"
    );
    assert_eq!(
        grown.get("guildhall_user_creation_total{outcome=\"created\"}"),
        None,
        "{grown:?}"
    );

    // A change of somebody whom LiteLLM has is no creation, whether it works or not.
    house
        .sql("UPDATE users SET display_name = 'Robert' WHERE email = 'bob@example.com'")
        .await;
    house.deliver().await;
    let changed = Scrape::of(&house).await;
    assert_eq!(changed.grown(&existed, &COUNTERS), BTreeMap::new());

    // One more, whom LiteLLM refuses: tried again, then parked.
    house.fail("POST /user/new", 100, 400);
    house.person("eve@example.com").await;
    house.deliver().await;
    let failed = Scrape::of(&house).await;
    let expected = steps([
        ("user_creation", "outcome=failed", 1),
        ("sync_errors", "target=litellm", 1),
    ]);
    assert_eq!(failed.grown(&changed, &COUNTERS), expected);
    let objects = |state: &str| format!("guildhall_litellm_objects{{instance=\"litellm-example\",state=\"{state}\"}}");
    assert_eq!(failed.count(&objects("failed")), 1);
    assert_eq!(
        failed.count(&objects("pending")),
        1,
        "the membership waits for the person"
    );
    house
        .sql("UPDATE litellm_objects SET attempts = 7, due_at = now(), changed_at = now() - interval '1 hour' WHERE state = 'failed'")
        .await;
    let oldest = "guildhall_litellm_oldest_pending_seconds{instance=\"litellm-example\"}";
    assert!((3600.0..3700.0).contains(&Scrape::of(&house).await.get(oldest)));
    house.fail("POST /", 100, 400);
    house.deliver().await;
    let parked = Scrape::of(&house).await;
    assert_eq!(parked.count(&objects("parked")), 1);
    assert!(parked.get(oldest) < 600.0, "what is parked is not waited for");
    assert_eq!(
        parked
            .grown(&failed, &COUNTERS)
            .get("guildhall_user_creation_total{outcome=\"failed\"}"),
        Some(&1)
    );

    // Routes, not addresses: nobody's id becomes a label.
    let requests = parked.grown(&start, &["guildhall_litellm_requests_total"]);
    assert!(
        requests.contains_key("guildhall_litellm_requests_total{route=\"/user/new\",outcome=\"rejected\"}"),
        "{requests:?}"
    );
    for series in parked.0.keys() {
        assert!(
            !series.contains(&bob.to_string()) && !series.contains("example.com"),
            "{series}"
        );
    }
}

#[tokio::test]
async fn c16_keys_are_counted_by_what_became_of_them_and_the_breaker_is_seen() {
    let house = House::new().await;
    let (_, token) = house.person("ada@example.com").await;
    house.deliver().await;
    let start = Scrape::of(&house).await;
    let create = async |name: &str| {
        let answer = house.post(&token, "/api-keys", json!({"name": name})).await;
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    let keys = ["guildhall_key_creation_total"];

    let (status, made) = create("ready").await;
    assert_eq!(status, 201, "{made}");
    let ready = Scrape::of(&house).await;
    assert_eq!(
        ready.grown(&start, &keys),
        steps([("key_creation", "outcome=ready", 1)])
    );

    house.fail("POST /key/generate", 1, 400);
    assert_eq!(create("refused").await.0, 502);
    let refused = Scrape::of(&house).await;
    assert_eq!(
        refused.grown(&ready, &keys),
        steps([("key_creation", "outcome=refused", 1)])
    );

    house.proxy.stop().await;
    let (status, pending) = create("pending").await;
    assert_eq!(status, 202, "{pending}");
    let rotate = format!("/api-keys/{}/rotate", made["id"].as_str().expect("an id"));
    assert_eq!(house.post(&token, &rotate, json!({})).await.status(), 503);
    let away = Scrape::of(&house).await;
    let expected = steps([
        ("key_creation", "outcome=pending", 1),
        ("key_creation", "outcome=failed", 1),
    ]);
    assert_eq!(away.grown(&refused, &keys), expected);

    // Two calls have failed. Three more open the breaker, and the next is not sent.
    let breaker = "guildhall_litellm_breaker_state{instance=\"litellm-example\"}";
    assert_eq!(away.count(breaker), 0);
    let revoke = format!("/api-keys/{}", made["id"].as_str().expect("an id"));
    let revoked = house.call(&token, reqwest::Method::DELETE, &revoke, json!({})).await;
    assert_eq!(revoked.status(), 202);
    for name in ["one", "two", "three"] {
        assert_eq!(create(name).await.0, 202);
    }
    let open = Scrape::of(&house).await;
    assert_eq!(open.count(breaker), 2);
    let calls = open.grown(&refused, &["guildhall_litellm_requests_total"]);
    let of = |outcome: &str| -> i64 {
        let outcome = format!("outcome=\"{outcome}\"");
        calls
            .iter()
            .filter(|(name, _)| name.contains(&outcome))
            .map(|(_, step)| step)
            .sum()
    };
    // On a connection that was open before, nobody knows whether the call arrived.
    assert_eq!(of("unreachable") + of("no_answer"), 5, "{calls:?}");
    assert!(of("circuit_open") > 0, "{calls:?}");
    // The revoked one, and what the tries that came to nothing may have left.
    assert_eq!(
        open.count("guildhall_litellm_revoking_keys{instance=\"litellm-example\"}"),
        3
    );
    assert!(open.get("guildhall_litellm_oldest_revoking_seconds{instance=\"litellm-example\"}") > 0.0);

    // A database that does not answer takes the gauges' word away, not the page.
    house.server.database.pool.close().await;
    let blind = Scrape::of(&house).await;
    assert!(
        blind
            .get("guildhall_litellm_revoking_keys{instance=\"litellm-example\"}")
            .is_nan()
    );
    assert!(
        blind
            .get("guildhall_litellm_oldest_pending_seconds{instance=\"litellm-example\"}")
            .is_nan()
    );
    assert_eq!(blind.count(breaker), 2);
}

#[tokio::test]
async fn c16_a_pass_with_github_that_fails_is_a_sync_error() {
    let house = House::new().await;
    let start = Scrape::of(&house).await;
    let pass = async || backend::sync::run(&house.server.state.backend).await.expect("a pass");
    pass().await;
    let good = Scrape::of(&house).await;
    assert_eq!(good.grown(&start, &COUNTERS), BTreeMap::new());
    house.server.github.set_faults(github::Faults {
        fail_next: 100,
        fail_status: 500,
        ..github::Faults::default()
    });
    pass().await;
    let bad = Scrape::of(&house).await;
    assert_eq!(
        bad.grown(&good, &COUNTERS),
        steps([("sync_errors", "target=github", 1)])
    );
}
