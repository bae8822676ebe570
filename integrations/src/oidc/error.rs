//! What can go wrong between us, the provider and the person.

use crate::http_client::tidy;

/// Why a sign-in or a token was not accepted. Messages are one line and hold no token, code or secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is wrong; found by [`Provider::new`](super::Provider::new).
    #[error("OpenID configuration: {0}")]
    Config(String),
    /// The provider's metadata could not be read. Try again later.
    #[error("OpenID discovery failed: {0}")]
    Discovery(String),
    /// The provider's keys could not be read, so no token can be judged. Try again later (503).
    #[error("Failed to fetch JWKS: {0}")]
    Jwks(String),
    /// The token is not acceptable (401).
    #[error("Token validation failed: {0}")]
    Token(String),
    /// The person, or the provider on their behalf, declined.
    #[error("Sign-in was declined: {0}")]
    Denied(String),
    /// The provider refused the sign-in for another reason, such as a code that is used, expired or not ours.
    #[error("The identity provider refused the sign-in: {0}")]
    Refused(String),
    /// The provider failed while the code was exchanged or the person looked up. Sign in again.
    #[error("The identity provider could not be asked: {0}")]
    Unavailable(String),
    /// The sign-in was begun too long ago. Sign in again.
    #[error("The sign-in took too long")]
    Expired,
}

impl Error {
    /// The meaning of `?error=…&error_description=…` on our callback.
    pub fn from_callback(error: &str, description: Option<&str>) -> Self {
        let message = match description {
            Some(description) if !description.is_empty() => format!("{} ({})", tidy(description), tidy(error)),
            _ => tidy(error),
        };
        match error {
            "access_denied" | "login_required" | "interaction_required" | "consent_required" => Self::Denied(message),
            "server_error" | "temporarily_unavailable" => Self::Unavailable(message),
            _ => Self::Refused(message),
        }
    }

    /// Whether the provider, not the person or the token, is at fault: answer 503 rather than 401.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Discovery(_) | Self::Jwks(_) | Self::Unavailable(_))
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn callbacks_are_sorted_and_tidied() {
        let denied = Error::from_callback("access_denied", Some("No\nthanks"));
        assert_eq!(denied, Error::Denied("No thanks (access_denied)".into()));
        assert!(Error::from_callback("temporarily_unavailable", None).is_unavailable());
        let refused = Error::from_callback("invalid_scope", None);
        assert_eq!(refused, Error::Refused("invalid_scope".into()));
    }

    #[test]
    fn messages_are_the_seeds() {
        assert_eq!(Error::Jwks("x".into()).to_string(), "Failed to fetch JWKS: x");
        assert_eq!(Error::Token("x".into()).to_string(), "Token validation failed: x");
    }
}
