//! Links of groups, and what new groups of Entra get.

use backend::{
    entra_settings,
    identity_links::{self, LinkPatchInput, NewLinkInput},
    teams::{self, LimitsInput},
};
use domain::{Fields, LinkId, Money, TeamId, directory::EntraOverrides, split_list};
use leptos::prelude::*;

use super::{filled, number, visitor};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::identity_links::{NEW, ONE, PAGE, SETTINGS, SETTINGS_FORM, link_page},
    ssr::{self, Error},
};

fn link_id(text: &str) -> ssr::Result<LinkId> {
    text.parse().map_err(|_| Error::not_found("Identity link", text))
}

/// The page of a link that a form was on: the list when the form says anything else.
fn back(link: &str) -> String {
    link.parse::<LinkId>()
        .map_or_else(|_| PAGE.to_owned(), |id| link_page(&id.to_string()))
}

/// Links a group.
#[server(prefix = "/actions", endpoint = "identity-links/create")]
pub async fn create_link(
    #[server(default)] provider: String,
    #[server(default)] group_id: String,
    #[server(default)] group_name: String,
    #[server(default)] target: String,
    #[server(default)] role: String,
    #[server(default)] mode: String,
) -> Result<(), ApiError> {
    let page = format!("{PAGE}/new");
    let sent = Sent {
        form: NEW,
        values: &[
            ("provider", &provider),
            ("group_id", &group_id),
            ("group_name", &group_name),
            ("target", &target),
            ("role", &role),
            ("mode", &mode),
        ],
        back: &page,
    };
    sent.run(async |ctx| {
        let (organization_id, team_id) = match target.split_once(':') {
            Some(("team", id)) => {
                let team: TeamId = id.parse().map_err(|_| Error::not_found("Team", id))?;
                let organization = teams::get(ctx, team).await?.team.organization_id;
                (Some(organization.to_string()), Some(id.to_owned()))
            }
            Some(("organization", id)) => (Some(id.to_owned()), None),
            _ if target == "installation" => (None, None),
            _ => {
                return Err(Error::invalid(
                    "team_id",
                    "must be a team or an organization of the list",
                ));
            }
        };
        let input = NewLinkInput {
            organization_id,
            team_id,
            provider: provider.clone(),
            group_id: group_id.clone(),
            group_name: filled(&group_name),
            role: filled(&role),
            mode: filled(&mode),
            removal_limit: None,
        };
        let link = identity_links::create(ctx, input.parse()?).await?;
        let words = format!(
            "{} is linked. Its people get the role when the directory next tells of them.",
            link.group()
        );
        Ok(Done::new(link_page(&link.id.to_string()), words))
    })
    .await
}

/// Changes a link's mode or limit.
#[server(prefix = "/actions", endpoint = "identity-links/update")]
pub async fn update_link(
    #[server(default)] link: String,
    #[server(default)] mode: String,
    #[server(default)] removal_limit: String,
) -> Result<(), ApiError> {
    let page = back(&link);
    let sent = Sent {
        form: ONE,
        values: &[("removal_limit", &removal_limit)],
        back: &page,
    };
    sent.run(async |ctx| {
        let patch = LinkPatchInput {
            mode: filled(&mode),
            removal_limit: super::whole("removal_limit", &removal_limit, "must be 0 to 100 percent")
                .map_err(|wrong| Error::Invalid(vec![wrong]))?,
        };
        let changed = identity_links::update(ctx, link_id(&link)?, patch).await?;
        let words = if changed.held_at.is_some() {
            format!("{} is {}. Removals wait for your word.", changed.group(), changed.mode)
        } else {
            format!("{} is {}.", changed.group(), changed.mode)
        };
        Ok(Done::new(page.clone(), words))
    })
    .await
}

/// Gives the word that removals waited for.
#[server(prefix = "/actions", endpoint = "identity-links/confirm")]
pub async fn confirm_removals(#[server(default)] link: String) -> Result<(), ApiError> {
    let page = back(&link);
    let sent = Sent {
        form: ONE,
        values: &[],
        back: &page,
    };
    sent.run(async |ctx| {
        let changed = identity_links::confirm(ctx, link_id(&link)?).await?;
        Ok(Done::new(
            page.clone(),
            format!("Those who left {} lost what it gave.", changed.group()),
        ))
    })
    .await
}

/// Deletes a link.
#[server(prefix = "/actions", endpoint = "identity-links/delete")]
pub async fn delete_link(#[server(default)] link: String) -> Result<(), ApiError> {
    let page = back(&link);
    let sent = Sent {
        form: ONE,
        values: &[],
        back: &page,
    };
    sent.run(async |ctx| {
        identity_links::delete(ctx, link_id(&link)?).await?;
        Ok(Done::new(PAGE, "The link was deleted. People keep what it gave."))
    })
    .await
}

/// Reads a link's group from the directory now.
#[server(prefix = "/actions", endpoint = "identity-links/sync")]
pub async fn sync_link(#[server(default)] link: String) -> Result<(), ApiError> {
    let page = back(&link);
    let sent = Sent {
        form: ONE,
        values: &[],
        back: &page,
    };
    // No transaction is held while the directory is asked.
    let outcome = async {
        let (visit, caller) = visitor()?;
        identity_links::sync_now(&visit.backend, caller, visit.request, link_id(&link)?).await
    };
    match outcome.await {
        Ok(synced) => {
            let people = crate::ui::plural(synced.members, "person");
            ssr::set_flash("success", format!("{} was read: {people} in it.", synced.group())).await;
            ssr::redirect(&page);
        }
        Err(error) => sent.refuse(error).await,
    }
    Ok(())
}

/// Sets what new groups of Entra get.
#[server(prefix = "/actions", endpoint = "settings/entra")]
pub async fn set_entra(
    #[server(default)] also_create_orgs: String,
    #[server(default)] own_params: String,
    #[server(default)] models: String,
    #[server(default)] max_budget: String,
    #[server(default)] budget_duration: String,
    #[server(default)] tpm_limit: String,
    #[server(default)] rpm_limit: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: SETTINGS_FORM,
        values: &[
            ("also_create_orgs", &also_create_orgs),
            ("own_params", &own_params),
            ("models", &models),
            ("max_budget", &max_budget),
            ("budget_duration", &budget_duration),
            ("tpm_limit", &tpm_limit),
            ("rpm_limit", &rpm_limit),
        ],
        back: SETTINGS,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let limits = LimitsInput {
            models: split_list(&models),
            max_budget: fields.take(Money::read("max_budget", &max_budget)).flatten(),
            budget_duration: filled(&budget_duration),
            tpm_limit: fields.take(number("tpm_limit", &tpm_limit)).flatten(),
            rpm_limit: fields.take(number("rpm_limit", &rpm_limit)).flatten(),
        }
        .parse(&mut fields);
        fields.finish()?;
        let overrides = EntraOverrides {
            also_create_orgs: match also_create_orgs.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                "" => None,
                _ => return Err(Error::invalid("also_create_orgs", "must be true, false or empty")),
            },
            default_team_params: (!own_params.is_empty()).then_some(limits),
        };
        entra_settings::set(ctx, &overrides).await?;
        Ok(Done::new(
            SETTINGS,
            "Saved. It counts for groups that come from now on.",
        ))
    })
    .await
}
