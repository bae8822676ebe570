//! What is the same for everybody: health, version, discovery, schemas.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kubernetes::{
    Failure, Reason,
    discovery::{self, Aggregated},
    openapi,
};
use sha2::{Digest as _, Sha256};

use super::{
    Door, accept,
    answer::{self, Answer},
    path::Discovery,
};
use crate::database;

/// What kubectl is told of addresses that mean nothing.
pub(super) const NOT_THERE: &str = "the server could not find the requested resource";

/// `/healthz`, `/livez`, `/readyz`: whether the process lives, and whether it has its database.
pub(super) async fn health(door: &Door, path: &str) -> Response {
    let ready = async {
        let mut connection = door.state.backend.pool.acquire().await?;
        database::is_migrated(&mut connection).await
    };
    let fine = !path.starts_with("/readyz") || ready.await.is_ok_and(|migrated| migrated);
    let (status, words) = if fine {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
    };
    answer::bytes_as(status, "text/plain; charset=utf-8", words)
}

/// `/version`
pub(super) fn version(headers: &HeaderMap) -> Answer {
    accept::require_json(headers)?;
    let value = discovery::version(env!("CARGO_PKG_VERSION"));
    Ok(answer::json(StatusCode::OK, &value))
}

/// Which groups and resources there are; in one document for clients that know it.
pub(super) fn discovery(which: Discovery, headers: &HeaderMap) -> Answer {
    if let Some(form) = Aggregated::accepted(&accept::accept(headers)) {
        let whole = match which {
            Discovery::Core => Some(form.core()),
            Discovery::Groups => Some(form.groups()),
            _ => None,
        };
        if let Some(whole) = whole {
            return Ok(answer::bytes_as(
                StatusCode::OK,
                &form.content_type(),
                whole.to_string(),
            ));
        }
    }
    accept::require_json(headers)?;
    let value = match which {
        Discovery::Core => Some(discovery::core_versions()),
        Discovery::CoreV1 => Some(discovery::core_resources()),
        Discovery::Groups => Some(discovery::groups()),
        Discovery::Group => discovery::group(kubernetes::GROUP),
        Discovery::Resources => Some(discovery::own_resources()),
        Discovery::ReviewGroup(group) => discovery::group(group),
        Discovery::ReviewResources(group) => discovery::group_resources(group, "v1"),
    };
    value
        .map(|value| answer::json(StatusCode::OK, &value))
        .ok_or_else(|| Failure::new(Reason::NotFound, NOT_THERE))
}

/// `/openapi/v2`: in gnostic's protobuf for kubectl up to 1.28, else JSON.
pub(super) fn openapi_v2(headers: &HeaderMap) -> Answer {
    static PROTOBUF: LazyLock<Document> = LazyLock::new(|| Document::of(Bytes::from_static(openapi::v2_protobuf())));
    static TEXT: LazyLock<Document> = LazyLock::new(|| Document::of(openapi::v2().to_string().into()));
    if accept::accept(headers).contains("proto-openapi.spec.v2") {
        return Ok(PROTOBUF.answer(headers, openapi::V2_CONTENT_TYPE));
    }
    accept::require_json(headers)?;
    Ok(TEXT.answer(headers, answer::JSON))
}

/// `/openapi/v3`: where the documents are.
pub(super) fn openapi_index(headers: &HeaderMap) -> Answer {
    static INDEX: LazyLock<Document> = LazyLock::new(|| Document::of(openapi::index("").to_string().into()));
    accept::require_json(headers)?;
    Ok(INDEX.answer(headers, answer::JSON))
}

/// `/openapi/v3/…`
pub(super) fn openapi_v3(path: &str, headers: &HeaderMap) -> Answer {
    // Clients also ask for its protobuf, and take JSON.
    static DOCUMENTS: LazyLock<Mutex<HashMap<String, Document>>> = LazyLock::new(Mutex::default);
    accept::require_json(headers)?;
    let value = openapi::document(path).ok_or_else(|| Failure::new(Reason::NotFound, NOT_THERE))?;
    let mut documents = DOCUMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    // Only paths that there are get here: there are few.
    let document = documents
        .entry(path.to_owned())
        .or_insert_with(|| Document::of(value.to_string().into()));
    Ok(document.answer(headers, answer::JSON))
}

/// A document that is the same as long as the process lives.
struct Document {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Document {
    fn of(bytes: Bytes) -> Self {
        let hash = hex::encode(&Sha256::digest(&bytes)[..16]);
        let etag = HeaderValue::from_str(&format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"0\""));
        Self { bytes, etag }
    }

    /// The document, or that the client has it already.
    fn answer(&self, headers: &HeaderMap, media_type: &str) -> Response {
        let known = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == self.etag.as_bytes());
        let mut response = if known {
            answer::bytes_as(StatusCode::NOT_MODIFIED, media_type, Bytes::new())
        } else {
            answer::bytes_as(StatusCode::OK, media_type, self.bytes.clone())
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        response
    }
}
