//! SPEC C16: `docs/monitoring` speaks of nothing that does not exist, and what exists is described.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Format as _, Yaml},
};
use serde_json::Value;
use server::telemetry::{Kind, METRICS, Metric};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every word in a text that is the name of a metric, with what stands behind it.
fn named(text: &str) -> Vec<(&str, &str)> {
    let places = text.match_indices("guildhall_").map(|(at, _)| at);
    places
        .filter(|&at| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
        .map(|at| {
            let rest = &text[at..];
            let end = rest
                .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
                .unwrap_or(rest.len());
            rest.split_at(end)
        })
        .collect()
}

/// The metric that a series belongs to: histograms have several.
fn metric(series: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| {
        metric.name == series
            || metric.kind == Kind::Histogram
                && ["_bucket", "_sum", "_count"]
                    .iter()
                    .any(|part| series.strip_suffix(part) == Some(metric.name))
    })
}

/// What is wrong with an expression: metrics, labels and values that we do not have.
fn wrong(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (series, rest) in named(expression) {
        let Some(metric) = metric(series) else {
            found.push(format!("no metric {series}"));
            continue;
        };
        let selector = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        for part in selector.map_or("", |(selector, _)| selector).split(',') {
            let Some((label, value)) = part.split_once('=') else {
                continue;
            };
            // Prometheus has a label of that name itself.
            let own = label.trim_end_matches('!').trim();
            let own = own.strip_prefix("exported_").unwrap_or(own);
            let Some((_, values)) = metric.labels.iter().find(|(label, _)| *label == own) else {
                found.push(format!("{series} has no label {own}"));
                continue;
            };
            let value = value.trim_start_matches('~').trim_matches('"');
            for value in value.split('|').filter(|value| !value.contains(['$', '.', '*'])) {
                if !values.is_empty() && !values.contains(&value) {
                    found.push(format!("{series}: {own} is never {value}"));
                }
            }
        }
    }
    // What is grouped by is a label of one of the metrics, or Prometheus' own.
    for list in expression.split(" by (").skip(1) {
        for label in list.split(')').next().unwrap_or_default().split(',').map(str::trim) {
            let own = label.strip_prefix("exported_").unwrap_or(label);
            let known = named(expression)
                .into_iter()
                .filter_map(|(series, _)| metric(series))
                .any(|metric| metric.labels.iter().any(|(label, _)| *label == own));
            if !known && label != "le" {
                found.push(format!("nothing to group by {label} in {expression}"));
            }
        }
    }
    found
}

#[test]
fn c16_expressions_that_name_what_does_not_exist_are_found() {
    for good in [
        "max by (exported_instance) (guildhall_litellm_breaker_state) >= 1",
        "sum by (le) (rate(guildhall_http_request_duration_seconds_bucket{status=~\"5..\"}[5m]))",
        "increase(guildhall_key_creation_total{outcome=~\"refused|failed\"}[15m])",
    ] {
        assert_eq!(wrong(good), Vec::<String>::new());
    }
    for bad in [
        "guildhall_key_creations_total",
        "guildhall_litellm_breaker_state_count",
        "guildhall_key_creation_total{result=\"failed\"}",
        "guildhall_key_creation_total{outcome=~\"refused|broken\"}",
        "sum by (team) (guildhall_key_creation_total)",
    ] {
        assert_eq!(wrong(bad).len(), 1, "{bad}: {:?}", wrong(bad));
    }
}

#[test]
fn c16_the_rules_name_only_what_exists_and_each_alert_is_explained() {
    let rules = text("docs/monitoring/alerts.yml");
    let rules: Value = Figment::from(Yaml::string(&rules)).extract().expect("YAML");
    let explained = text("docs/monitoring/README.md");
    let headings: BTreeSet<&str> = explained.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut alerts = BTreeSet::new();
    let groups = rules["groups"].as_array().expect("groups");
    for rule in groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"))
    {
        let name = rule["alert"].as_str().expect("a name");
        let expression = rule["expr"].as_str().expect("an expression");
        assert_eq!(wrong(expression), Vec::<String>::new(), "{name}");
        assert!(expression.contains("guildhall"), "{name} says nothing of Guildhall");
        let severity = rule["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("critical" | "warning" | "info")), "{name}");
        for annotation in ["summary", "description"] {
            assert!(
                rule["annotations"][annotation].is_string(),
                "{name} has no {annotation}"
            );
        }
        let runbook = format!("docs/monitoring/README.md#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"], runbook.as_str());
        assert!(alerts.insert(name), "{name} is there twice");
    }
    assert_eq!(alerts, headings, "each alert has a chapter, and each chapter an alert");
    // SPEC C16: creation failures are alerted on, and what else an operator cannot see otherwise.
    let all: String = groups.iter().map(Value::to_string).collect();
    for watched in [
        "guildhall_user_creation_total",
        "guildhall_team_assignment_total",
        "guildhall_key_creation_total",
        "guildhall_sync_errors_total",
        "guildhall_litellm_breaker_state",
        "guildhall_litellm_requests_total",
    ] {
        assert!(all.contains(watched), "no alert looks at {watched}");
    }
    for (series, _) in named(&explained) {
        assert!(metric(series).is_some(), "README: no metric {series}");
    }
}

#[test]
fn c16_the_dashboard_names_only_what_exists() {
    let dashboard: Value = serde_json::from_str(&text("docs/monitoring/dashboard.json")).expect("JSON");
    let variables: Vec<&str> = dashboard["templating"]["list"]
        .as_array()
        .expect("variables")
        .iter()
        .filter_map(|variable| variable["name"].as_str())
        .collect();
    assert_eq!(variables, ["datasource", "litellm"]);
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title} has the id of another");
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].is_string(), "{title} does not say what it shows");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            assert_eq!(wrong(expression), Vec::<String>::new(), "{title}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            shown.extend(
                named(expression)
                    .into_iter()
                    .filter_map(|(series, _)| metric(series))
                    .map(|one| one.name),
            );
        }
    }
    let litellm = METRICS
        .iter()
        .map(|metric| metric.name)
        .filter(|name| name.contains("litellm"));
    let missing: Vec<&str> = litellm.filter(|name| !shown.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "no panel shows these");
}

/// The names in `counter!("…")` and its like in the sources of a crate.
fn counted(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            counted(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).expect("text");
            for call in ["counter!(", "gauge!(", "histogram!("] {
                let calls = source.split(call).skip(1).map(str::trim_start);
                let literals = calls.filter_map(|rest| rest.strip_prefix('"')?.split('"').next());
                names.extend(literals.map(str::to_owned));
            }
        }
    }
}

#[test]
fn c16_what_the_code_counts_is_described_and_what_is_described_is_counted() {
    let mut names = BTreeSet::new();
    for floor in ["backend/src", "integrations/src", "server/src", "app/src"] {
        counted(&root().join(floor), &mut names);
    }
    let described: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(described.len(), METRICS.len(), "described twice");
    assert_eq!(names, described);
    for metric in METRICS {
        assert!(!metric.help.is_empty(), "{}", metric.name);
        assert_eq!(
            metric.name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{}",
            metric.name
        );
    }
}
