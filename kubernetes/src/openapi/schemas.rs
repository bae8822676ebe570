//! The schemas of our kinds and of what they share with all of Kubernetes.

use serde_json::{Map, Value, json};

use crate::{API_VERSION, GROUP, Kind, VERSION, schema};

/// What Kubernetes calls its own.
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// How a schema refers to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    V2,
    V3,
}

impl Form {
    pub fn reference(self, name: &str) -> Value {
        match self {
            Self::V2 => json!({ "$ref": format!("#/definitions/{name}") }),
            Self::V3 => json!({ "$ref": format!("#/components/schemas/{name}") }),
        }
    }

    /// A field with a schema of its own name. What stands beside `$ref` counts in version 2 only.
    fn field(self, name: &str, description: &str) -> Value {
        match self {
            Self::V2 => {
                let mut field = self.reference(name);
                field["description"] = description.into();
                field
            }
            Self::V3 => json!({ "description": description, "allOf": [self.reference(name)] }),
        }
    }
}

pub(super) fn name(kind: Kind) -> String {
    format!("ai.litellm.auth.{VERSION}.{kind}")
}

pub(super) fn list_name(kind: Kind) -> String {
    format!("{}List", name(kind))
}

pub(super) fn meta(word: &str) -> String {
    format!("{META}.{word}")
}

/// Group, version and kind of an operation.
pub(super) fn gvk(kind: &str) -> Value {
    json!({ "group": GROUP, "version": VERSION, "kind": kind })
}

/// What a kind is.
fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Team => "A team of an organization, which is the namespace.",
        Kind::User => "A person in an organization, which is the namespace.",
        Kind::TeamMemberAssociation => "A person's membership of a team.",
        Kind::VirtualKey => {
            "A key for models. Its secret is shown once to its owner, in the console or over REST, and never here."
        }
    }
}

/// Everything that our documents refer to.
pub(super) fn own(form: Form) -> Map<String, Value> {
    let mut all = shared(form);
    for kind in Kind::ALL {
        all.insert(name(kind), object(kind, form));
        all.insert(list_name(kind), list(kind, form));
    }
    all
}

fn object(kind: Kind, form: Form) -> Value {
    let described = |schema: &Value, description: &str| {
        let mut schema = schema.clone();
        schema["description"] = description.into();
        schema
    };
    json!({
        "description": about(kind),
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": { "description": format!("Always {API_VERSION}."), "type": "string" },
            "kind": { "description": format!("Always {kind}."), "type": "string" },
            "metadata": form.field(&meta("ObjectMeta"), "Standard object's metadata."),
            "spec": described(schema::spec(kind), "What is wanted."),
            "status": described(schema::status(kind), "What is; written by Guildhall only."),
        },
        "x-kubernetes-group-version-kind": [gvk(kind.name())],
    })
}

fn list(kind: Kind, form: Form) -> Value {
    json!({
        "description": format!("A list of {kind} objects."),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": { "description": format!("Always {API_VERSION}."), "type": "string" },
            "kind": { "description": format!("Always {kind}List."), "type": "string" },
            "metadata": form.field(&meta("ListMeta"), "Standard list metadata."),
            "items": { "description": "The objects.", "type": "array", "items": form.reference(&name(kind)) },
        },
        "x-kubernetes-group-version-kind": [gvk(&format!("{kind}List"))],
    })
}

fn string(description: &str) -> Value {
    json!({ "description": description, "type": "string" })
}

fn integer(description: &str) -> Value {
    json!({ "description": description, "type": "integer", "format": "int64" })
}

fn words(description: &str) -> Value {
    json!({ "description": description, "type": "object", "additionalProperties": { "type": "string" } })
}

fn strings(description: &str) -> Value {
    json!({ "description": description, "type": "array", "items": { "type": "string" } })
}

/// What stands for itself in every API of Kubernetes, as far as ours has it.
fn shared(form: Form) -> Map<String, Value> {
    let entry = form.reference(&meta("ManagedFieldsEntry"));
    let schemas = [
        (
            "ObjectMeta",
            json!({
                "description": "ObjectMeta is metadata that all persisted resources must have.",
                "type": "object",
                "properties": {
                    "name": string("Unique among the objects of its kind and namespace. Cannot be changed."),
                    "generateName": string("What a name is made from when there is none."),
                    "namespace": string("The organization's slug. Cannot be changed."),
                    "uid": string("Stays when the object changes. Read-only."),
                    "resourceVersion": string("Changes with every change; opaque to clients. Read-only."),
                    "generation": integer("Goes up with each change of spec. Read-only."),
                    "creationTimestamp": string("When it was made. Read-only."),
                    "deletionTimestamp": string("Set while deletion waits for something. Read-only."),
                    "deletionGracePeriodSeconds": integer("Always 0 while deletion waits. Read-only."),
                    "labels": words("What selectors look at."),
                    "annotations": words("Anything else that somebody wants to keep with the object."),
                    "finalizers": strings("What must be done before the object goes."),
                    "managedFields": { "description": "Who wrote which fields.", "type": "array", "items": entry },
                },
            }),
        ),
        (
            "ManagedFieldsEntry",
            json!({
                "description": "Which fields somebody wrote last.",
                "type": "object",
                "properties": {
                    "manager": string("Who."),
                    "operation": string("Apply or Update."),
                    "apiVersion": string("The version of the fields."),
                    "time": string("When."),
                    "fieldsType": string("Always FieldsV1."),
                    "fieldsV1": { "description": "The fields.", "type": "object" },
                    "subresource": string("Through which subresource."),
                },
            }),
        ),
        (
            "ListMeta",
            json!({
                "description": "ListMeta describes metadata that synthetic resources must have.",
                "type": "object",
                "properties": {
                    "resourceVersion": string("The version that a watch can begin from."),
                    "continue": string("The token for what follows."),
                    "remainingItemCount": integer("How many objects follow."),
                },
            }),
        ),
        (
            "DeleteOptions",
            json!({
                "description": "How something is deleted.",
                "type": "object",
                "properties": {
                    "apiVersion": string("Always v1."),
                    "kind": string("Always DeleteOptions."),
                    "dryRun": strings("All, or nothing."),
                    "gracePeriodSeconds": integer("How long deletion may take."),
                    "propagationPolicy": string("Orphan, Background or Foreground."),
                    "preconditions": {
                        "description": "Which object is meant.",
                        "type": "object",
                        "properties": {
                            "uid": string("The object that is meant."),
                            "resourceVersion": string("The version that is meant."),
                        },
                    },
                },
            }),
        ),
        (
            "Status",
            json!({
                "description": "Status is a return value for calls that don't return other objects.",
                "type": "object",
                "properties": {
                    "apiVersion": string("Always v1."),
                    "kind": string("Always Status."),
                    "status": string("Success or Failure."),
                    "message": string("A sentence for people."),
                    "reason": string("One word for programs."),
                    "code": integer("The HTTP status."),
                    "details": { "description": "Which object and which fields.", "type": "object" },
                },
            }),
        ),
        (
            "Patch",
            json!({ "description": "A patch of the kind that Content-Type says.", "type": "object" }),
        ),
    ];
    schemas.into_iter().map(|(word, schema)| (meta(word), schema)).collect()
}

/// What core has here, as far as `kubectl explain` needs it.
pub(super) fn core() -> Map<String, Value> {
    let of = |kind: &str, about: &str| foreign("io.k8s.api.core.v1", "", kind, about);
    [
        of("Namespace", "An organization."),
        of("Event", "Something that happened to an object."),
    ]
    .into_iter()
    .collect()
}

/// The reviews.
pub(super) fn authorization() -> Map<String, Value> {
    let of = |kind: &str, about: &str| foreign("io.k8s.api.authorization.v1", "authorization.k8s.io", kind, about);
    [
        of("SelfSubjectAccessReview", "Whether whoever asks may do something."),
        of("SelfSubjectRulesReview", "What whoever asks may do in a namespace."),
    ]
    .into_iter()
    .collect()
}

/// The question who asks.
pub(super) fn authentication() -> Map<String, Value> {
    let about = "Who asks, and what they are.";
    let review = foreign(
        "io.k8s.api.authentication.v1",
        "authentication.k8s.io",
        "SelfSubjectReview",
        about,
    );
    [review].into_iter().collect()
}

fn foreign(package: &str, group: &str, kind: &str, about: &str) -> (String, Value) {
    let schema = json!({
        "description": about,
        "type": "object",
        "x-kubernetes-group-version-kind": [{ "group": group, "version": "v1", "kind": kind }],
    });
    (format!("{package}.{kind}"), schema)
}
