//! Who somebody is, according to the provider.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Where groups are, unless told otherwise.
const USUAL_GROUPS_CLAIM: &str = "groups";

/// A person or a machine client, as verified. `(issuer, subject)` is the only lasting name; everything else may change.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who says so: the provider's issuer (`iss`).
    pub issuer: String,
    /// The provider's name for them (`sub`).
    pub subject: String,
    /// Their address, if the provider tells it.
    pub email: Option<String>,
    /// Whether the provider vouches that the address is theirs. Never join accounts by an address without this.
    pub email_verified: bool,
    /// Whether the provider says outright that the address is not verified (`email_verified: false`). Many say neither.
    pub email_denied: bool,
    /// A name they chose for signing in. Not unique, not lasting.
    pub preferred_username: Option<String>,
    /// Their full name.
    pub name: Option<String>,
    /// Entra's lasting name for them in the directory (`oid`), the same for every application.
    pub directory_id: Option<String>,
    /// The groups the provider puts them in (`groups`, or the configured claim). Not worth anything by itself: see
    /// [`groups_given`](Self::groups_given) and [`groups_overage`](Self::groups_overage).
    pub groups: Vec<String>,
    /// Whether the provider spoke of groups at all. If not, an empty list says nothing; if so, it says "none".
    pub groups_given: bool,
    /// Whether the person has groups that are not among [`groups`](Self::groups): Entra leaves all of them out when they
    /// are more than 200, and an entry that is no text cannot be told.
    pub groups_overage: bool,
    /// The roles that our application gives them (`roles`), by their value.
    pub roles: Vec<String>,
    /// Of a sign-in: what the person's own data can be asked with, such as Microsoft Graph.
    pub access_token: Option<SecretString>,
    /// The team a token is bound to (`team_id`).
    pub team_id: Option<String>,
    /// Whether this is a machine client, not a person: Auth0's `gty` is `client-credentials`, Entra's `idtyp` is `app`, or
    /// it is a service account of Keycloak's.
    pub client_credentials: bool,
    /// When the token ends. For a sign-in: the ID token, which says nothing about how long our session may last.
    pub expires_at: SystemTime,
}

/// The claims that OpenID does not standardise, and that `openidconnect` therefore does not know. What has another type
/// than expected counts as absent, since providers put what they like into claims of their own.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct ExtraClaims(Map<String, Value>);

/// What a token says about groups.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ToldGroups {
    pub names: Vec<String>,
    pub given: bool,
    pub overage: bool,
}

impl ExtraClaims {
    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.0.get(name).and_then(one_or_many).unwrap_or_default().0
    }

    /// The groups, in the claim of that name, or below claims with dots between the levels.
    pub(super) fn groups(&self, claim: Option<&str>) -> ToldGroups {
        let claim = claim.unwrap_or(USUAL_GROUPS_CLAIM);
        let told = self.find(claim).and_then(one_or_many);
        let given = told.is_some();
        let (names, whole) = told.unwrap_or((Vec::new(), true));
        // Entra: "the groups are elsewhere", in the code flow and in the implicit one.
        let elsewhere = (self.0.get("_claim_names")).is_some_and(|names| names.get(claim).is_some())
            || self.0.get("hasgroups").is_some_and(is_true);
        ToldGroups {
            names,
            given,
            overage: elsewhere || !whole,
        }
    }

    /// A claim by its whole name, which may have dots itself; else level by level.
    fn find(&self, path: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(path) {
            return Some(value);
        }
        let mut levels = path.split('.');
        let first = self.0.get(levels.next()?)?;
        levels.try_fold(first, |value, level| value.get(level))
    }

    /// Whether the provider says outright that nobody is behind this token but a program.
    pub(super) fn client_credentials(&self) -> bool {
        matches!(self.text("gty"), Some("client-credentials" | "client_credentials"))
            || self.text("idtyp") == Some("app")
    }

    /// Whether Entra vouches that the person's organization owns the domain of their address (`xms_edov`), for it sends no
    /// `email_verified`.
    pub(super) fn domain_owner_verified(&self) -> bool {
        self.0
            .get("xms_edov")
            .is_some_and(|value| is_true(value) || *value == 1 || *value == "1")
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
    pub email_verified: Option<bool>,
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
        // The second is Keycloak's before its version 21. A realm that was upgraded may send both.
        let mut ids = ["client_id", "clientId"]
            .into_iter()
            .filter_map(|id| self.extra.text(id));
        self.email.is_none() && ids.any(|id| id.eq_ignore_ascii_case(name))
    }

    pub(super) fn into_identity(self, issuer: &str, groups_claim: Option<&str>) -> Identity {
        let client_credentials = self.extra.client_credentials() || self.service_account();
        let groups = self.extra.groups(groups_claim);
        Identity {
            issuer: issuer.to_owned(),
            subject: self.sub,
            email: self.email,
            email_verified: self.email_verified == Some(true) || self.extra.domain_owner_verified(),
            email_denied: self.email_verified == Some(false) && !self.extra.domain_owner_verified(),
            preferred_username: self.preferred_username,
            name: self.name,
            client_credentials,
            directory_id: self.extra.text("oid").map(str::to_owned),
            groups: groups.names,
            groups_given: groups.given,
            groups_overage: groups.overage,
            roles: self.extra.texts("roles"),
            access_token: None,
            team_id: self.extra.text("team_id").map(str::to_owned),
            expires_at: Duration::try_from_secs_f64(self.exp)
                .ok()
                .and_then(|exp| UNIX_EPOCH.checked_add(exp))
                .unwrap_or(UNIX_EPOCH),
        }
    }
}

/// A string; anything else counts as absent, since providers put what they like into claims of their own.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// `true`, or the `"true"` that Amazon Cognito sends, and the same of `false`; anything else counts as absent.
fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let is_false = value == false || value == "false";
    Ok(is_true(&value).then_some(true).or(is_false.then_some(false)))
}

fn is_true(value: &Value) -> bool {
    *value == true || *value == "true"
}

/// A list of strings, or one string, and whether that is the whole of it.
fn one_or_many(value: &Value) -> Option<(Vec<String>, bool)> {
    match value {
        Value::String(one) => Some((vec![one.clone()], true)),
        Value::Array(many) => {
            let texts: Vec<String> = many.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
            let whole = texts.len() == many.len();
            Some((texts, whole))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::BearerClaims;

    fn identity(claims: serde_json::Value) -> super::Identity {
        let claims: BearerClaims = serde_json::from_value(claims).expect("claims");
        claims.into_identity("https://id.example", None)
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

    fn groups(claim: Option<&str>, claims: serde_json::Value) -> super::ToldGroups {
        let claims: super::ExtraClaims = serde_json::from_value(claims).expect("claims");
        claims.groups(claim)
    }

    #[test]
    fn e6_no_word_about_groups_is_not_the_word_that_there_are_none() {
        let told = |claims| groups(None, claims);
        for silent in [
            serde_json::json!({}),
            serde_json::json!({"groups": null}),
            serde_json::json!({"groups": {"a": 1}}),
        ] {
            assert!(!told(silent.clone()).given, "{silent}");
        }
        let none = told(serde_json::json!({"groups": []}));
        assert!(none.given && none.names.is_empty() && !none.overage);
        for (claims, given) in [
            (
                serde_json::json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {}}),
                false,
            ),
            (serde_json::json!({"hasgroups": true}), false),
            (serde_json::json!({"hasgroups": "true"}), false),
            (serde_json::json!({"groups": ["a", 7]}), true),
        ] {
            let told = told(claims.clone());
            assert_eq!((told.given, told.overage), (given, true), "{claims}");
        }
        assert!(!told(serde_json::json!({"_claim_names": {"address": "src1"}, "hasgroups": false})).overage);
    }

    #[test]
    fn groups_may_be_in_another_claim_and_below_others() {
        let claims = serde_json::json!({
            "groups": ["no"], "https://x.example/groups": ["a"], "realm_access": {"roles": ["b"], "text": "c"},
        });
        let names = |claim| groups(Some(claim), claims.clone()).names;
        assert_eq!(names("https://x.example/groups"), ["a"]);
        assert_eq!(names("realm_access.roles"), ["b"]);
        assert_eq!(names("realm_access.text"), ["c"]);
        for absent in [
            "realm_access",
            "realm_access.none",
            "none.roles",
            "realm_access.text.more",
            "",
        ] {
            assert!(!groups(Some(absent), claims.clone()).given, "{absent}");
        }
    }

    #[test]
    fn entras_own_claims() {
        let max = identity(serde_json::json!({
            "sub": "s", "exp": 5, "email": "max@contoso.example", "oid": "0a1b", "roles": ["Admin"], "xms_edov": true,
        }));
        assert_eq!(
            (max.directory_id.as_deref(), max.roles),
            (Some("0a1b"), vec!["Admin".to_owned()])
        );
        assert!(max.email_verified);
        for odd in [
            serde_json::json!(false),
            serde_json::json!("no"),
            serde_json::json!(2),
            serde_json::json!([1]),
        ] {
            let max = identity(serde_json::json!({"sub": "s", "exp": 5, "email": "max@x", "xms_edov": odd, "oid": 7}));
            assert_eq!((max.email_verified, max.directory_id), (false, None));
        }
    }
}
