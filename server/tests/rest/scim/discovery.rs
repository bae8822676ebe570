//! What a directory learns of us (RFC 7643, sections 5 to 7; RFC 7644, section 4).

use http::header;
use serde_json::{Value, json};

use super::{Acme, ENTERPRISE, GROUP, USER, refused, send};

#[tokio::test]
async fn the_configuration_says_what_is_so() {
    let acme = Acme::new().await;
    let answer = acme.get("/ServiceProviderConfig").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/scim+json");
    let config = answer.is(200);
    assert_eq!(
        config["schemas"],
        json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"])
    );
    assert_eq!(config["patch"], json!({"supported": true}));
    assert_eq!(config["filter"], json!({"supported": true, "maxResults": 200}));
    for (name, supported) in [
        ("bulk", false),
        ("changePassword", false),
        ("sort", false),
        ("etag", true),
    ] {
        assert_eq!(config[name]["supported"], supported, "{name}");
    }
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert_eq!(config["meta"]["resourceType"], "ServiceProviderConfig");
    assert!(
        config["meta"]["location"]
            .as_str()
            .unwrap()
            .ends_with("/scim/v2/ServiceProviderConfig")
    );
    // As it says.
    refused(acme.post("/Bulk", json!({})).await, 501, None);
    refused(acme.get("/Me").await, 501, None);
    refused(acme.post("/.search", json!({})).await, 501, None);
}

#[tokio::test]
async fn resource_types_and_schemas_are_lists_and_single_ones() {
    let acme = Acme::new().await;
    let types = acme.get("/ResourceTypes").await.is(200);
    assert_eq!(
        types["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"])
    );
    assert_eq!(
        (&types["totalResults"], &types["itemsPerPage"], &types["startIndex"]),
        (&json!(2), &json!(2), &json!(1))
    );
    for (place, (name, endpoint, schema)) in [("User", "/Users", USER), ("Group", "/Groups", GROUP)]
        .into_iter()
        .enumerate()
    {
        let one = acme.get(&format!("/ResourceTypes/{name}")).await.is(200);
        assert_eq!(one, types["Resources"][place]);
        assert_eq!(
            one["schemas"],
            json!(["urn:ietf:params:scim:schemas:core:2.0:ResourceType"])
        );
        assert_eq!(
            (&one["endpoint"], &one["schema"], &one["name"]),
            (&json!(endpoint), &json!(schema), &json!(name))
        );
    }
    let extension = json!([{"schema": ENTERPRISE, "required": false}]);
    assert_eq!(types["Resources"][0]["schemaExtensions"], extension);
    refused(acme.get("/ResourceTypes/Device").await, 404, None);

    let schemas = acme.get("/Schemas").await.is(200);
    assert_eq!(schemas["totalResults"], 3);
    for schema in schemas["Resources"].as_array().unwrap() {
        let urn = schema["id"].as_str().unwrap();
        assert_eq!(&acme.get(&format!("/Schemas/{urn}")).await.is(200), schema);
        assert_eq!(schema["meta"]["resourceType"], "Schema");
        complete(schema["attributes"].as_array().unwrap());
    }
    refused(acme.get("/Schemas/urn:nonsense").await, 404, None);
}

/// That each attribute says everything that RFC 7643, section 7 has it say.
fn complete(attributes: &[Value]) {
    for attribute in attributes {
        for name in ["name", "type", "description", "mutability", "returned"] {
            assert!(attribute[name].is_string(), "{name} of {attribute:#}");
        }
        for name in ["multiValued", "required"] {
            assert!(attribute[name].is_boolean(), "{name} of {attribute:#}");
        }
        match attribute["type"].as_str().unwrap() {
            "complex" => complete(attribute["subAttributes"].as_array().unwrap()),
            "string" | "reference" => assert!(attribute["caseExact"].is_boolean(), "{attribute:#}"),
            _ => {}
        }
    }
}

/// A value for each attribute of a schema.
fn filled(attribute: &Value) -> Value {
    let value = match attribute["type"].as_str().unwrap() {
        "boolean" => json!(true),
        "complex" => {
            let parts = attribute["subAttributes"].as_array().unwrap().iter();
            Value::Object(
                parts
                    .filter(|part| part["mutability"] != "readOnly")
                    .map(|part| (part["name"].as_str().unwrap().to_owned(), filled(part)))
                    .collect(),
            )
        }
        _ => json!("max@example.com"),
    };
    if attribute["multiValued"] == true {
        json!([value])
    } else {
        value
    }
}

#[tokio::test]
async fn the_schemas_list_exactly_what_is_stored_and_mark_what_is_required() {
    let acme = Acme::new().await;
    let (mut body, mut required) = (json!({"schemas": [USER, ENTERPRISE]}), Vec::new());
    for urn in [USER, ENTERPRISE] {
        let schema = acme.get(&format!("/Schemas/{urn}")).await.is(200);
        for attribute in schema["attributes"].as_array().unwrap() {
            let name = attribute["name"].as_str().unwrap();
            if attribute["required"] == true {
                required.push(name.to_owned());
            }
            if urn == USER {
                body[name] = filled(attribute);
            } else {
                body[ENTERPRISE][name] = filled(attribute);
            }
        }
    }
    let made = acme.post("/Users", body.clone()).await.is(201);
    let kept: Value = Value::Object(
        made.as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "id" | "meta"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    );
    assert_eq!(kept, body, "everything comes back, and nothing else");
    assert_eq!(required, ["userName"]);
    for name in required {
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove(&name);
        refused(acme.post("/Users", without).await, 400, Some("invalidValue"));
    }
    let only = acme
        .post("/Users", json!({"schemas": [USER], "userName": "any unique string!"}))
        .await;
    assert_eq!(only.is(201)["userName"], "any unique string!");
}

#[tokio::test]
async fn discovery_is_read_only_takes_no_filter_and_needs_no_token() {
    let acme = Acme::new().await;
    for path in [
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/Schemas",
        &format!("/Schemas/{USER}"),
    ] {
        send(&acme.world, None, "GET", path, None, &[]).await.is(200);
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            refused(acme.send(method, path, Some(json!({})), &[]).await, 405, None);
        }
        refused(acme.get(&format!("{path}?filter=id%20eq%20%22x%22")).await, 403, None);
    }
    refused(acme.get("/Nonsense").await, 404, None);
    refused(acme.send("DELETE", "/Users", None, &[]).await, 405, None);
}
