//! Which models need an approved request (SPEC C15): `/admin/settings/models` for the installation, and a card of an
//! organization's settings.

use backend::{
    organizations::OrganizationKey,
    restricted_models::{self, RestrictedUse},
};
use leptos::prelude::*;

use super::requests;
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page},
    ssr::{self, Ctx, Result},
    ui,
};

/// The page of the installation.
pub const PAGE: &str = "/admin/settings/models";
/// The forms, in the session.
pub const FORM: &str = "restricted-models";

/// `/admin/settings/models`.
pub fn everywhere() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let uses = restricted_models::usage(&mut ctx, None).await?;
        drop(ctx);
        let state = forms::take(FORM).await;
        let description = "Models that no team of this installation uses without an approved request.".to_owned();
        let body = view! {
            {ui::page_header("Restricted models", None, Some(description), ().into_any())}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            {form(&state, "/actions/settings/restricted-models", None, &uses)}
            {table(&uses, true)}
        };
        Ok(Rendered::new("Restricted models", body)
            .narrow()
            .at("Restricted models"))
    })
}

/// The form and the numbers of an organization, for those who administer it.
pub(super) async fn cards(ctx: &mut Ctx, key: &OrganizationKey, id: &str) -> Result<AnyView> {
    let uses = restricted_models::usage(ctx, Some(key)).await?;
    let state = forms::take(FORM).await;
    let hidden = Some(id.to_owned());
    Ok(view! {
        {ui::error_summary(&state)}
        {ui::refusal(state.refusal())}
        {form(&state, "/actions/organizations/restricted-models", hidden, &uses)}
        {table(&uses, false)}
    }
    .into_any())
}

fn form(state: &FormState, action: &'static str, organization: Option<String>, uses: &[RestrictedUse]) -> AnyView {
    let everywhere = organization.is_none();
    let own: Vec<&str> = (uses.iter())
        .filter(|one| one.everywhere == everywhere)
        .map(|one| one.model.as_str())
        .collect();
    let who = if everywhere {
        "The organization's admins approve requests for them. Until a request is approved, keys that list such a model work without it."
    } else {
        "You approve requests for them; team admins do not. Until a request is approved, keys that list such a model work without it."
    };
    view! {
        <form class="card" method="post" action=action>
            <header class="card__header">
                <div>
                    <h2 class="card__title">{if everywhere { "Which models" } else { "Restricted models" }}</h2>
                    <p class="card__description">{who}</p>
                </div>
            </header>
            <div class="card__body stack">
                {organization.map(|id| view! { <input type="hidden" name="organization" value=id /> })}
                {ui::text_area(
                    state,
                    "restricted",
                    "Models that need a request",
                    "Names as LiteLLM has them, one per line or comma-separated. Leave empty for none. What was approved stays approved.",
                    &own.join("\n"),
                )}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save models"</button></footer>
        </form>
    }
    .into_any()
}

fn table(uses: &[RestrictedUse], everywhere: bool) -> Option<AnyView> {
    if uses.is_empty() {
        return None;
    }
    let rows = uses
        .iter()
        .map(|one| {
            let whole = (one.everywhere && !everywhere)
                .then(|| view! { <small class="table__sub">"In the whole installation"</small> });
            let waiting = if one.waiting > 0 {
                let href = format!("{}?view=decide&kind=model", requests::PAGE);
                view! { <a class="link" href=href>{one.waiting}</a> }.into_any()
            } else {
                view! { {one.waiting} }.into_any()
            };
            view! {
                <tr>
                    <th scope="row" class="table__title"><code>{one.model.clone()}</code>{whole}</th>
                    <td class="table__number" data-label="Approved teams">{one.teams}</td>
                    <td class="table__number" data-label="Waiting requests">{waiting}</td>
                    <td class="table__number" data-label="Keys that wait">{one.keys}</td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="card" aria-labelledby="restricted-use">
                <header class="card__header"><h2 class="card__title" id="restricted-use">"In use"</h2></header>
                <div class="table-wrap">
                    <table class="table">
                        <caption class="visually-hidden">"Restricted models in numbers"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Model"</th>
                                <th scope="col" class="table__number">"Approved teams"</th>
                                <th scope="col" class="table__number">"Waiting requests"</th>
                                <th scope="col" class="table__number" title="Keys that list the model and work without it">"Keys that wait"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </section>
        }
        .into_any(),
    )
}
