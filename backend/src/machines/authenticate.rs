//! Who a program is, at each of its requests.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use domain::{MachineClientId, OrganizationId, TeamId};
use sqlx::PgPool;
use uuid::Uuid;

use super::Machine;
use crate::{Code, Error, Result};

/// The program behind a verified JWT's subject. Costs one indexed query and is not remembered: a program that is
/// disabled is refused by its next request, at every process.
///
/// # Errors
/// 403 for a subject that is not registered, is disabled, or whose team is not active.
pub async fn authenticate(pool: &PgPool, subject: &str, now: DateTime<Utc>) -> Result<Arc<Machine>> {
    let known = if subject.contains('\0') {
        None
    } else {
        sqlx::query!(
            r#"SELECT c.id, c.name, c.is_active, c.team_id, t.organization_id, t.name AS team, t.status = 'active' AS "open!"
            FROM machine_clients c JOIN teams t ON t.id = c.team_id
            WHERE c.subject = $1 AND c.deleted_at IS NULL"#,
            subject,
        )
        .fetch_optional(pool)
        .await?
    };
    let refuse = |why: String| Error::refused(Code::MachineRefused, why);
    let Some(row) = known else {
        let shown: String = subject.chars().filter(|c| !c.is_control()).take(100).collect();
        return Err(refuse(format!(
            "OAuth client not registered: '{shown}'. Ask a super_admin or an org_admin of its team's organization to register it."
        )));
    };
    if !row.is_active {
        return Err(refuse(format!(
            "OAuth client is disabled: '{}'. Ask a super_admin or org_admin of the organization to enable it.",
            row.name
        )));
    }
    if !row.open {
        return Err(refuse(format!(
            "OAuth client's team is inactive: '{}'. Ask a super_admin or org_admin of the organization to activate it.",
            row.team
        )));
    }
    LAST_USED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(row.id, now);
    Ok(Arc::new(Machine {
        id: MachineClientId(row.id),
        name: row.name,
        team_id: TeamId(row.team_id),
        organization_id: OrganizationId(row.organization_id),
    }))
}

/// When programs were last seen, until [`write_last_used`] takes it to the database.
static LAST_USED: LazyLock<Mutex<HashMap<Uuid, DateTime<Utc>>>> = LazyLock::new(Mutex::default);

/// Writes down when programs were last seen. Called by a job every few seconds and at the end.
///
/// # Errors
/// When the database does not answer; the times are then lost, which harms nothing.
pub async fn write_last_used(pool: &PgPool) -> Result<()> {
    let used = std::mem::take(&mut *LAST_USED.lock().unwrap_or_else(PoisonError::into_inner));
    if used.is_empty() {
        return Ok(());
    }
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = used.into_iter().unzip();
    // Locked in one order: several processes do this at a time.
    sqlx::query!(
        "UPDATE machine_clients c SET last_used_at = greatest(c.last_used_at, used.at)
        FROM (SELECT c.id, used.at FROM unnest($1::uuid[], $2::timestamptz[]) AS used(id, at)
            JOIN machine_clients c USING (id) ORDER BY c.id FOR NO KEY UPDATE OF c) used
        WHERE c.id = used.id",
        &ids,
        &times,
    )
    .execute(pool)
    .await?;
    Ok(())
}
