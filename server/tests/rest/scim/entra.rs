//! The requests of Microsoft Entra ID, as its documentation prints them
//! ("Develop and plan provisioning for a SCIM endpoint in Microsoft Entra ID").

use http::header;
use serde_json::{Value, json};

use super::{Acme, ENTERPRISE, GROUP, id_of, refused};

fn new_user() -> Value {
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1",
        "active": true,
        "emails": [{
            "primary": true,
            "type": "work",
            "value": "Test_User_fd0ea19b-0777-472c-9f96-4f70d2226f2e@testuser.com"
        }],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
        "roles": []
    })
}

#[tokio::test]
async fn a_user_is_created_found_and_soft_deleted() {
    let acme = Acme::new().await;
    let name = "Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1";
    let by_name = format!("/Users?filter=userName%20eq%20%22{name}%22");
    let none = acme.get(&by_name).await.is(200);
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(0), &json!([])));

    let answer = acme.post("/Users", new_user()).await;
    let location = answer.headers[header::LOCATION].to_str().unwrap().to_owned();
    let made = answer.is(201);
    let path = format!("/Users/{}", id_of(&made));
    assert!(location.ends_with(&format!("/scim/v2{path}")) && made["meta"]["location"] == location.as_str());
    assert_eq!(made["externalId"], "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef");
    assert_eq!(made["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
    assert!(made.get("roles").is_none(), "what is not kept is not shown");
    let found = acme.get(&by_name).await.is(200);
    assert_eq!((&found["totalResults"], &found["Resources"][0]), (&json!(1), &made));
    let found = acme
        .get("/Users?filter=externalId%20eq%20%220a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef%22")
        .await;
    assert_eq!(found.is(200)["totalResults"], 1);

    let email = "test_user_fd0ea19b-0777-472c-9f96-4f70d2226f2e@testuser.com";
    assert_eq!(acme.role(email).await.as_deref(), Some("org_member"));
    let display: String = sqlx::query_scalar("SELECT display_name FROM users WHERE email = $1")
        .bind(email)
        .fetch_one(&acme.world.pool)
        .await
        .unwrap();
    assert_eq!(display, "givenName familyName");

    let disable = json!([{"op": "Replace", "path": "active", "value": false}]);
    assert_eq!(acme.patch(&path, disable.clone()).await.is(200)["active"], false);
    assert!(!acme.works(email).await);
    assert_eq!(acme.get(&path).await.is(200)["active"], false, "it is there still");
    acme.delete(&path).await.is(204);
    refused(acme.get(&path).await, 404, None);
    refused(acme.delete(&path).await, 404, None);
    refused(acme.patch(&path, disable).await, 404, None);
}

#[tokio::test]
async fn booleans_are_strings_without_the_flag() {
    let acme = Acme::new().await;
    let path = format!("/Users/{}", acme.user("max").await);
    for (value, active) in [("False", false), ("True", true), ("false", false)] {
        let after = acme
            .patch(&path, json!([{"op": "Replace", "path": "active", "value": value}]))
            .await
            .is(200);
        assert_eq!(after["active"], active);
        assert_eq!(acme.works("max@example.com").await, active);
    }
}

#[tokio::test]
async fn attributes_are_replaced_by_paths_and_by_objects() {
    let acme = Acme::new().await;
    let path = format!("/Users/{}", id_of(&acme.post("/Users", new_user()).await.is(201)));
    let after = acme
        .patch(
            &path,
            json!([
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updatedEmail@microsoft.com"},
                {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
            ]),
        )
        .await
        .is(200);
    assert_eq!(after["emails"][0]["value"], "updatedEmail@microsoft.com");
    assert_eq!(after["name"]["familyName"], "updatedFamilyName");
    let after = acme
        .patch(&path, json!([{"op": "Replace", "path": "userName", "value": "5b50642d-79fc-4410-9e90-4c077cdd1a59@testuser.com"}]))
        .await
        .is(200);
    assert_eq!(after["userName"], "5b50642d-79fc-4410-9e90-4c077cdd1a59@testuser.com");

    // With aadOptscim062020.
    let after = acme
        .patch(
            &path,
            json!([
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "TestMhvaes@test.microsoft.com"},
                {"op": "replace", "value": {
                    "displayName": "Bjfe",
                    "name.givenName": "Kkom",
                    "name.familyName": "Unua",
                    "externalId": "Aklq",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "Aklq"
                }},
            ]),
        )
        .await
        .is(200);
    assert_eq!(after["displayName"], "Bjfe");
    assert_eq!(
        (&after["name"]["givenName"], &after["name"]["familyName"]),
        (&json!("Kkom"), &json!("Unua"))
    );
    assert_eq!(
        (&after["externalId"], &after[ENTERPRISE]["employeeNumber"]),
        (&json!("Aklq"), &json!("Aklq"))
    );
    assert_eq!(
        after["schemas"].as_array().unwrap().len(),
        2,
        "the extension is named once it is there"
    );
}

#[tokio::test]
async fn the_enterprise_extension_comes_by_paths() {
    let acme = Acme::new().await;
    let (max, boss) = (acme.user("max").await, acme.user("boss").await);
    let path = format!("/Users/{max}");
    let after = acme
        .patch(
            &path,
            json!([
                {"op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Tools"},
                {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": boss},
                {"op": "Add", "path": "emails[type eq \"other\"].value", "value": "max@home.example"},
                {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Berlin"},
                {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+49 1"},
            ]),
        )
        .await
        .is(200);
    assert_eq!(
        after[ENTERPRISE],
        json!({"department": "Tools", "manager": {"value": boss}})
    );
    assert_eq!(
        after["emails"][1],
        json!({"type": "other", "value": "max@home.example"})
    );
    assert_eq!(after["addresses"], json!([{"type": "work", "locality": "Berlin"}]));
    let filter = format!("/Users?filter=id%20eq%20%22{max}%22%20and%20manager%20eq%20%22{boss}%22&attributes=id");
    refused(acme.get(&filter).await, 400, Some("invalidFilter"));
    let filter =
        format!("/Users?filter=id%20eq%20%22{max}%22%20and%20{ENTERPRISE}:manager%20eq%20%22{boss}%22&attributes=id");
    let found = acme.get(&filter).await.is(200);
    assert_eq!(found["Resources"], json!([{"schemas": after["schemas"], "id": max}]));
    let after = acme
        .patch(
            &path,
            json!([{"op": "Remove", "path": format!("{ENTERPRISE}:manager")}]),
        )
        .await
        .is(200);
    assert_eq!(after[ENTERPRISE], json!({"department": "Tools"}));
}

#[tokio::test]
async fn groups_are_created_renamed_filled_emptied_and_deleted() {
    let acme = Acme::new().await;
    let (max, tess) = (acme.user("max").await, acme.user("tess").await);
    let made = acme
        .post("/Groups", json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "displayName",
            "meta": {"resourceType": "Group"}
        }))
        .await
        .is(201);
    assert_eq!(made["schemas"], json!([GROUP]));
    let path = format!("/Groups/{}", id_of(&made));
    let found = acme
        .get("/Groups?excludedAttributes=members&filter=displayName%20eq%20%22displayName%22")
        .await
        .is(200);
    assert_eq!(found["Resources"], json!([made]));

    let value = json!([{"$ref": null, "value": max}, {"$ref": null, "value": tess}]);
    let add = json!([{"op": "Add", "path": "members", "value": value}]);
    assert_eq!(acme.patch(&path, add.clone()).await.is(204), "");
    assert_eq!(acme.team("displayName").await, ["max", "tess"]);
    let members = acme.get(&path).await.is(200)["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 2);
    assert!(members[0]["$ref"].as_str().unwrap().contains("/scim/v2/Users/"));
    let without = acme.get(&format!("{path}?excludedAttributes=members")).await.is(200);
    assert!(without.get("members").is_none());

    let rename = json!([{"op": "Replace", "path": "displayName", "value": "1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName"}]);
    acme.patch(&path, rename).await.is(204);
    assert_eq!(
        acme.team("displayName").await,
        ["max", "tess"],
        "the team keeps its name"
    );
    let linked: String = sqlx::query_scalar("SELECT group_name FROM identity_links")
        .fetch_one(&acme.world.pool)
        .await
        .unwrap();
    assert_eq!(linked, "1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName");

    acme.patch(
        &path,
        json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": max}]}]),
    )
    .await
    .is(204);
    assert_eq!(acme.team("displayName").await, ["tess"]);
    acme.patch(
        &path,
        json!([{"op": "remove", "path": format!("members[value eq \"{tess}\"]")}]),
    )
    .await
    .is(204);
    assert!(acme.team("displayName").await.is_empty());
    assert_eq!(
        acme.role("max@example.com").await.as_deref(),
        Some("org_member"),
        "the directory has him still"
    );

    let asked = format!(
        "/Groups?excludedAttributes=members&filter=id%20eq%20%22{}%22%20and%20members%20eq%20%22{max}%22",
        id_of(&made)
    );
    assert_eq!(acme.get(&asked).await.is(200)["totalResults"], 0);
    acme.patch(&path, add).await.is(204);
    assert_eq!(acme.get(&asked).await.is(200)["totalResults"], 1);
    acme.delete(&path).await.is(204);
    assert!(
        acme.team("displayName").await.is_empty(),
        "who was in it by the group is not any more"
    );
    refused(acme.get(&path).await, 404, None);
    refused(acme.delete(&path).await, 404, None);
}
