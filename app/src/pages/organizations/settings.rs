//! Settings: name, short name, ceilings.

use domain::Permission;
use leptos::prelude::*;

use super::{Place, Tab, tab_page};
use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::page,
    pages::{
        kubectl,
        limit_fields::{Hints, limit_fields},
        restricted_models,
    },
    ui::{self, Field},
};

/// `/admin/organizations/{organization}/settings`.
pub fn settings() -> impl IntoView {
    page(tab_page(Tab::Settings, async |ctx, place| {
        let state = forms::take("organization-settings").await;
        let ceiling_state = forms::take("organization-ceilings").await;
        if !place.may(Permission::TeamAdminister) {
            let note = ui::callout(
                "info",
                "You may look, not change",
                ui::ask(
                    "To change these settings",
                    Permission::TeamAdminister,
                    &place.page.admins,
                ),
            );
            return Ok(view! { {note} {export(place)} }.into_any());
        }
        let ceilings = if place.is_default() {
            ui::callout(
                "info",
                "No ceilings",
                view! { <p>"This organization holds the teams that stand alone. It has no limits and no email domains."</p> }
                    .into_any(),
            )
        } else {
            ceilings(place, &ceiling_state)
        };
        let id = place.page.organization.id.to_string();
        let restricted = restricted_models::cards(ctx, &place.key, &id).await?;
        Ok(view! { {general(place, &state)} {ceilings} {restricted} {export(place)} }.into_any())
    }))
}

/// Everything as a file, for repositories and for another installation.
fn export(place: &Place) -> AnyView {
    let slug = &place.page.organization.slug;
    let file = format!("/admin/organizations/{slug}/export.yaml");
    view! {
        <section class="card" aria-labelledby="export-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="export-title">"Manifests"</h2>
                    <p class="card__description">
                        "All teams, people, memberships and keys for models as Kubernetes objects, as far as you see them: to keep them in a repository, to review changes, or to set up another installation. Secrets of keys are not in it."
                    </p>
                </div>
                <div class="card__actions">
                    <a class="button" href=file download="">{icon("download")}"Export as manifests"</a>
                </div>
            </header>
            <div class="card__body">{kubectl::next_step(&format!("{slug}.yaml"))}</div>
        </section>
    }
    .into_any()
}

fn general(place: &Place, state: &FormState) -> AnyView {
    let organization = &place.page.organization;
    let slug = (place.page.standing.super_admin && !place.is_default()).then(|| {
        Field {
            name: "slug",
            label: "Short name",
            hint: "Stands in addresses and is the Kubernetes namespace: links to the old one break.",
            current: &organization.slug,
            required: true,
            ..Field::default()
        }
        .view(state)
    });
    let zone = (!place.is_default()).then(|| {
        Field {
            name: "time_zone",
            label: "Time zone",
            hint: "Where its days and months begin, such as Europe/Berlin: budgets start anew then.",
            current: &organization.time_zone,
            required: true,
            ..Field::default()
        }
        .view(state)
    });
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <form class="card" method="post" action="/actions/organizations/settings">
            <header class="card__header"><h2 class="card__title">"General"</h2></header>
            <div class="card__body stack">
                {place.hidden()}
                {Field {
                    name: "name",
                    label: "Name",
                    hint: "2 to 50 characters.",
                    current: &organization.name,
                    required: true,
                    ..Field::default()
                }
                    .view(state)}
                {slug} {zone}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}

fn ceilings(place: &Place, state: &FormState) -> AnyView {
    let organization = &place.page.organization;
    let description = if place.page.standing.super_admin {
        "No team can have more than this. A ceiling below what a team already has is refused."
    } else {
        "No team can have more than this. You may lower these; to raise one, ask a super admin."
    };
    let runners = organization
        .max_runners
        .map(|most| most.to_string())
        .unwrap_or_default();
    let runners = Field {
        name: "max_runners",
        label: "Max runners",
        hint: "All teams together. Leave empty for no limit.",
        current: &runners,
        kind: "number",
        ..Field::default()
    };
    let hints = Hints {
        models: "What teams may choose from, one per line or comma-separated. Leave empty for all.",
        budget: "For one team.",
        rate: "Leave empty for no limit.",
    };
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <form class="card" method="post" action="/actions/organizations/ceilings">
            <header class="card__header">
                <div>
                    <h2 class="card__title">"Ceilings"</h2>
                    <p class="card__description">{description}</p>
                </div>
            </header>
            <div class="card__body stack">
                {place.hidden()}
                {runners.view(state)} {limit_fields(state, &organization.limits, &hints)}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save ceilings"</button></footer>
        </form>
    }
    .into_any()
}
