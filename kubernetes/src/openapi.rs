//! OpenAPI documents: version 3 in JSON, and version 2 in gnostic's protobuf, which kubectl up to 1.28 asks for. Both say
//! the same, and both are made once.

mod gnostic;
mod operations;
mod schemas;
mod v2;
mod v3;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// `Content-Type` of [`v2_protobuf`].
pub const V2_CONTENT_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The documents of version 3 by their path below `/openapi/v3/`.
static V3: LazyLock<[(&str, Value); 4]> = LazyLock::new(|| {
    [
        ("api/v1", v3::minimal(&schemas::core())),
        ("apis/auth.litellm.ai/v1alpha1", v3::own()),
        ("apis/authentication.k8s.io/v1", v3::minimal(&schemas::authentication())),
        ("apis/authorization.k8s.io/v1", v3::minimal(&schemas::authorization())),
    ]
});
static V2: LazyLock<Value> = LazyLock::new(v2::document);
static V2_PROTOBUF: LazyLock<Vec<u8>> = LazyLock::new(|| gnostic::document(&V2));

/// `/openapi/v3`: where the documents are. `prefix` is what stands before `/openapi` in the server's address.
pub fn index(prefix: &str) -> Value {
    let path = |(path, document): &(&str, Value)| {
        let mut hasher = DefaultHasher::new();
        document.to_string().hash(&mut hasher);
        let url = format!(
            "{}/openapi/v3/{path}?hash={:016X}",
            prefix.trim_end_matches('/'),
            hasher.finish()
        );
        ((*path).to_owned(), json!({ "serverRelativeURL": url }))
    };
    json!({ "paths": V3.iter().map(path).collect::<Map<String, Value>>() })
}

/// `/openapi/v3/{path}`; none if there is no such document.
pub fn document(path: &str) -> Option<&'static Value> {
    V3.iter()
        .find(|(known, _)| *known == path)
        .map(|(_, document)| document)
}

/// `/openapi/v2` as JSON.
pub fn v2() -> &'static Value {
    &V2
}

/// `/openapi/v2` as kubectl reads it.
pub fn v2_protobuf() -> &'static [u8] {
    &V2_PROTOBUF
}

#[cfg(test)]
mod tests;
