//! Client of an OpenID provider: the authorization code flow with PKCE for people, bearer JWTs for the API.
//!
//! ```no_run
//! # async fn example(session_get: impl Fn() -> integrations::oidc::PendingLogin) -> Result<(), integrations::oidc::Error> {
//! use integrations::oidc::{Config, Provider};
//!
//! let mut config = Config::new("https://id.example", "guildhall", "https://guildhall.example/auth/callback/oidc");
//! config.client_secret = Some("…".into());
//! let provider = Provider::new(config)?;
//! // GET /auth/login/oidc: keep `pending` in the server-side session, send the browser to `url`.
//! let login = provider.begin().await?;
//! // GET /auth/callback/oidc?code=…&state=…
//! let pending = session_get();
//! if pending.matches_state("the state parameter") {
//!     let identity = provider.complete(&pending, "the code parameter").await?;
//! }
//! // Authorization: Bearer …
//! let identity = provider.verify_bearer("eyJ…").await?;
//! # Ok(()) }
//! ```
//!
//! The code flow is `openidconnect`'s, over this crate's `reqwest`. Bearer JWTs go through `jsonwebtoken`, with keys
//! kept decoded and results remembered, since they are checked on every API request.

mod bearer;
mod config;
mod error;
mod exchange;
mod flow;
mod identity;
mod keys;
mod login;
mod provider;

pub use config::Config;
pub use error::Error;
pub use identity::Identity;
pub use login::{Login, PendingLogin};
pub use provider::Provider;
