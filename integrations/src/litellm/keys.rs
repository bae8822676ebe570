//! The calls about keys.

use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::client::{LiteLlm, gone};
use super::error::Error;
use super::model::{GeneratedKey, KeyAnswer, KeyInfo, KeyInfoAnswer};
use super::pages::{KeyPages, Pages};
use super::spec::{KeyChange, KeyFilter, KeySpec};
use super::transport::Call;

/// Fields that may need a licence, and whose absence makes a key no less safe than told. A key without its guardrails is
/// not what was asked for, so those are not among them.
const LICENSED: [&str; 4] = ["model_max_budget", "model_rpm_limit", "model_tpm_limit", "tags"];

impl LiteLlm {
    /// Makes a key. Sent once: when [`is_ambiguous`](Error::is_ambiguous), the key may exist, and
    /// [`delete_key_alias`](Self::delete_key_alias) removes it. Team and user have to exist: LiteLLM does not check.
    ///
    /// Where a licence is missing for `tags` or limits by model, the key is made without them and says so in `dropped`.
    ///
    /// Errors: [`Error::Conflict`] for an alias that is taken; [`Error::Licence`] for `guardrails`; [`Error::Config`]
    /// when the key would have ended already.
    #[tracing::instrument(skip_all, fields(instance = self.name(), alias = spec.alias, team = spec.team_id))]
    pub async fn generate_key(&self, spec: &KeySpec) -> Result<GeneratedKey, Error> {
        let mut dropped = Vec::new();
        loop {
            let lifetime = spec.expires.map(lifetime).transpose()?;
            let mut body = spec.body(lifetime);
            body.retain(|field, _| !dropped.contains(&field.as_str()));
            let next = |message: &str| unlicensed(message, &body);
            match self
                .transport()
                .json::<KeyAnswer>("key", Call::post_once("/key/generate", json!(body)))
                .await
            {
                Ok(answer) => return Ok(generated(answer, dropped)),
                Err(Error::Licence { message }) => match next(&message) {
                    Some(field) => dropped.push(field),
                    None => return Err(Error::Licence { message }),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Changes a key.
    ///
    /// Errors: [`Error::NotFound`] when there is none; [`Error::Conflict`] for an alias that is taken.
    #[tracing::instrument(skip_all, fields(instance = self.name(), token = shown(token)))]
    pub async fn update_key(&self, token: &str, change: &KeyChange) -> Result<(), Error> {
        let lifetime = match change.expires {
            None => None,
            Some(None) => Some("-1".to_owned()),
            Some(Some(end)) => Some(lifetime(end)?),
        };
        let body = change.body(&hashed(token), lifetime);
        self.transport().done(Call::post("/key/update", body)).await
    }

    /// Makes LiteLLM refuse a key.
    ///
    /// Errors: [`Error::NotFound`] when there is none.
    #[tracing::instrument(skip_all, fields(instance = self.name(), token = shown(token)))]
    pub async fn block_key(&self, token: &str) -> Result<(), Error> {
        let call = Call::post("/key/block", json!({"key": hashed(token)}));
        self.transport().done(call).await
    }

    /// Makes LiteLLM take a key again.
    ///
    /// Errors: [`Error::NotFound`] when there is none.
    #[tracing::instrument(skip_all, fields(instance = self.name(), token = shown(token)))]
    pub async fn unblock_key(&self, token: &str) -> Result<(), Error> {
        let call = Call::post("/key/unblock", json!({"key": hashed(token)}));
        self.transport().done(call).await
    }

    /// Removes a key. One that does not exist is done, too.
    #[tracing::instrument(skip_all, fields(instance = self.name(), token = shown(token)))]
    pub async fn delete_key(&self, token: &str) -> Result<(), Error> {
        let call = Call::post("/key/delete", json!({"keys": [hashed(token)]}));
        gone(self.transport().done(call).await)
    }

    /// Removes the key with that alias. When there is none, that is done, too.
    #[tracing::instrument(skip_all, fields(instance = self.name(), alias))]
    pub async fn delete_key_alias(&self, alias: &str) -> Result<(), Error> {
        let call = Call::post("/key/delete", json!({"key_aliases": [alias]}));
        gone(self.transport().done(call).await)
    }

    /// What LiteLLM knows of a key; `None` when it knows no such key.
    #[tracing::instrument(skip_all, fields(instance = self.name(), token = shown(token)))]
    pub async fn key_info(&self, token: &str) -> Result<Option<KeyInfo>, Error> {
        let token = hashed(token);
        let call = Call::get("/key/info").with("key", token.clone());
        match self.transport().json::<KeyInfoAnswer>("key", call).await {
            Ok(answer) => Ok(Some(KeyInfo { token, ..answer.info })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The keys that match, from all pages.
    #[tracing::instrument(skip_all, fields(instance = self.name()))]
    pub async fn list_keys(&self, filter: &KeyFilter) -> Result<Vec<KeyInfo>, Error> {
        let mut keys = self.key_pages(filter).all().await?;
        // Newer versions find every alias that contains the text.
        if let Some(alias) = &filter.alias {
            keys.retain(|key| key.alias.as_ref() == Some(alias));
        }
        Ok(keys)
    }

    /// The keys that match, a page at a time; with an alias set, perhaps also others whose alias contains it.
    pub fn key_pages(&self, filter: &KeyFilter) -> KeyPages {
        let filters = [
            ("team_id", &filter.team_id),
            ("user_id", &filter.user_id),
            ("key_alias", &filter.alias),
        ];
        let mut query = vec![("return_full_object", "true".to_owned())];
        query.extend(
            filters
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.clone()?))),
        );
        Pages::new(self.clone(), query)
    }

    /// Whether LiteLLM refuses a key by now: it knows it no more, or it is blocked, or it has ended (SPEC C12).
    #[tracing::instrument(skip_all, fields(instance = self.name(), token = shown(key_or_token)))]
    pub async fn key_is_refused(&self, key_or_token: &str) -> Result<bool, Error> {
        let Some(key) = self.key_info(key_or_token).await? else {
            return Ok(true);
        };
        Ok(key.blocked || key.expires.is_some_and(|end| end <= now()))
    }
}

/// The field to leave out after LiteLLM said `message`: the one that it names, or else `tags`, whose check names nothing.
fn unlicensed(message: &str, body: &Map<String, Value>) -> Option<&'static str> {
    let mut sent = LICENSED.into_iter().filter(|field| body.contains_key(*field));
    sent.clone()
        .find(|field| message.contains(field))
        .or_else(|| sent.find(|field| *field == "tags"))
}

fn generated(answer: KeyAnswer, dropped: Vec<&'static str>) -> GeneratedKey {
    let token = answer.token.or(answer.token_id).filter(|token| !token.is_empty());
    let token = token.unwrap_or_else(|| sha256(&answer.key));
    GeneratedKey {
        key: answer.key.into(),
        token,
        expires: answer.expires,
        dropped,
    }
}

/// The name under which LiteLLM keeps a key: secrets are not sent where their hash will do.
fn hashed(key_or_token: &str) -> String {
    if key_or_token.starts_with("sk-") {
        sha256(key_or_token)
    } else {
        key_or_token.to_owned()
    }
}

fn sha256(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

/// Enough of a hash to find it in a log.
fn shown(key_or_token: &str) -> String {
    hashed(key_or_token).chars().take(12).collect()
}

fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// How long from now until `end`, as LiteLLM wants to hear it: whole seconds, begun ones included.
fn lifetime(end: DateTime<Utc>) -> Result<String, Error> {
    let left = end - now();
    if left <= TimeDelta::zero() {
        return Err(Error::Config("the key would have ended already".into()));
    }
    Ok(format!("{}s", left.num_seconds() + i64::from(left.subsec_nanos() > 0)))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::{hashed, lifetime, now, unlicensed};

    #[test]
    fn secrets_go_as_their_hash() {
        // Recorded case 150.
        let token = "8194fb2cd834e752da9067c5ecf80cab06d31c3cca802f796cb6b27400314f7c";
        assert_eq!(hashed("sk-custom-000000000001"), token);
        assert_eq!(hashed(token), token);
    }

    #[test]
    fn c7_guardrails_are_never_left_out() {
        let body = json!({"guardrails": ["pii"], "key_alias": "k"});
        let body = body.as_object().expect("an object");
        assert_eq!(unlicensed("guardrails need a license", body), None);
        let body = json!({"guardrails": ["pii"], "tags": ["a"], "model_max_budget": {}});
        let body = body.as_object().expect("an object");
        assert_eq!(
            unlicensed("a license to set model_max_budget", body),
            Some("model_max_budget")
        );
        assert_eq!(unlicensed("You must be a LiteLLM Enterprise user", body), Some("tags"));
    }

    #[test]
    fn a_key_lives_whole_seconds() {
        assert!(lifetime(now() - TimeDelta::seconds(1)).is_err());
        assert_eq!(lifetime(now() + TimeDelta::milliseconds(1500)).expect("a time"), "2s");
    }
}
