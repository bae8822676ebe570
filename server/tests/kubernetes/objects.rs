//! One object and lists of them over HTTP: forms, dry runs, warnings, versions, patches.

use reqwest::{Method, header};
use serde_json::{Value, json};

use super::house::{GROUP, House, NAMESPACE, Said};

const MERGE: &str = "application/merge-patch+json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

#[tokio::test]
async fn an_object_is_made_read_changed_and_deleted() {
    let house = House::new().await;
    let made = house.make_team("backend").await;
    assert_eq!(
        (&made["kind"], &made["metadata"]["namespace"]),
        (&json!("Team"), &json!(NAMESPACE))
    );
    assert_eq!(made["metadata"]["generation"], 1);
    let path = House::team_path("backend");
    let read = house.get(&path).await.is(200);
    assert_eq!(read["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(house.get(&format!("{path}/status")).await.is(200)["kind"], "Team");

    let message = house.post(&House::collection("teams"), &House::team("backend")).await;
    assert_eq!(
        message.refused(409, "AlreadyExists"),
        "teams.auth.litellm.ai \"backend\" already exists"
    );

    let mut new = House::team("backend");
    new["spec"]["models"] = json!(["gpt-4o", "gpt-4o-mini"]);
    let replaced = house.put(&path, &new).await.is(200);
    assert_eq!(replaced["metadata"]["generation"], 2);
    new["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    house.put(&path, &new).await.refused(409, "Conflict");

    let deleted = house.delete(&path).await.is(200);
    assert!(matches!(deleted["kind"].as_str(), Some("Status" | "Team")), "{deleted}");
    gone(&house, &path).await;
    let message = house.get(&path).await.refused(404, "NotFound");
    assert_eq!(message, "teams.auth.litellm.ai \"backend\" not found");
    house.delete(&path).await.refused(404, "NotFound");
    house.put(&path, &House::team("backend")).await.refused(404, "NotFound");
}

/// Waits until an object is not there any more: deletion may wait for LiteLLM.
async fn gone(house: &House, path: &str) {
    for _ in 0..100 {
        if house.get(path).await.status == 404 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{path} does not go");
}

#[tokio::test]
async fn patches_in_each_way() {
    let house = House::new().await;
    house.make_team("backend").await;
    let path = House::team_path("backend");
    let merged = house
        .patch(&path, MERGE, &json!({"spec": {"maxBudget": "5"}}))
        .await
        .is(200);
    assert_eq!(merged["spec"]["maxBudget"], "5");
    let merged = house.settled(&path).await;
    let same = house
        .patch(&path, MERGE, &json!({"spec": {"maxBudget": "5"}}))
        .await
        .is(200);
    assert_eq!(
        same["metadata"]["resourceVersion"], merged["metadata"]["resourceVersion"],
        "what changes nothing has no new version"
    );
    let operations =
        json!([{"op": "test", "path": "/spec/maxBudget", "value": "5"}, {"op": "remove", "path": "/spec/maxBudget"}]);
    let patched = house
        .patch(&path, "application/json-patch+json", &operations)
        .await
        .is(200);
    assert_eq!(patched["spec"].get("maxBudget"), None);
    house
        .patch(&path, "application/json-patch+json", &operations)
        .await
        .refused(422, "Invalid");
    let strategic = "application/strategic-merge-patch+json";
    let labelled = house
        .patch(&path, strategic, &json!({"metadata": {"labels": {"a": "b"}}}))
        .await
        .is(200);
    assert_eq!(labelled["metadata"]["labels"]["a"], "b");
    assert_eq!(labelled["metadata"]["generation"], patched["metadata"]["generation"]);
    house
        .patch(&House::team_path("nobody"), MERGE, &json!({}))
        .await
        .refused(404, "NotFound");
    house.patch(&path, MERGE, &json!([])).await.refused(400, "BadRequest");
}

#[tokio::test]
async fn server_side_apply_makes_changes_and_keeps_owners() {
    let house = House::new().await;
    let path = House::team_path("backend");
    let apply = async |manager: &str, budget: Option<&str>, force: bool| {
        let mut team = House::team("backend");
        if let Some(budget) = budget {
            team["spec"]["maxBudget"] = json!(budget);
        }
        let path = format!("{path}?fieldManager={manager}&force={force}");
        house.patch(&path, "application/apply-patch+yaml", &team).await
    };
    apply("one", Some("5"), false).await.is(201);
    assert_eq!(apply("one", Some("5"), false).await.status, 200);
    let message = apply("two", Some("6"), false).await.refused(409, "Conflict");
    assert_eq!(
        message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.maxBudget"
    );
    let taken = apply("two", Some("6"), true).await.is(200);
    assert_eq!(taken["spec"]["maxBudget"], "6");
    // In YAML, which is what the media type says.
    let yaml = "apiVersion: auth.litellm.ai/v1alpha1\nkind: Team\nmetadata:\n  name: backend\nspec:\n  tags: [x]\n";
    let request = house
        .request(Method::PATCH, &format!("{path}?fieldManager=three"))
        .header(header::CONTENT_TYPE, "application/apply-patch+yaml")
        .body(yaml);
    assert_eq!(Said::of(request).await.is(200)["spec"]["tags"], json!(["x"]));
    let nobody = house
        .patch(&path, "application/apply-patch+yaml", &House::team("backend"))
        .await;
    assert!(nobody.refused(422, "Invalid").contains("fieldManager"));
}

#[tokio::test]
async fn dry_runs_store_nothing() {
    let house = House::new().await;
    let teams = House::collection("teams");
    let tried = house
        .post(&format!("{teams}?dryRun=All"), &House::team("backend"))
        .await
        .is(201);
    assert_eq!(tried["metadata"]["name"], "backend");
    let path = House::team_path("backend");
    house.get(&path).await.refused(404, "NotFound");
    house.make_team("backend").await;
    let change = json!({"spec": {"maxBudget": "5"}});
    let tried = house.patch(&format!("{path}?dryRun=All"), MERGE, &change).await.is(200);
    assert_eq!(tried["spec"]["maxBudget"], "5");
    assert_eq!(house.get(&path).await.is(200)["spec"].get("maxBudget"), None);
    house.delete(&format!("{path}?dryRun=All")).await.is(200);
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]});
    Said::of(house.request(Method::DELETE, &path).json(&options))
        .await
        .is(200);
    assert_eq!(house.get(&path).await.status, 200);
    let refused = house.post(&format!("{teams}?dryRun=Some"), &House::team("x")).await;
    assert_eq!(refused.status / 100, 4);
}

#[tokio::test]
async fn unknown_fields_are_refused_told_or_forgotten() {
    let house = House::new().await;
    let mut team = House::team("backend");
    team["spec"]["modles"] = json!(["x"]);
    let teams = House::collection("teams");
    let said = house.post(&format!("{teams}?fieldValidation=Strict"), &team).await;
    assert_eq!(
        said.refused(400, "BadRequest"),
        "strict decoding error: unknown field \"spec.modles\""
    );
    let said = house
        .post(&format!("{teams}?fieldValidation=Warn&dryRun=All"), &team)
        .await;
    assert_eq!(said.warnings(), ["299 - \"unknown field \\\"spec.modles\\\"\""]);
    let said = house
        .post(&format!("{teams}?fieldValidation=Ignore&dryRun=All"), &team)
        .await;
    assert!(said.warnings().is_empty());
    assert_eq!(said.is(201)["spec"].get("modles"), None);
}

#[tokio::test]
async fn names_can_be_generated() {
    let house = House::new().await;
    let mut team = House::team("x");
    team["metadata"] = json!({"generateName": "team-"});
    team["spec"]["teamAlias"] = json!("Generated");
    let made = house.post(&House::collection("teams"), &team).await.is(201);
    let name = made["metadata"]["name"].as_str().expect("a name");
    assert!(name.starts_with("team-") && name.len() == "team-".len() + 5, "{name}");
    team["metadata"] = json!({});
    let message = house
        .post(&House::collection("teams"), &team)
        .await
        .refused(422, "Invalid");
    assert!(message.contains("name or generateName is required"), "{message}");
}

#[tokio::test]
async fn yaml_makes_objects_too() {
    let house = House::new().await;
    let yaml = "apiVersion: auth.litellm.ai/v1alpha1\nkind: Team\nmetadata:\n  name: backend\nspec:\n  teamAlias: Backend\n  connectionRef: {instanceRef: {name: litellm-example}}\n";
    let request = house
        .request(Method::POST, &House::collection("teams"))
        .header(header::CONTENT_TYPE, "application/yaml")
        .body(yaml);
    assert_eq!(Said::of(request).await.is(201)["spec"]["teamAlias"], "Backend");
}

#[tokio::test]
async fn lists_are_tables_pages_and_selections() {
    let house = House::new().await;
    for name in ["alpha", "beta", "gamma"] {
        house.make_team(name).await;
    }
    house
        .patch(
            &House::team_path("beta"),
            MERGE,
            &json!({"metadata": {"labels": {"color": "red"}}}),
        )
        .await
        .is(200);
    let teams = House::collection("teams");
    let names = |list: &Value| {
        let items = list["items"].as_array().expect("items").iter();
        items
            .map(|one| one["metadata"]["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let all = house.get(&teams).await.is(200);
    assert_eq!(
        (names(&all).as_str(), &all["kind"]),
        ("alpha beta gamma", &json!("TeamList"))
    );
    assert_eq!(
        names(&house.get(&format!("{GROUP}/teams")).await.is(200)),
        "alpha beta gamma"
    );
    for (query, wanted) in [
        ("labelSelector=color%3Dred", "beta"),
        ("labelSelector=color!%3Dred", "alpha gamma"),
        ("labelSelector=color", "beta"),
        ("fieldSelector=metadata.name%3Dgamma", "gamma"),
        ("fieldSelector=metadata.name!%3Dgamma", "alpha beta"),
    ] {
        let list = house.get(&format!("{teams}?{query}")).await.is(200);
        assert_eq!(names(&list), wanted, "{query}");
    }
    let first = house.get(&format!("{teams}?limit=2")).await.is(200);
    assert_eq!(names(&first), "alpha beta");
    let next = first["metadata"]["continue"].as_str().expect("a next page");
    let encoded: String = form_urlencoded(next);
    let second = house.get(&format!("{teams}?limit=2&continue={encoded}")).await.is(200);
    assert_eq!(names(&second), "gamma");
    assert_eq!(second["metadata"].get("continue"), None);

    let table = Said::of(house.request(Method::GET, &teams).header(header::ACCEPT, TABLE))
        .await
        .is(200);
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|column| column["name"].as_str().expect("a name"))
        .collect();
    assert_eq!((&table["kind"], columns[0]), (&json!("Table"), "Name"));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let whole = house.request(Method::GET, &format!("{teams}?includeObject=Object"));
    let whole = Said::of(whole.header(header::ACCEPT, TABLE)).await.is(200);
    assert_eq!(whole["rows"][0]["object"]["kind"], "Team");
    let partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let partial = Said::of(house.request(Method::GET, &teams).header(header::ACCEPT, partial))
        .await
        .is(200);
    assert_eq!(partial["kind"], "PartialObjectMetadataList");
    assert_eq!(partial["items"][0].get("spec"), None);
}

fn form_urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The last writer may be asked for: by the parameter, else by the program's name.
#[tokio::test]
async fn who_wrote_what_is_kept() {
    let house = House::new().await;
    let made = house.make_team("backend").await;
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "test");
    let path = format!("{}?fieldManager=somebody", House::team_path("backend"));
    let changed = house
        .patch(&path, MERGE, &json!({"spec": {"maxBudget": "5"}}))
        .await
        .is(200);
    let managers = changed["metadata"]["managedFields"].as_array().expect("managers");
    assert!(managers.iter().any(|one| one["manager"] == "somebody"), "{managers:?}");
}
