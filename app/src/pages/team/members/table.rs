//! The table of members.

use std::collections::BTreeMap;

use backend::objects::Source;
use chrono::{DateTime, Utc};
use domain::{
    MembershipSource, TeamRole, UserId,
    views::{Member, Page},
};
use leptos::prelude::*;

use super::{Address, Place, declared};
use crate::{icon::icon, ui};

/// Who looks, and what that lets them see and do.
pub(super) struct Viewer {
    pub(super) id: Option<UserId>,
    pub(super) manages: bool,
    /// From the Default Team to others.
    pub(super) moves: bool,
    /// Whether it is the Default Team, which nobody leaves.
    pub(super) keeps: bool,
    pub(super) sees_last_use: bool,
    /// Whether the members' accounts are open to the viewer.
    pub(super) sees_accounts: bool,
    pub(super) now: DateTime<Utc>,
}

pub(super) fn table(
    place: &Place,
    list: &Page<Member>,
    viewer: &Viewer,
    declared: &BTreeMap<UserId, Source>,
    address: &Address,
) -> AnyView {
    let shown = list.items.len();
    let has_ends = list
        .items
        .iter()
        .any(|member| member.expires_at.is_some() || member.admin_until.is_some());
    let rows = list
        .items
        .iter()
        .map(|member| {
            let source = declared.get(&member.user_id);
            row(place, member, source, viewer, has_ends, address)
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Members"</caption>
                <thead>
                    <tr>
                        {viewer
                            .moves
                            .then(ui::select_all)}
                        <th scope="col">"Person"</th>
                        <th scope="col">"Role"</th>
                        {has_ends.then(|| view! { <th scope="col">"Ends"</th> })}
                        <th scope="col">"Joined"</th>
                        <th scope="col" class="table__optional">"Added by"</th>
                        {viewer.sees_last_use.then(|| view! { <th scope="col">"Last seen"</th> })}
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
            |cursor| address.at(cursor),
        )}
    }
    .into_any()
}

fn row(
    place: &Place,
    member: &Member,
    source: Option<&Source>,
    viewer: &Viewer,
    has_ends: bool,
    address: &Address,
) -> AnyView {
    let own = viewer.id == Some(member.user_id);
    let acts = viewer.manages || (own && !viewer.keeps);
    let account = viewer.sees_accounts.then(|| format!("/admin/users/{}", member.user_id));
    let select = viewer.moves.then(|| {
        let label = format!("Select {}", member.email);
        view! {
            <td class="table__check">
                {(!member.deactivated)
                    .then(|| {
                        let id = member.user_id.to_string();
                        view! { <input type="checkbox" name="user" form="selected" value=id aria-label=label /> }
                    })}
            </td>
        }
    });
    view! {
        <tr class=member.deactivated.then_some("table__row--muted")>
            {select}
            <th scope="row" class="table__title">{ui::person_linked(&member.email, member.display_name.as_deref(), account)}</th>
            <td class="table__state" data-label="Role">
                {ui::role_badge(member.role)}
                {member.deactivated.then(|| view! { " "<span class="badge badge--inactive">"Deactivated"</span> })}
            </td>
            {has_ends.then(|| view! { <td data-label="Ends">{ends(member, viewer.now)}</td> })}
            <td data-label="Joined">
                {ui::time_ago(member.joined_at, viewer.now)} {source.map(|source| view! { " " {declared::mark(source)} })}
            </td>
            <td data-label="Added by" class="table__optional">{added_by(member, source.is_some())}</td>
            {viewer
                .sees_last_use
                .then(|| {
                    view! {
                        <td data-label="Last seen">
                            {match member.last_seen_at {
                                Some(at) => ui::time_ago(at, viewer.now),
                                None => view! { <span class="none">"never"</span> }.into_any(),
                            }}
                        </td>
                    }
                })}
            <td class="table__actions">
                {acts.then(|| menu(place, member, viewer.manages, own, address))}
                {(viewer.moves && !member.deactivated).then(|| super::moving::menu(member, address))}
            </td>
        </tr>
    }
    .into_any()
}

fn added_by(member: &Member, marked: bool) -> AnyView {
    let how = match member.source {
        MembershipSource::Manual => None,
        MembershipSource::Bulk => Some("from a list"),
        MembershipSource::Invitation => Some("by invitation"),
        MembershipSource::Idp => Some("by the directory"),
        // Marked already.
        MembershipSource::Declared if marked => None,
        MembershipSource::Declared => Some("declared"),
    };
    view! { {ui::or_dash(member.added_by.as_deref())} {how.map(|how| view! { <small class="table__sub">{how}</small> })} }
        .into_any()
}

/// When the role and the membership end.
fn ends(member: &Member, now: DateTime<Utc>) -> AnyView {
    let end = |what: &'static str, at: DateTime<Utc>| {
        view! { <span class="ends"><span class="muted">{what}" "</span>{until(at, now)}</span> }
    };
    match (member.admin_until, member.expires_at) {
        (None, None) => view! { <span class="none">"–"</span> }.into_any(),
        (admin, membership) => view! {
            {admin.map(|at| end("Admin until", at))}
            {membership.map(|at| end("Member until", at))}
        }
        .into_any(),
    }
}

/// A moment to come, as a distance while it is near.
fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> AnyView {
    let minutes = (at - now).num_minutes();
    let text = match minutes {
        ..1 => "now".to_owned(),
        1..60 => format!("in {}", ui::plural(minutes, "minute")),
        60..2_880 => format!("in {}", ui::plural(minutes / 60, "hour")),
        _ => ui::date(at),
    };
    view! { <time datetime=ui::machine(at) title=ui::moment(at)>{text}</time> }.into_any()
}

fn menu(place: &Place, member: &Member, manages: bool, own: bool, address: &Address) -> AnyView {
    let (label, role) = match member.role {
        TeamRole::Admin => ("Make member", "member"),
        TeamRole::Member => ("Make team admin", "admin"),
    };
    let id = member.user_id.to_string();
    let email: String = form_urlencoded::byte_serialize(member.email.as_bytes()).collect();
    let guide = format!("/admin/guide/leave?team={}&user={email}", place.page.team.id);
    let (edit, remove) = (address.asking("end", &id), address.asking("remove", &id));
    view! {
        <details class="menu" name="row-menu">
            <summary class="button button--icon button--ghost" aria-label=format!("Actions for {}", member.email)>{icon("more")}</summary>
            <div class="menu__list">
                {manages
                    .then(|| {
                        view! {
                            {if own && member.role == TeamRole::Admin {
                                view! { <a class="menu__item" href=address.asking("step-down", &id)>"Make member…"</a> }.into_any()
                            } else {
                                view! {
                                    <form method="post" action="/actions/members/role">
                                        {place.hidden()}
                                        <input type="hidden" name="user_id" value=id />
                                        <input type="hidden" name="role" value=role />
                                        <button class="menu__item">{label}</button>
                                    </form>
                                }
                                    .into_any()
                            }}
                            <a class="menu__item" href=edit>"Role and end…"</a>
                            {(!own).then(|| view! { <a class="menu__item" href=guide>"Leaving, step by step"</a> })}
                            <hr />
                        }
                    })}
                <a class="menu__item menu__item--danger" href=remove>{if own { "Leave team…" } else { "Remove…" }}</a>
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_is_to_come_reads_well() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let text = |delta: TimeDelta| until(now + delta, now).to_html();
        assert!(text(TimeDelta::seconds(20)).contains(">now<"));
        assert!(text(TimeDelta::minutes(59)).contains(">in 59 minutes<"));
        assert!(text(TimeDelta::hours(47)).contains(">in 47 hours<"));
        assert!(text(TimeDelta::days(3)).contains(">18 Jan 2027<"));
    }
}
