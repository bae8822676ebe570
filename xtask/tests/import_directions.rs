//! The floors of the house (ARCHITECTURE, "Imports run downwards only"), held against what Cargo says.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

type Edges = BTreeMap<String, BTreeSet<String>>;

/// What each crate may use of ours, in the code that ships.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("domain", &[]),
    ("cluster", &[]),
    ("kubernetes", &[]),
    ("integrations", &["domain"]),
    ("simulators", &["domain"]),
    ("backend", &["domain", "integrations", "kubernetes"]),
    ("app", &["backend", "domain"]),
    ("frontend", &["app"]),
    (
        "server",
        &[
            "app",
            "backend",
            "cluster",
            "domain",
            "integrations",
            "kubernetes",
            "simulators",
        ],
    ),
    ("xtask", &["cluster"]),
];

/// What tests may use beside that.
const TESTS_MAY_USE: [(&str, &[&str]); 3] = [
    ("backend", &["simulators"]),
    ("integrations", &["simulators"]),
    ("server", &["simulators"]),
];

#[expect(clippy::expect_used, reason = "a test without it has nothing to test")]
fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata runs where cargo test does")
}

fn edges(metadata: &Metadata, kinds: &[DependencyKind]) -> Edges {
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let uses = |package: &Package| {
        let wanted = package
            .dependencies
            .iter()
            .filter(|dependency| kinds.contains(&dependency.kind));
        wanted
            .map(|dependency| dependency.name.clone())
            .filter(|name| ours.contains(name.as_str()))
            .collect()
    };
    metadata
        .packages
        .iter()
        .map(|package| (package.name.to_string(), uses(package)))
        .collect()
}

/// The edges that `allowed` does not have.
fn forbidden(edges: &Edges, allowed: &Edges) -> Vec<String> {
    let none = BTreeSet::new();
    let beyond = |(from, to): (&String, &BTreeSet<String>)| {
        let extra = to.difference(allowed.get(from).unwrap_or(&none));
        extra.map(|to| format!("{from} → {to}")).collect::<Vec<_>>()
    };
    edges.iter().flat_map(beyond).collect()
}

fn table(rows: &[(&str, &[&str])]) -> Edges {
    rows.iter()
        .map(|(from, to)| ((*from).to_owned(), to.iter().map(|name| (*name).to_owned()).collect()))
        .collect()
}

#[test]
fn every_crate_has_a_place_in_the_house() {
    let crates: BTreeSet<String> = metadata()
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    assert_eq!(crates, table(&MAY_USE).into_keys().collect());
}

#[test]
fn imports_run_downwards() {
    let found = edges(&metadata(), &[DependencyKind::Normal, DependencyKind::Build]);
    assert_eq!(forbidden(&found, &table(&MAY_USE)), Vec::<String>::new());
}

#[test]
fn tests_reach_no_further_than_simulators() {
    let mut allowed = table(&MAY_USE);
    for (from, more) in table(&TESTS_MAY_USE) {
        allowed.entry(from).or_default().extend(more);
    }
    let found = edges(&metadata(), &[DependencyKind::Development]);
    assert_eq!(forbidden(&found, &allowed), Vec::<String>::new());
}

#[test]
fn the_browser_never_gets_the_backend_and_a_release_needs_no_simulators() {
    let metadata = metadata();
    let dependency = |from: &str, to: &str| {
        let package = metadata.packages.iter().find(|package| package.name.as_str() == from);
        let found = package.and_then(|package| {
            let mut normal = package
                .dependencies
                .iter()
                .filter(|found| found.kind == DependencyKind::Normal);
            normal.find(|found| found.name == to)
        });
        found
            .cloned()
            .unwrap_or_else(|| panic!("{from} no longer depends on {to}: change this test with it"))
    };
    for (from, to, feature) in [("app", "backend", "ssr"), ("server", "simulators", "demo")] {
        assert!(dependency(from, to).optional, "{from} → {to} is not optional");
        let package = metadata.packages.iter().find(|package| package.name.as_str() == from);
        let enabling: Vec<&String> = package
            .into_iter()
            .flat_map(|package| &package.features)
            .filter(|(_, enables)| {
                enables
                    .iter()
                    .any(|enabled| enabled.trim_start_matches("dep:").split(['/', '?']).next() == Some(to))
            })
            .map(|(name, _)| name)
            .collect();
        assert_eq!(enabling, [feature], "{from} → {to} comes by its feature alone");
    }
    let app = dependency("frontend", "app");
    assert!(
        !app.uses_default_features && app.features == ["hydrate"],
        "frontend takes app's browser half only"
    );
}

#[test]
fn an_import_that_runs_upwards_is_seen() {
    let upwards = table(&[("domain", &["backend"]), ("backend", &["domain"])]);
    assert_eq!(forbidden(&upwards, &table(&MAY_USE)), ["domain → backend"]);
}
