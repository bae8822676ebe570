//! A stand-in for an OpenID provider, whose sign-in page lets you pick who to be.
//!
//! Discovery, the authorization code flow with PKCE (S256) and `client_secret_basic` or `client_secret_post`, userinfo,
//! the client credentials grant, key rotation and RP-initiated logout. Works without JavaScript.
//!
//! A browser test that does not want to pick adds `as=EMAIL` or `login_hint=EMAIL` to the authorization URL. Over HTTP,
//! without authorization: `POST /_simulator/token {email, claims?, ttl_seconds?}` answers `{token}`, a bearer JWT, and
//! `POST /_simulator/rotate` makes a new key. `POST /_simulator/people {email, name, groups?, claims?}` adds somebody to
//! those who can sign in, and `PUT` there changes them, too.

mod authorize;
mod keys;
mod page;
mod state;
mod token;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde_json::Value;

pub use keys::{Signature, SigningKey};
use state::Shared;
pub use state::{MachineClient, Person};

use crate::listener::Server;

/// What a simulator knows and accepts.
#[derive(Clone, Debug)]
pub struct OidcOptions {
    /// Who one can be, in the order of the page.
    pub people: Vec<Person>,
    /// The one client; `guildhall` by default.
    pub client_id: String,
    /// Its secret; `None` for a public client. `demo-secret` by default.
    pub client_secret: Option<String>,
    /// Where the browser may be sent back to; anywhere, if empty.
    pub redirect_urls: Vec<String>,
    /// Clients that get tokens for themselves, with `gty` `client-credentials`.
    pub machine_clients: Vec<MachineClient>,
    /// Whether ID tokens hold email and name. If not, they are at userinfo only.
    pub profile_in_id_token: bool,
    /// What tokens are signed with at first.
    pub signing_key: SigningKey,
}

impl Default for OidcOptions {
    fn default() -> Self {
        Self {
            people: Vec::new(),
            client_id: "guildhall".to_owned(),
            client_secret: Some("demo-secret".to_owned()),
            redirect_urls: Vec::new(),
            machine_clients: Vec::new(),
            profile_in_id_token: true,
            signing_key: SigningKey::generate(),
        }
    }
}

/// A running simulator; stops when the last clone is dropped.
#[derive(Clone)]
pub struct OidcSimulator {
    server: Arc<Server>,
    shared: Arc<Shared>,
}

impl OidcSimulator {
    /// Listens on `addr`; port 0 takes a free one.
    pub async fn start(addr: SocketAddr, options: OidcOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(options));
        let router = |addr| {
            *shared.issuer.lock().expect("not poisoned") = format!("http://{addr}");
            Router::new()
                .route("/.well-known/openid-configuration", get(token::discovery))
                .route("/jwks", get(token::jwks))
                .route("/authorize", get(authorize::show).post(authorize::choose))
                .route("/token", post(token::exchange))
                .route("/userinfo", get(token::userinfo).post(token::userinfo))
                .route("/logout", get(authorize::log_out))
                .route("/_simulator/token", post(token::mint_over_http))
                .route(
                    "/_simulator/people",
                    post(token::add_person_over_http).put(token::put_person_over_http),
                )
                .route("/_simulator/rotate", post(token::rotate_over_http))
                .with_state(Arc::clone(&shared))
        };
        let server = Arc::new(Server::start(addr, router).await?);
        Ok(Self { server, shared })
    }

    /// On a free loopback port, with these people and the defaults.
    pub async fn start_with(people: Vec<Person>) -> io::Result<Self> {
        let options = OidcOptions {
            people,
            ..OidcOptions::default()
        };
        Self::start(SocketAddr::from(([127, 0, 0, 1], 0)), options).await
    }

    /// The issuer, which is also the base URL.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// The client id.
    pub fn client_id(&self) -> &str {
        &self.shared.options.client_id
    }

    /// The client secret.
    pub fn client_secret(&self) -> Option<&str> {
        self.shared.options.client_secret.as_deref()
    }

    /// The person with that email, of those from the beginning.
    pub fn person(&self, email: &str) -> Option<&Person> {
        let mut people = self.shared.options.people.iter();
        people.find(|person| person.email.eq_ignore_ascii_case(email))
    }

    /// Whose access token that is: one that a sign-in gave out and that has not ended.
    pub fn person_of_token(&self, access_token: &str) -> Option<Person> {
        self.shared.by_access_token(access_token)
    }

    /// Somebody new, or somebody with that address changed: their next sign-in says so.
    pub fn put_person(&self, person: Person) {
        self.shared.put_person(person);
    }

    /// A bearer JWT for `person`, as the provider would make it, with `claims` laid over the usual ones (`null` removes
    /// one). `ttl_seconds` may be negative: then it has expired.
    pub fn mint_token(&self, person: &Person, claims: &Value, ttl_seconds: i64) -> String {
        self.mint_token_with(person, claims, ttl_seconds, &Signature::Current)
    }

    /// The same, signed in a way that a verifier should refuse.
    pub fn mint_token_with(&self, person: &Person, claims: &Value, ttl_seconds: i64, signature: &Signature) -> String {
        let claims = self.shared.bearer_claims(person, claims, ttl_seconds);
        self.shared.keys().sign(&claims, signature)
    }

    /// From now on signs with a new key, the only one published. Tokens signed before are worthless.
    pub fn rotate_keys(&self) {
        self.shared.keys().replace(SigningKey::generate());
    }

    /// Answers requests for the keys with this status; `None` to answer them properly again.
    pub fn fail_jwks(&self, status: Option<u16>) {
        *self.shared.jwks_failure.lock().expect("not poisoned") = status;
    }

    /// Refuses connections until [`restart`](Self::restart).
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// Listens again, on the same port.
    pub async fn restart(&self) -> io::Result<()> {
        self.server.restart().await
    }

    /// How often each of `discovery`, `jwks`, `token`, `userinfo` was asked for.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.shared.calls.lock().expect("not poisoned").clone()
    }
}
