//! `/admin/organizations`: the list, the form for a new one, and each with its tabs under one header.

mod detail;
pub(crate) mod directory;
mod domains;
mod list;
mod new;
mod overview;
mod people;
mod services;
mod settings;
mod teams;

use detail::{Place, Tab, tab_page};
pub use directory::directory;
use domain::OrgRole;
pub use domains::domains;
use leptos::prelude::*;
pub use list::list;
pub use new::new;
pub use overview::overview;
pub use people::people;
pub use services::services;
pub use settings::settings;
pub use teams::teams;

/// What a role in an organization is called.
pub(crate) fn role_name(role: OrgRole) -> &'static str {
    match role {
        OrgRole::OrgAdmin => "Organization admin",
        OrgRole::OrgMember => "Member",
        OrgRole::Auditor => "Auditor",
    }
}

/// A badge of a role in an organization.
fn role_badge(role: OrgRole) -> AnyView {
    let class = match role {
        OrgRole::OrgAdmin => "badge badge--role",
        OrgRole::OrgMember => "badge badge--member",
        OrgRole::Auditor => "badge badge--info",
    };
    view! { <span class=class>{role_name(role)}</span> }.into_any()
}
