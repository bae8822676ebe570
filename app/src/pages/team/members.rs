//! Members: who, as what; add, change, remove.

use backend::members as rules;
use domain::{
    Permission, TeamRole, UserRef,
    views::{Member, Page},
};
use leptos::prelude::*;

use super::{Place, Tab, page, tab_page};
use crate::{
    forms::{self, FormState},
    icon::icon,
    ssr::{self, Code, Ctx, Error, Result},
    ui::{self, Confirm},
};

/// `/admin/teams/{team}/members`.
pub fn members() -> impl IntoView {
    page(tab_page(Tab::Members, async |ctx, place| {
        let cursor = ssr::query("cursor");
        let (_, list) = rules::list(ctx, place.page.team.id, cursor.as_deref(), 50).await?;
        let (dialog, refusal) = dialog(ctx, place).await?;
        let state = forms::take("add-member").await;
        let role_state = forms::take("change-role").await;
        let removal_state = forms::take("remove-member").await;
        let manages = place.may_change(Permission::MembersManage);
        let viewer = ctx.caller.user_id();
        let now = ctx.now;
        Ok(view! {
            {ui::refusal(role_state.refusal())}
            {ui::refusal(removal_state.refusal())}
            {refusal}
            {manages.then(|| add_form(place, &state))}
            {if list.items.is_empty() {
                ui::empty("user", "No members yet", "Add people by their email; they see the team at once.", None)
            } else {
                table(place, &list, manages, viewer, now)
            }}
            {dialog}
        }
        .into_any())
    }))
}

fn add_form(place: &Place, state: &FormState) -> AnyView {
    let role = state.value("role", "member");
    let error = state.error("user_id");
    view! {
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="add-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="add-title">"Add Member"</h2>
                    <p class="card__description">"Best are 5 to 20 members with 2 or 3 admins."</p>
                </div>
            </header>
            <form class="card__body inline-form" method="post" action="/actions/members/add">
                {place.hidden()}
                <div class="field">
                    <label class="field__label" for="user_id">"Email or user id"</label>
                    <input
                        class="input"
                        id="user_id"
                        name="user_id"
                        required
                        autocomplete="off"
                        placeholder="name@example.com"
                        value=state.value("user_id", "")
                        aria-invalid=error.is_some().then_some("true")
                        aria-describedby=error.is_some().then_some("user_id-error")
                    />
                    {error.map(|text| view! { <p class="field__error" id="user_id-error">{icon("error")}{text}</p> })}
                </div>
                <div class="field">
                    <label class="field__label" for="role">"Role"</label>
                    <select class="select" id="role" name="role">
                        <option value="member" selected=role == "member">"Member"</option>
                        <option value="admin" selected=role == "admin">"Admin"</option>
                    </select>
                </div>
                <button class="button button--primary">"Add Member"</button>
            </form>
        </section>
    }
    .into_any()
}

fn table(
    place: &Place,
    list: &Page<Member>,
    manages: bool,
    viewer: Option<domain::UserId>,
    now: chrono::DateTime<chrono::Utc>,
) -> AnyView {
    let shown = list.items.len();
    let base = place.tab(Tab::Members);
    let rows = list
        .items
        .iter()
        .map(|member| {
            let own = viewer == Some(member.user_id);
            view! {
                <tr class=member.deactivated.then_some("table__row--muted")>
                    <th scope="row" class="table__title">{ui::person(&member.email, member.display_name.as_deref())}</th>
                    <td class="table__state" data-label="Role">
                        {ui::role_badge(member.role)}
                        {member.deactivated.then(|| view! { " "<span class="badge badge--inactive">"Deactivated"</span> })}
                    </td>
                    <td data-label="Joined">{ui::time_ago(member.joined_at, now)}</td>
                    <td data-label="Added by" class="table__optional">
                        {ui::or_dash(member.added_by.as_deref())}
                    </td>
                    <td class="table__actions">{(manages || own).then(|| menu(place, member, manages, own))}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Members"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Person"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Joined"</th>
                        <th scope="col" class="table__optional">"Added by"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            shown,
            list.total,
            "member",
            list.previous.clone(),
            list.next.clone(),
            |cursor| format!("{base}?cursor={cursor}"),
        )}
    }
    .into_any()
}

fn menu(place: &Place, member: &Member, manages: bool, own: bool) -> AnyView {
    let (label, role) = match member.role {
        TeamRole::Admin => ("Make member", "member"),
        TeamRole::Member => ("Make team admin", "admin"),
    };
    let id = member.user_id.to_string();
    let remove = format!("{}?confirm=remove&user={id}", place.tab(Tab::Members));
    view! {
        <details class="menu" name="row-menu">
            <summary class="button button--icon button--ghost" aria-label=format!("Actions for {}", member.email)>{icon("more")}</summary>
            <div class="menu__list">
                {manages
                    .then(|| {
                        view! {
                            <form method="post" action="/actions/members/role">
                                {place.hidden()}
                                <input type="hidden" name="user_id" value=id />
                                <input type="hidden" name="role" value=role />
                                <button class="menu__item">{label}</button>
                            </form>
                            <hr />
                        }
                    })}
                <a class="menu__item menu__item--danger" href=remove>{if own { "Leave team…" } else { "Remove…" }}</a>
            </div>
        </details>
    }
    .into_any()
}

/// The question before someone is removed, with what goes; or why it can not be asked.
async fn dialog(ctx: &mut Ctx, place: &Place) -> Result<(Option<AnyView>, Option<AnyView>)> {
    if ssr::query("confirm").as_deref() != Some("remove") {
        return Ok((None, None));
    }
    let Some(user) = ssr::query("user").and_then(|id| UserRef::parse("user", &id).ok()) else {
        return Ok((None, None));
    };
    let own = ctx.caller.user_id().map(UserRef::Id).as_ref() == Some(&user);
    let effects = match rules::preview_removal(ctx, place.page.team.id, &user).await {
        Ok(effects) => effects,
        Err(error @ (Error::Forbidden(_) | Error::Refused(Code::NotFound, _))) => {
            return Ok((None, ui::refusal(Some(&error.detail()))));
        }
        Err(error) => return Err(error),
    };
    let team = &place.page.team.name;
    let mut fields = place.fields();
    fields.push(("user_id", user.to_string()));
    let (title, button) = if own {
        (format!("Leave {team}?"), "Leave team")
    } else {
        (format!("Remove {} from {team}?", effects.email), "Remove member")
    };
    let dialog = ui::confirm(Confirm {
        id: "remove-member",
        title,
        text: "Access to the team ends at once. Coming back needs being added to the team and to its projects again."
            .to_owned(),
        consequences: vec![
            (
                format!("Removes {}", ui::plural(effects.project_roles, "project role")),
                effects.project_roles > 0,
            ),
            (
                format!("Leaves {} running", ui::plural(effects.runners, "runner")),
                false,
            ),
        ],
        action: "/actions/members/remove",
        fields,
        input: None,
        button,
        danger: true,
        cancel: place.tab(Tab::Members),
    });
    Ok((Some(dialog), None))
}
