//! `kubectl auth can-i`, as it is asked over HTTP.

use reqwest::{Method, header};
use serde_json::{Value, json};

use super::house::{House, NAMESPACE, NOBODY, OLGA, Said};

const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const WHOAMI: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const RULES: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

async fn may(house: &House, token: &str, verb: &str, resource: &str, namespace: &str) -> bool {
    let body = json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": {
            "namespace": namespace, "verb": verb, "group": "auth.litellm.ai", "resource": resource,
        }},
    });
    let request = house
        .client
        .post(format!("{}{ACCESS}", house.url))
        .bearer_auth(token)
        .json(&body);
    let said = Said::of(request).await.is(201);
    said["status"]["allowed"].as_bool().expect("an answer")
}

#[tokio::test]
async fn the_permission_table_answers() {
    let house = House::new().await;
    let (olga, nobody) = (
        house.server.token(OLGA, None).await,
        house.server.token(NOBODY, None).await,
    );
    for verb in ["get", "list", "watch", "create", "update", "patch", "delete", "*"] {
        assert!(may(&house, &house.token, verb, "teams", NAMESPACE).await, "{verb}");
        assert!(may(&house, &olga, verb, "teams", NAMESPACE).await, "{verb}");
        assert!(!may(&house, &nobody, verb, "teams", NAMESPACE).await, "{verb}");
    }
    assert!(!may(&house, &olga, "create", "teams", "default").await);
    assert!(!may(&house, &house.token, "deletecollection", "teams", NAMESPACE).await);
    assert!(!may(&house, &house.token, "get", "pods", NAMESPACE).await);
    let empty: Value = json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"});
    house.post(ACCESS, &empty).await.refused(400, "BadRequest");
}

/// `kubectl auth whoami`: a name, and what somebody is.
#[tokio::test]
async fn who_am_i() {
    let house = House::new().await;
    let olga = house.server.token(OLGA, None).await;
    let body = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}});
    let ask = async |token: &str, body: &Value| {
        let request = house.client.post(format!("{}{WHOAMI}", house.url)).bearer_auth(token);
        Said::of(request.json(body)).await
    };
    let said = ask(&olga, &body).await.is(201);
    let user = &said["status"]["userInfo"];
    assert_eq!(user["username"], OLGA);
    assert_eq!(
        user["groups"],
        json!([format!("organization:{NAMESPACE}:org_admin"), "system:authenticated"])
    );
    let root = ask(&house.token, &body).await.is(201);
    assert_eq!(root["status"]["userInfo"]["groups"][0], "super_admin");
    let other = json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authentication.k8s.io/v1"});
    ask(&olga, &other).await.refused(400, "BadRequest");
    let group = house.get("/apis/authentication.k8s.io/v1").await.is(200);
    assert_eq!(group["resources"][0]["name"], "selfsubjectreviews");
}

/// As kubectl 1.33 asks.
#[tokio::test]
async fn the_question_in_protobuf() {
    let house = House::new().await;
    let field = |number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("short");
        [&[number << 3 | 2, length][..], content].concat()
    };
    let attributes = [
        field(1, NAMESPACE.as_bytes()),
        field(2, b"create"),
        field(3, b"auth.litellm.ai"),
        field(5, b"teams"),
    ];
    let object = [field(1, b""), field(2, &field(1, &attributes.concat()))].concat();
    let kind = [
        field(1, b"authorization.k8s.io/v1"),
        field(2, b"SelfSubjectAccessReview"),
    ]
    .concat();
    let body = [
        b"k8s\0".to_vec(),
        field(1, &kind),
        field(2, &object),
        field(3, b""),
        field(4, b""),
    ]
    .concat();
    let request = house
        .request(Method::POST, ACCESS)
        .header(header::CONTENT_TYPE, "application/vnd.kubernetes.protobuf")
        .header(header::ACCEPT, "application/vnd.kubernetes.protobuf,application/json")
        .body(body);
    let said = Said::of(request).await.is(201);
    assert_eq!(said["status"]["allowed"], true);
}

#[tokio::test]
async fn rules_are_listed() {
    let house = House::new().await;
    let body = json!({"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "spec": {"namespace": NAMESPACE}});
    let said = house.post(RULES, &body).await.is(201);
    let rules = said["status"]["resourceRules"].as_array().expect("rules");
    let teams = rules
        .iter()
        .find(|rule| rule["resources"] == json!(["teams"]))
        .expect("a rule for teams");
    assert_eq!(
        teams["verbs"],
        json!(["get", "list", "watch", "create", "update", "patch", "delete"])
    );
}
