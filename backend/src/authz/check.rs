//! The short question, for programs: may this team, person or key use this service or model?

use domain::{
    Permission, Standing, TeamId, TeamRole, UserRef,
    authz::{Credential, Original},
};

use super::{
    About, Ask, Decision, Explain, Subject, Who, by_key,
    decide::{Project, Subjects, ask_in_team, decide},
    explain,
};
use crate::{Code, Ctx, Error, Result, identity, teams};

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
/// 403 for a team that the caller may not see, and for other people than those whom the caller may ask about; 404 for
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
            explain(ctx, &ask).await.map(|answer| (answer.allowed, answer.reason))
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
    let Who::Key { team, .. } = who else {
        return Err(Error::internal("a key is no key"));
    };
    match about {
        About::Service { .. } => answer(ctx, &who, about).await,
        About::Model(model) => model_of_team(ctx, team, model).await,
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
            let question = ask_in_team(&ctx.backend, &subjects, name, original, &policy, Project::None).await?;
            let answer = question.explain();
            Ok((answer.allowed, answer.reason))
        }
        About::Model(model) => model_of_team(ctx, page.team.id, model).await,
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
        Decision::Refused(refused) => (false, refused.explanation.reason),
    })
}

async fn model_of_team(ctx: &mut Ctx, team: TeamId, model: &str) -> Result<(bool, String)> {
    let row = sqlx::query!(
        "SELECT t.status, t.models, o.models AS organization_models
        FROM teams t JOIN organizations o ON o.id = t.organization_id WHERE t.id = $1",
        team.0,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Team", team))?;
    let question = domain::authz::ModelQuestion {
        active: true,
        standing: Standing {
            team: Some(TeamRole::Member),
            ..Standing::default()
        },
        team: row.status.parse()?,
        model,
        organization_models: &row.organization_models,
        team_models: &row.models,
    };
    let answer = question.explain();
    Ok((answer.allowed, answer.reason))
}
