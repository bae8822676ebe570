//! The decision: which team is acted for, and whether it may use the service.

use std::sync::Arc;

use domain::{
    OrgRole, OrganizationId, PathRule, Permission, ProjectId, ServiceKind, Standing, TeamId, TeamStatus,
    authz::{Basis, Catalogued, Credential, Denial, Explanation, Original, ProjectAccess, Question},
};
use uuid::Uuid;

use super::Who;
use crate::{
    Backend, Principal, Result,
    budgets::{Budgets, Spender},
    principals::clock,
    services::TeamPolicy,
};

/// A team's policy, made to be asked often.
#[derive(Debug)]
pub struct Policy {
    /// The team.
    pub team: TeamId,
    /// Its name.
    pub name: String,
    /// Its organization.
    pub organization: OrganizationId,
    /// Its status.
    pub status: TeamStatus,
    /// The organization's services, sorted by name.
    services: Box<[Service]>,
}

#[derive(Debug)]
struct Service {
    name: Box<str>,
    rules: Vec<PathRule>,
    allowed: bool,
    /// Whether its use costs something.
    counts: bool,
}

impl Policy {
    pub(super) fn new(policy: TeamPolicy) -> Self {
        let services = policy.services.into_iter().map(|service| Service {
            name: service.name.into(),
            rules: service.rules,
            allowed: service.allowed,
            counts: service.kind == ServiceKind::ModelGateway,
        });
        let mut services: Box<[Service]> = services.collect();
        // Not in the order of the database, which depends on its locale.
        services.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            team: policy.team,
            name: policy.name,
            organization: policy.organization,
            status: policy.status,
            services,
        }
    }

    /// Where a service stands, if the catalogue has it.
    fn find(&self, name: &str) -> Option<usize> {
        self.services.binary_search_by(|service| (*service.name).cmp(name)).ok()
    }

    /// The service's name at a place, as the catalogue writes it.
    pub fn service(&self, place: usize) -> Option<&str> {
        self.services.get(place).map(|service| &*service.name)
    }

    /// Whether a use of the service counts against budgets: it is a gateway to models.
    pub(super) fn counts(&self, service: &str) -> bool {
        (self.find(service)).is_some_and(|place| self.services.get(place).is_some_and(|service| service.counts))
    }

    /// A request that the service admits, if it does not admit all: for questions about the service at large.
    pub(super) fn some_request(&self, service: &str) -> Option<(Option<String>, String)> {
        let rule = self.services.get(self.find(service)?)?.rules.first()?;
        let text = rule.to_string();
        Some(match text.split_once(' ') {
            Some((method, path)) => (Some(method.to_owned()), path.to_owned()),
            None => (None, text),
        })
    }

    /// About how many bytes this takes in memory.
    pub(super) fn weight(&self) -> u32 {
        let services: usize = self
            .services
            .iter()
            .map(|service| size_of::<Service>() + service.name.len() + service.rules.len() * 64)
            .sum();
        u32::try_from(size_of::<Self>() + self.name.len() + services + 300).unwrap_or(u32::MAX)
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The service.
    pub service: &'a str,
    /// The team that the request names: an id or a slug.
    pub team: Option<&'a str>,
    /// The project that the request names: an id.
    pub project: Option<&'a str>,
    /// The request behind the proxy.
    pub original: Original<'a>,
}

/// The answer.
#[derive(Debug)]
pub enum Decision {
    /// Yes.
    Allowed(Allowed),
    /// No.
    Refused(Refused),
}

/// Yes, and for whom.
#[derive(Debug)]
pub struct Allowed {
    /// The team that is acted for; none for those who bypass policies and name none.
    pub team: Option<Arc<Policy>>,
    /// Where the service stands in the team's policy.
    pub place: Option<usize>,
    /// What the person is with regard to the team.
    pub standing: Standing,
    /// The project that is acted in.
    pub project: Option<ProjectId>,
    /// Why.
    pub basis: Basis,
}

/// No, and why.
#[derive(Debug)]
pub struct Refused {
    /// The team that was tried, if it may be told.
    pub team: Option<TeamId>,
    /// The rule that refused.
    pub denial: Denial,
    /// The chain of rules.
    pub explanation: Explanation,
}

/// Decides. Warm, without SQL.
///
/// A person who names no team acts for the first of their active teams, by name, that may use the service; with a
/// bypass and no such team, for none. A key acts for its team, and naming another one is refused.
///
/// # Errors
/// When the database is asked and does not answer.
pub async fn decide(backend: &Backend, who: &Who, ask: &Ask<'_>) -> Result<Decision> {
    let project = ask.project.map_or(Project::None, Project::named);
    // What cannot be a name is asked of nobody.
    if ask
        .team
        .is_some_and(|named| named.len() > 63 || !named.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Ok(foreign(who, ask));
    }
    match who {
        Who::Key { team, project: own, .. } => {
            let named_other = match ask.team {
                None => false,
                Some(named) => !names(backend, who, named, *team).await?,
            };
            let project = match (*own, project) {
                (None, project) => project,
                (Some(own), Project::None) => Project::Named(own),
                (Some(own), Project::Named(named)) if own == named => Project::Named(own),
                // A key of one project is none of another's.
                (Some(_), _) => Project::Impossible,
            };
            match backend.principals.policy(&backend.pool, *team).await? {
                Some(policy) if !named_other => in_team(backend, who, ask, policy, project).await,
                _ => Ok(foreign(who, ask)),
            }
        }
        Who::Person(person) => match ask.team {
            Some(named) => match find(backend, person, named).await? {
                Some(policy) => in_team(backend, who, ask, policy, project).await,
                None => Ok(foreign(who, ask)),
            },
            None => any_team(backend, who, person, ask, project).await,
        },
    }
}

/// The decision in one team.
async fn in_team(
    backend: &Backend,
    who: &Who,
    ask: &Ask<'_>,
    policy: Arc<Policy>,
    project: Project,
) -> Result<Decision> {
    let person = who.person();
    let standing = person.standing(policy.organization, policy.team);
    let subjects = Subjects {
        credential: credential(who),
        person: Some(person),
        standing,
    };
    let mut question = ask_in_team(backend, &subjects, ask.service, ask.original, &policy, project).await?;
    // Who is refused anyway is not asked about money.
    let budgets = if policy.counts(ask.service) && question.decide().is_ok() {
        let spender = spender(who, policy.team, project);
        backend.principals.budgets(&backend.pool, spender, clock()).await?
    } else {
        Budgets::default()
    };
    question.budgets = budgets.as_slice();
    let basis = match question.decide() {
        Ok(basis) => basis,
        Err(denial) => {
            return Ok(Decision::Refused(Refused {
                team: Some(policy.team),
                denial,
                explanation: question.explain(),
            }));
        }
    };
    Ok(Decision::Allowed(Allowed {
        place: policy.find(ask.service),
        team: Some(policy),
        standing,
        project: project.id(),
        basis,
    }))
}

/// Whose budgets a use counts against.
fn spender(who: &Who, team: TeamId, project: Project) -> Spender {
    Spender {
        team,
        user: Some(who.person().id),
        project: project.id(),
        key: match who {
            Who::Key { id, .. } => Some(*id),
            Who::Person(_) => None,
        },
    }
}

/// Who is asked about in a team.
pub(super) struct Subjects<'a> {
    /// What proves who it is.
    pub(super) credential: Credential,
    /// The person, or the key's owner.
    pub(super) person: Option<&'a Principal>,
    /// What that person is with regard to the team.
    pub(super) standing: Standing,
}

/// The question of someone in a team, with all the facts.
pub(super) async fn ask_in_team<'a>(
    backend: &Backend,
    subjects: &Subjects<'_>,
    service: &'a str,
    original: Original<'a>,
    policy: &'a Policy,
    project: Project,
) -> Result<Question<'a>> {
    Ok(Question {
        credential: subjects.credential,
        standing: subjects.standing,
        team: Some(policy.status),
        service,
        catalogued: policy
            .find(service)
            .and_then(|place| policy.services.get(place))
            .map(catalogued),
        original,
        project: match subjects.person {
            Some(person) => access(backend, person, subjects.standing, policy.team, project).await?,
            None => ProjectAccess::None,
        },
        budgets: &[],
    })
}

/// The first team that may use the service, by name; else the bypass without a team; else why the first may not.
async fn any_team(
    backend: &Backend,
    who: &Who,
    person: &Principal,
    ask: &Ask<'_>,
    project: Project,
) -> Result<Decision> {
    let mut refused = None;
    let mut bypassed = None;
    for team in &person.teams {
        // An inactive team is only worth a word when there is no other.
        let active = team.status == TeamStatus::Active;
        if !active && refused.is_some() {
            continue;
        }
        let Some(policy) = backend.principals.policy(&backend.pool, team.team_id).await? else {
            continue;
        };
        match in_team(backend, who, ask, policy, project).await? {
            Decision::Allowed(allowed) if allowed.basis == Basis::Policy => return Ok(Decision::Allowed(allowed)),
            // What the person's own team allows comes before what their role does.
            allowed @ Decision::Allowed(_) => {
                bypassed.get_or_insert(allowed);
            }
            decision @ Decision::Refused(_) => {
                if refused.is_none() || (active && !matches!(&refused, Some((true, _)))) {
                    refused = Some((active, decision));
                }
            }
        }
    }
    if let Some(allowed) = bypassed {
        return Ok(allowed);
    }
    let alone = without_team(backend, person, ask, project).await?;
    Ok(match (alone, refused) {
        (Some(decision @ Decision::Allowed(_)), _) | (_, Some((_, decision))) | (Some(decision), None) => decision,
        (None, None) => foreign(who, ask),
    })
}

/// The decision for someone who bypasses policies, with no team: in the catalogue of all organizations, or of their own.
async fn without_team(
    backend: &Backend,
    person: &Principal,
    ask: &Ask<'_>,
    project: Project,
) -> Result<Option<Decision>> {
    let all = [None];
    let own: Vec<Option<OrganizationId>>;
    let catalogues: &[Option<OrganizationId>] = if person.super_admin {
        &all
    } else {
        own = person
            .organizations
            .iter()
            .filter(|(_, role)| *role == OrgRole::OrgAdmin)
            .map(|(organization, _)| Some(*organization))
            .collect();
        &own
    };
    let mut refused = None;
    for of in catalogues {
        let catalogue = backend.principals.catalogue(&backend.pool, *of).await?;
        let standing = Standing {
            super_admin: person.super_admin,
            auditor: person.auditor,
            org: of.map(|_| OrgRole::OrgAdmin),
            team: None,
        };
        let question = |rules: Option<&[PathRule]>| {
            let question = Question {
                credential: Credential::Person,
                standing,
                team: None,
                service: ask.service,
                catalogued: rules.map(|rules| Catalogued { rules, allowed: false }),
                original: ask.original,
                // A project is a team's.
                project: match project {
                    Project::None => ProjectAccess::None,
                    _ => ProjectAccess::Refused,
                },
                // A budget is a team's.
                budgets: &[],
            };
            question.decide().map_err(|denial| (denial, question.explain()))
        };
        // Services of one name in several organizations: all of them have to admit the request, as nobody knows which
        // of them the proxy stands before.
        let mut answers: Vec<_> = catalogue.find(ask.service).map(|rules| question(Some(rules))).collect();
        if answers.is_empty() {
            answers.push(question(None));
        }
        match answers
            .into_iter()
            .collect::<std::result::Result<Vec<Basis>, (Denial, Explanation)>>()
        {
            Ok(bases) => {
                return Ok(bases.first().map(|basis| {
                    Decision::Allowed(Allowed {
                        team: None,
                        place: None,
                        standing,
                        project: None,
                        basis: *basis,
                    })
                }));
            }
            Err((denial, explanation)) => {
                refused.get_or_insert(Decision::Refused(Refused {
                    team: None,
                    denial,
                    explanation,
                }));
            }
        }
    }
    Ok(refused)
}

/// The refusal of someone who has nothing to do with the team that was named, whether or not there is such a team.
fn foreign(who: &Who, ask: &Ask<'_>) -> Decision {
    let question = Question {
        credential: credential(who),
        standing: Standing::default(),
        team: Some(TeamStatus::Active),
        service: ask.service,
        catalogued: None,
        original: ask.original,
        project: ProjectAccess::None,
        budgets: &[],
    };
    Decision::Refused(Refused {
        team: None,
        denial: Denial::NotMember,
        explanation: question.explain(),
    })
}

/// The project that a request names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Project {
    /// None.
    None,
    /// This one.
    Named(ProjectId),
    /// Something that cannot be.
    Impossible,
}

impl Project {
    fn named(text: &str) -> Self {
        text.parse().map_or(Self::Impossible, Self::Named)
    }

    fn id(self) -> Option<ProjectId> {
        match self {
            Self::Named(id) => Some(id),
            Self::None | Self::Impossible => None,
        }
    }
}

/// The policy of the team that a person names, if there is one that they may know of.
async fn find(backend: &Backend, person: &Principal, named: &str) -> Result<Option<Arc<Policy>>> {
    let (principals, pool) = (&backend.principals, &backend.pool);
    let Ok(id) = Uuid::try_parse(named) else {
        let mut own = person.teams.iter().filter(|team| team.slug == named);
        return match (own.next(), own.next()) {
            (Some(team), None) => principals.policy(pool, team.team_id).await,
            (None, _) if person.is_admin() => by_slug(backend, person, named).await,
            // None of that name, or several.
            (Some(_) | None, _) => Ok(None),
        };
    };
    principals.policy(pool, TeamId(id)).await
}

/// The only team of that slug where the person bypasses policies. Asks the database: such a person names a team that
/// is not theirs by its slug rarely, and may always name it by its id.
async fn by_slug(backend: &Backend, person: &Principal, slug: &str) -> Result<Option<Arc<Policy>>> {
    let own: Vec<Uuid> = person
        .organizations
        .iter()
        .filter(|(_, role)| *role == OrgRole::OrgAdmin)
        .map(|(organization, _)| organization.0)
        .collect();
    let teams = super::catalogue::teams_by_slug(&backend.pool, slug, (!person.super_admin).then_some(&own)).await?;
    match teams.as_slice() {
        [team] => backend.principals.policy(&backend.pool, *team).await,
        _ => Ok(None),
    }
}

/// Whether `named` is a name of a key's team.
async fn names(backend: &Backend, who: &Who, named: &str, team: TeamId) -> Result<bool> {
    if let Ok(id) = Uuid::try_parse(named) {
        return Ok(id == team.0);
    }
    if let Some(own) = who.person().teams.iter().find(|own| own.team_id == team) {
        return Ok(own.slug == named);
    }
    super::catalogue::has_slug(&backend.pool, team, named).await
}

/// What the person has to do with the project.
async fn access(
    backend: &Backend,
    person: &Principal,
    standing: Standing,
    team: TeamId,
    project: Project,
) -> Result<ProjectAccess> {
    let project = match project {
        Project::None => return Ok(ProjectAccess::None),
        Project::Impossible => return Ok(ProjectAccess::Refused),
        Project::Named(id) => id,
    };
    // An assignment outlives a membership for no moment (SPEC D4), so one without the other is none.
    if standing.team.is_some() && person.projects.contains(&(project, team)) {
        return Ok(ProjectAccess::Assigned);
    }
    if standing.may(Permission::ProjectsManage)
        && backend.principals.team_of_project(&backend.pool, project).await? == Some(team)
    {
        return Ok(ProjectAccess::Implicit);
    }
    Ok(ProjectAccess::Refused)
}

fn credential(who: &Who) -> Credential {
    match who {
        Who::Person(_) => Credential::Person,
        Who::Key { .. } => Credential::Key,
    }
}

fn catalogued(service: &Service) -> Catalogued<'_> {
    Catalogued {
        rules: &service.rules,
        allowed: service.allowed,
    }
}
