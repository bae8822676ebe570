//! Access reviews over HTTP: from the start to the signed report.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::{Person, World};

struct House {
    world: World,
    team: Uuid,
    root: Person,
    tess: Person,
    max: Person,
}

impl House {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Backend").await;
        let (tess, max) = (world.person("tess").await, world.person("max").await);
        world.join(team, &tess, "admin").await;
        world.join(team, &max, "member").await;
        Self {
            root: world.super_admin().await,
            world,
            team,
            tess,
            max,
        }
    }

    async fn start(&self) -> String {
        let body = json!({"team_id": self.team, "name": "Q4", "due_in_days": 14, "silence": "keep"});
        let review = self.world.post(&self.tess, "/access-reviews", body).await.is(201);
        format!("/access-reviews/{}", review["id"].as_str().expect("an id"))
    }

    /// The line about somebody.
    async fn line(&self, review: &str, email: &str) -> Value {
        let list = self.world.get(&self.root, &format!("{review}/lines")).await.is(200);
        let lines = list["lines"].as_array().expect("lines");
        let found = lines.iter().find(|line| line["email"] == email);
        found.expect("a line").clone()
    }
}

#[tokio::test]
async fn access_review_from_start_to_report() {
    let house = House::new().await;
    let (world, tess) = (&house.world, &house.tess);
    let review = house.start().await;
    let found = world.get(tess, &review).await.is(200);
    assert_eq!(
        (
            &found["state"],
            &found["lines"],
            &found["waiting"],
            &found["can_manage"]
        ),
        (&json!("open"), &json!(2), &json!(1), &json!(true))
    );
    assert_eq!(found["covers"], json!(["people", "services"]));
    let (max, own) = (
        house.line(&review, &house.max.email).await,
        house.line(&review, &tess.email).await,
    );
    assert_eq!(
        (&max["kind"], &max["role"], &max["last_seen_at"]),
        (&json!("membership"), &json!("member"), &Value::Null)
    );
    let decide = format!("{review}/decide");
    let body = json!({"ids": [max["id"], own["id"], "x"], "decision": "remove", "reason": "left in May"});
    let result = world.post(tess, &decide, body).await.is(200);
    assert_eq!(
        (&result["affected_count"], &result["failed_count"]),
        (&json!(1), &json!(2))
    );
    assert!(
        result["details"][1]["error"]
            .as_str()
            .unwrap()
            .contains("decide on your own line")
    );
    assert_eq!(
        world
            .get(tess, &format!("{review}/lines?decision=remove"))
            .await
            .is(200)["total"],
        1
    );
    assert_eq!(
        world
            .get(tess, &format!("{review}/lines?undecided=true&search=tess"))
            .await
            .is(200)["total"],
        1
    );
    world
        .get(tess, &format!("{review}/report.csv"))
        .await
        .refused(409, "WRONG_STATE", "The review is open");
    assert!(world.post(tess, &format!("{review}/remind"), Value::Null).await.is(200)["reminded_by"].is_string());

    let closed = world.post(tess, &format!("{review}/close"), Value::Null).await.is(200);
    assert_eq!(
        (&closed["state"], &closed["can_manage"]),
        (&json!("closed"), &json!(false))
    );
    assert_eq!(closed["counts"][0]["removed"], 1);
    let max = house.line(&review, &house.max.email).await;
    assert_eq!(
        (&max["outcome"], &max["decided_by"]),
        (&json!("removed"), &json!(tess.email))
    );
    let own = house.line(&review, &tess.email).await;
    assert_eq!((&own["outcome"], &own["by_silence"]), (&json!("kept"), &json!(true)));

    let (csv, jws) = (
        file(world, tess, &review, "csv").await,
        file(world, tess, &review, "jws").await,
    );
    assert_eq!(
        (csv.0.as_str(), jws.0.as_str()),
        ("text/csv; charset=utf-8", "application/jose")
    );
    let statement = URL_SAFE_NO_PAD.decode(jws.1.split('.').nth(1).unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&statement).unwrap();
    assert_eq!(statement["sha256"], hex::encode(Sha256::digest(&csv.1)));
    assert_eq!(
        (&statement["removed"], &statement["kept"], &statement["by_silence"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let keys = world.get(tess, "/access-reviews/report-keys").await.is(200);
    assert_eq!(keys["keys"][0]["kty"], "OKP");
}

/// A file: its content type and its text.
async fn file(world: &World, who: &Person, review: &str, name: &str) -> (String, String) {
    let answer = world.get(who, &format!("{review}/report.{name}")).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.headers["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment; filename=\"access-review-")
    );
    let text = answer.body.as_str().expect("a text").to_owned();
    (answer.headers["content-type"].to_str().unwrap().to_owned(), text)
}

#[tokio::test]
async fn access_review_bad_input_names_each_field() {
    let house = House::new().await;
    let world = &house.world;
    let body = json!({"name": "", "covers": [], "due_in_days": 0, "silence": "perhaps"});
    let answer = world.post(&house.tess, "/access-reviews", body).await;
    let answer = answer.is(422);
    let fields: Vec<&str> = (answer["fields"].as_array().unwrap().iter())
        .map(|field| field["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["team_id", "name", "covers", "due_in_days", "silence"]);
    let review = house.start().await;
    let decide = format!("{review}/decide");
    let line = house.line(&review, &house.max.email).await;
    for (body, field) in [
        (json!({"ids": [line["id"]], "decision": "remove"}), "reason"),
        (json!({"ids": [line["id"]], "decision": "maybe"}), "decision"),
        (json!({"ids": [], "decision": "keep"}), "ids"),
    ] {
        let answer = world.post(&house.tess, &decide, body).await.is(422);
        assert_eq!(answer["fields"][0]["field"], field);
    }
    world
        .get(&house.tess, &format!("{review}/lines?cursor=x"))
        .await
        .refused(422, "VALIDATION_ERROR", "");
    world
        .get(&house.tess, "/access-reviews/x")
        .await
        .refused(404, "NOT_FOUND", "Access review not found: x");
}
