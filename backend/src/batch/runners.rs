//! Runners: deleted, at GitHub first.

use std::collections::HashSet;

use domain::{Comment, Fields, Invalid, OrganizationId, RunnerId, SecurityEventType, TeamId, UserRef};
use uuid::Uuid;

use super::{MOST, Outcome, Row, reach, record, scope_rule};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, runners, users};

/// A batch of runners, as a form or a JSON body gives it. One of the scopes.
#[derive(Debug, Clone, Default)]
pub struct RunnerBatchInput {
    /// These.
    pub runner_ids: Vec<String>,
    /// Those of a team.
    pub team_id: Option<TeamId>,
    /// Those of a person: UUID or email address.
    pub user_identity: Option<String>,
    /// All that the caller administers.
    pub all: bool,
    /// Why.
    pub comment: String,
    /// Only say what would happen.
    pub dry_run: bool,
}

#[derive(Debug, Clone)]
enum Scope {
    Named(Vec<String>),
    Team(TeamId),
    Person(UserRef),
    All,
}

/// A batch of runners, parsed.
#[derive(Debug, Clone)]
pub struct RunnerBatch {
    scope: Scope,
    comment: Comment,
    dry_run: bool,
}

impl RunnerBatchInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<RunnerBatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let others = [self.team_id.is_some(), self.user_identity.is_some(), self.all];
        if let Some(rule) = scope_rule(self.runner_ids.len(), &others, "runner_ids") {
            fields.push(rule);
        }
        let person = self.user_identity.as_deref();
        let person = fields.take(person.map(|text| UserRef::parse("user_identity", text)).transpose());
        let comment = fields.take(Comment::parse(&self.comment));
        let scope = match (self.team_id, person.flatten()) {
            (Some(team), _) => Scope::Team(team),
            (None, Some(person)) => Scope::Person(person),
            (None, None) if self.all => Scope::All,
            (None, None) => Scope::Named(self.runner_ids),
        };
        let comment = fields.with(comment)?;
        Ok(RunnerBatch {
            scope,
            comment,
            dry_run: self.dry_run,
        })
    }
}

/// Deletes runners, a few at a time. What cannot be done for one is said of that one, and done for the others.
///
/// # Errors
/// 403 for those who administer no organization; 404 for a person whom the caller may not see; 409 for more than a
/// thousand.
pub async fn delete_runners(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    batch: &RunnerBatch,
) -> Result<Outcome> {
    let reach = reach(&caller, "delete many runners at a time")?;
    let mut ctx = Ctx::read(backend, caller.clone(), info.clone()).await?;
    let found = find(&mut ctx, &batch.scope, reach.as_deref()).await?;
    if found.is_empty()
        && let Scope::Person(person) = &batch.scope
    {
        // Somebody unknown has no runners either, but that would read as done.
        users::get(&mut ctx, person).await?;
    }
    // The connection is given back before GitHub is asked.
    drop(ctx);
    let mut rows = missing(&batch.scope, &found);
    if batch.dry_run {
        rows.extend(found.into_iter().map(|(id, name)| Row {
            id: id.to_string(),
            name: Some(name),
            error: None,
        }));
        return Ok(Outcome { rows });
    }
    let ids: Vec<RunnerId> = found.iter().map(|(id, _)| *id).collect();
    let reason = batch.comment.as_str();
    let outcomes = runners::delete_many(backend, caller.clone(), info.clone(), &ids, Some(reason)).await;
    for ((id, name), (_, outcome)) in found.into_iter().zip(outcomes) {
        rows.push(Row {
            id: id.to_string(),
            name: Some(name),
            error: outcome.err().map(|error| error.detail()),
        });
    }
    let outcome = Outcome { rows };
    let mut ctx = Ctx::write(backend, caller, info).await?;
    let kind = SecurityEventType::BatchDeleteRunners;
    record(&mut ctx, kind, &batch.comment, &outcome, reach.as_deref()).await?;
    ctx.commit().await?;
    Ok(outcome)
}

/// The live runners of the scope, as far as the caller administers them: id and name, oldest first.
async fn find(ctx: &mut Ctx, scope: &Scope, reach: Option<&[OrganizationId]>) -> Result<Vec<(RunnerId, String)>> {
    let organizations: Option<Vec<Uuid>> = reach.map(|reach| reach.iter().map(|id| id.0).collect());
    let (mut named, mut team, mut person, mut email) = (None, None, None, None);
    match scope {
        Scope::Named(texts) => named = Some(texts.iter().filter_map(|text| text.parse().ok()).collect::<Vec<Uuid>>()),
        Scope::Team(id) => team = Some(id.0),
        Scope::Person(UserRef::Id(id)) => person = Some(id.0),
        Scope::Person(UserRef::Email(address)) => email = Some(address.as_str()),
        Scope::All => {}
    }
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let rows = sqlx::query!(
        "SELECT r.id, r.name FROM runners r LEFT JOIN teams t ON t.id = r.team_id
        WHERE r.status <> 'deleted'
            AND ($1::uuid[] IS NULL OR t.organization_id = ANY($1))
            AND ($2::uuid[] IS NULL OR r.id = ANY($2))
            AND ($3::uuid IS NULL OR r.team_id = $3)
            AND ($4::uuid IS NULL OR r.provisioned_by = $4)
            AND ($5::text IS NULL OR r.provisioned_by = (SELECT id FROM users WHERE email = $5))
        ORDER BY r.created_at, r.id LIMIT $6",
        organizations.as_deref(),
        named.as_deref(),
        team,
        person,
        email,
        most + 1,
    )
    .fetch_all(ctx.connection())
    .await?;
    if rows.len() > MOST {
        return Err(Error::refused(
            Code::WrongState,
            format!("More than {MOST} runners: choose a smaller scope"),
        ));
    }
    Ok(rows.into_iter().map(|row| (RunnerId(row.id), row.name)).collect())
}

/// A row for each runner that was named and not found.
fn missing(scope: &Scope, found: &[(RunnerId, String)]) -> Vec<Row> {
    let Scope::Named(named) = scope else { return Vec::new() };
    let mut known: HashSet<String> = found.iter().map(|(id, _)| id.to_string()).collect();
    let unknown = named.iter().map(|text| text.trim().to_lowercase());
    unknown
        .filter(|text| known.insert(text.clone()))
        .map(|text| {
            let id: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
            Row {
                error: Some(format!("Runner with ID '{id}' not found or not owned by you")),
                id,
                name: None,
            }
        })
        .collect()
}
