//! What is the same for everybody: health, version, discovery, schemas.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use kubernetes::discovery::{self, Aggregated};

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
        Discovery::ReviewGroup => discovery::group("authorization.k8s.io"),
        Discovery::ReviewResources => discovery::group_resources("authorization.k8s.io", "v1"),
    };
    value
        .map(|value| answer::json(StatusCode::OK, &value))
        .ok_or_else(|| kubernetes::Failure::new(kubernetes::Reason::NotFound, "there is no such group"))
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
