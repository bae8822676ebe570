//! Every key, once: what may be written in the file, its environment variable, its default and what it means.

use std::fmt::Write as _;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its place in the YAML file, with dots between the levels.
    pub name: &'static str,
    /// Its environment variable where that does not follow from the name: the ones that the contract prints.
    env: Option<&'static str>,
    /// The default, as the documentation writes it; empty for none.
    pub default: &'static str,
    /// What it means, for the README.
    pub doc: &'static str,
    /// Whether the value must not be printed.
    pub secret: bool,
}

impl Key {
    /// The environment variable: `a.b_c` is `GUILDHALL_A_B_C` (SPEC X19).
    pub fn env(&self) -> String {
        self.env.map_or_else(
            || format!("GUILDHALL_{}", self.name.replace('.', "_").to_ascii_uppercase()),
            str::to_owned,
        )
    }
}

const fn key(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        env: None,
        default,
        doc,
        secret: false,
    }
}

const fn secret(name: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        env: None,
        default: "",
        doc,
        secret: true,
    }
}

/// All of them, in the order of the README.
pub const KEYS: &[Key] = &[
    key(
        "listen",
        "127.0.0.1:3000",
        "Address and port to serve on; port 0 takes a free one.",
    ),
    key(
        "public_url",
        "http://<listen>",
        "The address that people's browsers use. With `https`, cookies are `Secure` and HSTS is sent.",
    ),
    key(
        "data_dir",
        ".guildhall",
        "Where the private PostgreSQL lives when `database.url` is not set.",
    ),
    Key {
        env: Some("DATABASE_URL"),
        ..secret(
            "database.url",
            "A PostgreSQL server to use instead of a private one: `postgres://user:password@host/name`.",
        )
    },
    Key {
        env: Some("DATABASE_DIRECT_URL"),
        ..secret(
            "database.direct_url",
            "Behind PgBouncer in transaction mode: a connection past it, for migrations and for hearing of changes.",
        )
    },
    key(
        "database.max_connections",
        "20",
        "How many connections each process may have open.",
    ),
    key(
        "trusted_proxies",
        "",
        "Addresses or networks of reverse proxies whose `X-Forwarded-For` is believed, with commas between.",
    ),
    secret(
        "secret_key",
        "Seals the private keys that sign assertions in the database: at least 32 characters, the same for every process.",
    ),
    key(
        "signup",
        "open",
        "`open`: a stranger with a valid identity gets an account. `closed`: only people created before.",
    ),
    key(
        "oidc.issuer",
        "",
        "The OpenID provider's issuer, exactly as it writes it.",
    ),
    key(
        "oidc.client_id",
        "",
        "Our client id at the provider. The redirect URI to register is `<public_url>/auth/callback/oidc`.",
    ),
    secret("oidc.client_secret", "Our client secret; none for a public client."),
    key("oidc.client_secret_file", "", "A file that holds the client secret."),
    key(
        "oidc.audience",
        "`oidc.client_id`",
        "Who bearer JWTs on the API must be meant for.",
    ),
    key(
        "oidc.scopes",
        "openid,email,profile",
        "What to ask the provider for. At Entra also for the right to read one's own groups.",
    ),
    key(
        "oidc.groups_claim",
        "groups",
        "The claim that holds people's groups; `realm_access.roles` is the claim `roles` in `realm_access`.",
    ),
    Key {
        env: Some("MICROSOFT_TENANT"),
        ..key(
            "entra.tenant",
            "",
            "The id of the directory in Microsoft Entra ID. With the client id and without `oidc.issuer`, people sign in there.",
        )
    },
    Key {
        env: Some("MICROSOFT_CLIENT_ID"),
        ..key("entra.client_id", "", "The application's client id in the directory.")
    },
    Key {
        env: Some("MICROSOFT_CLIENT_SECRET"),
        ..secret(
            "entra.client_secret",
            "Its client secret. The scheduled sync of groups needs it.",
        )
    },
    Key {
        env: Some("MICROSOFT_CLIENT_SECRET_FILE"),
        ..key("entra.client_secret_file", "", "A file that holds the client secret.")
    },
    Key {
        env: Some("MICROSOFT_SERVICE_PRINCIPAL_ID"),
        ..key(
            "entra.service_principal_id",
            "",
            "The object id of the Enterprise Application. With it only groups count that are assigned to the application.",
        )
    },
    Key {
        env: Some("GUILDHALL_GRAPH_URL"),
        ..key(
            "entra.graph_url",
            "https://graph.microsoft.com",
            "Microsoft Graph, of which people's groups are asked. Set by itself, it is asked with the access tokens of any provider.",
        )
    },
    key(
        "entra.authority_url",
        "https://login.microsoftonline.com",
        "Where the directory's tokens come from; national clouds have others.",
    ),
    key(
        "entra.nested_groups",
        "false",
        "Whether somebody in a group within a group is in the outer one, too.",
    ),
    key(
        "entra.sign_in_seconds",
        "5",
        "How long a sign-in waits for Microsoft Graph, 1 to 30 seconds. Without an answer people keep what they have.",
    ),
    key(
        "entra.sync_seconds",
        "900",
        "Seconds between two passes over the linked groups without anybody signing in; 0 is never.",
    ),
    Key {
        env: Some("ENTRA_GROUPS_ALSO_CREATE_ORGS"),
        ..key(
            "litellm_settings.entra_groups_also_create_orgs",
            "false",
            "Whether a group makes an organization, too, and not only a team. An administrator can change it at runtime.",
        )
    },
    key(
        "litellm_settings.default_team_params.max_budget",
        "",
        "What teams and organizations that a group makes may spend, in US dollars.",
    ),
    key(
        "litellm_settings.default_team_params.budget_duration",
        "",
        "In which time, such as `30d`, `1mo` or `monthly`.",
    ),
    key(
        "litellm_settings.default_team_params.models",
        "",
        "The models they may use; all without a list.",
    ),
    key(
        "litellm_settings.default_team_params.tpm_limit",
        "",
        "Their tokens in a minute.",
    ),
    key(
        "litellm_settings.default_team_params.rpm_limit",
        "",
        "Their requests in a minute.",
    ),
    key(
        "github.api_url",
        "https://api.github.com",
        "The REST API; GitHub Enterprise Server has `https://HOST/api/v3`.",
    ),
    key("github.org", "", "The organization that owns the runners."),
    key(
        "github.app_id",
        "",
        "The GitHub App's id; with `github.installation_id` and `github.private_key_file`.",
    ),
    key(
        "github.installation_id",
        "",
        "The App's installation in the organization.",
    ),
    key("github.private_key_file", "", "The App's private key, PEM."),
    secret(
        "github.token",
        "Instead of an App: a token that may manage self-hosted runners.",
    ),
    secret(
        "github.webhook_secret",
        "What GitHub signs its webhook to `/api/v1/webhooks/github` with; while it is not set, the webhook answers 403.",
    ),
    key(
        "github.runner_group_id",
        "1",
        "The runner group for requests that name none.",
    ),
    Key {
        env: Some("LITELLM_API_URL"),
        ..key(
            "litellm.url",
            "",
            "The default LiteLLM proxy, such as `https://litellm.example`; without one, keys for models are not available.",
        )
    },
    Key {
        env: Some("LITELLM_MASTER_KEY"),
        ..secret("litellm.master_key", "Its master key.")
    },
    Key {
        env: Some("LITELLM_MASTER_KEY_FILE"),
        ..key("litellm.master_key_file", "", "A file that holds the master key.")
    },
    Key {
        env: Some("LITELLM_INSTANCE_NAME"),
        ..key(
            "litellm.instance_name",
            "litellm-example",
            "What manifests and pages call the default instance.",
        )
    },
    Key {
        env: Some("LITELLM_INSTANCE_NAMESPACE"),
        ..key(
            "litellm.instance_namespace",
            "litellm",
            "The namespace of the default instance.",
        )
    },
    key(
        "litellm.instances",
        "",
        "More instances, in the file only: a list of `name`, `namespace`, `url` and one of `master_key`, `master_key_env` (a variable's name) and `master_key_file`.",
    ),
    key(
        "runner.allow_without_label_policy",
        "false",
        "Whether people in no team and without a label policy may provision runners with any labels.",
    ),
    key(
        "runner.sync_seconds",
        "120",
        "Seconds between two comparisons of our runners with GitHub's; 0 is never. The demo has 5.",
    ),
    key(
        "runner.drift_busy_action",
        "log",
        "When the labels of a busy runner drifted: `log` writes a security event, `cancel` cancels its workflow run, too.",
    ),
    key(
        "demo.life",
        "true",
        "Whether the runners of `serve --demo` start, work and end by themselves.",
    ),
    key(
        "cost.currency",
        "USD",
        "The currency that runner minutes are priced in: an ISO code of three letters.",
    ),
    key(
        "runner.workflow_label_check",
        "audit",
        "When a job runs on labels that its runner's policy does not admit: `audit` writes a security event, `enforce` cancels the workflow run, too.",
    ),
    key(
        "runner.wait_hold_seconds",
        "300",
        "How long a free place is held for the first of a team's waiting list, in seconds.",
    ),
    key(
        "dns_resolver",
        "",
        "The name server, `address:port`, that is asked for the TXT records of email domains; the machine's own without one.",
    ),
    key(
        "kubernetes.listen",
        "",
        "Address and port of the Kubernetes API (`kubectl`), over TLS, such as `127.0.0.1:6443`; off without it. `serve --kube-listen` wins over it.",
    ),
    key(
        "kubernetes.public_url",
        "https://<kubernetes.listen>",
        "The address of the Kubernetes API that kubeconfigs name.",
    ),
    key(
        "kubernetes.hosts",
        "",
        "Further names and addresses that the made certificate is valid for, with commas between; it always has localhost, the address that is listened on and the hosts of both public URLs.",
    ),
    key(
        "kubernetes.certificate_file",
        "",
        "A certificate chain (PEM) for the Kubernetes API instead of a made one; read again when the file changes.",
    ),
    key(
        "kubernetes.key_file",
        "",
        "The private key (PEM) of `kubernetes.certificate_file`.",
    ),
    key(
        "kubernetes.front_proxy_ca_file",
        "",
        "The authorities (PEM) of front proxies: who shows a client certificate of theirs is believed who the caller is (`X-Remote-User`). A cluster has it as `requestheader-client-ca-file`.",
    ),
    key(
        "kubernetes.front_proxy_names",
        "",
        "The common names that front proxies may have, with commas between; empty means any that the authorities vouch for.",
    ),
    key(
        "log.format",
        "auto",
        "`text`, `json`, or `auto`: text on a terminal, else JSON.",
    ),
    key(
        "log.level",
        "info",
        "What to log, as `tracing`'s filter: `warn`, or `info,server=debug`.",
    ),
];

/// The key of a name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The known name that looks most like `name`, if any does.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What all variables begin with says nothing about likeness, nor do the tables that both are in.
    let bare = |text: &str| text.strip_prefix("GUILDHALL_").unwrap_or(text).to_owned();
    let likeness = |candidate: &str| {
        let (typed, own) = (bare(name), bare(candidate));
        let tables = (typed.match_indices('.').map(|(dot, _)| dot + 1))
            .take_while(|end| own.starts_with(&typed[..*end]))
            .last()
            .unwrap_or(0);
        strsim::normalized_damerau_levenshtein(&typed[tables..], &own[tables..])
    };
    known
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// The table of all keys, in Markdown.
pub fn reference() -> String {
    let mut table = "| key | environment | default | meaning |\n|---|---|---|---|\n".to_owned();
    for key in KEYS {
        let default = match key.default {
            "" => "–".to_owned(),
            text if text.contains('`') => text.to_owned(),
            text => format!("`{text}`"),
        };
        let doc = key.doc.replace('|', "\\|");
        // Writing into a String cannot fail.
        let _ = writeln!(table, "| `{}` | `{}` | {default} | {doc} |", key.name, key.env());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{KEYS, nearest, reference};

    #[test]
    fn x19_environment_variables_follow_from_names() {
        let env = |name| super::find(name).expect("known").env();
        assert_eq!(env("oidc.client_id"), "GUILDHALL_OIDC_CLIENT_ID");
        assert_eq!(env("database.url"), "DATABASE_URL");
    }

    #[test]
    fn keys_are_distinct_and_documented() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(
                KEYS[..index]
                    .iter()
                    .all(|other| other.name != key.name && other.env() != key.env())
            );
            assert!(key.doc.ends_with('.'), "{}", key.name);
            assert!(reference().contains(&format!("| `{}` |", key.name)));
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_key() {
        let known = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("oidc.isuer", known()), Some("oidc.issuer"));
        assert_eq!(nearest("lissten", known()), Some("listen"));
        assert_eq!(nearest("zzz", known()), None);
        let params = "litellm_settings.default_team_params";
        assert_eq!(
            nearest(&format!("{params}.max_bugdet"), known()),
            super::find("litellm_settings.default_team_params.max_budget").map(|key| key.name)
        );
        assert_eq!(nearest(&format!("{params}.max_runners"), known()), None);
        assert_eq!(
            nearest("entra_groups_also_create_orgs", known()),
            Some("litellm_settings.entra_groups_also_create_orgs")
        );
    }
}
