//! SPEC D3, X10, X13, P: organizations, their people and domains over HTTP.

use serde_json::{Value, json};

use crate::api::{Person, World, masked};

async fn belong(world: &World, organization: uuid::Uuid, person: &Person, role: &str) {
    let user = person.id;
    world
        .sql(&format!(
            "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{organization}', '{user}', '{role}')"
        ))
        .await;
}

#[tokio::test]
async fn organizations_are_created_with_all_fields_and_read_back() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let body = json!({
        "name": "Acme Corporation", "domains": ["Acme.Example", "acme.example", "acme.test"], "models": ["gpt-4o"],
        "max_budget": 100.5, "budget_duration": "monthly", "tpm_limit": 1000, "rpm_limit": 10, "max_runners": 50,
        "time_zone": "europe/berlin"
    });
    let created = world.post(&root, "/admin/organizations", body).await.is(201);
    let expected = json!({
        "id": "[id]", "name": "Acme Corporation", "slug": "acme-corporation", "role": null, "team_count": 0,
        "people_count": 0, "models": ["gpt-4o"], "max_budget": 100.5, "budget_duration": "1mo", "tpm_limit": 1000,
        "rpm_limit": 10, "max_runners": 50, "domains": ["acme.example", "acme.test"], "unverified_domains": [],
        "admins": [], "guest_count": 0, "admin_count": 0, "runner_count": 0, "teams_without_admin": 0,
        "time_zone": "Europe/Berlin", "created_at": "[time]", "updated_at": "[time]"
    });
    assert_eq!(masked(&created), expected);
    let id = created["id"].as_str().unwrap();
    for key in [id, "acme-corporation"] {
        let read = world.get(&root, &format!("/admin/organizations/{key}")).await.is(200);
        assert_eq!(read, created);
    }
    let again = json!({"name": "Other", "slug": "acme-corporation"});
    world.post(&root, "/admin/organizations", again).await.refused(
        409,
        "NAME_TAKEN",
        "Organization 'acme-corporation' already exists",
    );
    let bad = json!({"name": "x", "slug": "No", "domains": ["gmail.com"], "max_budget": -1, "max_runners": -1});
    world.post(&root, "/admin/organizations", bad).await.invalid(&[
        "name",
        "slug",
        "domains",
        "max_budget",
        "max_runners",
    ]);
    world
        .get(&root, "/admin/organizations/nothing")
        .await
        .refused(404, "NOT_FOUND", "Organization not found: nothing");
}

#[tokio::test]
async fn the_list_is_paged_with_a_true_total() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for index in 0..7 {
        world.organization(&format!("org-{index}")).await;
    }
    let first = world
        .get(&root, "/admin/organizations?limit=3&search=org-")
        .await
        .is(200);
    assert_eq!(first["total"], 7);
    let mut names: Vec<Value> = Vec::new();
    let mut page = first;
    loop {
        names.extend(
            page["organizations"]
                .as_array()
                .unwrap()
                .iter()
                .map(|o| o["slug"].clone()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        let path = format!("/admin/organizations?limit=3&search=org-&cursor={cursor}");
        page = world.get(&root, &path).await.is(200);
    }
    let expected: Vec<Value> = (0..7).map(|index| json!(format!("org-{index}"))).collect();
    assert_eq!(names, expected);
    let all = world.get(&root, "/admin/organizations").await.is(200);
    assert_eq!(all["total"], 8, "with the default one");
    assert_eq!(all["organizations"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn b5_absent_keeps_and_null_clears() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let body =
        json!({"name": "Acme", "max_runners": 5, "max_budget": 10, "models": ["a"], "domains": ["acme.example"]});
    world.post(&root, "/admin/organizations", body).await.is(201);
    let path = "/admin/organizations/acme";
    let kept = world.patch(&root, path, json!({"name": "Acme Two"})).await.is(200);
    assert_eq!((&kept["slug"], &kept["max_runners"]), (&json!("acme"), &json!(5)));
    assert_eq!(kept["domains"], json!(["acme.example"]));
    let cleared = json!({"max_runners": null, "max_budget": null, "models": null, "domains": null});
    let cleared = world.patch(&root, path, cleared).await.is(200);
    assert_eq!(
        (
            &cleared["max_runners"],
            &cleared["max_budget"],
            &cleared["models"],
            &cleared["domains"]
        ),
        (&Value::Null, &Value::Null, &json!([]), &json!([]))
    );
    world.patch(&root, path, json!({"name": null})).await.invalid(&["name"]);
}

#[tokio::test]
async fn members_who_administer_nothing_see_the_outside_only() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let organization = world.organization("acme").await;
    let (olga, max) = (world.person("olga").await, world.person("max").await);
    belong(&world, organization, &olga, "org_admin").await;
    belong(&world, organization, &max, "org_member").await;
    let path = format!("/admin/organizations/{organization}");
    world
        .patch(&root, &path, json!({"domains": ["example.com"]}))
        .await
        .is(200);
    world
        .post(&olga, &format!("{path}/domains"), json!({"domain": "secret.example"}))
        .await
        .is(201);
    let seen = world.get(&max, &path).await.is(200);
    assert_eq!((&seen["role"], &seen["name"]), (&json!("org_member"), &json!("acme")));
    assert_eq!(seen["domains"], json!(["example.com"]));
    assert_eq!(seen["unverified_domains"], json!([]));
    assert_eq!(seen["admins"][0]["email"], olga.email);
    for hidden in ["people_count", "guest_count", "runner_count", "teams_without_admin"] {
        assert_eq!(seen[hidden], Value::Null, "{hidden}");
    }
    let outsider = world.person("outsider").await;
    world
        .get(&outsider, &path)
        .await
        .refused(403, "FORBIDDEN", "Access denied: not a member of this organization");
}

#[tokio::test]
async fn d3_people_are_added_listed_changed_and_removed() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let organization = world.organization("acme").await;
    let olga = world.person("olga").await;
    belong(&world, organization, &olga, "org_admin").await;
    let path = format!("/admin/organizations/{organization}");
    world
        .patch(&root, &path, json!({"domains": ["acme.example", "acme.test"]}))
        .await
        .is(200);
    let people = format!("{path}/members");
    let pat = world.person("pat").await;
    let asked = json!({"user_id": pat.email, "role": "org_member"});
    let refused = world.post(&olga, &people, asked).await.refused(
        400,
        "FOREIGN_EMAIL_DOMAIN",
        "User pat@example.com is not in this organization's email domains (acme.example, acme.test)",
    );
    assert!(refused["detail"].as_str().unwrap().contains("as a guest"), "the fix");
    let guest = json!({"user_id": pat.id, "role": "org_member", "guest": true});
    let added = world.post(&olga, &people, guest.clone()).await.is(201);
    assert_eq!((&added["guest"], &added["email"]), (&json!(true), &json!(pat.email)));
    assert_eq!(added["added_by"], olga.email);
    world.post(&olga, &people, guest).await.refused(
        409,
        "ALREADY_MEMBER",
        "User pat@example.com is already a member of organization acme",
    );
    world
        .post(&olga, &people, json!({"user_id": "eve@acme.example"}))
        .await
        .refused(404, "NOT_FOUND", "User not found: eve@acme.example");
    world
        .post(&olga, &people, json!({"user_id": "x", "role": "owner"}))
        .await
        .invalid(&["user_id", "role"]);

    let list = world.get(&olga, &format!("{people}?guest=true")).await.is(200);
    assert_eq!(
        (&list["total"], &list["members"][0]["email"]),
        (&json!(1), &json!(pat.email))
    );
    let list = world
        .get(&olga, &format!("{people}?role=org_admin&search=OLG"))
        .await
        .is(200);
    assert_eq!(
        (&list["total"], &list["members"][0]["role"]),
        (&json!(1), &json!("org_admin"))
    );

    let one = format!("{people}/{}", pat.email);
    let changed = world.patch(&olga, &one, json!({"role": "auditor"})).await.is(200);
    assert_eq!(changed["role"], "auditor");
    let own = format!("{people}/{}", olga.email);
    for answer in [
        world.patch(&olga, &own, json!({"role": "org_member"})).await,
        world.delete(&olga, &own).await,
    ] {
        answer.refused(400, "LAST_ORGANIZATION_ADMIN", "Cannot remove last organization admin");
    }
    world.delete(&olga, &one).await.is(204);
    for gone in [one, format!("{people}/nobody@example.com"), format!("{people}/x")] {
        world
            .delete(&olga, &gone)
            .await
            .refused(404, "NOT_FOUND", "User is not a member of this organization");
    }
    world.delete(&root, &own).await.is(204);
}

#[tokio::test]
async fn x10_domains_are_claimed_and_verified() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let organization = world.organization("acme").await;
    let olga = world.person("olga").await;
    belong(&world, organization, &olga, "org_admin").await;
    let path = format!("/admin/organizations/{organization}/domains");
    let added = world
        .post(&olga, &path, json!({"domain": "@Acme.Example"}))
        .await
        .is(201);
    assert_eq!(
        (&added["domain"], &added["verified"]),
        (&json!("acme.example"), &json!(false))
    );
    let record = added["txt_record"].as_str().unwrap();
    assert!(
        record
            .strip_prefix("guildhall-verification=")
            .is_some_and(|token| token.len() == 32),
        "{record}"
    );
    world
        .post(&olga, &path, json!({"domain": "acme.example"}))
        .await
        .refused(409, "NAME_TAKEN", "Domain 'acme.example' is there already");
    world
        .post(&olga, &path, json!({"domain": "gmail.com"}))
        .await
        .invalid(&["domain"]);
    let verify = format!("{path}/acme.example/verify");
    world
        .post(&olga, &verify, json!({"how": "word"}))
        .await
        .refused(403, "FORBIDDEN", "Insufficient permissions");
    world
        .post(&olga, &verify, json!({"how": "magic"}))
        .await
        .invalid(&["how"]);
    let verified = world.post(&root, &verify, json!({"how": "word"})).await.is(200);
    assert_eq!(
        (
            &verified["verified"],
            &verified["verified_how"],
            &verified["verified_by"]
        ),
        (&json!(true), &json!("word"), &json!(root.email))
    );
    world
        .delete(&olga, &format!("{path}/acme.example"))
        .await
        .refused(403, "FORBIDDEN", "Insufficient permissions");
    let list = world.get(&olga, &path).await.is(200);
    assert_eq!(
        (&list["total"], &list["domains"][0]["domain"]),
        (&json!(1), &json!("acme.example"))
    );
    world.delete(&root, &format!("{path}/acme.example")).await.is(204);
    world.delete(&root, &format!("{path}/acme.example")).await.refused(
        404,
        "NOT_FOUND",
        "Domain not found: acme.example",
    );
}

/// X13: the organization of the teams that stand alone has no limits and takes anyone.
#[tokio::test]
async fn x13_the_default_organization_stays_as_it_is() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let path = "/admin/organizations/default";
    world.patch(&root, path, json!({"name": "Standalone"})).await.is(200);
    for change in [
        json!({"max_runners": 1}),
        json!({"max_budget": 1}),
        json!({"slug": "other"}),
        json!({"domains": ["acme.example"]}),
    ] {
        world
            .patch(&root, path, change)
            .await
            .refused(409, "WRONG_STATE", "The default organization has no ");
    }
    world
        .post(&root, &format!("{path}/domains"), json!({"domain": "acme.example"}))
        .await
        .refused(409, "WRONG_STATE", "The default organization has no domains");
    let max = world.person("max").await;
    world
        .post(
            &root,
            &format!("{path}/members"),
            json!({"user_id": max.id, "role": "org_admin"}),
        )
        .await
        .invalid(&["role"]);
}
