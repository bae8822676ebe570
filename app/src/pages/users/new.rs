//! The form for a new account.

use backend::{organizations, users};
use domain::{OrgRole, Permission};
use leptos::prelude::*;

use super::{CREATE, flags};
use crate::{
    forms,
    layout::{Rendered, page},
    ssr::{self, Error},
    ui::{self, Field},
};

/// `/admin/users/new`.
pub fn new() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        if !users::may_change(&ctx.caller) {
            let refusal = domain::Standing::default().refusal(Permission::AccountsManage);
            return Err(Error::Forbidden(refusal));
        }
        let organizations = organizations::choices(&mut ctx).await?;
        drop(ctx);
        let state = forms::take(CREATE).await;
        let chosen = state.value("organization_id", &ssr::query("organization").unwrap_or_default());
        let organizations = organizations
            .into_iter()
            .map(|(id, name)| {
                let id = id.to_string();
                let selected = chosen == id;
                view! { <option value=id selected=selected>{name}</option> }
            })
            .collect_view();
        let role = state.value("organization_role", OrgRole::OrgMember.as_str());
        let roles = [
            (OrgRole::OrgMember, "Member"),
            (OrgRole::OrgAdmin, "Organization admin"),
            (OrgRole::Auditor, "Auditor"),
        ]
        .map(|(value, label)| {
            view! { <option value=value.as_str() selected=role == value.as_str()>{label}</option> }
        })
        .collect_view();
        let error = state.error("organization_id");
        let role_error = state.error("organization_role");
        let body = view! {
            {ui::page_header(
                "Create user",
                None,
                Some("Whoever signs in with this email address, verified by your sign-in provider, gets this account.".to_owned()),
                ().into_any(),
            )}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            <form class="card" method="post" action="/actions/users/create">
                <div class="card__body stack">
                    <input type="hidden" name="sent" value="yes" />
                    {Field {
                        name: "email",
                        label: "Email",
                        required: true,
                        kind: "email",
                        placeholder: "name@example.com",
                        autofocus: true,
                        ..Field::default()
                    }
                        .view(&state)}
                    {Field {
                        name: "display_name",
                        label: "Name",
                        hint: "At most 200 characters. Without one, the email address is shown.",
                        placeholder: "Ursula User",
                        ..Field::default()
                    }
                        .view(&state)}
                    <div class="field-row">
                        <div class="field">
                            <label class="field__label" for="organization_id">"Organization "<span class="field__mark">"optional"</span></label>
                            <select
                                class="select"
                                id="organization_id"
                                name="organization_id"
                                aria-invalid=error.is_some().then_some("true")
                                aria-describedby=error.is_some().then_some("organization_id-error")
                            >
                                <option value="">"None"</option>
                                {organizations}
                            </select>
                            {ui::error_line("organization_id", error)}
                        </div>
                        <div class="field">
                            <label class="field__label" for="organization_role">"Role in it"</label>
                            <select
                                class="select"
                                id="organization_role"
                                name="organization_role"
                                aria-invalid=role_error.is_some().then_some("true")
                                aria-describedby=role_error.is_some().then_some("organization_role-error")
                            >
                                {roles}
                            </select>
                            {ui::error_line("organization_role", role_error)}
                        </div>
                    </div>
                    {flags(&state, false, false, true)}
                </div>
                <footer class="card__footer">
                    <button class="button button--primary">"Create user"</button>
                    <a class="button" href="/admin/users">"Cancel"</a>
                </footer>
            </form>
        };
        Ok(Rendered::new("Create user", body)
            .under("Users", "/admin/users")
            .narrow())
    })
}
