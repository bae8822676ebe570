//! `POST /api/v1/authz/explain` and `/check`: why, and whether.

use axum::response::Response;
use backend::authz::{self, About, Checked, Explain, Subject};
use domain::{Fields, Invalid, Label, TeamId, UserRef};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{Call, json},
};
use crate::{
    problem::{ChainStep, Problem},
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(explain_decision))
        .routes(routes!(check_decision))
}

/// A question: about one person or key, in one team, about one service, label or model.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_id": "user@example.com", "team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "service": "llm-service"}))]
struct ExplainBody {
    /// A person, by UUID or email. Either this or `key_prefix`.
    user_id: Option<String>,
    /// How a key of the team begins: `sk-…`.
    key_prefix: Option<String>,
    team_id: Uuid,
    /// A service. One of `service`, `label` and `model`.
    service: Option<String>,
    /// With a service that admits some requests only: the method.
    method: Option<String>,
    /// With a service that admits some requests only: the path.
    path: Option<String>,
    /// A runner label.
    label: Option<String>,
    /// An AI model.
    model: Option<String>,
}

/// The answer with every rule that led to it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
struct ExplanationBody {
    #[schema(example = false)]
    allowed: bool,
    #[schema(example = "Service 'llm-service' not allowed for team")]
    reason: String,
    /// In the order in which they are asked.
    chain: Vec<ChainStep>,
}

/// A short question: about one team, person or key, and one service or model.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "service": "llm-service"}))]
struct CheckBody {
    /// A team; or, with `user_id`, the team that the person acts for.
    team_id: Option<Uuid>,
    /// A person, by UUID or email.
    user_id: Option<String>,
    /// A key, whole: whoever has it may ask.
    key: Option<String>,
    /// A service. Either this or `model`.
    service: Option<String>,
    /// With a service that admits some requests only: the method.
    method: Option<String>,
    /// With a service that admits some requests only: the path.
    path: Option<String>,
    /// An AI model.
    model: Option<String>,
}

/// The short answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckResult)]
struct CheckAnswer {
    #[schema(example = true)]
    allowed: bool,
    #[schema(example = "Service 'llm-service' is allowed")]
    reason: String,
}

/// What is asked about.
struct AboutBody {
    service: Option<String>,
    method: Option<String>,
    path: Option<String>,
    label: Option<String>,
    model: Option<String>,
}

impl AboutBody {
    /// Exactly one thing, with a name that can be one.
    fn parse(self, fields: &mut Fields) -> Option<About> {
        let one = "must be there: exactly one of service, label and model";
        match (self.service, self.label, self.model) {
            (Some(name), None, None) => fields.take(named("service", &name)).map(|name| About::Service {
                name,
                method: self.method.map(|method| method.to_ascii_uppercase()),
                path: self.path,
            }),
            (None, Some(label), None) => fields
                .take(Label::parse(&label).map_err(|invalid| Invalid::new("label", invalid.message)))
                .map(About::Label),
            (None, None, Some(model)) => fields.take(named("model", &model)).map(About::Model),
            _ => {
                fields.push(Invalid::new("service", one));
                None
            }
        }
    }
}

/// A name that somebody may have: unknown ones get an answer too.
fn named(field: &'static str, text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > 200 || text.chars().any(char::is_control) {
        return Err(Invalid::new(
            field,
            "must be 1 to 200 characters without control characters",
        ));
    }
    Ok(text.to_owned())
}

/// Explain why something is allowed or not
///
/// Everyone may ask about themselves and their own keys; those who manage a team's members, and auditors, about anyone
/// in it.
#[utoipa::path(
    post,
    path = "/authz/explain",
    tag = "Forward auth",
    request_body = ExplainBody,
    responses((status = 200, description = "The answer with its chain of rules", body = ExplanationBody), (status = 404, description = "`NOT_FOUND`: no such person, key or team"))
)]
async fn explain_decision(call: Call, Json(body): Json<ExplainBody>) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let subject = match (body.user_id, body.key_prefix) {
        (Some(user), None) => fields.take(UserRef::parse("user_id", &user)).map(Subject::Person),
        (None, Some(prefix)) => fields.take(named("key_prefix", &prefix)).map(Subject::KeyPrefix),
        _ => {
            fields.push(Invalid::new(
                "user_id",
                "must be there: exactly one of user_id and key_prefix",
            ));
            None
        }
    };
    let about = AboutBody {
        service: body.service,
        method: body.method,
        path: body.path,
        label: body.label,
        model: body.model,
    };
    let about = about.parse(&mut fields);
    let team = TeamId(body.team_id);
    let ask = fields.with(
        subject
            .zip(about)
            .map(|(subject, about)| Explain { subject, team, about }),
    )?;
    let mut ctx = call.read().await?;
    let answer = authz::explain(&mut ctx, &ask).await?;
    json(
        StatusCode::OK,
        &ExplanationBody {
            allowed: answer.allowed,
            reason: answer.reason,
            chain: answer.chain.into_iter().map(ChainStep::from).collect(),
        },
    )
}

/// Check whether something is allowed
///
/// For programs that ask on behalf of others. A team may be asked about by those who see it, a person by themselves and
/// by those who may ask for an explanation, a key by whoever has it.
#[utoipa::path(
    post,
    path = "/authz/check",
    tag = "Forward auth",
    request_body = CheckBody,
    responses((status = 200, description = "Yes or no", body = CheckAnswer), (status = 429, description = "`BUDGET_EXCEEDED`: it would be allowed, but a budget is used up; `detail` says whose"), (status = 404, description = "`NOT_FOUND`: no such person or team"))
)]
async fn check_decision(call: Call, Json(body): Json<CheckBody>) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let team = body.team_id.map(TeamId);
    let who = match (team, body.user_id, body.key) {
        (Some(team), None, None) => Some(Checked::Team(team)),
        (team, Some(user), None) => fields
            .take(UserRef::parse("user_id", &user))
            .map(|user| Checked::Person(user, team)),
        (None, None, Some(key)) => Some(Checked::Key(key)),
        _ => {
            fields.push(Invalid::new(
                "team_id",
                "must be there: team_id, user_id (perhaps with team_id) or key",
            ));
            None
        }
    };
    let about = AboutBody {
        service: body.service,
        method: body.method,
        path: body.path,
        label: None,
        model: body.model,
    };
    let about = about.parse(&mut fields);
    let (who, about) = fields.with(who.zip(about))?;
    let mut ctx = call.read().await?;
    let (allowed, reason) = authz::check(&mut ctx, &who, &about).await?;
    json(StatusCode::OK, &CheckAnswer { allowed, reason })
}
