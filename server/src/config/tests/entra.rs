//! Entra, and the settings of the seed E.

use std::time::Duration;

use domain::directory::SettingSource;
use secrecy::ExposeSecret as _;

use super::{load, refusal};

#[test]
fn e1_the_seeds_settings_are_read_as_they_are_written_there() {
    let yaml = "litellm_settings:\n  entra_groups_also_create_orgs: true   # NEW FLAG\n\n  default_team_params:\n    \
                max_budget: 100\n    budget_duration: 30d\n    models: [\"gpt-4\", \"gpt-3.5-turbo\"]\n";
    let entra = load(yaml, &[]).expect("usable").settings().entra;
    assert_eq!(
        (entra.configured_flag, entra.flag_source),
        (Some(true), SettingSource::File)
    );
    let params = entra.default_team_params.expect("limits");
    assert_eq!(params.models, ["gpt-4", "gpt-3.5-turbo"]);
    assert_eq!(params.max_budget.map(|money| money.to_string()).as_deref(), Some("100"));
    assert_eq!(
        params.budget_duration.as_ref().map(domain::BudgetDuration::as_str),
        Some("30d")
    );
    assert_eq!((params.tpm_limit, params.rpm_limit), (None, None));

    let yaml = "litellm_settings:\n  default_team_params:\n    models: [\"gpt-4\", \"gpt-3.5-turbo\", \"claude-3-opus\"]\n    \
                max_budget: 100.0\n    budget_duration: \"30d\"\n    tpm_limit: 10000\n    rpm_limit: 1000\n";
    let entra = load(yaml, &[]).expect("usable").settings().entra;
    assert_eq!(
        (entra.configured_flag, entra.flag_source),
        (None, SettingSource::Default)
    );
    let params = entra.default_team_params.expect("limits");
    assert_eq!(params.max_budget.map(|money| money.to_string()).as_deref(), Some("100"));
    assert_eq!(
        (params.models.len(), params.tpm_limit, params.rpm_limit),
        (3, Some(10_000), Some(1000))
    );
}

#[test]
fn e1_the_environment_beats_the_file() {
    let yaml = "litellm_settings:\n  entra_groups_also_create_orgs: true\n";
    for (value, flag) in [("false", false), ("true", true)] {
        let env = [("ENTRA_GROUPS_ALSO_CREATE_ORGS", value)];
        let entra = load(yaml, &env).expect("usable").settings().entra;
        assert_eq!(
            (entra.configured_flag, entra.flag_source),
            (Some(flag), SettingSource::Environment)
        );
    }
    // Set to nothing is not set.
    let entra = load(yaml, &[("ENTRA_GROUPS_ALSO_CREATE_ORGS", "")])
        .expect("usable")
        .settings()
        .entra;
    assert_eq!(
        (entra.configured_flag, entra.flag_source),
        (Some(true), SettingSource::File)
    );
    let said = refusal("", &[("ENTRA_GROUPS_ALSO_CREATE_ORGS", "yes")]);
    assert!(
        said.ends_with(
            "\n  - `litellm_settings.entra_groups_also_create_orgs` (ENTRA_GROUPS_ALSO_CREATE_ORGS): must be true or \
             false (it is `yes`)"
        ),
        "{said}"
    );
}

#[test]
fn e3_without_default_team_params_there_are_no_limits() {
    for yaml in [
        "",
        "litellm_settings:\n",
        "litellm_settings:\n  default_team_params:\n",
        "litellm_settings: {}\n",
    ] {
        let entra = load(yaml, &[]).expect("usable").settings().entra;
        assert_eq!(entra.default_team_params, None, "{yaml}");
        assert_eq!(entra.configured_flag, None);
    }
}

const ENTRA: [(&str, &str); 3] = [
    ("MICROSOFT_TENANT", "00000000-aaaa-bbbb-cccc-000000000000"),
    ("MICROSOFT_CLIENT_ID", "the-client"),
    ("MICROSOFT_CLIENT_SECRET", "s3cret"),
];

#[test]
fn entra_by_itself_is_the_provider_people_sign_in_with() {
    let config = load("", &ENTRA).expect("usable");
    assert!(!format!("{config:?}").contains("s3cret"));
    let oidc = config.oidc.expect("a provider");
    assert_eq!(
        (oidc.issuer.as_str(), oidc.client_id.as_str()),
        (
            "https://login.microsoftonline.com/00000000-aaaa-bbbb-cccc-000000000000/v2.0",
            "the-client"
        )
    );
    assert_eq!(oidc.client_secret.expect("one").expose_secret(), "s3cret");
    assert_eq!(
        oidc.scopes.expect("scopes"),
        [
            "openid",
            "profile",
            "email",
            "https://graph.microsoft.com/GroupMember.Read.All"
        ]
    );
    let graph = config.entra.graph.expect("Graph");
    assert_eq!(graph.graph_url, "https://graph.microsoft.com");
    assert!(!graph.transitive && graph.service_principal_id.is_none());
    let settings = config.entra.settings;
    assert_eq!(
        (settings.sign_in_time, settings.sync_interval),
        (Duration::from_secs(5), Some(Duration::from_mins(15)))
    );
}

#[test]
fn another_provider_stays_the_provider_and_graph_may_be_elsewhere() {
    let elsewhere = [
        ("GUILDHALL_GRAPH_URL", "http://127.0.0.1:9"),
        ("MICROSOFT_SERVICE_PRINCIPAL_ID", "sp"),
    ];
    let graph = load("", &elsewhere).expect("usable").entra.graph.expect("Graph");
    assert_eq!((graph.graph_url.as_str(), graph.tenant), ("http://127.0.0.1:9", None));
    assert_eq!(graph.service_principal_id.as_deref(), Some("sp"));

    let yaml = "oidc:\n  issuer: http://127.0.0.1:8\n  client_id: ours\n  groups_claim: realm_access.roles\nentra:\n  \
                nested_groups: true\n  sync_seconds: 0\n  sign_in_seconds: 30\n";
    let config = load(yaml, &ENTRA).expect("usable");
    let oidc = config.oidc.expect("a provider");
    assert_eq!(
        (oidc.issuer.as_str(), oidc.scopes.as_ref()),
        ("http://127.0.0.1:8", None)
    );
    assert_eq!(
        oidc.client("http://x").groups_claim.as_deref(),
        Some("realm_access.roles")
    );
    assert!(config.entra.graph.expect("Graph").transitive);
    assert_eq!(config.entra.settings.sync_interval, None);
    // Entra as the provider, with another Graph: its permissions are not known here.
    let cloud = [
        ENTRA[0],
        ENTRA[1],
        ("GUILDHALL_GRAPH_URL", "https://graph.microsoft.us"),
        ("GUILDHALL_ENTRA_AUTHORITY_URL", "https://login.microsoftonline.us/"),
    ];
    let oidc = load("", &cloud).expect("usable").oidc.expect("a provider");
    assert!(
        oidc.issuer.starts_with("https://login.microsoftonline.us/0"),
        "{}",
        oidc.issuer
    );
    assert_eq!(oidc.scopes, None);
}

#[test]
fn half_of_an_application_is_refused() {
    for (env, expected) in [
        (
            &ENTRA[..1],
            "`entra.client_id` (MICROSOFT_CLIENT_ID): must be set together",
        ),
        (&ENTRA[1..2], "`entra.tenant` (MICROSOFT_TENANT): must be set together"),
        (
            &ENTRA[2..],
            "`entra.client_secret` (MICROSOFT_CLIENT_SECRET): is of no use",
        ),
        (
            &[("MICROSOFT_TENANT", "common"), ENTRA[1]],
            "`entra.tenant` (MICROSOFT_TENANT): must be one directory's id",
        ),
        (
            &[("MICROSOFT_TENANT", "a/b"), ENTRA[1]],
            "`entra.tenant` (MICROSOFT_TENANT): must be the id of a directory",
        ),
        (
            &[("GUILDHALL_GRAPH_URL", "graph")],
            "`entra.graph_url` (GUILDHALL_GRAPH_URL): Microsoft Graph configuration",
        ),
    ] {
        let said = refusal("", env);
        assert!(said.contains(expected), "{env:?}: {said}");
        assert_eq!(said.lines().count(), 2, "{said}");
    }
}

#[test]
fn a_domain_for_a_directory_is_warned_about() {
    let warnings = |env: &[(&str, &str)]| load("", env).expect("usable").warnings;
    let domain = [("MICROSOFT_TENANT", "contoso.onmicrosoft.com"), ENTRA[1]];
    assert!(
        warnings(&domain)[0].contains("MICROSOFT_TENANT"),
        "{:?}",
        warnings(&domain)
    );
    // Another provider signs people in: Graph itself takes either.
    let other = [
        domain[0],
        domain[1],
        ("GUILDHALL_OIDC_ISSUER", "http://127.0.0.1:8"),
        ("GUILDHALL_OIDC_CLIENT_ID", "ours"),
    ];
    assert!(warnings(&other).is_empty() && warnings(&ENTRA).is_empty());
}
