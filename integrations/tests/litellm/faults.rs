//! What is tried again, what counts for the breaker, and what never shows.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use integrations::litellm::{Breaker, Created, Error, LiteLlm};
use simulators::litellm::{Faults, LiteLlmSimulator, RateLimit, Version};

use crate::support::{config, key, start, start_with_user, team, user};

const TEAM: &str = "GET /team/info";
const GENERATE: &str = "POST /key/generate";

fn failing(times: u64, status: u16) -> Faults {
    Faults {
        fail_next: times,
        fail_status: status,
        ..Faults::default()
    }
}

#[tokio::test]
async fn c6_reads_are_tried_three_times() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    for faults in [
        failing(2, 500),
        failing(2, 503),
        Faults {
            drop_before_next: 2,
            ..Faults::default()
        },
        Faults {
            drop_after_next: 2,
            ..Faults::default()
        },
    ] {
        let before = simulator.calls_of(TEAM);
        simulator.set_faults(faults);
        assert_eq!(litellm.team_info("t").await, Ok(None));
        assert_eq!(simulator.calls_of(TEAM) - before, 3);
    }
    assert_eq!(litellm.breaker(), Breaker::Closed { failures: 0 });
}

#[tokio::test]
async fn c6_an_effect_whose_answer_got_lost_is_not_done_twice() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    for faults in [
        Faults {
            error_after_next: 1,
            ..Faults::default()
        },
        Faults {
            drop_after_next: 1,
            ..Faults::default()
        },
    ] {
        simulator.set_faults(faults);
        assert_eq!(
            litellm.create_team(&team("t")).await,
            Ok(Created::Existed),
            "by the first attempt"
        );
        assert_eq!(simulator.teams().len(), 1);
        litellm.delete_team("t").await.unwrap();
    }
    simulator.set_faults(Faults {
        error_after_next: 1,
        ..Faults::default()
    });
    assert_eq!(litellm.create_user(&user("u", &[])).await, Ok(Created::Existed));
}

#[tokio::test]
async fn c6_a_4xx_is_neither_tried_again_nor_counted() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    for status in [400, 401, 403, 404, 409, 422, 429] {
        for _ in 0..2 {
            let before = simulator.calls_of(TEAM);
            simulator.set_faults(failing(1, status));
            assert!(litellm.team_info("t").await.is_err());
            assert_eq!(simulator.calls_of(TEAM) - before, 1, "{status}");
        }
    }
    assert_eq!(litellm.breaker(), Breaker::Closed { failures: 0 });
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_when_it_says_how_long() {
    let (simulator, litellm) = start(Version::V1_101_6).await;
    let limited = |retry_after| Faults {
        rate_limit: Some(RateLimit {
            retry_after,
            next: Some(1),
        }),
        ..Faults::default()
    };
    simulator.set_faults(limited(Some(1)));
    let start = Instant::now();
    assert_eq!(litellm.team_info("t").await, Ok(None));
    assert!(start.elapsed() >= Duration::from_secs(1));
    // Longer than anybody wants to wait for: told instead.
    simulator.set_faults(limited(Some(60)));
    let retry_after = Some(Duration::from_mins(1));
    assert_eq!(litellm.team_info("t").await, Err(Error::RateLimited { retry_after }));
    simulator.set_faults(limited(None));
    assert_eq!(
        litellm.team_info("t").await,
        Err(Error::RateLimited { retry_after: None })
    );
}

#[tokio::test]
async fn a_key_is_generated_again_only_when_it_was_never_sent() {
    let (simulator, litellm) = start_with_user(Version::V1_108_7).await;
    for faults in [
        failing(1, 500),
        Faults {
            error_after_next: 1,
            ..Faults::default()
        },
        Faults {
            drop_before_next: 1,
            ..Faults::default()
        },
        Faults {
            garbage_next: 1,
            ..Faults::default()
        },
    ] {
        let before = simulator.calls_of(GENERATE);
        simulator.set_faults(faults);
        let error = litellm.generate_key(&key("k")).await.expect_err("no answer");
        assert!(error.is_ambiguous(), "{error:?}");
        assert_eq!(simulator.calls_of(GENERATE) - before, 1);
        litellm.delete_key_alias("k").await.unwrap();
    }
    // Nobody listens: that is tried again, and works as soon as somebody does.
    simulator.stop().await;
    let mut slow = config(&simulator);
    slow.retry_delay = Duration::from_millis(400);
    let slow = LiteLlm::new(slow).unwrap();
    let (again, back) = (simulator.clone(), Duration::from_millis(200));
    let (made, ()) = tokio::join!(async { slow.generate_key(&key("k")).await }, async {
        tokio::time::sleep(back).await;
        again.restart().await.unwrap();
    });
    made.expect("a key");
    assert_eq!(simulator.keys().len(), 1);
}

async fn fail(simulator: &LiteLlmSimulator, litellm: &LiteLlm, times: u32) {
    for _ in 0..times {
        simulator.set_faults(failing(3, 500));
        let error = litellm.team_info("t").await.expect_err("it is down");
        assert!(error.is_ambiguous(), "{error:?}");
    }
    simulator.set_faults(Faults::default());
}

#[tokio::test]
async fn c6_five_failed_calls_open_the_breaker_and_nothing_is_sent() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    fail(&simulator, &litellm, 4).await;
    assert_eq!(
        litellm.breaker(),
        Breaker::Closed { failures: 4 },
        "calls count, not attempts"
    );
    fail(&simulator, &litellm, 1).await;
    let sent = simulator.calls_of(TEAM);
    let error = litellm.clone().team_info("t").await.expect_err("open, for clones too");
    assert_eq!(
        error.user_message(),
        "LiteLLM service is temporarily unavailable due to circuit breaker. Please try again later"
    );
    assert!(error.retry_after().unwrap() <= Duration::from_millis(300));
    assert_eq!(simulator.calls_of(TEAM), sent, "nothing is sent");
    tokio::time::sleep(Duration::from_millis(310)).await;
    assert_eq!(litellm.breaker(), Breaker::HalfOpen);
    assert_eq!(litellm.team_info("t").await, Ok(None));
    assert_eq!(litellm.breaker(), Breaker::Closed { failures: 0 });
}

#[tokio::test]
async fn c6_one_call_probes_while_the_others_are_refused() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    fail(&simulator, &litellm, 5).await;
    tokio::time::sleep(Duration::from_millis(310)).await;
    simulator.set_faults(Faults {
        latency_ms: 100,
        fail_next: 1,
        ..Faults::default()
    });
    let sent = simulator.calls_of(TEAM);
    let calls = (0..10).map(|_| {
        let litellm = litellm.clone();
        tokio::spawn(async move { litellm.team_info("t").await })
    });
    let mut refused = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Err(Error::CircuitOpen { .. }) => refused += 1,
            result => assert!(matches!(result, Err(Error::Ambiguous(_))), "{result:?}"),
        }
    }
    assert_eq!(
        (refused, simulator.calls_of(TEAM) - sent),
        (9, 1),
        "and it is not tried again"
    );
    assert!(
        matches!(litellm.breaker(), Breaker::Open { .. }),
        "for the whole time again"
    );
}

#[tokio::test]
async fn down_is_told_as_what_it_is() {
    let (simulator, litellm) = start(Version::V1_108_7).await;
    simulator.set_faults(Faults {
        down: true,
        ..Faults::default()
    });
    let error = litellm.team_info("t").await.expect_err("it is down");
    assert!(error.is_transient() && error.is_ambiguous(), "{error:?}");
    simulator.stop().await;
    let error = litellm.team_info("t").await.expect_err("nobody listens");
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert!(!error.is_ambiguous() && error.is_transient());
}

#[tokio::test]
async fn a_time_out_is_tried_again_and_is_ambiguous() {
    let (simulator, _) = start(Version::V1_108_7).await;
    let mut hasty = config(&simulator);
    hasty.timeout = Duration::from_millis(100);
    let hasty = LiteLlm::new(hasty).unwrap();
    simulator.set_faults(Faults {
        latency_ms: 400,
        ..Faults::default()
    });
    let error = hasty.team_info("t").await.expect_err("too slow");
    assert_eq!(error, Error::Ambiguous("no answer in time".into()));
    assert_eq!(simulator.calls_of(TEAM), 3);
    assert_eq!(hasty.breaker(), Breaker::Closed { failures: 1 });
}

#[tokio::test]
async fn c16_each_request_is_observed_and_each_refusal_of_the_breaker() {
    let (simulator, _) = start(Version::V1_108_7).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut observed = config(&simulator);
    let sink = Arc::clone(&seen);
    observed.observe = Some(Arc::new(move |route, outcome, _| {
        sink.lock().unwrap().push((route, outcome));
    }));
    let litellm = LiteLlm::new(observed).unwrap();
    simulator.set_faults(failing(1, 500));
    litellm.team_info("t").await.unwrap();
    litellm.create_team(&team("t")).await.unwrap();
    // Five calls of three attempts each open it; the sixth is not sent.
    simulator.stop().await;
    for _ in 0..6 {
        litellm.team_info("t").await.expect_err("nobody listens");
    }
    let mut expected = vec![
        ("/team/info", "no_answer"),
        ("/team/info", "not_found"),
        ("/team/new", "ok"),
    ];
    expected.extend([("/team/info", "unreachable"); 15]);
    expected.push(("/team/info", "circuit_open"));
    assert_eq!(*seen.lock().unwrap(), expected);
    assert!(litellm.refusing_for().is_some());
}

#[tokio::test]
async fn the_master_key_is_in_no_error_and_a_wrong_one_is_denied() {
    for version in [Version::V1_108_7, Version::V1_101_6] {
        let (simulator, _) = start(version).await;
        let mut wrong = config(&simulator);
        wrong.master_key = "sk-wrong-0123456789".into();
        assert!(!format!("{wrong:?}").contains("0123456789"));
        let litellm = LiteLlm::new(wrong).unwrap();
        let error = litellm.team_info("t").await.expect_err("the wrong key");
        assert!(matches!(error, Error::Denied { status: 401, .. }), "{error:?}");
        assert!(!error.to_string().contains("0123456789"), "{error}");
        assert_eq!(simulator.calls_of(TEAM), 1);
    }
    for (url, key) in [
        ("http://x", ""),
        ("http://x", "a\nb"),
        ("ftp://x", "sk-1"),
        ("", "sk-1"),
    ] {
        let config = integrations::litellm::Config::new("bad", url, key.into());
        assert!(matches!(LiteLlm::new(config), Err(Error::Config(_))), "{url} {key}");
    }
}

#[tokio::test]
async fn a_wrong_base_url_is_no_absence() {
    let (simulator, _) = start(Version::V1_108_7).await;
    let mut wrong = config(&simulator);
    wrong.api_url.push_str("/proxy");
    let litellm = LiteLlm::new(wrong).unwrap();
    for result in [litellm.team_info("t").await.map(|_| ()), litellm.delete_team("t").await] {
        assert!(matches!(result, Err(Error::Rejected { status: 404, .. })), "{result:?}");
    }
}
