//! Bringing objects up to date: what notes say changed is read anew, and what is different gets a version and is told.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    present::Presenter,
    render,
    store::{self, Row},
    subject::{self, Subject},
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
    let mut present = Presenter::new(connection, now);
    for subjects in [others, members] {
        let mut truths = render::truths(present.connection, subjects.iter()).await?;
        let new = truths.iter().filter(|(subject, _)| !rows.contains_key(subject));
        let new: Vec<_> = new
            .map(|(_, truth)| (truth.kind, truth.organization, truth.name.as_str()))
            .collect();
        present.batch.look_at(present.connection, &new).await?;
        for subject in subjects {
            match (truths.remove(&subject), rows.remove(&subject)) {
                (truth, Some(before)) => {
                    let row = before.clone();
                    present.show(Some(&before), row, truth).await?;
                }
                (Some(truth), None) => present.add(truth).await?,
                (None, None) => {}
            }
        }
        present.write().await?;
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
    let mut present = Presenter::new(connection, now);
    present.show(before, row, truth).await?;
    present.write().await
}

/// The organization's slug.
pub(super) async fn namespace(connection: &mut PgConnection, organization: Uuid) -> Result<String> {
    Ok(
        sqlx::query_scalar!("SELECT slug FROM organizations WHERE id = $1", organization)
            .fetch_one(connection)
            .await?,
    )
}
