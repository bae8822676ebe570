//! Discovery and schemas, in the forms that each kubectl asks for.

use reqwest::{Method, header};
use serde_json::{Value, json};

use super::house::{GROUP, House, Said};

#[tokio::test]
async fn discovery_in_both_forms() {
    let house = House::new().await;
    let groups = house.get("/apis").await.is(200);
    assert_eq!(groups["kind"], "APIGroupList");
    let names: Vec<&Value> = groups["groups"].as_array().expect("groups").iter().map(|group| &group["name"]).collect();
    assert!(names.contains(&&json!("auth.litellm.ai")), "{names:?}");
    let resources = house.get(GROUP).await.is(200);
    let teams = resources["resources"].as_array().expect("resources").iter().find(|one| one["name"] == "teams");
    let teams = teams.expect("teams");
    assert_eq!((&teams["kind"], &teams["namespaced"]), (&json!("Team"), &json!(true)));
    assert_eq!(
        teams["verbs"],
        json!(["create", "delete", "get", "list", "patch", "update", "watch"])
    );
    assert_eq!(house.get("/api").await.is(200)["versions"], json!(["v1"]));
    assert_eq!(house.get("/api/v1").await.is(200)["kind"], "APIResourceList");
    assert_eq!(house.get("/apis/auth.litellm.ai").await.is(200)["kind"], "APIGroup");
    assert_eq!(house.get("/apis/authorization.k8s.io/v1").await.is(200)["kind"], "APIResourceList");

    for (version, accept) in [
        ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"),
        ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"),
    ] {
        for path in ["/api", "/apis"] {
            let said = Said::of(house.request(Method::GET, path).header(header::ACCEPT, accept)).await;
            let form = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
            assert_eq!(said.header("content-type"), form);
            let body = said.is(200);
            assert_eq!(body["apiVersion"], format!("apidiscovery.k8s.io/{version}"));
        }
    }
}

#[tokio::test]
async fn schemas_are_kept_by_clients_until_they_change() {
    let house = House::new().await;
    let index = house.get("/openapi/v3").await.is(200);
    let path = index["paths"]["apis/auth.litellm.ai/v1alpha1"]["serverRelativeURL"].as_str().expect("a path");
    let document = house.get(path).await;
    let etag = document.header("etag").to_owned();
    assert!(etag.starts_with('"') && document.header("content-type").starts_with("application/json"));
    let document = document.is(200);
    assert_eq!(document["openapi"], "3.0.0");
    let again = Said::of(house.request(Method::GET, path).header(header::IF_NONE_MATCH, &etag)).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));

    let old = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let said = house
        .request(Method::GET, "/openapi/v2")
        .header(header::ACCEPT, old)
        .send()
        .await
        .expect("an answer");
    assert_eq!(said.status(), 200);
    let new = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    assert_eq!(said.headers()[header::CONTENT_TYPE], new);
    let bytes = said.bytes().await.expect("a body");
    // swagger: "2.0", in protobuf.
    assert!(bytes.starts_with(b"\x0a\x032.0"), "{:?}", &bytes[..16]);
}

#[tokio::test]
async fn version_says_who_answers() {
    let house = House::new().await;
    let version = house.get("/version").await.is(200);
    assert_eq!((&version["major"], &version["minor"]), (&json!("1"), &json!("33")));
    let version = version["gitVersion"].as_str().expect("a version");
    assert!(version.contains("guildhall"), "{version}");
}

#[tokio::test]
async fn organizations_are_namespaces() {
    let house = House::new().await;
    let litellm = house.get("/api/v1/namespaces/litellm").await.is(200);
    assert_eq!(litellm["status"]["phase"], "Active");
    assert_eq!(litellm["metadata"]["uid"], house.organization.to_string());
    let all = house.get("/api/v1/namespaces").await.is(200);
    let names: Vec<&Value> = all["items"].as_array().expect("items").iter().map(|one| &one["metadata"]["name"]).collect();
    assert_eq!(names, [&json!("default"), &json!("litellm")]);
    let one = house.get("/api/v1/namespaces?labelSelector=kubernetes.io/metadata.name%3Dlitellm").await.is(200);
    assert_eq!(one["items"].as_array().map(Vec::len), Some(1));
    let table = Said::of(
        house
            .request(Method::GET, "/api/v1/namespaces")
            .header(header::ACCEPT, "application/json;as=Table;v=v1;g=meta.k8s.io"),
    );
    let table = table.await.is(200);
    assert_eq!((&table["kind"], &table["rows"][1]["cells"][0]), (&json!("Table"), &json!("litellm")));
    let message = house.get("/api/v1/namespaces/nowhere").await.refused(404, "NotFound");
    assert_eq!(message, "namespaces \"nowhere\" not found");
    house.get("/api/v1/namespaces?watch=true").await.refused(405, "MethodNotAllowed");
}
