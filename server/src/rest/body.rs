//! Reading a request's JSON body: what is wrong with it is told field by field.

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use backend::Code;
use bytes::Bytes;
use domain::Invalid;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::explain;
use crate::problem::Problem;

const NOT_AN_OBJECT: &str = "The body must be a JSON object";

/// A JSON body.
///
/// Another content type answers 415, a body that is too large 413, text that is not JSON 422
/// `INVALID_BODY`, and an unknown, missing or wrongly typed field 422 that names it.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if !is_json {
            return Err(Problem::new(
                Code::MediaType,
                "The body's content type must be application/json",
            ));
        }
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be left out or null, which gives the default (SPEC B6).
#[derive(Debug)]
pub(super) struct OptionalJson<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(Problem::new(
                Code::MediaType,
                "The body's content type must be application/json",
            ));
        }
        parse::<Option<T>>(&bytes).map(Option::unwrap_or_default).map(Self)
    }
}

/// A body as it was sent, of any type.
pub(super) struct Raw(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(request, state).await.map(Self)
    }
}

/// `application/json`, or a type that builds on it such as `application/merge-patch+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        let response: Response = rejection.into_response();
        if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(Code::TooLarge, "The request is too large")
        } else {
            Problem::new(Code::BadBody, "The body could not be read to its end")
        }
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would fill a struct's fields from a list, in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::new(Code::BadBody, NOT_AN_OBJECT));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let source = error.into_inner();
        if source.is_data() {
            match explain::field(&path, &source.to_string()) {
                Some(invalid) => Problem::from(invalid),
                None => Problem::new(Code::BadBody, NOT_AN_OBJECT),
            }
        } else {
            not_json(&source)
        }
    })?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(Code::BadBody, format!("The body is not valid JSON: {error}"))
}

/// For `#[serde(default, deserialize_with)]` on an `Option`: a field that is there is `Some`, so
/// that in `Option<Option<T>>` an absent field and `null` differ (SPEC B5), and in `Option<T>`
/// `null` is refused.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// One invalid field.
pub(super) fn invalid(field: &'static str, message: &'static str) -> Problem {
    Invalid::new(field, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Patch {
        #[serde(default, deserialize_with = "present")]
        name: Option<String>,
        #[serde(default, deserialize_with = "present")]
        limit: Option<Option<i64>>,
    }

    fn read(text: &str) -> Result<Patch, String> {
        parse(text.as_bytes()).map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn b5_absent_keeps_and_null_clears() {
        assert_eq!(
            read("{}").unwrap(),
            Patch {
                name: None,
                limit: None
            }
        );
        assert_eq!(read(r#"{"limit": null}"#).unwrap().limit, Some(None));
        assert_eq!(read(r#"{"limit": 3}"#).unwrap().limit, Some(Some(3)));
        assert!(
            read(r#"{"name": null}"#)
                .unwrap_err()
                .contains("must be text, not null")
        );
    }

    #[test]
    fn what_is_not_an_object_is_a_bad_body() {
        for text in [
            "",
            "{",
            "[]",
            " [null, null]",
            "3",
            "{} {}",
            "\"\u{1}\"",
            r#"{"name": "\ud800"}"#,
        ] {
            let problem = parse::<Patch>(text.as_bytes()).unwrap_err();
            assert_eq!(problem.code(), Code::BadBody, "{text:?}");
        }
        assert_eq!(
            parse::<Patch>(b"{\"name\": \"\xff\"}").unwrap_err().code(),
            Code::BadBody
        );
    }
}
