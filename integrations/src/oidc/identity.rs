//! Who somebody is, according to the provider.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize};

/// A person or a machine client, as verified. `(issuer, subject)` is the only lasting name; everything else may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who says so: the provider's issuer (`iss`).
    pub issuer: String,
    /// The provider's name for them (`sub`).
    pub subject: String,
    /// Their address, if the provider tells it.
    pub email: Option<String>,
    /// Whether the provider vouches that the address is theirs. Never join accounts by an address without this.
    pub email_verified: bool,
    /// A name they chose for signing in. Not unique, not lasting.
    pub preferred_username: Option<String>,
    /// Their full name.
    pub name: Option<String>,
    /// The groups the provider puts them in (`groups`).
    pub groups: Vec<String>,
    /// The team a token is bound to (`team_id`).
    pub team_id: Option<String>,
    /// Whether this is a machine client (`gty` is `client-credentials`), not a person.
    pub client_credentials: bool,
    /// When the token ends. For a sign-in: the ID token, which says nothing about how long our session may last.
    pub expires_at: SystemTime,
}

/// The claims that OpenID does not standardise, and that `openidconnect` therefore does not know.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct ExtraClaims {
    #[serde(deserialize_with = "one_or_many")]
    pub groups: Vec<String>,
    #[serde(deserialize_with = "text")]
    pub team_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub gty: Option<String>,
}

impl ExtraClaims {
    /// Whether the grant type says that nobody is behind this token but a program.
    pub(super) fn client_credentials(&self) -> bool {
        matches!(self.gty.as_deref(), Some("client-credentials" | "client_credentials"))
    }
}

impl openidconnect::AdditionalClaims for ExtraClaims {}

/// The claims of a bearer JWT. `iss`, `aud`, `exp` and `nbf` are judged by `jsonwebtoken` on the same bytes.
#[derive(Deserialize)]
pub(super) struct BearerClaims {
    pub sub: String,
    pub exp: f64,
    #[serde(default, deserialize_with = "text")]
    pub email: Option<String>,
    #[serde(default, deserialize_with = "boolean")]
    pub email_verified: bool,
    #[serde(default, deserialize_with = "text")]
    pub preferred_username: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(flatten)]
    pub extra: ExtraClaims,
}

impl BearerClaims {
    pub(super) fn into_identity(self, issuer: &str) -> Identity {
        Identity {
            issuer: issuer.to_owned(),
            subject: self.sub,
            email: self.email,
            email_verified: self.email_verified,
            preferred_username: self.preferred_username,
            name: self.name,
            client_credentials: self.extra.client_credentials(),
            groups: self.extra.groups,
            team_id: self.extra.team_id,
            expires_at: Duration::try_from_secs_f64(self.exp)
                .ok()
                .and_then(|exp| UNIX_EPOCH.checked_add(exp))
                .unwrap_or(UNIX_EPOCH),
        }
    }
}

/// A string; anything else counts as absent, since providers put what they like into claims of their own.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) if !text.is_empty() => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// `true`, or the `"true"` that Amazon Cognito sends.
fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value == true || value == "true")
}

/// A list of strings, or one string.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(one) => vec![one],
        serde_json::Value::Array(many) => many.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::BearerClaims;

    fn identity(claims: serde_json::Value) -> super::Identity {
        let claims: BearerClaims = serde_json::from_value(claims).expect("claims");
        claims.into_identity("https://id.example")
    }

    #[test]
    fn odd_claims_count_as_absent_and_never_as_verified() {
        let odd = identity(serde_json::json!({
            "sub": "s", "exp": 5.5, "email": 7, "email_verified": 1, "groups": [1, "a"], "team_id": {}, "gty": ["x"],
        }));
        assert_eq!((odd.email, odd.email_verified, odd.team_id), (None, false, None));
        assert_eq!((odd.groups, odd.client_credentials), (vec!["a".to_owned()], false));
    }

    #[test]
    fn cognito_and_auth0_are_understood() {
        let known = identity(serde_json::json!({
            "sub": "s", "exp": 5, "email_verified": "true", "groups": "a", "gty": "client-credentials", "team_id": "t",
        }));
        assert!(known.email_verified && known.client_credentials);
        assert_eq!(
            (known.groups, known.team_id),
            (vec!["a".to_owned()], Some("t".to_owned()))
        );
    }
}
