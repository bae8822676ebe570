//! The demo's people, teams, projects, keys and runners. Written through the backend's functions, so audited like all else.

use std::{sync::Arc, time::Duration};

use backend::{
    Backend, Caller, Ctx, Method, Principal, RequestInfo, Result, identity, identity_links, keys, members,
    organizations, projects, runners, teams,
};
use chrono::TimeDelta;
use domain::{
    Description, Email, KeyName, OrgRole, OrganizationId, PersonName, ProjectName, ProjectRole, TeamId, TeamRole,
    UserRef, views::Project,
};
use rust_decimal::Decimal;

use super::{history, services, spending};
use crate::AppState;

/// How the demo is called in the audit log.
pub(super) const NAME: &str = "demo";
const ORGANIZATION: &str = "acme";
/// What the organization may spend on models, in US dollars a month.
const BUDGET: i64 = 5_000;

/// Someone to be.
pub(super) struct Who {
    pub email: &'static str,
    pub name: &'static str,
    /// What they are, on the sign-in page.
    pub hint: &'static str,
    role: Option<OrgRole>,
    super_admin: bool,
}

const fn who(email: &'static str, name: &'static str, hint: &'static str, role: Option<OrgRole>) -> Who {
    Who {
        email,
        name,
        hint,
        role,
        super_admin: false,
    }
}

pub(super) const PEOPLE: &[Who] = &[
    Who {
        super_admin: true,
        ..who("ada@acme.example", "Ada Admin", "super_admin", None)
    },
    who(
        "olga@acme.example",
        "Olga Owner",
        "org_admin of Acme",
        Some(OrgRole::OrgAdmin),
    ),
    who(
        "tess@acme.example",
        "Tess Lead",
        "admin of Backend Team",
        Some(OrgRole::OrgMember),
    ),
    who(
        "max@acme.example",
        "Max Member",
        "member of Backend Team and Engineering",
        Some(OrgRole::OrgMember),
    ),
    who(
        "dana@acme.example",
        "Dana Data",
        "admin of Data Science",
        Some(OrgRole::OrgMember),
    ),
    who(
        "pat@partner.example",
        "Pat Partner",
        "member of External Partner",
        Some(OrgRole::OrgMember),
    ),
    who(
        "audrey@acme.example",
        "Audrey Auditor",
        "auditor of Acme",
        Some(OrgRole::Auditor),
    ),
    who(
        "nora@acme.example",
        "Nora Newcomer",
        "no team yet",
        Some(OrgRole::OrgMember),
    ),
];

struct DemoTeam {
    name: &'static str,
    description: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    max_runners: Option<i64>,
    /// US dollars a month.
    budget: i64,
    models: &'static [&'static str],
    members: &'static [(&'static str, TeamRole)],
    projects: &'static [(&'static str, &'static str)],
}

/// SPEC D10's three, and the one of the runner guide.
const TEAMS: &[DemoTeam] = &[
    DemoTeam {
        name: "Backend Team",
        description: "Services and their builds",
        required: &["docker", "linux"],
        optional: &["backend-.*", "service-.*"],
        max_runners: Some(10),
        budget: 400,
        models: &[],
        members: &[
            ("tess@acme.example", TeamRole::Admin),
            ("max@acme.example", TeamRole::Member),
        ],
        projects: &[
            ("Billing", "Invoices and payments"),
            ("Search", "The index and what asks it"),
        ],
    },
    DemoTeam {
        name: "Engineering",
        description: "Full access to the AI services",
        required: &["linux"],
        optional: &["app-.*", "gpu", "size-(s|m|l)"],
        max_runners: Some(25),
        budget: 1500,
        models: &[],
        members: &[
            ("olga@acme.example", TeamRole::Admin),
            ("tess@acme.example", TeamRole::Member),
            ("max@acme.example", TeamRole::Member),
        ],
        projects: &[
            ("LLM API", "Models for our own products"),
            ("Auto Rater", "Rates what models answer"),
            ("CLI Eval", "Evaluations from the command line"),
        ],
    },
    DemoTeam {
        name: "Data Science",
        description: "Analytics: notebooks and reports",
        required: &["analytics"],
        optional: &["gpu-.*"],
        max_runners: Some(5),
        budget: 800,
        models: &["gpt-4o-mini", "text-embedding-3-small"],
        members: &[("dana@acme.example", TeamRole::Admin)],
        projects: &[("Forecast", "Next quarter, as far as anyone can know")],
    },
    DemoTeam {
        name: "External Partner",
        description: "Restricted: what the partner was promised, and no more",
        required: &["partner", "isolated"],
        optional: &[],
        max_runners: Some(1),
        budget: 50,
        models: &["gpt-4o-mini"],
        members: &[
            ("olga@acme.example", TeamRole::Admin),
            ("pat@partner.example", TeamRole::Member),
        ],
        projects: &[],
    },
];

/// Who is assigned to one of Engineering's projects (SPEC D8), and what its key is called.
struct Assigned {
    project: &'static str,
    people: &'static [(&'static str, ProjectRole)],
    key: &'static str,
}

const ASSIGNED: &[Assigned] = &[
    Assigned {
        project: "LLM API",
        people: &[
            ("olga@acme.example", ProjectRole::Member),
            ("tess@acme.example", ProjectRole::Admin),
            ("max@acme.example", ProjectRole::Member),
        ],
        key: "llm",
    },
    Assigned {
        project: "Auto Rater",
        people: &[
            ("tess@acme.example", ProjectRole::Admin),
            ("max@acme.example", ProjectRole::Member),
        ],
        key: "rater",
    },
    Assigned {
        project: "CLI Eval",
        people: &[("tess@acme.example", ProjectRole::Member)],
        key: "cli",
    },
];

/// Runners of Max in the first team, by their further labels.
const RUNNERS: &[(&str, &[&str])] = &[
    ("backend-build", &["backend-api"]),
    ("backend-build", &["backend-jobs"]),
    ("e2e", &["service-web"]),
];

/// Writes it all, unless the database has been used.
///
/// # Errors
/// When the database does not answer, or a rule forbids what is above.
pub(crate) async fn seed(state: &AppState) -> Result<()> {
    let backend = &state.backend;
    let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
    // The built-in organization is always there.
    if organizations::choices(&mut ctx).await?.len() > 1 {
        return Ok(());
    }
    let acme = organizations::NewOrganizationInput {
        name: "Acme".to_owned(),
        slug: Some(ORGANIZATION.to_owned()),
        domains: vec!["acme.example".to_owned()],
        max_budget: Some(Decimal::from(BUDGET)),
        budget_duration: Some("monthly".to_owned()),
        ..organizations::NewOrganizationInput::default()
    };
    let organization = organizations::create(&mut ctx, acme.parse()?).await?.organization.id;
    for person in PEOPLE {
        let name = PersonName::parse(person.name)?;
        let id = identity::create(
            &mut ctx,
            &Email::parse(person.email)?,
            Some(&name),
            person.super_admin,
            None,
        )
        .await?;
        if let Some(role) = person.role {
            // Pat is from elsewhere: a guest.
            organizations::people::add(&mut ctx, &organization.into(), &UserRef::Id(id), role, true).await?;
        }
    }
    let mut first = None;
    for team in TEAMS {
        let id = create_team(&mut ctx, organization, team).await?;
        first = first.or(Some(id));
    }
    services::seed(&mut ctx, organization).await?;
    super::requests::restrict(&mut ctx, organization).await?;
    history::seed(&mut ctx, organization).await?;
    spending::seed(&mut ctx, organization).await?;
    let (max, _) = identity::find(&mut ctx, &UserRef::Email(Email::parse("max@acme.example")?)).await?;
    ctx.commit().await?;
    let max = Arc::new(Principal::load(&backend.pool, max).await?);
    if let Some(team) = first {
        provision(backend, &max, team).await;
    }
    super::refusals::seed(backend).await?;
    super::keys::seed(backend).await?;
    super::requests::seed(backend).await?;
    // Now and not some time later: the demo is the same at each start.
    identity_links::sync_due(backend, Duration::ZERO).await?;
    super::reviews::seed(backend, organization).await?;
    tracing::info!(people = PEOPLE.len(), teams = TEAMS.len(), "the demo's data is there");
    Ok(())
}

async fn create_team(ctx: &mut Ctx, organization: OrganizationId, team: &DemoTeam) -> Result<TeamId> {
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    let input = teams::NewTeamInput {
        name: team.name.to_owned(),
        description: Some(team.description.to_owned()),
        required_labels: texts(team.required),
        optional_label_patterns: texts(team.optional),
        max_runners: team.max_runners,
        models: texts(team.models),
        max_budget: Some(Decimal::from(team.budget)),
        budget_duration: Some("monthly".to_owned()),
        organization_id: Some(organization),
        ..teams::NewTeamInput::default()
    };
    let id = teams::create(ctx, input.parse()?).await?.team.id;
    for (email, role) in team.members {
        members::add(ctx, id, &UserRef::Email(Email::parse(email)?), *role).await?;
    }
    for (name, description) in team.projects {
        let description = Description::optional(description)?;
        let project = projects::create(ctx, id, &ProjectName::parse(name)?, description.as_ref()).await?;
        assign(ctx, &project).await?;
    }
    Ok(id)
}

/// The people of a project, and a key of one of them. Nobody has seen the key: whoever wants one rotates it.
async fn assign(ctx: &mut Ctx, project: &Project) -> Result<()> {
    let Some(assigned) = ASSIGNED.iter().find(|assigned| assigned.project == project.name) else {
        return Ok(());
    };
    for (email, role) in assigned.people {
        let user = UserRef::Email(Email::parse(email)?);
        projects::members::set(ctx, project.team_id, project.id, &user, *role).await?;
    }
    let new = keys::NewKey {
        name: KeyName::parse(assigned.key)?,
        expires_at: Some(ctx.now + TimeDelta::days(90)),
        owner: Some(UserRef::Email(Email::parse("tess@acme.example")?)),
    };
    keys::create(ctx, project.team_id, project.id, &new).await.map(drop)
}

/// The demo starts without runners, too, so a failure here is only said.
async fn provision(backend: &Backend, person: &Arc<Principal>, team: TeamId) {
    for (prefix, labels) in RUNNERS {
        let input = runners::JitInput {
            runner_name_prefix: Some((*prefix).to_owned()),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            team_id: Some(team),
            ..runners::JitInput::default()
        };
        let caller = Caller::Person(Arc::clone(person), Method::System);
        let outcome = match input.parse() {
            Ok(request) => runners::provision(backend, caller, RequestInfo::default(), request)
                .await
                .map(drop),
            Err(fields) => Err(fields.into()),
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "a runner of the demo could not be provisioned");
        }
    }
}
