//! What the operator decides: a YAML file, the environment, and defaults. [`KEYS`] has them all.

mod entra;
mod keys;
mod kubernetes;
mod lines;
mod litellm;
mod source;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use integrations::{github, oidc};
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

pub use entra::Entra;
pub use keys::{KEYS, Key, reference};
pub use kubernetes::{CertificateFiles, FrontProxy, Kubernetes};
pub use litellm::LiteLlmInstance;
use source::Source;

/// Every setting, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The origin that browsers use, without a slash at its end; `None` until the listener is known.
    pub public_url: Option<String>,
    /// Where the private PostgreSQL lives.
    pub data_dir: PathBuf,
    /// The database, unless it is the private one.
    pub database_url: Option<SecretString>,
    /// A way to the database past a connection pooler.
    pub database_direct_url: Option<SecretString>,
    /// How many connections this process may have.
    pub max_connections: u32,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Seals private keys in the database.
    pub secret_key: Option<SecretString>,
    /// Whether strangers get an account.
    pub signup: Signup,
    /// The OpenID provider.
    pub oidc: Option<Oidc>,
    /// Microsoft Entra ID.
    pub entra: Entra,
    /// GitHub.
    pub github: Option<github::Config>,
    /// LiteLLM's proxies; the default one is first.
    pub litellm: Vec<LiteLlmInstance>,
    /// The Kubernetes API's listener.
    pub kubernetes: Kubernetes,
    /// The runner group for requests that name none.
    pub runner_group_id: i64,
    /// Whether people without team and label policy may provision.
    pub allow_without_label_policy: bool,
    /// Seconds between two passes of the sync with GitHub, 0 for never; none where nothing was said.
    pub runner_sync_seconds: Option<u32>,
    /// What is done about a busy runner whose labels drifted.
    pub drift_busy_action: DriftBusy,
    /// Whether the demo's runners live by themselves.
    pub demo_life: bool,
    /// The currency of runner prices.
    pub currency: String,
    /// What GitHub's webhook is signed with.
    pub webhook_secret: Option<SecretString>,
    /// What is done about jobs on labels that are not admitted.
    pub workflow_label_check: LabelCheck,
    /// How long a place is held for the first of a waiting list, in seconds.
    pub wait_hold_seconds: u64,
    /// The name server that is asked for TXT records.
    pub dns_resolver: Option<SocketAddr>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged, as the filter of `tracing-subscriber`.
    pub log_level: String,
    /// Whether this is `serve --demo`.
    pub demo: bool,
    /// What is odd about the settings, for the log.
    pub warnings: Vec<String>,
}

/// The OpenID provider, as configured.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// The issuer.
    pub issuer: String,
    /// Our client id.
    pub client_id: String,
    /// Our client secret.
    pub client_secret: Option<SecretString>,
    /// Who bearer JWTs must be meant for.
    pub audience: Option<String>,
    /// What to ask for.
    pub scopes: Option<Vec<String>>,
    /// The claim with people's groups.
    pub groups_claim: Option<String>,
}

impl Oidc {
    /// The client's configuration, for a server that people reach at `public_url`.
    pub fn client(&self, public_url: &str) -> oidc::Config {
        let mut client = oidc::Config::new(
            &self.issuer,
            &self.client_id,
            format!("{public_url}/auth/callback/oidc"),
        );
        client.client_secret = self.client_secret.clone();
        client.audience = self.audience.clone();
        if let Some(scopes) = &self.scopes {
            client.scopes = scopes.clone();
        }
        client.groups_claim = self.groups_claim.clone();
        client
    }
}

/// Defines an enum of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$word_doc])* $word,)+ }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$word),)+
                    _ => Err(format!("must be one of: {}", [$($text),+].join(", "))),
                }
            }
        }
    };
}

words! {
    /// Who may sign in for the first time (SPEC X17).
    Signup {
        /// Anyone whom the provider knows.
        Open = "open",
        /// Only people who were created before.
        Closed = "closed",
    }
}

words! {
    /// What is done about a busy runner whose labels drifted (SPEC B22).
    DriftBusy {
        /// A security event says so.
        Log = "log",
        /// Its workflow run is cancelled, too.
        Cancel = "cancel",
    }
}

words! {
    /// What is done about a job on labels that its runner's policy does not admit (SPEC B23).
    LabelCheck {
        /// A security event.
        Audit = "audit",
        /// Its workflow run is cancelled, too.
        Enforce = "enforce",
    }
}

words! {
    /// How log lines look.
    LogFormat {
        /// Text on a terminal, else JSON.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// For machines.
        Json = "json",
    }
}

/// Why there is no configuration: every fault that was found, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error(Vec<String>);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not usable:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  - {error}"))
    }
}

impl Config {
    /// Reads `file`, if there is one, and the variables of `env`, which win over it.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, Error> {
        let mut source = Source::new(file, env);
        let config = Self::read(&mut source);
        if source.errors.is_empty() {
            Ok(config)
        } else {
            Err(Error(source.errors))
        }
    }

    /// The variables of this process that are text.
    pub fn environment() -> impl Iterator<Item = (String, String)> {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
    }

    fn read(source: &mut Source) -> Self {
        let entra = entra::read(source);
        Self {
            listen: source
                .value("listen")
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 3000))),
            public_url: source.value::<PublicUrl>("public_url").map(|url| url.0),
            data_dir: source.value("data_dir").unwrap_or_else(|| PathBuf::from(".guildhall")),
            database_url: source.text("database.url").map(SecretString::from),
            database_direct_url: source.text("database.direct_url").map(SecretString::from),
            max_connections: source
                .value::<Connections>("database.max_connections")
                .map_or(20, |count| count.0),
            trusted_proxies: source
                .list::<Network>("trusted_proxies")
                .unwrap_or_default()
                .into_iter()
                .map(|network| network.0)
                .collect(),
            secret_key: read_secret_key(source),
            signup: source.value("signup").unwrap_or(Signup::Open),
            oidc: read_oidc(source, &entra),
            entra,
            github: read_github(source),
            litellm: litellm::read(source),
            kubernetes: kubernetes::read(source),
            runner_group_id: source.value("github.runner_group_id").unwrap_or(1),
            allow_without_label_policy: source
                .value::<Flag>("runner.allow_without_label_policy")
                .is_some_and(|flag| flag.0),
            runner_sync_seconds: source
                .value::<SyncSeconds>("runner.sync_seconds")
                .map(|seconds| seconds.0),
            drift_busy_action: source.value("runner.drift_busy_action").unwrap_or(DriftBusy::Log),
            demo_life: source.value::<Flag>("demo.life").is_none_or(|flag| flag.0),
            currency: source
                .value::<Currency>("cost.currency")
                .map_or_else(|| "USD".to_owned(), |currency| currency.0),
            webhook_secret: source.text("github.webhook_secret").map(SecretString::from),
            workflow_label_check: source.value("runner.workflow_label_check").unwrap_or(LabelCheck::Audit),
            wait_hold_seconds: source
                .value::<HoldSeconds>("runner.wait_hold_seconds")
                .map_or(300, |seconds| seconds.0),
            dns_resolver: source.value("dns_resolver"),
            log_format: source.value("log.format").unwrap_or(LogFormat::Auto),
            log_level: source
                .value::<Filter>("log.level")
                .map_or_else(|| "info".to_owned(), |filter| filter.0),
            demo: false,
            warnings: std::mem::take(&mut source.warnings),
        }
    }

    /// What the backend's rules depend on.
    pub fn settings(&self) -> backend::Settings {
        backend::Settings {
            signup_open: self.signup == Signup::Open,
            allow_without_label_policy: self.allow_without_label_policy,
            default_runner_group: self.runner_group_id,
            webhook_secret: self.webhook_secret.clone(),
            workflow_label_check: match self.workflow_label_check {
                LabelCheck::Audit => backend::WorkflowLabelCheck::Audit,
                LabelCheck::Enforce => backend::WorkflowLabelCheck::Enforce,
            },
            wait_hold: Duration::from_secs(self.wait_hold_seconds),
            secret_key: self.secret_key.clone(),
            currency: self.currency.clone(),
            dns_resolver: self.dns_resolver,
            sync_interval: Some(self.runner_sync_seconds.unwrap_or(120))
                .filter(|seconds| *seconds > 0)
                .map(|seconds| Duration::from_secs(seconds.into())),
            drift_busy_action: match self.drift_busy_action {
                DriftBusy::Log => backend::DriftBusyAction::Log,
                DriftBusy::Cancel => backend::DriftBusyAction::Cancel,
            },
            entra: self.entra.settings.clone(),
            ..backend::Settings::default()
        }
    }

    /// The origin that browsers use; before the listener is known, what it will be.
    pub fn public_url(&self) -> String {
        self.public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// Whether browsers come over TLS.
    pub fn is_https(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }
}

fn read_oidc(source: &mut Source, entra: &Entra) -> Option<Oidc> {
    let client_secret = secret_or_file(source, "oidc.client_secret", "oidc.client_secret_file");
    let (issuer, client_id) = (source.text("oidc.issuer"), source.text("oidc.client_id"));
    let audience = source.text("oidc.audience");
    let scopes = source.list("oidc.scopes");
    let groups_claim = source.text("oidc.groups_claim");
    let (setting, issuer, client_id, client_secret) = match (issuer, client_id) {
        (Some(issuer), Some(client_id)) => ("oidc.issuer", issuer, client_id, client_secret),
        (Some(_), None) => {
            source.reject("oidc.client_id", "must be set together with `oidc.issuer`");
            return None;
        }
        (None, Some(_)) => {
            source.reject("oidc.issuer", "must be set together with `oidc.client_id`");
            return None;
        }
        (None, None) => {
            let own = entra.application()?;
            let client_secret = client_secret.or(own.client_secret);
            ("entra.tenant", own.issuer, own.client_id, client_secret)
        }
    };
    let oidc = Oidc {
        scopes: scopes.or_else(|| entra.scopes(&issuer)),
        issuer,
        client_id,
        client_secret,
        audience,
        groups_claim,
    };
    // Checked now, so that a typing error is found at the start and not by the first person who signs in.
    if let Err(error) = oidc::Provider::new(oidc.client("http://localhost")) {
        source.reject(setting, &error.to_string());
    }
    Some(oidc)
}

fn read_github(source: &mut Source) -> Option<github::Config> {
    let org = source.text("github.org");
    let (app, installation) = (source.value("github.app_id"), source.value("github.installation_id"));
    let key = source.text("github.private_key_file");
    let token = source.text("github.token").map(SecretString::from);
    let api_url = source.text("github.api_url");
    let has_app = app.is_some() || installation.is_some() || key.is_some();
    if org.is_none() && !has_app && token.is_none() {
        return None;
    }
    if org.is_none() {
        source.reject("github.org", "must be set together with the credentials for GitHub");
    }
    let credentials = match (app, installation, key, token) {
        (Some(app_id), Some(installation_id), Some(file), None) => {
            let private_key_pem = read_secret(source, "github.private_key_file", &file)?;
            github::Credentials::App {
                app_id,
                installation_id,
                private_key_pem,
            }
        }
        (None, None, None, Some(token)) => github::Credentials::Token(token),
        (_, _, _, Some(_)) => {
            source.reject("github.token", "is there beside an App's settings: keep one of the two");
            return None;
        }
        (None, None, None, None) => {
            source.reject(
                "github.token",
                "is missing: set it, or `github.app_id`, `github.installation_id` and `github.private_key_file`",
            );
            return None;
        }
        (..) => {
            source.reject(
                "github.app_id",
                "an App needs all of `github.app_id`, `github.installation_id` and `github.private_key_file`",
            );
            return None;
        }
    };
    let mut config = github::Config::new(org?, credentials);
    if let Some(api_url) = api_url {
        config.api_url = api_url;
    }
    if let Err(error) = github::GitHub::new(config.clone()) {
        source.reject("github.org", &error.to_string());
    }
    Some(config)
}

/// The operator's secret; one that could be guessed protects nothing.
fn read_secret_key(source: &mut Source) -> Option<SecretString> {
    let text = source.text("secret_key")?;
    if text.len() < 32 {
        source.reject("secret_key", "must be at least 32 characters: openssl rand -base64 32");
        return None;
    }
    Some(text.into())
}

fn secret_or_file(source: &mut Source, name: &'static str, file: &'static str) -> Option<SecretString> {
    match (source.text(name), source.text(file)) {
        (Some(_), Some(_)) => {
            source.reject(file, &format!("is there beside `{name}`: keep one of the two"));
            None
        }
        (Some(text), None) => Some(text.into()),
        (None, Some(path)) => read_secret(source, file, &path),
        (None, None) => None,
    }
}

fn read_secret(source: &mut Source, name: &'static str, file: &str) -> Option<SecretString> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text.trim().to_owned().into()),
        Err(error) => {
            source.reject(name, &format!("could not read {file}: {error}"));
            None
        }
    }
}

struct PublicUrl(String);

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url =
            Url::parse(text).map_err(|error| format!("must be a URL such as https://guildhall.example: {error}"))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !bare {
            return Err("must be http(s)://HOST[:PORT] with nothing after it".to_owned());
        }
        Ok(Self(url.origin().ascii_serialization()))
    }
}

/// A filter that `tracing-subscriber` understands.
struct Filter(String);

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let checked = tracing_subscriber::EnvFilter::try_new(text);
        checked
            .map(|_| Self(text.to_owned()))
            .map_err(|error| error.to_string())
    }
}

/// Yes or no, as YAML writes it.
struct Flag(bool);

impl FromStr for Flag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "true" | "True" | "TRUE" => Ok(Self(true)),
            "false" | "False" | "FALSE" => Ok(Self(false)),
            _ => Err("must be true or false".to_owned()),
        }
    }
}

/// From never to once a day.
struct SyncSeconds(u32);

impl FromStr for SyncSeconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= 86_400);
        seconds
            .map(Self)
            .ok_or_else(|| "must be a whole number of seconds from 0 (never) to 86400".to_owned())
    }
}

struct Connections(u32);

impl FromStr for Connections {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse().ok().filter(|count| (2..=1000).contains(count));
        count
            .map(Self)
            .ok_or_else(|| "must be a whole number from 2 to 1000".to_owned())
    }
}

/// An ISO code of a currency.
struct Currency(String);

impl FromStr for Currency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let code = text.trim().to_ascii_uppercase();
        if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Self(code))
        } else {
            Err("must be an ISO code of three letters, like EUR".to_owned())
        }
    }
}

struct HoldSeconds(u64);

impl FromStr for HoldSeconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().filter(|seconds| (5..=3600).contains(seconds));
        seconds
            .map(Self)
            .ok_or_else(|| "must be a whole number of seconds from 5 to 3600".to_owned())
    }
}

/// A network, or one address.
struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map(Self)
            .map_err(|_| "must be an address or a network such as 10.0.0.0/8".to_owned())
    }
}

#[cfg(test)]
mod tests;
