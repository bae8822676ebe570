//! Why: may this person or key, in this team, use this service, label or model?

use std::sync::Arc;

use domain::{
    KeyId, Label, Permission, ProjectId, Standing, TeamId, TeamRole, UserId, UserRef,
    authz::{Credential, Explanation, LabelQuestion, ModelQuestion, Original, Question},
    views::TeamPage,
};

use super::{
    check::budgets_of,
    decide::{Project, Subjects, ask_in_team},
    model::ModelFacts,
};
use crate::{Code, Ctx, Error, Principal, Result, budgets::Spender, default_team, identity, teams};

/// About whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A person.
    Person(UserRef),
    /// The key of the team whose secret begins so.
    KeyPrefix(String),
}

/// About what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A service, and perhaps a request to it.
    Service {
        /// Its name.
        name: String,
        /// The request's method.
        method: Option<String>,
        /// The request's path.
        path: Option<String>,
    },
    /// A runner label.
    Label(Label),
    /// An AI model.
    Model(String),
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explain {
    /// About whom.
    pub subject: Subject,
    /// In which team.
    pub team: TeamId,
    /// About what.
    pub about: About,
}

/// A subject that was found.
struct Known {
    credential: Credential,
    /// The person or the key's owner; none when the account is deactivated.
    person: Option<Arc<Principal>>,
    project: Option<ProjectId>,
    key: Option<KeyId>,
}

impl Known {
    /// Whose budgets a use counts against.
    fn spender(&self, team: TeamId) -> Spender {
        Spender {
            team,
            user: self.person.as_ref().map(|person| person.id),
            project: self.project,
            key: self.key,
        }
    }
}

/// Answers with the chain of rules that decides.
///
/// # Errors
/// 403 unless the question is about oneself or one's own key, or one manages the team's members or may see everything
/// in it; 404 for an unknown person, key or team.
pub async fn explain(ctx: &mut Ctx, ask: &Explain) -> Result<Explanation> {
    let page = match teams::load(ctx, ask.team, teams::Lock::None).await {
        Ok(page) => Some(page),
        Err(Error::Refused(Code::NotFound, _)) => None,
        Err(error) => return Err(error),
    };
    let known = match &ask.subject {
        Subject::Person(user) => person(ctx, page.as_ref(), ask.team, user).await?,
        Subject::KeyPrefix(prefix) => key(ctx, page.as_ref(), ask.team, prefix).await?,
    };
    let mut standing = match (&page, &known.person) {
        (Some(page), Some(person)) => person.standing(page.team.organization_id, ask.team),
        _ => Standing::default(),
    };
    if let (Some(page), Some(person), About::Label(_) | About::Model(_)) = (&page, &known.person, &ask.about)
        && page.team.is_system
        && default_team::has(ctx, person.id).await?
    {
        // Membership of the Default Team counts for models, and for runners where they are enabled (SPEC X4).
        standing.team = Some(TeamRole::Member);
    }
    match &ask.about {
        About::Service { name, method, path } => {
            let original = Original {
                // Without a path the question is about the service, not about a request.
                method: method.as_deref(),
                path: path.as_deref(),
                contradictory: false,
            };
            service(ctx, ask.team, &known, standing, name, original).await
        }
        About::Label(label) => self::label(page.as_ref(), &known, standing, label),
        About::Model(model) => self::model(ctx, page.as_ref(), &known, standing, model).await,
    }
}

/// Whether the caller may ask about others in the team.
fn may_ask_about_others(standing: &Standing) -> bool {
    standing.may(Permission::MembersManage)
        || (standing.may(Permission::TeamView) && standing.may(Permission::AuditView))
}

/// Refuses whoever may not ask about others.
fn require_for_others(ctx: &Ctx, page: Option<&TeamPage>, team: TeamId) -> Result<()> {
    match page {
        Some(page) if may_ask_about_others(&page.standing) => Ok(()),
        Some(page) if page.standing.team.is_some() => Err(page.standing.refusal(Permission::MembersManage).into()),
        None if matches!(&ctx.caller, crate::Caller::Person(person, _) if person.super_admin) => {
            Err(Error::not_found("Team", team))
        }
        _ => Err(Standing::default().refusal(Permission::TeamView).into()),
    }
}

async fn person(ctx: &mut Ctx, page: Option<&TeamPage>, team: TeamId, user: &UserRef) -> Result<Known> {
    let own = match (&ctx.caller, user) {
        (crate::Caller::Person(caller, _), UserRef::Id(id)) => caller.id == *id,
        (crate::Caller::Person(caller, _), UserRef::Email(email)) => caller.email == email.as_str(),
        _ => false,
    };
    if !own {
        require_for_others(ctx, page, team)?;
    }
    let (id, _) = identity::find(ctx, user).await?;
    account(ctx, id, Credential::Person, Credential::Deactivated, None).await
}

/// The account behind a credential, as it is now.
async fn account(
    ctx: &Ctx,
    id: UserId,
    good: Credential,
    deactivated: Credential,
    project: Option<ProjectId>,
) -> Result<Known> {
    match ctx.backend.principals.get(&ctx.backend.pool, id).await {
        Ok(person) => Ok(Known {
            credential: good,
            person: Some(person),
            project,
            key: None,
        }),
        Err(Error::Refused(Code::Deactivated, _)) => Ok(Known {
            credential: deactivated,
            person: None,
            project,
            key: None,
        }),
        Err(error) => Err(error),
    }
}

async fn key(ctx: &mut Ctx, page: Option<&TeamPage>, team: TeamId, prefix: &str) -> Result<Known> {
    let prefix = prefix.trim().trim_end_matches(['…', '.', '*']);
    let (now, caller) = (ctx.now, ctx.caller.user_id());
    let missing = || Error::not_found("Key", prefix);
    if prefix.contains('\0') {
        return Err(missing());
    }
    // Also by a part of the secret's beginning, as people cut it; what works comes first.
    let row = sqlx::query!(
        "SELECT id, owner_id, project_id, revoked_at, expires_at FROM api_keys
        WHERE team_id = $1 AND prefix <> '' AND (starts_with($2, prefix) OR (length($2) >= 6 AND starts_with(prefix, $2))) ORDER BY revoked_at IS NOT NULL, created_at DESC LIMIT 1",
        team.0,
        prefix,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(row) = row else {
        require_for_others(ctx, page, team)?;
        return Err(missing());
    };
    if caller != Some(UserId(row.owner_id)) {
        require_for_others(ctx, page, team)?;
    }
    let good = match (row.revoked_at, row.expires_at) {
        (Some(_), _) => Credential::KeyRevoked,
        (None, Some(end)) if end <= now => Credential::KeyExpired,
        _ => Credential::Key,
    };
    tracing::debug!(key = %KeyId(row.id), "a key is explained");
    let project = row.project_id.map(ProjectId);
    let known = account(ctx, UserId(row.owner_id), good, Credential::OwnerDeactivated, project).await?;
    Ok(Known {
        key: Some(KeyId(row.id)),
        ..known
    })
}

async fn service(
    ctx: &mut Ctx,
    team: TeamId,
    known: &Known,
    standing: Standing,
    service: &str,
    mut original: Original<'_>,
) -> Result<Explanation> {
    let Some(policy) = ctx.backend.principals.policy(&ctx.backend.pool, team).await? else {
        let nothing = Question {
            credential: known.credential,
            standing: Standing::default(),
            team: Some(domain::TeamStatus::Active),
            service,
            catalogued: None,
            original,
            project: domain::authz::ProjectAccess::None,
            budgets: &[],
        };
        return Ok(nothing.explain());
    };
    let at;
    if original.path.is_none() {
        // A question about the service at large: whether some request gets through.
        at = policy.some_request(service);
        if let Some((method, path)) = &at {
            original.method = original.method.or(method.as_deref());
            original.path = Some(path);
        }
    }
    let subjects = Subjects {
        credential: known.credential,
        person: known.person.as_deref(),
        standing,
    };
    let project = known.project.map_or(Project::None, Project::Named);
    let mut question = ask_in_team(&ctx.backend, &subjects, service, original, &policy, project).await?;
    let budgets = budgets_of(ctx, &policy, service, known.spender(team)).await?;
    question.budgets = &budgets;
    Ok(question.explain())
}

fn label(page: Option<&TeamPage>, known: &Known, standing: Standing, label: &Label) -> Result<Explanation> {
    if known.credential.is_key() {
        return Err(Error::invalid("label", "needs a user_id: keys provision no runners"));
    }
    let nothing = domain::LabelPolicy::default();
    let team = page.map(|page| &page.team);
    let question = LabelQuestion {
        active: known.credential == Credential::Person,
        can_use_jit: known.person.as_ref().is_none_or(|person| person.can_use_jit),
        standing,
        team: team.map_or(domain::TeamStatus::Active, |team| team.status),
        runners_enabled: team.is_none_or(|team| team.runners_enabled),
        policy: team.map_or(&nothing, |team| &team.policy),
        label,
        runners: team.map_or(0, |team| team.runner_count),
        max_runners: team.and_then(|team| team.max_runners),
    };
    Ok(question.explain())
}

async fn model(
    ctx: &mut Ctx,
    page: Option<&TeamPage>,
    known: &Known,
    standing: Standing,
    model: &str,
) -> Result<Explanation> {
    let active = matches!(known.credential, Credential::Person | Credential::Key);
    let Some(page) = page else {
        // Nobody belongs to a team that is not there.
        let question = ModelQuestion {
            active,
            standing: Standing::default(),
            team: domain::TeamStatus::Active,
            model,
            lists: &[],
            unapproved: false,
            budgets: &[],
        };
        return Ok(question.explain());
    };
    let facts = ModelFacts::load(ctx, known.spender(page.team.id), model).await?;
    Ok(facts.question(model, active, standing).explain())
}
