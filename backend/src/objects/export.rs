//! Objects as files: what an organization has, and where something was declared.

use std::collections::BTreeMap;

use domain::{TeamId, UserId};
use kubernetes::{Failure, Kind, Object};
use uuid::Uuid;

use super::{
    access,
    contract::Source,
    manifest::{self, bare},
    read,
    refusal::failure,
    store::{Record, Row},
};
use crate::{Ctx, Result};

/// All objects of a namespace that the caller sees, as manifests that apply back without a change: in the order of
/// dependence, without what the server gives.
///
/// # Errors
/// 404 for a namespace that the caller does not see.
pub async fn export(ctx: &mut Ctx, namespace: &str) -> Result<Vec<Object>, Failure> {
    let organization = access::namespace(ctx, namespace).await?.uid;
    manifest::of_organization(ctx, organization).await.map_err(failure)
}

/// The object of a team, or of a key, or of a person in an organization, as a manifest.
///
/// # Errors
/// 404 when there is none that the caller sees.
pub async fn of_subject(ctx: &mut Ctx, kind: Kind, subject: Uuid) -> Result<Object, Failure> {
    read::fresh(ctx).await.map_err(failure)?;
    let missing = || Failure::not_found(kind, &subject.to_string());
    let row = find(ctx, kind, subject).await.map_err(failure)?.ok_or_else(missing)?;
    access::namespace(ctx, &row.namespace).await?;
    let sight = access::Sight::of(&ctx.caller);
    if read::sees(&sight, &row) {
        Ok(bare(row.object()))
    } else {
        Err(missing())
    }
}

/// Where something was declared; none for what the console, REST or a directory made. Its caller may see the subject.
///
/// # Errors
/// When the database does not answer.
pub async fn source(ctx: &mut Ctx, kind: Kind, subject: Uuid) -> Result<Option<Source>> {
    let row = find(ctx, kind, subject).await?;
    Ok(row.and_then(|row| {
        row.written.as_ref()?;
        Some(Source {
            namespace: row.namespace,
            name: row.name,
            manager: row.manager?,
            at: row.written_at?,
        })
    }))
}

/// Where a team was declared; see [`source`].
///
/// # Errors
/// When the database does not answer.
pub async fn team_source(ctx: &mut Ctx, team: TeamId) -> Result<Option<Source>> {
    source(ctx, Kind::Team, team.0).await
}

/// Of these people the memberships of a team that were declared, and where. Their caller may see the team.
///
/// # Errors
/// When the database does not answer.
pub async fn declared_members(ctx: &mut Ctx, team: TeamId, people: &[UserId]) -> Result<BTreeMap<UserId, Source>> {
    let people: Vec<Uuid> = people.iter().map(|user| user.0).collect();
    let rows = sqlx::query!(
        r#"SELECT o.user_id AS "user_id!", n.slug, o.name, o.manager AS "manager!", o.written_at AS "at!"
        FROM objects o JOIN organizations n ON n.id = o.organization_id
        WHERE o.kind = 'TeamMemberAssociation' AND o.team_id = $1 AND o.user_id = ANY($2) AND o.written IS NOT NULL
            AND o.deleting_at IS NULL AND o.manager IS NOT NULL AND o.written_at IS NOT NULL"#,
        team.0,
        &people,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let source = Source {
                namespace: row.slug,
                name: row.name,
                manager: row.manager,
                at: row.at,
            };
            (UserId(row.user_id), source)
        })
        .collect())
}

async fn find(ctx: &mut Ctx, kind: Kind, subject: Uuid) -> Result<Option<Row>> {
    let record = super::store::rows!(
        "o.kind = $1 AND CASE o.kind WHEN 'Team' THEN o.team_id = $2 WHEN 'User' THEN o.user_id = $2
            WHEN 'VirtualKey' THEN o.key_id = $2 END ORDER BY o.created_at LIMIT 1",
        kind.name(),
        subject,
    )
    .fetch_optional(ctx.connection())
    .await?;
    record.map(|record: Record| Row::try_from(record)).transpose()
}
