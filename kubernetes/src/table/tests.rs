use chrono::TimeDelta;

use super::*;

fn membership() -> Object {
    let metadata = Meta {
        name: "alice-backend".to_owned(),
        namespace: "acme".to_owned(),
        resource_version: Some("7".to_owned()),
        creation_timestamp: Some(DateTime::UNIX_EPOCH),
        ..Meta::default()
    };
    let spec = json!({ "role": "user", "teamRef": { "name": "backend" }, "userEmail": "alice@example.com" });
    let status = json!({
        "role": "user", "userEmail": "alice@example.com",
        "conditions": [{ "type": "Progressing", "status": "False" }, { "type": "Ready", "status": "True" }],
    });
    let map = |value: &Value| value.as_object().unwrap().clone();
    Object {
        kind: Kind::TeamMemberAssociation,
        metadata,
        spec: map(&spec),
        status: map(&status),
    }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(192)
}

#[test]
fn a8_memberships_have_the_operators_columns() {
    let page = Page {
        version: 9,
        next: Some("token"),
    };
    let table = table(
        Kind::TeamMemberAssociation,
        &[membership()],
        Include::None,
        &page,
        now(),
        true,
    );
    let names: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Name", "Ready", "Team", "User", "Role", "Budget", "Age"]);
    assert_eq!(
        table["rows"],
        json!([{ "cells": ["alice-backend", "True", "backend", "alice@example.com", "user", null, "3h12m"] }])
    );
    assert_eq!(
        table["metadata"],
        json!({ "resourceVersion": "9", "continue": "token" })
    );
}

#[test]
fn the_other_kinds_have_theirs() {
    let names = |kind| {
        columns(kind)
            .iter()
            .map(|column| column.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        names(Kind::Team),
        "Name, Ready, Alias, Organisation, Blocked, Members, Budget, Spend, Age"
    );
    assert_eq!(
        names(Kind::User),
        "Name, Ready, Email, Role, Blocked, Budget, Spend, Age"
    );
    assert_eq!(
        names(Kind::VirtualKey),
        "Name, Key ID, Key Alias, User ID, Team ID, Blocked, Max Budget, RPM Limit, TPM Limit, Models, Duration, Spend, \
         Created, Expires, Age"
    );
}

#[test]
fn cells_count_join_and_tell_ages() {
    let mut team = membership();
    team.kind = Kind::Team;
    team.status = json!({ "membersWithRole": [{}, {}] }).as_object().unwrap().clone();
    assert_eq!(row(&team, Include::None, now())["cells"][5], 2);
    assert_eq!(row(&team, Include::None, now())["cells"][1], "Unknown");
    team.kind = Kind::VirtualKey;
    team.spec = json!({ "models": ["a", "b"] }).as_object().unwrap().clone();
    team.status = json!({ "createdAt": "1970-01-01T03:00:00Z" })
        .as_object()
        .unwrap()
        .clone();
    let cells = row(&team, Include::None, now())["cells"].clone();
    assert_eq!((&cells[9], &cells[12]), (&json!("a,b"), &json!("12m")));
    team.metadata.creation_timestamp = None;
    assert_eq!(row(&team, Include::None, now())["cells"][14], "<unknown>");
}

#[test]
fn rows_carry_what_was_asked_for_and_events_the_columns_once() {
    let event = row_event(&membership(), Include::Metadata, now(), false);
    assert_eq!(event["columnDefinitions"], json!([]));
    assert_eq!(event["metadata"]["resourceVersion"], "7");
    assert_eq!(event["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(event["rows"][0]["object"].get("spec"), None);
    let whole = row_event(&membership(), Include::parse("Object"), now(), true);
    assert_eq!(whole["rows"][0]["object"], membership().to_value());
}

#[test]
fn lists_say_what_they_list() {
    let page = Page {
        version: 3,
        ..Page::default()
    };
    assert_eq!(list(Kind::Team, &[], &page)["kind"], "TeamList");
    assert_eq!(list(Kind::Team, &[], &page)["items"], json!([]));
    assert_eq!(
        partials(&[membership()], &page)["items"][0]["metadata"]["name"],
        "alice-backend"
    );
}

#[test]
fn accept_tells_the_form() {
    // What kubectl 1.32 sends for get, describe and from informers of metadata.
    let get = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    assert_eq!(Form::accepted(get), Some(Form::Table));
    assert_eq!(Form::accepted("application/json"), Some(Form::Whole));
    assert_eq!(
        Form::accepted("application/json;as=Table;v=v1beta1;g=meta.k8s.io,*/*"),
        Some(Form::Whole)
    );
    let metadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
                    application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    assert_eq!(Form::accepted(metadata), Some(Form::Partial));
    assert_eq!(Form::accepted(""), Some(Form::Whole));
    assert_eq!(Form::accepted("application/vnd.kubernetes.protobuf"), None);
}
