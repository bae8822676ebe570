//! Manifests as files: what the console's pages about them offer for download.

use app::ssr::Visit;
use axum::{
    Extension, Router,
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use backend::{
    Code, Ctx, Error, Result, objects,
    organizations::OrganizationKey,
    teams::{self, Found, TeamKey},
};
use http::{HeaderMap, Uri, header};
use url::form_urlencoded;

use crate::{AppState, page};

/// The files. Whoever routes them puts a [`Visit`] into each request.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/admin/teams/{team}/manifest.yaml", get(get_team))
        .route("/admin/organizations/{organization}/export.yaml", get(get_organization))
}

async fn get_team(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Path(team): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&state, &uri, &headers, team_file(visit, &team).await)
}

async fn get_organization(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Path(organization): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&state, &uri, &headers, organization_file(visit, &organization).await)
}

/// A file's name and what is in it.
type File = (String, String);

async fn team_file(visit: Visit, key: &str) -> Result<File> {
    let mut ctx = read(visit).await?;
    let page = match teams::find(&mut ctx, &TeamKey::parse(key)).await? {
        Found::One(page) => page,
        Found::Several(_) => {
            let words = "Several organizations have a team with this short name: use its id";
            return Err(Error::refused(Code::NotFound, words));
        }
    };
    let text = objects::team_manifest(&mut ctx, page.team.id).await?;
    Ok((format!("{}.yaml", page.team.slug), text))
}

async fn organization_file(visit: Visit, key: &str) -> Result<File> {
    let mut ctx = read(visit).await?;
    let (slug, text) = objects::organization_manifest(&mut ctx, &OrganizationKey::parse(key)).await?;
    Ok((format!("{slug}.yaml"), text))
}

async fn read(visit: Visit) -> Result<Ctx> {
    let caller = visit
        .caller
        .ok_or_else(|| Error::refused(Code::NotAuthenticated, "Not authenticated"))?;
    Ctx::read(&visit.backend, caller, visit.request).await
}

fn answer(state: &AppState, uri: &Uri, headers: &HeaderMap, file: Result<File>) -> Response {
    let (name, text) = match file {
        Ok(file) => file,
        // As pages do.
        Err(error) if error.code() == Code::NotAuthenticated => {
            let next: String = form_urlencoded::byte_serialize(uri.path().as_bytes()).collect();
            return Redirect::to(&format!("/login?next={next}")).into_response();
        }
        Err(error) => return page::refusal(state, headers, error),
    };
    // Slugs are letters, digits and hyphens: nothing in them ends the quotes.
    let headers = [
        (header::CONTENT_TYPE, "application/yaml; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, text).into_response()
}
