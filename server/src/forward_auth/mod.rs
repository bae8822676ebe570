//! `ANY /authz/{service}[/…]`: what a proxy asks before it lets a request through to a service. docs/FORWARD_AUTH.md
//! shows how nginx, Traefik, Caddy and Envoy ask.
//!
//! | answer | when |
//! |---|---|
//! | 200 | allowed; `X-Guildhall-*` say who it is, and a signed assertion proves it |
//! | 401 | no credential, or an unknown, expired or revoked one |
//! | 403 | refused; `X-Guildhall-Reason` and the body say why |
//! | 503 | the database is out of reach and memory does not know |
//!
//! No other status (SPEC D13): nginx makes 500 of them. The routes stand outside of the layers around everything else:
//! nothing here reads a body, sets a cookie or changes anything, so there is nothing for a foreign site to forge, and
//! what is asked thousands of times a second shall not pay for what it does not use.

mod answer;
mod assertion;
mod credential;
mod page;
mod request;

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::{any, get},
};
use backend::{
    Code, Error,
    authz::{self, Decision, Who},
};
use http::request::Parts;
use metrics::{Counter, Histogram, counter, histogram};

use crate::{AppState, clock, request::Info};
use assertion::Assertions;
use request::Asked;

/// How long a decision may take. Warm it takes microseconds; the database has this long to answer, then it counts as
/// out of reach: a request that waits holds one of the proxy's connections.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(2);

/// What decisions share.
struct ForwardAuth {
    state: AppState,
    assertions: Assertions,
    allowed: Counter,
    refused: Counter,
    unauthenticated: Counter,
    unavailable: Counter,
    seconds: Histogram,
}

/// What became of a request: who it was, if that is known, and the answer.
struct Outcome {
    who: Option<Who>,
    decision: Result<Decision, Error>,
}

/// `/authz/{service}`, and with the original path behind it, as Envoy asks.
pub(crate) fn router(state: &AppState) -> Router {
    let outcome = |word: &'static str| counter!("guildhall_authz_decisions_total", "outcome" => word);
    let shared = ForwardAuth {
        assertions: Assertions::new(state.site.public_url.clone()),
        allowed: outcome("allowed"),
        refused: outcome("refused"),
        unauthenticated: outcome("unauthenticated"),
        unavailable: outcome("unavailable"),
        seconds: histogram!("guildhall_authz_decision_duration_seconds"),
        state: state.clone(),
    };
    Router::new()
        .route("/authz/{service}", any(authorize))
        .route("/authz/{service}/", any(authorize))
        .route("/authz/{service}/{*path}", any(authorize))
        .with_state(Arc::new(shared))
}

/// `/.well-known/jwks.json`, behind all layers like any other document.
pub(crate) fn well_known() -> Router<AppState> {
    Router::new().route("/.well-known/jwks.json", get(assertion::key_set))
}

async fn authorize(State(shared): State<Arc<ForwardAuth>>, request: Request) -> Response {
    let begun = Instant::now();
    let (mut parts, _unread) = request.into_parts();
    let response = match tokio::time::timeout(LONGEST, shared.answer(&parts)).await {
        Ok(Ok(response)) => response,
        Ok(Err(outcome)) => shared.refuse(&mut parts, *outcome),
        Err(_) => {
            let error = Error::Unavailable(
                Code::DatabaseUnavailable,
                "The database does not answer. Try again in a moment.".to_owned(),
                Some(LONGEST),
            );
            let outcome = Outcome {
                who: None,
                decision: Err(error),
            };
            shared.refuse(&mut parts, outcome)
        }
    };
    let count = match response.status().as_u16() {
        200 => &shared.allowed,
        401 => &shared.unauthenticated,
        403 => &shared.refused,
        _ => &shared.unavailable,
    };
    count.increment(1);
    shared.seconds.record(begun.elapsed());
    response
}

impl ForwardAuth {
    /// The answer of an allowed request, or what else became of it.
    async fn answer(&self, parts: &Parts) -> Result<Response, Box<Outcome>> {
        let failed = |who: Option<Who>, decision| Box::new(Outcome { who, decision });
        let asked = Asked::read(parts);
        let now = clock::now();
        let found = credential::find(&self.state, parts, now).await;
        let (who, team) = found.map_err(|error| failed(None, Err(error)))?;
        let ask = asked.ask(team.as_deref());
        let allowed = match authz::decide(&self.state.backend, &who, &ask).await {
            Ok(Decision::Allowed(allowed)) => allowed,
            other => return Err(failed(Some(who), other)),
        };
        let assertion = self
            .assertions
            .get(&self.state.backend, &who, &allowed, asked.service(), now)
            .await;
        match assertion {
            Ok(assertion) => Ok(answer::allowed(&who, &allowed, assertion)),
            Err(error) => Err(failed(Some(who), Err(error))),
        }
    }

    /// Every other answer, in the log too.
    fn refuse(&self, parts: &mut Parts, outcome: Outcome) -> Response {
        let Info(info) = Info::note(
            &parts.headers,
            &mut parts.extensions,
            &self.state.config.trusted_proxies,
        );
        let asked = Asked::read(parts);
        let (id, ip, service) = (info.id.as_deref(), info.ip.as_deref(), asked.service());
        let user = outcome.who.as_ref().map(|who| who.person().id.to_string());
        match &outcome.decision {
            Err(Error::Internal(source)) => {
                tracing::error!(request_id = id, service, user, error = %source, "internal error");
            }
            Err(error @ Error::Unavailable(..)) => {
                tracing::warn!(request_id = id, service, user, %error, "a decision could not be made");
            }
            Err(error) => tracing::info!(request_id = id, service, ip, reason = %error, "not authenticated"),
            Ok(Decision::Refused(refused)) => {
                let (team, reason) = (refused.team.map(|team| team.to_string()), &refused.explanation.reason);
                tracing::info!(request_id = id, service, user, team, ip, reason, "refused");
            }
            Ok(Decision::Allowed(_)) => {}
        }
        answer::refused(&self.state.site.public_url, parts, &asked, info.id, outcome.decision)
    }
}
