//! Which models need an approved request.

use backend::{
    organizations::OrganizationKey,
    restricted_models::{self, RestrictedInput},
};
use domain::{DEFAULT_ORGANIZATION, Invalid, OrganizationId, parse_models, split_list};
use leptos::prelude::*;

use crate::{
    forms::{ApiError, Done, Sent},
    pages::restricted_models::{FORM, PAGE},
    ssr::{self, Error},
};

/// The names in the field, which other forms of its page must not have a field of the same name.
fn names(text: &str) -> ssr::Result<Vec<String>> {
    let names = text.lines().flat_map(split_list).collect::<Vec<_>>();
    Ok(parse_models(&names).map_err(|invalid: Invalid| invalid.on("restricted"))?)
}

/// Restricts models in an organization.
#[server(prefix = "/actions", endpoint = "organizations/restricted-models")]
pub async fn restrict_models(
    #[server(default)] organization: String,
    #[server(default)] restricted: String,
) -> Result<(), ApiError> {
    let id = organization.parse::<OrganizationId>();
    let back = id.as_ref().map_or_else(
        |_| "/admin/organizations".to_owned(),
        |id| format!("/admin/organizations/{id}/settings"),
    );
    let sent = Sent {
        form: FORM,
        values: &[("restricted", &restricted)],
        back: &back,
    };
    sent.run(async |ctx| {
        let id = id.map_err(|_| Error::not_found("Organization", &organization))?;
        let input = RestrictedInput {
            models: Some(names(&restricted)?),
            installation_wide: None,
        };
        restricted_models::set(ctx, &OrganizationKey::Id(id), input).await?;
        Ok(Done::new(back.clone(), "Restricted models saved."))
    })
    .await
}

/// Restricts models in the whole installation.
#[server(prefix = "/actions", endpoint = "settings/restricted-models")]
pub async fn restrict_models_everywhere(#[server(default)] restricted: String) -> Result<(), ApiError> {
    let sent = Sent {
        form: FORM,
        values: &[("restricted", &restricted)],
        back: PAGE,
    };
    sent.run(async |ctx| {
        let input = RestrictedInput {
            models: None,
            installation_wide: Some(names(&restricted)?),
        };
        restricted_models::set(ctx, &OrganizationKey::Id(DEFAULT_ORGANIZATION), input).await?;
        Ok(Done::new(PAGE, "Restricted models saved."))
    })
    .await
}
