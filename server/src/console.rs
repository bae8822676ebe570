//! The console's pages and server functions: each request gets the [`Visit`] that `app` works with.

use app::ssr::Visit;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use backend::{Code, Error};
use http::{HeaderMap, Method, Uri};
use leptos_axum::{LeptosRoutes as _, generate_route_list, render_app_async};
use tower_sessions::Session;

use crate::{AppState, auth, manifests, page, problem::Problem, request::Info, router::is_api, upload};

/// Pages, the actions that there are (Leptos routes both), and the page for every other address.
pub(crate) fn router(state: &AppState) -> Router<AppState> {
    let shell = {
        let options = state.leptos.clone();
        move || app::shell(&options)
    };
    let not_found = render_app_async(shell.clone());
    let fallback = move |State(state): State<AppState>,
                         method: Method,
                         uri: Uri,
                         headers: HeaderMap,
                         request: Request| async move {
        if is_api(&uri) {
            let words = format!("There is nothing at {}", uri.path());
            return Problem::new(Code::NotFound, words).into_response();
        }
        if !matches!(method, Method::GET | Method::HEAD) {
            return page::refusal(
                &state,
                &headers,
                Error::refused(Code::NotFound, "There is nothing at this address"),
            );
        }
        not_found(request).await.into_response()
    };
    Router::new()
        .leptos_routes(state, generate_route_list(app::App), shell)
        .merge(manifests::router())
        .fallback(fallback)
        .layer(middleware::from_fn_with_state(state.clone(), upload::as_form))
        .layer(middleware::from_fn_with_state(state.clone(), visit))
}

/// Finds out who visits.
async fn visit(
    State(state): State<AppState>,
    session: Session,
    Info(info): Info,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match auth::by_session(&state, &session).await {
        Ok(caller) => caller,
        Err(error) => return page::refusal(&state, request.headers(), error),
    };
    request.extensions_mut().insert(Visit {
        backend: state.backend.clone(),
        caller,
        request: info,
        session,
        site: state.site.clone(),
    });
    next.run(request).await
}
