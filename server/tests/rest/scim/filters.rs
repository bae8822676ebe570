//! Filters, pages and what an answer has of a resource.

use serde_json::{Value, json};

use super::{Acme, ENTERPRISE, USER, refused};

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn names(acme: &Acme, filter: &str) -> Vec<String> {
    let found = acme.get(&format!("/Users?filter={}", encoded(filter))).await.is(200);
    let names: Vec<String> = found["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["userName"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found["totalResults"], names.len());
    names
}

async fn people() -> Acme {
    let acme = Acme::new().await;
    for (name, rest) in [
        (
            "Ada",
            json!({"title": "Lead", "name": {"familyName": "O'Malley"}, "emails": [{"type": "work", "value": "ada@example.com"}]}),
        ),
        (
            "bob",
            json!({"active": false, ENTERPRISE: {"department": "100%"}, "emails": [{"type": "home", "value": "bob@example.org", "primary": true}]}),
        ),
        (
            "Cyd",
            json!({"externalId": "X1", "emails": [{"type": "work", "value": "cyd@example.com"}, {"type": "home", "value": "cyd@example.org"}]}),
        ),
    ] {
        let mut body = rest;
        body["schemas"] = json!([USER]);
        body["userName"] = json!(name);
        acme.post("/Users", body).await.is(201);
    }
    acme
}

#[tokio::test]
async fn every_operator_does_what_the_rfc_says() {
    let acme = people().await;
    let all: &[&str] = &["Ada", "bob", "Cyd"];
    for (filter, expected) in [
        (r#"userName eq "ada""#, &["Ada"][..]),
        (r#"USERNAME EQ "ADA""#, &["Ada"]),
        (r#"userName ne "ada""#, &["bob", "Cyd"]),
        (r#"userName co "d""#, &["Ada", "Cyd"]),
        (r#"userName sw "B""#, &["bob"]),
        (r#"userName ew "d""#, &["Cyd"]),
        (r#"userName gt "ada""#, &["bob", "Cyd"]),
        (r#"userName le "bob""#, &["Ada", "bob"]),
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "bob""#,
            &["bob"],
        ),
        (r#"externalId eq "X1""#, &["Cyd"]),
        (r#"externalId eq "x1""#, &[]),
        ("externalId pr", &["Cyd"]),
        ("not (externalId pr)", &["Ada", "bob"]),
        ("externalId eq null", &["Ada", "bob"]),
        ("title pr", &["Ada"]),
        (r#"title ne "Lead""#, &["bob", "Cyd"]),
        (r#"not (title eq "Lead")"#, &["bob", "Cyd"]),
        (r#"name.familyName co "o'm""#, &["Ada"]),
        (r#"name[familyName eq "o'malley"]"#, &["Ada"]),
        ("active eq true", &["Ada", "Cyd"]),
        (r#"active eq "False""#, &["bob"]),
        ("active ne true", &["bob"]),
        (r#"emails co "example.org""#, &["bob", "Cyd"]),
        (r#"emails.value eq "ADA@example.com""#, &["Ada"]),
        (r#"emails[type eq "work" and value co "cyd"]"#, &["Cyd"]),
        (r#"emails[type eq "home"].value eq "cyd@example.org""#, &["Cyd"]),
        (r#"emails[type eq "work" and value ew ".org"]"#, &[]),
        ("emails[primary eq true]", &["bob"]),
        (r#"emails[not (type eq "work")]"#, &["bob", "Cyd"]),
        ("emails pr and phoneNumbers pr", &[]),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "100%""#,
            &["bob"],
        ),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department co "%""#,
            &["bob"],
        ),
        (
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
            &["bob"],
        ),
        (r#"meta.created gt "2020-01-01T00:00:00Z""#, all),
        (r#"meta.lastModified lt "2020-01-01T00:00:00Z""#, &[]),
        (r#"meta.resourceType eq "User""#, all),
        (r#"userName eq "ada" or userName eq "bob" and active eq true"#, &["Ada"]),
        (
            r#"(userName eq "ada" or userName eq "bob") and active eq false"#,
            &["bob"],
        ),
        (r#"id eq "nonsense""#, &[]),
        (r#"userName eq "'; DROP TABLE scim_users; --""#, &[]),
    ] {
        assert_eq!(names(&acme, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let acme = people().await;
    for filter in [
        "userName",
        "userName eq",
        "userName eq bob",
        "userName xx \"a\"",
        "(userName pr",
        "nonsense eq \"a\"",
        "name.nonsense eq \"a\"",
        "userName eq 3",
        "active gt true",
        "active co \"t\"",
        "name eq \"a\"",
        "meta.created co \"2\"",
        "meta.created gt \"soon\"",
        "meta.created gt \"-262143-01-01T00:00:00Z\"",
        "meta.created lt \"+262142-12-31T23:59:59Z\"",
        "meta.version eq \"1\"",
        "emails[nonsense eq \"a\"]",
        "emails[emails[type pr]]",
        "userName[value eq \"a\"]",
        "userName eq \"\\u0000\"",
        "urn:nonsense:userName eq \"a\"",
    ] {
        refused(
            acme.get(&format!("/Users?filter={}", encoded(filter))).await,
            400,
            Some("invalidFilter"),
        );
    }
    refused(
        acme.get(&format!("/Users?filter={}", "(".repeat(3000))).await,
        400,
        Some("invalidFilter"),
    );
    refused(acme.get("/Users?count=many").await, 400, Some("invalidValue"));
}

#[tokio::test]
async fn pages_are_counted_from_one_and_never_too_large() {
    let acme = people().await;
    let page = async |query: &str| acme.get(&format!("/Users?{query}")).await.is(200);
    let shown = |page: &Value| {
        let names: Vec<_> = page["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["userName"].clone())
            .collect();
        (
            page["totalResults"].clone(),
            page["startIndex"].clone(),
            page["itemsPerPage"].clone(),
            json!(names),
        )
    };
    let expect = |start: i64, names: Value| (json!(3), json!(start), json!(names.as_array().unwrap().len()), names);
    assert_eq!(
        shown(&page("startIndex=1&count=2").await),
        expect(1, json!(["Ada", "bob"]))
    );
    assert_eq!(shown(&page("startIndex=3&count=2").await), expect(3, json!(["Cyd"])));
    assert_eq!(shown(&page("startIndex=4").await), expect(4, json!([])));
    assert_eq!(shown(&page("count=0").await), expect(1, json!([])));
    assert_eq!(shown(&page("startIndex=-3&count=-1").await), expect(1, json!([])));
    assert_eq!(
        shown(&page("startIndex=0&count=99999").await),
        expect(1, json!(["Ada", "bob", "Cyd"]))
    );
    assert_eq!(shown(&page("startIndex=9223372036854775807").await).0, json!(3));
    // Sorting is not supported, and is no error.
    page("sortBy=userName&sortOrder=descending").await;
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "active eq true",
        "attributes": ["userName"], "startIndex": 2, "count": 5,
    });
    let found = acme.post("/Users/.search", body).await.is(200);
    assert_eq!(
        (&found["totalResults"], found["Resources"].as_array().unwrap().len()),
        (&json!(2), 1)
    );
    assert_eq!(
        found["Resources"][0].as_object().unwrap().len(),
        3,
        "schemas, id, userName"
    );
    refused(
        acme.post("/Users/.search", json!({"filter": 3})).await,
        400,
        Some("invalidFilter"),
    );
    assert_eq!(acme.post("/Groups/.search", json!({})).await.is(200)["totalResults"], 0);
}

#[tokio::test]
async fn attributes_and_excluded_attributes_are_honoured_everywhere() {
    let acme = people().await;
    let keys = |user: &Value| {
        let mut keys: Vec<String> = user.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    let found = acme
        .get("/Users?attributes=userName,emails.value&count=1")
        .await
        .is(200);
    let user = &found["Resources"][0];
    assert_eq!(keys(user), "emails id schemas userName");
    assert_eq!(user["emails"], json!([{"value": "ada@example.com"}]));
    let path = format!("/Users/{}", user["id"].as_str().unwrap());
    let one = acme
        .get(&format!("{path}?excludedAttributes=emails,meta,id,name.familyName"))
        .await
        .is(200);
    assert_eq!(keys(&one), "active id name schemas title userName");
    let body = json!({"schemas": [USER], "userName": "dan"});
    let made = acme.post("/Users?attributes=userName", body.clone()).await.is(201);
    assert_eq!(keys(&made), "id schemas userName");
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    assert_eq!(
        keys(&acme.put(&format!("{path}?attributes=id"), body).await.is(200)),
        "id schemas"
    );
    let operations = json!([{"op": "add", "path": "title", "value": "x"}]);
    assert_eq!(
        keys(
            &acme
                .patch(&format!("{path}?attributes=title"), operations)
                .await
                .is(200)
        ),
        "id schemas title"
    );
}
