//! One delivery: the truth is read, and LiteLLM is made to have it. Each can be repeated at any time, also after an
//! answer that got lost.

use domain::{BudgetDuration, KeyId, TeamId, TeamRole, UserId};
use integrations::litellm::{Created, Error as Refusal, KeyChange, LiteLlm, Role, Team, TeamSpec, User};
use sqlx::PgPool;

use super::{
    Object,
    truth::{self, KeyTruth},
};

/// Why a delivery did not work.
#[derive(Debug)]
pub(super) enum Failure {
    /// Our own database; nothing is said about LiteLLM.
    Database(crate::Error),
    /// LiteLLM did not do it.
    LiteLlm(Refusal),
    /// LiteLLM said yes and does not have it.
    NotThere(&'static str),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database(_) => f.write_str("the database does not answer"),
            Self::LiteLlm(error) => f.write_str(&error.user_message()),
            Self::NotThere(what) => f.write_str(what),
        }
    }
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Refusal> for Failure {
    fn from(error: Refusal) -> Self {
        Self::LiteLlm(error)
    }
}

/// What a delivery left behind.
pub(super) enum Delivered {
    /// LiteLLM has it as it is here; or as near as its licence allows, which the note says.
    Kept(Option<String>),
    /// The same, of something that LiteLLM did not have before.
    Made(Option<String>),
    /// It is neither here nor there.
    Gone,
    /// The key is refused there.
    KeyRefused(KeyId),
}

impl Delivered {
    fn kept(made: bool, note: Option<String>) -> Self {
        if made { Self::Made(note) } else { Self::Kept(note) }
    }
}

/// Delivers one object.
pub(super) async fn push(pool: &PgPool, client: &LiteLlm, object: Object) -> Result<Delivered, Failure> {
    match object {
        Object::Team(id) => team(pool, client, id).await,
        Object::User(id) => user(pool, client, id).await,
        Object::Member(team, user) => member(pool, client, team, user).await,
        Object::Key(id) => key(pool, client, id).await,
    }
}

async fn team(pool: &PgPool, client: &LiteLlm, id: TeamId) -> Result<Delivered, Failure> {
    let Some(mut spec) = truth::team(pool, client, id).await? else {
        client.delete_team(&id.0.to_string()).await?;
        return Ok(Delivered::Gone);
    };
    let mut there = client.team_info(&spec.id).await?;
    let mut made = false;
    // Created only when it is surely not there: an error says nothing about that (SPEC C3).
    if there.is_none() {
        match client.create_team(&spec).await? {
            Created::New if !spec.blocked => return Ok(Delivered::Made(None)),
            created => {
                made = created == Created::New;
                there = client.team_info(&spec.id).await?;
            }
        }
    }
    let Some(there) = there else {
        return Err(Failure::NotThere(
            "Team creation verification failed: team not found after creation",
        ));
    };
    let differences = differences(&spec, &there);
    if !differences.is_empty() {
        // What others keep beside our own is not ours to remove.
        let own = std::mem::take(&mut spec.metadata);
        spec.metadata.clone_from(&there.metadata);
        spec.metadata.extend(own);
        client.update_team(&spec).await?;
        if there.blocked != spec.blocked {
            client.set_team_blocked(&spec.id, spec.blocked).await?;
        }
    }
    Ok(Delivered::kept(made, None))
}

/// In which fields a team there is not as it should be, with what is there.
pub(super) fn differences(ours: &TeamSpec, there: &Team) -> Vec<String> {
    let sorted = |models: &[String]| {
        let mut models = models.to_vec();
        models.sort_unstable();
        models
    };
    let mut found = Vec::new();
    let mut compare = |field: &str, same: bool, is: String| {
        if !same {
            found.push(format!("{field}: {is} there"));
        }
    };
    let number = |limit: Option<i64>| limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
    let alias = there.alias.clone().unwrap_or_default();
    compare("name", ours.alias == alias, alias);
    compare(
        "models",
        sorted(&ours.models) == sorted(&there.models),
        there.models.join(", "),
    );
    compare(
        "max_budget",
        ours.max_budget == there.max_budget,
        there
            .max_budget
            .map_or_else(|| "no limit".to_owned(), |budget| budget.to_string()),
    );
    compare(
        "budget_duration",
        ours.budget_duration.as_ref().map(BudgetDuration::as_str) == there.budget_duration.as_deref(),
        there.budget_duration.clone().unwrap_or_else(|| "none".to_owned()),
    );
    compare("tpm_limit", ours.tpm_limit == there.tpm_limit, number(there.tpm_limit));
    compare("rpm_limit", ours.rpm_limit == there.rpm_limit, number(there.rpm_limit));
    compare("blocked", ours.blocked == there.blocked, there.blocked.to_string());
    // Only what is ours: others may keep things there, too.
    for (name, value) in &ours.metadata {
        let is = there.metadata.get(name);
        compare(name, is == Some(value), is.map(ToString::to_string).unwrap_or_default());
    }
    found
}

async fn user(pool: &PgPool, client: &LiteLlm, id: UserId) -> Result<Delivered, Failure> {
    let Some(spec) = truth::user(pool, client.name(), id).await? else {
        client.delete_user(&id.0.to_string()).await?;
        return Ok(Delivered::Gone);
    };
    let mut made = false;
    if let Some(there) = client.user_info(&spec.id).await? {
        let same = there.email == spec.email && there.alias == spec.alias && there.role.as_deref() == Some(&spec.role);
        if !same {
            client.update_user(&spec).await?;
        }
        if there.is_integrated() || spec.teams.is_empty() {
            return Ok(Delivered::Kept(None));
        }
    } else {
        made = client.create_user(&spec).await? == Created::New;
        tracing::info!(instance = client.name(), kind = "user", object = %id, teams = ?spec.teams, "a person comes to LiteLLM, in these teams");
    }
    let mut there = client.user_info(&spec.id).await?;
    // Someone who was there already, or came without teams, exists for LiteLLM's own checks only once in one. Asked again
    // only then: with each of their teams LiteLLM names all of its members.
    if !there.as_ref().is_some_and(User::is_integrated) && !spec.teams.is_empty() {
        for team in &spec.teams {
            client.add_member(team, &spec.id, Role::User, None).await?;
        }
        there = client.user_info(&spec.id).await?;
    }
    match there {
        Some(there) if there.is_integrated() || spec.teams.is_empty() => Ok(Delivered::kept(made, None)),
        // Old versions know nobody who is in no team; there is nothing to verify then.
        None if spec.teams.is_empty() => Ok(Delivered::kept(made, None)),
        _ => Err(Failure::NotThere(
            "User creation verification failed: user not found after creation",
        )),
    }
}

async fn member(pool: &PgPool, client: &LiteLlm, team: TeamId, user: UserId) -> Result<Delivered, Failure> {
    let (team_id, user_id) = (team.0.to_string(), user.0.to_string());
    let Some((role, budget)) = truth::member(pool, client.name(), team, user).await? else {
        client.remove_member(&team_id, &user_id).await?;
        return Ok(Delivered::Gone);
    };
    let wanted = match role {
        TeamRole::Admin => Role::Admin,
        TeamRole::Member => Role::User,
    };
    let mut member = client.add_member(&team_id, &user_id, wanted, budget).await?;
    let made = !member.existed;
    if member.existed {
        // Not added again: a role that changed is told by itself (SPEC A9).
        member = client.update_member(&team_id, &user_id, wanted, budget).await?;
    }
    let fallen_back = wanted == Role::Admin && member.role != Role::Admin;
    let note = fallen_back.then(|| {
        "Admin of the team here, plain member in LiteLLM: team admins need a LiteLLM Enterprise licence".to_owned()
    });
    Ok(Delivered::kept(made, note))
}

async fn key(pool: &PgPool, client: &LiteLlm, id: KeyId) -> Result<Delivered, Failure> {
    match truth::key(pool, client.name(), id).await? {
        None => Ok(Delivered::Gone),
        Some(KeyTruth::Kept { token, change, blocked }) => {
            let note = change_key(client, &token, *change).await?;
            if blocked {
                client.block_key(&token).await?;
            } else {
                client.unblock_key(&token).await?;
            }
            Ok(Delivered::Kept(dropped(&note)))
        }
        Some(KeyTruth::BeingMade) => Err(Failure::NotThere("the key is being made at this moment")),
        Some(KeyTruth::Revoked { token, alias }) => {
            revoke(client, token.as_deref(), &alias).await?;
            Ok(Delivered::KeyRefused(id))
        }
    }
}

/// Changes a key; where tags need a licence, all but those.
async fn change_key(client: &LiteLlm, token: &str, mut change: KeyChange) -> Result<Vec<&'static str>, Failure> {
    match client.update_key(token, &change).await {
        Err(Refusal::Licence { .. }) if change.tags.is_some() => {
            let tags = change.tags.take().unwrap_or_default();
            client.update_key(token, &change).await?;
            // Without any there is nothing to miss.
            Ok(if tags.is_empty() { Vec::new() } else { vec!["tags"] })
        }
        outcome => Ok(outcome.map(|()| Vec::new())?),
    }
}

/// Ends a key. Called ended only when LiteLLM knows it no more (SPEC C12).
pub(super) async fn revoke(client: &LiteLlm, token: Option<&str>, alias: &str) -> Result<(), Failure> {
    // By its name, too: an answer that was lost may have left a key whose token nobody knows.
    if let Some(token) = token {
        client.delete_key(token).await?;
    }
    client.delete_key_alias(alias).await?;
    match token {
        Some(token) if !client.key_is_refused(token).await? => Err(Failure::NotThere(
            "LiteLLM says that the key is deleted and still knows it",
        )),
        _ => Ok(()),
    }
}

/// What a licence kept from LiteLLM, in words (SPEC C7: never silently).
pub(crate) fn dropped(fields: &[&'static str]) -> Option<String> {
    (!fields.is_empty()).then(|| {
        format!(
            "{}: needs a LiteLLM Enterprise licence, not in force there",
            fields.join(", ")
        )
    })
}
