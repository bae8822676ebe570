//! What kubectl asks of Kubernetes' own group: organizations as namespaces, and what happened to objects as events.

use backend::objects::{self, Happening, HappeningQuery, Namespace};
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use kubernetes::{
    API_VERSION, Failure, Kind, Reason,
    selector::{Fields, Labels},
    table::Form,
};
use serde_json::{Value, json};

use super::{
    accept,
    answer::{self, Answer},
    call::Call,
};

/// The fields by which events can be selected.
const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "metadata.name",
    "metadata.namespace",
    "reason",
    "type",
];

/// `GET /api/v1/namespaces`, with a name.
pub(super) async fn namespaces(call: Call, name: Option<&str>) -> Answer {
    let form = accept::form(&call.headers)?;
    if call.params.watch {
        return Err(unwatched("namespaces"));
    }
    let fields = Fields::parse_of(&call.params.fields, &["metadata.name"])?;
    let labels = Labels::parse(&call.params.labels)?;
    let mut ctx = call.read().await?;
    if let Some(name) = name {
        let found = objects::namespace(&mut ctx, name)
            .await
            .map_err(|failure| about_namespace(failure, name))?;
        let whole = namespace_value(&found);
        return Ok(one(form, &whole, namespace_row(&found, ctx.now), NAMESPACE_COLUMNS));
    }
    let mut all = objects::namespaces(&mut ctx).await?;
    all.retain(|namespace| {
        fields.matches_by(|_| namespace.name.clone())
            && labels.matches(&[(NAME_LABEL.to_owned(), namespace.name.clone())].into())
    });
    let items = all.iter().map(|namespace| (namespace_value(namespace), namespace_row(namespace, ctx.now)));
    Ok(many(form, "NamespaceList", items.collect(), NAMESPACE_COLUMNS))
}

/// `GET /api/v1/events`, or those of a namespace.
pub(super) async fn events(call: Call, namespace: Option<String>) -> Answer {
    let form = accept::form(&call.headers)?;
    if call.params.watch {
        return Err(unwatched("events"));
    }
    let fields = Fields::parse_of(&call.params.fields, EVENT_FIELDS)?;
    let kind = match fields.only("involvedObject.kind") {
        // Of another kind there is nothing to tell.
        Some(name) => match Kind::from_name(name) {
            Some(kind) => Some(kind),
            None => return Ok(many(form, "EventList", Vec::new(), EVENT_COLUMNS)),
        },
        None => None,
    };
    let owned = |path: &str| fields.only(path).map(str::to_owned);
    let query = HappeningQuery {
        namespace: namespace
            .or_else(|| owned("involvedObject.namespace"))
            .or_else(|| owned("metadata.namespace")),
        kind,
        name: owned("involvedObject.name"),
        uid: owned("involvedObject.uid"),
    };
    let mut ctx = call.read().await?;
    let all = objects::happenings(&mut ctx, &query).await?;
    let fitting = all.iter().filter(|event| fields.matches_by(|field| event_field(event, field)));
    let items = fitting.map(|event| (event_value(event), event_row(event, ctx.now)));
    Ok(many(form, "EventList", items.collect(), EVENT_COLUMNS))
}

fn event_field(event: &Happening, field: &str) -> String {
    match field {
        "involvedObject.kind" => event.kind.name().to_owned(),
        "involvedObject.name" => event.name.clone(),
        "involvedObject.uid" => event.uid.clone(),
        "involvedObject.apiVersion" => API_VERSION.to_owned(),
        "metadata.name" => event_name(event),
        "reason" => event.reason.clone(),
        "type" => event.severity.clone(),
        _ => event.namespace.clone(),
    }
}

fn event_name(event: &Happening) -> String {
    format!("{}.{}", event.name, event.id.simple())
}

fn unwatched(what: &str) -> Failure {
    Failure::new(Reason::MethodNotAllowed, format!("{what} cannot be watched here"))
}

/// `namespaces "x" not found`: what kubectl expects of a namespace.
fn about_namespace(failure: Failure, name: &str) -> Failure {
    match failure.reason {
        Reason::NotFound => Failure::new(Reason::NotFound, format!("namespaces {name:?} not found")),
        _ => failure,
    }
}

/// The label that every namespace has in a cluster.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

fn namespace_value(namespace: &Namespace) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace.name,
            "uid": namespace.uid,
            "creationTimestamp": time(namespace.created_at),
            "labels": {NAME_LABEL: namespace.name},
            "annotations": {"guildhall/display-name": namespace.display_name},
        },
        "spec": {},
        "status": {"phase": "Active"},
    })
}

fn event_value(event: &Happening) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": event_name(event),
            "namespace": event.namespace,
            "uid": event.id,
            "creationTimestamp": time(event.first_at),
        },
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": event.kind.name(),
            "namespace": event.namespace,
            "name": event.name,
            "uid": event.uid,
        },
        "type": event.severity,
        "reason": event.reason,
        "message": event.message,
        "count": event.count,
        "firstTimestamp": time(event.first_at),
        "lastTimestamp": time(event.last_at),
        "eventTime": null,
        "source": {"component": "guildhall"},
        "reportingComponent": "guildhall",
        "reportingInstance": "",
    })
}

type Columns = &'static [(&'static str, &'static str)];

const NAMESPACE_COLUMNS: Columns = &[
    ("Name", "The organization's slug"),
    ("Status", "Always Active"),
    ("Age", "Since when the organization is here"),
];

const EVENT_COLUMNS: Columns = &[
    ("Last Seen", "When it happened last"),
    ("Type", "Normal or Warning"),
    ("Reason", "One word for programs"),
    ("Object", "What it happened to"),
    ("Message", "What happened"),
];

fn namespace_row(namespace: &Namespace, now: DateTime<Utc>) -> Vec<Value> {
    vec![
        json!(namespace.name),
        json!("Active"),
        json!(age(namespace.created_at, now)),
    ]
}

fn event_row(event: &Happening, now: DateTime<Utc>) -> Vec<Value> {
    vec![
        json!(age(event.last_at, now)),
        json!(event.severity),
        json!(event.reason),
        json!(format!("{}/{}", event.kind.singular(), event.name)),
        json!(event.message),
    ]
}

fn one(form: Form, value: &Value, cells: Vec<Value>, columns: Columns) -> axum::response::Response {
    let value = match form {
        Form::Whole => value.clone(),
        Form::Partial => metadata(value),
        Form::Table => table(columns, vec![row(value, cells)]),
    };
    answer::json(StatusCode::OK, &value)
}

fn many(form: Form, kind: &str, items: Vec<(Value, Vec<Value>)>, columns: Columns) -> axum::response::Response {
    let list = |api_version: &str, kind: &str, items: Vec<Value>| json!({"apiVersion": api_version, "kind": kind, "metadata": {}, "items": items});
    let value = match form {
        Form::Whole => list("v1", kind, items.into_iter().map(|(value, _)| value).collect()),
        Form::Partial => list(
            "meta.k8s.io/v1",
            "PartialObjectMetadataList",
            items.iter().map(|(value, _)| metadata(value)).collect(),
        ),
        Form::Table => table(columns, items.into_iter().map(|(value, cells)| row(&value, cells)).collect()),
    };
    answer::json(StatusCode::OK, &value)
}

fn metadata(value: &Value) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": value["metadata"]})
}

fn row(value: &Value, cells: Vec<Value>) -> Value {
    json!({"cells": cells, "object": metadata(value)})
}

fn table(columns: Columns, rows: Vec<Value>) -> Value {
    let columns = columns.iter().map(|(name, description)| {
        let format = if *name == "Name" { "name" } else { "" };
        json!({"name": name, "type": "string", "format": format, "description": description, "priority": 0})
    });
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "Table",
        "metadata": {},
        "columnDefinitions": columns.collect::<Vec<_>>(),
        "rows": rows,
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How long ago something was, as kubectl says it: one unit, the largest that says enough.
fn age(since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - since).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
