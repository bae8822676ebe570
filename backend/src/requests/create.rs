//! Making a request.

use domain::{
    Fields, Invalid, Permission, Reason, Refusal, RequestId, RequestKind, RequestState, RequestValue, TeamStatus,
    views::{RequestPage, Team, TeamPage},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    apply, page,
    read::{load, visible},
    record,
};
use crate::{
    Code, Ctx, Error, Result, restricted_models, services,
    teams::{self, Found, TeamKey},
};

/// How many requests of one person may wait at a time.
const MOST: i64 = 50;

/// A new request, as a form or a JSON body gives it.
#[derive(Debug, Clone)]
pub struct NewRequestInput {
    /// What is asked for.
    pub kind: String,
    /// The team, by id or slug.
    pub team: String,
    /// How much or which, by kind.
    pub value: Value,
    /// Why.
    pub reason: String,
    /// The denied request to look at again, if any.
    pub reviews: Option<String>,
}

/// A new request, parsed.
#[derive(Debug, Clone)]
pub struct NewRequest {
    team: TeamKey,
    value: RequestValue,
    reason: Reason,
    reviews: Option<RequestId>,
}

impl NewRequestInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewRequest, Vec<Invalid>> {
        let mut fields = Fields::new();
        let value = match fields.take(self.kind.parse::<RequestKind>()) {
            Some(kind) => RequestValue::parse(kind, &self.value)
                .map_err(|errors| errors.into_iter().for_each(|error| fields.push(error)))
                .ok(),
            None => None,
        };
        let reason = fields.take(Reason::parse(&self.reason));
        let team = self.team.trim();
        let team = if team.is_empty() {
            fields.take(Err(Invalid::new("team_id", "must name a team")))
        } else {
            Some(TeamKey::parse(team))
        };
        let reviews = self.reviews.as_deref().map(str::trim).filter(|id| !id.is_empty());
        let reviews = reviews.map(str::parse).transpose();
        let reviews = fields.take(reviews.map_err(|_| Invalid::new("reviews", "must be a request's UUID")));
        let new = (|| {
            Some(NewRequest {
                team: team?,
                value: value?,
                reason: reason?,
                reviews: reviews?,
            })
        })();
        fields.with(new)
    }
}

/// Asks for something. Nothing changes but that it waits for a decision.
///
/// # Errors
/// 403 for programs, and for anything but joining to people who are not of the team; 404 without such a team; 409 when the
/// team is not active, has it already, the same is asked for already, or too much of theirs waits.
pub async fn create(ctx: &mut Ctx, new: NewRequest) -> Result<RequestPage> {
    let (person, email) = {
        let person = ctx.person()?;
        (person.id, person.email.clone())
    };
    let team = open_to(ctx, &new.team, new.value.kind()).await?;
    require_news(ctx, &team, &new.value, &email).await?;
    // One request of theirs after the other: at once, none would count the others.
    sqlx::query_scalar!("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", person.0)
        .fetch_optional(ctx.connection())
        .await?;
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM access_requests WHERE requester = $1 AND state = 'pending'"#,
        person.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    if waiting >= MOST {
        return Err(Error::refused(
            Code::WrongState,
            format!("{MOST} of your requests wait for a decision. Withdraw one first."),
        ));
    }
    if let Some(old) = new.reviews {
        require_denied(ctx, old, &new, &team.team).await?;
    }
    let (id, now) = (RequestId(Uuid::now_v7()), ctx.now);
    let lowers = (new.value).lowers(&team.team.policy, team.team.max_runners, &team.team.limits);
    sqlx::query!(
        "INSERT INTO access_requests (id, kind, team_id, requester, value, reason, raises, reviews, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id.0,
        new.value.kind().as_str(),
        team.team.id.0,
        person.0,
        new.value.to_json(),
        new.reason.as_str(),
        !lowers,
        new.reviews.map(|id| id.0),
        now,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| Error::from(error).on_constraint("access_requests_pending_key", asked_already))?;
    let request = load(ctx, id).await?;
    record(ctx, "request.create", &request, Value::Null).await?;
    page(ctx, request, &team).await
}

pub(super) fn asked_already() -> Error {
    Error::refused(
        Code::WrongState,
        "The same is asked for already, and waits for a decision.",
    )
}

/// The team, when the caller may ask for this there.
async fn open_to(ctx: &mut Ctx, key: &TeamKey, kind: RequestKind) -> Result<TeamPage> {
    let id = match key {
        TeamKey::Id(id) => *id,
        TeamKey::Slug(slug) => by_slug(ctx, key, slug, kind).await?,
    };
    let page = teams::load(ctx, id, teams::Lock::None).await?;
    if page.team.status == TeamStatus::Archived {
        // Hidden from people who could not restore it, as everywhere.
        return Err(if page.standing.may(Permission::TeamAdminister) {
            teams::require_not_archived(&page).err().unwrap_or_else(teams::inactive)
        } else {
            Error::not_found("Team", id)
        });
    }
    let of_team = page.standing.team.is_some() || page.standing.may(Permission::TeamAdminister);
    if kind != RequestKind::Join && !of_team {
        return Err(Error::Forbidden(Refusal {
            rule: "ask for something for a team without being of it".to_owned(),
            ..page.standing.refusal(Permission::TeamView)
        }));
    }
    if page.team.status != TeamStatus::Active {
        return Err(teams::inactive());
    }
    Ok(page)
}

/// The team with a slug: one that the caller sees, else, to join it, the only one.
async fn by_slug(ctx: &mut Ctx, key: &TeamKey, slug: &str, kind: RequestKind) -> Result<domain::TeamId> {
    if kind != RequestKind::Join {
        return match teams::find(ctx, key).await? {
            Found::One(page) => Ok(page.team.id),
            Found::Several(_) => Err(several(slug)),
        };
    }
    if slug.contains('\0') {
        return Err(Error::not_found("Team", "?"));
    }
    let ids = sqlx::query_scalar!(
        "SELECT id FROM teams WHERE slug = $1 AND status <> 'archived' LIMIT 2",
        slug
    )
    .fetch_all(ctx.connection())
    .await?;
    match ids.as_slice() {
        [] => Err(Error::not_found("Team", slug)),
        [only] => Ok(domain::TeamId(*only)),
        _ => Err(several(slug)),
    }
}

fn several(slug: &str) -> Error {
    Error::invalid(
        "team_id",
        format!("several teams are called '{slug}'; use the team's UUID"),
    )
}

/// Refuses to ask for what is so already, or for what does not exist.
async fn require_news(ctx: &mut Ctx, page: &TeamPage, value: &RequestValue, email: &str) -> Result<()> {
    let team = &page.team;
    let same = match value {
        RequestValue::Join(_) if page.standing.team.is_some() => {
            return Err(Error::refused(
                Code::AlreadyMember,
                format!("User {email} is already a member of team {}", team.name),
            ));
        }
        RequestValue::Join(_) => false,
        RequestValue::Quota(count) => team.max_runners == Some(*count),
        RequestValue::Budget { .. } => apply::limits_with(team, value) == team.limits,
        RequestValue::Labels { .. } => apply::policy_with(team, value) == team.policy,
        RequestValue::Service(name) => {
            let choices = services::choices(ctx, team).await?;
            let known = choices.iter().find(|choice| choice.name == *name);
            let missing = || {
                Error::invalid(
                    "value",
                    format!("is no service of {}'s catalogue", team.organization_name),
                )
            };
            known.ok_or_else(missing)?.allowed.is_some()
        }
        RequestValue::Model(model) => {
            let models = restricted_models::of_team(ctx, team.id).await?;
            models.require_in_organization(model)?;
            models.usable().check(model).is_ok()
        }
    };
    if same {
        return Err(Error::refused(
            Code::WrongState,
            format!("Team '{}' has that already: {value}", team.name),
        ));
    }
    Ok(())
}

/// Only what was denied is looked at again, and only by asking for the same.
async fn require_denied(ctx: &mut Ctx, old: RequestId, new: &NewRequest, team: &Team) -> Result<()> {
    let request = visible(ctx, old).await.map_err(|error| match error {
        Error::Refused(Code::NotFound, _) => Error::invalid("reviews", "is no request that you see"),
        other => other,
    })?;
    let same = request.value.kind() == new.value.kind() && request.team_id == team.id;
    if request.state == RequestState::Denied && same {
        Ok(())
    } else {
        Err(Error::invalid(
            "reviews",
            "must be a denied request of the same kind for the same team",
        ))
    }
}
