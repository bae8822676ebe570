//! The document around every page, and the routes.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

use crate::{pages, ssr};

/// The HTML document. It also sets the page's Content-Security-Policy, whose nonce it knows.
pub fn shell(options: &LeptosOptions) -> impl IntoView + use<> {
    let package = options.site_pkg_dir.to_string();
    let nonce = use_nonce();
    let script_nonce = nonce
        .as_ref()
        .map(|nonce| format!(" 'nonce-{nonce}'"))
        .unwrap_or_default();
    ssr::set_header(
        http::header::CONTENT_SECURITY_POLICY,
        &format!(
            "default-src 'none'; script-src 'self'{script_nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    );
    let islands = has_islands(&ssr::path());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href=format!("/{package}/favicon.svg") type="image/svg+xml" />
                <link rel="stylesheet" href=format!("/{package}/guildhall.css") />
                <script src=format!("/{package}/theme.js") nonce=nonce.clone()></script>
                <script src=format!("/{package}/palette.js") nonce=nonce defer></script>
                {islands.then(|| view! { <HydrationScripts options=options.clone() islands=true /> })}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Whether a page has something to hydrate: the others are spared the wasm.
fn has_islands(path: &str) -> bool {
    path == "/provision" || path.ends_with("/policy") || path == "/admin/teams/new"
}

/// The console's routes. Pages render whole before the first byte, so that a status or redirect can
/// still be set and nothing needs JavaScript to be put in place.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=pages::not_found>
                <Route path=path!("/") view=pages::home::home ssr=SsrMode::Async />
                <Route path=path!("/admin/dashboard") view=pages::dashboard::dashboard ssr=SsrMode::Async />
                <Route path=path!("/admin/cost") view=pages::cost::cost ssr=SsrMode::Async />
                <Route path=path!("/admin/cost/prices") view=pages::cost::prices ssr=SsrMode::Async />
                <Route path=path!("/login") view=pages::login ssr=SsrMode::Async />
                <Route path=path!("/admin/teams") view=pages::teams::list ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/new") view=pages::teams::new ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team") view=pages::team::overview ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/members") view=pages::team::members ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/members/bulk") view=pages::team::members_bulk ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/members/invitations") view=pages::team::invited ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/projects") view=pages::team::projects ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/projects/:project") view=pages::team::project ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/keys") view=pages::team::keys ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/policy") view=pages::team::policy ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/settings") view=pages::team::settings ssr=SsrMode::Async />
                <Route path=path!("/admin/teams/:team/manifest") view=pages::team::manifest ssr=SsrMode::Async />
                <Route path=path!("/admin/audit") view=pages::audit::log ssr=SsrMode::Async />
                <Route path=path!("/admin/audit/:entry") view=pages::audit::entry ssr=SsrMode::Async />
                <Route path=path!("/admin/security-events") view=pages::audit::security ssr=SsrMode::Async />
                <Route path=path!("/admin/users") view=pages::users::list ssr=SsrMode::Async />
                <Route path=path!("/admin/users/new") view=pages::users::new ssr=SsrMode::Async />
                <Route path=path!("/admin/users/:user") view=pages::users::account ssr=SsrMode::Async />
                <Route path=path!("/admin/label-policies") view=pages::label_policies::list ssr=SsrMode::Async />
                <Route path=path!("/admin/label-policies/new") view=pages::label_policies::new ssr=SsrMode::Async />
                <Route path=path!("/admin/label-policies/migrate") view=pages::label_policies::migrate ssr=SsrMode::Async />
                <Route path=path!("/admin/label-policies/:user") view=pages::label_policies::edit ssr=SsrMode::Async />
                <Route path=path!("/admin/services") view=pages::services::list ssr=SsrMode::Async />
                <Route path=path!("/admin/services/new") view=pages::services::new ssr=SsrMode::Async />
                <Route path=path!("/admin/services/:service") view=pages::services::edit ssr=SsrMode::Async />
                <Route path=path!("/admin/alerts") view=pages::alerts::page ssr=SsrMode::Async />
                <Route path=path!("/admin/sync") view=pages::sync::page ssr=SsrMode::Async />
                <Route path=path!("/admin/sync/litellm") view=pages::sync::details ssr=SsrMode::Async />
                <Route path=path!("/admin/guide") view=pages::guide::index ssr=SsrMode::Async />
                <Route path=path!("/admin/guide/:guide") view=pages::guide::guide ssr=SsrMode::Async />
                <Route path=path!("/admin/explain") view=pages::explain::page ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations") view=pages::organizations::list ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/new") view=pages::organizations::new ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/:organization") view=pages::organizations::overview ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/:organization/teams") view=pages::organizations::teams ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/:organization/people") view=pages::organizations::people ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/:organization/services") view=pages::organizations::services ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/:organization/domains") view=pages::organizations::domains ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/:organization/directory") view=pages::organizations::directory ssr=SsrMode::Async />
                <Route path=path!("/admin/organizations/:organization/settings") view=pages::organizations::settings ssr=SsrMode::Async />
                <Route path=path!("/teams") view=pages::my_teams ssr=SsrMode::Async />
                <Route path=path!("/provision") view=pages::provision::page ssr=SsrMode::Async />
                <Route path=path!("/runners") view=pages::runners::mine ssr=SsrMode::Async />
                <Route path=path!("/runners/waiting") view=pages::runners::waiting ssr=SsrMode::Async />
                <Route path=path!("/runners/:runner") view=pages::runners::detail ssr=SsrMode::Async />
                <Route path=path!("/admin/runners") view=pages::runners::all ssr=SsrMode::Async />
                <Route path=path!("/keys") view=pages::keys::page ssr=SsrMode::Async />
                <Route path=path!("/keys/new") view=pages::keys::new ssr=SsrMode::Async />
                <Route path=path!("/keys/services") view=pages::keys::of_services ssr=SsrMode::Async />
                <Route path=path!("/keys/:key") view=pages::keys::key ssr=SsrMode::Async />
                <Route path=path!("/admin/settings/keys") view=pages::keys::settings ssr=SsrMode::Async />
                <Route path=path!("/admin/machine-clients") view=pages::machines::page ssr=SsrMode::Async />
                <Route path=path!("/admin/settings/models") view=pages::restricted_models::everywhere ssr=SsrMode::Async />
                <Route path=path!("/admin/identity-links") view=pages::identity_links::list ssr=SsrMode::Async />
                <Route path=path!("/admin/identity-links/new") view=pages::identity_links::new ssr=SsrMode::Async />
                <Route path=path!("/admin/identity-links/:link") view=pages::identity_links::one ssr=SsrMode::Async />
                <Route path=path!("/admin/settings/entra") view=pages::identity_links::settings ssr=SsrMode::Async />
                <Route path=path!("/requests") view=pages::requests::list ssr=SsrMode::Async />
                <Route path=path!("/requests/new") view=pages::requests::new ssr=SsrMode::Async />
                <Route path=path!("/requests/:request") view=pages::requests::one ssr=SsrMode::Async />
                <Route path=path!("/admin/access-reviews") view=pages::access_reviews::list ssr=SsrMode::Async />
                <Route path=path!("/admin/access-reviews/new") view=pages::access_reviews::new ssr=SsrMode::Async />
                <Route path=path!("/admin/access-reviews/:review") view=pages::access_reviews::one ssr=SsrMode::Async />
                <Route path=path!("/admin/access-reviews/:review/report") view=pages::access_reviews::report ssr=SsrMode::Async />
                <Route path=path!("/search") view=pages::search::page_of_results ssr=SsrMode::Async />
                <Route path=path!("/tokens") view=pages::tokens::page ssr=SsrMode::Async />
                <Route path=path!("/help") view=pages::help::index ssr=SsrMode::Async />
                <Route path=path!("/help/kubectl") view=pages::kubectl::help ssr=SsrMode::Async />
                <Route path=path!("/help/:page") view=pages::help::one ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}
