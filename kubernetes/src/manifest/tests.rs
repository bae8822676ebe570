use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::{Kind, Meta, Object, decode::Validation};

fn problem(text: &str) -> String {
    read(text, "team.yaml").map(|_| ()).unwrap_err().to_string()
}

/// The seed's example.
const MEMBERSHIP: &str = "\
# Alice works on the backend.
apiVersion: auth.litellm.ai/v1alpha1
kind: TeamMemberAssociation
metadata:
  name: alice-backend
spec:
  connectionRef:
    instanceRef: {name: main}
  role: member
  teamAlias: \"Backend Team\"
  userEmail: alice@example.com
  maxBudgetInTeam: '10.5'
---
---
apiVersion: v1
kind: List
items:
- apiVersion: auth.litellm.ai/v1alpha1
  kind: Team
- kind: User
";

#[test]
fn a1_files_have_several_objects_with_their_lines() {
    let entries = read(MEMBERSHIP, "team.yaml").unwrap();
    let lines: Vec<(usize, &str)> = entries
        .iter()
        .map(|entry| (entry.line, entry.value["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(lines, [(2, "TeamMemberAssociation"), (18, "Team"), (20, "User")]);
    let spec = &entries[0].value["spec"];
    assert_eq!(spec["connectionRef"]["instanceRef"]["name"], "main");
    assert_eq!(
        (&spec["maxBudgetInTeam"], &spec["teamAlias"]),
        (&json!("10.5"), &json!("Backend Team"))
    );
    let read = decode::object(
        Kind::TeamMemberAssociation,
        "acme",
        &entries[0].value,
        Validation::Strict,
    );
    assert_eq!(read.unwrap().object.metadata.namespace, "acme");
}

#[test]
fn json_is_read_too() {
    let text = "{\n\t\"kind\": \"List\",\n\t\"items\": [\n\t\t{\"kind\": \"Team\", \"x\": \"\\ud83d\\ude00\"}\n\t]\n}";
    let entries = read(text, "team.json").unwrap();
    assert_eq!(entries[0].value, json!({ "kind": "Team", "x": "\u{1f600}" }));
    assert_eq!(
        read("{\"kind\": \"Team\", \"spec\": {\"a\": 1}}", "x").unwrap()[0].value["spec"]["a"],
        1
    );
    assert!(read("", "x").unwrap().is_empty());
    assert!(read("# nothing\n---\n", "x").unwrap().is_empty());
}

#[test]
fn errors_name_file_line_and_rule() {
    assert_eq!(
        problem("kind: Team\nspec:\n  role: a\n  role: b\n"),
        "team.yaml:4: the key \"role\" is there twice"
    );
    assert_eq!(
        problem("{\"kind\": 1,\n \"kind\": 2}"),
        "team.yaml:2: the key \"kind\" is there twice"
    );
    assert!(problem("kind: Team\nspec:\n\trole: a\n").ends_with(": tabs cannot indent: use spaces"));
    assert!(problem("kind: Team\nspec: *nobody\n").starts_with("team.yaml:2: "));
    assert!(problem("kind: Team\n---\n- a\n").starts_with("team.yaml:3: a document must be an object"));
    assert!(problem("kind: List\nitems:\n- kind: Team\n- text\n").starts_with("team.yaml:4: items[1]"));
    assert!(problem("a: .inf").starts_with("team.yaml:1: "));
    assert!(problem("a: !!int x").contains("not of the type !!int"));
    assert!(problem("a: !Ref x").contains("the tag !Ref is not known"));
    assert!(problem("? [a]\n: b\n").contains("a key must be text"));
    assert!(problem("a: \"b").starts_with("team.yaml:"));
}

#[test]
fn aliases_are_read_and_merged() {
    let text = "base: &base\n  a: 1\n  b: 2\nspec:\n  <<: *base\n  b: 3\nagain: *base\n";
    let value = read(text, "x").unwrap().remove(0).value;
    assert_eq!(value["spec"], json!({ "a": 1, "b": 3 }));
    assert_eq!(value["again"], json!({ "a": 1, "b": 2 }));
    assert!(problem("a: &a\n  b: *a\n").contains("alias"));
    assert!(problem("a:\n  <<: text\n").contains("<< takes maps"));
}

#[test]
fn bombs_do_not_go_off() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        let before = at - 1;
        let nine = vec![format!("*a{before}"); 9].join(", ");
        text.extend(["a", &at.to_string(), ": &a", &at.to_string(), " [", &nine, "]\n"]);
    }
    assert!(problem(&text).contains("aliases make too much"), "{}", problem(&text));
    let merges = format!(
        "a: &a {{{}}}\nb:\n{}",
        "k: \"".to_owned() + &"x".repeat(1 << 20) + "\"",
        "- <<: *a\n".repeat(100)
    );
    assert!(problem(&merges).contains("aliases make too much"));
    let deep = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&deep, "x").is_err());
    assert!(problem(&"a".repeat(SIZE + 1)).contains("no more than"));
}

#[test]
fn bodies_are_one_object() {
    assert_eq!(body("kind: Team\n").unwrap(), json!({ "kind": "Team" }));
    assert!(body("a: 1\n---\nb: 2\n").is_err() && body("").is_err());
    assert!(
        body("a: [")
            .unwrap_err()
            .message
            .starts_with("the body is not valid YAML: line ")
    );
}

fn team() -> Object {
    let mut object = Object {
        kind: Kind::Team,
        metadata: Meta {
            name: "backend".to_owned(),
            namespace: "acme".to_owned(),
            ..Meta::default()
        },
        spec: json!({ "teamAlias": "Backend Team", "blocked": false, "maxBudget": "100", "models": ["gpt-4", "on"],
            "metadata": { "note": "a: b" }, "budgetDuration": "30d", "tags": [], "rpmLimit": 5 })
        .as_object()
        .unwrap()
        .clone(),
        status: json!({ "spend": "1" }).as_object().unwrap().clone(),
    };
    object.metadata.uid = Some("u-1".to_owned());
    object.metadata.generation = Some(3);
    object.metadata.creation_timestamp = Some(chrono::DateTime::UNIX_EPOCH);
    object.metadata.annotations.insert(
        "kubectl.kubernetes.io/last-applied-configuration".to_owned(),
        "{}".to_owned(),
    );
    object
}

#[test]
fn a1_objects_are_printed_as_people_write_them() {
    let wanted = "\
apiVersion: auth.litellm.ai/v1alpha1
kind: Team
metadata:
  name: backend
  namespace: acme
spec:
  blocked: false
  budgetDuration: 30d
  maxBudget: \"100\"
  metadata:
    note: \"a: b\"
  models:
  - gpt-4
  - \"on\"
  rpmLimit: 5
  tags: []
  teamAlias: Backend Team
";
    assert_eq!(print(&[team()]), wanted);
    assert_eq!(print(&[team(), team()]), format!("{wanted}---\n{wanted}"));
}

#[test]
fn strings_that_look_like_something_else_are_quoted() {
    for text in [
        "1",
        "1.5",
        "1e3",
        "0x1",
        "true",
        "No",
        "null",
        "~",
        "",
        " a",
        "a ",
        "a:",
        "a: b",
        "a #b",
        "- a",
        "*a",
        "2026-01-01",
        "1:30",
        "<<",
        "=",
        "a\nb",
        "\u{85}",
        "\u{feff}x",
        "@a",
        "`a",
        "%a",
        "[a]",
        "ä",
        "y",
    ] {
        assert!(to_yaml(&json!({ "a": text })).starts_with("a: \""), "{text:?}");
    }
    for text in [
        "gpt-4",
        "30d",
        "alice@example.com",
        "/key/generate",
        "litellm-operator.litellm.ai/finalizer",
        "a:b",
    ] {
        assert_eq!(to_yaml(&json!({ "a": text })), format!("a: {text}\n"));
    }
}

/// Any JSON, with many strings that look like something else.
fn json_values() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        any::<String>(),
        "[-+.0-9xoeE_:]{0,6}",
        "[ \t\n#:,*&!|>'\"%@`{}\\[\\]a<=~-]{0,8}",
        Just("yes".to_owned()),
        Just("<<".to_owned()),
        Just("items".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(|number| json!(number)),
        word.clone().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map(word.clone(), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(value in json_values()) {
        let document = json!({ "value": value });
        let text = to_yaml(&document);
        let read = read(&text, "x").map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read[0].value, &document, "{}", text);
    }

    #[test]
    fn reading_never_panics(text in "[ \n\ta-c:&*\\-\\[\\]{}?!<>|'\",#%]{0,40}") {
        let _ = read(&text, "x");
    }
}

#[test]
fn long_keys_are_read_again() {
    let value = json!({ "a": { "k".repeat(3000): { "b": [1] }, "x": Map::new() } });
    assert_eq!(read(&to_yaml(&value), "x").unwrap()[0].value, value);
}
