//! The catalogue of one organization.

use backend::services as rules;
use domain::views::{Catalogue, Service};
use leptos::prelude::*;

use super::kind_label;
use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Error, Result},
    ui,
};

/// `/admin/services`.
pub fn list() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let catalogues = rules::catalogues(&mut ctx).await?;
        let catalogue = choose(&catalogues, ssr::query("organization").as_deref())?;
        let services = rules::list(&mut ctx, catalogue.organization_id).await?;
        drop(ctx);
        let action = catalogue.may_change.then(|| add_button(&catalogue.slug, true));
        let description = format!(
            "The services of {}. A team may use only those that its policy allows, each for a reason.",
            catalogue.name
        );
        let body = catalogue_of(&catalogue.slug, &services, catalogue.may_change);
        let header = ui::page_header("Services", None, Some(description), action.into_any());
        Ok(Rendered::new(
            "Services",
            view! { {header} {chooser(&catalogues, catalogue)} {body} },
        ))
    })
}

/// Where a service is added to an organization's catalogue.
fn add_address(slug: &str) -> String {
    format!("/admin/services/new?organization={slug}")
}

/// The way to the form for another service.
pub fn add_button(slug: &str, primary: bool) -> AnyView {
    let class = if primary { "button button--primary" } else { "button" };
    view! { <a class=class href=add_address(slug)>{icon("plus")}"Add service"</a> }.into_any()
}

/// The services of the organization with this short name; or what to do while there are none.
pub fn catalogue_of(slug: &str, services: &[Service], may_change: bool) -> AnyView {
    if !services.is_empty() {
        return table(services);
    }
    let text = if may_change {
        "Add the services that your proxies protect; then allow each to the teams that need it.".to_owned()
    } else {
        format!("Services are added by {}.", ui::who(domain::Permission::TeamAdminister))
    };
    let add = add_address(slug);
    let action = may_change.then_some(("Add service", add.as_str()));
    ui::empty("services", "No services yet", &text, action)
}

/// The catalogue that the address names, else the first that has services.
fn choose<'a>(catalogues: &'a [Catalogue], slug: Option<&str>) -> Result<&'a Catalogue> {
    let found = match slug {
        Some(slug) => catalogues.iter().find(|catalogue| catalogue.slug == slug),
        None => catalogues
            .iter()
            .find(|catalogue| catalogue.service_count > 0)
            .or_else(|| catalogues.iter().find(|catalogue| catalogue.may_change))
            .or(catalogues.first()),
    };
    match (found, slug) {
        (Some(catalogue), _) => Ok(catalogue),
        (None, Some(slug)) => Err(Error::not_found("Organization", slug)),
        (None, None) => Err(Error::not_found("Organization", "you belong to none")),
    }
}

fn chooser(catalogues: &[Catalogue], chosen: &Catalogue) -> Option<AnyView> {
    if catalogues.len() < 2 {
        return None;
    }
    let options = catalogues
        .iter()
        .map(|catalogue| {
            view! {
                <option value=catalogue.slug.clone() selected=catalogue.slug == chosen.slug>
                    {format!("{} ({})", catalogue.name, catalogue.service_count)}
                </option>
            }
        })
        .collect_view();
    Some(
        view! {
            <form class="toolbar" method="get" action="/admin/services" aria-label="Catalogue">
                <label class="visually-hidden" for="organization">"Organization"</label>
                <select class="select" id="organization" name="organization" data-autosubmit="">{options}</select>
                <button class="button toolbar__submit">"Apply"</button>
            </form>
        }
        .into_any(),
    )
}

fn table(services: &[Service]) -> AnyView {
    let rows = services
        .iter()
        .map(|service| {
            view! {
                <tr>
                    <th scope="row" class="table__title">
                        <a href=format!("/admin/services/{}", service.id)>{service.name.clone()}</a>
                        {service.description.clone().map(|text| view! { <small class="table__sub truncate" title=text.clone()>{text.clone()}</small> })}
                    </th>
                    <td data-label="Kind">{kind_label(service.kind)}</td>
                    <td data-label="Paths" class="table__optional">{paths(&service.path_prefixes)}</td>
                    <td class="table__number" data-label="Teams">{service.team_count}</td>
                    <td data-label="Created">{ui::time(service.created_at)}</td>
                </tr>
            }
        })
        .collect_view();
    let count = i64::try_from(services.len()).unwrap_or_default();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Services"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Kind"</th>
                        <th scope="col" class="table__optional">"Paths"</th>
                        <th scope="col" class="table__number">"Teams"</th>
                        <th scope="col">"Created"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(services.len(), count, "service", None, None, |_| String::new())}
    }
    .into_any()
}

/// Two paths, and how many more there are.
fn paths(paths: &[String]) -> AnyView {
    if paths.is_empty() {
        return view! { <span class="muted">"all"</span> }.into_any();
    }
    let more = paths.len().saturating_sub(2);
    let shown = paths
        .iter()
        .take(2)
        .map(|path| view! { <code class="nowrap">{path.clone()}</code>" " })
        .collect_view();
    view! { {shown} {(more > 0).then(|| view! { <span class="muted">{format!("+{more}")}</span> })} }.into_any()
}

#[cfg(test)]
mod tests {
    use domain::DEFAULT_ORGANIZATION;

    use super::*;

    #[test]
    fn the_catalogue_with_services_comes_first() {
        let one = |slug: &str, service_count, may_change| Catalogue {
            organization_id: DEFAULT_ORGANIZATION,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            service_count,
            may_change,
        };
        let all = [one("a", 0, false), one("b", 0, true), one("c", 3, false)];
        assert_eq!(choose(&all, None).unwrap().slug, "c");
        assert_eq!(choose(&all[..2], None).unwrap().slug, "b");
        assert_eq!(choose(&all[..1], None).unwrap().slug, "a");
        assert_eq!(choose(&all, Some("a")).unwrap().slug, "a");
        assert!(choose(&all, Some("d")).is_err());
        assert!(choose(&[], None).is_err());
    }
}
