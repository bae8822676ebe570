//! `/admin/settings/entra`: what a new group of Microsoft Entra ID gets (SPEC E1).

use backend::entra_settings;
use domain::directory::{EntraSettings, SettingSource};
use leptos::prelude::*;

use super::{PAGE, SETTINGS_FORM};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page as console_page},
    pages::limit_fields::{Hints, limit_fields},
    ssr::{self, Caller},
    ui,
};

/// `/admin/settings/entra`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let settings = entra_settings::get(&mut ctx).await?;
        let changes = matches!(&ctx.caller, Caller::Person(person, _) if person.super_admin);
        let connected = ctx.backend.graph.is_some();
        drop(ctx);
        let state = forms::take(SETTINGS_FORM).await;
        let description =
            "What a group that is assigned to your Entra application gets when somebody of it first signs in.";
        let body = view! {
            {ui::page_header("Entra groups", None, Some(description.to_owned()), ().into_any())}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            {(!connected).then(disconnected)}
            {form(&settings, &state, changes)}
        };
        Ok(Rendered::new("Entra groups", body)
            .narrow()
            .under("Identity links", PAGE)
            .at("Entra settings"))
    })
}

fn disconnected() -> AnyView {
    let body = view! {
        <p>
            "Set "<code>"MICROSOFT_TENANT"</code>", "<code>"MICROSOFT_CLIENT_ID"</code>" and "<code>"MICROSOFT_CLIENT_SECRET"</code>
            ", then restart. Until then these settings wait."
        </p>
    };
    ui::callout("info", "Microsoft Graph is not configured", body.into_any())
}

fn source_badge(source: SettingSource) -> AnyView {
    view! { <span class="badge badge--member">{source.in_words()}</span> }.into_any()
}

fn form(settings: &EntraSettings, state: &FormState, changes: bool) -> AnyView {
    let word = |on: bool| if on { "on" } else { "off" };
    let current = match settings.overrides.also_create_orgs {
        None => "",
        Some(true) => "true",
        Some(false) => "false",
    };
    let chosen = state.value("also_create_orgs", current);
    let (below, from) = settings.flag_below;
    let choice = |value: &'static str, label: String, text: &'static str| {
        let id = format!("flag-{}", if value.is_empty() { "configured" } else { value });
        view! {
            <div class="check">
                <input type="radio" id=id.clone() name="also_create_orgs" value=value checked=chosen == value disabled=!changes />
                <label for=id>{label}<span class="check__hint">{text}</span></label>
            </div>
        }
    };
    let hints = Hints {
        models: "One per line or comma-separated. Leave empty for all. A team in its own organization always has all that the organization has.",
        budget: "For both. Leave empty for no limit.",
        rate: "Leave empty for no limit.",
    };
    let own = settings.overrides.default_team_params.is_some() || !state.value("own_params", "").is_empty();
    view! {
        <form class="card" method="post" action="/actions/settings/entra" data-busy>
            <div class="card__body stack">
                <fieldset class="field-group">
                    <legend>"Organizations of groups "{source_badge(settings.flag_source)}</legend>
                    <p class="field__hint">
                        <code>"entra_groups_also_create_orgs"</code>" is now "<b>{word(settings.also_create_orgs)}</b>
                        ". What is there stays when it changes."
                    </p>
                    {choice("true", "On".to_owned(), "A new group becomes an organization with one team in it, both with the group’s id.")}
                    {choice("false", "Off".to_owned(), "A new group becomes a team that stands alone.")}
                    {choice("", format!("As configured: {} ({})", word(below), from.in_words()), "What the server’s configuration says.")}
                </fieldset>
                <fieldset class="field-group">
                    <legend>"Limits of what is made "{source_badge(settings.params_source)}</legend>
                    <p class="field__hint"><code>"default_team_params"</code>": without any there is no limit."</p>
                    <div class="check">
                        <input type="checkbox" id="own_params" name="own_params" value="on" checked=own disabled=!changes />
                        <label for="own_params">"Set them here"<span class="check__hint">"Without the tick the fields below are not used: the configuration file’s limits are in force."</span></label>
                    </div>
                    {limit_fields(state, &settings.default_team_params, &hints)}
                </fieldset>
            </div>
            {changes.then(|| view! { <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer> })}
        </form>
    }
    .into_any()
}
