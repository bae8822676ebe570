use super::*;
use crate::Reason;

fn refused(query: &str) -> String {
    let failure = Options::parse(query).unwrap_err();
    assert_eq!(failure.reason, Reason::BadRequest, "{query}");
    failure.message
}

#[test]
fn lists_as_kubectl_asks_for_them() {
    let options =
        Options::parse("limit=500&labelSelector=app%3Da%2Cenv+in+%28x%29&fieldSelector=metadata.name%3Dx").unwrap();
    assert_eq!(options.limit, Some(500));
    assert_eq!(options.fields().unwrap().only("metadata.name"), Some("x"));
    assert!(!options.labels.is_empty() && !options.watch);
    assert_eq!(
        Options::parse("limit=0&unknown=1&pretty=true").unwrap(),
        Options::default()
    );
}

#[test]
fn watches_as_kubectl_and_informers_ask_for_them() {
    let options = Options::parse("allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=357&watch=true").unwrap();
    assert_eq!(
        (options.watch, options.bookmarks, options.version),
        (true, true, Some(7))
    );
    assert_eq!(options.timeout_seconds, Some(357));
    let query = "watch=1&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&resourceVersion=";
    assert_eq!(Options::parse(query).unwrap().send_initial_events, Some(true));
    assert_eq!(Options::parse("watch&resourceVersion=0").unwrap().version, None);
    assert!(refused("watch=true&resourceVersionMatch=Exact&resourceVersion=1").contains("sendInitialEvents"));
    assert!(refused("watch=true&sendInitialEvents=true").contains("NotOlderThan"));
    assert!(refused("sendInitialEvents=true").contains("forbidden for list"));
    assert!(refused("resourceVersionMatch=Exact").contains("resourceVersion is provided"));
    assert!(refused("resourceVersionMatch=Exact&resourceVersion=0").contains("forbidden"));
    assert!(refused("continue=a&resourceVersion=5").contains("continue"));
}

#[test]
fn writes_as_kubectl_sends_them() {
    let query = "dryRun=All&fieldManager=kubectl-client-side-apply&fieldValidation=Strict";
    let options = Options::parse(query).unwrap();
    assert!(options.dry_run);
    assert_eq!(options.validation, Validation::Strict);
    assert_eq!(
        options.manager("kubectl/v1.32.4 (linux/amd64)"),
        "kubectl-client-side-apply"
    );
    let none = Options::parse("force=true&fieldManager=").unwrap();
    assert!(none.force);
    assert_eq!(none.manager("kubectl/v1.32.4 (linux/amd64)"), "kubectl");
    assert_eq!(none.manager(""), "unknown");
    assert_eq!(none.validation, Validation::Warn);
}

#[test]
fn refusals_name_the_parameter_and_its_rule() {
    assert_eq!(
        refused("limit=-1"),
        "limit: Invalid value: \"-1\": must be a whole number of 0 or more"
    );
    assert_eq!(
        refused("dryRun=Some"),
        "dryRun: Invalid value: \"Some\": supported values: \"All\""
    );
    for (query, parameter) in [
        ("resourceVersion=abc", "resourceVersion"),
        ("watch=perhaps", "watch"),
        ("timeoutSeconds=99999999999", "timeoutSeconds"),
        ("fieldValidation=strict", "fieldValidation"),
        ("propagationPolicy=All", "propagationPolicy"),
        ("resourceVersionMatch=Older&resourceVersion=1", "resourceVersionMatch"),
        ("fieldManager=a%0Ab", "fieldManager"),
        ("labelSelector=a+b", "unable to parse labelSelector"),
    ] {
        assert!(refused(query).starts_with(parameter), "{query}");
    }
    assert!(refused(&format!("fieldManager={}", "a".repeat(129))).ends_with("128 bytes"));
}

#[test]
fn deletions_have_preconditions() {
    let query = Options::parse("propagationPolicy=Orphan").unwrap();
    assert_eq!(
        Delete::parse(&query, b"").unwrap().propagation,
        Some(Propagation::Orphan)
    );
    let body = br#"{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background","dryRun":["All"],
        "gracePeriodSeconds":0,"preconditions":{"uid":"u-1","resourceVersion":"7"}}"#;
    let delete = Delete::parse(&query, body).unwrap();
    let wanted = Delete {
        dry_run: true,
        propagation: Some(Propagation::Background),
        grace_period_seconds: Some(0),
        uid: Some("u-1".to_owned()),
        resource_version: Some("7".to_owned()),
    };
    assert_eq!(delete, wanted);
    for bad in [
        &b"[]"[..],
        b"{",
        br#"{"dryRun":"All"}"#,
        br#"{"dryRun":["x"]}"#,
        br#"{"kind":"Team"}"#,
        br#"{"preconditions":1}"#,
        br#"{"gracePeriodSeconds":-1}"#,
        br#"{"preconditions":{"uid":1}}"#,
    ] {
        assert_eq!(Delete::parse(&query, bad).unwrap_err().reason, Reason::BadRequest);
    }
}
