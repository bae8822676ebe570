//! Installation tokens of a GitHub App: minted with a short-lived signed JWT, shared by all calls, renewed in time.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::sync::Mutex;

use super::error::Error;
use super::model::InstallationToken;

/// A token this close to its end is replaced before it is used again.
const RENEW_BEFORE_EXPIRY: Duration = Duration::from_mins(5);
/// A token this close to its end is not used at all.
const UNUSABLE_BEFORE_EXPIRY: Duration = Duration::from_secs(15);
/// While the old token still works, a failed renewal is not repeated sooner than this.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);
/// GitHub's limit is 10 minutes, counted by its own clock.
const JWT_LIFETIME_SECONDS: u64 = 9 * 60;
/// Dated back, in case our clock is ahead of GitHub's.
const JWT_BACKDATE_SECONDS: u64 = 60;

/// Signs the App's JWTs and keeps the current installation token.
pub(super) struct AppTokens {
    app_id: u64,
    installation_id: u64,
    key: EncodingKey,
    current: RwLock<Option<Arc<Token>>>,
    /// Held while a token is fetched, so that callers who need one together fetch one; remembers the last failure.
    renewal: Mutex<Option<Instant>>,
}

/// An installation token, ready to send.
pub(super) struct Token {
    /// `Bearer …`, marked sensitive.
    pub header: HeaderValue,
    expires_at: SystemTime,
}

#[derive(Serialize)]
struct AppClaims {
    iat: u64,
    exp: u64,
    iss: String,
}

impl Token {
    fn from_answer(answer: &InstallationToken) -> Result<Self, Error> {
        Ok(Self {
            header: bearer(&answer.token)
                .map_err(|()| Error::InvalidResponse("malformed installation token".into()))?,
            expires_at: answer.expires_at.into(),
        })
    }

    /// Whether it is good for at least `margin` from now.
    fn lasts(&self, margin: Duration) -> bool {
        self.expires_at > SystemTime::now() + margin
    }
}

impl AppTokens {
    /// Checks the key by signing with it once.
    ///
    /// Errors: [`Error::Config`] for a key that is no RSA private key in PEM.
    pub(super) fn new(app_id: u64, installation_id: u64, private_key_pem: &SecretString) -> Result<Self, Error> {
        let key = EncodingKey::from_rsa_pem(private_key_pem.expose_secret().as_bytes())
            .map_err(|_| Error::Config("the App's private key is not an RSA key in PEM format".into()))?;
        let tokens = Self {
            app_id,
            installation_id,
            key,
            current: RwLock::new(None),
            renewal: Mutex::new(None),
        };
        tokens.sign_app_jwt()?;
        Ok(tokens)
    }

    /// Where installation tokens come from, below the API's base URL.
    pub(super) fn path(&self) -> String {
        format!("app/installations/{}/access_tokens", self.installation_id)
    }

    /// The current token, or the one that `mint` fetches with a fresh App JWT.
    ///
    /// A renewal that fails while the old token still works is logged, and the old token used.
    /// Errors: those of `mint`.
    pub(super) async fn get<M, F>(&self, mint: M) -> Result<Arc<Token>, Error>
    where
        M: FnOnce(HeaderValue) -> F,
        F: Future<Output = Result<InstallationToken, Error>>,
    {
        if let Some(token) = self.cached(RENEW_BEFORE_EXPIRY) {
            return Ok(token);
        }
        let mut last_failure = self.renewal.lock().await;
        if let Some(token) = self.cached(RENEW_BEFORE_EXPIRY) {
            return Ok(token);
        }
        let usable = self.cached(UNUSABLE_BEFORE_EXPIRY);
        if let (Some(token), Some(failed)) = (&usable, *last_failure)
            && failed.elapsed() < RENEWAL_PAUSE
        {
            return Ok(Arc::clone(token));
        }
        match mint(self.sign_app_jwt()?)
            .await
            .and_then(|answer| Token::from_answer(&answer))
        {
            Ok(token) => {
                let token = Arc::new(token);
                *last_failure = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
                Ok(token)
            }
            Err(error) => {
                *last_failure = Some(Instant::now());
                let Some(token) = usable else { return Err(error) };
                tracing::warn!(%error, "the GitHub installation token could not be renewed yet");
                Ok(token)
            }
        }
    }

    /// Forgets `token` after GitHub refused it, unless it has been replaced already.
    pub(super) fn discard(&self, token: &Arc<Token>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|held| Arc::ptr_eq(held, token)) {
            *current = None;
        }
    }

    fn cached(&self, margin: Duration) -> Option<Arc<Token>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|token| token.lasts(margin)).cloned()
    }

    fn sign_app_jwt(&self) -> Result<HeaderValue, Error> {
        let now = jsonwebtoken::get_current_timestamp();
        let claims = AppClaims {
            iat: now - JWT_BACKDATE_SECONDS,
            exp: now + JWT_LIFETIME_SECONDS,
            iss: self.app_id.to_string(),
        };
        let jwt = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .map_err(|_| Error::Config("the App's private key cannot sign: it is not an RSA private key".into()))?;
        bearer(&jwt).map_err(|()| Error::Config("the App's JWT cannot be sent".into()))
    }
}

/// `Bearer …` as a header value that does not show in `Debug`.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, ()> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ())?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::{AppTokens, Error, InstallationToken};

    fn tokens() -> AppTokens {
        AppTokens::new(1, 2, &simulators::TEST_RSA_PRIVATE_KEY.into()).expect("the test key is good")
    }

    fn answer(name: &str, lifetime: Duration) -> InstallationToken {
        InstallationToken {
            token: name.to_owned(),
            expires_at: (std::time::SystemTime::now() + lifetime).into(),
        }
    }

    #[tokio::test]
    async fn callers_who_need_a_token_together_fetch_one() {
        let tokens = Arc::new(tokens());
        let minted = Arc::new(AtomicUsize::new(0));
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let (tokens, minted) = (Arc::clone(&tokens), Arc::clone(&minted));
                tokio::spawn(async move {
                    let mint = |_| async {
                        minted.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        Ok(answer("t", Duration::from_hours(1)))
                    };
                    tokens.get(mint).await.expect("a token").header.clone()
                })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.expect("no panic"), "Bearer t");
        }
        assert_eq!(minted.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_token_is_renewed_five_minutes_before_its_end() {
        let tokens = tokens();
        let first = |_| async { Ok(answer("first", Duration::from_secs(299))) };
        tokens.get(first).await.expect("a token");
        let second = |_| async { Ok(answer("second", Duration::from_secs(310))) };
        assert_eq!(tokens.get(second).await.expect("a token").header, "Bearer second");
        let third = |_| async { Ok(answer("third", Duration::from_hours(1))) };
        assert_eq!(tokens.get(third).await.expect("a token").header, "Bearer second");
    }

    #[tokio::test]
    async fn a_failed_renewal_leaves_the_old_token_in_use_and_pauses() {
        let tokens = tokens();
        let first = |_| async { Ok(answer("first", Duration::from_secs(200))) };
        tokens.get(first).await.expect("a token");
        let fails = |_| async { Err(Error::Unreachable("down".into())) };
        assert_eq!(tokens.get(fails).await.expect("the old one").header, "Bearer first");
        let unasked = |_| async { panic!("asked again at once") };
        assert_eq!(tokens.get(unasked).await.expect("the old one").header, "Bearer first");
    }

    #[tokio::test]
    async fn an_expired_token_is_not_used_when_renewal_fails() {
        let tokens = tokens();
        let first = |_| async { Ok(answer("first", Duration::from_secs(5))) };
        tokens.get(first).await.expect("a token");
        let fails = |_| async { Err(Error::Unreachable("down".into())) };
        assert!(matches!(tokens.get(fails).await, Err(Error::Unreachable(_))));
    }
}
