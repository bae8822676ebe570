//! Creating and changing organizations, their people and domains.

use backend::organizations::{
    self, NewOrganizationInput, OrganizationKey, OrganizationPatchInput, domains as domain_rules,
    people as people_rules,
};
use domain::{EmailDomain, Fields, Money, OrgRole, OrganizationId, UserRef, VerifiedHow, split_list};
use leptos::prelude::*;

use super::{filled, number};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::organizations::role_name,
    ssr::{self, Code, Error},
};

/// The page of an organization that a form was on, as a path on this host: its own page when the form says anything else.
pub(super) fn organization_page(organization: &str, at: &str) -> String {
    let local = at
        .strip_prefix("/admin/organizations/")
        .is_some_and(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    if local {
        return at.to_owned();
    }
    let id = organization.parse::<OrganizationId>().map(|id| id.to_string());
    format!("/admin/organizations/{}", id.unwrap_or_default())
}

/// An organization's id from a hidden field.
pub(super) fn key(text: &str) -> ssr::Result<OrganizationKey> {
    text.parse::<OrganizationId>()
        .map(OrganizationKey::Id)
        .map_err(|_| Error::not_found("Organization", text))
}

/// Creates an organization.
#[server(prefix = "/actions", endpoint = "organizations/create")]
pub async fn create_organization(
    #[server(default)] name: String,
    #[server(default)] slug: String,
    #[server(default)] domains: String,
    #[server(default)] max_runners: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: "create-organization",
        values: &[
            ("name", &name),
            ("slug", &slug),
            ("domains", &domains),
            ("max_runners", &max_runners),
        ],
        back: "/admin/organizations/new",
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let input = NewOrganizationInput {
            name: name.clone(),
            slug: filled(&slug),
            domains: split_list(&domains),
            max_runners: fields.take(number("max_runners", &max_runners)).flatten(),
            ..NewOrganizationInput::default()
        };
        let created = organizations::create(ctx, fields.and(input.parse())?)
            .await?
            .organization;
        Ok(Done::new(
            format!("/admin/organizations/{}", created.slug),
            format!("Organization {} was created.", created.name),
        ))
    })
    .await
}

/// Saves name, short name and time zone.
#[server(prefix = "/actions", endpoint = "organizations/settings")]
pub async fn save_organization(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] name: String,
    #[server(default)] slug: String,
    #[server(default)] time_zone: String,
) -> Result<(), ApiError> {
    let back = format!("{}/settings", organization_page(&organization, &at));
    let sent = Sent {
        form: "organization-settings",
        values: &[("name", &name), ("slug", &slug), ("time_zone", &time_zone)],
        back: &back,
    };
    sent.run(async |ctx| {
        let patch = OrganizationPatchInput {
            name: Some(name.clone()),
            slug: filled(&slug),
            time_zone: filled(&time_zone),
            ..OrganizationPatchInput::default()
        };
        let changed = organizations::update(ctx, &key(&organization)?, patch.parse()?).await?;
        let to = format!("/admin/organizations/{}/settings", changed.organization.slug);
        Ok(Done::new(to, "Changes saved."))
    })
    .await
}

/// Saves the ceilings.
#[server(prefix = "/actions", endpoint = "organizations/ceilings")]
pub async fn save_ceilings(
    #[server(default)] organization: String,
    #[server(default)] max_runners: String,
    #[server(default)] models: String,
    #[server(default)] max_budget: String,
    #[server(default)] budget_duration: String,
    #[server(default)] tpm_limit: String,
    #[server(default)] rpm_limit: String,
) -> Result<(), ApiError> {
    let back = format!("{}/settings", organization_page(&organization, ""));
    let sent = Sent {
        form: "organization-ceilings",
        values: &[
            ("max_runners", &max_runners),
            ("models", &models),
            ("max_budget", &max_budget),
            ("budget_duration", &budget_duration),
            ("tpm_limit", &tpm_limit),
            ("rpm_limit", &rpm_limit),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let patch = OrganizationPatchInput {
            max_runners: Some(fields.take(number("max_runners", &max_runners)).flatten()),
            models: Some(split_list(&models)),
            max_budget: Some(fields.take(Money::read("max_budget", &max_budget)).flatten()),
            budget_duration: Some(filled(&budget_duration)),
            tpm_limit: Some(fields.take(number("tpm_limit", &tpm_limit)).flatten()),
            rpm_limit: Some(fields.take(number("rpm_limit", &rpm_limit)).flatten()),
            ..OrganizationPatchInput::default()
        };
        organizations::update(ctx, &key(&organization)?, fields.and(patch.parse())?).await?;
        Ok(Done::new(&back, "Ceilings saved."))
    })
    .await
}

/// Adds a person by id or email.
#[server(prefix = "/actions", endpoint = "organizations/people/add")]
pub async fn add_person(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
    #[server(default)] role: String,
    #[server(default)] guest: String,
) -> Result<(), ApiError> {
    let back = format!("{}/people", organization_page(&organization, &at));
    let sent = Sent {
        form: "add-person",
        values: &[("user_id", &user_id), ("role", &role), ("guest", &guest)],
        back: &back,
    };
    sent.run(async |ctx| {
        let user = UserRef::parse("user_id", &user_id)?;
        let role: OrgRole = role.parse()?;
        let person = people_rules::add(ctx, &key(&organization)?, &user, role, !guest.is_empty()).await?;
        let message = if person.guest {
            format!("{} is now in the organization, as a guest.", person.email)
        } else {
            format!("{} is now in the organization.", person.email)
        };
        Ok(Done::new(&back, message))
    })
    .await
}

/// Changes a person's role.
#[server(prefix = "/actions", endpoint = "organizations/people/role")]
pub async fn change_person_role(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
    #[server(default)] role: String,
) -> Result<(), ApiError> {
    let back = format!("{}/people", organization_page(&organization, &at));
    let sent = Sent {
        form: "change-org-role",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let user = UserRef::parse("user_id", &user_id)?;
        let person = people_rules::change_role(ctx, &key(&organization)?, &user, role.parse()?).await?;
        let message = format!("{} has the role {} now.", person.email, role_name(person.role));
        Ok(Done::new(&back, message))
    })
    .await
}

/// Removes a person.
#[server(prefix = "/actions", endpoint = "organizations/people/remove")]
pub async fn remove_person(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
) -> Result<(), ApiError> {
    let back = format!("{}/people", organization_page(&organization, &at));
    let sent = Sent {
        form: "remove-person",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let user = UserRef::parse("user_id", &user_id)?;
        let own = ctx.caller.user_id().map(UserRef::Id).as_ref() == Some(&user);
        let effects = people_rules::remove(ctx, &key(&organization)?, &user).await?;
        // Who has taken themselves out may not see the page any more.
        let to = if own { "/admin/organizations" } else { &back };
        Ok(Done::new(
            to,
            format!("{} was removed from the organization.", effects.email),
        ))
    })
    .await
}

/// Adds a domain.
#[server(prefix = "/actions", endpoint = "organizations/domains/add")]
pub async fn add_domain(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] domain: String,
) -> Result<(), ApiError> {
    let back = format!("{}/domains", organization_page(&organization, &at));
    let sent = Sent {
        form: "add-domain",
        values: &[("domain", &domain)],
        back: &back,
    };
    sent.run(async |ctx| {
        let domain = EmailDomain::claimable("domain", &domain)?;
        let added = domain_rules::add(ctx, &key(&organization)?, &domain).await?;
        Ok(Done::new(
            &back,
            format!("{} was added. It counts as soon as it is verified.", added.domain),
        ))
    })
    .await
}

/// Verifies a domain: by its TXT record, or by the word of a super_admin.
#[server(prefix = "/actions", endpoint = "organizations/domains/verify")]
pub async fn verify_domain(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] domain: String,
    #[server(default)] how: String,
) -> Result<(), ApiError> {
    let back = format!("{}/domains", organization_page(&organization, &at));
    let sent = Sent {
        form: "verify-domain",
        values: &[],
        back: &back,
    };
    // The DNS is asked with no transaction open, so not within `sent.run`.
    match verify(&organization, &domain, &how).await {
        Ok(domain) => {
            ssr::set_flash("success", format!("{domain} is verified.")).await;
            ssr::redirect(&back);
        }
        Err(error) => sent.refuse(error).await,
    }
    Ok(())
}

async fn verify(organization: &str, domain: &str, how: &str) -> ssr::Result<String> {
    let (key, domain) = (key(organization)?, EmailDomain::parse(domain)?);
    let verified = match how.parse()? {
        VerifiedHow::Word => {
            let mut ctx = ssr::write().await?;
            let verified = domain_rules::verify_by_word(&mut ctx, &key, &domain).await?;
            ctx.commit().await?;
            verified
        }
        VerifiedHow::Dns => {
            let visit = ssr::visit();
            let caller = visit
                .caller
                .clone()
                .ok_or_else(|| Error::refused(Code::NotAuthenticated, "Not authenticated"))?;
            domain_rules::verify_by_dns(&visit.backend, caller, visit.request, &key, &domain).await?
        }
    };
    Ok(verified.domain)
}

/// Removes a domain.
#[server(prefix = "/actions", endpoint = "organizations/domains/remove")]
pub async fn remove_domain(
    #[server(default)] organization: String,
    #[server(default)] at: String,
    #[server(default)] domain: String,
) -> Result<(), ApiError> {
    let back = format!("{}/domains", organization_page(&organization, &at));
    let sent = Sent {
        form: "remove-domain",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let domain = EmailDomain::parse(&domain)?;
        domain_rules::remove(ctx, &key(&organization)?, &domain).await?;
        Ok(Done::new(&back, format!("{domain} was removed.")))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_back_to_an_organization_on_this_host_only() {
        let id = "00000000-0000-4000-8000-000000000001";
        assert_eq!(
            organization_page(id, "/admin/organizations/acme"),
            "/admin/organizations/acme"
        );
        for bad in [
            "//evil.example",
            "/admin/organizations//evil",
            "https://evil.example",
            "",
        ] {
            assert_eq!(
                organization_page(id, bad),
                format!("/admin/organizations/{id}"),
                "{bad:?}"
            );
        }
        assert_eq!(organization_page("nonsense\r\n", ""), "/admin/organizations/");
    }
}
