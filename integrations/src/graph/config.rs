//! Where Microsoft Graph is, which directory is ours, and who we are to it.

use std::time::Duration;

use secrecy::SecretString;

/// The worldwide Graph. National clouds have others.
pub const DEFAULT_GRAPH_URL: &str = "https://graph.microsoft.com";

/// Where the worldwide cloud gives out tokens.
pub const DEFAULT_AUTHORITY_URL: &str = "https://login.microsoftonline.com";

/// How long one call may take, unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The directory and our registration in it. Checked by [`Graph::new`](super::Graph::new).
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL of Graph. `/v1.0` is added unless it ends with `/v1.0` or `/beta`. Plain `http` is for simulators.
    pub graph_url: String,
    /// Base URL of the token endpoint, without the tenant.
    pub authority_url: String,
    /// The directory: its id, or one of its domains.
    pub tenant: Option<String>,
    /// Our application's client id.
    pub client_id: Option<String>,
    /// Its secret. With tenant and client id, Graph can be asked without anybody signed in.
    pub client_secret: Option<SecretString>,
    /// The object id of our Enterprise Application. With it only groups that are assigned to the application count.
    pub service_principal_id: Option<String>,
    /// Whether somebody in a group within a group is in the outer one, too.
    pub transitive: bool,
    /// The most one call may take, body included; connecting may use half of it.
    pub timeout: Duration,
}

impl Config {
    /// An application without secret in a directory of the worldwide cloud.
    pub fn new(tenant: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            tenant: Some(tenant.into()),
            client_id: Some(client_id.into()),
            ..Self::at(DEFAULT_GRAPH_URL)
        }
    }

    /// Another Graph, asked with people's own access tokens only.
    pub fn at(graph_url: impl Into<String>) -> Self {
        Self {
            graph_url: graph_url.into(),
            authority_url: DEFAULT_AUTHORITY_URL.to_owned(),
            tenant: None,
            client_id: None,
            client_secret: None,
            service_principal_id: None,
            transitive: false,
            timeout: DEFAULT_TIMEOUT,
        }
    }
}
