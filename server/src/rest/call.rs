//! What each handler starts with and ends with.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    response::{IntoResponse, Response},
};
use backend::{Backend, Caller, Code, Ctx, Error, RequestInfo};
use domain::{
    InvitationId, KeyId, LinkId, MachineClientId, OrganizationId, ProjectId, RequestId, ReviewId, RunnerId, ServiceId,
    TeamId, TokenId, UserRef,
};
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde::Serialize;

use crate::{auth::Authenticated, problem::Problem, request::Info, state::AppState};

/// An authenticated request: who calls, from where, and the backend to call.
pub(super) struct Call {
    pub(super) backend: Backend,
    pub(super) caller: Caller,
    pub(super) info: RequestInfo,
}

impl Call {
    /// Opens a connection for reading.
    pub(super) async fn read(self) -> Result<Ctx, Problem> {
        Ok(Ctx::read(&self.backend, self.caller, self.info).await?)
    }

    /// Opens a transaction for writing.
    pub(super) async fn write(self) -> Result<Ctx, Problem> {
        Ok(Ctx::write(&self.backend, self.caller, self.info).await?)
    }
}

impl FromRequestParts<AppState> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, state).await?;
        let Info(info) = Info::from_request_parts(parts, state).await?;
        Ok(Self {
            backend: state.backend.clone(),
            caller,
            info,
        })
    }
}

/// What a path names. A path that cannot name anything answers as one that names nothing does: 404.
pub(super) struct At<T>(pub(super) T);

impl<S: Send + Sync, T: PathPart> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::new(Code::NotFound, "There is nothing at this address"))?;
        T::read(&params).map(Self)
    }
}

/// A thing that a path can name.
pub(super) trait PathPart: Sized {
    /// Reads it from the parameters in the path.
    fn read(params: &RawPathParams) -> Result<Self, Problem>;
}

/// A parameter of the path, empty when there is none.
pub(super) fn text<'a>(params: &'a RawPathParams, name: &str) -> &'a str {
    params
        .iter()
        .find_map(|(key, value)| (key == name).then_some(value))
        .unwrap_or_default()
}

impl PathPart for TeamId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        id.parse().map_err(|_| Error::not_found("Team", shown(id)).into())
    }
}

impl PathPart for TokenId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        id.parse().map_err(|_| Error::not_found("Token", shown(id)).into())
    }
}

impl PathPart for RunnerId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        id.parse().map_err(|_| {
            Problem::new(
                Code::NotFound,
                format!("Runner with ID '{}' not found or not owned by you", shown(id)),
            )
        })
    }
}

/// An entry of the audit log.
pub(super) struct EntryId(pub(super) uuid::Uuid);

impl PathPart for EntryId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        let parsed = id.parse().map(Self);
        parsed.map_err(|_| Error::not_found("Audit entry", shown(id)).into())
    }
}

/// A difference between Guildhall and LiteLLM.
pub(super) struct DifferenceId(pub(super) uuid::Uuid);

impl PathPart for DifferenceId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        let parsed = id.parse().map(Self);
        parsed.map_err(|_| Error::not_found("Difference", shown(id)).into())
    }
}

impl PathPart for MachineClientId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        id.parse()
            .map_err(|_| Error::not_found("OAuth client", shown(id)).into())
    }
}

impl PathPart for LinkId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        id.parse()
            .map_err(|_| Error::not_found("Identity link", shown(id)).into())
    }
}

impl PathPart for RequestId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        id.parse().map_err(|_| Error::not_found("Request", shown(id)).into())
    }
}

impl PathPart for InvitationId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "invitation_id");
        id.parse().map_err(|_| Error::not_found("Invitation", shown(id)).into())
    }
}

impl PathPart for ReviewId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        id.parse()
            .map_err(|_| Error::not_found("Access review", shown(id)).into())
    }
}

impl PathPart for ProjectId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "project_id");
        id.parse().map_err(|_| Error::not_found("Project", shown(id)).into())
    }
}

impl PathPart for OrganizationId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        id.parse()
            .map_err(|_| Error::not_found("Organization", shown(id)).into())
    }
}

impl PathPart for ServiceId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "service_id");
        id.parse().map_err(|_| Error::not_found("Service", shown(id)).into())
    }
}

impl PathPart for KeyId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "key_id");
        id.parse().map_err(|_| Error::not_found("Key", shown(id)).into())
    }
}

/// A key that the path names as `id`.
pub(super) struct ApiKeyRef(pub(super) KeyId);

impl PathPart for ApiKeyRef {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        let parsed = id.parse().map(Self);
        parsed.map_err(|_| Error::not_found("Key", shown(id)).into())
    }
}

impl PathPart for UserRef {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        Self::parse("user_id", text(params, "user_id"))
            .map_err(|_| Problem::new(Code::NotFound, "User is not a member of this team"))
    }
}

/// An account, by id or email.
pub(super) struct Account(pub(super) UserRef);

impl PathPart for Account {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "id");
        UserRef::parse("id", id)
            .map(Self)
            .map_err(|_| Error::not_found("User", shown(id)).into())
    }
}

impl<A: PathPart, B: PathPart> PathPart for (A, B) {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        Ok((A::read(params)?, B::read(params)?))
    }
}

impl<A: PathPart, B: PathPart, C: PathPart> PathPart for (A, B, C) {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        Ok((A::read(params)?, B::read(params)?, C::read(params)?))
    }
}

/// A client's text in an error, no longer than an error should be.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// A JSON answer, written into its buffer in one go. `size` is a guess at its length, in bytes.
pub(super) fn sized_json<T: Serialize>(status: StatusCode, body: &T, size: usize) -> Result<Response, Problem> {
    let mut bytes = Vec::with_capacity(size);
    serde_json::to_writer(&mut bytes, body).map_err(Error::from)?;
    let json = HeaderValue::from_static("application/json");
    Ok((status, [(header::CONTENT_TYPE, json)], bytes).into_response())
}

/// A JSON answer.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<Response, Problem> {
    sized_json(status, body, 512)
}

/// A JSON answer that holds a secret: nothing on its way may keep it (SPEC B12).
pub(super) fn secret_json<T: Serialize>(status: StatusCode, body: &T) -> Result<Response, Problem> {
    let mut response = json(status, body)?;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
