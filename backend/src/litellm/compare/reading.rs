//! Reading an instance to the end, and telling what is not as it should be.

use std::collections::{HashMap, HashSet};

use integrations::litellm::{KeyFilter, KeyInfo, Team, User};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Found, note};
use crate::{
    Error, Result,
    litellm::{Instance, push, truth},
};

/// How many of our things are looked up together.
const CHUNK: usize = 500;
/// LiteLLM's own account: not a difference.
const LITELLMS_OWN: &str = "default_user_id";

/// Reads every team, person and key of an instance, and then looks for what of ours was not among them.
pub(super) async fn compare(pool: &PgPool, instance: &Instance, id: Uuid) -> Result<(), push::Failure> {
    // Seen there, by their ids: what is not seen is missing. Only ids are held, so memory stays small.
    let mut seen = Seen::default();
    let mut teams = instance.client.list_teams();
    while let Some(page) = teams.next().await? {
        let found = compare_teams(pool, instance, &page, &mut seen).await?;
        note(pool, id, page.len(), found).await?;
    }
    let mut users = instance.client.list_users();
    while let Some(page) = users.next().await? {
        let found = compare_users(pool, &page, &mut seen).await?;
        note(pool, id, page.len(), found).await?;
    }
    let mut keys = instance.client.key_pages(&KeyFilter::default());
    while let Some(page) = keys.next().await? {
        let found = compare_keys(pool, instance, &page, &mut seen).await?;
        note(pool, id, page.len(), found).await?;
    }
    compare_missing(pool, instance, id, &seen).await?;
    missing_keys(pool, instance, id, &seen).await
}

/// What was there once and was not seen now.
async fn compare_missing(pool: &PgPool, instance: &Instance, id: Uuid, seen: &Seen) -> Result<(), push::Failure> {
    let started = sqlx::query_scalar!("SELECT started_at FROM litellm_comparisons WHERE id = $1", id)
        .fetch_one(pool)
        .await
        .map_err(Error::from)?;
    let mut after = Uuid::nil();
    loop {
        // What changed since it began is on its way anyway.
        let rows = sqlx::query!(
            r#"SELECT o.id, o.kind, o.object_id, o.user_id, coalesce(t.name, u.email, '') AS "name!",
                coalesce(m.email, '') AS "member!"
            FROM litellm_objects o
                LEFT JOIN teams t ON t.id = o.object_id AND o.kind IN ('team', 'member')
                LEFT JOIN users u ON u.id = o.object_id AND o.kind = 'user'
                LEFT JOIN users m ON m.id = o.user_id AND o.kind = 'member'
            WHERE o.instance = $1 AND o.kind <> 'key' AND o.state = 'synced' AND o.synced_at < $2 AND o.id > $3 ORDER BY o.id LIMIT $4"#,
            instance.name(),
            started,
            after,
            i64::try_from(CHUNK).unwrap_or(i64::MAX),
        )
        .fetch_all(pool)
        .await
        .map_err(Error::from)?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        let count = rows.len();
        let missing = rows.into_iter().filter_map(|row| {
            let kind = match row.kind.as_str() {
                "team" if !seen.teams.contains(&row.object_id) => "team",
                "user" if !seen.users.contains(&row.object_id) => "user",
                "member"
                    if seen.teams.contains(&row.object_id) && !seen.members.contains(&(row.object_id, row.user_id)) =>
                {
                    "member"
                }
                _ => return None,
            };
            Some(Found {
                kind,
                object: row.object_id.to_string(),
                member: (kind == "member").then(|| row.user_id.to_string()),
                name: if kind == "member" {
                    format!("{} in {}", row.member, row.name)
                } else {
                    row.name
                },
                problem: "missing",
                detail: "LiteLLM had it and does not have it now".to_owned(),
            })
        });
        note(pool, id, count, missing.collect()).await?;
    }
    Ok(())
}

/// Keys that are said to work and that LiteLLM does not know. Most of them have no row in the outbox: nothing about them
/// has changed since LiteLLM made them.
async fn missing_keys(pool: &PgPool, instance: &Instance, id: Uuid, seen: &Seen) -> Result<(), push::Failure> {
    let mut after = Uuid::nil();
    loop {
        let rows = sqlx::query!(
            r#"SELECT id, name, litellm_token AS "token!" FROM api_keys
            WHERE litellm_instance = $1 AND litellm_state = 'active' AND litellm_token IS NOT NULL AND id > $2
            ORDER BY id LIMIT $3"#,
            instance.name(),
            after,
            i64::try_from(CHUNK).unwrap_or(i64::MAX),
        )
        .fetch_all(pool)
        .await
        .map_err(Error::from)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        let (count, mut found) = (rows.len(), Vec::new());
        for row in rows {
            // It may be newer than the list, so LiteLLM is asked for it.
            if !seen.tokens.contains(&row.token) && instance.client.key_info(&row.token).await?.is_none() {
                found.push(Found {
                    kind: "key",
                    object: row.id.to_string(),
                    member: None,
                    name: row.name,
                    problem: "missing",
                    detail: "LiteLLM had it and does not have it now: it does not work".to_owned(),
                });
            }
        }
        note(pool, id, count, found).await?;
    }
}

#[derive(Default)]
struct Seen {
    teams: HashSet<Uuid>,
    users: HashSet<Uuid>,
    members: HashSet<(Uuid, Uuid)>,
    tokens: HashSet<String>,
}

async fn compare_teams(
    pool: &PgPool,
    instance: &Instance,
    page: &[Team],
    seen: &mut Seen,
) -> Result<Vec<Found>, push::Failure> {
    let mut found = Vec::new();
    let ids: Vec<Uuid> = page.iter().filter_map(|team| team.id.parse().ok()).collect();
    let members = members_of(pool, &ids).await?;
    for team in page {
        let truth = match team.id.parse() {
            Ok(id) => truth::team(pool, &instance.client, domain::TeamId(id))
                .await?
                .map(|truth| (id, truth)),
            Err(_) => None,
        };
        let name = team.alias.clone().unwrap_or_else(|| team.id.clone());
        let Some((id, truth)) = truth else {
            found.push(Found {
                kind: "team",
                object: team.id.clone(),
                member: None,
                name,
                problem: "unknown",
                detail: "Guildhall has no such team on this instance".to_owned(),
            });
            continue;
        };
        seen.teams.insert(id);
        let differences = push::differences(&truth, team);
        if !differences.is_empty() {
            found.push(Found {
                kind: "team",
                object: team.id.clone(),
                member: None,
                name: name.clone(),
                problem: "different",
                detail: differences.join("; "),
            });
        }
        let ours = members.get(&id);
        for member in team.members.iter().map(|member| &member.user_id) {
            match member.parse::<Uuid>() {
                Ok(user) if ours.is_some_and(|ours| ours.contains(&user)) => {
                    seen.members.insert((id, user));
                }
                _ => found.push(Found {
                    kind: "member",
                    object: team.id.clone(),
                    member: Some(member.clone()),
                    name: format!("{member} in {name}"),
                    problem: "unknown",
                    detail: "Is a member there and not here".to_owned(),
                }),
            }
        }
    }
    Ok(found)
}

async fn members_of(pool: &PgPool, teams: &[Uuid]) -> Result<HashMap<Uuid, HashSet<Uuid>>> {
    let rows = sqlx::query!(
        "SELECT team_id, user_id FROM team_members
        WHERE team_id = ANY($1) AND (expires_at IS NULL OR expires_at > now())",
        teams,
    )
    .fetch_all(pool)
    .await?;
    let mut members: HashMap<_, HashSet<_>> = HashMap::new();
    for row in rows {
        members.entry(row.team_id).or_default().insert(row.user_id);
    }
    Ok(members)
}

async fn compare_users(pool: &PgPool, page: &[User], seen: &mut Seen) -> Result<Vec<Found>, push::Failure> {
    let ids: Vec<Uuid> = page.iter().filter_map(|user| user.id.parse().ok()).collect();
    let ours: HashMap<Uuid, String> = sqlx::query!("SELECT id, email FROM users WHERE id = ANY($1)", &ids)
        .fetch_all(pool)
        .await
        .map_err(Error::from)?
        .into_iter()
        .map(|row| (row.id, row.email))
        .collect();
    let mut found = Vec::new();
    for user in page.iter().filter(|user| user.id != LITELLMS_OWN) {
        let email = user.id.parse().ok().and_then(|id| ours.get_key_value(&id));
        let there = user.email.clone().unwrap_or_default();
        match email {
            Some((&id, email)) => {
                seen.users.insert(id);
                if *email != there {
                    found.push(Found {
                        kind: "user",
                        object: user.id.clone(),
                        member: None,
                        name: email.clone(),
                        problem: "different",
                        detail: format!("email: {there} there"),
                    });
                }
            }
            None => found.push(Found {
                kind: "user",
                object: user.id.clone(),
                member: None,
                name: if there.is_empty() { user.id.clone() } else { there },
                problem: "unknown",
                detail: "Guildhall has no such person".to_owned(),
            }),
        }
    }
    Ok(found)
}

async fn compare_keys(
    pool: &PgPool,
    instance: &Instance,
    page: &[KeyInfo],
    seen: &mut Seen,
) -> Result<Vec<Found>, push::Failure> {
    let tokens: Vec<String> = page.iter().map(|key| key.token.clone()).collect();
    let ours: HashMap<String, (String, Option<String>)> = sqlx::query!(
        r#"SELECT litellm_token AS "token!", name, litellm_state FROM api_keys
        WHERE litellm_instance = $1 AND litellm_token = ANY($2)"#,
        instance.name(),
        &tokens,
    )
    .fetch_all(pool)
    .await
    .map_err(Error::from)?
    .into_iter()
    .map(|row| (row.token, (row.name, row.litellm_state)))
    .collect();
    let mut found = Vec::new();
    for key in page {
        seen.tokens.insert(key.token.clone());
        let alias = key
            .alias
            .clone()
            .unwrap_or_else(|| key.token.chars().take(12).collect());
        match ours.get(&key.token) {
            Some((name, state)) if state.as_deref() == Some("gone") => found.push(Found {
                kind: "key",
                object: key.token.clone(),
                member: None,
                name: name.clone(),
                problem: "unknown",
                detail: "Is revoked here, and LiteLLM still has it".to_owned(),
            }),
            Some(_) => {}
            None => found.push(Found {
                kind: "key",
                object: key.token.clone(),
                member: None,
                name: alias,
                problem: "unknown",
                detail: "Was not made by Guildhall".to_owned(),
            }),
        }
    }
    Ok(found)
}
