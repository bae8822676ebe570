//! The questions before a member is removed, and about the member's role and end.

use backend::members as rules;
use chrono::{DateTime, Utc};
use domain::{
    Permission, Standing, TeamRole, UserRef,
    views::{Member, RemovalEffects},
};
use leptos::prelude::*;

use super::{Address, Place, ui};
use crate::{
    forms::{self, FormState},
    ssr::{self, Code, Ctx, Error, Result},
    ui::{Confirm, Field, error_line},
};

/// What the address asks, or why it can not be asked.
pub(super) async fn asked(
    ctx: &mut Ctx,
    place: &Place,
    address: &Address,
) -> Result<(Option<AnyView>, Option<AnyView>)> {
    let Some(user) = ssr::query("user").and_then(|id| UserRef::parse("user", &id).ok()) else {
        return Ok((None, None));
    };
    let asked = match ssr::query("confirm").as_deref() {
        Some("remove") => removal(ctx, place, address, &user).await,
        Some("step-down") if place.page.standing.team == Some(TeamRole::Admin) => Ok(step_down(ctx, place, address)),
        Some("end") if place.may_change(Permission::MembersManage) => end(ctx, place, address, &user).await,
        _ => return Ok((None, None)),
    };
    match asked {
        Ok(dialog) => Ok((Some(dialog), None)),
        Err(error @ (Error::Forbidden(_) | Error::Refused(Code::NotFound, _))) => {
            Ok((None, ui::refusal(Some(&forms::describe(&error)))))
        }
        Err(error) => Err(error),
    }
}

/// The question before someone is removed, with what goes.
async fn removal(ctx: &mut Ctx, place: &Place, address: &Address, user: &UserRef) -> Result<AnyView> {
    let own = ctx.caller.user_id().map(UserRef::Id).as_ref() == Some(user);
    let effects = rules::preview_removal(ctx, place.page.team.id, user).await?;
    let team = &place.page.team.name;
    let mut fields = place.fields();
    fields.push(("user_id", user.to_string()));
    let (title, button) = if own {
        (format!("Leave {team}?"), "Leave team")
    } else {
        (format!("Remove {} from {team}?", effects.email), "Remove member")
    };
    Ok(ui::confirm(Confirm {
        id: "remove-member",
        title,
        text: "Access to the team ends at once. Coming back needs being added to the team and to its projects again."
            .to_owned(),
        consequences: [
            ui::counted("Removes", effects.project_roles, "project role", "", true),
            ui::counted("Revokes", effects.keys, "key", "", true),
            ui::counted("Leaves", effects.runners, "runner", " running", false),
        ]
        .into_iter()
        .flatten()
        .collect(),
        action: "/actions/members/remove",
        fields,
        input: runners(place, &effects),
        button,
        danger: true,
        cancel: address.here(),
    }))
}

/// The question before somebody takes their own admin role away: who has no other role here cannot give it back.
fn step_down(ctx: &Ctx, place: &Place, address: &Address) -> AnyView {
    let mut fields = place.fields();
    fields.push((
        "user_id",
        ctx.caller.user_id().map(|id| id.to_string()).unwrap_or_default(),
    ));
    fields.push(("role", TeamRole::Member.as_str().to_owned()));
    let otherwise = Standing {
        team: None,
        ..place.page.standing
    };
    ui::confirm(Confirm {
        id: "step-down",
        title: format!("Give up your admin role in {}?", place.page.team.name),
        text: if otherwise.may(Permission::MembersManage) {
            "You stay a member. Your other role lets you manage the team all the same."
        } else {
            "You stay a member. Only another admin of the team or of its organization can make you an admin again."
        }
        .to_owned(),
        consequences: Vec::new(),
        action: "/actions/members/role",
        fields,
        input: None,
        button: "Make me a member",
        danger: true,
        cancel: address.here(),
    })
}

/// The runners that stay, by name: whoever removes their owner decides about them (SPEC X12).
fn runners(place: &Place, effects: &RemovalEffects) -> Option<AnyView> {
    if effects.runners == 0 {
        return None;
    }
    let shown = i64::try_from(effects.runner_names.len()).unwrap_or(i64::MAX);
    let more = effects.runners - shown;
    let names = effects
        .runner_names
        .iter()
        .map(|name| view! { <li><code>{name.clone()}</code></li> })
        .collect_view();
    let href = format!("/runners?team={}", place.page.team.id);
    let stays = if effects.runners == 1 {
        "This runner keeps running and counts against the quota. A team admin can end it under "
    } else {
        "These runners keep running and count against the quota. A team admin can end them under "
    };
    Some(
        view! {
            <div class="left-running">
                <p>{stays}<a class="link" href=href>"the team's runners"</a>"."</p>
                <ul class="chips" aria-label="Runners that stay">
                    {names} {(more > 0).then(|| view! { <li>{format!("and {more} more")}</li> })}
                </ul>
            </div>
        }
        .into_any(),
    )
}

/// The form for role and ends.
async fn end(ctx: &mut Ctx, place: &Place, address: &Address, user: &UserRef) -> Result<AnyView> {
    let member = rules::find(ctx, place.page.team.id, user).await?;
    let state = forms::take("member-end").await;
    let mut fields = place.fields();
    fields.push(("user_id", member.user_id.to_string()));
    Ok(ui::confirm(Confirm {
        id: "member-end",
        title: format!(
            "Role, end and limits of {}",
            member.display_name.as_deref().unwrap_or(&member.email)
        ),
        text: "Access ends by itself at the time you set. At least one admin keeps a role without an end.".to_owned(),
        consequences: Vec::new(),
        action: "/actions/members/end",
        fields,
        input: Some(inputs(&member, &state)),
        button: "Save Changes",
        danger: false,
        cancel: address.here(),
    }))
}

fn inputs(member: &Member, state: &FormState) -> AnyView {
    let role = state.value("role", member.role.as_str());
    let current = |at: Option<DateTime<Utc>>| at.map(field_value).unwrap_or_default();
    view! {
        {ui::refusal(state.refusal())}
        <div class="field field--short">
            <label class="field__label" for="new-role">"Role"</label>
            <select class="select" id="new-role" name="role" autofocus>
                {[TeamRole::Member, TeamRole::Admin]
                    .map(|choice| {
                        let label = match choice {
                            TeamRole::Member => "Member",
                            TeamRole::Admin => "Admin",
                        };
                        view! { <option value=choice.as_str() selected=role == choice.as_str()>{label}</option> }
                    })
                    .collect_view()}
            </select>
        </div>
        {end_input(state, "admin_until", "new-admin_until", "Admin until", &current(member.admin_until))}
        {end_input(state, "expires_at", "new-expires_at", "Membership ends", &current(member.expires_at))}
        {limits(member, state)}
    }
    .into_any()
}

/// What the member may spend in the team, and how fast.
fn limits(member: &Member, state: &FormState) -> AnyView {
    let number = |limit: Option<i64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let budget = member
        .limits
        .max_budget
        .map(|amount| amount.to_string())
        .unwrap_or_default();
    let field = |name: &'static str, label: &'static str, hint: &'static str, current: &str| {
        Field {
            name,
            label,
            hint,
            current,
            ..Field::default()
        }
        .view(state)
    };
    view! {
        {field("max_budget_in_team", "Budget in the team", "US dollars for one period of the team's budget. Leave empty to use the team's.", &budget)}
        <div class="field-row">
            {field("tpm_limit", "Tokens per minute", "Leave empty to use the team's.", &number(member.limits.tpm_limit))}
            {field("rpm_limit", "Requests per minute", "Leave empty to use the team's.", &number(member.limits.rpm_limit))}
        </div>
    }
    .into_any()
}

/// A moment as a browser's field of date and time takes it, in UTC.
fn field_value(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M").to_string()
}

/// A field for an end, under the field's own name.
pub(super) fn end_field(state: &FormState, name: &'static str, label: &'static str, current: &str) -> AnyView {
    end_input(state, name, name, label, current)
}

fn end_input(state: &FormState, name: &'static str, id: &'static str, label: &'static str, current: &str) -> AnyView {
    let error = state.error(name);
    let described = if error.is_some() {
        format!("{id}-hint {id}-error")
    } else {
        format!("{id}-hint")
    };
    view! {
        <div class="field field--medium">
            <label class="field__label" for=id>{label}" "<span class="field__mark">"optional"</span></label>
            <input
                class="input"
                id=id
                name=name
                type="datetime-local"
                autocomplete="off"
                value=state.value(name, current)
                aria-invalid=error.is_some().then_some("true")
                aria-describedby=described
            />
            <p class="field__hint" id=format!("{id}-hint")>"UTC. Leave empty for no end."</p>
            {error_line(id, error)}
        </div>
    }
    .into_any()
}
