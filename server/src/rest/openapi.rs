//! What the OpenAPI document says beside the routes themselves.

use backend::Code;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        path::{Operation, ParameterIn, PathItem},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::problem::{self, ProblemBody};

/// The document without any route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Guildhall",
        description = "Teams, their members and projects, and the CI runners that they provision.\n\nErrors are RFC 9457 problem details; [their codes](/api/docs/errors).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This server")),
    components(schemas(ProblemBody)),
    modifiers(&Bearer),
    security(("bearer" = [])),
    tags(
        (name = "Teams", description = "Create, change, deactivate and archive teams"),
        (name = "Members", description = "Who belongs to a team, and as what"),
        (name = "Projects", description = "Projects of a team, and who is assigned to them"),
        (name = "Keys", description = "API keys of projects"),
        (name = "API keys", description = "Keys for models, which LiteLLM makes, and lists of all keys"),
        (name = "Requests", description = "To join a team, and for what its people may not change themselves"),
        (name = "Access reviews", description = "Memberships, roles and allowed services, looked at line by line"),
        (name = "Machine clients", description = "Programs that provision runners for one team"),
        (name = "Services", description = "An organization's services, and which of them a team may use"),
        (name = "Runners", description = "Just-in-time CI runners"),
        (name = "Label policies", description = "What people in no team may put on runners, and how they get into teams"),
        (name = "Sync", description = "The comparison of our runners with GitHub's"),
        (name = "LiteLLM", description = "What LiteLLM's proxies have, do not have yet, and have otherwise"),
        (name = "Alerts", description = "What needs an operator now"),
        (name = "Webhooks", description = "What GitHub tells by itself"),
        (name = "Me", description = "The caller"),
        (name = "Tokens", description = "The caller's access tokens"),
        (name = "Users", description = "The accounts of people"),
        (name = "Forward auth", description = "Whether somebody may use a service, and why"),
        (name = "Audit", description = "What happened, and what broke a rule"),
        (name = "Statistics", description = "Everything in numbers"),
        (name = "Budgets", description = "What was spent of budgets, and by whom"),
        (name = "Cost", description = "What runners cost, and the prices of their labels"),
        (name = "Organizations", description = "What teams belong to"),
    ),
)]
struct Frame;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("A personal access token, or a JWT of the configured OpenID provider.".to_owned());
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The document without any route.
pub(super) fn frame() -> Document {
    Frame::openapi()
}

/// What every route may answer.
const ALWAYS: &[Code] = &[
    Code::NotAuthenticated,
    Code::BadToken,
    Code::NotAuthorized,
    Code::Deactivated,
    Code::Internal,
    Code::DatabaseUnavailable,
    Code::JwksUnavailable,
    Code::TimedOut,
];
/// What every route that reads a query string may answer.
const WITH_QUERY: &[Code] = &[Code::Validation];
/// What every route that reads a body may answer.
const WITH_BODY: &[Code] = &[Code::Validation, Code::BadBody, Code::MediaType, Code::TooLarge];
/// What every route that changes something may answer.
const CHANGES: &[Code] = &[Code::CrossSite];

/// Adds the answers that many routes share, and gives every refusal its content type and body.
pub(super) fn finish(mut document: Document) -> Document {
    for item in document.paths.paths.values_mut() {
        let PathItem {
            get,
            post,
            patch,
            put,
            delete,
            ..
        } = item;
        for (operation, changes) in [(get, false), (post, true), (patch, true), (put, true), (delete, true)] {
            if let Some(operation) = operation {
                finish_operation(operation, changes);
            }
        }
    }
    document
}

fn finish_operation(operation: &mut Operation, changes: bool) {
    let mut codes = ALWAYS.to_vec();
    let has_query = (operation.parameters.iter().flatten())
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query));
    if operation.request_body.is_some() {
        codes.extend_from_slice(WITH_BODY);
    } else if has_query {
        codes.extend_from_slice(WITH_QUERY);
    }
    if changes {
        codes.extend_from_slice(CHANGES);
    }
    let responses = &mut operation.responses.responses;
    for code in codes {
        let words = format!("`{}`: {}", code.as_str(), code.meaning());
        let response = responses
            .entry(code.status().to_string())
            .or_insert_with(|| ResponseBuilder::new().build().into());
        let RefOr::T(response) = response else { continue };
        // A route that tells more of a code than its meaning has the last word.
        if response.description.contains(&format!("`{}`", code.as_str())) {
            continue;
        }
        if !response.description.is_empty() {
            response.description.push_str("\n\n");
        }
        response.description.push_str(&words);
    }
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
        {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            response
                .content
                .insert(problem::CONTENT_TYPE.to_owned(), problem.into());
        }
    }
}
