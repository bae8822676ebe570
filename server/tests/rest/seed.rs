//! The seed's guide, command by command.

use http::header;
use serde_json::json;

use crate::api::{World, masked};

#[tokio::test]
async fn b_the_guide_works_as_printed() {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let user = world.person("user").await;

    // Creating a Team
    let team = world
        .post(
            &admin,
            "/admin/teams",
            json!({
                "name": "Backend Team",
                "description": "Backend services development",
                "required_labels": ["linux", "docker"],
                "optional_label_patterns": ["backend-.*", "service-.*"],
                "max_runners": 10
            }),
        )
        .await
        .is(201);
    let id = team["id"].as_str().unwrap();
    insta::assert_json_snapshot!(masked(&team));

    // Adding Members to a Team
    let body = json!({"user_id": "user@example.com", "role": "member"});
    let member = world
        .post(&admin, &format!("/admin/teams/{id}/members"), body)
        .await
        .is(201);
    insta::assert_json_snapshot!(masked(&member));

    // Viewing My Teams
    let mine = world.get(&user, "/teams/my-teams").await.is(200);
    insta::assert_json_snapshot!(masked(&mine));

    // Provisioning a Runner with Team
    let body = json!({
        "runner_name_prefix": "backend-runner",
        "labels": ["backend-api", "service-auth"],
        "team_id": id
    });
    let answer = world.post(&user, "/runners/jit", body).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "B12");
    let runner = answer.is(201);
    let name = runner["runner_name"].as_str().unwrap();
    let suffix = name.strip_prefix("backend-runner-").unwrap();
    assert!(
        suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_hexdigit()),
        "{name}"
    );
    let labels = ["self-hosted", "linux", "x64", "docker", "backend-api", "service-auth"];
    assert_eq!(runner["labels"], json!(labels));
    let config = runner["encoded_jit_config"].as_str().unwrap();
    assert_eq!(runner["run_command"], format!("./run.sh --jitconfig {config}"));
    assert_eq!(world.github.runners()[0].labels, labels);

    // "Check current runner count"
    let runners = world.get(&user, &format!("/runners?team_id={id}")).await.is(200);
    assert_eq!(runners["total"], 1);
    let mut listed = masked(&runners["runners"][0]);
    assert_eq!(std::mem::take(&mut listed["runner_name"]), runner["runner_name"]);
    insta::assert_json_snapshot!(listed);

    // Updating Team Policies
    let body = json!({"required_labels": ["linux", "docker", "kubernetes"], "max_runners": 15});
    let changed = world.patch(&admin, &format!("/admin/teams/{id}"), body).await.is(200);
    assert_eq!(changed["required_labels"], json!(["linux", "docker", "kubernetes"]));
    assert_eq!(changed["max_runners"], 15);
    assert_eq!(
        changed["description"], "Backend services development",
        "what is left out stays"
    );
    assert_eq!(
        (&changed["runner_count"], &changed["active_runner_count"]),
        (&json!(1), &json!(1)),
        "B3"
    );

    // Deactivating a Team: no body at all
    let path = format!("/admin/teams/{id}/deactivate");
    let inactive = world.call(Some(&admin.token), "POST", &path, None).await.is(200);
    assert_eq!(inactive["is_active"], false);
    assert_eq!(inactive["deactivated_by"], admin.email);
    let again = world.call(Some(&admin.token), "POST", &path, None).await;
    again.refused(409, "WRONG_STATE", "Team 'Backend Team' is already deactivated");
    let body = json!({"team_id": id});
    world
        .post(&user, "/runners/jit", body)
        .await
        .refused(403, "TEAM_INACTIVE", "Team is inactive");
    assert_eq!(world.github.runner_count(), 1, "runners that exist stay");
    assert_eq!(world.get(&user, "/teams/my-teams").await.is(200)["total"], 0);

    // Removing a member, by id
    let path = format!("/admin/teams/{id}/members/{}", user.id);
    world.delete(&admin, &path).await.is(204);
    world
        .delete(&admin, &path)
        .await
        .refused(404, "NOT_FOUND", "User is not a member of this team");
}

#[tokio::test]
async fn b13_the_guides_label_example() {
    let world = World::new().await;
    let user = world.person("user").await;
    let team = world.team("Apps").await;
    world.join(team, &user, "member").await;
    world
        .sql("UPDATE teams SET required_labels = '{docker}', optional_label_patterns = '{app-.*}'")
        .await;

    let both = json!({"team_id": team, "labels": ["app-backend", "gpu"]});
    let refusal = world.post(&user, "/runners/jit", both).await;
    let body = refusal.refused(403, "LABEL_NOT_PERMITTED", "Label not permitted by team policy");
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("gpu") && detail.contains("app-.*"), "{detail}");
    assert_eq!(
        world.github.runner_count(),
        0,
        "one bad label refuses the whole request"
    );

    let good = json!({"team_id": team, "labels": ["app-backend"]});
    let runner = world.post(&user, "/runners/jit", good).await.is(201);
    assert_eq!(
        runner["labels"],
        json!(["self-hosted", "linux", "x64", "docker", "app-backend"])
    );
    // A pattern matches whole labels only.
    let longer = json!({"team_id": team, "labels": ["my-app-backend"]});
    world
        .post(&user, "/runners/jit", longer)
        .await
        .refused(403, "LABEL_NOT_PERMITTED", "Label not permitted");
}
