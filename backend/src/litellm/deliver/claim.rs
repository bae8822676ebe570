//! Taking what is to be delivered, so that no two processes are at one object.

use std::time::Instant;

use domain::{DEFAULT_TEAM, KeyId, TeamId, UserId};
use uuid::Uuid;

use super::{BATCH, CLAIM};
use crate::{
    Backend, Result,
    litellm::{Instance, Object},
};

/// Something that was taken: nobody else is at it until the claim ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) id: Uuid,
    pub(super) object: Object,
    /// The version of the truth that is wanted; what changes later makes it another.
    pub(super) wanted: i64,
    pub(super) attempts: i32,
    /// LiteLLM never had it, as far as we know.
    pub(super) first: bool,
    /// When it was taken.
    pub(super) taken: Instant,
}

/// Takes what is due, in the order of the changes: teams, people, memberships, keys. What belongs together comes
/// together: a person after the Default Team and a membership after both its ends are there.
pub(super) async fn due(backend: &Backend, instance: &Instance) -> Result<Vec<Claim>> {
    let taken = Instant::now();
    // In the order of an index and with one look for each end: the queue may be long.
    let rows = sqlx::query!(
        r#"UPDATE litellm_objects o SET claimed_until = clock_timestamp() + make_interval(secs => $3)
        FROM (SELECT id FROM litellm_objects d
            WHERE instance = $1 AND state IN ('pending', 'failed') AND due_at <= clock_timestamp()
                AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
                AND (kind <> 'member'
                    OR NOT EXISTS (SELECT FROM litellm_objects team WHERE team.instance = $1 AND team.kind = 'team'
                        AND team.object_id = d.object_id AND team.synced = 0 AND team.state <> 'parked')
                    AND NOT EXISTS (SELECT FROM litellm_objects person WHERE person.instance = $1
                        AND person.kind = 'user' AND person.object_id = d.user_id AND person.synced = 0
                        AND person.state <> 'parked'))
                AND (kind <> 'user' OR NOT EXISTS (SELECT FROM litellm_objects home WHERE home.instance = $1
                    AND home.kind = 'team' AND home.object_id = $4 AND home.synced = 0 AND home.state <> 'parked'))
            ORDER BY array_position(ARRAY['team', 'user', 'member', 'key'], kind), changed_at, object_id, user_id
            LIMIT $2 FOR UPDATE SKIP LOCKED) due
        WHERE o.id = due.id
        RETURNING o.id, o.kind, o.object_id, o.user_id, o.wanted, o.attempts, o.synced = 0 AS "first!""#,
        instance.name(),
        i64::try_from(BATCH).unwrap_or(i64::MAX),
        CLAIM.as_secs_f64(),
        DEFAULT_TEAM.0,
    )
    .fetch_all(&backend.pool)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Claim {
                id: row.id,
                object: Object::new(&row.kind, row.object_id, row.user_id)?,
                wanted: row.wanted,
                attempts: row.attempts,
                first: row.first,
                taken,
            })
        })
        .collect())
}

/// Takes one object whatever its pause, unless it is there already or somebody else has it.
pub(super) async fn one(backend: &Backend, instance: &Instance, object: Object) -> Result<Taken> {
    let (kind, id, user) = object.parts();
    let begun = Instant::now();
    let row = sqlx::query!(
        r#"WITH taken AS (
            UPDATE litellm_objects SET claimed_until = clock_timestamp() + make_interval(secs => $5)
            WHERE instance = $1 AND kind = $2 AND object_id = $3 AND user_id = $4 AND state <> 'synced'
                AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
            RETURNING id, wanted, attempts, synced = 0 AS first)
        SELECT o.id, o.state, taken.wanted AS "wanted?", taken.attempts AS "attempts?", taken.first AS "first?"
        FROM litellm_objects o LEFT JOIN taken ON true
        WHERE o.instance = $1 AND o.kind = $2 AND o.object_id = $3 AND o.user_id = $4"#,
        instance.name(),
        kind,
        id,
        user,
        CLAIM.as_secs_f64(),
    )
    .fetch_optional(&backend.pool)
    .await?;
    Ok(match row {
        None => Taken::Nothing,
        Some(row) => match (row.wanted, row.attempts) {
            (Some(wanted), Some(attempts)) => Taken::Claim(Claim {
                id: row.id,
                object,
                wanted,
                attempts,
                first: row.first.unwrap_or_default(),
                taken: begun,
            }),
            _ if row.state == "synced" => Taken::Nothing,
            _ => Taken::ByAnother,
        },
    })
}

/// What became of the wish to take one object.
pub(super) enum Taken {
    Claim(Claim),
    /// There is nothing to deliver.
    Nothing,
    ByAnother,
}

impl Object {
    /// From the columns; none for a kind of a newer version.
    fn new(kind: &str, id: Uuid, user: Uuid) -> Option<Self> {
        Some(match kind {
            "team" => Self::Team(TeamId(id)),
            "user" => Self::User(UserId(id)),
            "member" => Self::Member(TeamId(id), UserId(user)),
            "key" => Self::Key(KeyId(id)),
            _ => return None,
        })
    }

    /// As columns.
    pub(crate) fn parts(self) -> (&'static str, Uuid, Uuid) {
        match self {
            Self::Team(id) => ("team", id.0, Uuid::nil()),
            Self::User(id) => ("user", id.0, Uuid::nil()),
            Self::Member(team, user) => ("member", team.0, user.0),
            Self::Key(id) => ("key", id.0, Uuid::nil()),
        }
    }
}
