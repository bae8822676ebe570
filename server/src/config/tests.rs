use std::io::Write as _;

use secrecy::ExposeSecret as _;

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
