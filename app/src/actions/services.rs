//! The catalogue of services, and what a team may use of it.

use backend::services::{self, NewServiceInput, ServicePatchInput};
use domain::{OrganizationId, Reason, ServiceId, Slug};
use leptos::prelude::*;

use super::{team_id, team_page};
use crate::{
    forms::{ApiError, Done, Sent},
    ssr::{self, Error},
};

/// The page of an organization's catalogue; the first one when the form says anything that is no slug.
fn catalogue(path: &str, slug: &str) -> String {
    match Slug::parse(slug) {
        Ok(slug) => format!("{path}?organization={slug}"),
        Err(_) => path.to_owned(),
    }
}

fn organization_id(text: &str) -> ssr::Result<OrganizationId> {
    text.parse().map_err(|_| Error::not_found("Organization", text))
}

fn service_id(text: &str) -> ssr::Result<ServiceId> {
    text.parse().map_err(|_| Error::not_found("Service", text))
}

/// A service's own page; the list when the form says anything that is no id.
fn service_page(text: &str) -> String {
    text.parse::<ServiceId>()
        .map_or_else(|_| "/admin/services".to_owned(), |id| format!("/admin/services/{id}"))
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// Adds a service to an organization's catalogue.
#[server(prefix = "/actions", endpoint = "services/create")]
pub async fn create_service(
    #[server(default)] organization: String,
    #[server(default)] slug: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
    #[server(default)] kind: String,
    #[server(default)] path_prefixes: String,
) -> Result<(), ApiError> {
    let back = catalogue("/admin/services/new", &slug);
    let sent = Sent {
        form: "create-service",
        values: &[
            ("name", &name),
            ("description", &description),
            ("kind", &kind),
            ("path_prefixes", &path_prefixes),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let input = NewServiceInput {
            name: name.clone(),
            description: Some(description.clone()),
            kind: Some(kind.clone()),
            path_prefixes: lines(&path_prefixes),
        };
        let service = services::create(ctx, organization_id(&organization)?, input.parse()?).await?;
        Ok(Done::new(
            catalogue("/admin/services", &slug),
            format!("Service {} was added. No team may use it yet.", service.name),
        ))
    })
    .await
}

/// Changes a service.
#[server(prefix = "/actions", endpoint = "services/update")]
pub async fn update_service(
    #[server(default)] organization: String,
    #[server(default)] service: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
    #[server(default)] kind: String,
    #[server(default)] path_prefixes: String,
) -> Result<(), ApiError> {
    let back = service_page(&service);
    let sent = Sent {
        form: "edit-service",
        values: &[
            ("name", &name),
            ("description", &description),
            ("kind", &kind),
            ("path_prefixes", &path_prefixes),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let input = ServicePatchInput {
            name: Some(name.clone()),
            description: Some(Some(description.clone())),
            kind: Some(kind.clone()),
            path_prefixes: Some(lines(&path_prefixes)),
        };
        let (organization, id) = (organization_id(&organization)?, service_id(&service)?);
        services::update(ctx, organization, id, input.parse()?).await?;
        Ok(Done::new(&back, "Changes saved."))
    })
    .await
}

/// Deletes a service, which every team loses.
#[server(prefix = "/actions", endpoint = "services/delete")]
pub async fn delete_service(
    #[server(default)] organization: String,
    #[server(default)] slug: String,
    #[server(default)] service: String,
) -> Result<(), ApiError> {
    let back = service_page(&service);
    let sent = Sent {
        form: "delete-service",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let (organization, id) = (organization_id(&organization)?, service_id(&service)?);
        let deleted = services::delete(ctx, organization, id).await?;
        Ok(Done::new(
            catalogue("/admin/services", &slug),
            format!("Service {} was deleted.", deleted.service),
        ))
    })
    .await
}

/// Allows a team a service, or gives another reason for it.
#[server(prefix = "/actions", endpoint = "services/allow")]
pub async fn allow_service(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] service: String,
    #[server(default)] reason: String,
) -> Result<(), ApiError> {
    let page = format!("{}/policy", team_page(&team, &at));
    let back = service_id(&service).map_or_else(|_| page.clone(), |id| format!("{page}?allow={id}"));
    let sent = Sent {
        form: "allow-service",
        values: &[("reason", &reason)],
        back: &back,
    };
    sent.run(async |ctx| {
        let (id, reason) = (service_id(&service)?, Reason::parse(&reason)?);
        let saved = services::allow(ctx, team_id(&team)?, id, &reason).await?;
        let message = match (&saved.change.gained[..], &saved.change.reasoned[..]) {
            ([name], _) => format!("{} may use {name}.", saved.page.team.name),
            (_, [name]) => format!("The reason for {name} was saved."),
            _ => "Nothing changed.".to_owned(),
        };
        Ok(Done::new(&page, message))
    })
    .await
}

/// Stops allowing a team a service.
#[server(prefix = "/actions", endpoint = "services/stop")]
pub async fn stop_service(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] service: String,
) -> Result<(), ApiError> {
    let page = format!("{}/policy", team_page(&team, &at));
    let sent = Sent {
        form: "stop-service",
        values: &[],
        back: &page,
    };
    sent.run(async |ctx| {
        let saved = services::stop(ctx, team_id(&team)?, service_id(&service)?).await?;
        let message = match &saved.change.lost[..] {
            [name] => format!("{} may no longer use {name}.", saved.page.team.name),
            _ => "Nothing changed.".to_owned(),
        };
        Ok(Done::new(&page, message))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_back_to_pages_on_this_host_only() {
        assert_eq!(
            catalogue("/admin/services", "acme"),
            "/admin/services?organization=acme"
        );
        for bad in ["", "a&b=c", "https://evil.example", "a\r\nb"] {
            assert_eq!(catalogue("/admin/services", bad), "/admin/services", "{bad:?}");
            assert_eq!(service_page(bad), "/admin/services", "{bad:?}");
        }
    }

    #[test]
    fn paths_are_one_a_line() {
        assert_eq!(lines("GET /v1\r\n\r\n  /v2  \n"), ["GET /v1", "/v2"]);
    }
}
