//! What is written of many objects: collected, and then a statement for each table, however many there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use kubernetes::Kind;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{contract::What, events::Event, store::Row};
use crate::Result;

/// A name in its namespace.
type Name = (Kind, Uuid, String);

/// What is to be written. The caller holds [`super::settle::lock`] from the first use until the transaction ends.
#[derive(Debug, Default)]
pub(super) struct Batch {
    changes: Vec<Change>,
    rows: BTreeMap<Uuid, Row>,
    gone: Vec<Uuid>,
    events: Vec<Event>,
    /// The newest version; 0 before it is read.
    version: i64,
    /// Whether names are taken, of those that were looked at.
    names: HashMap<Name, bool>,
    namespaces: HashMap<Uuid, String>,
}

/// What watches are told of one object.
#[derive(Debug)]
struct Change {
    what: What,
    row: Row,
    labels_before: Option<Value>,
}

impl Batch {
    /// Gives a row the next version, and tells watches of it. The caller saves the row.
    pub(super) async fn tell(
        &mut self,
        connection: &mut PgConnection,
        what: What,
        row: &mut Row,
        labels_before: Option<&BTreeMap<String, String>>,
    ) -> Result<()> {
        if self.version == 0 {
            self.version = sqlx::query_scalar!(r#"SELECT objects_version() AS "version!""#)
                .fetch_one(connection)
                .await?;
        }
        self.version += 1;
        row.version = self.version;
        self.changes.push(Change {
            what,
            row: row.clone(),
            labels_before: labels_before.map(|labels| json!(labels)),
        });
        Ok(())
    }

    /// Writes a row, new or not.
    pub(super) fn save(&mut self, row: Row) {
        self.names.insert((row.kind, row.organization, row.name.clone()), true);
        self.rows.insert(row.uid, row);
    }

    /// Removes an object, and tells watches so.
    pub(super) async fn remove(&mut self, connection: &mut PgConnection, mut row: Row) -> Result<()> {
        self.rows.remove(&row.uid);
        self.gone.push(row.uid);
        self.names.insert((row.kind, row.organization, row.name.clone()), false);
        if row.version == 0 {
            return Ok(());
        }
        let labels = row.labels.clone();
        self.tell(connection, What::Deleted, &mut row, Some(&labels)).await
    }

    /// Notes what happened to an object.
    pub(super) fn note(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Looks at many names at once, for [`free_name`](Self::free_name).
    pub(super) async fn look_at(&mut self, connection: &mut PgConnection, wanted: &[(Kind, Uuid, &str)]) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let kinds: Vec<String> = wanted.iter().map(|(kind, ..)| kind.name().to_owned()).collect();
        let organizations: Vec<Uuid> = wanted.iter().map(|(_, organization, _)| *organization).collect();
        let names: Vec<String> = wanted.iter().map(|(.., name)| (*name).to_owned()).collect();
        let taken = sqlx::query!(
            "SELECT o.kind, o.organization_id, o.name FROM objects o
            JOIN unnest($1::text[], $2::uuid[], $3::text[]) AS w(kind, organization_id, name)
                ON o.kind = w.kind AND o.organization_id = w.organization_id AND o.name = w.name",
            &kinds,
            &organizations,
            &names,
        )
        .fetch_all(connection)
        .await?;
        let taken: BTreeSet<(String, Uuid, String)> = taken
            .into_iter()
            .map(|row| (row.kind, row.organization_id, row.name))
            .collect();
        for (kind, organization, name) in wanted {
            let is_taken = taken.contains(&(kind.name().to_owned(), *organization, (*name).to_owned()));
            // What this batch does with the name is newer.
            self.names
                .entry((*kind, *organization, (*name).to_owned()))
                .or_insert(is_taken);
        }
        Ok(())
    }

    /// The name that something gives itself, numbered when it is taken.
    pub(super) async fn free_name(
        &mut self,
        connection: &mut PgConnection,
        kind: Kind,
        organization: Uuid,
        wanted: &str,
    ) -> Result<String> {
        let name = (kind, organization, wanted.to_owned());
        if !self.names.contains_key(&name) {
            self.look_at(&mut *connection, &[(kind, organization, wanted)]).await?;
        }
        if self.names.get(&name) == Some(&false) {
            return Ok(name.2);
        }
        // A range of the index: all that begin with the name and go on with a hyphen are before its name and a dot.
        let taken = sqlx::query_scalar!(
            "SELECT name FROM objects WHERE kind = $1 AND organization_id = $2 AND name >= $3 AND name < $3 || '.'",
            kind.name(),
            organization,
            wanted,
        )
        .fetch_all(connection)
        .await?;
        let taken: BTreeSet<String> = taken.into_iter().collect();
        Ok(numbered(wanted, |numbered| {
            let ours = self.names.get(&(kind, organization, numbered.to_owned()));
            ours.copied().unwrap_or_else(|| taken.contains(numbered))
        }))
    }

    /// The organization's slug.
    pub(super) async fn namespace(&mut self, connection: &mut PgConnection, organization: Uuid) -> Result<String> {
        if let Some(slug) = self.namespaces.get(&organization) {
            return Ok(slug.clone());
        }
        let slug = super::settle::namespace(connection, organization).await?;
        self.namespaces.insert(organization, slug.clone());
        Ok(slug)
    }

    /// Writes all of it; what namespaces are called is all that the batch still has then.
    pub(super) async fn write(&mut self, connection: &mut PgConnection) -> Result<()> {
        let namespaces = std::mem::take(&mut self.namespaces);
        let Self {
            changes,
            rows,
            gone,
            events,
            ..
        } = std::mem::replace(
            self,
            Self {
                namespaces,
                ..Self::default()
            },
        );
        // A name that one leaves is taken by another.
        if !gone.is_empty() {
            sqlx::query!("DELETE FROM objects WHERE uid = ANY($1)", &gone)
                .execute(&mut *connection)
                .await?;
        }
        let rows: Vec<&Row> = rows.values().collect();
        save(&mut *connection, &rows).await?;
        tell(&mut *connection, &changes).await?;
        super::events::note(connection, &events).await
    }
}

/// A name, with the first number from 2 on that makes it free.
pub(super) fn numbered(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while is_taken(&name) {
        name = format!("{wanted}-{number}");
        number += 1;
    }
    name
}

/// One value of each row.
fn each<'r, T>(rows: &[&'r Row], value: impl Fn(&'r Row) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}

/// Writes rows, new or not.
pub(super) async fn save(connection: &mut PgConnection, rows: &[&Row]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let kinds = each(rows, |row| row.kind.name().to_owned());
    sqlx::query!(
        "INSERT INTO objects (uid, organization_id, kind, name, team_id, user_id, key_id, labels, annotations, managed_fields,
            written, manager, written_at, written_by, waits, generation, version, created_at, deleting_at, spec, status, namespace)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::jsonb[],
            $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::text[], $13::timestamptz[], $14::uuid[], $15::jsonb[], $16::bigint[],
            $17::bigint[], $18::timestamptz[], $19::timestamptz[], $20::jsonb[], $21::jsonb[], $22::text[])
        ON CONFLICT (uid) DO UPDATE SET organization_id = excluded.organization_id, name = excluded.name,
            team_id = excluded.team_id, user_id = excluded.user_id,
            key_id = excluded.key_id, labels = excluded.labels, annotations = excluded.annotations,
            managed_fields = excluded.managed_fields, written = excluded.written, manager = excluded.manager,
            written_at = excluded.written_at, written_by = excluded.written_by, waits = excluded.waits,
            generation = excluded.generation, version = excluded.version, deleting_at = excluded.deleting_at,
            spec = excluded.spec, status = excluded.status, namespace = excluded.namespace",
        &each(rows, |row| row.uid),
        &each(rows, |row| row.organization),
        &kinds,
        &each(rows, |row| row.name.clone()),
        &each(rows, |row| row.ids.team) as &[Option<Uuid>],
        &each(rows, |row| row.ids.user) as &[Option<Uuid>],
        &each(rows, |row| row.ids.key) as &[Option<Uuid>],
        &each(rows, |row| json!(row.labels)),
        &each(rows, |row| json!(row.annotations)),
        &each(rows, |row| json!(row.managed_fields)),
        &each(rows, |row| row.written.as_ref().map(|spec| json!(spec))) as &[Option<Value>],
        &each(rows, |row| row.manager.clone()) as &[Option<String>],
        &each(rows, |row| row.written_at) as &[Option<DateTime<Utc>>],
        &each(rows, |row| row.written_by) as &[Option<Uuid>],
        &each(rows, |row| row.waits.clone()) as &[Option<Value>],
        &each(rows, |row| row.generation),
        &each(rows, |row| row.version),
        &each(rows, |row| row.created_at),
        &each(rows, |row| row.deleting_at) as &[Option<DateTime<Utc>>],
        &each(rows, |row| json!(row.spec)),
        &each(rows, |row| json!(row.status)),
        &each(rows, |row| row.namespace.clone()),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells watches.
async fn tell(connection: &mut PgConnection, changes: &[Change]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let rows: Vec<&Row> = changes.iter().map(|change| &change.row).collect();
    let versions: Vec<i64> = changes.iter().map(|change| change.row.version).collect();
    let what: Vec<String> = changes.iter().map(|change| change.what.as_str().to_owned()).collect();
    let labels_before: Vec<Option<Value>> = changes.iter().map(|change| change.labels_before.clone()).collect();
    sqlx::query!(
        "INSERT INTO object_changes (version, what, kind, organization_id, team_id, user_id, declared_by, object, labels_before)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::jsonb[],
            $9::jsonb[])",
        &versions,
        &what,
        &each(&rows, |row| row.kind.name().to_owned()),
        &each(&rows, |row| row.organization),
        &each(&rows, |row| row.ids.team) as &[Option<Uuid>],
        &each(&rows, |row| row.ids.user) as &[Option<Uuid>],
        &each(&rows, Row::declarer) as &[Option<Uuid>],
        &each(&rows, |row| row.object().to_value()),
        &labels_before as &[Option<Value>],
    )
    .execute(connection)
    .await?;
    Ok(())
}
