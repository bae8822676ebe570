//! SPEC D2, D9, X9 over REST: the catalogue and the teams' policy.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Person, World};

struct Scene {
    world: World,
    organization: Uuid,
    owner: Person,
    team: Uuid,
    admin: Person,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let (owner, admin) = (world.person("owner").await, world.person("admin").await);
        world
            .sql(&format!(
                "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{organization}', '{}', 'org_admin')",
                owner.id
            ))
            .await;
        let team = world.team_in(organization, "Engineering").await;
        world.join(team, &admin, "admin").await;
        Self {
            world,
            organization,
            owner,
            team,
            admin,
        }
    }

    fn catalogue(&self) -> String {
        format!("/admin/organizations/{}/services", self.organization)
    }

    fn policy(&self) -> String {
        format!("/admin/teams/{}/services", self.team)
    }

    async fn add(&self, name: &str) -> Value {
        self.world
            .post(&self.owner, &self.catalogue(), json!({"name": name}))
            .await
            .is(201)
    }

    async fn put(&self, body: Value) -> crate::api::Answer {
        let token = Some(self.admin.token.as_str());
        self.world.call(token, "PUT", &self.policy(), Some(body)).await
    }
}

#[tokio::test]
async fn d2_the_catalogue() {
    let scene = Scene::new().await;
    let (world, owner, path) = (&scene.world, &scene.owner, scene.catalogue());
    let made = world
        .post(
            owner,
            &path,
            json!({"name": "llm-service", "description": "Chat", "kind": "model_gateway", "path_prefixes": ["get /v1", "/v2"]}),
        )
        .await
        .is(201);
    assert_eq!(made["organization_id"], json!(scene.organization));
    assert_eq!(
        (&made["kind"], &made["team_count"]),
        (&json!("model_gateway"), &json!(0))
    );
    assert_eq!(made["path_prefixes"], json!(["GET /v1", "/v2"]));
    assert_eq!(made["created_by"], owner.email);
    let again = world.post(owner, &path, json!({"name": "llm-service"})).await;
    again.refused(
        409,
        "NAME_TAKEN",
        "Service 'llm-service' already exists in this organization",
    );
    let defaults = scene.add("analytics").await;
    assert_eq!(
        (&defaults["kind"], &defaults["path_prefixes"]),
        (&json!("http"), &json!([]))
    );

    let wrong = json!({"name": "LLM", "kind": "ftp", "path_prefixes": ["v1"]});
    world
        .post(owner, &path, wrong)
        .await
        .invalid(&["name", "kind", "path_prefixes"]);
    world
        .post(owner, &path, json!({"name": "a", "port": 1}))
        .await
        .invalid(&["port"]);

    let list = world.get(&scene.admin, &path).await.is(200);
    assert_eq!(list["total"], 2);
    assert_eq!(list["services"][0]["name"], "analytics", "by name");
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(world.get(&scene.admin, &one).await.is(200)["description"], "Chat");
    let changed = world
        .patch(owner, &one, json!({"description": null, "kind": "http"}))
        .await
        .is(200);
    assert_eq!(
        (&changed["description"], &changed["kind"]),
        (&Value::Null, &json!("http"))
    );
    assert_eq!(
        changed["path_prefixes"],
        json!(["GET /v1", "/v2"]),
        "what is left out stays"
    );
    world.patch(owner, &one, json!({"name": null})).await.invalid(&["name"]);

    let body = world.delete(&scene.admin, &one).await.refused(
        403,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
    assert_eq!(body["who_can"], "a super_admin or org_admin of the organization");
    world.delete(owner, &one).await.is(204);
    world
        .delete(owner, &one)
        .await
        .refused(404, "NOT_FOUND", "Service not found");
    world
        .get(owner, &format!("{path}/x"))
        .await
        .refused(404, "NOT_FOUND", "Service not found: x");
    let nowhere = format!("/admin/organizations/{}/services", Uuid::now_v7());
    let root = world.super_admin().await;
    world
        .get(&root, &nowhere)
        .await
        .refused(404, "NOT_FOUND", "Organization not found");
    world
        .get(owner, &nowhere)
        .await
        .refused(403, "FORBIDDEN", "Access denied: not a member of this organization");
}

#[tokio::test]
async fn d9_the_policy_is_the_whole_list_with_reasons() {
    let scene = Scene::new().await;
    for name in ["analytics", "auto-rater", "llm-service"] {
        scene.add(name).await;
    }
    let world = &scene.world;
    let empty = world.get(&scene.admin, &scene.policy()).await.is(200);
    assert_eq!(
        (&empty["allowed_services"], &empty["total"]),
        (&json!([]), &json!(0)),
        "X9"
    );
    assert_eq!(empty["team_name"], "Engineering");

    let body = json!({"allowed_services": [
        {"service": "llm-service", "reason": "Assistants"}, {"service": "auto-rater", "reason": "Releases"}]});
    let saved = scene.put(body.clone()).await.is(200);
    assert_eq!(saved["allowed_services"][0]["service"], "auto-rater");
    assert_eq!(saved["allowed_services"][1]["reason"], "Assistants");
    assert_eq!(saved["allowed_services"][1]["allowed_by"], scene.admin.email);
    assert_eq!(saved["change"]["gained"], json!(["auto-rater", "llm-service"]));
    let read = world.get(&scene.admin, &scene.policy()).await.is(200);
    assert_eq!(read["allowed_services"], saved["allowed_services"]);
    assert_eq!(read["change"], Value::Null);

    let wrong = json!({"allowed_services": [
        {"service": "llm-service", "reason": "Assistants"},
        {"service": "llm-service", "reason": ""},
        {"service": "analitics", "reason": "Reports"}]});
    let answer = scene.put(wrong).await.invalid(&[
        "allowed_services[1].reason",
        "allowed_services[1].service",
        "allowed_services[2].service",
    ]);
    let words = answer["fields"][2]["message"].as_str().unwrap();
    assert!(words.ends_with("did you mean 'analytics'?"), "{words}");
    scene
        .put(json!({"allowed_services": [{"service": "analytics"}]}))
        .await
        .invalid(&["allowed_services[0].reason"]);
    scene.put(json!({})).await.invalid(&["allowed_services"]);
    let after = world.get(&scene.admin, &scene.policy()).await.is(200);
    assert_eq!(
        after["allowed_services"], saved["allowed_services"],
        "what was refused changed nothing"
    );

    let none = scene.put(json!({"allowed_services": []})).await.is(200);
    assert_eq!(
        (&none["total"], &none["change"]["lost"]),
        (&json!(0), &json!(["auto-rater", "llm-service"]))
    );
}

#[tokio::test]
async fn a_dry_run_says_what_would_break_and_saves_nothing() {
    let scene = Scene::new().await;
    let service = scene.add("analytics").await;
    let world = &scene.world;
    scene
        .put(json!({"allowed_services": [{"service": "analytics", "reason": "Reports"}]}))
        .await
        .is(200);
    let (project, key) = (Uuid::now_v7(), Uuid::now_v7());
    world
        .sql(&format!(
            "INSERT INTO projects (id, team_id, name) VALUES ('{project}', '{}', 'Forecast')",
            scene.team
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, key_hash, last_used_at)
            VALUES ('{key}', '{}', '{project}', '{}', 'nightly', 'sk-abc', '\\x00', now())",
            scene.team, scene.admin.id
        ))
        .await;
    let nothing = json!({"allowed_services": []});
    let in_body = scene
        .put(json!({"allowed_services": [], "dry_run": true}))
        .await
        .is(200);
    let token = Some(scene.admin.token.as_str());
    let in_query = world
        .call(
            token,
            "PUT",
            &format!("{}?dry_run=true", scene.policy()),
            Some(nothing.clone()),
        )
        .await
        .is(200);
    assert_eq!(in_body, in_query);
    assert_eq!((&in_body["dry_run"], &in_body["total"]), (&json!(true), &json!(0)));
    let broken = &in_body["change"]["broken"];
    assert_eq!(
        (&broken["keys"], &broken["recently_used"], &broken["projects"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let example = &broken["examples"][0];
    assert_eq!(
        (&example["name"], &example["project"]),
        (&json!("nightly"), &json!("Forecast"))
    );
    assert_eq!(
        (&example["prefix"], &example["owner"]),
        (&json!("sk-abc"), &json!(scene.admin.email))
    );

    let one = format!("{}/{}", scene.catalogue(), service["id"].as_str().unwrap());
    let deletion = world.delete(&scene.owner, &format!("{one}?dry_run=true")).await.is(200);
    assert_eq!(
        (&deletion["teams"], &deletion["team_names"]),
        (&json!(1), &json!(["Engineering"]))
    );
    assert_eq!(deletion["broken"], *broken);
    world
        .delete(&scene.owner, &format!("{one}?dry=true"))
        .await
        .invalid(&["dry"]);

    let read = world.get(&scene.admin, &scene.policy()).await.is(200);
    assert_eq!(read["total"], 1, "nothing was saved, nothing was deleted");
    let rename = world.patch(&scene.owner, &one, json!({"name": "reports"})).await;
    rename.refused(
        409,
        "WRONG_STATE",
        "Service 'analytics' cannot be renamed. 1 team uses it",
    );
    scene.put(nothing).await.is(200);
    assert_eq!(
        world
            .patch(&scene.owner, &one, json!({"name": "reports"}))
            .await
            .is(200)["name"],
        "reports"
    );
}
