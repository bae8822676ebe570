//! What links did, when, to whom.

use uuid::Uuid;

use crate::{Ctx, Result};

/// Something that a link did or that happened to it.
pub(super) struct Event {
    pub(super) link: Uuid,
    pub(super) kind: Kind,
    pub(super) user: Option<Uuid>,
    pub(super) detail: Option<String>,
}

/// The kinds of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The link was made.
    Created,
    /// Somebody got what it gives.
    Added,
    /// Somebody lost it.
    Removed,
    /// Somebody would have lost it, and did not.
    Kept,
    /// Removals wait for somebody's word.
    Held,
    /// That word was given.
    Released,
    /// The group has another name.
    Renamed,
    /// Its settings were changed.
    Mode,
    /// The directory has the group no more.
    Missing,
    /// The directory has it again.
    Found,
    /// The directory could not be asked.
    Failed,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Kept => "kept",
            Self::Held => "held",
            Self::Released => "released",
            Self::Renamed => "renamed",
            Self::Mode => "mode",
            Self::Missing => "missing",
            Self::Found => "found",
            Self::Failed => "failed",
        }
    }
}

impl Event {
    pub(super) fn of(link: Uuid, kind: Kind) -> Self {
        Self {
            link,
            kind,
            user: None,
            detail: None,
        }
    }

    pub(super) fn to(link: Uuid, kind: Kind, user: Uuid) -> Self {
        Self {
            user: Some(user),
            ..Self::of(link, kind)
        }
    }

    pub(super) fn with(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }
}

/// Writes events, in their order.
pub(super) async fn note(ctx: &mut Ctx, events: &[Event]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let now = ctx.now;
    let ids: Vec<Uuid> = events.iter().map(|_| Uuid::now_v7()).collect();
    let links: Vec<Uuid> = events.iter().map(|event| event.link).collect();
    let kinds: Vec<String> = events.iter().map(|event| event.kind.as_str().to_owned()).collect();
    let users: Vec<Option<Uuid>> = events.iter().map(|event| event.user).collect();
    let details: Vec<Option<String>> = events.iter().map(|event| event.detail.clone()).collect();
    sqlx::query!(
        "INSERT INTO identity_link_events (id, link_id, at, kind, user_id, detail)
        SELECT n.id, n.link_id, $1, n.kind, n.user_id, n.detail
        FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[]) AS n(id, link_id, kind, user_id, detail)",
        now,
        &ids,
        &links,
        &kinds,
        &users as &[Option<Uuid>],
        &details as &[Option<String>],
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
