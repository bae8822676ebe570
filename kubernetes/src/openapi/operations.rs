//! What can be done where: the paths of both documents.

use crate::{GROUP, Kind, VERSION};

use super::schemas::{list_name, meta, name};

/// A parameter of a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub name: &'static str,
    /// `string`, `integer` or `boolean`.
    pub kind: &'static str,
    pub description: &'static str,
}

const fn parameter(name: &'static str, kind: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        kind,
        description,
    }
}

const DRY_RUN: Parameter = parameter("dryRun", "string", "All: nothing is stored.");
const MANAGER: Parameter = parameter("fieldManager", "string", "Who writes; up to 128 printable characters.");
const VALIDATION: Parameter = parameter(
    "fieldValidation",
    "string",
    "What happens to unknown and duplicate fields: Ignore, Warn or Strict.",
);
const FORCE: Parameter = parameter(
    "force",
    "boolean",
    "Whether server-side apply takes fields from others.",
);

const WRITE: &[Parameter] = &[DRY_RUN, MANAGER, VALIDATION];
const PATCH: &[Parameter] = &[DRY_RUN, MANAGER, VALIDATION, FORCE];
const DELETE: &[Parameter] = &[
    DRY_RUN,
    parameter("gracePeriodSeconds", "integer", "How long deletion may take."),
    parameter("propagationPolicy", "string", "Orphan, Background or Foreground."),
];
const LIST: &[Parameter] = &[
    parameter(
        "allowWatchBookmarks",
        "boolean",
        "Whether a watch tells of versions in which nothing happened to it.",
    ),
    parameter("continue", "string", "Where the last page ended."),
    parameter(
        "fieldSelector",
        "string",
        "metadata.name or metadata.namespace with =, == or !=.",
    ),
    parameter("labelSelector", "string", "Which labels objects must have."),
    parameter("limit", "integer", "How many objects a page has."),
    parameter(
        "resourceVersion",
        "string",
        "Which version a list or watch begins with.",
    ),
    parameter("resourceVersionMatch", "string", "Exact or NotOlderThan."),
    parameter(
        "sendInitialEvents",
        "boolean",
        "Whether a watch begins with what is there.",
    ),
    parameter("timeoutSeconds", "integer", "When a watch ends."),
    parameter("watch", "boolean", "Whether changes are told as they happen."),
];

/// What a patch may be. Strategic merge patches are taken, but not told of: kubectl then sends those that say what they
/// mean, as for custom resources.
pub(super) const PATCHES: [&str; 3] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
];

/// Something that can be done.
#[derive(Debug)]
pub(super) struct Operation {
    /// `get`, `post`, `put`, `patch` or `delete`.
    pub method: &'static str,
    /// `x-kubernetes-action`
    pub action: &'static str,
    pub description: String,
    pub id: String,
    pub parameters: &'static [Parameter],
    /// The schema of the body.
    pub body: Option<String>,
    /// The schema of the answer.
    pub answer: String,
}

/// A path with what can be done there.
#[derive(Debug)]
pub(super) struct Path {
    pub kind: Kind,
    pub url: String,
    /// `namespace` and `name`, as far as they are in the path.
    pub variables: &'static [&'static str],
    pub operations: Vec<Operation>,
}

pub(super) fn all() -> Vec<Path> {
    Kind::ALL.into_iter().flat_map(of).collect()
}

fn of(kind: Kind) -> [Path; 4] {
    let root = format!("/apis/{GROUP}/{VERSION}");
    let plural = kind.plural();
    let many = format!("{root}/namespaces/{{namespace}}/{plural}");
    let one = format!("{many}/{{name}}");
    let (object, list) = (name(kind), list_name(kind));
    let operation = |method, action, words: &str, id: &str, parameters, body: Option<String>, answer: &str| Operation {
        method,
        action,
        description: format!("{words} {kind}"),
        id: format!("{id}{kind}"),
        parameters,
        body,
        answer: answer.to_owned(),
    };
    let whole = || Some(object.clone());
    [
        Path {
            kind,
            url: format!("{root}/{plural}"),
            variables: &[],
            operations: vec![operation(
                "get",
                "list",
                "list or watch objects of kind",
                "listAllNamespaces",
                LIST,
                None,
                &list,
            )],
        },
        Path {
            kind,
            url: many,
            variables: &["namespace"],
            operations: vec![
                operation(
                    "get",
                    "list",
                    "list or watch objects of kind",
                    "listNamespaced",
                    LIST,
                    None,
                    &list,
                ),
                operation("post", "post", "create a", "createNamespaced", WRITE, whole(), &object),
            ],
        },
        Path {
            kind,
            url: one.clone(),
            variables: &["namespace", "name"],
            operations: vec![
                operation("get", "get", "read the specified", "readNamespaced", &[], None, &object),
                operation(
                    "put",
                    "put",
                    "replace the specified",
                    "replaceNamespaced",
                    WRITE,
                    whole(),
                    &object,
                ),
                operation(
                    "patch",
                    "patch",
                    "partially update the specified",
                    "patchNamespaced",
                    PATCH,
                    Some(meta("Patch")),
                    &object,
                ),
                operation(
                    "delete",
                    "delete",
                    "delete a",
                    "deleteNamespaced",
                    DELETE,
                    Some(meta("DeleteOptions")),
                    &meta("Status"),
                ),
            ],
        },
        Path {
            kind,
            url: format!("{one}/status"),
            variables: &["namespace", "name"],
            operations: vec![operation(
                "get",
                "get",
                "read status of the specified",
                "readStatusOfNamespaced",
                &[],
                None,
                &object,
            )],
        },
    ]
}
