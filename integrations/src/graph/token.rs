//! Tokens of the application itself (client credentials): shared by all calls, fetched by one of them, renewed in time.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::config::Config;
use super::error::Error;
use super::model::TokenAnswer;
use super::transport::bearer;
use crate::http_client;

/// A token is replaced so long before its end, or a tenth of its life if that is less.
const RENEW_BEFORE_END: Duration = Duration::from_mins(5);
/// Who waited for a token that could not be had shares the answer for so long, instead of asking one after the other.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Where tokens come from, with what, and the current one.
pub(super) struct AppTokens {
    /// The token endpoint.
    pub url: reqwest::Url,
    client_id: String,
    client_secret: SecretString,
    scope: String,
    current: RwLock<Option<Arc<Token>>>,
    /// Held while a token is fetched; remembers the last failure.
    renewal: Mutex<Option<(Instant, Error)>>,
}

/// A token, ready to send.
pub(super) struct Token {
    /// `Bearer …`, marked sensitive.
    pub header: HeaderValue,
    renew_at: Instant,
}

impl AppTokens {
    /// None when the configuration has no credentials for the application. `graph` is Graph's base URL.
    ///
    /// Errors: [`Error::Config`].
    pub(super) fn new(config: &Config, graph: &reqwest::Url) -> Result<Option<Self>, Error> {
        let (Some(tenant), Some(client_id), Some(client_secret)) =
            (&config.tenant, &config.client_id, &config.client_secret)
        else {
            return Ok(None);
        };
        let is_tenant = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if tenant.is_empty() || tenant.starts_with('.') || !tenant.chars().all(is_tenant) {
            let tenant = http_client::tidy(tenant);
            return Err(Error::Config(format!(
                "`{tenant}` is neither the id nor a domain of a directory"
            )));
        }
        if client_id.is_empty() || client_secret.expose_secret().trim().is_empty() {
            return Err(Error::Config(
                "client id and client secret must not be empty".to_owned(),
            ));
        }
        let mut url =
            http_client::parse_base_url("the Entra authority's URL", &config.authority_url).map_err(Error::Config)?;
        url.set_path(&format!(
            "{}/{tenant}/oauth2/v2.0/token",
            url.path().trim_end_matches('/')
        ));
        let version = graph.path().rsplit('/').next().unwrap_or_default();
        let resource = graph.as_str().trim_end_matches('/').trim_end_matches(version);
        Ok(Some(Self {
            url,
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            scope: format!("{}/.default", resource.trim_end_matches('/')),
            current: RwLock::default(),
            renewal: Mutex::default(),
        }))
    }

    /// The body that asks for a token.
    pub(super) fn form(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.client_secret.expose_secret().trim())
            .append_pair("scope", &self.scope)
            .finish()
    }

    /// The secret, for taking it out of messages.
    pub(super) fn secret(&self) -> &str {
        self.client_secret.expose_secret().trim()
    }

    /// The current token, or the one that `fetch` gets. Whoever needs one meanwhile waits for it, until `deadline`.
    ///
    /// Errors: those of `fetch`; [`Error::Unavailable`] when time runs out.
    pub(super) async fn get<F>(&self, deadline: Option<Instant>, fetch: impl FnOnce() -> F) -> Result<Arc<Token>, Error>
    where
        F: Future<Output = Result<TokenAnswer, Error>>,
    {
        if let Some(token) = self.held() {
            return Ok(token);
        }
        let wait = self.renewal.lock();
        let mut failure = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, wait)
                .await
                .map_err(|_| Error::unavailable("no answer in time"))?,
            None => wait.await,
        };
        if let Some(token) = self.held() {
            return Ok(token);
        }
        if let Some((at, error)) = &*failure
            && at.elapsed() < FAILURE_PAUSE
        {
            return Err(error.clone());
        }
        match fetch().await.and_then(|answer| Token::from_answer(&answer)) {
            Ok(token) => {
                let token = Arc::new(token);
                *failure = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
                Ok(token)
            }
            Err(error) => {
                *failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Forgets `token` after Graph refused it, unless it has been replaced already.
    pub(super) fn discard(&self, token: &Arc<Token>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|held| Arc::ptr_eq(held, token)) {
            *current = None;
        }
    }

    fn held(&self) -> Option<Arc<Token>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current
            .as_ref()
            .filter(|token| token.renew_at > Instant::now())
            .map(Arc::clone)
    }
}

impl Token {
    fn from_answer(answer: &TokenAnswer) -> Result<Self, Error> {
        let malformed = || Error::InvalidAnswer("malformed application token".to_owned());
        let seconds = (answer.expires_in.as_u64())
            .or_else(|| answer.expires_in.as_str()?.parse().ok())
            .ok_or_else(malformed)?;
        // Nobody's tokens live longer than a day; a number that overflows a clock is no lifetime.
        let lifetime = Duration::from_secs(seconds.min(86_400));
        Ok(Self {
            header: bearer(&answer.access_token).map_err(|()| malformed())?,
            renew_at: Instant::now() + lifetime.saturating_sub(RENEW_BEFORE_END.min(lifetime / 10)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{AppTokens, Config, Error, TokenAnswer};

    fn tokens(graph: &str) -> AppTokens {
        let mut config = Config::new("contoso.example", "us");
        config.client_secret = Some("s3cret&more".into());
        let graph = reqwest::Url::parse(graph).expect("a URL");
        AppTokens::new(&config, &graph).expect("good").expect("credentials")
    }

    fn answer(name: &str, seconds: u64) -> TokenAnswer {
        TokenAnswer {
            access_token: name.to_owned(),
            expires_in: seconds.into(),
        }
    }

    #[test]
    fn the_request_is_for_graph_itself_and_not_for_a_version_of_it() {
        let tokens = tokens("https://graph.microsoft.com/v1.0");
        assert_eq!(
            tokens.url.as_str(),
            "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
        );
        assert_eq!(
            tokens.form(),
            "grant_type=client_credentials&client_id=us&client_secret=s3cret%26more\
             &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        );
    }

    #[test]
    fn a_tenant_cannot_lead_to_another_place() {
        for bad in ["", "a/b", "..", "a?b", "a#b", "a@b"] {
            let mut config = Config::new(bad, "us");
            config.client_secret = Some("s".into());
            let graph = reqwest::Url::parse("http://127.0.0.1/v1.0").expect("a URL");
            assert!(
                matches!(AppTokens::new(&config, &graph), Err(Error::Config(_))),
                "{bad}"
            );
        }
    }

    #[tokio::test]
    async fn callers_who_need_a_token_together_fetch_one() {
        let tokens = Arc::new(tokens("http://127.0.0.1/v1.0"));
        let fetched = Arc::new(AtomicUsize::new(0));
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let (tokens, fetched) = (Arc::clone(&tokens), Arc::clone(&fetched));
                tokio::spawn(async move {
                    let fetch = || async {
                        fetched.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        Ok(answer("t", 3600))
                    };
                    tokens.get(None, fetch).await.expect("a token").header.clone()
                })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.expect("no panic"), "Bearer t");
        }
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_token_is_used_until_shortly_before_its_end() {
        let left = |seconds| {
            let token = super::Token::from_answer(&answer("t", seconds)).expect("a token");
            token
                .renew_at
                .saturating_duration_since(tokio::time::Instant::now())
                .saturating_add(std::time::Duration::from_millis(500))
                .as_secs()
        };
        assert_eq!((left(3600), left(100), left(0)), (3300, 90, 0));
        assert_eq!(left(u64::MAX), 86_100);
        let text = TokenAnswer {
            expires_in: "3600".into(),
            ..answer("t", 0)
        };
        assert!(super::Token::from_answer(&text).is_ok());
        let malformed = TokenAnswer {
            expires_in: "soon".into(),
            ..answer("t", 0)
        };
        assert!(matches!(
            super::Token::from_answer(&malformed),
            Err(Error::InvalidAnswer(_))
        ));
    }

    #[tokio::test]
    async fn a_failure_is_shared_for_a_moment_and_a_good_token_with_everybody() {
        let tokens = tokens("http://127.0.0.1/v1.0");
        let fails = || async { Err(Error::unavailable("down")) };
        let unasked = || async { panic!("asked again at once") };
        assert!(tokens.get(None, fails).await.is_err());
        assert!(tokens.get(None, unasked).await.is_err());
        tokio::time::sleep(super::FAILURE_PAUSE).await;
        let first = || async { Ok(answer("first", 3600)) };
        let token = tokens.get(None, first).await.expect("a token");
        assert_eq!(
            tokens.get(None, unasked).await.expect("the same").header,
            "Bearer first"
        );
        tokens.discard(&token);
        let second = || async { Ok(answer("second", 3600)) };
        assert_eq!(
            tokens.get(None, second).await.expect("a new one").header,
            "Bearer second"
        );
    }
}
