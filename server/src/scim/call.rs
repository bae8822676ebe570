//! What each request starts with: whose directory it is, what it asks for, its body.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    response::{IntoResponse as _, Response},
};
use backend::{
    Backend, Ctx, RequestInfo,
    scim::{self, Directory, Query},
};
use bytes::Bytes;
use domain::scim::{Filter, Projection, Refused, SEARCH, ScimType};
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

use super::error::{Problem, unauthenticated};
use crate::{AppState, auth, clock, request::Info};

/// How many resources a page has unless asked otherwise.
const DEFAULT_COUNT: i64 = 100;

/// An authenticated request of an organization's directory.
pub(super) struct Call {
    backend: Backend,
    directory: Directory,
    info: RequestInfo,
    /// The address of `/scim/v2`, as clients know it.
    pub(super) base: String,
}

/// The address of `/scim/v2`, as clients know it.
pub(super) fn base(state: &AppState) -> String {
    format!("{}/scim/v2", state.site.public_url.trim_end_matches('/'))
}

impl FromRequestParts<AppState> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let secret = auth::bearer(&parts.headers)?.ok_or_else(unauthenticated)?;
        let directory = scim::authenticate(&state.backend, secret, clock::now()).await?;
        let Ok(Info(info)) = Info::from_request_parts(parts, state).await;
        Ok(Self {
            backend: state.backend.clone(),
            directory,
            info,
            base: base(state),
        })
    }
}

impl Call {
    /// Reads.
    pub(super) async fn read<T>(
        self,
        work: impl AsyncFnOnce(&mut Ctx, &Directory) -> scim::Result<T>,
    ) -> Result<T, Problem> {
        let mut ctx = Ctx::read(&self.backend, self.directory.caller(), self.info).await?;
        Ok(work(&mut ctx, &self.directory).await?)
    }

    /// Changes something, in one transaction.
    pub(super) async fn write<T>(
        self,
        work: impl AsyncFnOnce(&mut Ctx, &Directory) -> scim::Result<T>,
    ) -> Result<T, Problem> {
        let mut ctx = Ctx::write(&self.backend, self.directory.caller(), self.info).await?;
        let done = work(&mut ctx, &self.directory).await?;
        ctx.commit().await?;
        Ok(done)
    }
}

/// The id in the path. One that cannot be any is that of nothing.
pub(super) struct Id(pub(super) Uuid);

impl FromRequestParts<AppState> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let missing = || Problem::of(404, "There is no such resource");
        let Path(id) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| missing())?;
        id.parse().map(Self).map_err(|_| missing())
    }
}

/// The parameters of a query, from the address or from the body of a `.search`.
#[derive(Debug, Default)]
pub(super) struct Params {
    filter: Option<String>,
    start: Option<i64>,
    count: Option<i64>,
    pub(super) projection: Projection,
}

impl Params {
    /// What to list.
    ///
    /// # Errors
    /// `invalidFilter`.
    pub(super) fn query(&self) -> Result<Query, Refused> {
        Ok(Query {
            filter: self.filter.as_deref().map(Filter::parse).transpose()?,
            // RFC 7644, section 3.4.2.4: what is less is taken for the least.
            start: self.start.unwrap_or(1).max(1),
            count: self.count.unwrap_or(DEFAULT_COUNT).clamp(0, scim::MAX_PAGE),
        })
    }

    /// Whether there is a filter.
    pub(super) fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }

    fn of_address(query: &str) -> Result<Self, Refused> {
        let (mut params, mut only, mut without) = (Self::default(), None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "filter" => params.filter = Some(value.into_owned()),
                "startIndex" => params.start = Some(number("startIndex", &value)?),
                "count" => params.count = Some(number("count", &value)?),
                "attributes" => only = Some(value.into_owned()),
                "excludedAttributes" => without = Some(value.into_owned()),
                // sortBy and sortOrder, which /ServiceProviderConfig says are not supported, and whatever else.
                _ => {}
            }
        }
        params.projection = Projection::parse(only.as_deref(), without.as_deref());
        Ok(params)
    }

    /// The body of a `.search`.
    ///
    /// # Errors
    /// `invalidSyntax`, `invalidValue`.
    pub(super) fn of_search(body: &Value) -> Result<Self, Refused> {
        let wrong = |words: &str| Refused::new(ScimType::InvalidSyntax, words);
        let Value::Object(body) = body else {
            return Err(wrong("The body must be a JSON object"));
        };
        let field = |name: &str| {
            let found = (body.iter()).find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value));
            found.filter(|value| !value.is_null())
        };
        let is_search = field("schemas")
            .and_then(Value::as_array)
            .is_none_or(|list| list.iter().any(|urn| urn == SEARCH));
        if !is_search {
            return Err(wrong(&format!("schemas must contain {SEARCH}")));
        }
        let names = |name: &'static str| match field(name) {
            None => Ok(None),
            Some(Value::Array(list)) => {
                let names: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                let names = names.ok_or_else(|| Refused::value(name, "must be a list of names"))?;
                Ok(Some(names.join(",")))
            }
            Some(_) => Err(Refused::value(name, "must be a list of names")),
        };
        let whole = |name: &'static str| match field(name) {
            None => Ok(None),
            Some(value) => value
                .as_i64()
                .map(Some)
                .ok_or_else(|| Refused::value(name, "must be a whole number")),
        };
        let filter = match field("filter") {
            None => None,
            Some(Value::String(filter)) => Some(filter.clone()),
            Some(_) => return Err(Refused::new(ScimType::InvalidFilter, "filter must be text")),
        };
        Ok(Self {
            filter,
            start: whole("startIndex")?,
            count: whole("count")?,
            projection: Projection::parse(names("attributes")?.as_deref(), names("excludedAttributes")?.as_deref()),
        })
    }
}

fn number(name: &'static str, text: &str) -> Result<i64, Refused> {
    text.trim()
        .parse()
        .map_err(|_| Refused::value(name, "must be a whole number"))
}

impl FromRequestParts<AppState> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        Ok(Self::of_address(parts.uri.query().unwrap_or_default())?)
    }
}

/// The version that a request is for: `If-Match`.
pub(super) struct IfMatch(pub(super) Option<i64>);

impl FromRequestParts<AppState> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        Ok(Self(version(&parts.headers, header::IF_MATCH)))
    }
}

/// The version in a header; one that cannot be any is of no resource.
pub(super) fn version(headers: &HeaderMap, name: header::HeaderName) -> Option<i64> {
    let text = headers.get(name)?.to_str().unwrap_or("unreadable").trim();
    if text == "*" {
        return None;
    }
    let tag = text.strip_prefix("W/").unwrap_or(text);
    Some(tag.trim_matches('"').parse().unwrap_or(-1))
}

/// A JSON body.
pub(super) struct Body(pub(super) Value);

impl FromRequest<AppState> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| {
                let essence = value.split(';').next().unwrap_or_default();
                essence.trim().to_ascii_lowercase()
            });
        if !matches!(kind.as_deref(), Some("application/scim+json" | "application/json")) {
            return Err(Problem::of(
                415,
                "The body's content type must be application/scim+json or application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let response: Response = rejection.into_response();
            match response.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::of(413, "The request is too large"),
                _ => Problem::of(400, "The body could not be read to its end"),
            }
        })?;
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| Refused::new(ScimType::InvalidSyntax, format!("The body is not valid JSON: {error}")))?;
        Ok(Self(value))
    }
}
