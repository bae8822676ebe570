//! What the simulated provider knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::OidcOptions;
use super::keys::KeyRing;

/// Codes are for immediate use.
const CODE_LIFETIME: Duration = Duration::from_mins(1);
/// In seconds.
pub(super) const TOKEN_LIFETIME: i64 = 3600;

/// Somebody one can be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    /// The provider's lasting name for them (`sub`).
    pub subject: String,
    /// Their address.
    pub email: String,
    /// Their full name.
    pub name: String,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
    /// A word about them on the sign-in page, such as `super_admin`. Not a claim.
    pub hint: String,
    /// The groups they are in.
    pub groups: Vec<String>,
    /// More claims, by name.
    pub claims: Map<String, Value>,
}

impl Person {
    /// Somebody with a verified address, whose subject is derived from it.
    pub fn new(email: &str, name: &str, hint: &str) -> Self {
        Self {
            subject: format!("sim|{email}"),
            email: email.to_owned(),
            name: name.to_owned(),
            email_verified: true,
            hint: hint.to_owned(),
            groups: Vec::new(),
            claims: Map::new(),
        }
    }
}

/// A program that signs in as itself.
#[derive(Clone, Debug)]
pub struct MachineClient {
    /// Its client id; its subject is `{id}@clients`, as at Auth0.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// What a code stands for.
pub(super) struct Grant {
    pub person: Person,
    pub redirect_uri: String,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    made: Instant,
}

pub(super) struct Shared {
    pub options: OidcOptions,
    /// People who came or changed after the start.
    later: Mutex<Vec<Person>>,
    pub issuer: Mutex<String>,
    pub jwks_failure: Mutex<Option<u16>>,
    pub calls: Mutex<BTreeMap<&'static str, u64>>,
    keys: Mutex<KeyRing>,
    codes: Mutex<HashMap<String, Grant>>,
    access_tokens: Mutex<HashMap<String, (Person, Instant)>>,
}

impl Shared {
    pub(super) fn new(options: OidcOptions) -> Self {
        Self {
            keys: Mutex::new(KeyRing::new(options.signing_key.clone())),
            options,
            later: Mutex::default(),
            issuer: Mutex::default(),
            jwks_failure: Mutex::default(),
            calls: Mutex::default(),
            codes: Mutex::default(),
            access_tokens: Mutex::default(),
        }
    }

    pub(super) fn keys(&self) -> MutexGuard<'_, KeyRing> {
        self.keys.lock().expect("not poisoned")
    }

    pub(super) fn issuer(&self) -> String {
        self.issuer.lock().expect("not poisoned").clone()
    }

    pub(super) fn count(&self, call: &'static str) {
        *self.calls.lock().expect("not poisoned").entry(call).or_default() += 1;
    }

    /// Everybody as they are now: those from the beginning, then those who came later.
    pub(super) fn people(&self) -> Vec<Person> {
        let mut people = self.options.people.clone();
        for person in self.later.lock().expect("not poisoned").iter() {
            match people
                .iter_mut()
                .find(|known| known.email.eq_ignore_ascii_case(&person.email))
            {
                Some(known) => known.clone_from(person),
                None => people.push(person.clone()),
            }
        }
        people
    }

    pub(super) fn person(&self, email: &str) -> Option<Person> {
        self.people()
            .into_iter()
            .find(|person| person.email.eq_ignore_ascii_case(email))
    }

    /// Somebody comes; false when somebody has that address.
    pub(super) fn add_person(&self, person: Person) -> bool {
        let new = self.person(&person.email).is_none();
        if new {
            self.later.lock().expect("not poisoned").push(person);
        }
        new
    }

    /// Somebody comes, or changes.
    pub(super) fn put_person(&self, person: Person) {
        let mut later = self.later.lock().expect("not poisoned");
        later.retain(|known| !known.email.eq_ignore_ascii_case(&person.email));
        later.push(person);
    }

    /// A code, good once and for a minute.
    pub(super) fn issue_code(
        &self,
        person: &Person,
        redirect_uri: &str,
        nonce: Option<String>,
        code_challenge: Option<String>,
    ) -> String {
        let code = crate::random_text();
        let grant = Grant {
            person: person.clone(),
            redirect_uri: redirect_uri.to_owned(),
            nonce,
            code_challenge,
            made: Instant::now(),
        };
        let mut codes = self.codes.lock().expect("not poisoned");
        codes.retain(|_, grant| grant.made.elapsed() < CODE_LIFETIME);
        codes.insert(code.clone(), grant);
        code
    }

    /// What the code stands for; it stands for nothing afterwards.
    pub(super) fn redeem_code(&self, code: &str) -> Option<Grant> {
        let grant = self.codes.lock().expect("not poisoned").remove(code);
        grant.filter(|grant| grant.made.elapsed() < CODE_LIFETIME)
    }

    pub(super) fn keep_access_token(&self, token: String, person: Person) {
        let end = Instant::now() + Duration::from_secs(TOKEN_LIFETIME.unsigned_abs());
        let mut tokens = self.access_tokens.lock().expect("not poisoned");
        tokens.retain(|_, (_, end)| *end > Instant::now());
        tokens.insert(token, (person, end));
    }

    pub(super) fn by_access_token(&self, token: &str) -> Option<Person> {
        let tokens = self.access_tokens.lock().expect("not poisoned");
        let (person, end) = tokens.get(token)?;
        (*end > Instant::now()).then(|| person.clone())
    }

    /// What userinfo says about somebody.
    pub(super) fn profile(person: &Person) -> Map<String, Value> {
        let mut profile = Map::from_iter([
            ("sub".to_owned(), json!(person.subject)),
            ("email".to_owned(), json!(person.email)),
            ("email_verified".to_owned(), json!(person.email_verified)),
            ("preferred_username".to_owned(), json!(person.email)),
            ("name".to_owned(), json!(person.name)),
        ]);
        if !person.groups.is_empty() {
            profile.insert("groups".to_owned(), json!(person.groups));
        }
        profile.extend(person.claims.clone());
        profile
    }

    /// The claims of a bearer JWT, with `overrides` laid over them; `null` removes one.
    pub(super) fn bearer_claims(&self, person: &Person, overrides: &Value, ttl_seconds: i64) -> Value {
        let mut claims = Self::profile(person);
        self.add_protocol_claims(&mut claims, ttl_seconds);
        for (name, value) in overrides.as_object().into_iter().flatten() {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.clone(), value.clone());
            }
        }
        Value::Object(claims)
    }

    /// Issuer, audience and times.
    pub(super) fn add_protocol_claims(&self, claims: &mut Map<String, Value>, ttl_seconds: i64) {
        let now = crate::now();
        claims.insert("iss".to_owned(), json!(self.issuer()));
        claims.insert("aud".to_owned(), json!(self.options.client_id));
        claims.insert("iat".to_owned(), json!(now.min(now + ttl_seconds)));
        claims.insert("exp".to_owned(), json!(now + ttl_seconds));
        claims.insert("jti".to_owned(), json!(crate::random_text()));
    }
}
