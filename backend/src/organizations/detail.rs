//! One organization, with what the viewer is in it.

use chrono::{DateTime, Utc};
use domain::{
    BudgetDuration, Ceilings, DEFAULT_ORGANIZATION, Limits, Money, OrgRole, OrganizationId, Permission, Refusal,
    Standing, TeamId,
    views::{Contact, Organization, OrganizationNumbers, OrganizationPage, OrphanTeam},
};

use super::{OrganizationKey, domains, sees_whole};
use crate::{Caller, Ctx, Error, Result};

/// Whether to lock an organization's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Only read.
    None,
    /// Until the transaction ends: changes of one organization happen one after another. Always before a team of it is
    /// locked. Rows that refer to the organization can be written meanwhile.
    Update,
}

/// An organization's row with the caller's standing, read from the database, not from memory.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) organization: Organization,
    pub(crate) standing: Standing,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Loaded {
    pub(crate) fn id(&self) -> OrganizationId {
        self.organization.id
    }

    pub(crate) fn is_default(&self) -> bool {
        self.id() == DEFAULT_ORGANIZATION
    }

    pub(super) fn ceilings(&self) -> Ceilings {
        Ceilings {
            limits: self.organization.limits.clone(),
            max_runners: self.organization.max_runners,
        }
    }
}

/// The id behind a key; whether there is such an organization, only a slug tells.
///
/// # Errors
/// 404 when no organization has the slug.
async fn resolve(ctx: &mut Ctx, key: &OrganizationKey) -> Result<OrganizationId> {
    let slug = match key {
        OrganizationKey::Id(id) => return Ok(*id),
        OrganizationKey::Slug(slug) => slug,
    };
    let shown: String = slug.chars().filter(|c| !c.is_control()).take(100).collect();
    let missing = || Error::not_found("Organization", shown);
    if slug.contains('\0') {
        return Err(missing());
    }
    let id = sqlx::query_scalar!("SELECT id FROM organizations WHERE slug = $1", slug)
        .fetch_optional(ctx.connection())
        .await?;
    id.map(OrganizationId).ok_or_else(missing)
}

/// An organization with the caller's standing in it.
///
/// # Errors
/// 404 when there is none.
pub(crate) async fn load(ctx: &mut Ctx, key: &OrganizationKey, lock: Lock) -> Result<Loaded> {
    let id = resolve(ctx, key).await?;
    if lock == Lock::Update {
        super::lock(ctx, id).await?;
    }
    let viewer = ctx.caller.user_id().map(|id| id.0);
    let row = sqlx::query!(
        r#"SELECT o.name, o.slug, o.models, o.max_budget, o.budget_duration, o.tpm_limit, o.rpm_limit, o.max_runners,
            o.time_zone, o.created_at, o.updated_at,
            coalesce((SELECT sum(teams) FROM team_totals t
                WHERE t.organization_id = o.id AND t.status <> 'archived'), 0)::bigint AS "teams!",
            coalesce(v.is_super_admin, false) AS "viewer_super_admin!",
            coalesce(v.is_auditor, false) AS "viewer_auditor!", m.role AS "viewer_role?"
        FROM organizations o
            LEFT JOIN users v ON v.id = $2 AND v.deactivated_at IS NULL
            LEFT JOIN organization_members m ON m.organization_id = o.id AND m.user_id = v.id
        WHERE o.id = $1"#,
        id.0,
        viewer,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Organization", id))?;
    let role = row.viewer_role.as_deref().map(str::parse::<OrgRole>).transpose()?;
    Ok(Loaded {
        organization: Organization {
            id,
            name: row.name,
            slug: row.slug,
            role,
            team_count: row.teams,
            limits: Limits {
                models: row.models,
                max_budget: row.max_budget.map(Money::trusted),
                budget_duration: row.budget_duration.map(BudgetDuration::trusted),
                tpm_limit: row.tpm_limit,
                rpm_limit: row.rpm_limit,
            },
            max_runners: row.max_runners,
            time_zone: row.time_zone,
            people_count: None,
        },
        standing: Standing {
            super_admin: row.viewer_super_admin || matches!(ctx.caller, Caller::System(..)),
            auditor: row.viewer_auditor,
            org: role,
            team: None,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// An organization with its domains and who administers it; for those who see it whole, with its numbers.
///
/// # Errors
/// 404 when there is none; 403 for those who do not belong to it.
pub async fn get(ctx: &mut Ctx, key: &OrganizationKey) -> Result<OrganizationPage> {
    let loaded = load(ctx, key, Lock::None).await?;
    complete(ctx, loaded).await
}

/// As [`get`], for those who see the organization whole only.
///
/// # Errors
/// 404 when there is none; 403 for everybody else.
pub async fn get_whole(ctx: &mut Ctx, key: &OrganizationKey) -> Result<OrganizationPage> {
    let loaded = load(ctx, key, Lock::None).await?;
    super::require(&loaded.standing, Permission::TeamView)?;
    complete(ctx, loaded).await
}

/// What [`get`] gives, of an organization that is loaded.
pub(super) async fn complete(ctx: &mut Ctx, loaded: Loaded) -> Result<OrganizationPage> {
    let Loaded {
        mut organization,
        standing,
        created_at,
        updated_at,
    } = loaded;
    let whole = sees_whole(&standing);
    if !whole && standing.org.is_none() {
        return Err(Error::Forbidden(Refusal {
            literal: "Access denied: not a member of this organization".to_owned(),
            rule: "see an organization that you do not belong to".to_owned(),
            who_can: Permission::DirectoryManage.who(),
        }));
    }
    let domains = domains::of(ctx, organization.id, &standing).await?;
    let admins = sqlx::query!(
        "SELECT u.email, u.display_name FROM organization_members m JOIN users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND m.role = 'org_admin' AND u.deactivated_at IS NULL
        ORDER BY u.email LIMIT 20",
        organization.id.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let numbers = if whole {
        Some(numbers(ctx, organization.id).await?)
    } else {
        None
    };
    organization.people_count = numbers.map(|numbers| numbers.people);
    Ok(OrganizationPage {
        organization,
        standing,
        domains,
        admins: admins
            .into_iter()
            .map(|row| Contact {
                email: row.email,
                display_name: row.display_name,
            })
            .collect(),
        created_at,
        updated_at,
        numbers,
    })
}

async fn numbers(ctx: &mut Ctx, id: OrganizationId) -> Result<OrganizationNumbers> {
    let row = sqlx::query!(
        r#"SELECT p.people AS "people!", p.guests AS "guests!", p.admins AS "admins!",
            coalesce((SELECT sum(runner_count) FROM teams WHERE organization_id = $1), 0)::bigint AS "runners!",
            coalesce((SELECT teams FROM team_totals WHERE organization_id = $1 AND status = 'active'), 0) AS "active!",
            coalesce((SELECT teams FROM team_totals WHERE organization_id = $1 AND status = 'inactive'), 0) AS "inactive!",
            (SELECT count(*) FROM teams t
                WHERE t.organization_id = $1 AND t.status <> 'archived' AND NOT t.is_system AND NOT EXISTS (
                    SELECT FROM current_team_admins a WHERE a.team_id = t.id)) AS "orphans!"
        FROM (SELECT count(*) AS people, count(*) FILTER (WHERE m.is_guest) AS guests,
                count(*) FILTER (WHERE m.role = 'org_admin' AND u.deactivated_at IS NULL) AS admins
            FROM organization_members m JOIN users u ON u.id = m.user_id WHERE m.organization_id = $1) p"#,
        id.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(OrganizationNumbers {
        people: row.people,
        guests: row.guests,
        admins: row.admins,
        runners: row.runners,
        active_teams: row.active,
        inactive_teams: row.inactive,
        teams_without_admin: row.orphans,
    })
}

/// Teams of an organization that have no admin who could act (SPEC D12), by name, at most twenty. `page` is the
/// organization as the caller has loaded it: those who do not see it whole get none.
///
/// # Errors
/// When the database does not answer.
pub async fn orphans(ctx: &mut Ctx, page: &OrganizationPage) -> Result<Vec<OrphanTeam>> {
    if page.numbers.is_none_or(|numbers| numbers.teams_without_admin == 0) {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        "SELECT t.id, t.name, t.member_count FROM teams t
        WHERE t.organization_id = $1 AND t.status <> 'archived' AND NOT t.is_system AND NOT EXISTS (
            SELECT FROM current_team_admins a WHERE a.team_id = t.id)
        ORDER BY lower(t.name), t.id LIMIT 20",
        page.organization.id.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OrphanTeam {
            id: TeamId(row.id),
            name: row.name,
            member_count: row.member_count,
        })
        .collect())
}
