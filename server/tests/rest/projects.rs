//! Projects and who is in them: SPEC D4, D8, P.

use serde_json::{Value, json};

use crate::api::World;

#[tokio::test]
async fn d8_people_are_assigned_with_a_role() {
    let world = World::new().await;
    let (boss, ada, bob) = (
        world.person("boss").await,
        world.person("ada").await,
        world.person("bob").await,
    );
    let team = world.team("Engineering").await;
    world.join(team, &boss, "admin").await;
    world.join(team, &ada, "member").await;
    let projects = format!("/admin/teams/{team}/projects");
    let project = world.post(&boss, &projects, json!({"name": "LLM API"})).await.is(201);
    let one = format!("{projects}/{}", project["id"].as_str().unwrap());
    let members = format!("{one}/members");
    let at = |user: &str| format!("{members}/{user}");
    let put = async |by, user: &str, body: Value| world.put(by, &at(user), body).await;

    world
        .get(&ada, &one)
        .await
        .refused(404, "NOT_FOUND", "Project not found: ");
    let added = put(&boss, &ada.email, json!({"role": "member"})).await.is(201);
    assert_eq!(
        (
            &added["user_id"],
            &added["role"],
            &added["implicit"],
            &added["added_by"]
        ),
        (&json!(ada.id), &json!("member"), &json!(false), &json!(boss.email))
    );
    assert_eq!(world.get(&ada, &one).await.is(200)["member_count"], 1);
    assert_eq!(world.get(&ada, &projects).await.is(200)["total"], 1);
    let changed = put(&boss, &ada.id.to_string(), json!({"role": "admin"})).await;
    assert_eq!(changed.is(200)["role"], "admin");
    put(&boss, &ada.email, json!({"role": "owner"}))
        .await
        .invalid(&["role"]);
    put(&boss, &ada.email, json!({"role": "admin", "until": 1}))
        .await
        .invalid(&["until"]);
    put(&boss, &ada.email, json!({})).await.invalid(&["role"]);
    put(&ada, &bob.email, json!({"role": "member"})).await.refused(
        404,
        "NOT_FOUND",
        "User is not a member of this team",
    );
    put(&ada, "nobody@example.com", json!({"role": "member"}))
        .await
        .refused(404, "NOT_FOUND", "User is not a member of this team");
    put(&ada, "x", json!({"role": "member"}))
        .await
        .refused(404, "NOT_FOUND", "User is not a member of this team");

    let list = world.get(&ada, &members).await.is(200);
    assert_eq!((&list["project_name"], &list["total"]), (&json!("LLM API"), &json!(2)));
    assert_eq!(
        (
            &list["members"][1]["email"],
            &list["members"][1]["role"],
            &list["members"][1]["implicit"]
        ),
        (&json!(boss.email), &Value::Null, &json!(true)),
        "team admins are there without a role"
    );
    let first = world.get(&ada, &format!("{members}?limit=1")).await.is(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world
        .get(&ada, &format!("{members}?limit=1&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!(
        (&second["members"][0]["email"], &second["next_cursor"]),
        (&json!(boss.email), &Value::Null)
    );
    world
        .get(&ada, &format!("{members}?cursor=x"))
        .await
        .invalid(&["cursor"]);
    assert_eq!(world.get(&ada, &at(&ada.email)).await.is(200)["role"], "admin");
    world
        .get(&ada, &at(&bob.email))
        .await
        .refused(404, "NOT_FOUND", "User is not a member of this project");

    world.delete(&boss, &at(&ada.email)).await.is(204);
    world
        .delete(&boss, &at(&ada.email))
        .await
        .refused(404, "NOT_FOUND", "User is not a member of this project");
    world
        .delete(&ada, &at(&ada.email))
        .await
        .refused(404, "NOT_FOUND", "Project not found");
}

/// D4: removed from the team and added again, someone has no project.
#[tokio::test]
async fn d4_rejoining_the_team_brings_no_project_back() {
    let world = World::new().await;
    let (boss, ada) = (world.person("boss").await, world.person("ada").await);
    let team = world.team("Engineering").await;
    world.join(team, &boss, "admin").await;
    let members = format!("/admin/teams/{team}/members");
    let join = json!({"user_id": ada.email});
    world.post(&boss, &members, join.clone()).await.is(201);
    let projects = format!("/admin/teams/{team}/projects");
    let project = world.post(&boss, &projects, json!({"name": "LLM API"})).await.is(201);
    let one = format!("{projects}/{}", project["id"].as_str().unwrap());
    let role = json!({"role": "admin"});
    world
        .put(&boss, &format!("{one}/members/{}", ada.email), role)
        .await
        .is(201);
    world.get(&ada, &one).await.is(200);
    world.delete(&boss, &format!("{members}/{}", ada.email)).await.is(204);
    world
        .get(&ada, &one)
        .await
        .refused(403, "FORBIDDEN", "Access denied: not a team member");
    world.post(&boss, &members, join).await.is(201);
    world
        .get(&ada, &one)
        .await
        .refused(404, "NOT_FOUND", "Project not found");
}

/// B11, P: a runner is provisioned for a project by those who may use it.
#[tokio::test]
async fn p_runners_are_for_projects_that_one_is_assigned_to() {
    let world = World::new().await;
    let (boss, ada) = (world.person("boss").await, world.person("ada").await);
    let team = world.team("Engineering").await;
    world.join(team, &boss, "admin").await;
    world.join(team, &ada, "member").await;
    let projects = format!("/admin/teams/{team}/projects");
    let project = world.post(&boss, &projects, json!({"name": "LLM API"})).await.is(201);
    let id = project["id"].as_str().unwrap();
    let runner = json!({"team_id": team, "project_id": id});
    let missing = format!("Project not found: {id}");
    world
        .post(&ada, "/runners/jit", runner.clone())
        .await
        .refused(404, "NOT_FOUND", &missing);
    world.post(&boss, "/runners/jit", runner.clone()).await.is(201);
    let at = format!("{projects}/{id}/members/{}", ada.email);
    world.put(&boss, &at, json!({"role": "member"})).await.is(201);
    world.post(&ada, "/runners/jit", runner).await.is(201);
    let project = world.get(&ada, &format!("{projects}/{id}")).await.is(200);
    assert_eq!(project["runner_count"], 2);
}
