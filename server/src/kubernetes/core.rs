//! What kubectl asks of Kubernetes' own group: organizations as namespaces, and what happened to objects as events.

use backend::objects::{self, Happening, HappeningQuery};
use http::StatusCode;
use kubernetes::{
    Failure, Kind, Reason,
    event::{self, Happened, Severity},
    namespace,
    selector::Fields,
    table::Form,
};
use serde_json::{Value, json};

use super::{
    accept,
    answer::{self, Answer},
    call::Call,
};

/// `GET /api/v1/namespaces`, with a name.
pub(super) async fn namespaces(call: Call, name: Option<&str>) -> Answer {
    let form = accept::form(&call.headers)?;
    refuse_watch(&call, "namespaces")?;
    let fields = Fields::parse_of(&call.options.field_selector, &["metadata.name"])?;
    let mut ctx = call.read().await?;
    let value = |one: &objects::Namespace| {
        namespace::object(&one.name, &one.uid.to_string(), &one.display_name, one.created_at)
    };
    if let Some(name) = name {
        let found = objects::namespace(&mut ctx, name)
            .await
            .map_err(|failure| about_namespace(failure, name))?;
        let found = value(&found);
        let shown = match form {
            Form::Whole => found,
            Form::Table => namespace::table(&[found], 0, ctx.now),
            Form::Partial => partial(&found),
        };
        return Ok(answer::json(StatusCode::OK, &shown));
    }
    let mut all: Vec<Value> = objects::namespaces(&mut ctx).await?.iter().map(value).collect();
    all.retain(|one| {
        let labels = serde_json::from_value(one["metadata"]["labels"].clone()).unwrap_or_default();
        let name = || one["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        fields.matches_by(|_| name()) && call.options.labels.matches(&labels)
    });
    let shown = match form {
        Form::Whole => namespace::list(&all, 0),
        Form::Table => namespace::table(&all, 0, ctx.now),
        Form::Partial => partials(&all),
    };
    Ok(answer::json(StatusCode::OK, &shown))
}

/// `GET /api/v1/events`, or those of a namespace.
pub(super) async fn events(call: Call, namespace: Option<String>) -> Answer {
    let form = accept::form(&call.headers)?;
    refuse_watch(&call, "events")?;
    let fields = Fields::parse_of(&call.options.field_selector, event::FIELDS)?;
    let only = |field: &str| fields.only(field).map(str::to_owned);
    let kind = only("involvedObject.kind").map(|name| Kind::from_name(&name));
    let mut ctx = call.read().await?;
    let all = match kind {
        // Of another kind there is nothing to tell.
        Some(None) => Vec::new(),
        kind => {
            let query = HappeningQuery {
                namespace: namespace
                    .or_else(|| only("involvedObject.namespace"))
                    .or_else(|| only("metadata.namespace")),
                kind: kind.flatten(),
                name: only("involvedObject.name"),
                uid: only("involvedObject.uid"),
            };
            objects::happenings(&mut ctx, &query).await?
        }
    };
    let mut all: Vec<Happened> = all.into_iter().map(happened).collect();
    all.retain(|one| fields.matches_by(|field| one.field(field)));
    let shown = match form {
        Form::Whole => event::list(&all, 0),
        Form::Table => event::table(&all, 0, ctx.now),
        Form::Partial => partials(&all.iter().map(Happened::to_value).collect::<Vec<_>>()),
    };
    Ok(answer::json(StatusCode::OK, &shown))
}

fn happened(one: Happening) -> Happened {
    Happened {
        id: one.id.simple().to_string(),
        kind: one.kind,
        namespace: one.namespace,
        name: one.name,
        uid: one.uid,
        severity: if one.severity == "Warning" { Severity::Warning } else { Severity::Normal },
        reason: one.reason,
        message: one.message,
        count: one.count.into(),
        first_at: one.first_at,
        last_at: one.last_at,
    }
}

fn refuse_watch(call: &Call, what: &str) -> Result<(), Failure> {
    if call.options.watch {
        return Err(Failure::new(
            Reason::MethodNotAllowed,
            format!("{what} cannot be watched here"),
        ));
    }
    Ok(())
}

/// `namespaces "x" not found`: what kubectl expects of a namespace.
fn about_namespace(failure: Failure, name: &str) -> Failure {
    match failure.reason {
        Reason::NotFound => Failure::new(Reason::NotFound, format!("namespaces {name:?} not found")),
        _ => failure,
    }
}

fn partial(value: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]})
}

fn partials(values: &[Value]) -> Value {
    json!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "0"},
        "items": values.iter().map(partial).collect::<Vec<_>>(),
    })
}
