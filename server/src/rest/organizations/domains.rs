//! `/api/v1/admin/organizations/{id}/domains` (SPEC X10).

use axum::{
    extract::RawPathParams,
    response::{IntoResponse, Response},
};
use backend::organizations::{OrganizationKey, domains};
use chrono::{DateTime, Utc};
use domain::{EmailDomain, VerifiedHow, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    problem::Problem,
    rest::{
        body::Json,
        call::{At, Call, PathPart, json, shown, text},
    },
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_domains, add_domain))
        .routes(routes!(remove_domain))
        .routes(routes!(verify_domain))
}

/// A domain in a path.
struct Named(EmailDomain);

impl PathPart for Named {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let name = text(params, "domain");
        EmailDomain::parse(name)
            .map(Self)
            .map_err(|_| backend::Error::not_found("Domain", shown(name)).into())
    }
}

/// An email domain of an organization.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationDomain {
    #[schema(example = "example.com")]
    domain: String,
    /// Whether it counts.
    verified: bool,
    /// `dns` or `word`; null while it is not verified.
    #[schema(value_type = Option<How>)]
    verified_how: Option<VerifiedHow>,
    verified_at: Option<DateTime<Utc>>,
    /// Email of who verified it.
    verified_by: Option<String>,
    /// The text of the TXT record that proves it; null for those who may not verify it.
    #[schema(example = "guildhall-verification=3f2a…")]
    txt_record: Option<String>,
    created_at: DateTime<Utc>,
    /// Email of who added it.
    created_by: Option<String>,
}

/// How a domain is verified.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "the schema of domain::VerifiedHow, which knows nothing of OpenAPI"
)]
enum How {
    /// By the word of a super admin.
    Word,
    /// By a TXT record at the domain.
    Dns,
}

impl From<views::OrganizationDomain> for OrganizationDomain {
    fn from(known: views::OrganizationDomain) -> Self {
        let (verified_at, verified_how) = known.verified.unzip();
        Self {
            domain: known.domain,
            verified: verified_at.is_some(),
            verified_how,
            verified_at,
            verified_by: known.verified_by,
            txt_record: known.record,
            created_at: known.created_at,
            created_by: known.created_by,
        }
    }
}

/// An organization's email domains, by name.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationDomainList {
    domains: Vec<OrganizationDomain>,
    #[schema(example = 1)]
    total: usize,
}

/// A domain to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"domain": "example.com"}))]
struct NewDomain {
    /// No public mail provider.
    domain: String,
}

/// How to verify a domain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"how": "dns"}))]
struct Verification {
    /// `dns` asks for the TXT record; `word` is for super admins.
    how: String,
}

/// List an organization's domains
#[utoipa::path(
    get,
    path = "/admin/organizations/{id}/domains",
    tag = "Organizations",
    params(("id" = String, Path, description = "The organization's id or slug")),
    responses(
        (status = 200, description = "The domains", body = OrganizationDomainList),
        (status = 403, description = "`FORBIDDEN`: the caller neither administers nor audits the organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
    )
)]
async fn list_domains(call: Call, At(key): At<OrganizationKey>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let list = domains::list(&mut ctx, &key).await?;
    let list = OrganizationDomainList {
        total: list.len(),
        domains: list.into_iter().map(OrganizationDomain::from).collect(),
    };
    json(StatusCode::OK, &list)
}

/// Add a domain to an organization
///
/// It counts as soon as it is verified: publish `txt_record` as a TXT record at the domain.
#[utoipa::path(
    post,
    path = "/admin/organizations/{id}/domains",
    tag = "Organizations",
    params(("id" = String, Path, description = "The organization's id or slug")),
    request_body = NewDomain,
    responses(
        (status = 201, description = "The domain", body = OrganizationDomain),
        (status = 403, description = "`FORBIDDEN`: only admins add domains"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
        (status = 409, description = "`NAME_TAKEN`: it is there already; `WRONG_STATE`: the default organization has no domains"),
    )
)]
async fn add_domain(
    call: Call,
    At(key): At<OrganizationKey>,
    Json(body): Json<NewDomain>,
) -> Result<Response, Problem> {
    let domain = EmailDomain::claimable("domain", &body.domain)?;
    let mut ctx = call.write().await?;
    let added = domains::add(&mut ctx, &key, &domain).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &OrganizationDomain::from(added))
}

/// Verify a domain
#[utoipa::path(
    post,
    path = "/admin/organizations/{id}/domains/{domain}/verify",
    tag = "Organizations",
    params(
        ("id" = String, Path, description = "The organization's id or slug"),
        ("domain" = String, Path, description = "The domain"),
    ),
    request_body = Verification,
    responses(
        (status = 200, description = "The domain, verified", body = OrganizationDomain),
        (status = 403, description = "`FORBIDDEN`: only admins verify domains, by word only super admins"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization or domain"),
        (status = 409, description = "`DOMAIN_NOT_PROVEN`: the domain has no such TXT record; `WRONG_STATE`: the default organization has no domains"),
        (status = 503, description = "`DNS_UNAVAILABLE`: the DNS does not answer"),
    )
)]
async fn verify_domain(
    call: Call,
    At((key, domain)): At<(OrganizationKey, Named)>,
    Json(body): Json<Verification>,
) -> Result<Response, Problem> {
    let verified = match body.how.parse()? {
        VerifiedHow::Dns => domains::verify_by_dns(&call.backend, call.caller, call.info, &key, &domain.0).await?,
        VerifiedHow::Word => {
            let mut ctx = call.write().await?;
            let verified = domains::verify_by_word(&mut ctx, &key, &domain.0).await?;
            ctx.commit().await?;
            verified
        }
    };
    json(StatusCode::OK, &OrganizationDomain::from(verified))
}

/// Remove a domain from an organization
///
/// Who belongs to the organization stays. Verified domains are removed by super admins.
#[utoipa::path(
    delete,
    path = "/admin/organizations/{id}/domains/{domain}",
    tag = "Organizations",
    params(
        ("id" = String, Path, description = "The organization's id or slug"),
        ("domain" = String, Path, description = "The domain"),
    ),
    responses(
        (status = 204, description = "The domain is not there any more"),
        (status = 403, description = "`FORBIDDEN`: only admins remove domains, verified ones only super admins"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization or domain"),
        (status = 409, description = "`WRONG_STATE`: the default organization has no domains"),
    )
)]
async fn remove_domain(call: Call, At((key, domain)): At<(OrganizationKey, Named)>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    domains::remove(&mut ctx, &key, &domain.0).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
