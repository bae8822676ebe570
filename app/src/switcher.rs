//! The organizations of someone who has several, on top of the navigation.

use backend::Principal;
use domain::views::OwnOrganization;
use leptos::prelude::*;

use crate::{icon::icon, pages::organizations::role_name, ssr, ui};

/// Whether there is something to choose from: not for someone who has one organization or none.
pub fn is_for(principal: &Principal) -> bool {
    principal.organizations.len() > 1
}

/// The menu, with the organization that the page is about on its face.
pub fn view(own: &[OwnOrganization]) -> Option<AnyView> {
    if own.is_empty() {
        return None;
    }
    let path = ssr::path();
    let shown = path
        .strip_prefix("/admin/organizations/")
        .and_then(|rest| rest.split('/').next())
        .map(str::to_owned)
        .or_else(|| ssr::query("organization"));
    let current = shown.and_then(|key| {
        own.iter()
            .find(|organization| organization.slug == key || organization.id.to_string() == key)
    });
    let (name, role) = current.map_or_else(
        || ("Your organizations".to_owned(), ui::plural(count(own), "organization")),
        |organization| (organization.name.clone(), role_name(organization.role).to_owned()),
    );
    let links = own
        .iter()
        .map(|organization| {
            let here = current == Some(organization);
            view! {
                <a
                    class="menu__item"
                    href=format!("/admin/organizations/{}", organization.slug)
                    aria-current=here.then_some("true")
                >
                    {icon(if here { "check" } else { "building" })}
                    {organization.name.clone()}
                </a>
            }
        })
        .collect_view();
    Some(
        view! {
            <details class="org-menu menu">
                <summary class="org">
                    <span class="avatar avatar--square" aria-hidden="true">{ui::initials(&name)}</span>
                    <span class="org__text">
                        <span class="org__name">{name}</span>
                        <span class="org__role">{role}</span>
                    </span>
                    {icon("chevrons")}
                </summary>
                <div class="menu__list">{links}</div>
            </details>
        }
        .into_any(),
    )
}

fn count(own: &[OwnOrganization]) -> i64 {
    i64::try_from(own.len()).unwrap_or(i64::MAX)
}
