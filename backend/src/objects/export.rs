//! Objects as files: what an organization has, and where something was declared.

use kubernetes::{Failure, Kind, Meta, Object};
use uuid::Uuid;

use super::{
    access,
    contract::{Query, Source},
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
    let mut objects = Vec::new();
    for kind in Kind::ALL {
        let query = Query {
            kind,
            namespace: Some(namespace.to_owned()),
            name: None,
        };
        let list = read::list(ctx, &query, None, None, &|object| {
            object.metadata.deletion_timestamp.is_none()
        })
        .await?;
        objects.extend(list.objects.into_iter().map(bare));
    }
    Ok(objects)
}

/// Without what only the server says, and without kubectl's memory of what was applied last.
fn bare(object: Object) -> Object {
    let mut annotations = object.metadata.annotations;
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    Object {
        metadata: Meta {
            name: object.metadata.name,
            namespace: object.metadata.namespace,
            labels: object.metadata.labels,
            annotations,
            ..Meta::default()
        },
        status: serde_json::Map::new(),
        ..object
    }
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
