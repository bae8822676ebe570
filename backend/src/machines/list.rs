//! Reading machine clients.

use chrono::{DateTime, Utc};
use domain::{
    MachineClientId, OrganizationId, TeamId,
    views::{MachineClient, Page},
};
use uuid::Uuid;

use super::sees;
use crate::{Ctx, Error, Result, keyset::Keyset, scope::organizations_seen};

/// What to list.
#[derive(Debug, Clone)]
pub struct MachineQuery {
    /// Only this team's.
    pub team: Option<TeamId>,
    /// Only those that may act, or only those that may not.
    pub active: Option<bool>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows to skip.
    pub offset: i64,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for MachineQuery {
    fn default() -> Self {
        Self {
            team: None,
            active: None,
            cursor: None,
            offset: 0,
            limit: 50,
        }
    }
}

struct Row {
    id: Uuid,
    subject: String,
    name: String,
    description: Option<String>,
    team_id: Uuid,
    team_name: String,
    organization_id: Uuid,
    is_active: bool,
    live_runners: i64,
    created_at: DateTime<Utc>,
    created_by: Option<String>,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<Row> for MachineClient {
    fn from(row: Row) -> Self {
        Self {
            id: MachineClientId(row.id),
            subject: row.subject,
            name: row.name,
            description: row.description,
            team_id: TeamId(row.team_id),
            team_name: row.team_name,
            organization_id: OrganizationId(row.organization_id),
            is_active: row.is_active,
            live_runners: row.live_runners,
            created_at: row.created_at,
            created_by: row.created_by,
            last_used_at: row.last_used_at,
        }
    }
}

/// One page of the machine clients that the caller sees, newest first.
///
/// # Errors
/// 403 for those who see none.
pub async fn list(ctx: &mut Ctx, query: &MachineQuery) -> Result<Page<MachineClient>> {
    let organizations = organizations_seen(&ctx.caller)?;
    let keyset = Keyset::<DateTime<Utc>>::read(query.cursor.as_deref(), query.limit)?;
    let team = query.team.map(|team| team.0);
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT c.id, c.subject, c.name, c.description, c.team_id, t.name AS team_name, t.organization_id, c.is_active,
            (SELECT count(*) FROM runners r WHERE r.machine_client_id = c.id AND r.status <> 'deleted') AS "live_runners!",
            c.created_at, u.email AS "created_by?", c.last_used_at
        FROM machine_clients c JOIN teams t ON t.id = c.team_id LEFT JOIN users u ON u.id = c.created_by
        WHERE c.deleted_at IS NULL
            AND ($1::uuid[] IS NULL OR t.organization_id = ANY($1))
            AND ($2::uuid IS NULL OR c.team_id = $2)
            AND ($3::boolean IS NULL OR c.is_active = $3)
            AND ($4::timestamptz IS NULL OR CASE WHEN $6 THEN (c.created_at, c.id) > ($4, $5)
                ELSE (c.created_at, c.id) < ($4, $5) END)
        ORDER BY CASE WHEN $6 THEN c.created_at END, CASE WHEN $6 THEN c.id END, c.created_at DESC, c.id DESC
        LIMIT $7 OFFSET $8"#,
        organizations.as_deref(),
        team,
        query.active,
        keyset.key,
        keyset.id,
        keyset.before,
        keyset.rows(),
        query.offset.max(0),
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM machine_clients c JOIN teams t ON t.id = c.team_id
        WHERE c.deleted_at IS NULL AND ($1::uuid[] IS NULL OR t.organization_id = ANY($1))
            AND ($2::uuid IS NULL OR c.team_id = $2) AND ($3::boolean IS NULL OR c.is_active = $3)"#,
        organizations.as_deref(),
        team,
        query.active,
    )
    .fetch_one(ctx.connection())
    .await?;
    let items = rows.into_iter().map(MachineClient::from).collect();
    Ok(keyset.page(items, total, |client: &MachineClient| {
        let key = client.created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        (key, client.id.0)
    }))
}

/// One machine client.
///
/// # Errors
/// 404 `OAuth client not found: <id>` also for those who may not see it; 403 for those who see none.
pub async fn get(ctx: &mut Ctx, id: MachineClientId) -> Result<MachineClient> {
    organizations_seen(&ctx.caller)?;
    load(ctx, id)
        .await?
        .filter(|client| sees(&ctx.caller, client))
        .ok_or_else(|| missing(id))
}

pub(super) fn missing(id: MachineClientId) -> Error {
    Error::not_found("OAuth client", id)
}

pub(super) async fn load(ctx: &mut Ctx, id: MachineClientId) -> Result<Option<MachineClient>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT c.id, c.subject, c.name, c.description, c.team_id, t.name AS team_name, t.organization_id, c.is_active,
            (SELECT count(*) FROM runners r WHERE r.machine_client_id = c.id AND r.status <> 'deleted') AS "live_runners!",
            c.created_at, u.email AS "created_by?", c.last_used_at
        FROM machine_clients c JOIN teams t ON t.id = c.team_id LEFT JOIN users u ON u.id = c.created_by
        WHERE c.id = $1 AND c.deleted_at IS NULL"#,
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(row.map(MachineClient::from))
}
