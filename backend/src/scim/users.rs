//! People, as the directory sends them.

use chrono::{DateTime, Utc};
use domain::{
    UserId,
    directory::Provider,
    scim::{self, Operation, Refused, USERS},
};
use serde_json::{Map, Value, json};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    Directory, Failure, Found, Query, Result, Stored, filter,
    people::{self, Described},
    require_version, taken, text,
};
use crate::{Ctx, Error, audit, identity_links};

/// Constraints that speak of what must be one's own.
const OWN: &[(&str, &str)] = &[("scim_users_user_name_key", "Another user has this userName")];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Option<Uuid>,
    user_name: String,
    external_id: Option<String>,
    active: bool,
    attributes: Value,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn into_stored(self) -> Stored {
        let mut body = match self.attributes {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        body.insert("userName".to_owned(), Value::String(self.user_name));
        if let Some(external) = self.external_id {
            body.insert("externalId".to_owned(), Value::String(external));
        }
        body.insert("active".to_owned(), Value::Bool(self.active));
        Stored {
            id: self.id,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            body,
        }
    }
}

/// A resource's columns, and the rest of it.
struct Columns {
    user_name: String,
    external_id: Option<String>,
    active: bool,
    attributes: Value,
}

impl Columns {
    fn of(body: &Map<String, Value>) -> Result<Self> {
        let mut attributes = body.clone();
        for name in ["userName", "externalId", "active"] {
            attributes.remove(name);
        }
        Ok(Self {
            user_name: text(body, "userName").ok_or_else(|| Refused::value("userName", "is required"))?,
            external_id: text(body, "externalId"),
            active: body.get("active").and_then(Value::as_bool).unwrap_or(true),
            attributes: Value::Object(attributes),
        })
    }
}

fn not_found(id: Uuid) -> Failure {
    Error::not_found("User", id).into()
}

/// Creates a user.
///
/// # Errors
/// What the schema does not allow; `uniqueness` for a userName, or an email address, that another user of the directory
/// has; `invalidValue` for an address that the organization does not take in.
pub async fn create_user(ctx: &mut Ctx, directory: &Directory, body: &Value) -> Result<Stored> {
    let mut body = scim::read(&USERS, body)?;
    body.entry("active").or_insert(Value::Bool(true));
    let columns = Columns::of(&body)?;
    // An address that is none is refused also where no account is made of it yet.
    people::address(&body)?;
    let (id, now) = (Uuid::now_v7(), ctx.now);
    sqlx::query!(
        "INSERT INTO scim_users (id, organization_id, user_name, external_id, active, attributes, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        id,
        directory.organization.0,
        columns.user_name,
        columns.external_id,
        columns.active,
        columns.attributes,
        now,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, OWN))?;
    let described = Described {
        id,
        user: None,
        active: columns.active,
        was_active: !columns.active,
        body: &body,
    };
    people::settle(ctx, directory, &described).await?;
    record(ctx, directory, "scim.user_create", id, None, Some(&body)).await?;
    load(ctx, directory, id, false)
        .await
        .map(|row| row.map(Row::into_stored))?
        .ok_or_else(|| not_found(id))
}

/// Shows a user.
///
/// # Errors
/// `User not found: <id>`.
pub async fn get_user(ctx: &mut Ctx, directory: &Directory, id: Uuid) -> Result<Stored> {
    let row = load(ctx, directory, id, false).await?;
    row.map(Row::into_stored).ok_or_else(|| not_found(id))
}

async fn load(ctx: &mut Ctx, directory: &Directory, id: Uuid, lock: bool) -> Result<Option<Row>> {
    if lock {
        sqlx::query_scalar!(
            "SELECT id FROM scim_users WHERE id = $1 AND organization_id = $2 FOR NO KEY UPDATE",
            id,
            directory.organization.0,
        )
        .fetch_optional(ctx.connection())
        .await?;
    }
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, user_id, user_name, external_id, active, attributes, version, created_at, updated_at
        FROM scim_users WHERE id = $1 AND organization_id = $2",
        id,
        directory.organization.0,
    )
    .fetch_optional(ctx.connection())
    .await?)
}

/// A page of users.
///
/// # Errors
/// `invalidFilter` for what users do not have.
pub async fn list_users(ctx: &mut Ctx, directory: &Directory, query: &Query) -> Result<Found> {
    let mut sql = QueryBuilder::new("SELECT count(*) FROM scim_users s");
    conditions(&mut sql, directory, query)?;
    let total: i64 = sql.build_query_scalar().fetch_one(ctx.connection()).await?;
    if query.limit() == 0 || total <= query.offset() {
        return Ok(Found {
            total,
            items: Vec::new(),
        });
    }
    let mut sql = QueryBuilder::new(
        "SELECT id, user_id, user_name, external_id, active, attributes, version, created_at, updated_at FROM scim_users s",
    );
    conditions(&mut sql, directory, query)?;
    sql.push(" ORDER BY s.created_at, s.id LIMIT ")
        .push_bind(query.limit())
        .push(" OFFSET ")
        .push_bind(query.offset());
    let rows: Vec<Row> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    Ok(Found {
        total,
        items: rows.into_iter().map(Row::into_stored).collect(),
    })
}

fn conditions(sql: &mut QueryBuilder<Postgres>, directory: &Directory, query: &Query) -> Result<()> {
    sql.push(" WHERE s.organization_id = ")
        .push_bind(directory.organization.0);
    if let Some(condition) = &query.filter {
        sql.push(" AND ");
        filter::push(sql, &USERS, condition)?;
    }
    Ok(())
}

/// Replaces a user: what the body does not have is gone; `active` stays as it is.
///
/// # Errors
/// As [`create_user`]; `User not found: <id>`; when the user is not of the version `expected`.
pub async fn replace_user(
    ctx: &mut Ctx,
    directory: &Directory,
    id: Uuid,
    body: &Value,
    expected: Option<i64>,
) -> Result<Stored> {
    let new = scim::read(&USERS, body)?;
    change(ctx, directory, id, expected, |old| {
        let mut new = new;
        new.entry("active").or_insert_with(|| old["active"].clone());
        Ok(new)
    })
    .await
}

/// Changes a user.
///
/// # Errors
/// What RFC 7644 says of PATCH; else as [`replace_user`].
pub async fn change_user(
    ctx: &mut Ctx,
    directory: &Directory,
    id: Uuid,
    operations: &[Operation],
    expected: Option<i64>,
) -> Result<Stored> {
    change(ctx, directory, id, expected, |old| {
        let mut new = old.clone();
        scim::apply(&USERS, &mut new, operations)?;
        new.entry("active").or_insert(Value::Bool(true));
        Ok(new)
    })
    .await
}

async fn change(
    ctx: &mut Ctx,
    directory: &Directory,
    id: Uuid,
    expected: Option<i64>,
    new: impl FnOnce(&Map<String, Value>) -> Result<Map<String, Value>>,
) -> Result<Stored> {
    let row = load(ctx, directory, id, true).await?.ok_or_else(|| not_found(id))?;
    require_version(expected, row.version)?;
    let (user, was_active) = (row.user_id.map(UserId), row.active);
    let before = row.into_stored();
    let body = new(&before.body)?;
    // What comes again changes nothing, and answers the same.
    if body == before.body {
        return Ok(before);
    }
    let columns = Columns::of(&body)?;
    people::address(&body)?;
    let now = ctx.now;
    sqlx::query!(
        "UPDATE scim_users SET user_name = $2, external_id = $3, active = $4, attributes = $5, version = version + 1,
            updated_at = $6
        WHERE id = $1",
        id,
        columns.user_name,
        columns.external_id,
        columns.active,
        columns.attributes,
        now,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, OWN))?;
    let described = Described {
        id,
        user,
        active: columns.active,
        was_active,
        body: &body,
    };
    let settled = people::settle(ctx, directory, &described).await?;
    let name = people::display_name(&body);
    if let Some(user) = settled
        && name != people::display_name(&before.body)
    {
        people::rename(ctx, directory, user, &body).await?;
    }
    record(ctx, directory, "scim.user_update", id, Some(&before.body), Some(&body)).await?;
    Ok(Stored {
        version: before.version + 1,
        updated_at: now,
        body,
        ..before
    })
}

/// Deletes a user: their access ends as if they were deactivated, and they are in no group any more. The account stays.
///
/// # Errors
/// `User not found: <id>`; when the user is not of the version `expected`.
pub async fn delete_user(ctx: &mut Ctx, directory: &Directory, id: Uuid, expected: Option<i64>) -> Result<()> {
    // Groups before people, as everything does that locks both.
    let groups = sqlx::query_scalar!(
        "SELECT g.id FROM scim_groups g JOIN scim_group_members m ON m.group_id = g.id
        WHERE m.member = $1 AND g.organization_id = $2 ORDER BY g.id FOR NO KEY UPDATE OF g",
        id,
        directory.organization.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let row = load(ctx, directory, id, true).await?.ok_or_else(|| not_found(id))?;
    require_version(expected, row.version)?;
    let (user, active) = (row.user_id.map(UserId), row.active);
    let before = row.into_stored();
    let now = ctx.now;
    sqlx::query!("DELETE FROM scim_users WHERE id = $1", id)
        .execute(ctx.connection())
        .await?;
    sqlx::query!(
        "UPDATE scim_groups SET version = version + 1, updated_at = $2 WHERE id = ANY($1)",
        &groups,
        now,
    )
    .execute(ctx.connection())
    .await?;
    if let Some(user) = user {
        if active {
            people::end(ctx, directory, user).await?;
        }
        for group in groups {
            let (group, scope) = (group.to_string(), Some(directory.organization));
            identity_links::take_out(ctx, Provider::Scim, &group, scope, &[user]).await?;
        }
    }
    record(ctx, directory, "scim.user_delete", id, Some(&before.body), None).await
}

/// One entry for each change. It names the attributes that changed, and not what they are: the log is for ever, and a
/// telephone number is not.
async fn record(
    ctx: &mut Ctx,
    directory: &Directory,
    action: &'static str,
    id: Uuid,
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
) -> Result<()> {
    let shown = |body: Option<&Map<String, Value>>| match body {
        Some(body) => json!({
            "userName": body.get("userName"), "externalId": body.get("externalId"), "active": body.get("active"),
        }),
        None => Value::Null,
    };
    let mut last = shown(after);
    if let (Some(before), Some(after)) = (before, after) {
        let changed: Vec<&String> = before
            .keys()
            .chain(after.keys().filter(|name| !before.contains_key(*name)))
            .filter(|name| before.get(*name) != after.get(*name))
            .collect();
        last["changed"] = json!(changed);
    }
    let name = after
        .or(before)
        .and_then(|body| text(body, "userName"))
        .unwrap_or_default();
    let mut entry = audit::Entry::new(action, "scim_user", id, &name).change(shown(before), last);
    entry.organization = Some(directory.organization);
    audit::record(ctx, entry).await?;
    Ok(())
}
