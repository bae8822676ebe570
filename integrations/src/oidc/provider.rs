//! The provider: its metadata and keys, fetched at first use and kept.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use openidconnect::{IssuerUrl, ProviderMetadataWithLogout, RedirectUrl};
use reqwest::{Client, Url};
use tokio::sync::Mutex;

use super::config::Config;
use super::error::Error;
use super::keys::{KeySet, Keys};
use crate::http_client::{self, BodyError};

/// Metadata this old is read again.
const FRESH_FOR: Duration = Duration::from_hours(1);
/// Failed discovery is not repeated sooner, however many callers wait for it.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// Documents of a provider are a few KiB.
pub(super) const LARGEST_DOCUMENT: usize = 1024 * 1024;

/// An OpenID provider. Clones share metadata, keys and connections.
#[derive(Clone)]
pub struct Provider {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub config: Config,
    pub issuer: IssuerUrl,
    pub redirect_url: RedirectUrl,
    pub http: Client,
    pub keys: Keys,
    metadata: RwLock<Option<(Instant, Arc<ProviderMetadataWithLogout>)>>,
    discovery: Mutex<Option<(Instant, Error)>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("issuer", &self.inner.config.issuer)
            .finish_non_exhaustive()
    }
}

impl Provider {
    /// Checks the configuration; does not touch the network.
    ///
    /// Errors: [`Error::Config`].
    pub fn new(config: Config) -> Result<Self, Error> {
        let base = http_client::parse_base_url("the OpenID issuer", &config.issuer).map_err(Error::Config)?;
        let issuer = IssuerUrl::new(config.issuer.clone())
            .map_err(|error| Error::Config(format!("the OpenID issuer is not a URL: {error}")))?;
        let redirect_url = RedirectUrl::new(config.redirect_url.clone())
            .map_err(|error| Error::Config(format!("the OpenID redirect URL is not a URL: {error}")))?;
        if config.client_id.is_empty() {
            return Err(Error::Config("the OpenID client id is empty".into()));
        }
        if config.audience.as_deref() == Some("") {
            return Err(Error::Config("the OpenID audience is empty".into()));
        }
        if config.groups_claim.as_deref() == Some("") {
            return Err(Error::Config("the name of the OpenID groups claim is empty".into()));
        }
        let http = http_client::build(&base, config.timeout).map_err(Error::Config)?;
        Ok(Self {
            inner: Arc::new(Inner {
                issuer,
                redirect_url,
                http,
                keys: Keys::default(),
                metadata: RwLock::new(None),
                discovery: Mutex::new(None),
                config,
            }),
        })
    }

    /// The configured issuer, which is also the `issuer` of every [`Identity`](super::Identity) from here.
    pub fn issuer(&self) -> &str {
        &self.inner.config.issuer
    }

    /// The claim with groups, where the operator named one.
    pub(super) fn groups_claim(&self) -> Option<&str> {
        self.inner.config.groups_claim.as_deref()
    }

    /// Where to send a browser so that the person is signed out at the provider, too; `None` if the provider has no
    /// such page (RP-Initiated Logout 1.0). `return_to` has to be registered with the provider.
    ///
    /// Errors: [`Error::Discovery`].
    pub async fn end_session_url(&self, return_to: &str) -> Result<Option<String>, Error> {
        let metadata = self.metadata().await?;
        let endpoint = metadata.additional_metadata().end_session_endpoint.as_ref();
        Ok(endpoint.map(|endpoint| {
            let mut url = endpoint.url().clone();
            url.query_pairs_mut()
                .append_pair("client_id", &self.inner.config.client_id)
                .append_pair("post_logout_redirect_uri", return_to);
            url.into()
        }))
    }

    /// The provider's metadata, discovered at first use, again when old, and again after a failure. Old metadata is
    /// used while discovery fails.
    pub(super) async fn metadata(&self) -> Result<Arc<ProviderMetadataWithLogout>, Error> {
        if let Some(metadata) = self.held_metadata(Some(FRESH_FOR)) {
            return Ok(metadata);
        }
        let mut failure = self.inner.discovery.lock().await;
        if let Some(metadata) = self.held_metadata(Some(FRESH_FOR)) {
            return Ok(metadata);
        }
        let recent = failure.take_if(|(at, _)| at.elapsed() < FAILURE_PAUSE);
        let result = match recent {
            Some((at, error)) => Err((at, error)),
            None => self.discover().await.map_err(|error| {
                tracing::warn!(%error, "the OpenID provider could not be discovered");
                (Instant::now(), error)
            }),
        };
        match result {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *failure = None;
                *self.inner.metadata.write().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), Arc::clone(&metadata)));
                Ok(metadata)
            }
            Err((at, error)) => {
                *failure = Some((at, error.clone()));
                self.held_metadata(None).ok_or(error)
            }
        }
    }

    /// The provider's keys, for either kind of token.
    ///
    /// Errors: [`Error::Jwks`], also when discovery is what fails.
    pub(super) async fn keys(&self) -> Result<Arc<KeySet>, Error> {
        self.inner.keys.get(|| self.fetch_keys()).await
    }

    /// Keys that may know more than `known`; see [`Keys::newer_than`].
    pub(super) async fn newer_keys(&self, known: &Arc<KeySet>) -> Arc<KeySet> {
        self.inner.keys.newer_than(known, || self.fetch_keys()).await
    }

    async fn fetch_keys(&self) -> Result<KeySet, Error> {
        let metadata = match self.metadata().await {
            Err(Error::Discovery(why)) => return Err(Error::Jwks(why)),
            other => other?,
        };
        let document = self
            .get_document(metadata.jwks_uri().url())
            .await
            .map_err(Error::Jwks)?;
        KeySet::parse(&document).map_err(Error::Jwks)
    }

    async fn discover(&self) -> Result<ProviderMetadataWithLogout, Error> {
        let issuer = self.issuer();
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|error| Error::Discovery(error.to_string()))?;
        let document = self.get_document(&url).await.map_err(Error::Discovery)?;
        let metadata: ProviderMetadataWithLogout = serde_json::from_slice(&document)
            .map_err(|error| Error::Discovery(format!("{url} is not OpenID metadata: {error}")))?;
        if metadata.issuer() != &self.inner.issuer {
            let theirs = http_client::tidy(metadata.issuer());
            return Err(Error::Discovery(format!(
                "the provider calls itself `{theirs}`, not `{issuer}`"
            )));
        }
        Ok(metadata)
    }

    async fn get_document(&self, url: &Url) -> Result<Vec<u8>, String> {
        let request = self.inner.http.get(url.clone()).header("accept", "application/json");
        let response = request
            .send()
            .await
            .map_err(|error| format!("{url}: {}", http_client::describe(error)))?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("{url} answered {}", response.status()));
        }
        http_client::read_body(response, LARGEST_DOCUMENT)
            .await
            .map_err(|error| match error {
                BodyError::TooLarge => format!("{url} is too large"),
                BodyError::Lost(why) => format!("{url}: {why}"),
            })
    }

    fn held_metadata(&self, younger_than: Option<Duration>) -> Option<Arc<ProviderMetadataWithLogout>> {
        let held = self.inner.metadata.read().unwrap_or_else(PoisonError::into_inner);
        let (at, metadata) = held.as_ref()?;
        younger_than
            .is_none_or(|age| at.elapsed() < age)
            .then(|| Arc::clone(metadata))
    }
}
