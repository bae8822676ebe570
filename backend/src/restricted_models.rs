//! Models that a team may only use with an approved request (SPEC C15): of one organization, and of the installation.

mod usage;

use domain::{
    DEFAULT_ORGANIZATION, OrganizationId, Permission, TeamId,
    models::{self, Usable},
    parse_models,
};
use serde_json::json;
pub use usage::{RestrictedUse, usage};

use crate::{
    Ctx, Error, Result, audit,
    organizations::{self, OrganizationKey},
};

/// The restricted models that bind an organization's teams.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restricted {
    /// Those that the organization restricts.
    pub models: Vec<String>,
    /// Those that are restricted in the whole installation.
    pub installation_wide: Vec<String>,
}

/// What shall be restricted; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct RestrictedInput {
    /// In the organization.
    pub models: Option<Vec<String>>,
    /// In the whole installation: a super_admin's.
    pub installation_wide: Option<Vec<String>>,
}

/// All that decides which models a team may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TeamModels {
    /// The team's list; empty is all of its organization's.
    pub team: Vec<String>,
    /// The organization's list; empty is all.
    pub organization: Vec<String>,
    /// Restricted ones, of the organization and the installation.
    pub restricted: Vec<String>,
    /// Those that an approved request of the team names.
    pub approved: Vec<String>,
}

impl TeamModels {
    /// The rule over them.
    pub fn usable(&self) -> Usable<'_> {
        models::usable(&self.team, &self.organization, &self.restricted, &self.approved)
    }

    /// Refuses a model that the organization does not have, which no request changes (SPEC E8).
    ///
    /// # Errors
    /// 422 `… not in organization's allowed models`.
    pub(crate) fn require_in_organization(&self, model: &str) -> Result<()> {
        match models::usable(&[], &self.organization, &[], &[]).check(model) {
            Ok(()) => Ok(()),
            Err(why) => Err(Error::invalid(
                "value",
                format!("{model} {why}: {}", self.organization.join(", ")),
            )),
        }
    }
}

/// All that decides which models a team may use, in one query. The caller was authorised.
///
/// # Errors
/// 404 without such a team.
pub async fn of_team(ctx: &mut Ctx, team: TeamId) -> Result<TeamModels> {
    let row = sqlx::query!(
        r#"SELECT t.models AS team, o.models AS organization,
            ARRAY(SELECT DISTINCT m.model FROM restricted_models m
                WHERE m.organization_id IS NULL OR m.organization_id = t.organization_id ORDER BY 1) AS "restricted!",
            ARRAY(SELECT DISTINCT r.value #>> '{}' FROM access_requests r
                WHERE r.team_id = t.id AND r.kind = 'model' AND r.state = 'approved' ORDER BY 1) AS "approved!"
        FROM teams t JOIN organizations o ON o.id = t.organization_id WHERE t.id = $1"#,
        team.0,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Team", team))?;
    Ok(TeamModels {
        team: row.team,
        organization: row.organization,
        restricted: row.restricted,
        approved: row.approved,
    })
}

/// The restricted models that bind an organization's teams, by name. The caller was authorised.
pub(crate) async fn binding(ctx: &mut Ctx, organization: OrganizationId) -> Result<Vec<String>> {
    let restricted = load(ctx, organization).await?;
    Ok([restricted.models, restricted.installation_wide].concat())
}

async fn load(ctx: &mut Ctx, organization: OrganizationId) -> Result<Restricted> {
    let rows = sqlx::query!(
        r#"SELECT model, organization_id IS NULL AS "everywhere!" FROM restricted_models
        WHERE organization_id IS NULL OR organization_id = $1 ORDER BY model"#,
        organization.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut restricted = Restricted::default();
    for row in rows {
        if row.everywhere {
            restricted.installation_wide.push(row.model);
        } else {
            restricted.models.push(row.model);
        }
    }
    Ok(restricted)
}

/// The restricted models that bind an organization's teams, for people of the organization.
///
/// # Errors
/// As [`organizations::get`].
pub async fn get(ctx: &mut Ctx, key: &OrganizationKey) -> Result<Restricted> {
    let page = organizations::get(ctx, key).await?;
    load(ctx, page.organization.id).await
}

/// Restricts these models in an organization, and no others; with `installation_wide`, also in the whole installation.
/// Approvals that were given stay.
///
/// # Errors
/// 403 without the right over the organization, or, for the installation, for all but super_admins; names of models that
/// are none.
pub async fn set(ctx: &mut Ctx, key: &OrganizationKey, input: RestrictedInput) -> Result<Restricted> {
    let own = input.models.as_deref().map(parse_models).transpose()?;
    let everywhere = input.installation_wide.as_deref().map(parse_models).transpose();
    let everywhere = everywhere.map_err(|invalid| invalid.on("installation_wide"))?;
    let loaded = organizations::load(ctx, key, organizations::Lock::Update).await?;
    organizations::require(&loaded.standing, Permission::TeamAdminister)?;
    if everywhere.is_some() {
        organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::InstallationManage)?;
    }
    let id = loaded.id();
    let before = load(ctx, id).await?;
    if let Some(models) = &own {
        replace(ctx, Some(id), models).await?;
    }
    if let Some(models) = &everywhere {
        replace(ctx, None, models).await?;
    }
    let after = load(ctx, id).await?;
    if before != after {
        let fields = |list: &Restricted| json!({"models": list.models, "installation_wide": list.installation_wide});
        let name = loaded.organization.name.clone();
        let mut entry = audit::Entry::new("organization.restricted_models", "organization", id, &name)
            .change(fields(&before), fields(&after));
        entry.organization = Some(id);
        audit::record(ctx, entry).await?;
    }
    Ok(after)
}

async fn replace(ctx: &mut Ctx, organization: Option<OrganizationId>, models: &[String]) -> Result<()> {
    let organization = organization.map(|id| id.0);
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "DELETE FROM restricted_models WHERE organization_id IS NOT DISTINCT FROM $1 AND model <> ALL($2)",
        organization,
        models,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "INSERT INTO restricted_models (organization_id, model, created_at, created_by)
        SELECT $1, model, $3, $4 FROM unnest($2::text[]) AS model ORDER BY model
        ON CONFLICT ON CONSTRAINT restricted_models_key DO NOTHING",
        organization,
        models,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
