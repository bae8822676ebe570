//! Doing something about one difference.

use serde_json::json;
use uuid::Uuid;

use super::require_manage;
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, litellm};

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
            removed.map_err(|error| litellm::refused(&error))?;
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
