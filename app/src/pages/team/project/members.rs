//! Who has access to the project: assign, change, take out.

use backend::{projects::members as rules, users};
use chrono::{DateTime, Utc};
use domain::{
    ProjectRight, ProjectRole, UserId, UserRef,
    views::{Page, ProjectMember},
};
use leptos::prelude::*;

use super::Here;
use crate::{
    forms::{self, FormState},
    icon::icon,
    ssr::{self, Code, Ctx, Error, Result},
    ui::{self, Confirm, PersonChoice},
};

/// The list, with the form above it for those who may.
pub(super) async fn section(
    here: &Here<'_>,
    people: &Page<ProjectMember>,
    candidates: &[(String, Option<String>)],
    viewer: Option<UserId>,
    now: DateTime<Utc>,
) -> AnyView {
    let state = forms::take("assign-member").await;
    let change = forms::take("project-member").await;
    let manages = here.may_change(ProjectRight::ManageMembers);
    let rows = people
        .items
        .iter()
        .map(|member| row(here, member, manages, viewer, now))
        .collect_view();
    view! {
        {ui::refusal(state.refusal())}
        {ui::refusal(change.refusal())}
        <section class="card" id="members" aria-labelledby="members-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="members-title">"Members"</h2>
                    <p class="card__description">
                        "Project admins manage its members and keys. Team admins have access to every project."
                    </p>
                </div>
            </header>
            {manages.then(|| assign_form(here, candidates, &state))}
            <div class="card__body card__body--flush">
                {if people.items.is_empty() {
                    ui::empty("user", "Nobody is assigned yet", "Assign people of the team, so that they can have keys of this project.", None)
                } else {
                    view! {
                        <div class="table-wrap">
                            <table class="table">
                                <caption class="visually-hidden">"Project members"</caption>
                                <thead>
                                    <tr>
                                        <th scope="col">"Person"</th>
                                        <th scope="col">"Role"</th>
                                        <th scope="col">"Through the team"</th>
                                        <th scope="col" class="table__number">"Keys"</th>
                                        <th scope="col" class="table__optional">"Assigned"</th>
                                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                                    </tr>
                                </thead>
                                <tbody>{rows}</tbody>
                            </table>
                        </div>
                        {ui::pagination(people.items.len(), people.total, "member", people.previous.clone(), people.next.clone(), |cursor| {
                            format!("{}?members={cursor}#members", here.path)
                        })}
                    }
                        .into_any()
                }}
            </div>
        </section>
    }
    .into_any()
}

fn assign_form(here: &Here<'_>, candidates: &[(String, Option<String>)], state: &FormState) -> AnyView {
    let role = state.value("role", "member");
    view! {
        <form class="card__body inline-form" method="post" action="/actions/projects/members/set">
            {here.hidden()}
            {PersonChoice {
                name: "user_id",
                label: "Team member",
                people: candidates,
                all: candidates.len() < super::SUGGESTED,
                nobody: None,
                required: true,
                current: "",
            }
                .view(state)}
            <div class="field">
                <label class="field__label" for="role">"Role"</label>
                <select class="select" id="role" name="role">
                    <option value="member" selected=role == "member">"Member"</option>
                    <option value="admin" selected=role == "admin">"Project admin"</option>
                </select>
            </div>
            <button class="button button--primary">"Assign"</button>
        </form>
    }
    .into_any()
}

fn row(here: &Here<'_>, member: &ProjectMember, manages: bool, viewer: Option<UserId>, now: DateTime<Utc>) -> AnyView {
    let own = viewer == Some(member.user_id);
    let account = users::sees_accounts(&here.place.page.standing).then(|| format!("/admin/users/{}", member.user_id));
    let open = here.place.page.team.status != domain::TeamStatus::Archived;
    view! {
        <tr class=member.deactivated.then_some("table__row--muted")>
            <th scope="row" class="table__title">{ui::person_linked(&member.email, member.display_name.as_deref(), account)}</th>
            <td class="table__state" data-label="Role">
                {match member.role {
                    Some(ProjectRole::Admin) => view! { <span class="badge badge--role">"Project admin"</span> }.into_any(),
                    Some(ProjectRole::Member) => view! { <span class="badge badge--member">"Member"</span> }.into_any(),
                    None => view! { <span class="none">"–"</span> }.into_any(),
                }}
            </td>
            <td data-label="Through the team">
                {if member.deactivated {
                    view! { <span class="badge badge--inactive">"Deactivated"</span> }.into_any()
                } else if member.implicit {
                    view! { <span class="badge badge--info" title="Has access to every project of the team">"Team admin"</span> }
                        .into_any()
                } else {
                    ui::or_dash(None)
                }}
            </td>
            <td class="table__number" data-label="Keys">{member.keys}</td>
            <td class="table__optional" data-label="Assigned">
                {match member.added_at {
                    Some(at) => {
                        view! { {ui::time_ago(at, now)} {member.added_by.clone().map(|by| format!(" by {by}"))} }.into_any()
                    }
                    None => view! { <span class="none">"–"</span> }.into_any(),
                }}
            </td>
            <td class="table__actions">
                {member.role.filter(|_| open && (manages || own)).map(|role| menu(here, member, role, manages, own))}
            </td>
        </tr>
    }
    .into_any()
}

fn menu(here: &Here<'_>, member: &ProjectMember, role: ProjectRole, manages: bool, own: bool) -> AnyView {
    let (label, other) = match role {
        ProjectRole::Admin => ("Make member", "member"),
        ProjectRole::Member => ("Make project admin", "admin"),
    };
    let id = member.user_id.to_string();
    let remove = format!("{}?confirm=remove&user={id}", here.path);
    view! {
        <details class="menu" name="row-menu">
            <summary class="button button--icon button--ghost" aria-label=format!("Actions for {}", member.email)>{icon("more")}</summary>
            <div class="menu__list">
                {manages
                    .then(|| {
                        view! {
                            <form method="post" action="/actions/projects/members/set">
                                {here.hidden()}
                                <input type="hidden" name="user_id" value=id />
                                <input type="hidden" name="role" value=other />
                                <input type="hidden" name="from" value="menu" />
                                <button class="menu__item">{label}</button>
                            </form>
                            <hr />
                        }
                    })}
                <a class="menu__item menu__item--danger" href=remove>{if own { "Leave project…" } else { "Remove…" }}</a>
            </div>
        </details>
    }
    .into_any()
}

/// The question before someone is taken out, with what goes; or why it can not be asked.
pub(super) async fn dialog(ctx: &mut Ctx, here: &Here<'_>) -> Result<Option<AnyView>> {
    if ssr::query("confirm").as_deref() != Some("remove") {
        return Ok(None);
    }
    let Some(user) = ssr::query("user").and_then(|id| UserRef::parse("user", &id).ok()) else {
        return Ok(None);
    };
    let own = ctx.caller.user_id().map(UserRef::Id).as_ref() == Some(&user);
    let (team, project) = (here.place.page.team.id, &here.page.project);
    let effects = match rules::preview_removal(ctx, team, project.id, &user).await {
        Ok(effects) => effects,
        Err(error @ (Error::Forbidden(_) | Error::Refused(Code::NotFound | Code::WrongState, _))) => {
            return Ok(ui::refusal(Some(&forms::describe(&error))));
        }
        Err(error) => return Err(error),
    };
    let (title, button) = if own {
        (format!("Leave {}?", project.name), "Leave project")
    } else {
        (
            format!("Remove {} from {}?", effects.email, project.name),
            "Remove from project",
        )
    };
    let text = if effects.keeps_access {
        "Access stays, as an admin. Only the role in the project goes."
    } else {
        "Access to the project ends at once, and what uses the keys is refused."
    };
    let mut fields = here.fields();
    fields.push(("user_id", user.to_string()));
    Ok(Some(ui::confirm(Confirm {
        id: "remove-project-member",
        title,
        text: text.to_owned(),
        consequences: [
            ui::counted("Removes", 1, "project role", "", true),
            ui::counted("Revokes", effects.keys, "key", "", true),
            ui::counted("Leaves", effects.runners, "runner", " running", false),
        ]
        .into_iter()
        .flatten()
        .collect(),
        action: "/actions/projects/members/remove",
        fields,
        input: None,
        button,
        danger: true,
        cancel: here.path.clone(),
    })))
}
