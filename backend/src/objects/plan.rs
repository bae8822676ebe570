//! Many manifests at once (`guildhall plan`, `guildhall apply`): what they would change, or all of it, or nothing.
//!
//! They are applied as server-side apply does, with a field manager of their own: what the manifests do not say stays as it
//! is, and what they said once and no longer say goes.

use std::collections::BTreeSet;

use kubernetes::{
    Failure, Kind, Object, Reason,
    apply::{self, Applying},
    decode::Validation,
    difference,
    manifest::Entry,
};
use serde_json::Value;

use super::{
    access,
    contract::{Preconditions, Query},
    declare, keep, read,
    refusal::failure,
    settle,
};
use crate::Ctx;

/// Who the fields belong to that were applied here.
const MANAGER: &str = "guildhall";

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Add,
    /// It changes.
    Change,
    /// It goes.
    Remove,
    /// It is as it should be.
    Keep,
}

/// What becomes of one object, or why not.
#[derive(Debug)]
pub struct Step {
    /// What.
    pub action: Action,
    /// The kind; as the manifest says it, where that is none of ours.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Where the manifest stands: `teams.yaml:12`; none for what is removed.
    pub place: Option<String>,
    /// The fields that change, and what they change from and to.
    pub differences: Vec<difference::Change>,
    /// What whoever applies it should know.
    pub warnings: Vec<String>,
    /// Why it cannot be.
    pub failure: Option<Failure>,
}

/// Applies manifests in the order of dependence, and with `prune` removes what was applied here before and is not among
/// them any more, in the namespaces that they speak of. The caller commits to have it so, and drops the transaction to have
/// seen what would be; with a failure among the steps it must not commit.
///
/// # Errors
/// When the database does not answer.
pub async fn carry_out(
    ctx: &mut Ctx,
    manifests: &[Entry],
    namespace: Option<&str>,
    prune: bool,
) -> Result<Vec<Step>, Failure> {
    settle::lock(ctx.connection()).await.map_err(failure)?;
    keep::catch_up(ctx).await.map_err(failure)?;
    let mut wanted: Vec<(Option<Kind>, &Entry)> = manifests.iter().map(|entry| (kind_of(entry), entry)).collect();
    wanted.sort_by_key(|(kind, _)| *kind);
    let (mut steps, mut named) = (Vec::new(), BTreeSet::new());
    for (kind, entry) in wanted {
        let mut step = begin(entry, namespace);
        let key = (step.kind.clone(), step.namespace.clone(), step.name.clone());
        let done = match kind {
            None => Err(Failure::bad_request(format!(
                "no kind {:?} in version {:?} is known here",
                step.kind,
                text(&entry.value, "/apiVersion")
            ))),
            Some(_) if step.namespace.is_empty() => Err(Failure::bad_request(
                "metadata.namespace: is missing; write it, or name one with --namespace",
            )),
            Some(_) if !named.insert(key) => Err(Failure::bad_request("this object is in the manifests twice")),
            Some(kind) => one(ctx, kind, entry, &mut step).await,
        };
        step.warnings = ctx.take_warnings();
        settled(done, &mut step)?;
        steps.push(step);
    }
    if prune {
        remove_others(ctx, &named, &mut steps).await?;
    }
    Ok(steps)
}

fn kind_of(entry: &Entry) -> Option<Kind> {
    (text(&entry.value, "/apiVersion") == kubernetes::API_VERSION)
        .then(|| Kind::from_name(&text(&entry.value, "/kind")))
        .flatten()
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn begin(entry: &Entry, namespace: Option<&str>) -> Step {
    let own = text(&entry.value, "/metadata/namespace");
    Step {
        action: Action::Keep,
        kind: text(&entry.value, "/kind"),
        namespace: if own.is_empty() {
            namespace.unwrap_or_default().to_owned()
        } else {
            own
        },
        name: text(&entry.value, "/metadata/name"),
        place: Some(format!("{}:{}", entry.file, entry.line)),
        differences: Vec::new(),
        warnings: Vec::new(),
        failure: None,
    }
}

/// A refusal is a line of the plan; without a database there is no plan.
fn settled(done: Result<(), Failure>, step: &mut Step) -> Result<(), Failure> {
    match done {
        Err(failure) if matches!(failure.reason, Reason::ServiceUnavailable | Reason::InternalError) => Err(failure),
        Err(failure) => {
            step.failure = Some(failure);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

async fn one(ctx: &mut Ctx, kind: Kind, entry: &Entry, step: &mut Step) -> Result<(), Failure> {
    sqlx::query!("SAVEPOINT step")
        .execute(ctx.connection())
        .await
        .map_err(|error| failure(error.into()))?;
    let done = attempt(ctx, kind, entry, step).await;
    if done.is_err() {
        // The others are looked at all the same: one run names everything that is wrong.
        sqlx::query!("ROLLBACK TO SAVEPOINT step")
            .execute(ctx.connection())
            .await
            .map_err(|error| failure(error.into()))?;
    }
    done
}

async fn attempt(ctx: &mut Ctx, kind: Kind, entry: &Entry, step: &mut Step) -> Result<(), Failure> {
    let now = ctx.now;
    let (namespace, name) = (step.namespace.clone(), step.name.clone());
    let applied = |current: Option<&Object>| {
        let by = Applying {
            kind,
            namespace: &namespace,
            name: &name,
            manager: MANAGER,
            force: true,
            validation: Validation::Strict,
            now,
        };
        apply::apply(current, &entry.value, &by).map(|decoded| decoded.object)
    };
    let current = match read::row(ctx, kind, &step.namespace, &step.name).await {
        Ok(row) => row.object(),
        Err(failure) if failure.reason == Reason::NotFound => {
            access::namespace(ctx, &step.namespace).await?;
            step.action = Action::Add;
            let made = declare::create(ctx, applied(None)?, MANAGER).await?;
            step.differences = difference::spec(&serde_json::Map::new(), &made.spec);
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    let changed = declare::change(ctx, kind, &step.namespace, &step.name, MANAGER, &|current| {
        applied(Some(current))
    })
    .await?;
    step.differences = difference::spec(&current.spec, &changed.object.spec);
    let meta = |object: &Object| (object.metadata.labels.clone(), object.metadata.annotations.clone());
    // Who owns which field is no change that anybody asked for.
    if !step.differences.is_empty() || meta(&current) != meta(&changed.object) {
        step.action = Action::Change;
    }
    Ok(())
}

/// What was applied here before and is not wanted any more, those first that others do not refer to.
async fn remove_others(
    ctx: &mut Ctx,
    named: &BTreeSet<(String, String, String)>,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    let namespaces: BTreeSet<&String> = named.iter().map(|(_, namespace, _)| namespace).collect();
    let ours = |object: &Object| {
        object.metadata.deletion_timestamp.is_none()
            && object.metadata.managed_fields.iter().any(|fields| {
                fields.get("manager").and_then(Value::as_str) == Some(MANAGER)
                    && fields.get("operation").and_then(Value::as_str) == Some("Apply")
            })
    };
    for kind in Kind::ALL.into_iter().rev() {
        for namespace in &namespaces {
            let query = Query {
                kind,
                namespace: Some((*namespace).clone()),
                name: None,
            };
            // Of a namespace that is not there a step has told already.
            let Ok(list) = read::list(ctx, &query, None, None, &ours).await else {
                continue;
            };
            for object in list.objects {
                let name = object.metadata.name;
                if named.contains(&(kind.name().to_owned(), (*namespace).clone(), name.clone())) {
                    continue;
                }
                let done = declare::delete(ctx, kind, namespace, &name, &Preconditions::default()).await;
                let mut step = Step {
                    action: Action::Remove,
                    kind: kind.name().to_owned(),
                    namespace: (*namespace).clone(),
                    name,
                    place: None,
                    differences: difference::spec(&object.spec, &serde_json::Map::new()),
                    warnings: ctx.take_warnings(),
                    failure: None,
                };
                settled(done.map(|_| ()), &mut step)?;
                steps.push(step);
            }
        }
    }
    Ok(())
}
