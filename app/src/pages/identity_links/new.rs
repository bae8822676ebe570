//! `/admin/identity-links/new`.

use backend::identity_links;
use domain::{directory::Provider, views::LinkTarget};
use leptos::prelude::*;

use super::{NEW, PAGE};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page as console_page},
    ssr::{self, Caller, Error},
    ui::{self, Field},
};

/// `/admin/identity-links/new`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let targets = identity_links::targets(&mut ctx).await?;
        let installation = matches!(&ctx.caller, Caller::Person(person, _) if person.super_admin);
        drop(ctx);
        if targets.is_empty() {
            return Err(Error::not_found("Page", ssr::path()));
        }
        let state = forms::take(NEW).await;
        let body = view! {
            {ui::page_header("Link a group", None, None, ().into_any())}
            {form(&state, &targets, installation)}
        };
        Ok(Rendered::new("Link a group", body)
            .narrow()
            .under("Identity links", PAGE)
            .at("New"))
    })
}

fn form(state: &FormState, targets: &[LinkTarget], installation: bool) -> AnyView {
    let provider = state.value("provider", "entra");
    let asked = match (ssr::query("team"), ssr::query("organization")) {
        (Some(team), _) => format!("team:{team}"),
        (None, Some(organization)) => format!("organization:{organization}"),
        (None, None) => String::new(),
    };
    let target = state.value("target", &asked);
    let role = state.value("role", "");
    let mode = state.value("mode", "additive");
    let option = |value: String, words: String, chosen: &str| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{words}</option> }
    };
    let roles = [
        ("", "The least: team member, or member of the organization"),
        ("member", "Team: member"),
        ("admin", "Team: admin"),
        ("org_member", "Organization: member"),
        ("org_admin", "Organization: org admin"),
        ("auditor", "Organization or installation: auditor"),
    ];
    let wrong = |name: &'static str| ui::error_line(name, state.error(name));
    view! {
        <form class="card" method="post" action="/actions/identity-links/create" data-busy>
            <div class="card__body stack">
                {ui::error_summary(state)}
                {ui::refusal(state.refusal())}
                <div class="field field--medium">
                    <label class="field__label" for="provider">"Directory "<span class="field__mark">"required"</span></label>
                    <p class="field__hint" id="provider-hint">"Who says who is in the group."</p>
                    <select class="select" id="provider" name="provider" aria-describedby="provider-hint">
                        {Provider::ALL.map(|one| option(one.to_string(), one.name().to_owned(), &provider)).collect_view()}
                    </select>
                    {wrong("provider")}
                </div>
                {Field {
                    name: "group_id",
                    label: "Group",
                    hint: "Its object id at Entra, its text in the claim, or its SCIM id. An app role of a token: role:Name, with the OpenID groups claim.",
                    required: true,
                    placeholder: "550e8400-e29b-41d4-a716-446655440000",
                    ..Field::default()
                }
                .view(state)}
                {Field { name: "group_name", label: "Name", hint: "What to call it until the directory says so.", ..Field::default() }.view(state)}
                <div class="field field--medium">
                    <label class="field__label" for="target">"Gives a role in "<span class="field__mark">"required"</span></label>
                    <select class="select" id="target" name="target" required>
                        <option value="">"Choose a team or an organization"</option>
                        {installation.then(|| option("installation".to_owned(), "The installation".to_owned(), &target))}
                        {targets
                            .iter()
                            .map(|organization| {
                                let whole = (organization.id != domain::DEFAULT_ORGANIZATION).then(|| {
                                    option(
                                        format!("organization:{}", organization.id),
                                        format!("{} (the organization)", organization.name),
                                        &target,
                                    )
                                });
                                let teams = organization.teams.iter().map(|(id, name)| {
                                    option(format!("team:{id}"), name.clone(), &target)
                                }).collect_view();
                                view! { <optgroup label=organization.name.clone()>{whole}{teams}</optgroup> }
                            })
                            .collect_view()}
                    </select>
                    {wrong("organization_id")} {wrong("team_id")}
                </div>
                <div class="field field--medium">
                    <label class="field__label" for="role">"Role"</label>
                    <select class="select" id="role" name="role">
                        {roles.map(|(value, words)| option(value.to_owned(), words.to_owned(), &role)).collect_view()}
                        {installation.then(|| option("super_admin".to_owned(), "Installation: super admin".to_owned(), &role))}
                    </select>
                    {wrong("role")}
                </div>
                {mode_choice(&mode)}
            </div>
            <footer class="card__footer">
                <a class="button" href=PAGE>"Cancel"</a>
                <button class="button button--primary">"Link group"</button>
            </footer>
        </form>
    }
    .into_any()
}

/// The two modes, with what each of them does.
fn mode_choice(mode: &str) -> AnyView {
    let choice = |value: &'static str, words: &'static str, text: &'static str| {
        let id = format!("mode-{value}");
        view! {
            <div class="check">
                <input type="radio" id=id.clone() name="mode" value=value checked=mode == value />
                <label for=id>{words}<span class="check__hint">{text}</span></label>
            </div>
        }
    };
    view! {
        <fieldset class="field-group">
            <legend>"When somebody leaves the group"</legend>
            {choice("additive", "Additive", "They keep what the link gave. Somebody takes it by hand.")}
            {choice("authoritative", "Authoritative", "They lose it, with their project roles and keys there. What people gave by hand stays.")}
        </fieldset>
    }
    .into_any()
}
