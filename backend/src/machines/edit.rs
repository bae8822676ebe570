//! Registering, changing and removing machine clients.

use domain::{
    ClientSubject, Description, Fields, Invalid, MachineClientId, MachineName, TeamId, TeamStatus, views::MachineClient,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    get,
    list::{load, missing},
    require_change,
};
use crate::{Code, Ctx, Error, Result, audit, teams};

/// A new machine client, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct NewMachineInput {
    /// The subject of its JWTs.
    pub client_id: String,
    /// What it is called; the subject unless given.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The team.
    pub team_id: String,
}

/// A new machine client, parsed.
#[derive(Debug, Clone)]
pub struct NewMachine {
    subject: ClientSubject,
    name: MachineName,
    description: Option<Description>,
    team: TeamId,
}

impl NewMachineInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewMachine, Vec<Invalid>> {
        let mut fields = Fields::new();
        let subject = fields.take(ClientSubject::parse(&self.client_id));
        let given = self.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let name = match given {
            Some(name) => fields.take(MachineName::parse(name)),
            None => subject.as_ref().map(MachineName::from_subject),
        };
        let description = fields.take(description(self.description.as_deref()));
        let team = match self.team_id.trim() {
            "" => Err(Invalid::new(
                "team_id",
                "is required: the one team that the program acts for",
            )),
            id => id.parse().map_err(|_| Invalid::new("team_id", "must be a team's UUID")),
        };
        let team = fields.take(team);
        let new = (|| {
            Some(NewMachine {
                subject: subject?,
                name: name?,
                description: description?,
                team: team?,
            })
        })();
        fields.with(new)
    }
}

fn description(text: Option<&str>) -> Result<Option<Description>, Invalid> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Description::parse(text).map(Some),
        None => Ok(None),
    }
}

/// Changes, as a form or a JSON body gives them: what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct MachinePatchInput {
    /// What it is called.
    pub name: Option<String>,
    /// What it is for; `Some(None)` clears.
    pub description: Option<Option<String>>,
    /// Whether it may act.
    pub is_active: Option<bool>,
}

/// Changes, parsed.
#[derive(Debug, Clone)]
pub struct MachinePatch {
    name: Option<MachineName>,
    description: Option<Option<Description>>,
    is_active: Option<bool>,
}

impl MachinePatchInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<MachinePatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let name = fields.take(self.name.as_deref().map(MachineName::parse).transpose());
        let text = self.description.map(|text| description(text.as_deref()));
        let description = fields.take(text.transpose());
        let patch = (|| {
            Some(MachinePatch {
                name: name?,
                description: description?,
                is_active: self.is_active,
            })
        })();
        fields.with(patch)
    }
}

/// Registers a program for a team.
///
/// # Errors
/// 403 without the right; 404 `Team not found: <id>`; 409 when the team is not active, the subject is registered, or
/// the team has another one that is active.
pub async fn create(ctx: &mut Ctx, new: NewMachine) -> Result<MachineClient> {
    let page = teams::load(ctx, new.team, teams::Lock::Update).await?;
    require_change(&ctx.caller, page.team.organization_id)?;
    if page.team.status != TeamStatus::Active {
        return Err(Error::refused(
            Code::WrongState,
            format!("Team '{}' is inactive. Activate it first.", page.team.name),
        ));
    }
    let (id, now, by) = (Uuid::now_v7(), ctx.now, ctx.caller.user_id().map(|id| id.0));
    require_alone(ctx, new.team, MachineClientId(id)).await?;
    sqlx::query!(
        "INSERT INTO machine_clients (id, subject, name, description, team_id, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
        id,
        new.subject.as_str(),
        new.name.as_str(),
        new.description.as_ref().map(Description::as_str),
        new.team.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| {
        Error::from(error).on_constraint("machine_clients_subject_key", || {
            Error::refused(
                Code::NameTaken,
                format!("OAuth client '{}' is already registered", new.subject),
            )
        })
    })?;
    let client = load(ctx, MachineClientId(id))
        .await?
        .ok_or_else(|| missing(MachineClientId(id)))?;
    record(ctx, "machine_client.create", &client, Value::Null, fields(&client)).await?;
    Ok(client)
}

/// One active program for each team (SPEC B27). The team's row is locked.
async fn require_alone(ctx: &mut Ctx, team: TeamId, but: MachineClientId) -> Result<()> {
    let other = sqlx::query_scalar!(
        "SELECT name FROM machine_clients WHERE team_id = $1 AND is_active AND id <> $2",
        team.0,
        but.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    match other {
        None => Ok(()),
        Some(name) => Err(Error::refused(
            Code::WrongState,
            format!("The team already has an active machine client: '{name}'. Disable that one first."),
        )),
    }
}

/// The client that the caller may change, with its team's row locked.
async fn locked(ctx: &mut Ctx, id: MachineClientId) -> Result<MachineClient> {
    let client = get(ctx, id).await?;
    require_change(&ctx.caller, client.organization_id)?;
    teams::load(ctx, client.team_id, teams::Lock::Update).await?;
    // As it is under the lock.
    load(ctx, id).await?.ok_or_else(|| missing(id))
}

/// Changes a machine client. One that is disabled is refused from its next request on.
///
/// # Errors
/// 403 without the right; 404 `OAuth client not found: <id>`; 409 when the team has another active one.
pub async fn update(ctx: &mut Ctx, id: MachineClientId, patch: MachinePatch) -> Result<MachineClient> {
    let client = locked(ctx, id).await?;
    let changed = MachineClient {
        name: patch.name.map_or_else(|| client.name.clone(), String::from),
        description: patch
            .description
            .map_or_else(|| client.description.clone(), |text| text.map(String::from)),
        is_active: patch.is_active.unwrap_or(client.is_active),
        ..client.clone()
    };
    if changed == client {
        return Ok(client);
    }
    if changed.is_active && !client.is_active {
        require_alone(ctx, client.team_id, id).await?;
    }
    let now = ctx.now;
    sqlx::query!(
        "UPDATE machine_clients SET name = $2, description = $3, is_active = $4, updated_at = $5 WHERE id = $1",
        id.0,
        changed.name,
        changed.description,
        changed.is_active,
        now,
    )
    .execute(ctx.connection())
    .await?;
    let action = match (client.is_active, changed.is_active) {
        (true, false) => "machine_client.disable",
        (false, true) => "machine_client.enable",
        _ => "machine_client.update",
    };
    record(ctx, action, &changed, fields(&client), fields(&changed)).await?;
    Ok(changed)
}

/// Removes a machine client. Its runners stay, and keep its name.
///
/// # Errors
/// 403 without the right; 404 `OAuth client not found: <id>`.
pub async fn delete(ctx: &mut Ctx, id: MachineClientId) -> Result<MachineClient> {
    let client = locked(ctx, id).await?;
    let now = ctx.now;
    sqlx::query!(
        "UPDATE machine_clients SET is_active = false, deleted_at = $2, updated_at = $2 WHERE id = $1",
        id.0,
        now,
    )
    .execute(ctx.connection())
    .await?;
    record(ctx, "machine_client.delete", &client, fields(&client), Value::Null).await?;
    Ok(client)
}

fn fields(client: &MachineClient) -> Value {
    json!({
        "client_id": client.subject,
        "name": client.name,
        "description": client.description,
        "team_id": client.team_id,
        "is_active": client.is_active,
    })
}

async fn record(
    ctx: &mut Ctx,
    action: &'static str,
    client: &MachineClient,
    before: Value,
    after: Value,
) -> Result<()> {
    let entry = audit::Entry::new(action, "machine_client", client.id, &client.name)
        .team(client.organization_id, client.team_id)
        .change(before, after);
    audit::record(ctx, entry).await
}
