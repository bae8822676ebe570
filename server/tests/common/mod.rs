//! What the tests over HTTP share: the real router on a real socket, over a fresh database, a simulated GitHub and a
//! simulated OpenID provider.

#[path = "../../../backend/tests/common/database.rs"]
pub mod database;

use std::net::SocketAddr;

use backend::{Ctx, Method, identity, tokens};
use database::Database;
use domain::{Email, TokenName, UserId, UserRef};
use reqwest::{Client, Response, header};
use server::{AppState, config::Config};
use simulators::{
    github::GitHubSimulator,
    oidc::{OidcSimulator, Person},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Whom the simulated provider knows.
pub const MAX: &str = "max@example.com";
pub const TESS: &str = "tess@example.com";
/// Whose address the provider does not vouch for.
pub const UNVERIFIED: &str = "unverified@example.com";

/// A server of one test.
pub struct Server {
    /// Where it listens, without a slash at the end.
    pub url: String,
    pub state: AppState,
    pub oidc: OidcSimulator,
    pub github: GitHubSimulator,
    /// Follows no redirects and keeps no cookies.
    pub client: Client,
    task: JoinHandle<()>,
    // Last: dropped after what is connected to it.
    pub database: Database,
}

impl Server {
    /// With both simulators configured.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With further settings, or others: an empty one takes the default away.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::adjusted(settings, |_| ()).await
    }

    /// The same, with what no setting changes.
    pub async fn adjusted(settings: &[(&str, &str)], adjust: impl FnOnce(&mut Config)) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("an address");
        let url = format!("http://{address}");
        let mut unverified = Person::new(UNVERIFIED, "Una Verified", "");
        unverified.email_verified = false;
        let people = vec![
            Person::new(MAX, "Max Member", ""),
            Person::new(TESS, "Tess Lead", ""),
            unverified,
        ];
        let oidc = OidcSimulator::start_with(people).await.expect("a free port");
        let github = GitHubSimulator::start_default().await.expect("a free port");
        let database = Database::migrated().await;
        let mut env = vec![
            ("GUILDHALL_PUBLIC_URL".to_owned(), url.clone()),
            ("GUILDHALL_OIDC_ISSUER".to_owned(), oidc.issuer()),
            ("GUILDHALL_OIDC_CLIENT_ID".to_owned(), oidc.client_id().to_owned()),
            (
                "GUILDHALL_OIDC_CLIENT_SECRET".to_owned(),
                oidc.client_secret().expect("a secret").to_owned(),
            ),
            ("GUILDHALL_GITHUB_API_URL".to_owned(), github.url()),
            ("GUILDHALL_GITHUB_ORG".to_owned(), github.org().to_owned()),
            ("GUILDHALL_GITHUB_TOKEN".to_owned(), "demo-token".to_owned()),
        ];
        env.retain(|(name, _)| settings.iter().all(|(other, _)| other != name));
        env.extend(
            settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let mut config = Config::load(None, env).expect("a good configuration");
        adjust(&mut config);
        let state = AppState::new(database.pool.clone(), config).expect("a good configuration");
        let service = server::router(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(socket, service).await.expect("it serves") });
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self {
            url,
            state,
            oidc,
            github,
            client,
            task,
            database,
        }
    }

    /// A GET as a browser sends it, with a session's cookie if there is one.
    pub async fn browse(&self, path: &str, cookie: Option<&str>) -> Response {
        let mut request = self
            .client
            .get(format!("{}{path}", self.url))
            .header(header::ACCEPT, "text/html,*/*;q=0.8");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request.send().await.expect("an answer")
    }

    /// `GET /api/v1/auth/me` with a bearer credential: status and body.
    pub async fn me(&self, credential: &str) -> (u16, serde_json::Value) {
        let request = self
            .client
            .get(format!("{}/api/v1/auth/me", self.url))
            .bearer_auth(credential);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Someone with an account.
    pub async fn person(&self, email: &str, super_admin: bool) -> UserId {
        let mut ctx = Ctx::system(&self.state.backend, "test", Method::Command)
            .await
            .expect("a transaction");
        let email = Email::parse(email).expect("an email");
        let id = identity::create(&mut ctx, &email, None, super_admin, None)
            .await
            .expect("created");
        ctx.commit().await.expect("committed");
        id
    }

    /// A token of someone who has an account.
    pub async fn token(&self, email: &str, lifetime: Option<chrono::TimeDelta>) -> String {
        let mut ctx = Ctx::system(&self.state.backend, "test", Method::Command)
            .await
            .expect("a transaction");
        let owner = UserRef::Email(Email::parse(email).expect("an email"));
        let (owner, _) = identity::find(&mut ctx, &owner).await.expect("there");
        let end = lifetime.map(|lifetime| ctx.now + lifetime);
        let name = TokenName::parse("test").expect("a name");
        let (_, secret) = tokens::create(&mut ctx, owner, &name, end).await.expect("created");
        ctx.commit().await.expect("committed");
        secret.reveal().to_owned()
    }

    /// Goes to the provider as `email` and returns where it sends the browser back to.
    pub async fn visit_provider(&self, begun: &Response, email: &str) -> String {
        let url = format!("{}&as={email}", location(begun));
        location(&self.client.get(url).send().await.expect("an answer"))
    }

    /// Signs in and returns the session's cookie, for `Cookie`.
    pub async fn sign_in(&self, email: &str) -> String {
        let begun = self.browse("/auth/login/oidc", None).await;
        let cookie = set_cookie(&begun).expect("a session for the sign-in");
        let back = self.visit_provider(&begun, email).await;
        let done = self.browse(self.path_of(&back), Some(&cookie)).await;
        assert_eq!(location(&done), "/", "signed in");
        set_cookie(&done).expect("a new session")
    }

    /// A URL of this server as a path.
    pub fn path_of<'a>(&self, url: &'a str) -> &'a str {
        url.strip_prefix(&self.url)
            .unwrap_or_else(|| panic!("{url} is not on {}", self.url))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client that follows no redirects, for tests of the program: nothing else in their process has chosen a TLS provider.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    client.expect("a client")
}

/// Where an answer sends the browser.
pub fn location(response: &Response) -> String {
    let value = response.headers().get(header::LOCATION);
    let value = value.unwrap_or_else(|| panic!("no redirect: {}", response.status()));
    value.to_str().expect("text").to_owned()
}

/// `name=value` of the cookie that an answer sets.
pub fn set_cookie(response: &Response) -> Option<String> {
    let value = response.headers().get(header::SET_COOKIE)?.to_str().expect("text");
    value.split(';').next().map(str::to_owned)
}
