//! One object, and lists of them.

use backend::{
    Ctx,
    objects::{self, List, Query},
};
use http::StatusCode;
use kubernetes::{Failure, table::Include};

use super::{
    accept,
    answer::{self, Answer},
    call::Call,
    forms::{self, Wanted},
    path::Objects,
    watch,
    write::Place,
};

/// `GET` of one object. Its status is in it: asked for by itself, the same comes.
pub(super) async fn get(call: Call, place: &Place) -> Answer {
    let form = accept::form(&call.headers)?;
    let mut ctx = call.read().await?;
    let object = objects::get(&mut ctx, place.kind, &place.namespace, &place.name).await?;
    Ok(answer::json(StatusCode::OK, &forms::one(form, &object, ctx.now)))
}

/// `GET` of a collection: a list, or a watch.
pub(super) async fn list(call: Call, objects: &Objects) -> Answer {
    let wanted = Wanted {
        form: accept::form(&call.headers)?,
        include: Include::parse(&call.parameter("includeObject")),
        labels: call.options.labels.clone(),
        fields: call.options.fields()?,
    };
    let only = |path: &str| wanted.fields.only(path).map(str::to_owned);
    let query = Query {
        kind: objects.kind,
        namespace: objects.namespace.clone().or_else(|| only("metadata.namespace")),
        name: only("metadata.name"),
    };
    if call.options.watch {
        return watch::watch(call, query, wanted).await;
    }
    let limit = call
        .options
        .limit
        .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut ctx = call.read().await?;
    let found = list_page(&mut ctx, &query, limit, call.options.token.as_deref(), &wanted).await?;
    Ok(answer::json(
        StatusCode::OK,
        &forms::list(&wanted, query.kind, &found, ctx.now),
    ))
}

/// A page of what fits the selectors.
///
/// # Errors
/// As [`objects::list`].
pub(super) async fn list_page(
    ctx: &mut Ctx,
    query: &Query,
    limit: Option<usize>,
    after: Option<&str>,
    wanted: &Wanted,
) -> Result<List, Failure> {
    objects::list(ctx, query, limit, after, &|object| wanted.fits(object)).await
}
