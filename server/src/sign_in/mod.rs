//! Signing in with the OpenID provider, and out.

mod groups;
mod next;
mod pending;

use app::ssr::{FLASH, Flash};
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use backend::{Caller, Code, Ctx, Error, Method, RequestInfo, Result, users};
use http::{HeaderMap, header};
use integrations::oidc::{self, Provider};
use serde::Deserialize;
use tower_sessions::Session;
use url::Url;

use crate::{AppState, auth, clock, page, request::Info, sessions};
use pending::Pending;

/// The one provider there is.
const PROVIDER: &str = "oidc";

/// `/auth/**`.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/auth/login/{provider}", get(log_in))
        .route("/auth/callback/{provider}", get(callback))
        .route("/auth/logout", post(log_out))
}

#[derive(Deserialize)]
struct LoginQuery {
    next: Option<String>,
    /// Set once the browser was sent to the public address.
    here: Option<String>,
}

/// Sends the browser to the provider.
async fn log_in(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    Query(query): Query<LoginQuery>,
    session: Session,
    headers: HeaderMap,
) -> Response {
    let next = next::or_start(query.next.as_deref());
    if query.here.is_none()
        && let Some(url) = public_login(&state, &headers, &next)
    {
        return Redirect::to(&url).into_response();
    }
    match begin(&state, &provider, &session, next).await {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => refuse(&state, &session, &headers, error).await,
    }
}

async fn begin(state: &AppState, provider: &str, session: &Session, next: String) -> Result<String> {
    let provider = configured(state, provider)?;
    let login = provider.begin().await.map_err(|error| explain(&error))?;
    pending::keep(
        session,
        Pending {
            login: login.pending,
            next,
        },
    )
    .await?;
    Ok(login.url)
}

/// Someone at another address of ours, such as `localhost`, would come back from the provider without a cookie: there
/// the sign-in has to begin at the public address.
fn public_login(state: &AppState, headers: &HeaderMap, next: &str) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let public = Url::parse(&state.site.public_url).ok()?;
    let same = Url::parse(&format!("{}://{host}", public.scheme())).is_ok_and(|url| url.origin() == public.origin());
    if same {
        return None;
    }
    let mut url = public.join("/auth/login/oidc").ok()?;
    // `here` keeps a proxy that rewrites `Host` from sending browsers round in circles.
    url.query_pairs_mut().append_pair("next", next).append_pair("here", "1");
    Some(url.into())
}

#[derive(Deserialize)]
struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Takes the browser back from the provider.
async fn callback(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    Query(query): Query<CallbackQuery>,
    session: Session,
    Info(request): Info,
    headers: HeaderMap,
) -> Response {
    match complete(&state, &provider, query, &session, request).await {
        Ok(next) => Redirect::to(&next).into_response(),
        Err(error) => refuse(&state, &session, &headers, error).await,
    }
}

async fn complete(
    state: &AppState,
    provider: &str,
    query: CallbackQuery,
    session: &Session,
    request: RequestInfo,
) -> Result<String> {
    let provider = configured(state, provider)?;
    // Also an error has to belong to a sign-in of this browser: other sites may not put words into our mouth.
    let pending = match query.state.as_deref() {
        Some(state) => pending::take(session, state).await?,
        None => None,
    };
    let Some(Pending { login, next }) = pending else {
        return Err(Error::refused(
            Code::BadToken,
            "This sign-in was not begun in this browser, or took too long. Please sign in again.",
        ));
    };
    if let Some(error) = &query.error {
        return Err(explain(&oidc::Error::from_callback(
            error,
            query.error_description.as_deref(),
        )));
    }
    let code = query.code.as_deref().unwrap_or_default();
    let mut identity = provider.complete(&login, code).await.map_err(|error| explain(&error))?;
    if !state.config.entra.is_issuer(&identity.issuer) {
        identity.directory_id = None;
    }
    let user = auth::person(state, &identity, request.clone()).await?;
    // Refuses accounts that are deactivated.
    state.backend.principals.get(&state.backend.pool, user).await?;
    groups::follow(&state.backend, user, &identity, &request).await;
    let principal = state.backend.principals.get(&state.backend.pool, user).await?;
    audit(state, Caller::Person(principal.clone(), Method::Session), request, true).await?;
    sessions::sign_in(session, principal.id).await?;
    users::signed_in(&state.backend, principal.id, clock::now()).await?;
    tracing::info!(user = %principal.id, issuer = identity.issuer, "signed in");
    Ok(next)
}

/// Ends the session.
async fn log_out(State(state): State<AppState>, session: Session, Info(request): Info, headers: HeaderMap) -> Response {
    // Who is nobody any more has nothing to sign out of; the session ends all the same.
    let caller = auth::by_session(&state, &session).await.ok().flatten();
    if let Err(error) = session.flush().await {
        return page::refusal(&state, &headers, sessions::unavailable(error));
    }
    if let Some(caller) = caller
        && let Err(error) = audit(&state, caller, request, false).await
    {
        tracing::error!(%error, "a sign-out is missing from the audit log");
    }
    Redirect::to("/login").into_response()
}

async fn audit(state: &AppState, caller: Caller, request: RequestInfo, signed_in: bool) -> Result<()> {
    let mut ctx = Ctx::write(&state.backend, caller, request).await?;
    backend::sessions::audit(&mut ctx, signed_in).await?;
    ctx.commit().await
}

fn configured<'a>(state: &'a AppState, provider: &str) -> Result<&'a Provider> {
    if provider != PROVIDER {
        return Err(Error::not_found("Sign-in provider", provider));
    }
    state.provider.as_ref().ok_or_else(|| {
        Error::Unavailable(
            Code::NotConfigured,
            "Sign-in is not configured. Set GUILDHALL_OIDC_ISSUER, GUILDHALL_OIDC_CLIENT_ID and GUILDHALL_OIDC_CLIENT_SECRET, \
             then restart."
                .to_owned(),
            None,
        )
    })
}

/// What the person reads of a provider's failure. The details are the operator's: they go to the log.
fn explain(error: &oidc::Error) -> Error {
    tracing::warn!(%error, "a sign-in failed");
    let soon = Some(std::time::Duration::from_secs(10));
    if error.is_unavailable() {
        let words = "The sign-in provider cannot be reached. Try again in a moment.";
        return Error::Unavailable(Code::JwksUnavailable, words.to_owned(), soon);
    }
    let words = match error {
        oidc::Error::Denied(_) => "The sign-in was cancelled.",
        oidc::Error::Expired => "The sign-in took too long. Please sign in again.",
        _ => "The sign-in did not work. Please try again; if it keeps failing, tell your administrator.",
    };
    Error::refused(
        if matches!(error, oidc::Error::Denied(_)) {
            Code::NotAuthorized
        } else {
            Code::BadToken
        },
        words,
    )
}

/// Browsers get `/login` with the words; what no new sign-in would change gets a page with its status.
async fn refuse(state: &AppState, session: &Session, headers: &HeaderMap, error: Error) -> Response {
    let lasting = matches!(
        error.code(),
        Code::NotConfigured | Code::NotFound | Code::Internal | Code::DatabaseUnavailable
    );
    if lasting || !page::wants_html(headers) {
        return page::refusal(state, headers, error);
    }
    let flash = Flash {
        kind: "danger".to_owned(),
        text: error.detail(),
        link: None,
    };
    if let Err(failed) = session.insert(FLASH, flash).await {
        return page::refusal(state, headers, sessions::unavailable(failed));
    }
    Redirect::to("/login").into_response()
}
