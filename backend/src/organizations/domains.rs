//! Email domains: whose they are, and how that was settled (SPEC X10).

use domain::{
    EmailDomain, MAX_DOMAINS, OrganizationId, Permission, Standing, VerifiedHow, verification_record,
    views::OrganizationDomain,
};
use integrations::dns;
use rand::RngExt;
use serde_json::{Value, json};

use super::{Loaded, Lock, OrganizationKey, load, require, sees_whole, super_admins_only};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit};

/// The domains of an organization by name: all with what proves them for those who administer it, all for those who see
/// it whole, the verified ones for others.
pub(super) async fn of(ctx: &mut Ctx, id: OrganizationId, standing: &Standing) -> Result<Vec<OrganizationDomain>> {
    let (administers, whole) = (standing.may(Permission::TeamAdminister), sees_whole(standing));
    let rows = sqlx::query!(
        r#"SELECT d.domain, d.token, d.created_at, c.email AS "created_by?", d.verified_at, d.verified_how,
            v.email AS "verified_by?"
        FROM organization_domains d LEFT JOIN users c ON c.id = d.created_by LEFT JOIN users v ON v.id = d.verified_by
        WHERE d.organization_id = $1 AND ($2 OR d.verified_at IS NOT NULL) ORDER BY d.domain"#,
        id.0,
        whole,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let how = row.verified_how.as_deref().map(str::parse::<VerifiedHow>).transpose()?;
            Ok(OrganizationDomain {
                domain: row.domain,
                record: administers.then(|| verification_record(&row.token)),
                created_at: row.created_at,
                created_by: row.created_by.filter(|_| whole),
                verified: row.verified_at.zip(how),
                verified_by: row.verified_by.filter(|_| whole),
            })
        })
        .collect()
}

/// The names of the verified domains, and of the others.
pub(super) async fn names(ctx: &mut Ctx, id: OrganizationId) -> Result<(Vec<String>, Vec<String>)> {
    let rows = sqlx::query!(
        r#"SELECT domain, verified_at IS NOT NULL AS "verified!" FROM organization_domains
        WHERE organization_id = $1 ORDER BY domain"#,
        id.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let (verified, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.verified);
    Ok((
        verified.into_iter().map(|row| row.domain).collect(),
        others.into_iter().map(|row| row.domain).collect(),
    ))
}

/// The domains of an organization.
///
/// # Errors
/// 404 when there is no such organization; 403 for those who do not see it whole.
pub async fn list(ctx: &mut Ctx, key: &OrganizationKey) -> Result<Vec<OrganizationDomain>> {
    let loaded = load(ctx, key, Lock::None).await?;
    require(&loaded.standing, Permission::TeamView)?;
    of(ctx, loaded.id(), &loaded.standing).await
}

/// How many people of an organization have an address at a domain of it: what removing it is about.
///
/// # Errors
/// 403 without the right; 404 when there is no such organization or domain.
pub async fn people_at(ctx: &mut Ctx, key: &OrganizationKey, domain: &EmailDomain) -> Result<i64> {
    let loaded = load(ctx, key, Lock::None).await?;
    require(&loaded.standing, Permission::TeamAdminister)?;
    one(ctx, &loaded, domain).await?;
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM organization_members m JOIN users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND split_part(u.email, '@', 2) = $2"#,
        loaded.id().0,
        domain.as_str(),
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// Adds a domain, which counts as soon as it is verified.
///
/// # Errors
/// 403 without the right; 409 when it is there, or the organization is the default one, which takes anyone.
pub async fn add(ctx: &mut Ctx, key: &OrganizationKey, domain: &EmailDomain) -> Result<OrganizationDomain> {
    let loaded = administered(ctx, key).await?;
    let (verified, others) = names(ctx, loaded.id()).await?;
    if verified.iter().chain(&others).any(|known| known == domain.as_str()) {
        return Err(Error::refused(
            Code::NameTaken,
            format!("Domain '{domain}' is there already"),
        ));
    }
    if verified.len() + others.len() >= MAX_DOMAINS {
        return Err(Error::invalid(
            "domain",
            format!("is one too many: {MAX_DOMAINS} is the most"),
        ));
    }
    set(ctx, loaded.id(), std::slice::from_ref(domain), None).await?;
    record(
        ctx,
        "organization.domain_add",
        &loaded,
        Value::Null,
        json!({"domain": domain}),
    )
    .await?;
    one(ctx, &loaded, domain).await
}

/// Verifies a domain by the word of a super_admin.
///
/// # Errors
/// 403 for others; 404 when the domain is not there.
pub async fn verify_by_word(ctx: &mut Ctx, key: &OrganizationKey, domain: &EmailDomain) -> Result<OrganizationDomain> {
    let loaded = administered(ctx, key).await?;
    if !loaded.standing.super_admin {
        return Err(super_admins_only(
            "verify a domain by word (org_admins verify it by a TXT record)",
        ));
    }
    verify(ctx, &loaded, domain, VerifiedHow::Word).await
}

/// Verifies a domain by asking the DNS for the TXT record. No transaction is open meanwhile.
///
/// # Errors
/// 403 without the right; 404 when the domain is not there; 409 `No TXT record …` as long as it is not published; 503
/// when the DNS does not answer.
pub async fn verify_by_dns(
    backend: &Backend,
    caller: Caller,
    request: RequestInfo,
    key: &OrganizationKey,
    domain: &EmailDomain,
) -> Result<OrganizationDomain> {
    let mut ctx = Ctx::read(backend, caller.clone(), request.clone()).await?;
    let loaded = load(&mut ctx, key, Lock::None).await?;
    require(&loaded.standing, Permission::TeamAdminister)?;
    let known = one(&mut ctx, &loaded, domain).await?;
    drop(ctx);
    if known.verified.is_some() {
        return Ok(known);
    }
    let wanted = known.record.unwrap_or_default();
    let texts = dns::txt(backend.settings.dns_resolver, domain.as_str())
        .await
        .map_err(|error| Error::Unavailable(Code::DnsUnavailable, format!("{error}. Try again in a moment."), None))?;
    if !texts.iter().any(|text| text.trim() == wanted) {
        return Err(Error::refused(
            Code::DomainNotProven,
            format!(
                "No TXT record '{wanted}' at {domain}. It has {}. New records may take some minutes to be seen.",
                match texts.len() {
                    0 => "no TXT records".to_owned(),
                    1 => "1 other TXT record".to_owned(),
                    n => format!("{n} other TXT records"),
                }
            ),
        ));
    }
    let mut ctx = Ctx::write(backend, caller, request).await?;
    let loaded = administered(&mut ctx, &loaded.id().into()).await?;
    // Removed and added again meanwhile, it has another token.
    if one(&mut ctx, &loaded, domain).await?.record.as_deref() != Some(wanted.as_str()) {
        return Err(missing(domain));
    }
    let verified = verify(&mut ctx, &loaded, domain, VerifiedHow::Dns).await?;
    ctx.commit().await?;
    Ok(verified)
}

/// Removes a domain. Who belongs to the organization stays. A verified one is a super_admin's to give up: without any
/// the organization takes anyone.
///
/// # Errors
/// 403 without the right; 404 when it is not there.
pub async fn remove(ctx: &mut Ctx, key: &OrganizationKey, domain: &EmailDomain) -> Result<()> {
    let loaded = administered(ctx, key).await?;
    let known = one(ctx, &loaded, domain).await?;
    if known.verified.is_some() && !loaded.standing.super_admin {
        return Err(super_admins_only("give up a verified domain"));
    }
    delete(ctx, loaded.id(), &[domain.to_string()]).await?;
    let before = json!({"domain": domain, "verified": known.verified.map(|(_, how)| how)});
    record(ctx, "organization.domain_remove", &loaded, before, Value::Null).await
}

/// Makes a list the domains of an organization: by a super_admin they count at once; by others new ones wait to be
/// verified. The caller was authorised and audits.
pub(super) async fn replace(ctx: &mut Ctx, loaded: &Loaded, list: &[EmailDomain]) -> Result<()> {
    require_own(loaded)?;
    let (verified, others) = names(ctx, loaded.id()).await?;
    let kept = |domain: &String| list.iter().any(|wanted| wanted.as_str() == domain);
    let by_word = loaded.standing.super_admin;
    if !by_word && !verified.iter().all(kept) {
        return Err(super_admins_only("give up a verified domain"));
    }
    let gone: Vec<String> = verified
        .into_iter()
        .chain(others)
        .filter(|domain| !kept(domain))
        .collect();
    delete(ctx, loaded.id(), &gone).await?;
    set(ctx, loaded.id(), list, by_word.then_some(VerifiedHow::Word)).await
}

/// Adds the domains that are not there; with `how`, those that were not verified are from now on.
pub(super) async fn set(
    ctx: &mut Ctx,
    id: OrganizationId,
    domains: &[EmailDomain],
    how: Option<VerifiedHow>,
) -> Result<()> {
    if domains.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = domains.iter().map(ToString::to_string).collect();
    let tokens: Vec<String> = names.iter().map(|_| token()).collect();
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO organization_domains AS d
            (organization_id, domain, token, created_at, created_by, verified_at, verified_by, verified_how)
        SELECT $1, n.domain, n.token, $4, $5::uuid, CASE WHEN $6::text IS NULL THEN NULL ELSE $4::timestamptz END,
            CASE WHEN $6::text IS NULL THEN NULL ELSE $5::uuid END, $6::text
        FROM unnest($2::text[], $3::text[]) AS n (domain, token)
        ON CONFLICT (organization_id, domain) DO UPDATE SET verified_at = excluded.verified_at,
            verified_by = excluded.verified_by, verified_how = excluded.verified_how
        WHERE d.verified_at IS NULL AND excluded.verified_at IS NOT NULL",
        id.0,
        &names,
        &tokens,
        now,
        by,
        how.map(VerifiedHow::as_str),
    )
    .execute(ctx.connection())
    .await?;
    if how.is_some() {
        welcome(ctx, id, &names).await?;
    }
    Ok(())
}

async fn verify(ctx: &mut Ctx, loaded: &Loaded, domain: &EmailDomain, how: VerifiedHow) -> Result<OrganizationDomain> {
    let known = one(ctx, loaded, domain).await?;
    if known.verified.is_some() {
        return Ok(known);
    }
    set(ctx, loaded.id(), std::slice::from_ref(domain), Some(how)).await?;
    let before = json!({"domain": domain, "verified": null});
    let after = json!({"domain": domain, "verified": how});
    record(ctx, "organization.domain_verify", loaded, before, after).await?;
    one(ctx, loaded, domain).await
}

/// Guests whose address is at a domain that has just become the organization's are guests no more.
async fn welcome(ctx: &mut Ctx, id: OrganizationId, domains: &[String]) -> Result<()> {
    sqlx::query!(
        "UPDATE organization_members m SET is_guest = false FROM users u
        WHERE m.organization_id = $1 AND m.is_guest AND u.id = m.user_id AND split_part(u.email, '@', 2) = ANY($2)",
        id.0,
        domains,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

async fn delete(ctx: &mut Ctx, id: OrganizationId, domains: &[String]) -> Result<()> {
    sqlx::query!(
        "DELETE FROM organization_domains WHERE organization_id = $1 AND domain = ANY($2)",
        id.0,
        domains,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// The organization, locked, for someone who administers it.
async fn administered(ctx: &mut Ctx, key: &OrganizationKey) -> Result<Loaded> {
    let loaded = load(ctx, key, Lock::Update).await?;
    require(&loaded.standing, Permission::TeamAdminister)?;
    require_own(&loaded)?;
    Ok(loaded)
}

/// The default organization takes anyone, so a domain of it would mean nothing.
fn require_own(loaded: &Loaded) -> Result<()> {
    if loaded.is_default() {
        return Err(Error::refused(
            Code::WrongState,
            "The default organization has no domains: it takes anyone",
        ));
    }
    Ok(())
}

async fn one(ctx: &mut Ctx, loaded: &Loaded, domain: &EmailDomain) -> Result<OrganizationDomain> {
    of(ctx, loaded.id(), &loaded.standing)
        .await?
        .into_iter()
        .find(|known| known.domain == domain.as_str())
        .ok_or_else(|| missing(domain))
}

fn missing(domain: &EmailDomain) -> Error {
    Error::not_found("Domain", domain)
}

/// 128 random bits, in a form that survives every editor of zone files.
fn token() -> String {
    let bits: u128 = rand::rng().random();
    format!("{bits:032x}")
}

async fn record(ctx: &mut Ctx, action: &'static str, loaded: &Loaded, before: Value, after: Value) -> Result<()> {
    let name = loaded.organization.name.clone();
    let mut entry = audit::Entry::new(action, "organization", loaded.id(), &name).change(before, after);
    entry.organization = Some(loaded.id());
    audit::record(ctx, entry).await
}
