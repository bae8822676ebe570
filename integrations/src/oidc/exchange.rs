//! `openidconnect`'s requests over this crate's client, so that there is one `reqwest` in the tree.

use std::pin::Pin;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::Client;

use super::provider::LARGEST_DOCUMENT;
use crate::http_client::{self, BodyError};

/// A client as `openidconnect` wants it. (A closure would do, but its future is not `Send` for every lifetime.)
pub(super) struct Exchange(pub Client);

/// A call to the provider that brought no answer, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ExchangeError(pub String);

impl<'c> AsyncHttpClient<'c> for Exchange {
    type Error = ExchangeError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ExchangeError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let outgoing = self.0.request(parts.method, parts.uri.to_string());
            let response = outgoing
                .headers(parts.headers)
                .body(body)
                .send()
                .await
                .map_err(|error| ExchangeError(http_client::describe(error)))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = http_client::read_body(response, LARGEST_DOCUMENT).await;
            let mut answer = HttpResponse::new(body.map_err(|error| match error {
                BodyError::TooLarge => ExchangeError("the answer is too large".into()),
                BodyError::Lost(why) => ExchangeError(why),
            })?);
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        })
    }
}
