//! The lines of a watch: JSON, one event each.

use serde_json::{Value, json};

use crate::{API_VERSION, Failure, Kind, table::Form};

/// How clients are told that they have seen everything that was there (`sendInitialEvents`).
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// An object that is new (`ADDED`), changed (`MODIFIED`) or gone (`DELETED`).
pub fn event(what: &str, object: &Value) -> Vec<u8> {
    let mut line = json!({ "type": what, "object": object }).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Nothing happened until this version, so that a client can begin again from it. `initial` says that what was there at
/// the beginning of the watch was told.
pub fn bookmark(kind: Kind, form: Form, version: i64, initial: bool) -> Vec<u8> {
    let mut metadata = json!({ "resourceVersion": version.to_string(), "creationTimestamp": null });
    if initial {
        metadata["annotations"] = json!({ INITIAL_EVENTS_END: "true" });
    }
    let object = match form {
        Form::Whole => json!({ "kind": kind.name(), "apiVersion": API_VERSION, "metadata": metadata }),
        Form::Partial => {
            json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
        }
        // A Table has no place for annotations; who watches Tables asks for no initial events.
        Form::Table => json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": { "resourceVersion": version.to_string() },
            "columnDefinitions": [],
            "rows": [],
        }),
    };
    event("BOOKMARK", &object)
}

/// The last line of a watch that cannot go on: 410 when its version was forgotten.
pub fn error(failure: &Failure) -> Vec<u8> {
    event("ERROR", &failure.to_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[u8]) -> Value {
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
        serde_json::from_slice(line).unwrap()
    }

    #[test]
    fn events_are_lines() {
        let event = read(&event("ADDED", &json!({ "kind": "Team", "text": "two\nlines" })));
        assert_eq!(
            event,
            json!({ "type": "ADDED", "object": { "kind": "Team", "text": "two\nlines" } })
        );
        let error = read(&error(&Failure::expired("too old resource version: 3 (7)")));
        assert_eq!(
            (&error["type"], &error["object"]["code"]),
            (&json!("ERROR"), &json!(410))
        );
    }

    #[test]
    fn bookmarks_tell_a_version_and_the_end_of_the_beginning() {
        let plain = read(&bookmark(Kind::User, Form::Whole, 12, false));
        assert_eq!(
            plain["object"]["metadata"],
            json!({ "resourceVersion": "12", "creationTimestamp": null })
        );
        assert_eq!(plain["object"]["kind"], "User");
        let end = read(&bookmark(Kind::User, Form::Partial, 12, true));
        assert_eq!(
            end["object"]["metadata"]["annotations"],
            json!({ "k8s.io/initial-events-end": "true" })
        );
        assert_eq!(
            read(&bookmark(Kind::User, Form::Table, 12, false))["object"]["metadata"]["resourceVersion"],
            "12"
        );
    }
}
