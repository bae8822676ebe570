//! The services of one organization.

use backend::services as rules;
use domain::Permission;
use leptos::prelude::*;

use super::{Tab, tab_page};
use crate::{layout::page, pages::services};

/// `/admin/organizations/{organization}/services`.
pub fn services() -> impl IntoView {
    page(tab_page(Tab::Services, async |ctx, place| {
        let organization = &place.page.organization;
        let found = rules::list(ctx, organization.id).await?;
        let changes = place.may(Permission::TeamAdminister);
        // An empty catalogue offers the same below, and the page's one primary action is another.
        let add = (changes && !found.is_empty()).then(|| services::add_button(&organization.slug, false));
        Ok(view! {
            <div class="toolbar">
                <p class="muted">"A team may use only those that its policy allows, each for a reason."</p>
                <span class="toolbar__end">{add}</span>
            </div>
            {services::catalogue_of(&organization.slug, &found, changes)}
        }
        .into_any())
    }))
}
