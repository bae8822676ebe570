//! Groups, as the directory sends them. What being in one gives is its links' business (see [`crate::identity_links`]).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{
    UserId,
    directory::{Mode, Provider},
    scim::{self, GROUPS, GroupChange, Refused},
};
use serde_json::{Map, Value, json};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Directory, Failure, Found, Query, Result, Stored, filter, links, require_version, taken, text};
use crate::{Ctx, Error, audit, identity_links};

/// Constraints that speak of what must be one's own.
const OWN: &[(&str, &str)] = &[
    ("scim_groups_display_name_key", "Another group has this displayName"),
    ("scim_groups_external_key", "Another group has this externalId"),
];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    display_name: String,
    external_id: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn into_stored(self) -> Stored {
        let mut body = Map::new();
        body.insert("displayName".to_owned(), Value::String(self.display_name));
        if let Some(external) = self.external_id {
            body.insert("externalId".to_owned(), Value::String(external));
        }
        Stored {
            id: self.id,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            body,
        }
    }
}

fn not_found(id: Uuid) -> Failure {
    Error::not_found("Group", id).into()
}

/// Creates a group, and a team of its name that it feeds, unless the organization has such a team: no group takes over a
/// team by itself.
///
/// # Errors
/// What the schema does not allow; `uniqueness` for a name or externalId that another group has; `invalidValue` for a
/// member that is not known.
pub async fn create_group(ctx: &mut Ctx, directory: &Directory, body: &Value) -> Result<Stored> {
    let map = scim::read(&GROUPS, body)?;
    let members = members_of(body)?;
    let name = text(&map, "displayName").unwrap_or_default();
    let (id, now) = (Uuid::now_v7(), ctx.now);
    sqlx::query!(
        "INSERT INTO scim_groups (id, organization_id, display_name, external_id, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5)",
        id,
        directory.organization.0,
        name,
        text(&map, "externalId"),
        now,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, OWN))?;
    let (organization, group) = (directory.organization, id.to_string());
    let team =
        identity_links::link_new_team(ctx, Provider::Scim, &group, &name, organization, Mode::Authoritative).await?;
    let mut after = json!({"displayName": name, "externalId": text(&map, "externalId"), "team_id": team});
    let added = add(ctx, directory, id, &members).await?;
    after["members"] = json!(added.len());
    links::heard(ctx, directory.organization, id).await?;
    record(ctx, directory, "scim.group_create", id, &name, Value::Null, after).await?;
    get_group(ctx, directory, id, true).await
}

/// The members in the body of a group; `None` when it says nothing of them.
fn members_of(body: &Value) -> Result<Vec<String>> {
    let members = body
        .as_object()
        .and_then(|body| (body.iter()).find_map(|(name, value)| name.eq_ignore_ascii_case("members").then_some(value)));
    Ok(scim::members(members.unwrap_or(&Value::Null))?)
}

/// Shows a group, with its members or without.
///
/// # Errors
/// `Group not found: <id>`.
pub async fn get_group(ctx: &mut Ctx, directory: &Directory, id: Uuid, members: bool) -> Result<Stored> {
    let row = load(ctx, directory, id, false).await?.ok_or_else(|| not_found(id))?;
    let mut groups = [row.into_stored()];
    if members {
        with_members(ctx, &mut groups).await?;
    }
    let [group] = groups;
    Ok(group)
}

async fn load(ctx: &mut Ctx, directory: &Directory, id: Uuid, lock: bool) -> Result<Option<Row>> {
    if lock {
        sqlx::query_scalar!(
            "SELECT id FROM scim_groups WHERE id = $1 AND organization_id = $2 FOR NO KEY UPDATE",
            id,
            directory.organization.0,
        )
        .fetch_optional(ctx.connection())
        .await?;
    }
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, display_name, external_id, version, created_at, updated_at FROM scim_groups
        WHERE id = $1 AND organization_id = $2",
        id,
        directory.organization.0,
    )
    .fetch_optional(ctx.connection())
    .await?)
}

/// A page of groups, with their members or without.
///
/// # Errors
/// `invalidFilter` for what groups do not have.
pub async fn list_groups(ctx: &mut Ctx, directory: &Directory, query: &Query, members: bool) -> Result<Found> {
    let mut sql = QueryBuilder::new("SELECT count(*) FROM scim_groups s");
    conditions(&mut sql, directory, query)?;
    let total: i64 = sql.build_query_scalar().fetch_one(ctx.connection()).await?;
    if query.limit() == 0 || total <= query.offset() {
        return Ok(Found {
            total,
            items: Vec::new(),
        });
    }
    let mut sql =
        QueryBuilder::new("SELECT id, display_name, external_id, version, created_at, updated_at FROM scim_groups s");
    conditions(&mut sql, directory, query)?;
    sql.push(" ORDER BY s.created_at, s.id LIMIT ")
        .push_bind(query.limit())
        .push(" OFFSET ")
        .push_bind(query.offset());
    let rows: Vec<Row> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    let mut items: Vec<Stored> = rows.into_iter().map(Row::into_stored).collect();
    if members {
        with_members(ctx, &mut items).await?;
    }
    Ok(Found { total, items })
}

fn conditions(sql: &mut QueryBuilder<Postgres>, directory: &Directory, query: &Query) -> Result<()> {
    sql.push(" WHERE s.organization_id = ")
        .push_bind(directory.organization.0);
    if let Some(condition) = &query.filter {
        sql.push(" AND ");
        filter::push(sql, &GROUPS, condition)?;
    }
    Ok(())
}

/// Puts the members of groups into their bodies.
async fn with_members(ctx: &mut Ctx, groups: &mut [Stored]) -> Result<()> {
    let ids: Vec<Uuid> = groups.iter().map(|group| group.id).collect();
    let rows = sqlx::query!(
        "SELECT m.group_id, m.member, u.user_name FROM scim_group_members m JOIN scim_users u ON u.id = m.member
        WHERE m.group_id = ANY($1) ORDER BY m.group_id, m.member",
        &ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut members: BTreeMap<Uuid, Vec<Value>> = BTreeMap::new();
    for row in rows {
        let member = json!({"value": row.member, "display": row.user_name, "type": "User"});
        members.entry(row.group_id).or_default().push(member);
    }
    for group in groups {
        if let Some(members) = members.remove(&group.id) {
            group.body.insert("members".to_owned(), Value::Array(members));
        }
    }
    Ok(())
}

/// Replaces a group: its members are those of the body, and nobody else.
///
/// # Errors
/// As [`create_group`]; `Group not found: <id>`; when the group is not of the version `expected`.
pub async fn replace_group(
    ctx: &mut Ctx,
    directory: &Directory,
    id: Uuid,
    body: &Value,
    expected: Option<i64>,
) -> Result<()> {
    let map = scim::read(&GROUPS, body)?;
    let changes = [
        GroupChange::Rename(text(&map, "displayName").unwrap_or_default()),
        GroupChange::External(text(&map, "externalId")),
        GroupChange::Replace(members_of(body)?),
    ];
    change_group(ctx, directory, id, &changes, expected).await
}

/// What changes say of members in the end: the last word on each.
#[derive(Default)]
struct Members {
    /// These and nobody else, before `changed`.
    all: Option<BTreeSet<String>>,
    /// In or out.
    changed: BTreeMap<String, bool>,
}

impl Members {
    fn note(&mut self, ids: &[String], is_in: bool) {
        for id in ids {
            match &mut self.all {
                Some(all) if is_in => {
                    all.insert(id.clone());
                }
                Some(all) => {
                    all.remove(id);
                }
                None => {
                    self.changed.insert(id.clone(), is_in);
                }
            }
        }
    }

    fn chosen(&self, is_in: bool) -> Vec<String> {
        (self.changed.iter())
            .filter(|(_, known)| **known == is_in)
            .map(|(id, _)| id.clone())
            .collect()
    }
}

/// Changes a group.
///
/// # Errors
/// As [`replace_group`].
pub async fn change_group(
    ctx: &mut Ctx,
    directory: &Directory,
    id: Uuid,
    changes: &[GroupChange],
    expected: Option<i64>,
) -> Result<()> {
    let row = load(ctx, directory, id, true).await?.ok_or_else(|| not_found(id))?;
    require_version(expected, row.version)?;
    let (mut name, mut external, mut members) = (row.display_name.clone(), row.external_id.clone(), Members::default());
    for change in changes {
        match change {
            GroupChange::Rename(new) => name.clone_from(new),
            GroupChange::External(new) => external.clone_from(new),
            GroupChange::Add(ids) => members.note(ids, true),
            GroupChange::Remove(ids) => members.note(ids, false),
            GroupChange::Replace(ids) => {
                members = Members {
                    all: Some(ids.iter().cloned().collect()),
                    changed: BTreeMap::new(),
                }
            }
        }
    }
    let now = ctx.now;
    let is_other = name != row.display_name || external != row.external_id;
    if is_other {
        sqlx::query!(
            "UPDATE scim_groups SET display_name = $2, external_id = $3 WHERE id = $1",
            id,
            name,
            external,
        )
        .execute(ctx.connection())
        .await
        .map_err(|error| taken(error, OWN))?;
        if name != row.display_name {
            links::renamed(ctx, directory.organization, id, &name).await?;
        }
        let shown = |name: &str, external: Option<&str>| json!({"displayName": name, "externalId": external});
        let before = shown(&row.display_name, row.external_id.as_deref());
        let after = shown(&name, external.as_deref());
        record(ctx, directory, "scim.group_update", id, &name, before, after).await?;
    }
    let (added, removed) = match &members.all {
        Some(all) => {
            let all: Vec<String> = all.iter().cloned().collect();
            let added = add(ctx, directory, id, &all).await?;
            (added, keep_only(ctx, directory, id, &all).await?)
        }
        None => {
            let added = add(ctx, directory, id, &members.chosen(true)).await?;
            (added, remove(ctx, directory, id, &members.chosen(false)).await?)
        }
    };
    if !added.is_empty() || !removed.is_empty() {
        let after = json!({"added": names(&added), "removed": names(&removed)});
        record(ctx, directory, "scim.group_members", id, &name, Value::Null, after).await?;
    }
    // What comes again changes nothing.
    if is_other || !added.is_empty() || !removed.is_empty() {
        sqlx::query!(
            "UPDATE scim_groups SET version = version + 1, updated_at = $2 WHERE id = $1",
            id,
            now,
        )
        .execute(ctx.connection())
        .await?;
    }
    links::heard(ctx, directory.organization, id).await?;
    Ok(())
}

/// The names of some people for the audit log; of very many the first.
fn names(people: &[String]) -> Value {
    const SHOWN: usize = 100;
    match people.len() {
        few if few <= SHOWN => json!(people),
        many => {
            let mut shown = people.iter().take(SHOWN).cloned().collect::<Vec<_>>();
            shown.push(format!("and {} more", many - SHOWN));
            json!(shown)
        }
    }
}

/// Adds people; gives the userNames of those who were not in the group.
async fn add(ctx: &mut Ctx, directory: &Directory, group: Uuid, ids: &[String]) -> Result<Vec<String>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let unknown = |id: &str| {
        let id: String = id.chars().filter(|c| !c.is_control()).take(100).collect();
        Refused::value(
            "members",
            &format!("must be users of this directory: there is no user '{id}'"),
        )
    };
    let wanted = ids
        .iter()
        .map(|id| id.parse::<Uuid>().map_err(|_| unknown(id)))
        .collect::<Result<Vec<_>, _>>()?;
    // Held, so that nobody who is deactivated meanwhile is put into a team: see `people`.
    let people = sqlx::query!(
        "SELECT id, user_id, user_name, active FROM scim_users WHERE organization_id = $1 AND id = ANY($2)
        ORDER BY id FOR SHARE",
        directory.organization.0,
        &wanted,
    )
    .fetch_all(ctx.connection())
    .await?;
    let known: BTreeSet<Uuid> = people.iter().map(|person| person.id).collect();
    if let Some(missing) = wanted.iter().find(|id| !known.contains(id)) {
        return Err(unknown(&missing.to_string()).into());
    }
    let new = sqlx::query_scalar!(
        "INSERT INTO scim_group_members (group_id, member) SELECT $1, id FROM unnest($2::uuid[]) AS id ORDER BY id
        ON CONFLICT DO NOTHING RETURNING member",
        group,
        &wanted,
    )
    .fetch_all(ctx.connection())
    .await?;
    let new: BTreeSet<Uuid> = new.into_iter().collect();
    let users: Vec<UserId> = (people.iter())
        .filter(|person| person.active && new.contains(&person.id))
        .filter_map(|person| person.user_id.map(UserId))
        .collect();
    if !users.is_empty() {
        let scope = Some(directory.organization);
        identity_links::put_in(ctx, Provider::Scim, &group.to_string(), scope, &users).await?;
    }
    Ok(people
        .into_iter()
        .filter(|person| new.contains(&person.id))
        .map(|person| person.user_name)
        .collect())
}

/// Takes people out; who is not in the group needs no taking out.
async fn remove(ctx: &mut Ctx, directory: &Directory, group: Uuid, ids: &[String]) -> Result<Vec<String>> {
    let ids: Vec<Uuid> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    take(ctx, directory, group, &ids, true).await
}

/// Takes everybody else out.
async fn keep_only(ctx: &mut Ctx, directory: &Directory, group: Uuid, ids: &[String]) -> Result<Vec<String>> {
    let ids: Vec<Uuid> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    take(ctx, directory, group, &ids, false).await
}

/// Takes people out of a group: those whom the list names, or everybody else.
async fn take(ctx: &mut Ctx, directory: &Directory, group: Uuid, ids: &[Uuid], named: bool) -> Result<Vec<String>> {
    if named && ids.is_empty() {
        return Ok(Vec::new());
    }
    let gone = sqlx::query!(
        "WITH gone AS (DELETE FROM scim_group_members WHERE group_id = $1 AND (member = ANY($2)) = $3 RETURNING member)
        SELECT s.user_id, s.user_name FROM gone JOIN scim_users s ON s.id = gone.member ORDER BY s.id",
        group,
        ids,
        named,
    )
    .fetch_all(ctx.connection())
    .await?;
    let users: Vec<UserId> = gone.iter().filter_map(|person| person.user_id.map(UserId)).collect();
    if !users.is_empty() {
        let scope = Some(directory.organization);
        identity_links::take_out(ctx, Provider::Scim, &group.to_string(), scope, &users).await?;
    }
    Ok(gone.into_iter().map(|person| person.user_name).collect())
}

/// Deletes a group: its people lose what it gave. The team stays.
///
/// # Errors
/// `Group not found: <id>`; when the group is not of the version `expected`.
pub async fn delete_group(ctx: &mut Ctx, directory: &Directory, id: Uuid, expected: Option<i64>) -> Result<()> {
    let row = load(ctx, directory, id, true).await?.ok_or_else(|| not_found(id))?;
    require_version(expected, row.version)?;
    let removed = take(ctx, directory, id, &[], false).await?;
    sqlx::query!("DELETE FROM scim_groups WHERE id = $1", id)
        .execute(ctx.connection())
        .await?;
    links::gone(ctx, directory.organization, id).await?;
    let before = json!({"displayName": row.display_name, "externalId": row.external_id, "members": names(&removed)});
    let name = row.display_name.clone();
    record(ctx, directory, "scim.group_delete", id, &name, before, Value::Null).await
}

async fn record(
    ctx: &mut Ctx,
    directory: &Directory,
    action: &'static str,
    id: Uuid,
    name: &str,
    before: Value,
    after: Value,
) -> Result<()> {
    let mut entry = audit::Entry::new(action, "scim_group", id, name).change(before, after);
    entry.organization = Some(directory.organization);
    audit::record(ctx, entry).await?;
    Ok(())
}
