//! Objects made, changed and deleted by whoever declares them.
//!
//! All of it happens under the lock of [`settle`]: what is changed is what everybody sees, and the answer carries the
//! version that watches are told. Nothing outside of the database is waited for meanwhile.

use kubernetes::{Failure, Kind, Object};
use uuid::Uuid;

use super::{
    access, batch,
    contract::{Changed, Deleted, Preconditions},
    read, realize,
    refusal::failure,
    settle,
    store::{self, Row},
    subject::Ids,
};
use crate::{Ctx, Error};

/// The most bytes that labels, annotations, managed fields and spec of an object may have together.
const MOST_BYTES: usize = 1_572_864;

/// Makes an object, for a field manager such as `kubectl-client-side-apply`. It was decoded; the rules about its words and
/// about what there is are checked here.
///
/// # Errors
/// 404 for a namespace that the caller does not see, 403 without the right, 409 when there is one, 422 with the fields.
pub async fn create(ctx: &mut Ctx, object: Object, manager: &str) -> Result<Object, Failure> {
    let (kind, name) = (object.kind, object.metadata.name.clone());
    let namespace = access::namespace(ctx, &object.metadata.namespace).await?;
    check(&object)?;
    begin(ctx).await?;
    if store::named(ctx.connection(), kind, namespace.uid, &name)
        .await
        .map_err(failure)?
        .is_some()
    {
        // Who does not see it learns that the name is taken, as with every name.
        return Err(Failure::already_exists(kind, &name));
    }
    let mut row = Row {
        uid: Uuid::now_v7(),
        organization: namespace.uid,
        told_namespace: namespace.name.clone(),
        namespace: namespace.name,
        kind,
        name,
        ids: Ids::default(),
        labels: object.metadata.labels,
        annotations: object.metadata.annotations,
        managed_fields: object.metadata.managed_fields,
        written: Some(object.spec),
        manager: Some(manager.to_owned()),
        written_at: Some(ctx.now),
        written_by: ctx.caller.user_id().map(|id| id.0),
        waits: None,
        generation: 1,
        version: 0,
        created_at: ctx.now,
        deleting_at: None,
        spec: serde_json::Map::new(),
        status: serde_json::Map::new(),
    };
    realize::establish(ctx, &mut row).await?;
    if row.waits.is_some() {
        require_to_wait(ctx, &row).await?;
    }
    let uid = row.uid;
    batch::save(ctx.connection(), &[&row]).await.map_err(failure)?;
    let now = ctx.now;
    settle::show_one(ctx.connection(), None, row, now)
        .await
        .map_err(failure)?;
    finish(ctx, uid).await
}

/// Changes an object: `wanted` makes the new one of the current one, as a patch or a replacement does.
///
/// # Errors
/// As [`create`]; 404 when there is none that the caller sees; whatever `wanted` says.
pub async fn change(
    ctx: &mut Ctx,
    kind: Kind,
    namespace: &str,
    name: &str,
    manager: &str,
    wanted: &(dyn Fn(&Object) -> Result<Object, Failure> + Send + Sync),
) -> Result<Changed, Failure> {
    access::namespace(ctx, namespace).await?;
    begin(ctx).await?;
    let before = read::row(ctx, kind, namespace, name).await?;
    let current = before.object();
    let object = wanted(&current)?;
    let (old, new) = (&current.metadata, &object.metadata);
    let meta_same =
        old.labels == new.labels && old.annotations == new.annotations && old.managed_fields == new.managed_fields;
    if meta_same && object.spec == current.spec {
        return Ok(Changed {
            object: current,
            changed: false,
        });
    }
    check(&object)?;
    let broken = kubernetes::decode::immutable(&current, &object);
    if !broken.is_empty() {
        return Err(Failure::invalid(kind, name, broken));
    }
    if before.deleting_at.is_some() && object.spec != current.spec {
        return Err(Failure::conflict(kind, name, "it is being deleted"));
    }
    require_change(ctx, &before)?;
    let mut row = before.clone();
    let differs = object.spec != current.spec;
    row.labels = object.metadata.labels;
    row.annotations = object.metadata.annotations;
    row.managed_fields = object.metadata.managed_fields;
    row.written = Some(object.spec);
    // Whose rights make it true is whoever said what it says: a label says nothing.
    if differs || before.written.is_none() {
        row.manager = Some(manager.to_owned());
        row.written_at = Some(ctx.now);
        row.written_by = ctx.caller.user_id().map(|id| id.0);
    }
    if differs && row.deleting_at.is_none() {
        if before.waits.is_some() {
            realize::establish(ctx, &mut row).await?;
        } else {
            realize::alter(ctx, &row, &current.spec).await?;
        }
    }
    let uid = row.uid;
    batch::save(ctx.connection(), &[&row]).await.map_err(failure)?;
    let now = ctx.now;
    settle::show_one(ctx.connection(), Some(&before), row, now)
        .await
        .map_err(failure)?;
    Ok(Changed {
        object: finish(ctx, uid).await?,
        changed: true,
    })
}

/// Deletes an object: what it is about ends here at once, and the object goes when LiteLLM has heard of it (SPEC A6).
///
/// # Errors
/// 404 when there is none that the caller sees; 403 without the right; 409 when a precondition does not hold.
pub async fn delete(
    ctx: &mut Ctx,
    kind: Kind,
    namespace: &str,
    name: &str,
    preconditions: &Preconditions,
) -> Result<Deleted, Failure> {
    access::namespace(ctx, namespace).await?;
    begin(ctx).await?;
    let before = read::row(ctx, kind, namespace, name).await?;
    kubernetes::update::preconditions(
        &before.object(),
        preconditions.uid.as_deref(),
        preconditions.resource_version.as_deref(),
    )?;
    let mut row = before.clone();
    if row.deleting_at.is_none() {
        if row.waits.is_some() {
            require_change(ctx, &row)?;
        }
        realize::end(ctx, &row).await?;
        row.deleting_at = Some(ctx.now);
    }
    let uid = row.uid;
    let now = ctx.now;
    batch::save(ctx.connection(), &[&row]).await.map_err(failure)?;
    settle::show_one(ctx.connection(), Some(&before), row.clone(), now)
        .await
        .map_err(failure)?;
    settle::settle(ctx.connection(), now).await.map_err(failure)?;
    let left = store::by_uid(ctx.connection(), uid).await.map_err(failure)?;
    Ok(match left {
        Some(left) => Deleted::Waiting(left.object()),
        None => Deleted::Gone(row.object()),
    })
}

/// Everything is up to date, and stays so until the transaction ends.
async fn begin(ctx: &mut Ctx) -> Result<(), Failure> {
    let now = ctx.now;
    settle::lock(ctx.connection()).await.map_err(failure)?;
    settle::settle(ctx.connection(), now).await.map_err(failure)
}

/// What else a change did is told with it; the object as it is then.
async fn finish(ctx: &mut Ctx, uid: Uuid) -> Result<Object, Failure> {
    let now = ctx.now;
    settle::settle(ctx.connection(), now).await.map_err(failure)?;
    let row = store::by_uid(ctx.connection(), uid).await.map_err(failure)?;
    row.map(|row| row.object())
        .ok_or_else(|| failure(Error::internal("an object that was just written is not there")))
}

/// The rules about words alone.
fn check(object: &Object) -> Result<(), Failure> {
    let (kind, name) = (object.kind, &object.metadata.name);
    let causes = kubernetes::decode::check(object);
    if !causes.is_empty() {
        return Err(Failure::invalid(kind, name, causes));
    }
    let bytes = object.to_value().to_string().len();
    if bytes > MOST_BYTES {
        let words = format!("{kind} {name:?} has {bytes} bytes; an object may have {MOST_BYTES}");
        return Err(Failure::new(kubernetes::Reason::RequestEntityTooLarge, words).about(kind, name));
    }
    Ok(())
}

/// How many objects may wait for somebody who administers less than the organization.
const MAY_WAIT: i64 = 20;

/// What waits was not checked by the function that would make it: whoever may not make it there may not leave it waiting.
/// Of a membership it is the team that counts, which may not be there yet.
async fn require_to_wait(ctx: &mut Ctx, row: &Row) -> Result<(), Failure> {
    let permission = access::permission(row.kind);
    if access::standing_in(&ctx.caller, row.organization, None).may(permission) {
        return Ok(());
    }
    let may = match row.kind {
        Kind::VirtualKey => true,
        Kind::TeamMemberAssociation => match realize::named_team(ctx, row).await? {
            Some(team) => access::standing_in(&ctx.caller, row.organization, Some(team)).may(permission),
            None => false,
        },
        Kind::Team | Kind::User => false,
    };
    if !may {
        return Err(refused(ctx, row));
    }
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM objects WHERE waits IS NOT NULL AND written_by = $1"#,
        ctx.caller.user_id().map(|id| id.0),
    )
    .fetch_one(ctx.connection())
    .await
    .map_err(|error| failure(error.into()))?;
    if waiting < MAY_WAIT {
        return Ok(());
    }
    let words = format!("{waiting} objects of yours wait for something already; see to those first");
    Err(Failure::forbidden(row.kind, &row.name, &words))
}

/// Whether the caller may change the object at all; the fields are asked about one by one.
fn require_change(ctx: &Ctx, row: &Row) -> Result<(), Failure> {
    let own = row.written_by.is_some() && row.written_by == ctx.caller.user_id().map(|id| id.0);
    if access::may_change(ctx, row.kind, row.organization, row.ids) || (own && row.waits.is_some()) {
        return Ok(());
    }
    Err(refused(ctx, row))
}

fn refused(ctx: &Ctx, row: &Row) -> Failure {
    let permission = access::permission(row.kind);
    let refusal = access::standing_in(&ctx.caller, row.organization, row.ids.team).refusal(permission);
    Failure::forbidden(row.kind, &row.name, &refusal.to_string())
}
