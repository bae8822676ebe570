//! In which form a client wants an answer.

use http::{HeaderMap, header};
use kubernetes::{Failure, Reason, table::Form};

/// Everything that the client says of what it accepts.
pub(super) fn accept(headers: &HeaderMap) -> String {
    let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    texts.collect::<Vec<_>>().join(",")
}

/// The form of objects, one or a list of them.
///
/// # Errors
/// 406 when there is none that the client takes.
pub(super) fn form(headers: &HeaderMap) -> Result<Form, Failure> {
    Form::accepted(&accept(headers)).ok_or_else(not_acceptable)
}

/// Refuses a client that does not take plain JSON.
///
/// # Errors
/// 406.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Failure> {
    form(headers).map(|_| ())
}

/// 406.
pub(super) fn not_acceptable() -> Failure {
    Failure::new(
        Reason::NotAcceptable,
        "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io, \
         application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io, \
         application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    )
}
