//! The demo's services, and which teams may use them: SPEC D10's policy examples.

use backend::{
    Ctx, Error, Result,
    services::{self, AllowInput, NewServiceInput},
    teams::{self, Found, TeamKey},
};
use domain::OrganizationId;

struct DemoService {
    name: &'static str,
    description: &'static str,
    kind: &'static str,
    paths: &'static [&'static str],
}

/// The catalogue of Acme.
const CATALOGUE: &[DemoService] = &[
    DemoService {
        name: "llm-service",
        description: "Chat, completions and embeddings of all models",
        kind: "model_gateway",
        paths: &["/v1"],
    },
    DemoService {
        name: "auto-rater",
        description: "Rates answers of models against a rubric",
        kind: "http",
        paths: &["POST /rate", "GET /ratings"],
    },
    DemoService {
        name: "cli-eval",
        description: "Runs evaluation suites from the command line",
        kind: "http",
        paths: &[],
    },
    DemoService {
        name: "atlas-al-oss-svc",
        description: "Active learning over open-source models",
        kind: "http",
        paths: &[],
    },
    DemoService {
        name: "analytics",
        description: "Notebooks, reports and the warehouse behind them",
        kind: "http",
        paths: &["/query", "GET /reports"],
    },
];

/// What each team may use, by its slug, and why.
const ALLOWED: &[(&str, &[(&str, &str)])] = &[
    (
        "engineering",
        &[
            ("llm-service", "Assistants in our products call it at run time"),
            ("auto-rater", "Every release is rated before it ships"),
            ("cli-eval", "Evaluation suites run in CI"),
            ("atlas-al-oss-svc", "Chooses which answers people label next"),
        ],
    ),
    (
        "data-science",
        &[("analytics", "Forecasts and reports are made from the warehouse")],
    ),
    (
        "external-partner",
        &[(
            "cli-eval",
            "The contract lets the partner run our evaluation suites, and no more",
        )],
    ),
];

/// Writes the catalogue and the policies.
pub(super) async fn seed(ctx: &mut Ctx, organization: OrganizationId) -> Result<()> {
    for service in CATALOGUE {
        let input = NewServiceInput {
            name: service.name.to_owned(),
            description: Some(service.description.to_owned()),
            kind: Some(service.kind.to_owned()),
            path_prefixes: service.paths.iter().map(|&path| path.to_owned()).collect(),
        };
        services::create(ctx, organization, input.parse()?).await?;
    }
    for (slug, allowed) in ALLOWED {
        let Found::One(page) = teams::find(ctx, &TeamKey::parse(slug)).await? else {
            return Err(Error::internal(format!("the demo has several teams {slug}")));
        };
        let rows: Vec<AllowInput> = allowed
            .iter()
            .map(|&(service, reason)| AllowInput {
                service: service.to_owned(),
                reason: reason.to_owned(),
            })
            .collect();
        services::set(ctx, page.team.id, &rows).await?;
    }
    Ok(())
}
