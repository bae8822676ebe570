//! What a manifest says of a team: where it was declared, and the manifest itself.

use backend::objects::{self, Source};
use domain::{TeamStatus, views::Team};
use leptos::prelude::*;

use super::{Place, Tab, page, page_under};
use crate::{
    icon::icon,
    pages::kubectl,
    ssr::{Ctx, Result},
    ui,
};

/// More than a page should hold: the file is for that.
const MOST_LINES: usize = 4000;

/// Says that the team was declared, if it was: what is changed here may be changed back.
pub(super) async fn notice(ctx: &mut Ctx, place: &Place) -> Result<Option<AnyView>> {
    let Some(source) = objects::team_source(ctx, place.page.team.id).await? else {
        return Ok(None);
    };
    let Source {
        namespace,
        name,
        manager,
        at,
    } = source;
    let view = view! {
        <div class="callout callout--info">
            {icon("info")}
            <div class="callout__body">
                <p class="callout__title">"Declared in a manifest"</p>
                <p>
                    "Declared as team "<code>{name}</code>" in namespace "<code>{namespace}</code>" by "{manager}", "
                    {ui::time_ago(at, ctx.now)}". What you change here is shown to kubectl, and the next apply may change it back."
                </p>
            </div>
            <div class="callout__actions"><a class="button button--small" href=address(place)>"Show the YAML"</a></div>
        </div>
    };
    Ok(Some(view.into_any()))
}

/// The same as one of the team's facts.
pub(super) async fn fact(ctx: &mut Ctx, place: &Place) -> Result<Option<AnyView>> {
    let source = objects::team_source(ctx, place.page.team.id).await?;
    Ok(source.map(|source| {
        let object = format!("{}/{}", source.namespace, source.name);
        view! {
            <div>
                <dt>"Declared"</dt>
                <dd>"as "<code>{object}</code>" by "{source.manager}", "{ui::time_ago(source.at, ctx.now)}</dd>
            </div>
        }
        .into_any()
    }))
}

/// The way from the team's settings to its manifest.
pub(super) fn card(place: &Place) -> Option<AnyView> {
    has_manifest(&place.page.team).then(|| {
        view! {
            <section class="card" aria-labelledby="manifest-title">
                <header class="card__header"><h2 class="card__title" id="manifest-title">"Manifest"</h2></header>
                <ul class="rows">
                    <li class="row">
                        <div class="row__main">
                            <span class="row__title">"This team as YAML"</span>
                            <span class="row__text">"Itself, its people and their memberships, as kubectl and guildhall apply read them."</span>
                        </div>
                        <a class="button" href=address(place)>"Manifest"</a>
                    </li>
                </ul>
            </section>
        }
        .into_any()
    })
}

/// The mark of a membership that was declared.
pub(super) fn mark(source: &Source) -> AnyView {
    let title = format!(
        "Declared as {} in namespace {} by {}",
        source.name, source.namespace, source.manager
    );
    view! { <span class="badge badge--info" title=title>"declared"</span> }.into_any()
}

/// Where the manifest is shown.
pub(super) fn address(place: &Place) -> String {
    format!("{}/manifest", place.path)
}

/// Archived teams and the Default Team are no objects.
pub(super) fn has_manifest(team: &Team) -> bool {
    !team.is_system && team.status != TeamStatus::Archived
}

/// `/admin/teams/{team}/manifest`.
pub fn manifest() -> impl IntoView {
    page(page_under(Tab::Settings, Some("Manifest"), async |ctx, place| {
        if !has_manifest(&place.page.team) {
            let why = if place.page.team.is_system {
                "Everybody belongs to the Default Team; nobody declares it."
            } else {
                "An archived team has no manifest. Restore the team in its settings to get one."
            };
            return Ok(ui::callout("info", "No manifest", view! { <p>{why}</p> }.into_any()));
        }
        let notice = notice(ctx, place).await?;
        let text = objects::team_manifest(ctx, place.page.team.id).await?;
        let lines = text.lines().count();
        // By its id: the file's address has to mean one team only.
        let file = format!("/admin/teams/{}/manifest.yaml", place.page.team.id);
        let content = if lines > MOST_LINES {
            let size = format!("It has {lines} lines: too many for a page. The file has them all.");
            ui::callout("info", "A long manifest", view! { <p>{size}</p> }.into_any())
        } else {
            ui::code("manifest", text, false)
        };
        Ok(view! {
            {notice}
            <section class="card" aria-labelledby="manifest-title">
                <header class="card__header">
                    <div>
                        <h2 class="card__title" id="manifest-title">"Manifest"</h2>
                        <p class="card__description">
                            "The team, its people and their memberships as they are now, as far as you see them. Applied as it is, it changes nothing."
                        </p>
                    </div>
                    <div class="card__actions">
                        <a class="button button--small" href=file download="">{icon("download")}"Download"</a>
                    </div>
                </header>
                <div class="card__body">{content} {kubectl::next_step(&format!("{}.yaml", place.page.team.slug))}</div>
            </section>
        }
        .into_any())
    }))
}
