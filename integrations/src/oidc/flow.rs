//! The authorization code flow: to the provider and back.

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenClaims, IdTokenFields, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, ProviderMetadataWithLogout, RequestTokenError, Scope,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims,
};
use secrecy::ExposeSecret;

use super::error::Error;
use super::exchange::{Exchange, ExchangeError};
use super::identity::{ExtraClaims, Identity};
use super::keys::KeySet;
use super::login::{Login, PendingLogin};
use super::provider::Provider;
use crate::http_client::tidy;

type Tokens = StandardTokenResponse<
    IdTokenFields<
        ExtraClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
type TokenRefusal = StandardErrorResponse<CoreErrorResponseType>;
type Claims = IdTokenClaims<ExtraClaims, CoreGenderClaim>;

/// `openidconnect`'s `CoreClient` with our claims, made from discovered metadata.
type OidcClient = Client<
    ExtraClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    TokenRefusal,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What ID tokens may be signed with, whatever the provider says it supports: asymmetric only.
fn id_token_algorithms() -> [CoreJwsSigningAlgorithm; 9] {
    use CoreJwsSigningAlgorithm as A;
    [
        A::RsaSsaPkcs1V15Sha256,
        A::RsaSsaPkcs1V15Sha384,
        A::RsaSsaPkcs1V15Sha512,
        A::RsaSsaPssSha256,
        A::RsaSsaPssSha384,
        A::RsaSsaPssSha512,
        A::EcdsaP256Sha256,
        A::EcdsaP384Sha384,
        A::EdDsa,
    ]
}

impl Provider {
    /// Begins a sign-in with fresh state, nonce and PKCE verifier.
    ///
    /// Errors: [`Error::Discovery`].
    #[tracing::instrument(skip_all, fields(issuer = self.issuer()))]
    pub async fn begin(&self) -> Result<Login, Error> {
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, None);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = self.inner.config.scopes.iter().filter(|scope| *scope != "openid");
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(scopes.cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Login {
            url: url.into(),
            pending: PendingLogin::new(&state, &nonce, &verifier),
        })
    }

    /// Exchanges the code for tokens and verifies the ID token: signature, issuer, audience, expiry, nonce.
    /// The caller has checked [`PendingLogin::matches_state`], and removed `pending` from the session.
    ///
    /// What the ID token does not tell about email, name and groups is read from the userinfo endpoint, if there is one.
    ///
    /// Errors: [`Error::Expired`]; [`Error::Refused`] for a code that is not good; [`Error::Token`] for an ID token
    /// that is not; [`Error::Discovery`], [`Error::Jwks`] or [`Error::Unavailable`] when the provider cannot be asked.
    #[tracing::instrument(skip_all, fields(issuer = self.issuer()))]
    pub async fn complete(&self, pending: &PendingLogin, code: &str) -> Result<Identity, Error> {
        if pending.is_expired() {
            return Err(Error::Expired);
        }
        let metadata = self.metadata().await?;
        // Before the exchange: a code works once, and should not be spent when its tokens could not be verified.
        let keys = self.keys().await?;
        let client = self.client(&metadata, Some(&keys));
        let http = Exchange(self.inner.http.clone());
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| Error::Discovery(error.to_string()))?
            .set_pkce_verifier(pending.pkce_verifier())
            .request_async(&http)
            .await
            .map_err(token_error)?;
        let claims = match verify(&client, &tokens, &pending.nonce()) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let client = self.client(&metadata, Some(&*self.newer_keys(&keys).await));
                verify(&client, &tokens, &pending.nonce())
            }
            result => result,
        }
        .map_err(|error| Error::Token(verification_error(&error)))?;
        let mut identity = self.identity(&claims);
        identity.access_token = Some(tokens.access_token().secret().clone().into());
        let without_groups = self.groups_claim().is_some() && !identity.groups_given;
        if identity.email.is_none() || identity.name.is_none() || without_groups {
            self.add_user_info(&client, tokens.access_token(), &claims, &mut identity)
                .await?;
        }
        Ok(identity)
    }

    fn client(&self, metadata: &ProviderMetadataWithLogout, keys: Option<&KeySet>) -> OidcClient {
        let config = &self.inner.config;
        let secret = config.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let mut metadata = metadata.clone();
        if let Some(keys) = keys {
            metadata = metadata.set_jwks(keys.for_id_tokens.clone());
        }
        let methods = metadata.token_endpoint_auth_methods_supported();
        let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let auth_type = if basic {
            AuthType::BasicAuth
        } else {
            AuthType::RequestBody
        };
        OidcClient::from_provider_metadata(metadata, ClientId::new(config.client_id.clone()), secret)
            .set_auth_type(auth_type)
            .set_redirect_uri(self.inner.redirect_url.clone())
    }

    fn identity(&self, claims: &Claims) -> Identity {
        let extra = claims.additional_claims();
        let groups = extra.groups(self.groups_claim());
        Identity {
            issuer: self.issuer().to_owned(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified().unwrap_or(false) || extra.domain_owner_verified(),
            email_denied: claims.email_verified() == Some(false) && !extra.domain_owner_verified(),
            preferred_username: claims.preferred_username().map(|name| name.to_string()),
            name: claims
                .name()
                .and_then(|name| name.get(None))
                .map(|name| name.to_string()),
            directory_id: extra.text("oid").map(str::to_owned),
            groups: groups.names,
            groups_given: groups.given,
            groups_overage: groups.overage,
            roles: extra.texts("roles"),
            access_token: None,
            team_id: extra.text("team_id").map(str::to_owned),
            client_credentials: extra.client_credentials(),
            expires_at: claims.expiration().into(),
        }
    }

    /// Fills in what the ID token left out. Without an email from either, a failure to ask counts: to go on without
    /// would make a second account of somebody whom we know by their address.
    async fn add_user_info(
        &self,
        client: &OidcClient,
        access_token: &AccessToken,
        claims: &Claims,
        identity: &mut Identity,
    ) -> Result<(), Error> {
        let Ok(request) = client.user_info(access_token.clone(), Some(claims.subject().clone())) else {
            return Ok(()); // no such endpoint
        };
        let http = Exchange(self.inner.http.clone());
        let info: Result<UserInfoClaims<ExtraClaims, CoreGenderClaim>, _> = request.request_async(&http).await;
        let info = match info {
            Ok(info) => info,
            Err(error) if identity.email.is_some() => {
                tracing::warn!(error = %tidy(&error.to_string()), "userinfo could not be read; what it tells stays unknown");
                return Ok(());
            }
            Err(error) => return Err(Error::Unavailable(format!("userinfo: {}", tidy(&error.to_string())))),
        };
        if identity.email.is_none() {
            identity.email = info.email().map(|email| email.to_string());
            // Said together with the address, or not at all.
            identity.email_verified = identity.email.is_some() && info.email_verified().unwrap_or(false);
            identity.email_denied = identity.email.is_some() && info.email_verified() == Some(false);
        }
        if identity.name.is_none() {
            identity.name = info.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        }
        if identity.preferred_username.is_none() {
            identity.preferred_username = info.preferred_username().map(|name| name.to_string());
        }
        let extra = info.additional_claims();
        if !identity.groups_given {
            let groups = extra.groups(self.groups_claim());
            identity.groups = groups.names;
            identity.groups_given = groups.given;
            identity.groups_overage |= groups.overage;
        }
        if identity.directory_id.is_none() {
            identity.directory_id = extra.text("oid").map(str::to_owned);
        }
        Ok(())
    }
}

fn verify(client: &OidcClient, tokens: &Tokens, nonce: &Nonce) -> Result<Claims, ClaimsVerificationError> {
    let id_token = tokens
        .id_token()
        .ok_or_else(|| ClaimsVerificationError::Other("the provider sent no ID token".into()))?;
    let verifier = client.id_token_verifier().set_allowed_algs(id_token_algorithms());
    id_token.claims(&verifier, nonce).cloned()
}

fn token_error(error: RequestTokenError<ExchangeError, TokenRefusal>) -> Error {
    match error {
        RequestTokenError::ServerResponse(refusal) => {
            let description = refusal.error_description().map(String::as_str);
            Error::from_callback(refusal.error().as_ref(), description)
        }
        RequestTokenError::Request(error) => Error::Unavailable(error.0),
        // The body may hold tokens: not a word of it.
        RequestTokenError::Parse(..) => Error::Unavailable("its answer to the code cannot be read".into()),
        RequestTokenError::Other(why) => Error::Unavailable(tidy(&why)),
    }
}

/// The library's words, with the cause of a wrong signature.
fn verification_error(error: &ClaimsVerificationError) -> String {
    tidy(&match error {
        ClaimsVerificationError::SignatureVerification(cause) => format!("{error}: {cause}"),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::{PendingLogin, Provider};

    /// Handlers need futures that can move between threads.
    #[test]
    fn futures_are_send() {
        fn assert_send<T: Send>(_: fn(Provider, PendingLogin) -> T) {}
        assert_send(|provider, pending| async move {
            let _ = provider.begin().await;
            let _ = provider.complete(&pending, "").await;
            let _ = provider.verify_bearer("").await;
        });
    }
}
