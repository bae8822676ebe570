//! The form for a new service.

use backend::services as rules;
use domain::{Permission, ServiceKind, Standing};
use leptos::prelude::*;

use super::fields;
use crate::{
    forms,
    layout::{Rendered, page},
    ssr::{self, Error},
    ui,
};

/// `/admin/services/new`.
pub fn new() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let catalogues = rules::catalogues(&mut ctx).await?;
        drop(ctx);
        let slug = ssr::query("organization");
        let catalogue = catalogues
            .iter()
            .filter(|catalogue| catalogue.may_change)
            .find(|catalogue| slug.as_ref().is_none_or(|slug| *slug == catalogue.slug))
            .ok_or_else(|| Error::Forbidden(Standing::default().refusal(Permission::TeamAdminister)))?;
        let list = format!("/admin/services?organization={}", catalogue.slug);
        let state = forms::take("create-service").await;
        let body = view! {
            {ui::page_header("Add service", None, Some(format!("To the catalogue of {}. No team may use it until it is allowed.", catalogue.name)), ().into_any())}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            <form class="card" method="post" action="/actions/services/create">
                <div class="card__body stack">
                    <input type="hidden" name="organization" value=catalogue.organization_id.to_string() />
                    <input type="hidden" name="slug" value=catalogue.slug.clone() />
                    {fields(&state, "", "", ServiceKind::Http, "", None)}
                </div>
                <footer class="card__footer">
                    <button class="button button--primary">"Add service"</button>
                    <a class="button" href=list.clone()>"Cancel"</a>
                </footer>
            </form>
        };
        Ok(Rendered::new("Add service", body).under("Services", list).narrow())
    })
}
