//! What restricting a model does: who may use it, who waits, and which keys do without.

use domain::{DEFAULT_ORGANIZATION, Permission};

use crate::{
    Ctx, Result,
    organizations::{self, OrganizationKey},
};

/// A restricted model in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestrictedUse {
    /// Its name.
    pub model: String,
    /// Whether it is restricted in the whole installation.
    pub everywhere: bool,
    /// Teams with an approved request.
    pub teams: i64,
    /// Requests that wait.
    pub waiting: i64,
    /// Keys that name it and do not get it.
    pub keys: i64,
}

/// The restricted models of an organization, or those of the whole installation, each in numbers.
///
/// # Errors
/// 403 for people of another organization; for the installation, for all but super_admins.
pub async fn usage(ctx: &mut Ctx, key: Option<&OrganizationKey>) -> Result<Vec<RestrictedUse>> {
    let organization = match key {
        Some(key) => Some(organizations::get(ctx, key).await?.organization.id.0),
        None => {
            organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::InstallationManage)?;
            None
        }
    };
    let now = ctx.now;
    let uses = sqlx::query_as!(
        RestrictedUse,
        r#"SELECT m.model, m.organization_id IS NULL AS "everywhere!",
            (SELECT count(DISTINCT r.team_id) FROM access_requests r JOIN teams t ON t.id = r.team_id
                WHERE r.kind = 'model' AND r.state = 'approved' AND r.value = to_jsonb(m.model)
                    AND ($1::uuid IS NULL OR t.organization_id = $1)) AS "teams!",
            (SELECT count(*) FROM access_requests r JOIN teams t ON t.id = r.team_id
                WHERE r.kind = 'model' AND r.state = 'pending' AND r.value = to_jsonb(m.model)
                    AND ($1::uuid IS NULL OR t.organization_id = $1)) AS "waiting!",
            (SELECT count(*) FROM api_keys k JOIN teams t ON t.id = k.team_id
                WHERE m.model = ANY(k.models) AND k.litellm_state = 'active' AND k.revoked_at IS NULL
                    AND (k.expires_at IS NULL OR k.expires_at > $2) AND ($1::uuid IS NULL OR t.organization_id = $1)
                    AND m.model = ANY(withheld_models(t.id))) AS "keys!"
        FROM restricted_models m WHERE m.organization_id IS NULL OR m.organization_id = $1
        ORDER BY m.organization_id IS NULL, m.model"#,
        organization,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(uses)
}
