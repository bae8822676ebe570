//! What every request passes through, outermost first: [`observe`], [`headers`], compression, problems' request ids,
//! [`guard`] with [`cross_site`], sessions.

mod cross_site;
mod guard;
mod headers;
mod observe;

use axum::{Router, middleware};
pub(crate) use guard::words as panic_words;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, DefaultPredicate, Predicate as _, predicate::SizeAbove},
};

use crate::{AppState, problem, sessions};

/// Puts the layers around all routes.
pub(crate) fn around(routes: Router<AppState>, state: &AppState) -> Router<AppState> {
    // What is made anew for each request is compressed quickly; assets come compressed as well as can be.
    let compression = CompressionLayer::new()
        .quality(CompressionLevel::Precise(4))
        .compress_when(DefaultPredicate::new().and(SizeAbove::new(860)));
    routes
        .layer(sessions::layer(&state.backend, &state.config))
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .layer(middleware::from_fn(problem::identify))
        .layer(compression)
        .layer(middleware::from_fn_with_state(state.clone(), headers::headers))
        .layer(middleware::from_fn_with_state(state.clone(), observe::observe))
}
