//! `/admin/identity-links`: what being in a group of the company's directory gives here.

mod list;
mod new;
mod one;
mod settings;

use domain::{
    directory::{Gives, InstallationRole, Mode},
    views::IdentityLink,
};
use leptos::prelude::*;
pub use list::page as list;
pub use new::page as new;
pub use one::page as one;
pub use settings::page as settings;

/// The list.
pub const PAGE: &str = "/admin/identity-links";
/// The form of a new link, in the session.
pub const NEW: &str = "identity-link";
/// The forms of one link.
pub const ONE: &str = "identity-link-change";
/// The settings of Entra groups.
pub const SETTINGS: &str = "/admin/settings/entra";
/// Their form.
pub const SETTINGS_FORM: &str = "entra-settings";

/// The page of a link.
pub fn link_page(id: &str) -> String {
    format!("{PAGE}/{id}")
}

/// What a link gives, in words.
fn gives(link: &IdentityLink) -> String {
    match link.gives {
        Gives::Team(_, _, role) => {
            let role = if role == domain::TeamRole::Admin {
                "Admin"
            } else {
                "Member"
            };
            format!("{role} of {}", link.team_name.as_deref().unwrap_or("a team"))
        }
        Gives::Organization(_, role) => {
            let name = link
                .organization
                .as_ref()
                .map_or("an organization", |(name, _)| name.as_str());
            format!("{} of {name}", super::organizations::role_name(role))
        }
        Gives::Installation(InstallationRole::SuperAdmin) => "Super admin of the installation".to_owned(),
        Gives::Installation(InstallationRole::Auditor) => "Auditor of the installation".to_owned(),
    }
}

/// Where what it gives is shown.
fn place(link: &IdentityLink) -> Option<String> {
    match link.gives {
        Gives::Team(_, team, _) => Some(format!("/admin/teams/{team}/members")),
        Gives::Organization(id, _) => Some(format!("/admin/organizations/{id}/people")),
        Gives::Installation(_) => None,
    }
}

fn mode_badge(mode: Mode) -> AnyView {
    match mode {
        Mode::Additive => view! {
            <span class="badge badge--member" title="It never takes anything away.">"Additive"</span>
        }
        .into_any(),
        Mode::Authoritative => view! {
            <span class="badge badge--role" title="Who leaves the group loses what the link gave.">"Authoritative"</span>
        }
        .into_any(),
    }
}

/// The one thing that somebody should know of a link's state.
fn state_badge(link: &IdentityLink) -> AnyView {
    let (class, words, title) = if link.held_at.is_some() {
        (
            "badge badge--warning",
            "Waits for you",
            "Removals wait for confirmation.",
        )
    } else if link.missing_since.is_some() {
        (
            "badge badge--failed",
            "Group not found",
            "The directory has no such group any more.",
        )
    } else if link.failed.is_some() {
        (
            "badge badge--failed",
            "Directory failed",
            "The directory could not be read.",
        )
    } else if link.checked_at.is_none() && link.members == 0 {
        (
            "badge badge--pending",
            "Nobody yet",
            "Nobody of the group has come yet.",
        )
    } else {
        ("badge badge--active", "In sync", "")
    };
    view! { <span class=class title=(!title.is_empty()).then_some(title)>{words}</span> }.into_any()
}
