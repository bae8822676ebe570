//! The requests of Okta, as its documentation prints them ("Okta and SCIM Version 2.0").

use serde_json::json;

use super::{Acme, GROUP, USER, id_of, refused};

#[tokio::test]
async fn a_user_is_created_updated_by_put_and_deactivated_without_a_path() {
    let acme = Acme::new().await;
    let none = acme
        .get("/Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100")
        .await
        .is(200);
    assert_eq!((&none["totalResults"], &none["startIndex"]), (&json!(0), &json!(1)));
    let made = acme
        .post(
            "/Users",
            json!({
                "schemas": [USER],
                "userName": "test.user@okta.local",
                "name": {"givenName": "Test", "familyName": "User"},
                "emails": [{"primary": true, "value": "test.user@okta.local", "type": "work"}],
                "displayName": "Test User",
                "locale": "en-US",
                "externalId": "00ujl29u0le5T6Aj10h7",
                "groups": [],
                "password": "1mz050nq",
                "active": true
            }),
        )
        .await
        .is(201);
    assert!(!made.to_string().contains("1mz050nq"), "no password is kept or shown");
    let kept = acme
        .world
        .count("SELECT count(*) FROM scim_users s WHERE s::text LIKE '%1mz050nq%'")
        .await;
    assert_eq!(kept, 0);
    let path = format!("/Users/{}", id_of(&made));
    let put = json!({
        "schemas": [USER],
        "id": id_of(&made),
        "userName": "test.user@okta.local",
        "name": {"givenName": "Another", "middleName": "Excited", "familyName": "User"},
        "emails": [{"primary": true, "value": "test.user@okta.local", "type": "work", "display": "test.user@okta.local"}],
        "active": true,
        "groups": [],
        "meta": {"resourceType": "User"}
    });
    let after = acme.put(&path, put.clone()).await.is(200);
    assert_eq!(after["name"]["middleName"], "Excited");
    assert!(
        after.get("displayName").is_none() && after.get("locale").is_none(),
        "PUT replaces"
    );
    assert_eq!(
        acme.put(&path, put).await.is(200),
        after,
        "the same again changes nothing"
    );

    let body = json!([{"op": "replace", "value": {"active": false}}]);
    assert_eq!(acme.patch(&path, body.clone()).await.is(200)["active"], false);
    let again = acme.patch(&path, body).await.is(200);
    assert!(!acme.works("test.user@okta.local").await);
    assert_eq!(acme.get(&path).await.is(200), again);
    acme.patch(&path, json!([{"op": "replace", "value": {"active": true}}]))
        .await
        .is(200);
    assert!(acme.works("test.user@okta.local").await);
}

#[tokio::test]
async fn groups_are_pushed_renamed_with_their_id_and_their_members_replaced() {
    let acme = Acme::new().await;
    let (max, tess) = (acme.user("max").await, acme.user("tess").await);
    let made = acme
        .post(
            "/Groups",
            json!({"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []}),
        )
        .await
        .is(201);
    let id = id_of(&made);
    let path = format!("/Groups/{id}");
    acme.patch(
        &path,
        json!([{"op": "replace", "value": {"id": id, "displayName": "Test SCIMv2 renamed"}}]),
    )
    .await
    .is(204);
    assert_eq!(acme.get(&path).await.is(200)["displayName"], "Test SCIMv2 renamed");
    acme.patch(
        &path,
        json!([
            {"op": "remove", "path": format!("members[value eq \"{tess}\"]")},
            {"op": "add", "path": "members", "value": [{"value": max, "display": "max@example.com"}]},
        ]),
    )
    .await
    .is(204);
    assert_eq!(acme.team("Test SCIMv2").await, ["max"]);
    acme.patch(
        &path,
        json!([{"op": "replace", "path": "members", "value": [{"value": tess, "display": "tess@example.com"}]}]),
    )
    .await
    .is(204);
    assert_eq!(acme.team("Test SCIMv2").await, ["tess"]);
    let put = json!({"schemas": [GROUP], "id": id, "displayName": "Test SCIMv2 renamed", "members": [{"value": max}, {"value": tess}]});
    assert_eq!(
        acme.put(&path, put.clone()).await.is(200)["members"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let version = acme.get(&path).await.is(200)["meta"].clone();
    assert_eq!(
        acme.put(&path, put).await.is(200)["meta"],
        version,
        "the same again changes nothing"
    );
    acme.delete(&path).await.is(204);
    refused(acme.get(&path).await, 404, None);
}
