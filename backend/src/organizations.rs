//! Organizations: what a team belongs to.

mod admission;
mod joining;

pub(crate) use admission::{Admission, ensure_member};
use domain::{
    BudgetDuration, DEFAULT_ORGANIZATION, Limits, Money, OrgRole, OrganizationId, OrganizationName, Permission, Slug,
    Standing, views::Organization,
};
pub(crate) use joining::join_many;
use serde_json::json;
use uuid::Uuid;

use crate::{Caller, Code, Ctx, Error, Result, audit};

/// What the caller is in an organization.
pub(crate) fn standing(caller: &Caller, organization: OrganizationId) -> Standing {
    match caller {
        Caller::System(..) => Standing {
            super_admin: true,
            ..Standing::default()
        },
        Caller::Person(person, _) => Standing {
            super_admin: person.super_admin,
            auditor: person.auditor,
            org: person.organization_role(organization),
            team: None,
        },
    }
}

/// The organizations that the caller belongs to; all of them for a super_admin or auditor.
///
/// # Errors
/// When the database does not answer.
pub async fn list(ctx: &mut Ctx) -> Result<Vec<Organization>> {
    let (everything, mine) = match &ctx.caller {
        Caller::System(..) => (true, Vec::new()),
        Caller::Person(person, _) => (
            person.super_admin || person.auditor,
            person.organizations.iter().map(|(id, _)| id.0).collect(),
        ),
    };
    let rows = sqlx::query!(
        r#"SELECT o.id, o.name, o.slug, o.models, o.max_budget, o.budget_duration, o.tpm_limit, o.rpm_limit,
            coalesce((SELECT sum(teams) FROM team_totals t WHERE t.organization_id = o.id AND t.status <> 'archived'), 0)::bigint AS "teams!"
        FROM organizations o WHERE $1 OR o.id = ANY($2) ORDER BY lower(o.name), o.id LIMIT 500"#,
        everything,
        &mine,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Organization {
            id: OrganizationId(row.id),
            name: row.name,
            slug: row.slug,
            role: match &ctx.caller {
                Caller::Person(person, _) => person.organization_role(OrganizationId(row.id)),
                Caller::System(..) => None,
            },
            team_count: row.teams,
            limits: Limits {
                models: row.models,
                max_budget: row.max_budget.map(Money::trusted),
                budget_duration: row.budget_duration.map(BudgetDuration::trusted),
                tpm_limit: row.tpm_limit,
                rpm_limit: row.rpm_limit,
            },
        })
        .collect())
}

/// Those of [`list`] that the caller may create teams in.
///
/// # Errors
/// When the database does not answer.
pub async fn list_administered(ctx: &mut Ctx) -> Result<Vec<Organization>> {
    let all = list(ctx).await?;
    Ok(all
        .into_iter()
        .filter(|organization| standing(&ctx.caller, organization.id).may(Permission::TeamAdminister))
        .collect())
}

/// The organization that a new team goes to when the request names none: the only one that the
/// caller administers, else `default`.
pub(crate) fn default_for_new_team(caller: &Caller) -> OrganizationId {
    let Caller::Person(person, _) = caller else {
        return DEFAULT_ORGANIZATION;
    };
    let mut administered = person
        .organizations
        .iter()
        .filter(|(_, role)| *role == OrgRole::OrgAdmin);
    match (administered.next(), administered.next()) {
        (Some((only, _)), None) => *only,
        _ => DEFAULT_ORGANIZATION,
    }
}

/// Creates an organization.
///
/// # Errors
/// When the caller may not, or the slug is taken.
pub async fn create(ctx: &mut Ctx, name: &OrganizationName, slug: &Slug) -> Result<OrganizationId> {
    let standing = standing(&ctx.caller, DEFAULT_ORGANIZATION);
    standing.require(Permission::InstallationManage)?;
    let (id, now) = (Uuid::now_v7(), ctx.now);
    sqlx::query!(
        "INSERT INTO organizations (id, name, slug, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
        id,
        name.as_str(),
        slug.as_str(),
        now,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| {
        Error::from(error).on_constraint("organizations_slug_key", || {
            Error::refused(Code::NameTaken, format!("Organization '{slug}' already exists"))
        })
    })?;
    let mut entry = audit::Entry::new("organization.create", "organization", id, name.as_str())
        .change(json!(null), json!({"name": name, "slug": slug}));
    entry.organization = Some(OrganizationId(id));
    audit::record(ctx, entry).await?;
    Ok(OrganizationId(id))
}
