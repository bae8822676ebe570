//! Finding things by their names, from everywhere: one query over what the caller sees.

use domain::{
    search::{FEWEST, MOST},
    views::{Found, FoundKind},
};

use crate::{Ctx, Result, paging, scope::Scope};

/// How many of each kind are found at most.
const EACH: i64 = 6;

/// What has a name like the text: organizations, teams, people, projects, runners and keys that the caller sees, those
/// first that have it in their name, then the likest. Too little text finds nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn find(ctx: &mut Ctx, text: &str) -> Result<Vec<Found>> {
    let text: String = text.trim().chars().filter(|letter| *letter != '\0').take(MOST).collect();
    let text = text.to_lowercase();
    let Some(anywhere) = paging::search(Some(&text)).filter(|_| text.chars().count() >= FEWEST) else {
        return Ok(Vec::new());
    };
    // Two letters are in no index but as the beginning of a word.
    let pattern = if text.chars().count() < 3 { &anywhere[1..] } else { &anywhere };
    let scope = Scope::of(&ctx.caller);
    let rows = sqlx::query!(
        r#"SELECT kind AS "kind!", id AS "id!", name AS "name!", detail AS "detail!", team AS "team?", project AS "project?" FROM (
            (SELECT 1 AS kind, o.id, o.name, o.slug AS detail, NULL::uuid AS team, NULL::uuid AS project,
                similarity($1, lower(o.name)) + (lower(o.name) LIKE $2)::int AS likeness
            FROM organizations o
            WHERE (lower(o.name) LIKE $2 OR o.slug LIKE $2 OR $1 <% lower(o.name) OR lower(o.name) % $1) AND ($3 OR o.id = ANY($4))
            ORDER BY likeness DESC, lower(o.name) LIMIT $9)
            UNION ALL (SELECT 2, t.id, t.name, o.name, t.id, NULL, similarity($1, lower(t.name)) + (lower(t.name) LIKE $2)::int AS likeness
            FROM teams t JOIN organizations o ON o.id = t.organization_id
            WHERE (lower(t.name) LIKE $2 OR $1 <% lower(t.name) OR lower(t.name) % $1) AND t.status <> 'archived'
                AND ($3 OR t.organization_id = ANY($4) OR t.id = ANY($5))
            ORDER BY likeness DESC, lower(t.name) LIMIT $9)
            UNION ALL (SELECT 3, u.id, coalesce(u.display_name, u.email), u.email,
                CASE WHEN $3 OR u.id = $8 OR EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ANY($4))
                    THEN NULL ELSE (SELECT m.team_id FROM current_team_members m WHERE m.user_id = u.id AND m.team_id = ANY($5) LIMIT 1) END,
                NULL, greatest(similarity($1, u.email) + (u.email LIKE $2)::int, similarity($1, u.display_name) + (u.display_name ILIKE $2)::int) AS likeness
            FROM users u
            WHERE (u.email ILIKE $2 OR u.display_name ILIKE $2 OR $1 <% u.email OR $1 <% u.display_name OR u.display_name % $1)
                AND ($3 OR u.id = $8 OR EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ANY($4))
                    OR EXISTS (SELECT FROM current_team_members m WHERE m.user_id = u.id AND m.team_id = ANY($5)))
            ORDER BY likeness DESC, u.email LIMIT $9)
            UNION ALL (SELECT 4, p.id, p.name, t.name, p.team_id, p.id, similarity($1, lower(p.name)) + (lower(p.name) LIKE $2)::int AS likeness
            FROM projects p JOIN teams t ON t.id = p.team_id
            WHERE (lower(p.name) LIKE $2 OR $1 <% lower(p.name) OR lower(p.name) % $1) AND t.status <> 'archived'
                AND ($3 OR t.organization_id = ANY($4) OR p.team_id = ANY($6) OR p.id = ANY($7))
            ORDER BY likeness DESC, lower(p.name) LIMIT $9)
            UNION ALL (SELECT 5, r.id, r.name, coalesce(t.name, 'no team'), r.team_id, r.project_id,
                similarity($1, lower(r.name)) + (lower(r.name) LIKE $2)::int AS likeness
            FROM runners r LEFT JOIN teams t ON t.id = r.team_id
            WHERE (lower(r.name) LIKE $2 OR $1 <% lower(r.name)) AND r.status <> 'deleted'
                AND ($3 OR r.provisioned_by = $8 OR r.team_id = ANY($5) OR t.organization_id = ANY($4))
            ORDER BY likeness DESC, r.created_at DESC LIMIT $9)
            UNION ALL (SELECT 6, k.id, k.name, coalesce(p.name || ', ', '') || t.name, k.team_id, k.project_id,
                similarity($1, lower(k.name)) + (lower(k.name) LIKE $2)::int AS likeness
            FROM api_keys k JOIN teams t ON t.id = k.team_id LEFT JOIN projects p ON p.id = k.project_id
            WHERE (lower(k.name) LIKE $2 OR $1 <% lower(k.name) OR lower(k.name) % $1) AND k.revoked_at IS NULL
                AND ($3 OR k.owner_id = $8 OR t.organization_id = ANY($4) OR k.team_id = ANY($6) OR k.project_id = ANY($7))
            ORDER BY likeness DESC, k.created_at DESC LIMIT $9)
        ) found ORDER BY kind, likeness DESC"#,
        text,
        pattern,
        scope.all,
        &scope.organizations,
        &scope.teams,
        &scope.administered,
        &scope.projects,
        scope.actor,
        EACH,
    )
    .fetch_all(ctx.connection())
    .await?;
    let found = rows.into_iter().filter_map(|row| {
        Some(Found {
            kind: match row.kind {
                1 => FoundKind::Organization,
                2 => FoundKind::Team,
                3 => FoundKind::Person,
                4 => FoundKind::Project,
                5 => FoundKind::Runner,
                6 => FoundKind::Key,
                _ => return None,
            },
            id: row.id,
            name: row.name,
            detail: row.detail,
            team: row.team,
            project: row.project,
        })
    });
    Ok(found.collect())
}
