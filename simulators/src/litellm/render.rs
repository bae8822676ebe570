//! How things look in answers. Fields that nobody reads are left out.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::answer::seconds;
use super::state::{SimulatedKey, SimulatedTeam, SimulatedUser, SimulatorState};

pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// When a budget starts anew.
fn reset(duration: Option<&String>, now: DateTime<Utc>) -> Value {
    let seconds = duration.and_then(|text| seconds(text));
    seconds.map_or(Value::Null, |seconds| json!(time(now + TimeDelta::seconds(seconds))))
}

impl SimulatorState {
    /// A team, flat.
    pub(super) fn team_json(&self, team: &SimulatedTeam) -> Value {
        let members = team.members.iter().map(|member| {
            let email = self.user(&member.user_id).and_then(|user| user.email.as_ref());
            json!({"user_id": member.user_id, "user_email": email, "role": member.role})
        });
        json!({
            "team_id": team.id,
            "team_alias": team.alias,
            "organization_id": team.organization_id,
            "admins": [],
            "members": [],
            "members_with_roles": members.collect::<Vec<_>>(),
            "metadata": team.metadata,
            "tpm_limit": team.tpm_limit,
            "rpm_limit": team.rpm_limit,
            "max_budget": team.max_budget,
            "budget_duration": team.budget_duration,
            "budget_reset_at": reset(team.budget_duration.as_ref(), team.created_at),
            "models": team.models,
            "blocked": team.blocked,
            "spend": team.spend,
            "created_at": time(team.created_at),
            "updated_at": time(self.now()),
        })
    }

    /// A team's memberships with their budgets. 1.101.6 lists only those that have one.
    pub(super) fn memberships_json(team: &SimulatedTeam, all: bool) -> Value {
        let members = team.members.iter().filter(|member| all || member.max_budget.is_some());
        let json = members.map(|member| {
            let budget = member.max_budget.map(
                |max_budget| json!({"budget_id": format!("{}-{}", team.id, member.user_id), "max_budget": max_budget}),
            );
            json!({
                "user_id": member.user_id,
                "team_id": team.id,
                "budget_id": budget.as_ref().map(|budget| budget["budget_id"].clone()),
                "spend": member.spend,
                "litellm_budget_table": budget,
            })
        });
        json.collect()
    }

    pub(super) fn user_json(&self, user: &SimulatedUser) -> Value {
        json!({
            "user_id": user.id,
            "user_alias": user.alias,
            "user_email": user.email,
            "user_role": user.role,
            "organization_id": null,
            "teams": user.teams,
            "models": user.models,
            "max_budget": user.max_budget,
            "spend": user.spend,
            "metadata": user.metadata,
            "tpm_limit": user.tpm_limit,
            "rpm_limit": user.rpm_limit,
            "budget_duration": user.budget_duration,
            "budget_reset_at": reset(user.budget_duration.as_ref(), user.created_at),
            "created_at": time(user.created_at),
            "updated_at": time(self.now()),
        })
    }

    pub(super) fn key_json(&self, key: &SimulatedKey) -> Value {
        let organization = key
            .team_id
            .as_ref()
            .and_then(|team| self.team(team)?.organization_id.clone());
        json!({
            "token": key.token,
            "key_name": key.masked,
            "key_alias": key.alias,
            "user_id": key.user_id,
            "team_id": key.team_id,
            "organization_id": organization,
            "models": key.models,
            "max_budget": key.max_budget,
            "budget_duration": key.budget_duration,
            "budget_reset_at": reset(key.budget_duration.as_ref(), key.created_at),
            "tpm_limit": key.tpm_limit,
            "rpm_limit": key.rpm_limit,
            "metadata": key.metadata,
            "blocked": if key.blocked { json!(true) } else { Value::Null },
            "expires": key.expires.map(time),
            "spend": key.spend,
            "created_at": time(key.created_at),
            "created_by": super::state::PROXY_USER,
            "updated_at": time(self.now()),
            "updated_by": super::state::PROXY_USER,
        })
    }
}
