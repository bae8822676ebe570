//! Making one removal that a review decided, by the function that makes it anyway.
//!
//! Only what was looked at is removed: who left and came back meanwhile, or has another role now, stays.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    LineKind, LineOutcome, OrgRole, OrganizationId, ServiceId, TeamId, UserId, UserRef, role_after_removal,
    views::{AccessReview, ReviewLine},
};

use crate::{Code, Ctx, Error, Result, members, organizations, services, teams};

/// What happened, and what there is to say of it.
pub(super) type Happened = (LineOutcome, Option<String>);

/// Removes what a line is about.
///
/// # Errors
/// Whatever the removal is refused for.
pub(super) async fn remove(ctx: &mut Ctx, review: &AccessReview, line: &ReviewLine) -> Result<Happened> {
    match (line.kind, line.team_id, line.user_id, line.service_id) {
        (LineKind::Membership, Some(team), Some(user), _) => membership(ctx, team, user, line.since).await,
        (LineKind::OrganizationRole, _, Some(user), _) => role(ctx, review.organization_id, user, line).await,
        (LineKind::Service, Some(team), _, Some(service)) => service_of(ctx, team, service, line.since).await,
        _ => Err(Error::internal(format!("line {} is about nothing", line.id))),
    }
}

fn gone(words: impl Into<String>) -> Happened {
    (LineOutcome::Gone, Some(words.into()))
}

fn day(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

async fn membership(ctx: &mut Ctx, team: TeamId, user: UserId, since: DateTime<Utc>) -> Result<Happened> {
    // Nobody joins or leaves between the look and the removal.
    teams::load(ctx, team, teams::Lock::Update).await?;
    let user = UserRef::Id(user);
    let member = match members::find(ctx, team, &user).await {
        Ok(member) => member,
        Err(Error::Refused(Code::NotFound, _)) => return Ok(gone("Had left the team already")),
        Err(error) => return Err(error),
    };
    if member.joined_at != since {
        return Ok(gone(format!(
            "Had left, and was added again on {}: that membership was not reviewed",
            day(member.joined_at)
        )));
    }
    let effects = members::remove(ctx, team, &user).await?;
    let mut also = Vec::new();
    if effects.project_roles > 0 {
        also.push(format!("project roles taken: {}", effects.project_roles));
    }
    if effects.keys > 0 {
        also.push(format!("keys revoked: {}", effects.keys));
    }
    if effects.runners > 0 {
        also.push(format!("runners left running: {}", effects.runners));
    }
    Ok((LineOutcome::Removed, (!also.is_empty()).then(|| also.join(", "))))
}

async fn role(ctx: &mut Ctx, organization: OrganizationId, user: UserId, line: &ReviewLine) -> Result<Happened> {
    let key = organization.into();
    organizations::load(ctx, &key, organizations::Lock::Update).await?;
    let Some(person) = organizations::people::one(ctx, organization, user).await? else {
        return Ok(gone("Had left the organization already"));
    };
    if Some(person.role.as_str()) != line.role.as_deref() {
        return Ok(gone(format!(
            "Is {} now: that role was not reviewed",
            person.role.as_str()
        )));
    }
    if person.joined_at != line.since {
        return Ok(gone(format!(
            "Had left, and was added again on {}: that was not reviewed",
            day(person.joined_at)
        )));
    }
    let user = UserRef::Id(user);
    if let Some(lower) = role_after_removal(person.role) {
        organizations::people::change_role(ctx, &key, &user, lower).await?;
        let words = format!("Is {} now", OrgRole::OrgMember.as_str());
        return Ok((LineOutcome::Removed, Some(words)));
    }
    if person.team_count > 0 {
        return Ok(gone(
            "Has joined a team of the organization since: that membership was not reviewed",
        ));
    }
    organizations::people::remove(ctx, &key, &user).await?;
    Ok((LineOutcome::Removed, None))
}

async fn service_of(ctx: &mut Ctx, team: TeamId, service: ServiceId, since: DateTime<Utc>) -> Result<Happened> {
    let page = teams::load(ctx, team, teams::Lock::Update).await?;
    let choices = services::choices(ctx, &page.team).await?;
    let choice = choices.into_iter().find(|choice| choice.id == service);
    let Some(allowed) = choice.and_then(|choice| choice.allowed) else {
        return Ok(gone("Was not allowed any more"));
    };
    if allowed.allowed_at != since {
        return Ok(gone(format!(
            "Was allowed anew on {}, with a reason that was not reviewed",
            day(allowed.allowed_at)
        )));
    }
    let saved = services::stop(ctx, team, service).await?;
    let keys = saved.change.broken.keys;
    Ok((
        LineOutcome::Removed,
        (keys > 0).then(|| format!("keys that can no longer use it: {keys}")),
    ))
}
