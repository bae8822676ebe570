use std::io::Write as _;

use secrecy::ExposeSecret as _;

use std::time::Duration;

use domain::directory::SettingSource;

use super::{Config, Error, Signup};

fn load(yaml: &str, env: &[(&str, &str)]) -> Result<Config, Error> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(yaml.as_bytes()).expect("written");
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(file.path()), env)
}

fn refusal(yaml: &str, env: &[(&str, &str)]) -> String {
    load(yaml, env).expect_err("it is not usable").to_string()
}

#[test]
fn without_anything_there_are_defaults() {
    let config = load("", &[]).expect("usable");
    assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(config.public_url(), "http://127.0.0.1:3000");
    assert!(config.oidc.is_none() && config.github.is_none() && !config.is_https());
}

#[test]
fn x19_the_environment_wins_over_the_file() {
    let yaml = "listen: 127.0.0.1:4000\nsignup: closed\noidc:\n  issuer: http://a\n  client_id: 12345\n";
    let env = [
        ("GUILDHALL_OIDC_ISSUER", "http://b"),
        ("GUILDHALL_LISTEN", ""),
        ("DATABASE_URL", "postgres://x"),
    ];
    let config = load(yaml, &env).expect("usable");
    assert_eq!((config.listen.port(), config.signup), (4000, Signup::Closed));
    let oidc = config.oidc.expect("configured");
    assert_eq!((oidc.issuer.as_str(), oidc.client_id.as_str()), ("http://b", "12345"));
    assert_eq!(config.database_url.expect("there").expose_secret(), "postgres://x");
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    let said = refusal("oidc:\n  isuer: x\nlissten: y\n", &[]);
    assert!(
        said.contains("unknown key `oidc.isuer`; did you mean `oidc.issuer`?"),
        "{said}"
    );
    assert!(said.contains("unknown key `lissten`; did you mean `listen`?"), "{said}");
}

#[test]
fn unknown_variables_are_warned_about_but_not_those_of_others() {
    let env = [
        ("GUILDHALL_OIDC_ISUER", "x"),
        ("GUILDHALL_TEST_DATABASE_URL", "x"),
        ("GUILDHALL_SERVICE_HOST", "x"),
        ("GUILDHALL_PORT_3000_TCP", "x"),
        ("HOME", "x"),
    ];
    let warnings = load("", &env).expect("usable").warnings;
    assert_eq!(
        warnings,
        ["GUILDHALL_OIDC_ISUER is set, but is no setting; did you mean `GUILDHALL_OIDC_ISSUER`?"]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_no_secret_with_it() {
    let yaml = "listen: nowhere\nsignup: maybe\ndatabase:\n  max_connections: 1\ndata_dir: {a: 1}\n";
    let env = [
        ("GUILDHALL_GITHUB_TOKEN", "s3cret"),
        ("GUILDHALL_OIDC_CLIENT_ID", "x"),
        ("GUILDHALL_TRUSTED_PROXIES", "10.0.0.0/8,x"),
    ];
    let said = refusal(yaml, &env);
    for part in [
        "`listen` (GUILDHALL_LISTEN)",
        "`signup` (GUILDHALL_SIGNUP): must be one of: open, closed (it is `maybe`)",
        "`database.max_connections`",
        "`data_dir` (GUILDHALL_DATA_DIR): must be one value",
        "`github.org` (GUILDHALL_GITHUB_ORG)",
        "`oidc.issuer` (GUILDHALL_OIDC_ISSUER): must be set together",
        "`trusted_proxies` (GUILDHALL_TRUSTED_PROXIES): must be an address or a network such as 10.0.0.0/8 (it is `x`)",
    ] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    assert!(!said.contains("s3cret"));
    let config = load("", &[("DATABASE_URL", "postgres://u:s3cret@h/d")]).expect("usable");
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn github_needs_one_kind_of_credentials_whole() {
    let org = ("GUILDHALL_GITHUB_ORG", "acme");
    assert!(
        load("", &[org, ("GUILDHALL_GITHUB_TOKEN", "t")])
            .expect("usable")
            .github
            .is_some()
    );
    assert!(refusal("", &[org]).contains("github.token"));
    assert!(refusal("", &[org, ("GUILDHALL_GITHUB_APP_ID", "1")]).contains("an App needs all"));
    let both = [org, ("GUILDHALL_GITHUB_APP_ID", "1"), ("GUILDHALL_GITHUB_TOKEN", "t")];
    assert!(refusal("", &both).contains("keep one of the two"));
    let missing = [
        org,
        ("GUILDHALL_GITHUB_APP_ID", "1"),
        ("GUILDHALL_GITHUB_INSTALLATION_ID", "2"),
        ("GUILDHALL_GITHUB_PRIVATE_KEY_FILE", "/no/such/file"),
    ];
    assert!(refusal("", &missing).contains("could not read /no/such/file"));
}

#[test]
fn the_public_url_is_an_origin() {
    let public =
        |url| load("", &[("GUILDHALL_PUBLIC_URL", url)]).map(|config| (config.public_url(), config.is_https()));
    assert_eq!(
        public("https://Guild.example:443/").expect("usable"),
        ("https://guild.example".to_owned(), true)
    );
    for wrong in [
        "guild.example",
        "ftp://x",
        "https://x/path",
        "https://u@x",
        "https://x?q",
    ] {
        assert!(public(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_not_yaml_is_said() {
    assert!(refusal("a: [", &[]).contains("not usable"));
    let missing = Config::load(Some(std::path::Path::new("/no/such")), [])
        .expect_err("missing")
        .to_string();
    assert!(missing.contains("could not read /no/such"), "{missing}");
}

/// What the errors of a file say, without the file's name.
fn lines(yaml: &str) -> Vec<String> {
    let said = refusal(yaml, &[]);
    let errors = said.lines().skip(1).map(|line| {
        let line = line.trim_start_matches("  - ");
        let path = std::env::temp_dir();
        let own = line.strip_prefix(path.to_str().expect("text")).unwrap_or(line);
        own.split_once(':').map_or(own, |(_, rest)| rest).to_owned()
    });
    errors.collect()
}

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

#[test]
fn what_is_wrong_in_the_file_has_its_line() {
    let yaml = "# line 1\nlisten: nowhere\nlitellm_settings:\n  entra_groups_also_create_orgs: yes\n  \
                drop_params: true\n  default_team_params:\n    max_bugdet: 1\n    max_budget: -5\n    budget_duration: soon\n    \
                models: gpt-4\n    tpm_limit: 1.5\n    rpm_limit: true\n    max_runners: 3\nentra:\n  nested_groups: 1\n  \
                sign_in_seconds: 31\n  sync_seconds: -1\n";
    let said = lines(yaml);
    let params = "litellm_settings.default_team_params";
    for part in [
        "2: `listen` (GUILDHALL_LISTEN): ",
        "4: `litellm_settings.entra_groups_also_create_orgs` (ENTRA_GROUPS_ALSO_CREATE_ORGS): must be true or false (it is `yes`)",
        "5: unknown key `litellm_settings.drop_params`",
        &format!("7: unknown key `{params}.max_bugdet`; did you mean `{params}.max_budget`?"),
        &format!(
            "8: `{params}.max_budget` (GUILDHALL_LITELLM_SETTINGS_DEFAULT_TEAM_PARAMS_MAX_BUDGET): must be an amount"
        ),
        &format!("9: `{params}.budget_duration` "),
        &format!("10: `{params}.models` (GUILDHALL_LITELLM_SETTINGS_DEFAULT_TEAM_PARAMS_MODELS): must be a list"),
        &format!("11: `{params}.tpm_limit` "),
        &format!("12: `{params}.rpm_limit` "),
        &format!("13: unknown key `{params}.max_runners`"),
        "15: `entra.nested_groups` (GUILDHALL_ENTRA_NESTED_GROUPS): must be true or false (it is `1`)",
        "16: `entra.sign_in_seconds` ",
        "17: `entra.sync_seconds` ",
    ] {
        assert!(
            said.iter().any(|line| line.starts_with(part)),
            "`{part}` is not in {said:#?}"
        );
    }
    assert_eq!(said.len(), 13, "{said:#?}");
    // Nothing is guessed that is no slip of the pen.
    assert!(
        said.contains(&format!("13: unknown key `{params}.max_runners`")),
        "{said:#?}"
    );
}

#[test]
fn keys_of_the_wrong_shape_have_their_line() {
    let params = "litellm_settings:\n  default_team_params:\n    models:\n    - gpt-4\n";
    for (yaml, expected) in [
        (
            "litellm_settings: true\n".to_owned(),
            "1: `litellm_settings` must be a table",
        ),
        ("\noidc: [a]\n".to_owned(), "2: `oidc` must be a table"),
        (
            "oidc:\n  issuer: [a]\n".to_owned(),
            "2: `oidc.issuer` (GUILDHALL_OIDC_ISSUER): must be one value, not a list",
        ),
        (
            "oidc.issuer: http://a\n".to_owned(),
            "1: unknown key `oidc.issuer`: write `issuer` below `oidc`",
        ),
        (
            "listen: a\nsignup: open\nlisten: b\n".to_owned(),
            "3: `listen` is there twice: first in line 1",
        ),
        (
            format!("{params}    - {{a: 1}}\n"),
            "5: `litellm_settings.default_team_params.models` ",
        ),
        (
            format!("{params}    -\n"),
            "5: `litellm_settings.default_team_params.models` ",
        ),
        (
            "litellm:\n  instances:\n  - name: x\n    urll: y\n".to_owned(),
            "4: `litellm.instances` (GUILDHALL_LITELLM_INSTANCES): entry 1 has an unknown key `urll`; did you mean `url`?",
        ),
    ] {
        let said = lines(&yaml);
        assert!(said.iter().any(|line| line.starts_with(expected)), "{yaml}: {said:#?}");
    }
    // What the environment says has no line in the file, though the key is there.
    let said = refusal("listen: 127.0.0.1:1\n", &[("GUILDHALL_LISTEN", "nowhere")]);
    assert!(said.contains("\n  - `listen` (GUILDHALL_LISTEN): "), "{said}");
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
