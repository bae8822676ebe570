//! SPEC B7, B8, D5, D8.

use serde_json::{Value, json};

use crate::api::World;

#[tokio::test]
async fn b7_b8_members_by_id_or_email() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let team = world.team("Ops").await;
    let path = format!("/admin/teams/{team}/members");
    let added = world
        .post(&admin, &path, json!({"user_id": ada.id, "role": "admin"}))
        .await
        .is(201);
    assert_eq!((&added["email"], &added["role"]), (&json!(ada.email), &json!("admin")));
    assert_eq!(added["added_by"], admin.email);
    let added = world
        .post(&admin, &path, json!({"user_id": "BOB@example.com"}))
        .await
        .is(201);
    assert_eq!(added["role"], "member", "the default");
    let again = world.post(&admin, &path, json!({"user_id": bob.email})).await;
    again.refused(
        409,
        "ALREADY_MEMBER",
        "User bob@example.com is already a member of team Ops",
    );
    let stranger = world.post(&admin, &path, json!({"user_id": "eve@example.com"})).await;
    stranger.refused(404, "NOT_FOUND", "User not found: eve@example.com");

    let list = world.get(&bob, &path).await.is(200);
    assert_eq!((&list["team_name"], &list["total"]), (&json!("Ops"), &json!(2)));
    assert_eq!(list["team_id"], json!(team));
    assert_eq!(list["members"][0]["email"], ada.email);
    let first = world.get(&bob, &format!("{path}?limit=1")).await.is(200);
    assert_eq!(
        (first["members"].as_array().unwrap().len(), &first["total"]),
        (1, &json!(2))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world
        .get(&bob, &format!("{path}?limit=1&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!(
        (&second["members"][0]["email"], &second["next_cursor"]),
        (&json!(bob.email), &Value::Null)
    );

    let body = world
        .post(&admin, &path, json!({"user_id": "bob", "role": "owner"}))
        .await
        .invalid(&["user_id", "role"]);
    assert!(
        body["fields"][1]["message"]
            .as_str()
            .unwrap()
            .contains("admin or member"),
        "A2"
    );
    let promoted = world
        .patch(&admin, &format!("{path}/{}", bob.email), json!({"role": "admin"}))
        .await
        .is(200);
    assert_eq!(promoted["role"], "admin");
    world.delete(&admin, &format!("{path}/{}", bob.email)).await.is(204);
    world.delete(&admin, &format!("{path}/{}", bob.email)).await.refused(
        404,
        "NOT_FOUND",
        "User is not a member of this team",
    );
    world
        .delete(&admin, &format!("{path}/bob"))
        .await
        .refused(404, "NOT_FOUND", "User is not a member of this team");
}

#[tokio::test]
async fn d5_the_last_admin_stays() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let team = world.team("Ops").await;
    world.join(team, &ada, "admin").await;
    let path = format!("/admin/teams/{team}/members/{}", ada.id);
    let literal = "Cannot remove last team admin";
    world.delete(&ada, &path).await.refused(400, "LAST_TEAM_ADMIN", literal);
    world
        .patch(&ada, &path, json!({"role": "member"}))
        .await
        .refused(400, "LAST_TEAM_ADMIN", literal);
}

#[tokio::test]
async fn d8_projects() {
    let world = World::new().await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let team = world.team("Ops").await;
    world.join(team, &ada, "admin").await;
    world.join(team, &bob, "member").await;
    let path = format!("/admin/teams/{team}/projects");
    let project = world
        .post(&ada, &path, json!({"name": "Billing", "description": "Money"}))
        .await
        .is(201);
    assert_eq!(
        (&project["team_id"], &project["member_count"]),
        (&json!(team), &json!(0))
    );
    let again = world.post(&ada, &path, json!({"name": "billing"})).await;
    again.refused(409, "NAME_TAKEN", "Project 'billing' already exists in this team");
    let one = format!("{path}/{}", project["id"].as_str().unwrap());
    let renamed = world.patch(&ada, &one, json!({"name": "Payments"})).await.is(200);
    assert_eq!(
        (&renamed["name"], &renamed["description"]),
        (&json!("Payments"), &json!("Money"))
    );
    let cleared = world.patch(&ada, &one, json!({"description": null})).await.is(200);
    assert_eq!(cleared["description"], Value::Null);
    assert_eq!(world.get(&ada, &path).await.is(200)["total"], 1);
    assert_eq!(
        world.get(&bob, &path).await.is(200)["total"],
        0,
        "members see assigned projects only"
    );
    world
        .delete(&bob, &one)
        .await
        .refused(403, "FORBIDDEN", "Insufficient permissions");
    world.delete(&ada, &one).await.is(204);
    world
        .delete(&ada, &one)
        .await
        .refused(404, "NOT_FOUND", "Project not found");
    world
        .delete(&ada, &format!("{path}/x"))
        .await
        .refused(404, "NOT_FOUND", "Project not found: x");
}

#[tokio::test]
async fn organizations_are_listed_and_created() {
    let world = World::new().await;
    let (admin, member) = (world.super_admin().await, world.person("member").await);
    let made = world
        .post(&admin, "/admin/organizations", json!({"name": "Acme Corporation"}))
        .await
        .is(201);
    assert_eq!(
        (&made["slug"], &made["team_count"]),
        (&json!("acme-corporation"), &json!(0))
    );
    let again = world
        .post(&admin, "/admin/organizations", json!({"name": "Acme Corporation"}))
        .await;
    again.refused(409, "NAME_TAKEN", "Organization 'acme-corporation' already exists");
    world
        .post(&admin, "/admin/organizations", json!({"name": "東京都"}))
        .await
        .invalid(&["slug"]);
    let slugged = json!({"name": "東京都", "slug": "tokyo"});
    assert_eq!(
        world.post(&admin, "/admin/organizations", slugged).await.is(201)["slug"],
        "tokyo"
    );
    let all = world.get(&admin, "/admin/organizations").await.is(200);
    assert_eq!(all["total"], 3, "with the default one");
    assert_eq!(world.get(&member, "/admin/organizations").await.is(200)["total"], 0);
}
