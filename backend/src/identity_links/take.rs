//! Taking away what links gave: only what they gave, only by authoritative links, and never all at once without a word.

mod installation;
mod organization;
mod team;

use std::collections::BTreeMap;

use domain::directory::{Gives, Mode, may_remove};
use uuid::Uuid;

use super::{
    Link,
    events::{self, Event, Kind},
    read,
};
use crate::{Ctx, Result};

/// Notes that people left groups; a pair is a link and a person. Authoritative links take away what they gave, unless that
/// is more than one pass may take: then it waits for somebody's word.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn take(ctx: &mut Ctx, pairs: &[(Uuid, Uuid)]) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let (ids, users): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().copied().unzip();
    let now = ctx.now;
    let left = sqlx::query_scalar!(
        "UPDATE identity_link_members m SET left_at = $3 FROM unnest($1::uuid[], $2::uuid[]) AS p(link_id, user_id)
        WHERE m.link_id = p.link_id AND m.user_id = p.user_id AND m.left_at IS NULL RETURNING m.link_id",
        &ids,
        &users,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    for link in read::by_ids(ctx, &left).await? {
        if link.mode == Mode::Authoritative {
            settle(ctx, &link).await?;
        }
    }
    Ok(())
}

/// Takes away what a link gave to those who left its group, or holds it.
pub(super) async fn settle(ctx: &mut Ctx, link: &Link) -> Result<()> {
    // Two passes count one after the other.
    sqlx::query_scalar!("SELECT id FROM identity_links WHERE id = $1 FOR NO KEY UPDATE", link.id)
        .fetch_optional(ctx.connection())
        .await?;
    let recent = recently_removed(ctx, link.id).await?;
    let people = sqlx::query!(
        r#"SELECT count(*) AS "present!", array_remove(array_agg(user_id ORDER BY since, user_id)
            FILTER (WHERE left_at IS NOT NULL), NULL) AS "leaving: Vec<Uuid>"
        FROM identity_link_members WHERE link_id = $1"#,
        link.id,
    )
    .fetch_one(ctx.connection())
    .await?;
    let leaving = people.leaving.unwrap_or_default();
    let present = usize::try_from(people.present).unwrap_or_default();
    if link.held_at.is_none() && may_remove(leaving.len() + recent, present + recent, link.removal_limit) {
        return remove(ctx, link, &leaving).await.map(drop);
    }
    let now = ctx.now;
    let held = sqlx::query!(
        "UPDATE identity_links SET held_at = $2 WHERE id = $1 AND held_at IS NULL",
        link.id,
        now,
    )
    .execute(ctx.connection())
    .await?;
    if held.rows_affected() == 1 {
        let why = format!(
            "{} of {present} left the group, which is more than {} %: nobody is removed until somebody says so",
            leaving.len(),
            link.removal_limit
        );
        events::note(ctx, &[Event::of(link.id, Kind::Held).with(why)]).await?;
    }
    Ok(())
}

/// How many were taken out within the last hour, and since somebody last gave their word: a group that is emptied one by
/// one is emptied all the same.
async fn recently_removed(ctx: &mut Ctx, link: Uuid) -> Result<usize> {
    let now = ctx.now;
    let count = sqlx::query_scalar!(
        r#"SELECT count(DISTINCT e.user_id) AS "n!" FROM identity_link_events e WHERE e.link_id = $1 AND e.kind = 'removed'
            AND e.at > greatest($2::timestamptz - interval '1 hour',
                (SELECT max(at) FROM identity_link_events WHERE link_id = $1 AND kind = 'released'))
            -- Who came back is not gone.
            AND NOT EXISTS (SELECT FROM identity_link_members m WHERE m.link_id = $1 AND m.user_id = e.user_id)"#,
        link,
        now,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// What becomes of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// They lost what the link gave.
    Lost,
    /// They have less than before: another link gives that.
    Lowered,
    /// They keep it, since somebody gave it by hand.
    ByHand,
    /// They keep it, since another group gives it.
    ByAnother,
    /// They keep it until there is another admin: the link remembers that they left.
    LastAdmin,
}

impl Fate {
    /// Why they keep it, or what they keep.
    pub(super) fn detail(self) -> Option<&'static str> {
        match self {
            Self::Lost => None,
            Self::Lowered => Some("keeps less, by another group"),
            Self::ByHand => Some("was given it by hand"),
            Self::ByAnother => Some("has it by another group"),
            Self::LastAdmin => Some("is the last admin"),
        }
    }

    fn event(self, link: Uuid, user: Uuid) -> Event {
        let kind = match self {
            Self::Lost | Self::Lowered => Kind::Removed,
            Self::ByHand | Self::ByAnother | Self::LastAdmin => Kind::Kept,
        };
        Event {
            detail: self.detail().map(str::to_owned),
            ..Event::to(link, kind, user)
        }
    }
}

/// Takes away, without asking, what a link gave to people; says what became of each of them.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn remove(ctx: &mut Ctx, link: &Link, people: &[Uuid]) -> Result<BTreeMap<Uuid, Fate>> {
    if people.is_empty() {
        return Ok(BTreeMap::new());
    }
    super::give::lock(ctx, std::iter::once(link)).await?;
    let emails = super::give::emails(ctx, people).await?;
    let fates: BTreeMap<Uuid, Fate> = match link.gives {
        Gives::Team(organization, id, _) => team::take(ctx, link, organization, id, people, &emails).await?,
        Gives::Organization(id, _) => organization::take(ctx, link, id, people, &emails).await?,
        Gives::Installation(role) => installation::take(ctx, link, role, people, &emails).await?,
    };
    let gone: Vec<Uuid> = (fates.iter())
        .filter(|(_, fate)| **fate != Fate::LastAdmin)
        .map(|(user, _)| *user)
        .collect();
    sqlx::query!(
        "DELETE FROM identity_link_members WHERE link_id = $1 AND user_id = ANY($2)",
        link.id,
        &gone,
    )
    .execute(ctx.connection())
    .await?;
    let known = known_as_last_admin(ctx, link.id).await?;
    let events: Vec<Event> = (fates.iter())
        // Said once, not at each pass.
        .filter(|(user, fate)| **fate != Fate::LastAdmin || !known.contains(user))
        .map(|(user, fate)| fate.event(link.id, *user))
        .collect();
    events::note(ctx, &events).await?;
    Ok(fates)
}

/// Of whom it was the last thing said that they stay as the last admin.
async fn known_as_last_admin(ctx: &mut Ctx, link: Uuid) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        r#"SELECT m.user_id FROM identity_link_members m WHERE m.link_id = $1 AND m.left_at IS NOT NULL
            AND EXISTS (SELECT FROM identity_link_events e WHERE e.link_id = $1 AND e.user_id = m.user_id
                AND e.kind = 'kept' AND e.at >= m.left_at)"#,
        link,
    )
    .fetch_all(ctx.connection())
    .await?)
}
