//! Showing objects: as the truth is, or why there is none, or not at all any more.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubernetes::Kind;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    batch::Batch,
    contract::What,
    events::Event,
    meaning,
    render::{self, Standing, Truth},
    store::Row,
    subject::{Ids, Subject},
};
use crate::Result;

/// Shows objects one after the other; [`write`](Self::write) writes what became of them.
pub(super) struct Presenter<'c> {
    pub(super) connection: &'c mut PgConnection,
    pub(super) batch: Batch,
    now: DateTime<Utc>,
}

impl<'c> Presenter<'c> {
    /// The caller holds [`super::settle::lock`] until the transaction ends.
    pub(super) fn new(connection: &'c mut PgConnection, now: DateTime<Utc>) -> Self {
        Self {
            connection,
            batch: Batch::default(),
            now,
        }
    }

    /// Writes what was shown since the last time.
    pub(super) async fn write(&mut self) -> Result<()> {
        self.batch.write(self.connection).await
    }

    /// Shows a row: as the truth is, or why there is none, or not at all any more.
    pub(super) async fn show(&mut self, before: Option<&Row>, mut row: Row, truth: Option<Truth>) -> Result<()> {
        if let Some(before) = before
            && before.version > 0
            && before.told_namespace != row.namespace
        {
            return self.rename_namespace(before, row, truth).await;
        }
        if row.deleting_at.is_some() {
            return self.finish(before, row, truth).await;
        }
        let Some(truth) = truth else {
            return self.leave(before, row).await;
        };
        if row.organization != truth.organization && !names_another_namespace(&row) {
            // A team that went to another organization has another namespace: for clients it and what is its own are gone here
            // and new there.
            self.batch.remove(self.connection, row).await?;
            return self.add(truth).await;
        }
        let spec = match &row.written {
            Some(written) => meaning::keep(row.kind, written, &truth.spec),
            None => truth.spec,
        };
        // Who may see a key depends on its team and owner.
        row.ids = truth.ids;
        row.waits = None;
        self.put(before, row, spec, truth.status, &truth.standings).await
    }

    /// An organization has another slug: its objects are gone where they were, and new where they are.
    async fn rename_namespace(&mut self, before: &Row, mut row: Row, truth: Option<Truth>) -> Result<()> {
        let mut gone = before.clone();
        gone.namespace.clone_from(&before.told_namespace);
        self.batch.remove(self.connection, gone).await?;
        (row.uid, row.version, row.generation) = (Uuid::now_v7(), 0, 1);
        Box::pin(self.show(None, row, truth)).await
    }

    /// Shows what had no object.
    pub(super) async fn add(&mut self, truth: Truth) -> Result<()> {
        let namespace = self.batch.namespace(self.connection, truth.organization).await?;
        let name = self
            .batch
            .free_name(self.connection, truth.kind, truth.organization, &truth.name)
            .await?;
        let row = Row {
            uid: Uuid::now_v7(),
            organization: truth.organization,
            told_namespace: namespace.clone(),
            namespace,
            kind: truth.kind,
            name,
            ids: truth.ids,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            managed_fields: Vec::new(),
            written: None,
            manager: None,
            written_at: None,
            written_by: None,
            waits: None,
            generation: 1,
            version: 0,
            created_at: truth.created_at,
            deleting_at: None,
            spec: Map::new(),
            status: Map::new(),
        };
        self.put(None, row, truth.spec, truth.status, &truth.standings).await
    }

    /// What is shown from now on; tells of it where it is different.
    async fn put(
        &mut self,
        before: Option<&Row>,
        mut row: Row,
        spec: Map<String, Value>,
        mut status: Map<String, Value>,
        standings: &[Standing],
    ) -> Result<()> {
        let told = before.filter(|before| before.version > 0);
        if told.is_some_and(|told| told.spec != spec) {
            row.generation += 1;
        }
        row.spec = spec;
        let conditions = render::conditions(standings, &row.status, row.generation, self.now);
        status.insert("conditions".to_owned(), json!(conditions));
        status.insert("observedGeneration".to_owned(), json!(row.generation));
        row.status = status;
        if let Some(told) = told
            && told.object() == row.object()
        {
            // What clients do not see may be different all the same.
            if told.ids != row.ids || told.waits != row.waits || told.written != row.written {
                self.batch.save(row);
            }
            return Ok(());
        }
        if let Some(ready) = standings.first()
            && (told.is_some() || row.written.is_some())
            && let Some(event) = Event::of(&row, told, ready, self.now)
        {
            self.batch.note(event);
        }
        let what = if told.is_some() { What::Modified } else { What::Added };
        self.batch
            .tell(self.connection, what, &mut row, told.map(|told| &told.labels))
            .await?;
        self.batch.save(row);
        Ok(())
    }

    /// What a row is about is not there.
    async fn leave(&mut self, before: Option<&Row>, mut row: Row) -> Result<()> {
        let declared = row.written.is_some();
        // A declared membership outlives its team: whoever deletes both, in any order, finds it (SPEC A6). One that somebody
        // ended is gone.
        if let (Kind::TeamMemberAssociation, Some(team), true) = (row.kind, row.ids.team, declared)
            && !is_there(self.connection, team).await?
        {
            row.ids = Ids::default();
            row.waits = Some(json!({
                "reason": "ReconcileError", "message": "referenced Team is not ready", "teamExists": false, "userExists": true,
            }));
        }
        match (&row.waits, &row.written) {
            (Some(waits), Some(written)) => {
                let (spec, standings) = (written.clone(), render::waits(waits));
                let status = waiting_status(&row, waits);
                self.put(before, row, spec, status, &standings).await
            }
            _ => self.batch.remove(self.connection, row).await,
        }
    }

    /// A deletion: done as soon as no instance has anything of it to be told.
    /// What came again meanwhile is a new object.
    async fn finish(&mut self, before: Option<&Row>, row: Row, truth: Option<Truth>) -> Result<()> {
        match outstanding(self.connection, row.subject()).await? {
            None => {
                self.batch.remove(self.connection, row).await?;
                match truth {
                    Some(truth) => self.add(truth).await,
                    None => Ok(()),
                }
            }
            Some((state, error)) => {
                let standing = render::deleting(&state, error.as_deref());
                let (spec, mut status) = (row.spec.clone(), row.status.clone());
                status.remove("conditions");
                self.put(before, row, spec, status, &[standing]).await
            }
        }
    }
}

/// Whether it was declared here though its team is elsewhere: a membership that says so, or a key of no team in particular.
fn names_another_namespace(row: &Row) -> bool {
    let Some(written) = &row.written else { return false };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    match row.kind {
        Kind::TeamMemberAssociation => {
            let named = text(written.get("teamRef").and_then(|team| team.get("namespace")));
            !named.is_empty() && named != row.namespace
        }
        Kind::VirtualKey => text(written.get("teamID")).is_empty(),
        Kind::Team | Kind::User => false,
    }
}

fn waiting_status(row: &Row, waits: &Value) -> Map<String, Value> {
    let mut status = Map::new();
    if row.kind == Kind::TeamMemberAssociation {
        for field in ["teamExists", "userExists"] {
            let is = waits.get(field).and_then(Value::as_bool).unwrap_or(false);
            status.insert(field.to_owned(), json!(is));
        }
        status.insert("associationIsValid".to_owned(), json!(false));
    }
    for field in ["teamAlias", "userEmail", "role", "keyAlias"] {
        if let Some(value) = row.written.as_ref().and_then(|written| written.get(field)) {
            status.insert(field.to_owned(), value.clone());
        }
    }
    status
}

/// Whether a team is there, and not archived.
async fn is_there(connection: &mut PgConnection, team: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM teams WHERE id = $1 AND status <> 'archived') AS "there!""#,
        team
    )
    .fetch_one(connection)
    .await?)
}

/// What some instance is still to be told of the end of something: the state, and what went wrong last.
async fn outstanding(connection: &mut PgConnection, subject: Subject) -> Result<Option<(String, Option<String>)>> {
    let (kind, object, user) = match subject {
        Subject::Team(team) => ("team", team, Uuid::nil()),
        Subject::Member { team, user } => ("member", team, user),
        Subject::Key(key) => ("key", key, Uuid::nil()),
        // The account stays; that the person left is told with each membership.
        Subject::User { .. } | Subject::Waiting(_) => return Ok(None),
    };
    let row = sqlx::query!(
        "SELECT o.state, o.last_error FROM litellm_objects o JOIN litellm_instances i ON i.name = o.instance
        WHERE o.kind = $1 AND o.object_id = $2 AND o.user_id = $3 AND i.removed_at IS NULL AND o.state <> 'synced'
        ORDER BY o.last_error IS NULL LIMIT 1",
        kind,
        object,
        user,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.state, row.last_error)))
}
