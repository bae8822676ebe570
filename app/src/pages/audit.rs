//! `/admin/audit` and `/admin/security-events`: what happened, and what broke a rule. Search, filters and page are all in
//! the address.

mod address;
mod entry;
mod log;
mod period;
mod security;

use backend::{audit::Reach, teams};
use domain::TeamId;
pub use entry::entry;
use leptos::prelude::*;
pub use log::{log, title};
pub use security::security;

use crate::{icon::icon, ssr::Ctx};

/// The team that a list is limited to, with its name, when the address has its id. A team that the viewer may not see is
/// nothing to say here: the list is empty then.
async fn team_of(ctx: &mut Ctx, text: Option<&str>) -> Option<(TeamId, String)> {
    let id: TeamId = text?.trim().parse().ok()?;
    let page = teams::get(ctx, id).await.ok()?;
    Some((id, page.team.name))
}

/// What a list holds, in a sentence.
fn whose(reach: Reach, what: &str, own: &str, team: Option<&(TeamId, String)>) -> AnyView {
    let words = match (reach, team) {
        (Reach::Own, _) => own.to_owned(),
        (_, Some((_, name))) => format!("{what} in {name}, newest first."),
        (Reach::All, None) => format!("{what} in the whole installation, newest first."),
        (Reach::Within, None) => {
            format!("{what} in the organizations and teams that you administer or audit, newest first.")
        }
    };
    let back = team.map(
        |(id, name)| view! { " "<a class="link" href=format!("/admin/teams/{id}")>{format!("Back to {name}")}</a> },
    );
    view! { {words}{back} }.into_any()
}

/// The buttons that save a list with its filters, for a spreadsheet or a program.
fn exports(href: &str) -> AnyView {
    let csv = href.replacen("/export", "/export.csv", 1);
    view! {
        <a class="button" href=csv download="">{icon("download")}"Export CSV"</a>
        <a class="button" href=href.to_owned() download="">"NDJSON"</a>
    }
    .into_any()
}

/// A header like every page's, whose description holds a link.
fn header(title: &'static str, description: AnyView, actions: AnyView) -> AnyView {
    view! {
        <header class="page-header">
            <div class="page-header__text">
                <h1 class="page-header__title">{title}</h1>
                <p class="page-header__description">{description}</p>
            </div>
            <div class="page-header__actions">{actions}</div>
        </header>
    }
    .into_any()
}
