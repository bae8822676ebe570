//! The structural schemas of our kinds, made from the types of `spec.rs` and `status.rs`: one source for what is checked
//! and for what the OpenAPI documents say.

use std::sync::LazyLock;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::{Kind, spec, status};

static SPECS: LazyLock<[Value; 4]> = LazyLock::new(|| {
    [
        of::<spec::Team>(),
        of::<spec::User>(),
        of::<spec::Association>(),
        of::<spec::VirtualKey>(),
    ]
});

static STATUSES: LazyLock<[Value; 4]> = LazyLock::new(|| {
    [
        of::<status::Team>(),
        of::<status::User>(),
        of::<status::Association>(),
        of::<status::VirtualKey>(),
    ]
});

/// What `spec` of a kind may say.
pub(crate) fn spec(kind: Kind) -> &'static Value {
    &SPECS[index(kind)]
}

/// What `status` of a kind says.
pub(crate) fn status(kind: Kind) -> &'static Value {
    &STATUSES[index(kind)]
}

const fn index(kind: Kind) -> usize {
    match kind {
        Kind::Team => 0,
        Kind::User => 1,
        Kind::TeamMemberAssociation => 2,
        Kind::VirtualKey => 3,
    }
}

fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    plain(settings.into_generator().into_root_schema_for::<T>().as_value())
}

/// Only what Kubernetes' structural schemas have: one type each, no null, no `$ref`, no titles.
fn plain(schema: &Value) -> Value {
    let Value::Object(schema) = schema else {
        return schema.clone();
    };
    if let Some(Value::Array(choices)) = schema.get("anyOf") {
        let one = choices
            .iter()
            .find(|choice| choice["type"] != "null")
            .map_or(Value::Null, plain);
        return with_description(one, schema.get("description"));
    }
    let mut out = Map::new();
    for (key, value) in schema {
        let value = match key.as_str() {
            "type" => match value {
                Value::Array(types) => types.iter().find(|name| *name != "null").cloned().unwrap_or_default(),
                one => one.clone(),
            },
            "properties" => match value {
                Value::Object(fields) => fields
                    .iter()
                    .map(|(name, field)| (name.clone(), plain(field)))
                    .collect(),
                other => other.clone(),
            },
            "items" | "additionalProperties" => plain(value),
            "description" | "required" | "format" => value.clone(),
            _ => continue,
        };
        out.insert(key.clone(), value);
    }
    Value::Object(out)
}

/// The description of the field is nearer than the one of its type.
fn with_description(mut schema: Value, description: Option<&Value>) -> Value {
    if let (Value::Object(schema), Some(description)) = (&mut schema, description) {
        schema.insert("description".to_owned(), description.clone());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `look` with every schema in a schema.
    fn each(schema: &Value, look: &mut impl FnMut(&Value)) {
        look(schema);
        for field in schema["properties"].as_object().into_iter().flat_map(Map::values) {
            each(field, look);
        }
        for key in ["items", "additionalProperties"] {
            if schema[key].is_object() {
                each(&schema[key], look);
            }
        }
    }

    #[test]
    fn every_schema_has_one_type_and_every_field_a_description() {
        for kind in Kind::ALL {
            for root in [spec(kind), status(kind)] {
                each(root, &mut |schema| {
                    assert!(schema["type"].is_string(), "{kind}: {schema}");
                    assert!(
                        schema.get("$ref").is_none() && schema.get("anyOf").is_none(),
                        "{kind}: {schema}"
                    );
                    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                        assert!(field["description"].is_string(), "{kind}: {name}");
                    }
                });
            }
        }
    }

    #[test]
    fn what_is_required_and_what_a_field_says_come_from_the_types() {
        assert_eq!(
            spec(Kind::TeamMemberAssociation)["required"],
            serde_json::json!(["connectionRef", "role"])
        );
        let reference = &spec(Kind::TeamMemberAssociation)["properties"]["teamRef"];
        assert_eq!(reference["description"], "The Team object. Cannot be changed.");
        assert_eq!(reference["properties"]["namespace"]["type"], "string");
        let limits = &spec(Kind::VirtualKey)["properties"]["modelRPMLimit"];
        assert_eq!(limits["additionalProperties"]["type"], "integer");
    }
}
