//! What an instance should have, read at the time of delivery.

use domain::{
    BudgetDuration, KeyId, Money, TeamId, TeamRole, UserDefaults, UserId,
    models::{self, Told},
};
use integrations::litellm::{KeyChange, LiteLlm, TeamSpec, UserSpec};
use serde_json::{Map, json};
use sqlx::PgPool;

use super::push::Failure;
use crate::Result;

/// The team as LiteLLM should have it; none when it is not this instance's, or is gone. Inactive and archived ones keep
/// everything and are blocked. Of an instance that never said which models it offers this asks, where it matters.
///
/// # Errors
/// When the database does not answer, or the instance does not.
pub(super) async fn team(pool: &PgPool, client: &LiteLlm, id: TeamId) -> Result<Option<TeamSpec>, Failure> {
    let row = sqlx::query!(
        r#"SELECT t.name, t.slug, t.status, t.models, t.max_budget, t.budget_duration, t.tpm_limit, t.rpm_limit,
            o.slug AS organization, o.models AS organization_models, i.models AS offered,
            withheld_models(t.id) AS "withheld!"
        FROM teams t JOIN organizations o ON o.id = t.organization_id
            JOIN litellm_instances i ON i.name = $2
        WHERE t.id = $1 AND (t.litellm_instance = i.name OR (t.litellm_instance IS NULL AND i.is_default))
            AND NOT (t.litellm_withdrawn AND t.status = 'archived')"#,
        id.0,
        client.name(),
    )
    .fetch_optional(pool)
    .await
    .map_err(crate::Error::from)?;
    let Some(row) = row else { return Ok(None) };
    let models = match models::told(&row.models, &row.organization_models, &row.withheld) {
        Told::List(list) => list,
        Told::AllBut => {
            let offered = match row.offered {
                Some(offered) => offered,
                None => super::offer::read(pool, client).await?,
            };
            models::without(&offered, &row.withheld)
        }
    };
    Ok(Some(TeamSpec {
        id: id.0.to_string(),
        alias: row.name,
        // Organizations are ours to enforce; LiteLLM's need a licence.
        organization_id: None,
        models,
        max_budget: row.max_budget.map(Money::trusted),
        budget_duration: row.budget_duration.map(BudgetDuration::trusted),
        tpm_limit: row.tpm_limit,
        rpm_limit: row.rpm_limit,
        blocked: row.status != "active",
        metadata: Map::from_iter([
            ("guildhall_organization".to_owned(), json!(row.organization)),
            ("guildhall_team".to_owned(), json!(row.slug)),
        ]),
    }))
}

/// A key's list without the restricted models that no approved request allows (SPEC C15). No list is all that its team
/// has, there too.
pub(crate) fn without(list: Vec<String>, withheld: &[String]) -> Vec<String> {
    if list.is_empty() || withheld.is_empty() {
        list
    } else {
        models::without(&list, withheld)
    }
}

/// The most teams that a person is made with; the other memberships come by themselves.
const TEAMS: i64 = 20;

/// The person as LiteLLM should have them, with the teams that the instance has already; none when they are gone.
pub(super) async fn user(pool: &PgPool, instance: &str, id: UserId) -> Result<Option<UserSpec>> {
    let row = sqlx::query!(
        r#"SELECT u.email, u.display_name, u.is_super_admin,
            ARRAY(SELECT m.team_id FROM team_members m
                JOIN litellm_objects o ON o.instance = $2 AND o.kind = 'team' AND o.object_id = m.team_id AND o.synced > 0
                WHERE m.user_id = u.id AND (m.expires_at IS NULL OR m.expires_at > now())
                ORDER BY m.joined_at, m.team_id LIMIT $3) AS "teams!",
            (SELECT value FROM key_policies WHERE name = 'users') AS defaults,
            l.role AS "role?", l.max_budget, l.tpm_limit, l.rpm_limit
        FROM users u LEFT JOIN litellm_people l ON l.user_id = u.id WHERE u.id = $1"#,
        id.0,
        instance,
        TEAMS,
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let defaults: UserDefaults = row
        .defaults
        .map(serde_json::from_value)
        .transpose()?
        .unwrap_or_default();
    let own = if row.is_super_admin {
        "proxy_admin"
    } else {
        "internal_user"
    };
    Ok(Some(UserSpec {
        id: id.0.to_string(),
        alias: Some(row.display_name.unwrap_or_else(|| row.email.clone())),
        email: Some(row.email),
        // What a manifest says of the person (SPEC A11) comes before what is so for everybody.
        role: row.role.unwrap_or_else(|| own.to_owned()),
        max_budget: row.max_budget.map(Money::trusted).or(defaults.max_budget),
        tpm_limit: row.tpm_limit.or(defaults.tpm_limit),
        rpm_limit: row.rpm_limit.or(defaults.rpm_limit),
        teams: row.teams.into_iter().map(|team| team.to_string()).collect(),
    }))
}

/// The role of someone in a team of the instance, and their budget in it; none when they are no member.
pub(super) async fn member(
    pool: &PgPool,
    instance: &str,
    team: TeamId,
    user: UserId,
) -> Result<Option<(TeamRole, Option<Money>)>> {
    let row = sqlx::query!(
        "SELECT m.role, m.max_budget FROM team_members m JOIN teams t ON t.id = m.team_id JOIN litellm_instances i ON i.name = $3
        WHERE m.team_id = $1 AND m.user_id = $2 AND (m.expires_at IS NULL OR m.expires_at > now())
            AND (t.litellm_instance = i.name OR (t.litellm_instance IS NULL AND i.is_default))",
        team.0,
        user.0,
        instance,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| {
        let role = if row.role == "admin" {
            TeamRole::Admin
        } else {
            TeamRole::Member
        };
        (role, row.max_budget.map(Money::trusted))
    }))
}

/// A key as LiteLLM should have it.
pub(super) enum KeyTruth {
    /// It is there, and works unless it is blocked.
    Kept {
        token: String,
        change: Box<KeyChange>,
        blocked: bool,
    },
    /// Somebody makes it at this moment, and something about it changed meanwhile: what LiteLLM has of it is known when
    /// they are done.
    BeingMade,
    /// It works no more.
    Revoked { token: Option<String>, alias: String },
}

/// The key; none when there is nothing to tell: it is not made yet, or refused already.
pub(super) async fn key(pool: &PgPool, instance: &str, id: KeyId) -> Result<Option<KeyTruth>> {
    let row = sqlx::query!(
        r#"SELECT k.litellm_state AS "state!", k.litellm_alias AS "alias!", k.litellm_token, k.models, k.max_budget,
            k.soft_budget, k.budget_duration, k.tpm_limit, k.rpm_limit, k.tags,
            CASE WHEN k.expires_at IS NOT NULL THEN greatest(k.expires_at, now() + interval '1 second') END AS ends_at,
            coalesce(k.making_until > now(), false) AS "being_made!", u.deactivated_at IS NOT NULL AS "blocked!",
            withheld_models(k.team_id) AS "withheld!"
        FROM api_keys k JOIN users u ON u.id = k.owner_id
        WHERE k.id = $1 AND k.litellm_instance = $2 AND (k.litellm_state IN ('active', 'revoking')
            OR k.litellm_state = 'pending' AND k.making_until > now())"#,
        id.0,
        instance,
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let active = row.state == "active";
    Ok(Some(match (active, row.litellm_token) {
        _ if row.state == "pending" => KeyTruth::BeingMade,
        (true, Some(token)) => KeyTruth::Kept {
            token,
            blocked: row.blocked,
            change: Box::new(KeyChange {
                models: Some(without(row.models, &row.withheld)),
                max_budget: Some(row.max_budget.map(Money::trusted)),
                soft_budget: Some(row.soft_budget.map(Money::trusted)),
                budget_duration: Some(row.budget_duration.map(BudgetDuration::trusted)),
                tpm_limit: Some(row.tpm_limit),
                rpm_limit: Some(row.rpm_limit),
                tags: Some(row.tags),
                // LiteLLM takes no end that is past.
                expires: Some(row.ends_at),
                ..KeyChange::default()
            }),
        },
        (false, None) if row.being_made => KeyTruth::BeingMade,
        (_, token) => KeyTruth::Revoked {
            token,
            alias: row.alias,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn c15_a_list_that_loses_its_last_model_is_not_all_models() {
        let list = |models: &[&str]| models.iter().map(|&model| model.to_owned()).collect::<Vec<_>>();
        assert_eq!(without(list(&["a", "b"]), &list(&["b"])), ["a"]);
        assert_eq!(without(list(&["b"]), &list(&["b"])), ["no-default-models"]);
        assert!(without(list(&[]), &list(&["b"])).is_empty());
    }
}
