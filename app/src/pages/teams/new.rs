//! The form for a new team.

use backend::organizations;
use leptos::prelude::*;

use crate::{
    forms,
    islands::LabelTester,
    layout::{Rendered, page},
    ssr::{self, Error},
    ui::{self, Field},
};

/// `/admin/teams/new`.
pub fn new() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let organizations = organizations::administered(&mut ctx).await?;
        if organizations.is_empty() {
            let refusal = domain::Standing::default().refusal(domain::Permission::TeamAdminister);
            return Err(Error::Forbidden(refusal));
        }
        let state = forms::take("create-team").await;
        let chosen = state.value("organization_id", &ssr::query("organization").unwrap_or_default());
        let shown = organizations.iter().find(|(id, _)| id.to_string() == chosen);
        let shown = shown.or(organizations.first()).map(|(id, _)| *id);
        let joins = match shown {
            Some(id) => organizations::takes_in_caller(&mut ctx, id).await?,
            None => false,
        };
        drop(ctx);
        let options = organizations
            .iter()
            .map(|(id, name)| {
                let id = id.to_string();
                let selected = chosen == id;
                view! { <option value=id selected=selected>{name.clone()}</option> }
            })
            .collect_view();
        let only = (organizations.len() == 1).then(|| organizations[0].0.to_string());
        // Ticked at first, by whoever may join the team; as it was sent, when the form comes back.
        let sent = !state.value("sent", "").is_empty();
        let admin = if sent {
            !state.value("make_me_admin", "").is_empty()
        } else {
            joins
        };
        let (hint, error) = (
            if joins {
                "You can leave as soon as it has another one."
            } else {
                "Your address is outside of the organization's email domains: add one of its people as admin afterwards."
            },
            state.error("make_me_admin"),
        );
        let invalid = error.is_some().then_some("true");
        let body = view! {
            {ui::page_header("Create Team", None, Some("A team groups people and says which runners and services they may have. One for each department or function, with 5 to 20 members and 2 or 3 admins, is easy to manage.".to_owned()), ().into_any())}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            <form class="card" method="post" action="/actions/teams/create">
                <div class="card__body stack">
                    {Field {
                        name: "name",
                        label: "Name",
                        hint: "2 to 50 characters that say who it is: \"Engineering\", not \"Team 1\". The short name in addresses is made from it and stays.",
                        required: true,
                        placeholder: "Backend Team",
                        autofocus: true,
                        ..Field::default()
                    }
                        .view(&state)}
                    {ui::text_area(&state, "description", "Description", "What the team is for, so that others need not ask; at most 500 characters.", "")}
                    {match only {
                        Some(id) => view! { <input type="hidden" name="organization_id" value=id /> }.into_any(),
                        None => {
                            view! {
                                <div class="field field--medium">
                                    <label class="field__label" for="organization_id">"Organization"</label>
                                    <select class="select" id="organization_id" name="organization_id">{options}</select>
                                </div>
                            }
                                .into_any()
                        }
                    }}
                    {Field {
                        name: "required_labels",
                        label: "Required labels",
                        hint: "Comma-separated. Every runner of the team gets them.",
                        placeholder: "linux, docker",
                        ..Field::default()
                    }
                        .view(&state)}
                    {Field {
                        name: "optional_label_patterns",
                        label: "Optional label patterns",
                        hint: "Regular expressions, comma-separated; each has to match a whole label. Without any, no custom labels are allowed.",
                        placeholder: "backend-.*, service-.*",
                        ..Field::default()
                    }
                        .view(&state)}
                    {Field {
                        name: "max_runners",
                        label: "Max runners",
                        hint: "How many runners the team may have at a time. Leave empty for no limit.",
                        kind: "number",
                        ..Field::default()
                    }
                        .view(&state)}
                    <div class="check">
                        <input
                            type="checkbox"
                            id="make_me_admin"
                            name="make_me_admin"
                            value="yes"
                            checked=admin
                            aria-invalid=invalid
                            aria-describedby=invalid.map(|_| "make_me_admin-error")
                        />
                        <label for="make_me_admin">"Make me its admin"<span class="check__hint">{hint}</span></label>
                    </div>
                    {ui::error_line("make_me_admin", error)}
                </div>
                <footer class="card__footer">
                    <button class="button button--primary">"Create Team"</button>
                    <a class="button" href="/admin/teams">"Cancel"</a>
                </footer>
            </form>
            <section class="card" aria-labelledby="tester-title">
                <header class="card__header">
                    <div>
                        <h2 class="card__title" id="tester-title">"Try the label policy"</h2>
                        <p class="card__description"><span class="js-only">"Tests the labels and patterns above, before you save them."</span></p>
                    </div>
                </header>
                <div class="card__body js-only">
                    <LabelTester
                        required=state.value("required_labels", "")
                        patterns=state.value("optional_label_patterns", "")
                        tried=String::new()
                    />
                </div>
                <div class="card__body no-js-only"><p class="muted">"Save the team first, then try labels on its Policy tab."</p></div>
            </section>
        };
        Ok(Rendered::new("Create Team", body)
            .under("Teams", "/admin/teams")
            .narrow())
    })
}
