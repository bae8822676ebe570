//! Reading links, for those who manage or audit what they give something in.

use chrono::{DateTime, Utc};
use domain::{
    DEFAULT_ORGANIZATION, LinkId, OrgRole, OrganizationId, Permission, TeamId, UserId,
    directory::{Gives, Provider},
    views::{IdentityLink, LinkEvent, LinkTarget, Page},
};
use uuid::Uuid;

use crate::{Caller, Ctx, Error, Result, keyset::Keyset, organizations, paging, scope::organizations_seen};

/// What to list.
#[derive(Debug, Clone)]
pub struct LinkQuery {
    /// Only those of this organization.
    pub organization: Option<OrganizationId>,
    /// Only those to this team.
    pub team: Option<TeamId>,
    /// Only those of this directory.
    pub provider: Option<Provider>,
    /// Part of a group's name or id.
    pub search: Option<String>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for LinkQuery {
    fn default() -> Self {
        Self {
            organization: None,
            team: None,
            provider: None,
            search: None,
            cursor: None,
            limit: 50,
        }
    }
}

struct Row {
    id: Uuid,
    provider: String,
    group_id: String,
    group_name: Option<String>,
    organization_id: Option<Uuid>,
    organization_name: Option<String>,
    organization_slug: Option<String>,
    team_id: Option<Uuid>,
    team_name: Option<String>,
    role: String,
    mode: String,
    removal_limit: i16,
    members: i64,
    leaving: i64,
    checked_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    failure: Option<String>,
    missing_since: Option<DateTime<Utc>>,
    held_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    created_by: Option<String>,
}

impl Row {
    fn into_view(self, caller: &Caller) -> Result<IdentityLink> {
        let gives = Gives::parse(
            self.organization_id.map(OrganizationId),
            self.team_id.map(TeamId),
            Some(&self.role),
        )?;
        Ok(IdentityLink {
            id: LinkId(self.id),
            provider: self.provider.parse()?,
            group_id: self.group_id,
            group_name: self.group_name,
            gives,
            organization: self.organization_name.zip(self.organization_slug),
            team_name: self.team_name,
            mode: self.mode.parse()?,
            removal_limit: u8::try_from(self.removal_limit).unwrap_or(100),
            members: self.members,
            leaving: self.leaving,
            checked_at: self.checked_at,
            failed: self.failed_at.zip(self.failure),
            missing_since: self.missing_since,
            held_at: self.held_at,
            created_at: self.created_at,
            created_by: self.created_by,
            may_change: require_manage(caller, gives).is_ok(),
        })
    }
}

/// Lets those pass who may make, change and delete links that give this: who manages the people of the organization; for
/// roles in the installation super_admins.
///
/// # Errors
/// 403 for everybody else.
pub(super) fn require_manage(caller: &Caller, gives: Gives) -> Result<()> {
    match gives.organization() {
        Some(organization) => organizations::require(
            &organizations::standing(caller, organization),
            Permission::DirectoryManage,
        ),
        None => organizations::require(
            &organizations::standing(caller, DEFAULT_ORGANIZATION),
            Permission::AccountsManage,
        ),
    }
}

/// One page of the links that the caller sees, newest first.
///
/// # Errors
/// 403 for those who see none.
pub async fn list(ctx: &mut Ctx, query: &LinkQuery) -> Result<Page<IdentityLink>> {
    let organizations = organizations_seen(&ctx.caller)?;
    let keyset = Keyset::<DateTime<Utc>>::read(query.cursor.as_deref(), query.limit)?;
    let (organization, team) = (query.organization.map(|id| id.0), query.team.map(|id| id.0));
    let provider = query.provider.map(Provider::as_str);
    let pattern = paging::search(query.search.as_deref());
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT l.id, l.provider, l.group_id, l.group_name, l.organization_id, o.name AS "organization_name?",
            o.slug AS "organization_slug?", l.team_id, t.name AS "team_name?", l.role, l.mode, l.removal_limit,
            (SELECT count(*) FROM identity_link_members m WHERE m.link_id = l.id AND m.left_at IS NULL) AS "members!",
            (SELECT count(*) FROM identity_link_members m WHERE m.link_id = l.id AND m.left_at IS NOT NULL) AS "leaving!",
            l.checked_at, l.failed_at, l.failure, l.missing_since, l.held_at, l.created_at, u.email AS "created_by?"
        FROM identity_links l LEFT JOIN organizations o ON o.id = l.organization_id LEFT JOIN teams t ON t.id = l.team_id
            LEFT JOIN users u ON u.id = l.created_by
        WHERE ($1::uuid[] IS NULL OR l.organization_id = ANY($1)) AND ($2::uuid IS NULL OR l.organization_id = $2)
            AND ($3::uuid IS NULL OR l.team_id = $3) AND ($4::text IS NULL OR l.provider = $4)
            AND ($5::text IS NULL OR lower(l.group_name) LIKE lower($5) OR lower(l.group_id) LIKE lower($5))
            AND ($6::timestamptz IS NULL OR CASE WHEN $8 THEN (l.created_at, l.id) > ($6, $7)
                ELSE (l.created_at, l.id) < ($6, $7) END)
        ORDER BY CASE WHEN $8 THEN l.created_at END, CASE WHEN $8 THEN l.id END, l.created_at DESC, l.id DESC
        LIMIT $9"#,
        organizations.as_deref(),
        organization,
        team,
        provider,
        pattern,
        keyset.key,
        keyset.id,
        keyset.before,
        keyset.rows(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM identity_links l
        WHERE ($1::uuid[] IS NULL OR l.organization_id = ANY($1)) AND ($2::uuid IS NULL OR l.organization_id = $2)
            AND ($3::uuid IS NULL OR l.team_id = $3) AND ($4::text IS NULL OR l.provider = $4)
            AND ($5::text IS NULL OR lower(l.group_name) LIKE lower($5) OR lower(l.group_id) LIKE lower($5))"#,
        organizations.as_deref(),
        organization,
        team,
        provider,
        pattern,
    )
    .fetch_one(ctx.connection())
    .await?;
    let caller = ctx.caller.clone();
    let items = rows
        .into_iter()
        .map(|row| row.into_view(&caller))
        .collect::<Result<_>>()?;
    Ok(keyset.page(items, total, |link: &IdentityLink| {
        let key = link.created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        (key, link.id.0)
    }))
}

/// What the caller may link groups to: organizations that they manage, each with its teams that are not archived; by
/// name, the first 1,000 teams.
///
/// # Errors
/// When the database does not answer.
pub async fn targets(ctx: &mut Ctx) -> Result<Vec<LinkTarget>> {
    let (everything, mine): (bool, Vec<Uuid>) = match &ctx.caller {
        Caller::System(..) => (true, Vec::new()),
        Caller::Machine(_) => (false, Vec::new()),
        Caller::Person(person, _) => {
            let managed = person
                .organizations
                .iter()
                .filter(|(_, role)| *role == OrgRole::OrgAdmin);
            (person.super_admin, managed.map(|(id, _)| id.0).collect())
        }
    };
    let rows = sqlx::query!(
        r#"SELECT o.id, o.name, t.id AS "team_id?", t.name AS "team_name?"
        FROM organizations o LEFT JOIN teams t ON t.organization_id = o.id AND t.status <> 'archived' AND NOT t.is_system
        WHERE $1 OR o.id = ANY($2) ORDER BY lower(o.name), o.id, lower(t.name), t.id LIMIT 1000"#,
        everything,
        &mine,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut targets: Vec<LinkTarget> = Vec::new();
    for row in rows {
        let id = OrganizationId(row.id);
        if targets.last().is_none_or(|last| last.id != id) {
            targets.push(LinkTarget {
                id,
                name: row.name,
                teams: Vec::new(),
            });
        }
        if let (Some(last), Some(team), Some(name)) = (targets.last_mut(), row.team_id, row.team_name) {
            last.teams.push((TeamId(team), name));
        }
    }
    Ok(targets)
}

/// One link.
///
/// # Errors
/// 404 `Identity link not found: <id>` also for those who may not see it; 403 for those who see none.
pub async fn get(ctx: &mut Ctx, id: LinkId) -> Result<IdentityLink> {
    let organizations = organizations_seen(&ctx.caller)?;
    let row = sqlx::query_as!(
        Row,
        r#"SELECT l.id, l.provider, l.group_id, l.group_name, l.organization_id, o.name AS "organization_name?",
            o.slug AS "organization_slug?", l.team_id, t.name AS "team_name?", l.role, l.mode, l.removal_limit,
            (SELECT count(*) FROM identity_link_members m WHERE m.link_id = l.id AND m.left_at IS NULL) AS "members!",
            (SELECT count(*) FROM identity_link_members m WHERE m.link_id = l.id AND m.left_at IS NOT NULL) AS "leaving!",
            l.checked_at, l.failed_at, l.failure, l.missing_since, l.held_at, l.created_at, u.email AS "created_by?"
        FROM identity_links l LEFT JOIN organizations o ON o.id = l.organization_id LEFT JOIN teams t ON t.id = l.team_id
            LEFT JOIN users u ON u.id = l.created_by
        WHERE l.id = $1 AND ($2::uuid[] IS NULL OR l.organization_id = ANY($2))"#,
        id.0,
        organizations.as_deref(),
    )
    .fetch_optional(ctx.connection())
    .await?;
    let row = row.ok_or_else(|| missing(id))?;
    row.into_view(&ctx.caller)
}

pub(super) fn missing(id: LinkId) -> Error {
    Error::not_found("Identity link", id)
}

/// One page of what a link did, newest first.
///
/// # Errors
/// As [`get`].
pub async fn events(ctx: &mut Ctx, id: LinkId, cursor: Option<&str>, limit: i64) -> Result<Page<LinkEvent>> {
    get(ctx, id).await?;
    let keyset = Keyset::<DateTime<Utc>>::read(cursor, limit)?;
    let rows = sqlx::query!(
        r#"SELECT e.id, e.at, e.kind, e.user_id, u.email AS "email?", e.detail
        FROM identity_link_events e LEFT JOIN users u ON u.id = e.user_id
        WHERE e.link_id = $1 AND ($2::timestamptz IS NULL OR CASE WHEN $4 THEN (e.at, e.id) > ($2, $3)
            ELSE (e.at, e.id) < ($2, $3) END)
        ORDER BY CASE WHEN $4 THEN e.at END, CASE WHEN $4 THEN e.id END, e.at DESC, e.id DESC LIMIT $5"#,
        id.0,
        keyset.key,
        keyset.id,
        keyset.before,
        keyset.rows(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM identity_link_events WHERE link_id = $1"#,
        id.0
    )
    .fetch_one(ctx.connection())
    .await?;
    let rows = rows.into_iter().map(|row| {
        let event = LinkEvent {
            at: row.at,
            kind: row.kind,
            user: row.user_id.map(UserId).zip(row.email),
            detail: row.detail,
        };
        (row.id, event)
    });
    let page = keyset.page(rows.collect(), total, |(id, event): &(Uuid, LinkEvent)| {
        (event.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true), *id)
    });
    Ok(Page {
        items: page.items.into_iter().map(|(_, event)| event).collect(),
        total: page.total,
        next: page.next,
        previous: page.previous,
    })
}
