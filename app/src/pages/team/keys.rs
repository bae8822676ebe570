//! The Keys tab.

use leptos::prelude::*;

use super::{Tab, tab_page};
use crate::{layout::page, pages};

/// `/admin/teams/{team}/keys`.
pub fn keys() -> impl IntoView {
    page(tab_page(Tab::Keys, async |ctx, place| {
        pages::keys::team_keys(ctx, &place.page, &place.path).await
    }))
}
