//! One object, lists of them, and what happened to them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kubernetes::{Failure, Kind, Object};
use sqlx::{Connection as _, QueryBuilder};
use uuid::Uuid;

use super::{
    access::{self, Sight},
    contract::{Happening, HappeningQuery, List, Query},
    refusal::failure,
    settle,
    store::{self, Row},
};
use crate::{Ctx, Error, Result};

/// How many rows are read at a time, whatever the client asks for.
const SOME: i64 = 500;

/// Brings objects up to date before somebody looks: what another door changed a moment ago is seen here.
pub(super) async fn fresh(ctx: &mut Ctx) -> Result<()> {
    if !settle::is_due(ctx.connection()).await? {
        return Ok(());
    }
    // A reader has no transaction and gets one for this, so that it does not hold the lock for as long as it reads; of a
    // writer, who holds the lock or is about to, it is a part. A second connection would wait for the first one's lock.
    let now = ctx.now;
    let mut transaction = ctx.connection().begin().await?;
    settle::lock(&mut transaction).await?;
    settle::settle(&mut transaction, now).await?;
    transaction.commit().await?;
    Ok(())
}

/// One object.
///
/// # Errors
/// 404 when there is none, and when the caller may not see it.
pub async fn get(ctx: &mut Ctx, kind: Kind, namespace: &str, name: &str) -> Result<Object, Failure> {
    fresh(ctx).await.map_err(failure)?;
    Ok(row(ctx, kind, namespace, name).await?.object())
}

/// The row of an object that the caller sees.
pub(super) async fn row(ctx: &mut Ctx, kind: Kind, namespace: &str, name: &str) -> Result<Row, Failure> {
    let missing = || Failure::not_found(kind, name);
    let organization = access::namespace(ctx, namespace).await?.uid;
    if name.contains('\0') {
        return Err(missing());
    }
    let row = store::named(ctx.connection(), kind, organization, name)
        .await
        .map_err(failure)?;
    let sight = Sight::of(&ctx.caller);
    row.filter(|row| sees(&sight, row)).ok_or_else(missing)
}

/// Whether somebody sees a row.
pub(super) fn sees(sight: &Sight, row: &Row) -> bool {
    sight.sees(row.kind, row.organization, row.ids, row.declarer())
}

/// A page of objects that `keep` says yes to; `after` is a `next` of before.
///
/// # Errors
/// 404 for a namespace that the caller does not see; 410 for a `continue` that is none.
pub async fn list(
    ctx: &mut Ctx,
    query: &Query,
    limit: Option<usize>,
    after: Option<&str>,
    keep: &(dyn Fn(&Object) -> bool + Send + Sync),
) -> Result<List, Failure> {
    let namespace = match &query.namespace {
        Some(name) => Some(access::namespace(ctx, name).await?.uid),
        None => None,
    };
    let mut place = after.map(Place::read).transpose()?;
    fresh(ctx).await.map_err(failure)?;
    let now = current_version(ctx).await.map_err(failure)?;
    // All pages of one list show one version: clients watch from it.
    let version = place.as_ref().map_or(now, |place| place.version);
    let sight = Sight::of(&ctx.caller);
    let (mut objects, mut next) = (Vec::new(), None);
    'pages: loop {
        let rows = page(ctx, query, namespace, &sight, place.as_ref())
            .await
            .map_err(failure)?;
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == SOME);
        for row in rows {
            if limit.is_some_and(|limit| objects.len() >= limit) {
                next = place.as_ref().map(Place::write);
                break 'pages;
            }
            place = Some(Place {
                version,
                namespace: row.namespace.clone(),
                name: row.name.clone(),
            });
            let object = row.object();
            if keep(&object) {
                objects.push(object);
            }
        }
        if !full {
            break;
        }
    }
    Ok(List { objects, version, next })
}

/// The newest version.
pub(super) async fn current_version(ctx: &mut Ctx) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"SELECT objects_version() AS "version!""#)
        .fetch_one(ctx.connection())
        .await?)
}

/// Where a list goes on.
struct Place {
    version: i64,
    namespace: String,
    name: String,
}

impl Place {
    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}/{}/{}", self.version, self.namespace, self.name))
    }

    fn read(text: &str) -> Result<Self, Failure> {
        let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            let mut parts = text.splitn(3, '/');
            let version = parts.next()?.parse().ok()?;
            let (namespace, name) = (parts.next()?.to_owned(), parts.next()?.to_owned());
            (!namespace.contains('\0') && !name.contains('\0')).then_some(Self {
                version,
                namespace,
                name,
            })
        });
        place.ok_or_else(|| Failure::bad_request("continue: is not a token that a list here has given"))
    }
}

async fn page(
    ctx: &mut Ctx,
    query: &Query,
    namespace: Option<Uuid>,
    sight: &Sight,
    after: Option<&Place>,
) -> Result<Vec<Row>> {
    let mut sql = QueryBuilder::new(
        "SELECT o.uid, o.organization_id, n.slug AS namespace, o.namespace AS told_namespace, o.kind, o.name, o.team_id, o.user_id,
            o.key_id, o.labels, o.annotations, o.managed_fields, o.written, o.manager, o.written_at, o.written_by, o.waits,
            o.generation, o.version, o.created_at, o.deleting_at, o.spec, o.status
        FROM objects o JOIN organizations n ON n.id = o.organization_id WHERE o.version > 0 AND o.kind = ",
    );
    sql.push_bind(query.kind.name());
    if let Some(organization) = namespace {
        sql.push(" AND o.organization_id = ").push_bind(organization);
    }
    if let Some(name) = query.name.as_ref().filter(|name| !name.contains('\0')) {
        sql.push(" AND o.name = ").push_bind(name);
    }
    let scope = sight.scope();
    if !scope.all {
        let (mine, teams) = match query.kind {
            Kind::Team => (false, &scope.teams),
            Kind::TeamMemberAssociation => (true, &scope.teams),
            Kind::User => (true, &Vec::new()),
            Kind::VirtualKey => (true, &scope.administered),
        };
        sql.push(" AND (o.organization_id = ANY(")
            .push_bind(&scope.organizations);
        sql.push(") OR o.team_id = ANY(").push_bind(teams);
        sql.push(") OR (o.waits IS NOT NULL AND o.written_by = ")
            .push_bind(scope.actor)
            .push(")");
        if mine {
            sql.push(" OR o.user_id = ").push_bind(scope.actor);
        }
        sql.push(")");
    }
    // In one namespace the index of names gives the order.
    if namespace.is_some() {
        if let Some(place) = after {
            sql.push(" AND o.name > ").push_bind(&place.name);
        }
        sql.push(" ORDER BY o.name LIMIT ").push_bind(SOME);
    } else {
        if let Some(place) = after {
            sql.push(" AND (n.slug COLLATE \"C\", o.name) > (")
                .push_bind(&place.namespace)
                .push(", ")
                .push_bind(&place.name)
                .push(")");
        }
        sql.push(" ORDER BY n.slug COLLATE \"C\", o.name LIMIT ")
            .push_bind(SOME);
    }
    let records: Vec<store::Record> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    records.into_iter().map(Row::try_from).collect()
}

/// What happened to objects that the caller sees, newest last, at most 500.
///
/// # Errors
/// 404 for a namespace that the caller does not see.
pub async fn happenings(ctx: &mut Ctx, query: &HappeningQuery) -> Result<Vec<Happening>, Failure> {
    let namespace = match &query.namespace {
        Some(name) => Some(access::namespace(ctx, name).await?.uid),
        None => None,
    };
    fresh(ctx).await.map_err(failure)?;
    let sight = Sight::of(&ctx.caller);
    let uid = query.uid.as_deref().map(|uid| Uuid::try_parse(uid).unwrap_or_default());
    let scope = sight.scope();
    let rows = sqlx::query!(
        // The same as `Sight::sees`; asked here, so that what others did does not fill the 500.
        "SELECT e.id, e.uid, e.kind, e.name, e.severity, e.reason, e.message, e.count, e.first_at, e.last_at, n.slug AS namespace
        FROM object_events e JOIN organizations n ON n.id = e.organization_id
        WHERE ($1::uuid IS NULL OR e.organization_id = $1) AND ($2::uuid IS NULL OR e.uid = $2)
            AND ($3::text IS NULL OR e.kind = $3) AND ($4::text IS NULL OR e.name = $4)
            AND ($5 OR e.organization_id = ANY($6) OR e.declared_by = $7
                OR (e.kind <> 'Team' AND e.user_id = $7)
                OR (e.kind IN ('Team', 'TeamMemberAssociation') AND e.team_id = ANY($8))
                OR (e.kind = 'VirtualKey' AND e.team_id = ANY($9)))
        ORDER BY e.last_at DESC, e.id DESC LIMIT 500",
        namespace,
        uid,
        query.kind.map(Kind::name),
        query.name.as_deref().map(|name| name.replace('\0', "")),
        scope.all,
        &scope.organizations,
        scope.actor,
        &scope.teams,
        &scope.administered,
    )
    .fetch_all(ctx.connection())
    .await
    .map_err(|error| failure(Error::from(error)))?;
    let happened = rows.into_iter().rev().filter_map(|row| {
        Some(Happening {
            id: row.id,
            kind: Kind::from_name(&row.kind)?,
            namespace: row.namespace,
            name: row.name,
            uid: row.uid.to_string(),
            severity: row.severity,
            reason: row.reason,
            message: row.message,
            count: row.count,
            first_at: row.first_at,
            last_at: row.last_at,
        })
    });
    Ok(happened.collect())
}
