//! Bringing objects up to date: what notes say changed is read anew, and what is different gets a version and is told.

use std::collections::{BTreeMap, BTreeSet};

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
    store::{self, Row},
    subject::{self, Ids, Subject},
};
use crate::Result;

/// Lets nobody else bring objects up to date until the transaction ends: so versions are given in the order in which they
/// can be seen, without gaps.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('guildhall: objects', 0))")
        .execute(connection)
        .await?;
    Ok(())
}

/// [`lock`], unless somebody has it: they see to it.
pub(super) async fn try_lock(connection: &mut PgConnection) -> Result<bool> {
    Ok(
        sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock(hashtextextended('guildhall: objects', 0)) AS "got!""#)
            .fetch_one(connection)
            .await?,
    )
}

/// Whether there are notes that nobody looked at.
pub(super) async fn is_due(connection: &mut PgConnection) -> Result<bool> {
    Ok(
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM object_touches) AS "due!""#)
            .fetch_one(connection)
            .await?,
    )
}

/// Looks at all notes that this transaction sees. The caller holds [`lock`].
pub(super) async fn settle(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<()> {
    while let Some(subjects) = subject::take(&mut *connection).await? {
        refresh(&mut *connection, &subjects, now).await?;
    }
    Ok(())
}

/// Looks at some notes, and says whether there were any.
pub(super) async fn settle_some(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<bool> {
    match subject::take(&mut *connection).await? {
        None => Ok(false),
        Some(subjects) => {
            refresh(connection, &subjects, now).await?;
            Ok(true)
        }
    }
}

async fn refresh(connection: &mut PgConnection, subjects: &BTreeSet<Subject>, now: DateTime<Utc>) -> Result<()> {
    let mut rows = store::of_subjects(&mut *connection, subjects.iter()).await?;
    // A uid may stand for something that is there by now.
    let subjects = subjects.iter().chain(rows.keys()).copied();
    // Memberships name their person's object: those are there first.
    let (members, others): (BTreeSet<Subject>, BTreeSet<Subject>) =
        subjects.partition(|subject| matches!(subject, Subject::Member { .. }));
    for subjects in [others, members] {
        let mut truths = render::truths(&mut *connection, subjects.iter()).await?;
        let mut batch = Batch::default();
        let new = truths.iter().filter(|(subject, _)| !rows.contains_key(subject));
        let new: Vec<_> = new
            .map(|(_, truth)| (truth.kind, truth.organization, truth.name.as_str()))
            .collect();
        batch.look_at(&mut *connection, &new).await?;
        for subject in subjects {
            match (truths.remove(&subject), rows.remove(&subject)) {
                (truth, Some(before)) => {
                    let row = before.clone();
                    present(&mut *connection, &mut batch, Some(&before), row, truth, now).await?;
                }
                (Some(truth), None) => add(&mut *connection, &mut batch, truth, now).await?,
                (None, None) => {}
            }
        }
        batch.write(&mut *connection).await?;
    }
    Ok(())
}

/// Shows one object as it is now, with what its caller changed of it.
pub(super) async fn show_one(
    connection: &mut PgConnection,
    before: Option<&Row>,
    row: Row,
    now: DateTime<Utc>,
) -> Result<()> {
    let subject = row.subject();
    let truth = render::truths(&mut *connection, std::iter::once(&subject))
        .await?
        .remove(&subject);
    let mut batch = Batch::default();
    present(&mut *connection, &mut batch, before, row, truth, now).await?;
    batch.write(connection).await
}

/// Shows a row: as the truth is, or why there is none, or not at all any more.
async fn present(
    connection: &mut PgConnection,
    batch: &mut Batch,
    before: Option<&Row>,
    mut row: Row,
    truth: Option<Truth>,
    now: DateTime<Utc>,
) -> Result<()> {
    if let Some(before) = before
        && before.version > 0
        && before.told_namespace != row.namespace
    {
        return rename_namespace(connection, batch, before, row, truth, now).await;
    }
    if row.deleting_at.is_some() {
        return finish(connection, batch, before, row, truth, now).await;
    }
    let Some(truth) = truth else {
        return leave(connection, batch, before, row, now).await;
    };
    if row.organization != truth.organization && !names_another_namespace(&row) {
        // A team that went to another organization has another namespace: for clients it and what is its own are gone here
        // and new there.
        batch.remove(&mut *connection, row).await?;
        return add(connection, batch, truth, now).await;
    }
    let spec = match &row.written {
        Some(written) => meaning::keep(row.kind, written, &truth.spec),
        None => truth.spec,
    };
    // Who may see a key depends on its team and owner.
    row.ids = truth.ids;
    row.waits = None;
    show(
        connection,
        batch,
        before,
        row,
        spec,
        truth.status,
        &truth.standings,
        now,
    )
    .await
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

/// An organization has another slug: its objects are gone where they were, and new where they are.
async fn rename_namespace(
    connection: &mut PgConnection,
    batch: &mut Batch,
    before: &Row,
    mut row: Row,
    truth: Option<Truth>,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut gone = before.clone();
    gone.namespace.clone_from(&before.told_namespace);
    batch.remove(&mut *connection, gone).await?;
    (row.uid, row.version, row.generation) = (Uuid::now_v7(), 0, 1);
    Box::pin(present(connection, batch, None, row, truth, now)).await
}

async fn add(connection: &mut PgConnection, batch: &mut Batch, truth: Truth, now: DateTime<Utc>) -> Result<()> {
    let namespace = batch.namespace(&mut *connection, truth.organization).await?;
    let name = batch
        .free_name(&mut *connection, truth.kind, truth.organization, &truth.name)
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
    show(
        connection,
        batch,
        None,
        row,
        truth.spec,
        truth.status,
        &truth.standings,
        now,
    )
    .await
}

/// The organization's slug.
pub(super) async fn namespace(connection: &mut PgConnection, organization: Uuid) -> Result<String> {
    Ok(
        sqlx::query_scalar!("SELECT slug FROM organizations WHERE id = $1", organization)
            .fetch_one(connection)
            .await?,
    )
}

/// What is shown from now on; tells of it where it is different.
async fn show(
    connection: &mut PgConnection,
    batch: &mut Batch,
    before: Option<&Row>,
    mut row: Row,
    spec: Map<String, Value>,
    mut status: Map<String, Value>,
    standings: &[Standing],
    now: DateTime<Utc>,
) -> Result<()> {
    let told = before.filter(|before| before.version > 0);
    if told.is_some_and(|told| told.spec != spec) {
        row.generation += 1;
    }
    row.spec = spec;
    let conditions = render::conditions(standings, &row.status, row.generation, now);
    status.insert("conditions".to_owned(), json!(conditions));
    status.insert("observedGeneration".to_owned(), json!(row.generation));
    row.status = status;
    if let Some(told) = told
        && told.object() == row.object()
    {
        // What clients do not see may be different all the same.
        if told.ids != row.ids || told.waits != row.waits || told.written != row.written {
            batch.save(row);
        }
        return Ok(());
    }
    if let Some(ready) = standings.first()
        && (told.is_some() || row.written.is_some())
        && let Some(event) = Event::of(&row, told, ready, now)
    {
        batch.note(event);
    }
    let what = if told.is_some() { What::Modified } else { What::Added };
    batch
        .tell(connection, what, &mut row, told.map(|told| &told.labels))
        .await?;
    batch.save(row);
    Ok(())
}

/// What a row is about is not there.
async fn leave(
    connection: &mut PgConnection,
    batch: &mut Batch,
    before: Option<&Row>,
    mut row: Row,
    now: DateTime<Utc>,
) -> Result<()> {
    let declared = row.written.is_some();
    // A declared membership outlives its team: whoever deletes both, in any order, finds it (SPEC A6). One that somebody
    // ended is gone.
    if let (Kind::TeamMemberAssociation, Some(team), true) = (row.kind, row.ids.team, declared)
        && !is_there(&mut *connection, team).await?
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
            show(connection, batch, before, row, spec, status, &standings, now).await
        }
        _ => batch.remove(connection, row).await,
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

/// A deletion: done as soon as no instance has anything of it to be told.
/// What came again meanwhile is a new object.
async fn finish(
    connection: &mut PgConnection,
    batch: &mut Batch,
    before: Option<&Row>,
    row: Row,
    truth: Option<Truth>,
    now: DateTime<Utc>,
) -> Result<()> {
    match outstanding(&mut *connection, row.subject()).await? {
        None => {
            batch.remove(&mut *connection, row).await?;
            match truth {
                Some(truth) => add(connection, batch, truth, now).await,
                None => Ok(()),
            }
        }
        Some((state, error)) => {
            let standing = render::deleting(&state, error.as_deref());
            let (spec, mut status) = (row.spec.clone(), row.status.clone());
            status.remove("conditions");
            show(connection, batch, before, row, spec, status, &[standing], now).await
        }
    }
}

/// What some instance is still to be told of the end of something: the state, and what went wrong last.
pub(super) async fn outstanding(
    connection: &mut PgConnection,
    subject: Subject,
) -> Result<Option<(String, Option<String>)>> {
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
