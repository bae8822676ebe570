//! Who is invited to a team and has no account yet.

use backend::members::invitations::{self, InvitationQuery};
use chrono::{DateTime, Utc};
use domain::{
    Permission,
    views::{Invitation, Page},
};
use leptos::prelude::*;

use super::{Place, Tab, page, page_under};
use crate::{actions::invitations::FORM, forms, icon::icon, ssr, ui};

/// The most addresses of a draft in the viewer's mail program: longer links are cut.
const MOST_MAILED: usize = 50;

/// `/admin/teams/{team}/members/invitations`.
pub fn invited() -> impl IntoView {
    page(page_under(Tab::Members, Some("Invitations"), async |ctx, place| {
        let state = forms::take(FORM).await;
        let query = InvitationQuery {
            cursor: ssr::query("cursor"),
            ..InvitationQuery::default()
        };
        let list = invitations::list(ctx, place.page.team.id, &query).await?;
        let bulk = format!("{}/bulk", place.tab(Tab::Members));
        let body = if list.items.is_empty() {
            let text =
                "Invite people who have no account yet where you add members; they join with their first sign-in.";
            ui::empty("inbox", "Nobody is invited", text, Some(("Add several", &bulk)))
        } else {
            view! { {how(place, &list)} {table(place, &list, ctx.now)} }.into_any()
        };
        Ok(view! { {ui::error_summary(&state)} {ui::refusal(state.refusal())} {body} }.into_any())
    }))
}

/// The line on the Members tab about those who have not come yet.
pub(super) fn notice(place: &Place, waiting: i64) -> Option<AnyView> {
    if waiting == 0 {
        return None;
    }
    let words = match waiting {
        1 => "1 person is invited".to_owned(),
        n => format!("{} people are invited", domain::cost::grouped(n.into())),
    };
    let href = format!("{}/invitations", place.tab(Tab::Members));
    let body =
        view! { <p>"They join with their first sign-in. "<a class="link" href=href>"See the invitations"</a></p> };
    Some(ui::callout("info", &words, body.into_any()))
}

/// What those who are invited have to do, and a way to tell them: Guildhall sends no mail.
fn how(place: &Place, list: &Page<Invitation>) -> AnyView {
    let visit = ssr::visit();
    let address = visit.site.public_url.clone();
    let door = if visit.backend.settings.signup_open {
        "They join with their first sign-in at "
    } else {
        "Strangers may not sign in here: a super admin creates their accounts, and then they join. The address is "
    };
    let mail = (list.items.len() <= MOST_MAILED && list.next.is_none()).then(|| {
        let to: Vec<&str> = list.items.iter().map(|invitation| invitation.email.as_str()).collect();
        let subject = format!("Your team {} is in Guildhall", place.page.team.name);
        let text = format!(
            "Sign in once at {address} and you are a member of the team {}.",
            place.page.team.name
        );
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("bcc", &to.join(","))
            .append_pair("subject", &subject)
            .append_pair("body", &text)
            .finish();
        // A mail program reads a plus as a plus.
        format!("mailto:?{}", query.replace('+', "%20"))
    });
    let body = view! {
        <p>{door} <a class="link" href=address.clone()>{address.clone()}</a>". Guildhall sends no mail: tell them."</p>
        {mail.map(|href| view! { <p><a class="link" href=href>"Write to all of them"</a></p> })}
    };
    ui::callout("info", "They wait for an account", body.into_any())
}

fn table(place: &Place, list: &Page<Invitation>, now: DateTime<Utc>) -> AnyView {
    let may = place.may_change(Permission::MembersManage);
    let rows = list
        .items
        .iter()
        .map(|invitation| row(place, invitation, may, now))
        .collect_view();
    let here = format!("{}/invitations", place.tab(Tab::Members));
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Invitations"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Address"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Invited"</th>
                        <th scope="col">"Ends"</th>
                        {may.then(|| view! { <th scope="col"><span class="visually-hidden">"Actions"</span></th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(list.items.len(), list.total, "invitation", list.previous.clone(), list.next.clone(), |cursor| {
            format!("{here}?cursor={cursor}")
        })}
    }
    .into_any()
}

fn row(place: &Place, invitation: &Invitation, may: bool, now: DateTime<Utc>) -> AnyView {
    let label = format!("Withdraw the invitation of {}", invitation.email);
    view! {
        <tr>
            <th scope="row" class="table__title">{invitation.email.clone()}</th>
            <td data-label="Role">{ui::role_badge(invitation.role)}</td>
            <td data-label="Invited">
                {ui::time_ago(invitation.invited_at, now)}
                {invitation.invited_by.clone().map(|by| view! { <small class="table__sub">"by "{by}</small> })}
            </td>
            <td data-label="Ends">{ui::time_ahead(invitation.expires_at, now)}</td>
            {may
                .then(|| {
                    view! {
                        <td class="table__actions">
                            <form method="post" action="/actions/members/withdraw">
                                {place.hidden()}
                                <input type="hidden" name="invitation" value=invitation.id.to_string() />
                                <button class="button button--small" aria-label=label>{icon("trash")}"Withdraw"</button>
                            </form>
                        </td>
                    }
                })}
        </tr>
    }
    .into_any()
}
