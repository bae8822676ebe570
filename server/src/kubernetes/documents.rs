//! What is the same for everybody: health, version, discovery, schemas.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use super::{
    Door, accept,
    answer::{self, Answer},
    path::Discovery,
};
use crate::database;

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

/// `/version`: the Kubernetes whose API is spoken, with Guildhall's own version after it.
pub(super) fn version(headers: &HeaderMap) -> Answer {
    accept::require_json(headers)?;
    let value = json!({
        "major": "1",
        "minor": "33",
        "gitVersion": concat!("v1.33.0-guildhall.", env!("CARGO_PKG_VERSION")),
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": concat!("linux/", "any"),
    });
    Ok(answer::json(StatusCode::OK, &value))
}

pub(super) fn discovery(_: Discovery, headers: &HeaderMap) -> Answer {
    accept::require_json(headers)?;
    Ok(answer::json(StatusCode::OK, &json!({})))
}

pub(super) fn openapi_v2(headers: &HeaderMap) -> Answer {
    discovery(Discovery::Groups, headers)
}

pub(super) fn openapi_index(headers: &HeaderMap) -> Answer {
    discovery(Discovery::Groups, headers)
}

pub(super) fn openapi_v3(headers: &HeaderMap) -> Answer {
    discovery(Discovery::Groups, headers)
}
