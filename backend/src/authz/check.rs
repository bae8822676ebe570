//! The short question, for programs: may this team, person or key use this service or model?

use domain::{
    Permission, Standing, TeamId, TeamRole, UserRef,
    authz::{Credential, Explanation, Original},
    hierarchy::Budget,
};

use super::{
    About, Ask, Decision, Explain, Policy, Subject, Who, by_key,
    decide::{Project, Subjects, ask_in_team, decide},
    explain,
    model::ModelFacts,
};
use crate::{
    Code, Ctx, Error, Result,
    budgets::{self, Spender},
    identity, teams,
};

/// About whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// A team, whoever its member is.
    Team(TeamId),
    /// A person, in a team or in any of theirs.
    Person(UserRef, Option<TeamId>),
    /// Whoever has this secret.
    Key(String),
}

/// Yes or no, with the words.
///
/// # Errors
/// 429 with E7's literal when a budget is used up; 403 for a team that the caller may not see, and for other people than those whom the caller may ask about; 404 for
/// an unknown person.
pub async fn check(ctx: &mut Ctx, who: &Checked, about: &About) -> Result<(bool, String)> {
    match who {
        Checked::Key(secret) => key(ctx, secret, about).await,
        Checked::Team(team) => self::team(ctx, *team, about).await,
        Checked::Person(user, Some(team)) => {
            let ask = Explain {
                subject: Subject::Person(user.clone()),
                team: *team,
                about: about.clone(),
            };
            within_budget(explain(ctx, &ask).await?)
        }
        Checked::Person(user, None) => person(ctx, user, about).await,
    }
}

async fn key(ctx: &mut Ctx, secret: &str, about: &About) -> Result<(bool, String)> {
    // Holding the secret is right enough to ask what it opens.
    let who = match by_key(&ctx.backend, secret, ctx.now).await {
        Ok(who) => who,
        Err(Error::Refused(code @ (Code::BadToken | Code::Deactivated), words)) => {
            tracing::debug!(code = code.as_str(), "a key that does not work was asked about");
            return Ok((false, words));
        }
        Err(error) => return Err(error),
    };
    let Who::Key { id, team, project, .. } = who else {
        return Err(Error::internal("a key is no key"));
    };
    match about {
        About::Service { .. } => answer(ctx, &who, about).await,
        About::Model(model) => {
            let spender = Spender {
                team,
                user: Some(who.person().id),
                project,
                key: Some(id),
            };
            model_of(ctx, spender, model).await
        }
        About::Label(_) => Err(Error::invalid("label", "keys provision no runners")),
    }
}

async fn team(ctx: &mut Ctx, team: TeamId, about: &About) -> Result<(bool, String)> {
    let page = teams::open(ctx, team).await?;
    match about {
        About::Service { name, method, path } => {
            let Some(policy) = ctx.backend.principals.policy(&ctx.backend.pool, team).await? else {
                return Err(Error::not_found("Team", team));
            };
            let any = policy.some_request(name);
            let subjects = Subjects {
                credential: Credential::Person,
                person: None,
                standing: Standing {
                    team: Some(TeamRole::Member),
                    ..Standing::default()
                },
            };
            let original = Original {
                method: method
                    .as_deref()
                    .or(any.as_ref().and_then(|(method, _)| method.as_deref())),
                path: path.as_deref().or(any.as_ref().map(|(_, path)| path.as_str())),
                contradictory: false,
            };
            let mut question = ask_in_team(&ctx.backend, &subjects, name, original, &policy, Project::None).await?;
            let budgets = budgets_of(ctx, &policy, name, Spender::team(team)).await?;
            question.budgets = &budgets;
            within_budget(question.explain())
        }
        About::Model(model) => model_of(ctx, Spender::team(page.team.id), model).await,
        About::Label(_) => Err(Error::invalid("label", "is asked about with /authz/explain")),
    }
}

async fn person(ctx: &mut Ctx, user: &UserRef, about: &About) -> Result<(bool, String)> {
    let caller = ctx.person()?.clone();
    let (id, _) = match user {
        UserRef::Id(id) if *id == caller.id => (*id, String::new()),
        UserRef::Email(email) if email.as_str() == caller.email => (caller.id, String::new()),
        _ if caller.super_admin || caller.auditor => identity::find(ctx, user).await?,
        _ => return Err(Standing::default().refusal(Permission::DirectoryManage).into()),
    };
    let person = match ctx.backend.principals.get(&ctx.backend.pool, id).await {
        Ok(person) => person,
        Err(Error::Refused(Code::Deactivated, words)) => return Ok((false, words)),
        Err(error) => return Err(error),
    };
    match about {
        About::Service { .. } => answer(ctx, &Who::Person(person), about).await,
        _ => Err(Error::invalid("team_id", "is required for a model")),
    }
}

/// What forward auth would say.
async fn answer(ctx: &Ctx, who: &Who, about: &About) -> Result<(bool, String)> {
    let About::Service { name, method, path } = about else {
        return Err(Error::internal("only services are decided about here"));
    };
    let ask = Ask {
        service: name,
        team: None,
        project: None,
        original: Original {
            method: method.as_deref(),
            path: path.as_deref(),
            contradictory: false,
        },
    };
    Ok(match decide(&ctx.backend, who, &ask).await? {
        Decision::Allowed(_) => (true, format!("Service '{name}' is allowed")),
        Decision::Refused(refused) => return within_budget(refused.explanation),
    })
}

/// The short answer of a long one; none where a budget is used up.
///
/// # Errors
/// 429 with E7's literal.
fn within_budget(answer: Explanation) -> Result<(bool, String)> {
    if answer.is_over_budget() {
        return Err(Error::refused(Code::BudgetExceeded, answer.reason));
    }
    Ok((answer.allowed, answer.reason))
}

/// The budgets that a use of a service counts against, as the database has them now.
pub(super) async fn budgets_of(ctx: &mut Ctx, policy: &Policy, service: &str, who: Spender) -> Result<Vec<Budget>> {
    if !policy.counts(service) {
        return Ok(Vec::new());
    }
    let now = ctx.now;
    let found = budgets::chain(ctx.connection(), who, now).await?;
    Ok(found.map(|(_, chain)| chain).unwrap_or_default())
}

/// Whether someone may use a model, of whom only is known what they act for.
async fn model_of(ctx: &mut Ctx, who: Spender, model: &str) -> Result<(bool, String)> {
    let facts = ModelFacts::load(ctx, who, model).await?;
    let member = Standing {
        team: Some(TeamRole::Member),
        ..Standing::default()
    };
    within_budget(facts.question(model, true, member).explain())
}
