//! Creating, replacing, patching, applying and deleting objects.

use backend::{
    Ctx,
    objects::{self, Deleted, Preconditions},
};
use chrono::{DateTime, Utc};
use http::StatusCode;
use kubernetes::{
    Cause, Failure, GROUP, Kind, Object, Reason,
    apply::{self, Applying},
    decode::{self, Decoded, Validation},
    options::Delete,
    patch::{self, PatchKind},
    table::Form,
    update,
};
use serde_json::json;

use super::{
    accept, answer,
    answer::Answer,
    body::{self, Media},
    call::{Call, Write},
    forms,
};

/// How often a generated name is made anew when somebody has it already.
const NAMES: usize = 5;
/// What generated names end with: no vowels, so that they spell nothing.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// The media types of patches.
const PATCHES: &str = "application/json-patch+json, application/merge-patch+json, \
     application/strategic-merge-patch+json, application/apply-patch+yaml";

/// An object's place: kind, namespace and name.
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// `POST` to a collection.
pub(super) async fn create(call: Call, kind: Kind, namespace: &str, bytes: &[u8]) -> Answer {
    let form = accept::form(&call.headers)?;
    let (write, validation) = (call.meant(), call.options.validation);
    let (value, duplicates) = body::document(body::media(&call.headers)?, bytes)?;
    let Decoded { object, mut warnings } = decode::with(kind, namespace, &value, validation, &duplicates)?;
    if object.metadata.resource_version.is_some() {
        return Err(Failure::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    let prefix = object
        .metadata
        .generate_name
        .clone()
        .filter(|_| object.metadata.name.is_empty());
    let mut tries = 1;
    let (ctx, made, told) = loop {
        let mut object = object.clone();
        match &prefix {
            Some(prefix) => object.metadata.name = decode::generated(prefix, &random_suffix()),
            None if object.metadata.name.is_empty() => {
                let cause = Cause::required("metadata.name", "name or generateName is required");
                return Err(Failure::invalid(kind, "", vec![cause]));
            }
            None => {}
        }
        let mut ctx = call.write().await?;
        apply::track(None, &mut object, &write.manager, ctx.now);
        match objects::create(&mut ctx, object, &write.manager).await {
            Ok(made) => {
                let told = ctx.take_warnings();
                break (ctx, made, told);
            }
            Err(failure) if failure.reason == Reason::AlreadyExists && prefix.is_some() && tries < NAMES => tries += 1,
            Err(failure) => return Err(failure),
        }
    };
    warnings.extend(told);
    let now = ctx.now;
    finish(ctx, &write).await?;
    Ok(shown(form, StatusCode::CREATED, &made, now, &warnings))
}

/// `PUT`.
pub(super) async fn replace(call: Call, place: &Place, bytes: &[u8]) -> Answer {
    let form = accept::form(&call.headers)?;
    let (write, validation) = (call.meant(), call.options.validation);
    let (value, duplicates) = body::document(body::media(&call.headers)?, bytes)?;
    let Decoded { object, warnings } = decode::with(place.kind, &place.namespace, &value, validation, &duplicates)?;
    if object.metadata.name != place.name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            object.metadata.name, place.name
        )));
    }
    let ctx = call.write().await?;
    let (manager, now) = (write.manager.clone(), ctx.now);
    let wanted = move |current: &Object| {
        let mut next = update::replace(current, &object)?;
        apply::track(Some(current), &mut next, &manager, now);
        Ok(next)
    };
    change(ctx, form, place, &write, &wanted, warnings).await
}

/// `PATCH`, in one of its four ways.
pub(super) async fn patch(call: Call, place: &Place, bytes: &[u8]) -> Answer {
    let form = accept::form(&call.headers)?;
    let (write, validation) = (call.meant(), call.options.validation);
    let kind = match body::media(&call.headers) {
        Ok(Media::ApplyPatch) => return Box::pin(apply(call, place, bytes, form, &write, validation)).await,
        Ok(Media::MergePatch) => PatchKind::Merge,
        Ok(Media::JsonPatch) => PatchKind::Json,
        Ok(Media::StrategicMergePatch) => PatchKind::Strategic,
        _ => return Err(body::unsupported(PATCHES)),
    };
    let (value, duplicates) = decode::json(bytes)?;
    let ctx = call.write().await?;
    let (manager, now) = (write.manager.clone(), ctx.now);
    let warnings = duplicated(&duplicates, validation)?;
    let found = std::sync::Mutex::new(warnings);
    let wanted = |current: &Object| {
        let decoded = patch::apply(kind, current, &value, validation)?;
        let mut next = decoded.object;
        apply::track(Some(current), &mut next, &manager, now);
        add(&found, decoded.warnings);
        Ok(next)
    };
    changed(ctx, form, place, &write, &wanted, &found).await
}

/// Fields that stand in a patch twice.
fn duplicated(duplicates: &[String], validation: Validation) -> Result<Vec<String>, Failure> {
    let told: Vec<String> = duplicates
        .iter()
        .map(|path| format!("duplicate field {path:?}"))
        .collect();
    match validation {
        Validation::Strict if !told.is_empty() => Err(Failure::bad_request(format!(
            "strict decoding error: {}",
            told.join(", ")
        ))),
        Validation::Warn => Ok(told),
        Validation::Strict | Validation::Ignore => Ok(Vec::new()),
    }
}

/// Server-side apply: makes the object when there is none.
async fn apply(call: Call, place: &Place, bytes: &[u8], form: Form, write: &Write, validation: Validation) -> Answer {
    // Nobody else can be held to what a program did not say that it owns.
    let manager = call.options.field_manager.clone().unwrap_or_default();
    let force = call.options.force;
    let (value, duplicates) = body::document(Media::ApplyPatch, bytes)?;
    let warnings = duplicated(&duplicates, validation)?;
    let mut ctx = call.write().await?;
    let now = ctx.now;
    let by = |name| Applying {
        kind: place.kind,
        namespace: &place.namespace,
        name,
        manager: &manager,
        force,
        validation,
        now,
    };
    match objects::get(&mut ctx, place.kind, &place.namespace, &place.name).await {
        Ok(_) => {
            let found = std::sync::Mutex::new(warnings);
            let wanted = |current: &Object| {
                let decoded = apply::apply(Some(current), &value, &by(&place.name))?;
                add(&found, decoded.warnings);
                Ok(decoded.object)
            };
            changed(ctx, form, place, write, &wanted, &found).await
        }
        Err(failure) if failure.reason == Reason::NotFound => {
            let decoded = apply::apply(None, &value, &by(&place.name))?;
            let made = objects::create(&mut ctx, decoded.object, &write.manager).await?;
            let told = [warnings, decoded.warnings, ctx.take_warnings()].concat();
            finish(ctx, write).await?;
            Ok(shown(form, StatusCode::CREATED, &made, now, &told))
        }
        Err(failure) => Err(failure),
    }
}

type Wanted<'a> = &'a (dyn Fn(&Object) -> Result<Object, Failure> + Send + Sync);

async fn change(
    ctx: Ctx,
    form: Form,
    place: &Place,
    write: &Write,
    wanted: Wanted<'_>,
    warnings: Vec<String>,
) -> Answer {
    let found = std::sync::Mutex::new(warnings);
    changed(ctx, form, place, write, wanted, &found).await
}

/// Changes an object. `found` has the warnings of the last time that `wanted` was asked.
async fn changed(
    mut ctx: Ctx,
    form: Form,
    place: &Place,
    write: &Write,
    wanted: Wanted<'_>,
    found: &std::sync::Mutex<Vec<String>>,
) -> Answer {
    let now = ctx.now;
    let done = objects::change(
        &mut ctx,
        place.kind,
        &place.namespace,
        &place.name,
        &write.manager,
        wanted,
    )
    .await?;
    let mut warnings = std::mem::take(&mut *found.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    warnings.extend(ctx.take_warnings());
    finish(ctx, write).await?;
    Ok(shown(form, StatusCode::OK, &done.object, now, &warnings))
}

fn add(found: &std::sync::Mutex<Vec<String>>, warnings: Vec<String>) {
    let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for warning in warnings {
        // `wanted` may be asked again, when the object changed meanwhile.
        if !found.contains(&warning) {
            found.push(warning);
        }
    }
}

/// `DELETE` of one object.
pub(super) async fn delete(call: Call, place: &Place, bytes: &[u8]) -> Answer {
    let form = accept::form(&call.headers)?;
    let options = Delete::parse(&call.options, bytes)?;
    let write = Write {
        dry_run: options.dry_run,
        ..call.meant()
    };
    let preconditions = Preconditions {
        uid: options.uid,
        resource_version: options.resource_version,
    };
    let mut ctx = call.write().await?;
    let Place { kind, namespace, name } = place;
    let deleted = objects::delete(&mut ctx, *kind, namespace, name, &preconditions).await?;
    let (warnings, now) = (ctx.take_warnings(), ctx.now);
    finish(ctx, &write).await?;
    match deleted {
        Deleted::Waiting(object) => Ok(shown(form, StatusCode::OK, &object, now, &warnings)),
        Deleted::Gone(object) => {
            let status = json!({
                "apiVersion": "v1",
                "kind": "Status",
                "metadata": {},
                "status": "Success",
                "details": {"name": name, "group": GROUP, "kind": kind.plural(), "uid": object.metadata.uid},
            });
            let mut response = answer::json(StatusCode::OK, &status);
            answer::warn(response.headers_mut(), &warnings);
            Ok(response)
        }
    }
}

/// Makes a write final, or drops it when it was only tried.
async fn finish(ctx: Ctx, write: &Write) -> Result<(), Failure> {
    if write.dry_run {
        return Ok(());
    }
    ctx.commit().await.map_err(|error| answer::failure(error, None))
}

fn shown(
    form: Form,
    status: StatusCode,
    object: &Object,
    now: DateTime<Utc>,
    warnings: &[String],
) -> axum::response::Response {
    let mut response = answer::json(status, &forms::one(form, object, now));
    answer::warn(response.headers_mut(), warnings);
    response
}

fn random_suffix() -> String {
    (0..5)
        .map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]))
        .collect()
}
