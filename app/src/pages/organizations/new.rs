//! The form for a new organization.

use domain::{Permission, Standing};
use leptos::prelude::*;

use crate::{
    forms,
    layout::{Rendered, page},
    ssr::{self, Caller, Error},
    ui::{self, Field},
};

/// `/admin/organizations/new`.
pub fn new() -> impl IntoView {
    page(async {
        let ctx = ssr::read().await?;
        let creates = matches!(&ctx.caller, Caller::Person(person, _) if person.super_admin);
        drop(ctx);
        if !creates {
            return Err(Error::Forbidden(
                Standing::default().refusal(Permission::InstallationManage),
            ));
        }
        let state = forms::take("create-organization").await;
        let header = ui::page_header(
            "Create organization",
            None,
            Some("It holds teams and people. Its ceilings can be set afterwards.".to_owned()),
            ().into_any(),
        );
        let body = view! {
            {header}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            <form class="card" method="post" action="/actions/organizations/create">
                <div class="card__body stack">
                    {Field {
                        name: "name",
                        label: "Name",
                        hint: "2 to 50 characters.",
                        required: true,
                        placeholder: "Acme Corporation",
                        autofocus: true,
                        ..Field::default()
                    }
                        .view(&state)}
                    {Field {
                        name: "slug",
                        label: "Short name",
                        hint: "For addresses and Kubernetes namespaces. Leave empty to make it from the name.",
                        placeholder: "acme",
                        ..Field::default()
                    }
                        .view(&state)}
                    {Field {
                        name: "domains",
                        label: "Email domains",
                        hint: "Comma-separated; they count as verified by your word. Without any, anyone can be added.",
                        placeholder: "acme.example",
                        ..Field::default()
                    }
                        .view(&state)}
                    {Field {
                        name: "max_runners",
                        label: "Max runners",
                        hint: "How many runners all its teams may have together. Leave empty for no limit.",
                        kind: "number",
                        ..Field::default()
                    }
                        .view(&state)}
                </div>
                <footer class="card__footer">
                    <button class="button button--primary">"Create organization"</button>
                    <a class="button" href="/admin/organizations">"Cancel"</a>
                </footer>
            </form>
        };
        Ok(Rendered::new("Create organization", body)
            .under("Organizations", "/admin/organizations")
            .narrow())
    })
}
