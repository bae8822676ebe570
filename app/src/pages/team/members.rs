//! Members: who, as what, until when; add, change, remove.

mod address;
mod bulk;
mod dialogs;
mod invitations;
mod moving;
mod table;

use address::Address;
use backend::{members as rules, objects, users};
pub use bulk::bulk;
use domain::{Permission, views::MemberCounts};
pub use invitations::invited;
use leptos::prelude::*;
pub(crate) use moving::MOVE;

use super::{Place, Tab, declared, page, page_under, tab_page};
use crate::{
    forms::{self, FormState},
    icon::icon,
    roster::thousands,
    ui,
};

/// `/admin/teams/{team}/members`.
pub fn members() -> impl IntoView {
    page(tab_page(Tab::Members, async |ctx, place| {
        let address = Address::read(place);
        let team = place.page.team.id;
        let (_, list) = rules::list(ctx, team, &address.query()?).await?;
        let manages = place.may_change(Permission::MembersManage);
        let (counts, waiting) = if manages {
            let waiting = rules::invitations::count(ctx, team).await?;
            (Some(rules::counts(ctx, team).await?), waiting)
        } else {
            (None, 0)
        };
        let moves = place.page.team.is_system && place.page.standing.may(Permission::MembersManage);
        let (dialog, refusal) = if moves {
            moving::asked(ctx, place, &address).await?
        } else {
            dialogs::asked(ctx, place, &address).await?
        };
        let state = forms::take("add-member").await;
        let role_state = forms::take("change-role").await;
        let removal_state = forms::take("remove-member").await;
        let notice = declared::notice(ctx, place).await?;
        let people: Vec<_> = list.items.iter().map(|member| member.user_id).collect();
        let declared = objects::declared_members(ctx, team, &people).await?;
        let viewer = table::Viewer {
            id: ctx.caller.user_id(),
            manages,
            moves,
            keeps: place.page.team.is_system,
            sees_last_use: rules::sees_last_use(&place.page),
            sees_accounts: users::sees_accounts(&place.page.standing),
            now: ctx.now,
        };
        Ok(view! {
            {notice}
            {ui::refusal(role_state.refusal())}
            {ui::refusal(removal_state.refusal())}
            {refusal}
            {manages.then(|| add_form(place, &state))}
            {invitations::notice(place, waiting)}
            {counts.and_then(|counts| hints(&counts, &address))}
            {address.toolbar(viewer.sees_last_use)}
            {(moves && !list.items.is_empty()).then(|| moving::bulk(&address))}
            {if list.items.is_empty() { empty(&address) } else { table::table(place, &list, &viewer, &declared, &address) }}
            {dialog}
        }
        .into_any())
    }))
}

fn empty(address: &Address) -> AnyView {
    if address.is_filtered() {
        return ui::empty(
            "search",
            "Nobody fits",
            "No member of the team fits this search and these filters.",
            Some(("Show all members", &address.all())),
        );
    }
    ui::empty(
        "user",
        "No members yet",
        "Add people by their email; they see the team at once.",
        None,
    )
}

/// What a review would ask about (SPEC D9).
fn hints(counts: &MemberCounts, address: &Address) -> Option<AnyView> {
    let number = |n: i64| thousands(usize::try_from(n).unwrap_or_default());
    let mut hints = Vec::new();
    if counts.members > 20 {
        let members = number(counts.members);
        hints.push(format!("The team has {members} members. Teams of 5 to 20 are easier to oversee.").into_any());
    }
    if counts.admins > 3 {
        hints.push(format!("The team has {} admins. Best are 2 or 3.", number(counts.admins)).into_any());
    } else if counts.admins == 1 && counts.members > 1 {
        hints.push("The team has one admin only. A second one can act when the first is away.".into_any());
    }
    if counts.stale > 0 {
        let text = if counts.stale == 1 {
            "1 member has not been seen for 90 days.".to_owned()
        } else {
            format!("{} members have not been seen for 90 days.", number(counts.stale))
        };
        let link = (!address.stale).then(|| view! { " "<a href=address.stale_only()>"Show them"</a> });
        hints.push(view! { {text} " Review membership quarterly." {link} }.into_any());
    }
    if hints.is_empty() {
        return None;
    }
    let list = hints.into_iter().map(|hint| view! { <li>{hint}</li> }).collect_view();
    Some(ui::callout(
        "info",
        "Worth a look",
        view! { <ul class="hints">{list}</ul> }.into_any(),
    ))
}

fn add_form(place: &Place, state: &FormState) -> AnyView {
    let role = state.value("role", "member");
    let error = state.error("user_id");
    let bulk = format!("{}/bulk", place.tab(Tab::Members));
    let review = format!("/admin/access-reviews/new?team={}", place.page.team.id);
    let ends = ["expires_at", "admin_until"];
    let open = ends
        .iter()
        .any(|name| !state.value(name, "").is_empty() || state.error(name).is_some());
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="add-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="add-title">"Add Member"</h2>
                    <p class="card__description">"Recommended: 5 to 20 members, 2 or 3 of them admins."</p>
                </div>
                <div class="card__actions">
                    {(!place.page.team.is_system)
                        .then(|| view! { <a class="button button--small" href=review>"Start an access review"</a> })}
                    <a class="button button--small" href=bulk>"Add several"</a>
                </div>
            </header>
            <form class="card__body stack" method="post" action="/actions/members/add" data-busy="">
                {place.hidden()}
                <div class="inline-form">
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
                    <div class="field field--short">
                        <label class="field__label" for="role">"Role"</label>
                        <select class="select" id="role" name="role">
                            <option value="member" selected=role == "member">"Member"</option>
                            <option value="admin" selected=role == "admin">"Admin"</option>
                        </select>
                    </div>
                    <button class="button button--primary">"Add Member"</button>
                </div>
                <div class="check">
                    <input type="checkbox" id="invite" name="invite" value="yes" checked=state.value("invite", "") == "yes" />
                    <label for="invite">
                        "Invite if there is no account yet"
                        <span class="check__hint">"The person joins with the first sign-in. The invitation ends after 30 days."</span>
                    </label>
                </div>
                <details class="more" open=open>
                    <summary>"For a time only"</summary>
                    <div class="field-row">
                        {dialogs::end_field(state, "expires_at", "Membership ends", "")}
                        {dialogs::end_field(state, "admin_until", "Admin until", "")}
                    </div>
                </details>
            </form>
        </section>
    }
    .into_any()
}
