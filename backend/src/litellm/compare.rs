//! "Compare now": what an instance has beside what it should have, both ways. Looking changes nothing; what is to be done
//! about a difference is decided one click at a time.

use std::collections::HashMap;

use domain::views::{LiteLlmComparison, LiteLlmDifference, Page};
use integrations::litellm::{KeyFilter, KeyInfo, Team, User};
use serde_json::json;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    Instance, push,
    status::{require_manage, require_view},
};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, keyset::Keyset};

/// How long a comparison that is not heard of counts as under way, in seconds.
const SILENCE: f64 = 60.0;
/// How many of our things are looked up together.
const CHUNK: usize = 500;
/// LiteLLM's own account: not a difference.
const LITELLMS_OWN: &str = "default_user_id";

/// Begins a comparison; [`run`] makes it.
///
/// # Errors
/// 403 for everyone but super_admins; 404 for an unknown instance; 409 while one is under way.
pub async fn begin(ctx: &mut Ctx, instance: &str) -> Result<Uuid> {
    require_manage(&ctx.caller)?;
    if ctx.backend.litellm.get(Some(instance)).is_none() {
        return Err(Error::not_found("LiteLLM instance", instance));
    }
    let (id, by) = (Uuid::now_v7(), ctx.caller.name().to_owned());
    // One at a time: the row of the instance is the lock.
    sqlx::query!("SELECT FROM litellm_instances WHERE name = $1 FOR UPDATE", instance)
        .execute(ctx.connection())
        .await?;
    let busy = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM litellm_comparisons WHERE instance = $1 AND ended_at IS NULL
            AND heartbeat_at > clock_timestamp() - make_interval(secs => $2)) AS "busy!""#,
        instance,
        SILENCE,
    )
    .fetch_one(ctx.connection())
    .await?;
    if busy {
        return Err(Error::refused(
            Code::WrongState,
            "A comparison with this instance is under way",
        ));
    }
    sqlx::query!(
        "INSERT INTO litellm_comparisons (id, instance, requested_by) VALUES ($1, $2, $3)",
        id,
        instance,
        by,
    )
    .execute(ctx.connection())
    .await?;
    // The last few are enough.
    sqlx::query!(
        "DELETE FROM litellm_comparisons WHERE instance = $1 AND id NOT IN
            (SELECT id FROM litellm_comparisons WHERE instance = $1 ORDER BY started_at DESC LIMIT 5)",
        instance,
    )
    .execute(ctx.connection())
    .await?;
    audit::record(ctx, audit::Entry::new("litellm.compare", "litellm", id, instance)).await?;
    Ok(id)
}

/// Begins to make it beside the request.
pub fn start(backend: Backend, id: Uuid, instance: String) {
    tokio::spawn(run(backend, id, instance));
}

/// Makes a comparison. What goes wrong is written down with it.
pub async fn run(backend: Backend, id: Uuid, instance: String) {
    let Some(instance) = backend.litellm.get(Some(&instance)) else {
        return;
    };
    let error = match compare(&backend.pool, instance, id).await {
        Ok(()) => None,
        Err(push::Failure::Database(error)) => {
            tracing::warn!(%error, "a comparison with LiteLLM was not completed");
            Some("The database did not answer".to_owned())
        }
        Err(failure) => Some(failure.to_string()),
    };
    let ended = sqlx::query!(
        "UPDATE litellm_comparisons SET ended_at = clock_timestamp(), error = $2 WHERE id = $1",
        id,
        error,
    )
    .execute(&backend.pool)
    .await;
    if let Err(error) = ended {
        tracing::warn!(%error, "the end of a comparison with LiteLLM could not be written down");
    }
}

/// A difference that was found.
struct Found {
    kind: &'static str,
    object: String,
    member: Option<String>,
    name: String,
    problem: &'static str,
    detail: String,
}

async fn compare(pool: &PgPool, instance: &Instance, id: Uuid) -> Result<(), push::Failure> {
    let started = sqlx::query_scalar!("SELECT started_at FROM litellm_comparisons WHERE id = $1", id)
        .fetch_one(pool)
        .await
        .map_err(Error::from)?;
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
    missing_keys(pool, instance, id, &seen).await
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
    teams: std::collections::HashSet<Uuid>,
    users: std::collections::HashSet<Uuid>,
    members: std::collections::HashSet<(Uuid, Uuid)>,
    tokens: std::collections::HashSet<String>,
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
            Ok(id) => super::truth::team(pool, &instance.client, domain::TeamId(id))
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

async fn members_of(pool: &PgPool, teams: &[Uuid]) -> Result<HashMap<Uuid, std::collections::HashSet<Uuid>>> {
    let rows = sqlx::query!(
        "SELECT team_id, user_id FROM team_members
        WHERE team_id = ANY($1) AND (expires_at IS NULL OR expires_at > now())",
        teams,
    )
    .fetch_all(pool)
    .await?;
    let mut members: HashMap<_, std::collections::HashSet<_>> = HashMap::new();
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

/// Writes down what a page showed.
async fn note(pool: &PgPool, id: Uuid, compared: usize, found: Vec<Found>) -> Result<()> {
    if !found.is_empty() {
        let mut query = QueryBuilder::<Postgres>::new(
            "INSERT INTO litellm_differences (comparison_id, kind, object, member, name, problem, detail) ",
        );
        query.push_values(found, |mut row, found| {
            row.push_bind(id)
                .push_bind(found.kind)
                .push_bind(found.object)
                .push_bind(found.member)
                .push_bind(found.name)
                .push_bind(found.problem)
                .push_bind(found.detail);
        });
        query.build().execute(pool).await?;
    }
    sqlx::query!(
        "UPDATE litellm_comparisons SET heartbeat_at = clock_timestamp(), compared = compared + $2 WHERE id = $1",
        id,
        i64::try_from(compared).unwrap_or_default(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The latest comparison with an instance.
///
/// # Errors
/// 403 for everyone but super_admins and auditors of the installation.
pub async fn latest(ctx: &mut Ctx, instance: &str) -> Result<Option<LiteLlmComparison>> {
    require_view(&ctx.caller)?;
    Ok(sqlx::query_as!(
        LiteLlmComparison,
        r#"SELECT c.id, c.instance, c.requested_by, c.started_at, c.compared,
            CASE WHEN c.ended_at IS NULL AND c.heartbeat_at < clock_timestamp() - make_interval(secs => $2)
                THEN c.heartbeat_at ELSE c.ended_at END AS ended_at,
            CASE WHEN c.ended_at IS NULL AND c.heartbeat_at < clock_timestamp() - make_interval(secs => $2)
                THEN 'The process ended before the comparison did' ELSE c.error END AS error,
            (SELECT count(*) FROM litellm_differences d WHERE d.comparison_id = c.id) AS "differences!",
            (SELECT count(*) FROM litellm_differences d WHERE d.comparison_id = c.id AND d.settled IS NULL) AS "open!"
        FROM litellm_comparisons c WHERE c.instance = $1 ORDER BY c.started_at DESC LIMIT 1"#,
        instance,
        SILENCE,
    )
    .fetch_optional(ctx.connection())
    .await?)
}

/// The latest comparison with an instance, the default one unless it is named, and a page of what it found.
///
/// # Errors
/// 403 as [`latest`]; 404 when there was none; 503 when the instance is not configured.
pub async fn comparison(
    ctx: &mut Ctx,
    instance: Option<&str>,
    cursor: Option<&str>,
    limit: i64,
) -> Result<(LiteLlmComparison, Page<LiteLlmDifference>)> {
    require_view(&ctx.caller)?;
    let name = ctx.backend.litellm.require(instance)?.name().to_owned();
    let latest = latest(ctx, &name).await?;
    let latest = latest.ok_or_else(|| Error::refused(Code::NotFound, format!("'{name}' was never compared")))?;
    let page = differences(ctx, latest.id, cursor, limit).await?;
    Ok((latest, page))
}

/// What a comparison found, in the order of problem, kind and name.
///
/// # Errors
/// 403 as [`latest`]; when the cursor is not one of this list.
pub async fn differences(
    ctx: &mut Ctx,
    comparison: Uuid,
    cursor: Option<&str>,
    limit: i64,
) -> Result<Page<LiteLlmDifference>> {
    require_view(&ctx.caller)?;
    let place = Keyset::<String>::read(cursor, limit)?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM litellm_differences WHERE comparison_id = $1"#,
        comparison,
    )
    .fetch_one(ctx.connection())
    .await?;
    macro_rules! rows {
        ($order:literal) => {
            sqlx::query_as!(
                LiteLlmDifference,
                r#"SELECT id, kind, name, problem, detail, settled, settled_by,
                    (problem = 'unknown' AND kind IN ('member', 'key')) AS "removable!"
                FROM litellm_differences WHERE comparison_id = $1 AND "#
                    + $order,
                comparison,
                place.key,
                place.id,
                place.rows(),
            )
            .fetch_all(ctx.connection())
            .await?
        };
    }
    let rows = if place.before {
        rows!(
            "(problem || ' ' || kind || ' ' || name, id) < ($2, $3)
            ORDER BY problem || ' ' || kind || ' ' || name DESC, id DESC LIMIT $4"
        )
    } else {
        rows!(
            "($2::text IS NULL OR (problem || ' ' || kind || ' ' || name, id) > ($2, $3))
            ORDER BY problem || ' ' || kind || ' ' || name, id LIMIT $4"
        )
    };
    Ok(place.page(rows, total, |row| {
        (format!("{} {} {}", row.problem, row.kind, row.name), row.id)
    }))
}

/// What is to be done about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// LiteLLM gets what is here: for what is missing or different there.
    Push,
    /// It goes there: for memberships and keys that only LiteLLM has.
    Remove,
}

/// Does something about a difference: what is missing or different is handed to the worker, what is to go is removed
/// there now.
///
/// # Errors
/// 403 for everyone but super_admins; 404 without such a difference; 409 when it is settled, or this cannot be done about
/// it; 502 and 503 when LiteLLM does not do it.
pub async fn settle(backend: &Backend, caller: Caller, info: RequestInfo, id: Uuid, decision: Decision) -> Result<()> {
    let mut ctx = Ctx::read(backend, caller.clone(), info.clone()).await?;
    require_manage(&ctx.caller)?;
    let found = load(&mut ctx, id).await?;
    // No connection is held while LiteLLM is asked.
    drop(ctx);
    match (decision, found.problem.as_str(), found.kind.as_str()) {
        (Decision::Push, "missing", "key") => {
            return Err(Error::refused(
                Code::WrongState,
                "LiteLLM cannot be given a key again: its secret is kept nowhere. Its owner rotates it, or it is revoked",
            ));
        }
        (Decision::Push, "missing" | "different", _) => {}
        (Decision::Remove, "unknown", "member" | "key") => {
            let client = &backend.litellm.require(Some(&found.instance))?.client;
            let removed = match &found.member {
                Some(member) => client.remove_member(&found.object, member).await,
                None => client.delete_key(&found.object).await,
            };
            removed.map_err(|error| super::refused(&error))?;
        }
        _ => {
            return Err(Error::refused(
                Code::WrongState,
                "Not possible for this difference: what only LiteLLM has cannot be pushed, and its teams and people are not removed from here",
            ));
        }
    }
    let mut ctx = Ctx::write(backend, caller, info).await?;
    write(&mut ctx, id, &found, decision).await?;
    ctx.commit().await
}

struct Difference {
    instance: String,
    kind: String,
    object: String,
    member: Option<String>,
    name: String,
    problem: String,
    settled: Option<String>,
}

async fn load(ctx: &mut Ctx, id: Uuid) -> Result<Difference> {
    let found = sqlx::query_as!(
        Difference,
        "SELECT c.instance, d.kind, d.object, d.member, d.name, d.problem, d.settled
        FROM litellm_differences d JOIN litellm_comparisons c ON c.id = d.comparison_id WHERE d.id = $1",
        id,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Difference", id))?;
    if found.settled.is_some() {
        return Err(settled());
    }
    Ok(found)
}

fn settled() -> Error {
    Error::refused(Code::WrongState, "This difference is settled already")
}

async fn write(ctx: &mut Ctx, id: Uuid, found: &Difference, decision: Decision) -> Result<()> {
    let (word, action) = match decision {
        Decision::Push => ("pushed", "litellm.push"),
        Decision::Remove => ("removed", "litellm.remove"),
    };
    if decision == Decision::Push {
        let unknown = |_| Error::not_found("Difference", id);
        let object: Uuid = found.object.parse().map_err(unknown)?;
        let member: Uuid = found
            .member
            .as_deref()
            .map_or(Ok(Uuid::nil()), str::parse)
            .map_err(unknown)?;
        sqlx::query!(
            r#"SELECT litellm_touch(ARRAY[$1::text], ARRAY[$2::text], ARRAY[$3::uuid], ARRAY[$4::uuid])::text AS "done""#,
            found.kind,
            found.instance,
            object,
            member,
        )
        .fetch_one(ctx.connection())
        .await?;
    }
    let by = ctx.caller.name().to_owned();
    let written = sqlx::query!(
        "UPDATE litellm_differences SET settled = $2, settled_by = $3 WHERE id = $1 AND settled IS NULL",
        id,
        word,
        by,
    )
    .execute(ctx.connection())
    .await?;
    if written.rows_affected() == 0 {
        return Err(settled());
    }
    let entry = audit::Entry::new(action, "litellm", id, &found.instance).change(
        json!(null),
        json!({"kind": found.kind, "name": found.name, "problem": found.problem}),
    );
    audit::record(ctx, entry).await
}
