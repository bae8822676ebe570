//! Requests, restricted models and limits in force over HTTP: SPEC B31, C15, E7, E8.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Person, World};

struct House {
    world: World,
    organization: Uuid,
    team: Uuid,
    root: Person,
    olga: Person,
    tess: Person,
    max: Person,
    nora: Person,
}

impl House {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Backend").await;
        let olga = world.person("olga").await;
        let (tess, max) = (world.person("tess").await, world.person("max").await);
        world.join(team, &tess, "admin").await;
        world.join(team, &max, "member").await;
        world
            .sql(&format!(
                "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{organization}', '{}', 'org_admin')",
                olga.id
            ))
            .await;
        world
            .sql(&format!("UPDATE teams SET max_runners = 5 WHERE id = '{team}'"))
            .await;
        Self {
            root: world.super_admin().await,
            nora: world.person("nora").await,
            world,
            organization,
            team,
            olga,
            tess,
            max,
        }
    }

    fn body(&self, kind: &str, value: Value) -> Value {
        let mut body = json!({"kind": kind, "team_id": self.team, "reason": "we need it"});
        body["value"] = value;
        body
    }

    async fn ask(&self, who: &Person, kind: &str, value: Value) -> Value {
        self.world.post(who, "/requests", self.body(kind, value)).await.is(201)
    }

    fn restricted(&self) -> String {
        format!("/admin/organizations/{}/restricted-models", self.organization)
    }
}

fn at(request: &Value, rest: &str) -> String {
    format!("/requests/{}{rest}", request["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn b31_a_request_to_join_is_approved_and_makes_the_member() {
    let house = House::new().await;
    let world = &house.world;
    let asked = house.ask(&house.nora, "join", Value::Null).await;
    assert_eq!(
        (&asked["kind"], &asked["value"], &asked["state"], &asked["can_decide"]),
        (&json!("join"), &json!("member"), &json!("pending"), &json!(false))
    );
    world
        .get(&house.nora, &format!("/admin/teams/{}", house.team))
        .await
        .refused(403, "FORBIDDEN", "Access denied: not a team member");
    let list = world.get(&house.tess, "/requests?to_decide=true").await.is(200);
    assert_eq!((&list["total"], &list["requests"][0]["id"]), (&json!(1), &asked["id"]));
    // The body may be left out.
    let approved = world
        .call(
            Some(&house.tess.token),
            "POST",
            &format!("/api/v1{}", at(&asked, "/approve")),
            None,
        )
        .await
        .is(200);
    assert_eq!(
        (&approved["state"], &approved["status"]),
        (&json!("approved"), &json!("active"))
    );
    assert_eq!(approved["decided_by"], json!(house.tess.email));
    world
        .get(&house.nora, &format!("/admin/teams/{}", house.team))
        .await
        .is(200);
    world
        .post(&house.tess, &at(&asked, "/approve"), json!({}))
        .await
        .refused(409, "WRONG_STATE", "The request is approved already");
    let list = world.get(&house.tess, "/requests?to_decide=true").await.is(200);
    assert_eq!(list, json!({"requests": [], "total": 0, "next_cursor": null}));
}

#[tokio::test]
async fn b31_what_a_request_asks_for_is_checked_field_by_field() {
    let house = House::new().await;
    let world = &house.world;
    let send = async |body: Value| world.post(&house.max, "/requests", body).await;
    send(json!({"kind": "pony", "team_id": "", "reason": "", "reviews": "x"}))
        .await
        .invalid(&["kind", "reason", "team_id", "reviews"]);
    send(house.body("quota", json!("many"))).await.invalid(&["value"]);
    send(house.body("budget", json!({"max_budget": -1, "rpm_limit": "x"})))
        .await
        .invalid(&["value.max_budget", "value.rpm_limit"]);
    let mut body = house.body("quota", json!(10));
    body["priority"] = json!("high");
    assert_eq!(send(body).await.status, 422, "an unknown field");
    send(house.body("quota", json!(5)))
        .await
        .refused(409, "WRONG_STATE", "Team 'Backend' has that already");
    let asked = house.ask(&house.max, "quota", json!("10")).await;
    assert_eq!(asked["value"], json!(10));
    send(house.body("quota", json!(10)))
        .await
        .refused(409, "WRONG_STATE", "The same is asked for already");
    // It raises: not a team admin's to decide.
    world
        .post(&house.tess, &at(&asked, "/approve"), json!({}))
        .await
        .refused(403, "FORBIDDEN", "");
    world
        .post(&house.olga, &at(&asked, "/deny"), json!({}))
        .await
        .invalid(&["reason"]);
    world
        .post(&house.olga, &at(&asked, "/deny"), json!({"reason": "ok", "x": 1}))
        .await
        .invalid(&["x"]);
    world
        .post(&house.max, &at(&asked, "/withdraw"), json!({}))
        .await
        .is(200);
    world
        .get(&house.nora, &at(&asked, ""))
        .await
        .refused(404, "NOT_FOUND", "Request not found");
}

#[tokio::test]
async fn c15_a_model_is_denied_with_a_reason_reviewed_and_approved() {
    let house = House::new().await;
    let world = &house.world;
    let restricted = world
        .put(&house.olga, &house.restricted(), json!({"models": ["gpt-4o"]}))
        .await;
    assert_eq!(
        restricted.is(200),
        json!({"models": ["gpt-4o"], "installation_wide": []})
    );
    let asked = house.ask(&house.max, "model", json!("gpt-4o")).await;
    world
        .post(&house.tess, &at(&asked, "/approve"), json!({}))
        .await
        .refused(403, "FORBIDDEN", "");
    let denied = world
        .post(&house.olga, &at(&asked, "/deny"), json!({"reason": "Too dear for now"}))
        .await
        .is(200);
    assert_eq!(denied["status"], json!("denied"));
    let seen = world.get(&house.max, &at(&asked, "")).await.is(200);
    assert_eq!(
        seen["decision_reason"],
        json!("Too dear for now"),
        "its requester reads why"
    );
    let mut again = house.body("model", json!("gpt-4o"));
    again["reviews"] = asked["id"].clone();
    let review = world.post(&house.max, "/requests", again).await.is(201);
    assert_eq!(review["reviews"], asked["id"]);
    let approved = world
        .post(&house.olga, &at(&review, "/approve"), json!({}))
        .await
        .is(200);
    assert_eq!(approved["status"], json!("active"));
    let reverted = world
        .post(&house.olga, &at(&review, "/revert"), json!({}))
        .await
        .is(200);
    assert_eq!(reverted["state"], json!("pending"));
    assert!(
        reverted["stays"]
            .as_str()
            .expect("words")
            .contains("until it is approved again")
    );
}

#[tokio::test]
async fn c15_many_requests_are_decided_each_by_itself() {
    let house = House::new().await;
    let world = &house.world;
    let join = house.ask(&house.nora, "join", json!("member")).await;
    let quota = house.ask(&house.max, "quota", json!(10)).await;
    let ids = json!([join["id"], quota["id"], "nonsense"]);
    let send = async |who: &Person, what: &str, body: Value| world.post(who, &format!("/requests/{what}"), body).await;
    send(&house.max, "approve-batch", json!({"ids": ids}))
        .await
        .refused(403, "FORBIDDEN", "");
    send(&house.tess, "deny-batch", json!({"ids": ids}))
        .await
        .invalid(&["reason"]);
    send(&house.tess, "approve-batch", json!({"ids": []}))
        .await
        .invalid(&["ids"]);
    let tried = send(&house.tess, "approve-batch", json!({"ids": ids, "dry_run": true}))
        .await
        .is(200);
    assert_eq!(
        (&tried["affected_count"], &tried["failed_count"], &tried["dry_run"]),
        (&json!(1), &json!(2), &json!(true))
    );
    assert_eq!(
        world.get(&house.tess, &at(&join, "")).await.is(200)["state"],
        json!("pending")
    );
    let done = send(&house.tess, "approve-batch", json!({"ids": ids})).await.is(200);
    assert_eq!((&done["success"], &done["affected_count"]), (&json!(false), &json!(1)));
    assert_eq!(done["details"][0]["error"], Value::Null);
    assert!(done["details"][1]["error"].as_str().expect("why").contains("org_admin"));
    let denied = send(
        &house.olga,
        "deny-batch",
        json!({"ids": [quota["id"]], "reason": "no room"}),
    )
    .await
    .is(200);
    assert_eq!(denied["success"], json!(true));
    let list = world.get(&house.max, "/requests?mine=true&state=denied").await.is(200);
    assert_eq!(list["requests"][0]["decision_reason"], json!("no room"));
}

#[tokio::test]
async fn x6_requests_are_paged_without_gaps() {
    let house = House::new().await;
    for count in 6..11 {
        house.ask(&house.max, "quota", json!(count)).await;
    }
    let (mut cursor, mut values) = (String::new(), Vec::new());
    loop {
        let path = format!("/requests?limit=2{cursor}");
        let page = house.world.get(&house.max, &path).await.is(200);
        assert_eq!(page["total"], json!(5));
        values.extend(
            page["requests"]
                .as_array()
                .expect("rows")
                .iter()
                .map(|row| row["value"].clone()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(values, [json!(10), json!(9), json!(8), json!(7), json!(6)]);
    house
        .world
        .get(&house.max, "/requests?limit=0")
        .await
        .invalid(&["limit"]);
    house
        .world
        .get(&house.max, "/requests?state=lost")
        .await
        .invalid(&["state"]);
}

#[tokio::test]
async fn c15_restricted_models_of_the_installation_are_a_super_admins() {
    let house = House::new().await;
    let (world, path) = (&house.world, house.restricted());
    world
        .put(&house.olga, &path, json!({"installation_wide": ["o3"]}))
        .await
        .refused(403, "FORBIDDEN", "");
    world
        .put(&house.tess, &path, json!({"models": []}))
        .await
        .refused(403, "FORBIDDEN", "");
    world
        .put(&house.olga, &path, json!({"models": ["gpt-4o"]}))
        .await
        .is(200);
    let both = world
        .put(&house.root, &path, json!({"installation_wide": ["o3"]}))
        .await
        .is(200);
    assert_eq!(
        both,
        json!({"models": ["gpt-4o"], "installation_wide": ["o3"]}),
        "absent keeps"
    );
    assert_eq!(world.get(&house.olga, &path).await.is(200), both);
    world
        .put(&house.root, &path, json!({"models": [""]}))
        .await
        .invalid(&["models"]);
    world
        .put(&house.root, &path, json!({"installation_wide": ["a\nb"]}))
        .await
        .invalid(&["installation_wide"]);
}

#[tokio::test]
async fn e7_the_limits_in_force_name_what_binds() {
    let house = House::new().await;
    let world = &house.world;
    let organization = format!("/admin/organizations/{}", house.organization);
    world
        .patch(
            &house.root,
            &organization,
            json!({"max_budget": 100, "rpm_limit": 600, "max_runners": 50}),
        )
        .await
        .is(200);
    let team = format!("/admin/teams/{}", house.team);
    let above = world
        .patch(&house.olga, &team, json!({"max_budget": 100.5}))
        .await
        .invalid(&["max_budget"]);
    assert_eq!(
        above["fields"][0]["message"],
        json!("Team max_budget (100.5) exceeds organization's max_budget (100).")
    );
    world.patch(&house.olga, &team, json!({"max_budget": 40})).await.is(200);
    let limits = world.get(&house.max, &format!("{team}/limits")).await.is(200)["limits"].clone();
    let bound = |level: &str, name: &str| json!({"level": level, "name": name});
    assert_eq!(
        limits,
        json!([
            {"limit": "max_budget", "value": 40.0, "bound_by": bound("team", "Backend")},
            {"limit": "budget_duration", "value": null, "bound_by": bound("team", "Backend")},
            {"limit": "tpm_limit", "value": null, "bound_by": null},
            {"limit": "rpm_limit", "value": 600, "bound_by": bound("organization", "acme")},
            {"limit": "max_runners", "value": 5, "bound_by": bound("team", "Backend")},
            {"limit": "models", "value": null, "bound_by": null},
        ])
    );
    let below = world
        .patch(&house.root, &organization, json!({"max_budget": 39}))
        .await
        .invalid(&["max_budget"]);
    assert_eq!(
        below["fields"][0]["message"],
        json!("Team max_budget (40) exceeds organization's max_budget (39). Lower it first in: Backend")
    );
}
