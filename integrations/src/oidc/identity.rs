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
    /// Whether this is a machine client, not a person: Auth0's `gty` is `client-credentials`, Entra's `idtyp` is `app`, or
    /// it is a service account of Keycloak's.
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
    #[serde(deserialize_with = "text")]
    pub idtyp: Option<String>,
    /// Keycloak's name for the client of a service account.
    #[serde(deserialize_with = "text")]
    pub client_id: Option<String>,
    /// The same before its version 21. Not an alias: a realm that was upgraded may send both.
    #[serde(rename = "clientId", deserialize_with = "text")]
    pub client_id_before_21: Option<String>,
}

impl ExtraClaims {
    /// Whether the provider says outright that nobody is behind this token but a program.
    pub(super) fn client_credentials(&self) -> bool {
        matches!(self.gty.as_deref(), Some("client-credentials" | "client_credentials"))
            || self.idtyp.as_deref() == Some("app")
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
    /// Whether this is a service account of Keycloak's. It says so by a user name that is made from the client's: the
    /// client's own name alone is in the tokens of people too, with other providers. Who has an address is a person.
    fn service_account(&self) -> bool {
        let Some(name) = self.preferred_username.as_deref() else {
            return false;
        };
        let Some(name) = name.strip_prefix("service-account-") else {
            return false;
        };
        let mut ids = [&self.extra.client_id, &self.extra.client_id_before_21]
            .into_iter()
            .flatten();
        self.email.is_none() && ids.any(|id| id.eq_ignore_ascii_case(name))
    }

    pub(super) fn into_identity(self, issuer: &str) -> Identity {
        let client_credentials = self.extra.client_credentials() || self.service_account();
        Identity {
            issuer: issuer.to_owned(),
            subject: self.sub,
            email: self.email,
            email_verified: self.email_verified,
            preferred_username: self.preferred_username,
            name: self.name,
            client_credentials,
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

    #[test]
    fn b27_programs_of_entra_and_keycloak_are_told_from_people() {
        let program = |claims: serde_json::Value| identity(claims).client_credentials;
        assert!(program(serde_json::json!({"sub": "s", "exp": 5, "idtyp": "app"})));
        for key in ["client_id", "clientId"] {
            let claims =
                serde_json::json!({"sub": "s", "exp": 5, "preferred_username": "service-account-ci", key: "CI"});
            assert!(program(claims), "{key}");
        }
        // A realm that was upgraded sends both.
        assert!(program(serde_json::json!({
            "sub": "s", "exp": 5, "preferred_username": "service-account-ci", "client_id": "ci", "clientId": "ci",
        })));
        for person in [
            serde_json::json!({"sub": "s", "exp": 5, "idtyp": "user"}),
            serde_json::json!({"sub": "s", "exp": 5, "azp": "ci", "client_id": "ci", "preferred_username": "ada"}),
            serde_json::json!({"sub": "s", "exp": 5, "preferred_username": "service-account-ci"}),
            serde_json::json!({"sub": "s", "exp": 5, "preferred_username": "service-account-ci", "client_id": "other"}),
            serde_json::json!({
                "sub": "s", "exp": 5, "preferred_username": "service-account-ci", "client_id": "ci",
                "email": "ada@example.com",
            }),
        ] {
            assert!(!program(person.clone()), "{person}");
        }
    }
}
