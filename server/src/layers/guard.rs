//! What no handler should have to think of: other sites, bodies without end, work without end, panics.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use backend::{Code, Error};
use futures_util::FutureExt as _;
use http::{HeaderMap, header};

use super::cross_site::is_cross_site;
use crate::{AppState, page, problem::Problem, router::is_api, scim};

/// The largest body: everything people send is a form or a small JSON document.
const LARGEST_BODY: usize = 1024 * 1024;
/// The largest body where whole lists of people are sent.
const LARGEST_LIST: usize = 4 * LARGEST_BODY;
/// How long a body may take to arrive.
const SLOWEST_BODY: Duration = Duration::from_secs(20);
/// How long a request may take. Everything in it has shorter limits of its own.
const LONGEST: Duration = Duration::from_mins(1);

/// Refuses what is not to be, and answers for what went wrong.
pub(super) async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (headers, api) = (request.headers().clone(), is_api(request.uri()));
    let directory = scim::is_scim(request.uri());
    let handled = async {
        let host = host(&request);
        if is_cross_site(request.method(), &headers, host.as_deref(), &state.site.public_url) {
            return Err(Error::refused(
                Code::CrossSite,
                "The browser says that another site sent this request. Nothing was done.",
            ));
        }
        let request = whole(request).await?;
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(LONGEST, answer).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(panic)) => Err(Error::internal(format!("a panic: {}", words(&*panic)))),
            Err(_) => Err(Error::Unavailable(
                Code::TimedOut,
                "This took too long and was given up.".to_owned(),
                None,
            )),
        }
    };
    handled.await.unwrap_or_else(|error| {
        if directory {
            scim::refusal(error)
        } else if api {
            Problem::from(error).into_response()
        } else {
            page::refusal(&state, &headers, error)
        }
    })
}

/// The host that the client addressed. HTTP/2 puts it into the URI.
fn host(request: &Request) -> Option<String> {
    let header = || request.headers().get(header::HOST)?.to_str().ok().map(str::to_owned);
    request.uri().authority().map(ToString::to_string).or_else(header)
}

/// The request with its whole body read, so that too large is too large at every door.
async fn whole(request: Request) -> Result<Request, Error> {
    let (parts, body) = request.into_parts();
    let largest = largest(parts.uri.path());
    if announced(&parts.headers).is_some_and(|length| length > largest as u64) {
        return Err(too_large(largest));
    }
    let body = match tokio::time::timeout(SLOWEST_BODY, to_bytes(body, largest)).await {
        Ok(Ok(bytes)) => Body::from(bytes),
        // The other reason is a client that is gone, whom no answer reaches.
        Ok(Err(_)) => return Err(too_large(largest)),
        Err(_) => return Err(Error::refused(Code::TimedOut, "The body took too long to arrive.")),
    };
    let mut request = Request::from_parts(parts, body);
    // What is here is not too large: nobody needs to count again.
    DefaultBodyLimit::disable().apply(&mut request);
    Ok(request)
}

/// How large a body may be at an address.
fn largest(path: &str) -> usize {
    let is_list = path
        .strip_prefix("/api/v1/admin/teams/")
        .is_some_and(|rest| rest.ends_with("/members/bulk"));
    if is_list || path == "/api/v1/admin/default-team/move" || path == "/actions/members/bulk" {
        LARGEST_LIST
    } else {
        LARGEST_BODY
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(largest: usize) -> Error {
    let mebibytes = largest / LARGEST_BODY;
    Error::refused(Code::TooLarge, format!("The request is larger than {mebibytes} MiB"))
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}
