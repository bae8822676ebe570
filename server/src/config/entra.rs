//! Microsoft Entra ID: signing in with it, and what its groups give (SPEC E).

use std::str::FromStr;
use std::time::Duration;

use domain::{BudgetDuration, Limits, Money, directory::SettingSource, parse_count, parse_models};
use integrations::graph::{self, DEFAULT_AUTHORITY_URL, DEFAULT_GRAPH_URL, Graph};
use secrecy::SecretString;

use super::{Flag, SyncSeconds, secret_or_file, source::Source};

/// What people have to agree to so that their groups can be read in their name.
const GROUPS_SCOPE: &str = "https://graph.microsoft.com/GroupMember.Read.All";
const FLAG: &str = "litellm_settings.entra_groups_also_create_orgs";

/// Everything about Entra, as configured.
#[derive(Debug, Clone, Default)]
pub struct Entra {
    /// Microsoft Graph, if it is to be asked.
    pub graph: Option<graph::Config>,
    /// What the backend's rules depend on.
    pub settings: backend::Entra,
}

/// The application, for signing in.
pub(super) struct Application {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<SecretString>,
}

impl Entra {
    /// The application that people sign in with where no other provider is configured.
    pub(super) fn application(&self) -> Option<Application> {
        let graph = self.graph.as_ref()?;
        Some(Application {
            issuer: format!(
                "{}/{}/v2.0",
                graph.authority_url.trim_end_matches('/'),
                graph.tenant.as_ref()?
            ),
            client_id: graph.client_id.clone()?,
            client_secret: graph.client_secret.clone(),
        })
    }

    /// Whether a provider is the directory's own, so that its `oid` is the directory's id of somebody. Of another one it
    /// is a claim like any other, which people may be able to choose.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        let Some((graph, tenant)) = self
            .graph
            .as_ref()
            .and_then(|graph| Some((graph, graph.tenant.as_ref()?)))
        else {
            return false;
        };
        let authority = graph.authority_url.trim_end_matches('/');
        [
            format!("{authority}/{tenant}/v2.0"),
            format!("https://sts.windows.net/{tenant}/"),
        ]
        .iter()
        .any(|own| own == issuer)
    }

    /// What to ask a provider for, where the operator does not say. Only Entra knows Graph's permissions, and only the
    /// worldwide Graph's are known here.
    pub(super) fn scopes(&self, issuer: &str) -> Option<Vec<String>> {
        let graph = self.graph.as_ref()?;
        let authority = graph.authority_url.trim_end_matches('/');
        let is_entra = issuer.strip_prefix(authority).is_some_and(|rest| rest.starts_with('/'));
        let is_worldwide = graph.graph_url.trim_end_matches('/').starts_with(DEFAULT_GRAPH_URL);
        (is_entra && is_worldwide).then(|| ["openid", "profile", "email", GROUPS_SCOPE].map(str::to_owned).to_vec())
    }
}

/// Reads all of it.
pub(super) fn read(source: &mut Source) -> Entra {
    let sync_seconds = source
        .value::<SyncSeconds>("entra.sync_seconds")
        .map_or(900, |seconds| seconds.0);
    let configured_flag = source.value::<Flag>(FLAG).map(|flag| flag.0);
    Entra {
        graph: read_graph(source),
        settings: backend::Entra {
            configured_flag,
            flag_source: match configured_flag {
                None => SettingSource::Default,
                Some(_) if source.is_from_environment(FLAG) => SettingSource::Environment,
                Some(_) => SettingSource::File,
            },
            default_team_params: Some(read_params(source)).filter(|params| *params != Limits::default()),
            sign_in_time: Duration::from_secs(
                source
                    .value::<SignInSeconds>("entra.sign_in_seconds")
                    .map_or(5, |seconds| seconds.0),
            ),
            sync_interval: (sync_seconds > 0).then(|| Duration::from_secs(sync_seconds.into())),
        },
    }
}

fn read_graph(source: &mut Source) -> Option<graph::Config> {
    let tenant = source.value::<Tenant>("entra.tenant").map(|tenant| tenant.0);
    let client_id = source.text("entra.client_id");
    let client_secret = secret_or_file(source, "entra.client_secret", "entra.client_secret_file");
    let service_principal_id = source.text("entra.service_principal_id");
    let graph_url = source.text("entra.graph_url");
    let authority_url = source.text("entra.authority_url");
    let transitive = source.value::<Flag>("entra.nested_groups").is_some_and(|flag| flag.0);
    match (&tenant, &client_id) {
        (Some(_), None) => source.reject("entra.client_id", "must be set together with `entra.tenant`"),
        (None, Some(_)) if source.text("entra.tenant").is_none() => {
            source.reject("entra.tenant", "must be set together with `entra.client_id`");
        }
        (None, None) if client_secret.is_some() => {
            source.reject(
                "entra.client_secret",
                "is of no use without `entra.tenant` and `entra.client_id`",
            );
        }
        _ => {}
    }
    if graph_url.is_none() && (tenant.is_none() || client_id.is_none()) {
        return None;
    }
    if tenant.as_ref().is_some_and(|tenant| tenant.contains('.')) && source.text("oidc.issuer").is_none() {
        source.warnings.push(
            "`entra.tenant` (MICROSOFT_TENANT) is a domain: Entra signs people in only by the directory's id"
                .to_owned(),
        );
    }
    let config = graph::Config {
        authority_url: authority_url.unwrap_or_else(|| DEFAULT_AUTHORITY_URL.to_owned()),
        tenant,
        client_id,
        client_secret,
        service_principal_id,
        transitive,
        ..graph::Config::at(graph_url.unwrap_or_else(|| DEFAULT_GRAPH_URL.to_owned()))
    };
    // Checked now, so that a typing error is found at the start and not by the first person who signs in.
    if let Err(error) = Graph::new(config.clone()) {
        source.reject("entra.graph_url", &error.to_string());
    }
    Some(config)
}

/// What the seed calls `default_team_params`.
fn read_params(source: &mut Source) -> Limits {
    const MAX_BUDGET: &str = "litellm_settings.default_team_params.max_budget";
    const BUDGET_DURATION: &str = "litellm_settings.default_team_params.budget_duration";
    const MODELS: &str = "litellm_settings.default_team_params.models";
    const TPM_LIMIT: &str = "litellm_settings.default_team_params.tpm_limit";
    const RPM_LIMIT: &str = "litellm_settings.default_team_params.rpm_limit";

    let models = source.texts(MODELS).unwrap_or_default();
    let models = parse_models(&models).unwrap_or_else(|invalid| {
        source.reject(MODELS, &invalid.message);
        Vec::new()
    });
    Limits {
        models,
        max_budget: source.value::<Budget>(MAX_BUDGET).map(|budget| budget.0),
        budget_duration: source.value::<Period>(BUDGET_DURATION).map(|period| period.0),
        tpm_limit: source.value::<Count>(TPM_LIMIT).map(|count| count.0),
        rpm_limit: source.value::<Count>(RPM_LIMIT).map(|count| count.0),
    }
}

struct Budget(Money);

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let amount = Money::read("max_budget", text).map_err(|_| "must be an amount like 100 or 99.50".to_owned())?;
        let amount = amount.ok_or("must be an amount like 100 or 99.50")?;
        let budget = Money::parse("max_budget", amount);
        budget.map(Self).map_err(|invalid| invalid.message.into_owned())
    }
}

struct Period(BudgetDuration);

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let period = BudgetDuration::parse(text);
        period.map(Self).map_err(|invalid| invalid.message.into_owned())
    }
}

struct Count(i64);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse().map_err(|_| "must be a whole number".to_owned())?;
        let count = parse_count("limit", count);
        count.map(Self).map_err(|invalid| invalid.message.into_owned())
    }
}

/// A directory's id, or one of its domains.
struct Tenant(String);

impl FromStr for Tenant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if matches!(text, "common" | "organizations" | "consumers") {
            return Err("must be one directory's id: here people of one directory sign in".to_owned());
        }
        if text.starts_with('.') || !text.chars().all(fits) {
            return Err("must be the id of a directory".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

struct SignInSeconds(u64);

impl FromStr for SignInSeconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().filter(|seconds| (1..=30).contains(seconds));
        seconds
            .map(Self)
            .ok_or_else(|| "must be a whole number of seconds from 1 to 30".to_owned())
    }
}
