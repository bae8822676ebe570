//! What the console shows of an organization's directory.

use chrono::{DateTime, Utc};
use domain::{Permission, TeamId, views::OrganizationPage};
use uuid::Uuid;

use super::{Token, tokens};
use crate::{Ctx, Result, organizations};

/// How many groups are shown.
const SHOWN: i64 = 200;

/// A group of the directory, and what it feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Our id of it.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// How many people are in it.
    pub members: i64,
    /// The teams that it feeds: id, name.
    pub teams: Vec<(TeamId, String)>,
}

/// An organization's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The tokens that are not revoked, newest first.
    pub tokens: Vec<Token>,
    /// When the directory last called, by any token.
    pub last_call: Option<DateTime<Utc>>,
    /// How many people it has sent, and how many of them are active.
    pub people: (i64, i64),
    /// How many groups it has sent.
    pub group_count: i64,
    /// The groups by name, at most 200.
    pub groups: Vec<GroupRow>,
}

/// The directory of an organization that is loaded.
///
/// # Errors
/// 403 for those who do not see the organization whole.
pub async fn overview(ctx: &mut Ctx, page: &OrganizationPage) -> Result<Overview> {
    organizations::require(&page.standing, Permission::TeamView)?;
    let organization = page.organization.id;
    let tokens = tokens::of(ctx, organization).await?;
    let numbers = sqlx::query!(
        r#"SELECT (SELECT max(last_used_at) FROM scim_tokens WHERE organization_id = $1) AS last_call,
            (SELECT count(*) FROM scim_groups WHERE organization_id = $1) AS "groups!",
            p.people AS "people!", p.active AS "active!"
        FROM (SELECT count(*) AS people, count(*) FILTER (WHERE active) AS active FROM scim_users
            WHERE organization_id = $1) p"#,
        organization.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    let rows = sqlx::query!(
        r#"SELECT g.id, g.display_name,
            (SELECT count(*) FROM scim_group_members m WHERE m.group_id = g.id) AS "members!",
            ARRAY(SELECT t.id FROM identity_links l JOIN teams t ON t.id = l.team_id
                WHERE l.provider = 'scim' AND l.group_id = g.id::text AND t.organization_id = $1
                ORDER BY lower(t.name), t.id) AS "ids!: Vec<Uuid>",
            ARRAY(SELECT t.name FROM identity_links l JOIN teams t ON t.id = l.team_id
                WHERE l.provider = 'scim' AND l.group_id = g.id::text AND t.organization_id = $1
                ORDER BY lower(t.name), t.id) AS "names!: Vec<String>"
        FROM scim_groups g WHERE g.organization_id = $1 ORDER BY lower(g.display_name), g.id LIMIT $2"#,
        organization.0,
        SHOWN,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(Overview {
        tokens,
        last_call: numbers.last_call,
        people: (numbers.people, numbers.active),
        group_count: numbers.groups,
        groups: rows
            .into_iter()
            .map(|row| GroupRow {
                id: row.id,
                name: row.display_name,
                members: row.members,
                teams: row.ids.into_iter().map(TeamId).zip(row.names).collect(),
            })
            .collect(),
    })
}
