//! What a directory's word does to a person's access: the account behind a resource, its beginning and its end.
//!
//! | the person | deactivated by the directory |
//! |---|---|
//! | has an account that this directory made, or an address at a verified domain of the organization; belongs to nothing else | the account is deactivated, as in the console |
//! | belongs to another organization or to a team that stands alone, or administers or audits the installation, or is known here by more than the directory's word | leaves the organization, with its teams; the account stays |
//!
//! Both also take a last admin (SPEC D12), and no account of a super_admin is ever ended. Coming back undoes what was done,
//! and only that: an account that a super_admin has deactivated stays so.

use chrono::{DateTime, Utc};
use domain::{Comment, Email, PersonName, UserId, UserRef, directory::Provider, scim::Refused};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Directory, Failure, Result, text};
use crate::{
    Ctx, Error, identity, identity_links,
    members::organization::come_back,
    organizations::{self, Admission, Belonged, join_by_directory, leave_by_directory},
    users::{self, directory as accounts},
};

/// The address of a person: the primary one, else the first, else the userName when it is one.
///
/// # Errors
/// `invalidValue` when the address is none.
pub(super) fn address(map: &Map<String, Value>) -> Result<Option<Email>, Refused> {
    let emails = map
        .get("emails")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let with_value = || emails.iter().filter(|email| email["value"].is_string());
    let chosen = with_value()
        .find(|email| email["primary"] == true)
        .or_else(|| with_value().next());
    match chosen.and_then(|email| email["value"].as_str()) {
        Some(text) => Email::parse(text)
            .map(Some)
            .map_err(|_| Refused::value("emails", "must have an email address like name@example.com as value")),
        None => Ok(map
            .get("userName")
            .and_then(Value::as_str)
            .and_then(|name| Email::parse(name).ok())),
    }
}

/// The name that people see.
pub(super) fn display_name(map: &Map<String, Value>) -> Option<PersonName> {
    let name = map.get("name").and_then(Value::as_object);
    let part = |part: &str| name.and_then(|name| text(name, part));
    let parts = [part("givenName"), part("familyName")];
    let joined = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let candidates = [text(map, "displayName"), part("formatted"), Some(joined)];
    candidates
        .into_iter()
        .flatten()
        .find_map(|name| PersonName::parse(&name).ok())
}

/// What this directory did to a person before.
#[derive(Default)]
struct Past {
    made_account: bool,
    ended_account_at: Option<DateTime<Utc>>,
    belonged: Option<Belonged>,
    is_ended: bool,
}

async fn past(ctx: &mut Ctx, directory: &Directory, user: UserId) -> Result<Past> {
    let row = sqlx::query!(
        "SELECT made_account, ended, ended_at, taken FROM scim_people
        WHERE organization_id = $1 AND user_id = $2 FOR NO KEY UPDATE",
        directory.organization.0,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(row) = row else { return Ok(Past::default()) };
    let belonged = row.taken.map(serde_json::from_value).transpose().map_err(Error::from)?;
    Ok(Past {
        made_account: row.made_account,
        ended_account_at: row.ended_at.filter(|_| row.ended.as_deref() == Some("account")),
        belonged,
        is_ended: row.ended.is_some(),
    })
}

/// The account of someone whom the directory sends for the first time: the one with the address, else a new one.
async fn account(ctx: &mut Ctx, directory: &Directory, email: &Email, name: Option<&PersonName>) -> Result<UserId> {
    if let Some(known) = accounts::at_address(ctx, directory.organization, email).await? {
        if known.unverified && !known.belongs {
            return Err(Refused::value(
                "emails",
                "names an account that was opened by an identity whose email was never verified: ask a super_admin to settle whose it is",
            )
            .into());
        }
        return Ok(known.id);
    }
    // Refused before it is made: the organization's rule is also who may have an account by its word.
    let admission = Admission::load(ctx, directory.organization).await?;
    admission.admit(email.as_str())?;
    // Without a verified domain the rule takes anyone: then it is sign-up that says whether strangers have accounts.
    if !admission.owns(email.as_str()) && !ctx.backend.settings.signup_open {
        return Err(Refused::value(
            "emails",
            "must be at a verified domain of the organization, as sign-up is closed: add the domain, or ask a super_admin to create the account",
        )
        .into());
    }
    let user = identity::insert(ctx, email, name, identity::Rights::default()).await?;
    sqlx::query!(
        "INSERT INTO scim_people (organization_id, user_id, made_account) VALUES ($1, $2, true)",
        directory.organization.0,
        user.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(user)
}

/// Ties a resource to an account.
async fn tie(ctx: &mut Ctx, resource: Uuid, user: UserId) -> Result<()> {
    sqlx::query!("UPDATE scim_users SET user_id = $2 WHERE id = $1", resource, user.0)
        .execute(ctx.connection())
        .await
        .map_err(|error| {
            super::taken(
                error,
                &[(
                    "scim_users_user_key",
                    "Another user of this directory has this email address",
                )],
            )
        })?;
    Ok(())
}

/// A resource's person as its attributes describe them.
pub(super) struct Described<'a> {
    pub(super) id: Uuid,
    pub(super) user: Option<UserId>,
    pub(super) active: bool,
    pub(super) was_active: bool,
    pub(super) body: &'a Map<String, Value>,
}

/// Gives or ends access, as the resource now says; says whose account it is.
///
/// # Errors
/// `invalidValue` for an address that is none or not the organization's; `uniqueness` for an address of another resource.
pub(super) async fn settle(ctx: &mut Ctx, directory: &Directory, person: &Described<'_>) -> Result<Option<UserId>> {
    let is_new = person.user.is_none();
    let user = match person.user {
        Some(user) => user,
        None => {
            let Some(email) = address(person.body)? else {
                return Ok(None);
            };
            let user = if person.active {
                account(ctx, directory, &email, display_name(person.body).as_ref()).await?
            } else {
                // Someone who is not to have access gets no account; whoever has access already loses it.
                match accounts::at_address(ctx, directory.organization, &email).await? {
                    Some(known) if known.belongs => known.id,
                    _ => return Ok(None),
                }
            };
            tie(ctx, person.id, user).await?;
            user
        }
    };
    match (person.active, is_new || person.was_active != person.active) {
        (true, true) => begin(ctx, directory, user).await?,
        (false, true) => end(ctx, directory, user).await?,
        (_, false) => {}
    }
    Ok(Some(user))
}

/// Gives someone access to the organization, and what the directory took before.
async fn begin(ctx: &mut Ctx, directory: &Directory, user: UserId) -> Result<()> {
    let past = past(ctx, directory, user).await?;
    if past.ended_account_at.is_some() {
        users::lock_changes(ctx).await?;
    }
    let known = known(ctx, directory, user).await?;
    // Only what the directory itself has ended, and nobody since: a super_admin's word stands above it.
    if past.ended_account_at.is_some() && known.deactivated_at == past.ended_account_at {
        users::activate(ctx, &UserRef::Id(user)).await?;
    }
    let organization = directory.organization;
    // Before any team of it, as everything does that locks both.
    organizations::lock(ctx, organization).await?;
    join_by_directory(ctx, organization, user, &known.email, past.belonged.as_ref()).await?;
    if let Some(belonged) = &past.belonged {
        come_back(ctx, organization, user, &known.email, &belonged.teams).await?;
    }
    if past.is_ended {
        sqlx::query!(
            "UPDATE scim_people SET ended = NULL, ended_at = NULL, taken = NULL
            WHERE organization_id = $1 AND user_id = $2",
            organization.0,
            user.0,
        )
        .execute(ctx.connection())
        .await?;
    }
    for group in groups_of(ctx, directory, user).await? {
        identity_links::put_in(ctx, Provider::Scim, &group.to_string(), Some(organization), &[user]).await?;
    }
    Ok(())
}

async fn known(ctx: &mut Ctx, directory: &Directory, user: UserId) -> Result<accounts::Known> {
    let known = accounts::known(ctx, directory.organization, user).await?;
    known.ok_or_else(|| Error::internal("an account that SCIM knows is not there").into())
}

/// Ends someone's access: the account's, or that to the organization.
pub(super) async fn end(ctx: &mut Ctx, directory: &Directory, user: UserId) -> Result<()> {
    let past = past(ctx, directory, user).await?;
    users::lock_changes(ctx).await?;
    let known = known(ctx, directory, user).await?;
    // It has ended the account already, and nobody brought it back.
    if past.ended_account_at.is_some() && known.deactivated_at == past.ended_account_at {
        return Ok(());
    }
    let organization = directory.organization;
    let vouched = past.made_account || Admission::load(ctx, organization).await?.owns(&known.email);
    let whole = vouched && !known.elsewhere && known.deactivated_at.is_none();
    let taken = if whole {
        let comment = Comment::parse("Deactivated by the organization's directory, over SCIM").map_err(Error::from)?;
        users::deactivate(ctx, &UserRef::Id(user), &comment).await?;
        None
    } else {
        leave_by_directory(ctx, organization, user, &known.email).await?
    };
    let taken = taken.map(serde_json::to_value).transpose().map_err(Error::from)?;
    let now = ctx.now;
    sqlx::query!(
        "INSERT INTO scim_people (organization_id, user_id, ended, ended_at, taken) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (organization_id, user_id) DO UPDATE
            SET ended = excluded.ended, ended_at = excluded.ended_at, taken = excluded.taken",
        organization.0,
        user.0,
        if whole { "account" } else { "membership" },
        now,
        taken,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Gives an account the name that the directory has now, when the account is its own and nobody else's.
pub(super) async fn rename(
    ctx: &mut Ctx,
    directory: &Directory,
    user: UserId,
    body: &Map<String, Value>,
) -> Result<()> {
    if !past(ctx, directory, user).await?.made_account {
        return Ok(());
    }
    let known = known(ctx, directory, user).await?;
    if known.elsewhere {
        return Ok(());
    }
    accounts::rename(ctx, &known, display_name(body).as_ref()).await?;
    Ok(())
}

/// The groups that someone is in, for the directory.
pub(super) async fn groups_of(ctx: &mut Ctx, directory: &Directory, user: UserId) -> Result<Vec<Uuid>, Failure> {
    Ok(sqlx::query_scalar!(
        "SELECT m.group_id FROM scim_group_members m JOIN scim_users s ON s.id = m.member
        WHERE s.organization_id = $1 AND s.user_id = $2 ORDER BY m.group_id",
        directory.organization.0,
        user.0,
    )
    .fetch_all(ctx.connection())
    .await?)
}
