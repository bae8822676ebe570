//! Who may do what: everybody's roles in one list, for audits.

use domain::{
    UserId,
    views::{AccessLevel, AccessLine, Page},
};

use super::scope;
use crate::{Ctx, Error, Result, cursor::Cursor};

/// Every role of every person whom the caller may see, of `people` persons after a cursor, by email. Of a person: the
/// installation, organizations by name, teams by name. Somebody without any role has one line that says so.
///
/// A page holds whole persons, so it may be longer than `people`; its total is not counted.
///
/// # Errors
/// 403 for someone who neither manages people nor audits them; 400 for a cursor that is none.
pub async fn access(ctx: &mut Ctx, cursor: Option<&str>, people: i64) -> Result<Page<AccessLine>> {
    let scope = scope(&ctx.caller)?;
    let cursor = cursor.map(Cursor::decode).transpose()?;
    let (after, after_id) = cursor.map_or_else(Default::default, |cursor| (cursor.key, cursor.id));
    let rows = sqlx::query!(
        r#"WITH people AS (
            SELECT u.id, u.email, u.display_name, u.is_super_admin, u.is_auditor, u.deactivated_at, u.last_seen_at FROM users u
            WHERE (u.email, u.id) > ($1, $2) AND ($3 OR EXISTS (
                SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ANY($4)))
            ORDER BY u.email, u.id LIMIT $5)
        SELECT p.id, p.email, p.display_name, p.deactivated_at IS NOT NULL AS "deactivated!", p.last_seen_at,
            r.level AS "level?", r.organization AS "organization?", r.team AS "team?", r.role AS "role?", r.source AS "source?",
            r.since AS "since?", r.ends AS "ends?", r.admin_until AS "admin_until?", r.keys AS "keys?",
            r.last_key_used_at AS "last_key_used_at?"
        FROM people p LEFT JOIN LATERAL (
            SELECT 0 AS level, NULL::text AS organization, NULL::text AS team, role, NULL::text AS source,
                NULL::timestamptz AS since, NULL::timestamptz AS ends, NULL::timestamptz AS admin_until, NULL::bigint AS keys,
                NULL::timestamptz AS last_key_used_at
            FROM (VALUES ('super_admin', p.is_super_admin), ('auditor', p.is_auditor)) AS whole(role, held)
            WHERE $3 AND held
            UNION ALL
            SELECT 1, o.name, NULL, m.role, m.source, m.created_at, NULL, NULL, NULL, NULL
            FROM organization_members m JOIN organizations o ON o.id = m.organization_id
            WHERE m.user_id = p.id AND ($3 OR o.id = ANY($4))
            UNION ALL
            SELECT 2, o.name, t.name, m.role, m.source, m.joined_at, m.expires_at, m.admin_until, k.live, k.last
            FROM current_team_members m JOIN teams t ON t.id = m.team_id JOIN organizations o ON o.id = t.organization_id
                CROSS JOIN LATERAL (
                    SELECT count(*) FILTER (WHERE k.expires_at IS NULL OR k.expires_at > $6) AS live,
                        -- Keys that LiteLLM knows are seen only by what they spent, day by day.
                        max(greatest(k.last_used_at, (SELECT max(d.day)::timestamp AT TIME ZONE 'UTC'
                            FROM key_spend_daily d WHERE d.key_id = k.id))) AS last
                    FROM api_keys k WHERE k.revoked_at IS NULL AND k.owner_id = m.user_id AND k.team_id = t.id) k
            WHERE m.user_id = p.id AND t.status <> 'archived' AND NOT t.is_system AND ($3 OR o.id = ANY($4))
        ) r ON true
        ORDER BY p.email, p.id, r.level, lower(r.organization), lower(r.team) NULLS FIRST"#,
        after,
        after_id,
        scope.is_whole(),
        scope.organizations(),
        people,
        ctx.now,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut persons = 0;
    let mut last = None;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        if last.as_ref().is_none_or(|(_, id)| *id != row.id) {
            persons += 1;
            last = Some((row.email.clone(), row.id));
        }
        let level = match row.level {
            None => None,
            Some(0) => Some(AccessLevel::Installation),
            Some(1) => Some(AccessLevel::Organization),
            Some(2) => Some(AccessLevel::Team),
            Some(other) => return Err(Error::internal(format!("no such level of access: {other}"))),
        };
        items.push(AccessLine {
            user_id: UserId(row.id),
            email: row.email,
            display_name: row.display_name,
            deactivated: row.deactivated,
            last_seen_at: row.last_seen_at,
            level,
            organization: row.organization,
            team: row.team,
            role: row.role,
            source: row.source,
            since: row.since,
            ends: row.ends,
            admin_until: row.admin_until,
            keys: row.keys,
            last_key_used_at: row.last_key_used_at,
        });
    }
    // As many as were asked for: there may be more.
    let next = last.filter(|_| persons == people).map(|(key, id)| {
        let before = false;
        Cursor { key, id, before }.encode()
    });
    Ok(Page {
        items,
        total: 0,
        next,
        previous: None,
    })
}
