//! From the Default Team to a team of one's own, one by one and in bulk.
//!
//! Nobody leaves the Default Team by that: everyone belongs to it (SPEC C4). The new team is what their keys are made for
//! from then on, unless they have been in another one for longer.

use std::collections::HashMap;

use domain::{
    MAX_ROSTER, Permission, TeamId, TeamRole, TeamStatus,
    views::{BulkOutcome, BulkResult, Moving},
};
use uuid::Uuid;

use super::ID;
use crate::{
    Code, Ctx, Error, Result,
    members::{self, BulkInput, OnInvalid, OnUnknown},
    teams,
};

/// How many people are shown by name before the question.
const SHOWN: i64 = 5;

/// Whom to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Movers {
    /// These: UUIDs and email addresses.
    Listed(Vec<String>),
    /// All members of the Default Team whose account is active and who are in no other team.
    Unassigned,
    /// All members of the Default Team whose account is active.
    Everyone,
}

/// Where to, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveInput {
    /// The team.
    pub team: TeamId,
    /// What they become in it.
    pub role: TeamRole,
    /// What a row that breaks a rule does to the others.
    pub on_invalid: OnInvalid,
    /// Whether to judge only.
    pub dry_run: bool,
}

/// Adds people of the Default Team to a team, by the rules of [`members::add_many`], and says of each what came of it. Of
/// those who have been in an active team before, the row says that it stays their primary team.
///
/// # Errors
/// 403 for those who do not manage the Default Team; nobody to move, or too many; 409 when the team is not active.
pub async fn move_people(ctx: &mut Ctx, movers: &Movers, input: MoveInput) -> Result<BulkResult> {
    require_manage(ctx).await?;
    let target = teams::locked_for(ctx, input.team, Permission::MembersManage).await?;
    if target.team.status != TeamStatus::Active {
        let words = format!(
            "Team '{}' is not active; people are moved to active teams",
            target.team.name
        );
        return Err(Error::refused(Code::WrongState, words));
    }
    let users = match movers {
        Movers::Listed(users) => users.clone(),
        Movers::Unassigned => all(ctx, true).await?,
        Movers::Everyone => all(ctx, false).await?,
    };
    if users.is_empty() {
        return match movers {
            Movers::Listed(_) => Err(Error::invalid(
                "user_ids",
                format!("must have 1 to {MAX_ROSTER} people"),
            )),
            Movers::Unassigned | Movers::Everyone => Ok(BulkResult {
                rows: Vec::new(),
                added: 0,
                invited: 0,
                dry_run: input.dry_run,
            }),
        };
    }
    if users.len() > MAX_ROSTER {
        let field = if matches!(movers, Movers::Listed(_)) {
            "user_ids"
        } else {
            "all"
        };
        return Err(Error::invalid(
            field,
            format!(
                "must be at most {MAX_ROSTER} people at a time, not {}: move them in parts",
                users.len()
            ),
        ));
    }
    let earlier = primary_teams(ctx, &users).await?;
    let rows: Vec<BulkInput> = users
        .into_iter()
        .map(|user| BulkInput {
            user,
            role: Some(input.role.to_string()),
        })
        .collect();
    let mut result = members::add_many(
        ctx,
        input.team,
        &rows,
        input.on_invalid,
        OnUnknown::Refuse,
        input.dry_run,
    )
    .await?;
    for row in &mut result.rows {
        if row.outcome == BulkOutcome::Added
            && let Some(name) = earlier.get(&row.user.trim().to_lowercase())
        {
            row.detail = Some(format!(
                "Their primary team stays {name}, which they have been in for longer"
            ));
        }
    }
    Ok(result)
}

/// Whom a move would be about, in numbers, before a team is chosen.
///
/// # Errors
/// 403 for those who do not manage the Default Team.
pub async fn preview_move(ctx: &mut Ctx, movers: &Movers) -> Result<Moving> {
    require_manage(ctx).await?;
    let (listed, unassigned) = match movers {
        Movers::Listed(users) => (Some(users.as_slice()), false),
        Movers::Unassigned => (None, true),
        Movers::Everyone => (None, false),
    };
    let (ids, emails) = split(listed.unwrap_or_default());
    let now = ctx.now;
    let row = sqlx::query!(
        r#"WITH movers AS (
            SELECT u.id, u.email, EXISTS (SELECT FROM current_team_members o JOIN teams t ON t.id = o.team_id
                WHERE o.user_id = u.id AND t.status = 'active' AND NOT t.is_system) AS in_a_team
            FROM team_members m JOIN users u ON u.id = m.user_id
            WHERE m.team_id = $1 AND u.deactivated_at IS NULL
                AND (NOT $2 OR u.id = ANY($3) OR u.email = ANY($4))
                AND (NOT $5 OR NOT EXISTS (SELECT FROM current_team_members o JOIN teams t ON t.id = o.team_id
                    WHERE o.user_id = u.id AND t.status <> 'archived' AND NOT t.is_system)))
        SELECT count(*) AS "people!", count(*) FILTER (WHERE in_a_team) AS "in_a_team!",
            (SELECT count(*) FROM api_keys k WHERE k.team_id = $1 AND k.owner_id IN (SELECT id FROM movers)
                AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $6)) AS "keys!",
            ARRAY(SELECT email FROM movers ORDER BY email LIMIT $7) AS "emails!: Vec<String>"
        FROM movers"#,
        ID.0,
        listed.is_some(),
        &ids,
        &emails,
        unassigned,
        now,
        SHOWN,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(Moving {
        people: row.people,
        in_a_team: row.in_a_team,
        keys: row.keys,
        emails: row.emails,
    })
}

/// To move people is to see everyone: only who manages the Default Team may. Others add whom they know to their own teams.
async fn require_manage(ctx: &mut Ctx) -> Result<()> {
    Ok(teams::open(ctx, ID)
        .await?
        .standing
        .require(Permission::MembersManage)?)
}

/// The Default Team's active people by email; one more than a list may have, so that too many are noticed.
async fn all(ctx: &mut Ctx, unassigned: bool) -> Result<Vec<String>> {
    let limit = i64::try_from(MAX_ROSTER).unwrap_or(i64::MAX).saturating_add(1);
    Ok(sqlx::query_scalar!(
        "SELECT u.email FROM team_members m JOIN users u ON u.id = m.user_id
        WHERE m.team_id = $1 AND u.deactivated_at IS NULL
            AND (NOT $2 OR NOT EXISTS (SELECT FROM current_team_members o JOIN teams t ON t.id = o.team_id
                WHERE o.user_id = u.id AND t.status <> 'archived' AND NOT t.is_system))
        ORDER BY u.email LIMIT $3",
        ID.0,
        unassigned,
        limit,
    )
    .fetch_all(ctx.connection())
    .await?)
}

/// The names of the primary teams of those who have one of their own, by id and by email.
async fn primary_teams(ctx: &mut Ctx, users: &[String]) -> Result<HashMap<String, String>> {
    let (ids, emails) = split(users);
    let rows = sqlx::query!(
        "SELECT DISTINCT ON (u.id) u.id, u.email, t.name
        FROM (SELECT id FROM users WHERE id = ANY($1) UNION SELECT id FROM users WHERE email = ANY($2)) named
            JOIN users u ON u.id = named.id
            JOIN current_team_members m ON m.user_id = u.id
            JOIN teams t ON t.id = m.team_id AND t.status = 'active' AND NOT t.is_system
        ORDER BY u.id, m.joined_at, t.id",
        &ids,
        &emails,
    )
    .fetch_all(ctx.connection())
    .await?;
    let names = rows
        .into_iter()
        .flat_map(|row| [(row.id.to_string(), row.name.clone()), (row.email, row.name)]);
    Ok(names.collect())
}

/// UUIDs and email addresses apart.
fn split(users: &[String]) -> (Vec<Uuid>, Vec<String>) {
    let (mut ids, mut emails) = (Vec::new(), Vec::new());
    for user in users {
        match user.trim().parse() {
            Ok(id) => ids.push(id),
            Err(_) => emails.push(user.trim().to_lowercase()),
        }
    }
    (ids, emails)
}
