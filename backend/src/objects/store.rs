//! Rows of `objects`, and the changes that watches are told.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubernetes::{Kind, Meta, Object};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use super::subject::{Ids, Subject};
use crate::{Error, Result};

/// One object as it was told last.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) uid: Uuid,
    pub(super) organization: Uuid,
    /// The organization's slug.
    pub(super) namespace: String,
    /// What it was when the object was told last.
    pub(super) told_namespace: String,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) ids: Ids,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) managed_fields: Vec<Value>,
    pub(super) written: Option<Map<String, Value>>,
    pub(super) manager: Option<String>,
    pub(super) written_at: Option<DateTime<Utc>>,
    pub(super) written_by: Option<Uuid>,
    pub(super) waits: Option<Value>,
    pub(super) generation: i64,
    /// 0: it was not told of yet.
    pub(super) version: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) deleting_at: Option<DateTime<Utc>>,
    pub(super) spec: Map<String, Value>,
    pub(super) status: Map<String, Value>,
}

/// What keeps a deletion waiting, as Kubernetes shows it.
const FINALIZER: &str = "litellm-operator.litellm.ai/finalizer";

impl Row {
    pub(super) fn subject(&self) -> Subject {
        Subject::of(self.kind, self.uid, self.organization, self.ids)
    }

    /// Who declared it, while it waits.
    pub(super) fn declarer(&self) -> Option<Uuid> {
        self.written_by.filter(|_| self.waits.is_some())
    }

    /// As clients see it.
    pub(super) fn object(&self) -> Object {
        let deleting = self.deleting_at.is_some();
        Object {
            kind: self.kind,
            metadata: Meta {
                name: self.name.clone(),
                namespace: self.namespace.clone(),
                uid: Some(self.uid.to_string()),
                resource_version: (self.version > 0).then(|| self.version.to_string()),
                generation: Some(self.generation),
                creation_timestamp: Some(self.created_at),
                deletion_timestamp: self.deleting_at,
                deletion_grace_period_seconds: deleting.then_some(0),
                labels: self.labels.clone(),
                annotations: self.annotations.clone(),
                finalizers: if deleting {
                    vec![FINALIZER.to_owned()]
                } else {
                    Vec::new()
                },
                managed_fields: self.managed_fields.clone(),
                generate_name: None,
            },
            spec: self.spec.clone(),
            status: self.status.clone(),
        }
    }
}

/// A row as SQL gives it; see the macro.
#[derive(sqlx::FromRow)]
pub(super) struct Record {
    pub(super) uid: Uuid,
    pub(super) organization_id: Uuid,
    pub(super) namespace: String,
    pub(super) told_namespace: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) team_id: Option<Uuid>,
    pub(super) user_id: Option<Uuid>,
    pub(super) key_id: Option<Uuid>,
    pub(super) labels: Value,
    pub(super) annotations: Value,
    pub(super) managed_fields: Value,
    pub(super) written: Option<Value>,
    pub(super) manager: Option<String>,
    pub(super) written_at: Option<DateTime<Utc>>,
    pub(super) written_by: Option<Uuid>,
    pub(super) waits: Option<Value>,
    pub(super) generation: i64,
    pub(super) version: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) deleting_at: Option<DateTime<Utc>>,
    pub(super) spec: Value,
    pub(super) status: Value,
}

impl TryFrom<Record> for Row {
    type Error = Error;

    fn try_from(record: Record) -> Result<Self> {
        let kind = Kind::from_name(&record.kind)
            .ok_or_else(|| Error::internal(format!("an object of kind {}", record.kind)))?;
        Ok(Self {
            uid: record.uid,
            organization: record.organization_id,
            namespace: record.namespace,
            told_namespace: record.told_namespace,
            kind,
            name: record.name,
            ids: Ids {
                team: record.team_id,
                user: record.user_id,
                key: record.key_id,
            },
            labels: serde_json::from_value(record.labels)?,
            annotations: serde_json::from_value(record.annotations)?,
            managed_fields: serde_json::from_value(record.managed_fields)?,
            written: record.written.map(serde_json::from_value).transpose()?,
            manager: record.manager,
            written_at: record.written_at,
            written_by: record.written_by,
            waits: record.waits,
            generation: record.generation,
            version: record.version,
            created_at: record.created_at,
            deleting_at: record.deleting_at,
            spec: serde_json::from_value(record.spec)?,
            status: serde_json::from_value(record.status)?,
        })
    }
}

/// Rows, with a condition that `query_as!` checks.
macro_rules! rows {
    ($condition:literal, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            $crate::objects::store::Record,
            "SELECT o.uid, o.organization_id, n.slug AS namespace, o.namespace AS told_namespace, o.kind, o.name, o.team_id, o.user_id, o.key_id, o.labels,
                o.annotations, o.managed_fields, o.written, o.manager, o.written_at, o.written_by, o.waits, o.generation,
                o.version, o.created_at, o.deleting_at, o.spec, o.status
            FROM objects o JOIN organizations n ON n.id = o.organization_id WHERE " + $condition,
            $($argument),*
        )
    };
}
pub(super) use rows;

/// The row of a name.
pub(super) async fn named(
    connection: &mut PgConnection,
    kind: Kind,
    organization: Uuid,
    name: &str,
) -> Result<Option<Row>> {
    let record = rows!(
        "o.kind = $1 AND o.organization_id = $2 AND o.name = $3",
        kind.name(),
        organization,
        name
    )
    .fetch_optional(connection)
    .await?;
    record.map(Row::try_from).transpose()
}

/// The row of a uid.
pub(super) async fn by_uid(connection: &mut PgConnection, uid: Uuid) -> Result<Option<Row>> {
    let record = rows!("o.uid = $1", uid).fetch_optional(connection).await?;
    record.map(Row::try_from).transpose()
}

/// The rows of subjects.
pub(super) async fn of_subjects(
    connection: &mut PgConnection,
    subjects: impl Iterator<Item = &Subject>,
) -> Result<BTreeMap<Subject, Row>> {
    let (mut teams, mut organizations, mut users, mut keys, mut uids) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut member_teams, mut member_users) = (vec![], vec![]);
    for subject in subjects {
        match *subject {
            Subject::Team(team) => teams.push(team),
            Subject::User { organization, user } => {
                organizations.push(organization);
                users.push(user);
            }
            Subject::Member { team, user } => {
                member_teams.push(team);
                member_users.push(user);
            }
            Subject::Key(key) => keys.push(key),
            Subject::Waiting(uid) => uids.push(uid),
        }
    }
    let records = rows!(
        "o.uid IN (
            SELECT uid FROM objects WHERE kind = 'Team' AND team_id = ANY($1)
            UNION ALL SELECT x.uid FROM objects x JOIN unnest($2::uuid[], $3::uuid[]) AS p(organization_id, user_id)
                ON x.kind = 'User' AND x.user_id = p.user_id AND x.organization_id = p.organization_id
            UNION ALL SELECT x.uid FROM objects x JOIN unnest($4::uuid[], $5::uuid[]) AS p(team_id, user_id)
                ON x.kind = 'TeamMemberAssociation' AND x.team_id = p.team_id AND x.user_id = p.user_id
            UNION ALL SELECT uid FROM objects WHERE kind = 'VirtualKey' AND key_id = ANY($6)
            UNION ALL SELECT uid FROM objects WHERE uid = ANY($7))",
        &teams,
        &organizations,
        &users,
        &member_teams,
        &member_users,
        &keys,
        &uids,
    )
    .fetch_all(connection)
    .await?;
    let mut rows = BTreeMap::new();
    for record in records {
        let row = Row::try_from(record)?;
        // Somebody who names an object by its uid means what it is about now.
        rows.insert(row.subject(), row);
    }
    Ok(rows)
}
