//! The DNS client against a name server of our own: X10.

use std::time::{Duration, Instant};

use integrations::dns;
use simulators::dns::{DnsFault, DnsSimulator};

#[tokio::test]
async fn x10_txt_records_are_read_whole() {
    let server = DnsSimulator::start().await.expect("a free port");
    let long = "x".repeat(600);
    server.publish(
        "acme.example",
        &["v=spf1 -all", "guildhall-verification=abc", long.as_str()],
    );
    server.publish("empty.example", &[]);
    let mut texts = dns::txt(Some(server.addr()), "Acme.Example").await.expect("an answer");
    texts.sort();
    assert_eq!(texts, ["guildhall-verification=abc", "v=spf1 -all", long.as_str()]);
    for nothing in ["empty.example", "missing.example"] {
        let texts = dns::txt(Some(server.addr()), nothing).await.expect("an answer");
        assert!(texts.is_empty(), "{nothing}: {texts:?}");
    }
}

/// Someone who has just published the record presses the button again: the answer of before is not kept.
#[tokio::test]
async fn x10_each_question_is_asked_anew() {
    let server = DnsSimulator::start().await.expect("a free port");
    for round in 0..3 {
        let record = format!("round {round}");
        server.publish("acme.example", &[&record]);
        let texts = dns::txt(Some(server.addr()), "acme.example").await.expect("an answer");
        assert_eq!(texts, [record]);
    }
}

#[tokio::test]
async fn x10_a_name_server_that_fails_or_is_silent_is_told_apart_from_no_record() {
    let server = DnsSimulator::start().await.expect("a free port");
    server.publish("acme.example", &["text"]);
    for fault in [DnsFault::ServerFailure, DnsFault::Silence] {
        server.set_fault(fault);
        let start = Instant::now();
        let error = dns::txt(Some(server.addr()), "acme.example").await;
        assert!(
            matches!(error, Err(dns::Error::Unavailable { .. })),
            "{fault:?}: {error:?}"
        );
        assert!(start.elapsed() < Duration::from_secs(7), "{fault:?}");
    }
    assert!(server.questions() > 0);
}
