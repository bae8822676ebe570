//! What goes wrong on demand.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::error;
use super::lists::Paging;
use super::state::Shared;
use crate::listener::Connection;

/// Something that goes wrong. The first that fits a call strikes it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Only calls whose `METHOD /path` contains this; all, if unset.
    pub only: Option<String>,
    /// Only calls for this page of a list, counted from 1.
    pub page: Option<usize>,
    /// Strikes so many calls and is gone; all from now on, if unset.
    pub times: Option<u64>,
    /// Milliseconds to wait first. A fault that only waits lets the call go on.
    pub latency_ms: u64,
    /// The answer's status; nothing is done.
    pub status: Option<u16>,
    /// `Retry-After` beside the status, in seconds.
    pub retry_after: Option<u64>,
    /// The connection closes without an answer.
    pub cut: bool,
    /// The answer is 200 and not JSON.
    pub garbage: bool,
    /// Where the answer says that the next page is, whatever follows.
    pub next_link: Option<String>,
}

impl Fault {
    /// Answers calls whose `METHOD /path` contains `only` with a status.
    pub fn status(only: &str, status: u16) -> Self {
        Self {
            only: Some(only.to_owned()),
            status: Some(status),
            ..Self::default()
        }
    }

    /// Cuts the connection of calls for a page of a list.
    pub fn cut_off(only: &str, page: usize) -> Self {
        Self {
            only: Some(only.to_owned()),
            page: Some(page),
            cut: true,
            ..Self::default()
        }
    }

    /// The same, so many times.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    fn fits(&self, call: &str, page: usize) -> bool {
        self.times != Some(0)
            && self.only.as_ref().is_none_or(|only| call.contains(only))
            && self.page.is_none_or(|own| own == page)
    }
}

/// The fault that strikes a call, counted down.
fn strike(faults: &mut [Fault], call: &str, page: usize) -> Fault {
    let Some(fault) = faults.iter_mut().find(|fault| fault.fits(call, page)) else {
        return Fault::default();
    };
    if let Some(times) = &mut fault.times {
        *times -= 1;
    }
    fault.clone()
}

/// Counts the call and lets a fault strike it.
pub(super) async fn apply(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    path: MatchedPath,
    Query(paging): Query<Paging>,
    request: Request,
    next: Next,
) -> Response {
    let route = format!("{} {}", request.method(), path.as_str());
    let call = format!("{} {}", request.method(), request.uri().path());
    *shared.state().calls.entry(route).or_default() += 1;
    let fault = strike(&mut shared.faults.lock().expect("not poisoned"), &call, paging.page());
    if fault.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.latency_ms)).await;
    }
    if let Some(status) = fault.status {
        return refusal(status, fault.retry_after);
    }
    if fault.garbage {
        return ([(header::CONTENT_TYPE, "application/json")], "{\"value\": [{\"id\": \"").into_response();
    }
    let response = next.run(request).await;
    if fault.cut {
        connection.cut();
    }
    match fault.next_link {
        Some(link) => with_next_link(response, &link).await,
        None => response,
    }
}

fn refusal(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, message) = match status.as_u16() {
        401 => (
            "InvalidAuthenticationToken",
            "Access token has expired or is not yet valid.",
        ),
        403 => (
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ),
        404 => ("Request_ResourceNotFound", "Resource does not exist."),
        429 => ("TooManyRequests", "Too many requests from the application."),
        _ => ("UnknownError", ""),
    };
    let mut response = error(status, code, message);
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn with_next_link(response: Response, link: &str) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Ok(mut page) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    page["@odata.nextLink"] = json!(link);
    (parts.status, Json(page)).into_response()
}
