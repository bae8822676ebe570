//! An object as it is shown: metadata with types, `spec` as it was written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{API_VERSION, Kind};

/// `metadata`, as far as Guildhall knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Unique among the objects of its kind and namespace.
    pub name: String,
    /// What a name is made from when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_name: Option<String>,
    /// The organization's slug.
    pub namespace: String,
    /// Stays when the object changes; another one after deletion and creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Changes with every change, status included. Opaque to clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Goes up with each change of `spec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When it was made; whole seconds.
    #[serde(skip_serializing_if = "Option::is_none", with = "seconds")]
    pub creation_timestamp: Option<DateTime<Utc>>,
    /// Set while deletion waits for something; whole seconds.
    #[serde(skip_serializing_if = "Option::is_none", with = "seconds")]
    pub deletion_timestamp: Option<DateTime<Utc>>,
    /// Always 0 while deletion waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_grace_period_seconds: Option<i64>,
    /// What selectors look at.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Anything else, `kubectl apply`'s memory among it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What must be done before it goes.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub finalizers: Vec<String>,
    /// Who wrote which fields (server-side apply): see `apply`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub managed_fields: Vec<Value>,
}

/// An object of one of our kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Name, namespace, versions.
    pub metadata: Meta,
    /// What is wanted: the words of whoever wrote it.
    pub spec: Map<String, Value>,
    /// What is.
    pub status: Map<String, Value>,
}

impl Object {
    /// As JSON, with `apiVersion` and `kind`; without an empty `status`.
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "apiVersion": API_VERSION,
            "kind": self.kind.name(),
            "metadata": self.metadata,
            "spec": self.spec,
        });
        if !self.status.is_empty() {
            value["status"] = Value::Object(self.status.clone());
        }
        value
    }

    /// The version that clients compare; 0 before it was stored.
    pub fn version(&self) -> i64 {
        self.metadata
            .resource_version
            .as_deref()
            .and_then(|version| version.parse().ok())
            .unwrap_or(0)
    }
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// RFC 3339 with whole seconds and `Z`, as Kubernetes writes times.
mod seconds {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde's shape")]
    pub fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
            .serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::<DateTime<Utc>>::deserialize(deserializer)
    }
}
