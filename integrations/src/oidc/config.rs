//! Which provider, and who we are to it.

use std::time::Duration;

use secrecy::SecretString;

/// The provider and our registration with it. Checked by [`Provider::new`](super::Provider::new).
#[derive(Clone, Debug)]
pub struct Config {
    /// The issuer, exactly as the provider writes it (a trailing slash counts). Plain `http` is for simulators.
    pub issuer: String,
    /// Our client id.
    pub client_id: String,
    /// Our client secret; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// Our callback, as registered with the provider.
    pub redirect_url: String,
    /// Who a bearer JWT must be meant for; by default our client id.
    pub audience: Option<String>,
    /// What to ask for; `openid` is always asked for.
    pub scopes: Vec<String>,
    /// The claim that holds a person's groups, with dots between the levels (`realm_access.roles`). Where it is set, what
    /// the ID token does not tell of it is asked for at userinfo. `groups`, unless set.
    pub groups_claim: Option<String>,
    /// The most one call to the provider may take.
    pub timeout: Duration,
}

impl Config {
    /// A public client with the scopes `openid email profile` and a timeout of 10 seconds.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>, redirect_url: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: None,
            redirect_url: redirect_url.into(),
            audience: None,
            scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            groups_claim: None,
            timeout: Duration::from_secs(10),
        }
    }
}
