//! `POST /api/v1/authz/explain` and `/check`.

use serde_json::{Value, json};

use crate::{api::Person, office::Office};

async fn explain(office: &Office, by: &Person, about: Value) -> Value {
    office.world.post(by, "/authz/explain", about).await.is(200)
}

/// The rule that failed, with the reason.
fn failed(answer: &Value) -> (String, String) {
    let chain = answer["chain"].as_array().expect("a chain");
    let rule = chain.iter().find(|step| step["outcome"] == "failed");
    let rule = rule.map_or("none", |step| step["rule"].as_str().expect("text"));
    (rule.to_owned(), answer["reason"].as_str().expect("text").to_owned())
}

#[tokio::test]
async fn everyone_may_ask_about_themselves_and_managers_about_others() {
    let office = Office::new().await;
    let (member, admin, team) = (&office.member, &office.admin, office.team);
    let root = office.world.super_admin().await;
    let nobody = office.world.person("nobody").await;
    let about = |who: &Person, service: &str| json!({"user_id": who.email, "team_id": team, "service": service});

    let answer = explain(&office, member, about(member, "analytics")).await;
    assert_eq!(answer["allowed"], false);
    let (rule, reason) = failed(&answer);
    assert_eq!(
        (rule.as_str(), reason.as_str()),
        ("service policy", "Service 'analytics' not allowed for team")
    );
    let step = answer["chain"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["rule"] == "service policy")
        .unwrap();
    assert!(
        step["detail"].as_str().unwrap().contains("Policy"),
        "it says the seed's fix: {step:#}"
    );
    assert_eq!(
        explain(&office, admin, about(member, "llm-service")).await["allowed"],
        true
    );
    assert_eq!(
        explain(&office, &root, about(&root, "analytics")).await["allowed"],
        true
    );

    // Of a team that is not theirs nobody learns more than that.
    let answer = explain(&office, &nobody, about(&nobody, "llm-service")).await;
    assert_eq!(
        failed(&answer),
        ("membership".to_owned(), "You are not a member of this team".to_owned())
    );
    assert!(!answer.to_string().contains("allowed_services"), "{answer:#}");
    let unknown = json!({"user_id": nobody.email, "team_id": uuid::Uuid::now_v7(), "service": "llm-service"});
    assert_eq!(
        explain(&office, &nobody, unknown).await,
        answer,
        "whether there is such a team is not told"
    );

    let post = async |by: &Person, body: Value| office.world.post(by, "/authz/explain", body).await;
    let body = post(member, about(admin, "llm-service"))
        .await
        .refused(403, "FORBIDDEN", "Insufficient permissions");
    assert!(body["rule"].is_string() && body["who_can"].is_string());
    post(&nobody, about(admin, "llm-service"))
        .await
        .refused(403, "FORBIDDEN", "Access denied: not a team member");
    let stranger = json!({"user_id": "x@example.com", "team_id": team, "service": "a"});
    post(admin, stranger)
        .await
        .refused(404, "NOT_FOUND", "User not found: x@example.com");
    post(admin, json!({"team_id": team}))
        .await
        .invalid(&["user_id", "service"]);
    post(admin, json!({"team_id": team, "user_id": "nonsense", "service": ""}))
        .await
        .invalid(&["user_id", "service"]);
    let both = json!({"team_id": team, "user_id": member.email, "service": "a", "model": "b"});
    post(admin, both).await.invalid(&["service"]);

    office
        .world
        .sql(&format!(
            "UPDATE users SET deactivated_at = now() WHERE id = '{}'",
            member.id
        ))
        .await;
    let answer = explain(&office, admin, about(member, "llm-service")).await;
    assert_eq!(
        failed(&answer),
        ("credential".to_owned(), "User account is deactivated.".to_owned())
    );
}

#[tokio::test]
async fn keys_labels_models_and_paths_are_explained_too() {
    let office = Office::new().await;
    let (member, admin, team) = (&office.member, &office.admin, office.team);
    let (id, secret) = office.key(member, team, None).await;
    let by_prefix = json!({"key_prefix": &secret[..9], "team_id": team, "service": "llm-service"});
    for by in [member, admin] {
        assert_eq!(explain(&office, by, by_prefix.clone()).await["allowed"], true);
    }
    // Also with the dots that lists show behind it, or the whole key.
    for shown in [format!("{}…", &secret[..9]), secret.clone()] {
        let body = json!({"key_prefix": shown, "team_id": team, "service": "llm-service"});
        assert_eq!(explain(&office, member, body).await["allowed"], true);
    }
    office
        .world
        .sql(&format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{id}'"))
        .await;
    let answer = explain(&office, member, by_prefix).await;
    assert_eq!(
        failed(&answer),
        ("credential".to_owned(), "The key was revoked".to_owned())
    );
    let unknown = json!({"key_prefix": "sk-xxxxxx", "team_id": team, "service": "llm-service"});
    office
        .world
        .post(admin, "/authz/explain", unknown.clone())
        .await
        .refused(404, "NOT_FOUND", "Key not found");
    office
        .world
        .post(member, "/authz/explain", unknown)
        .await
        .refused(403, "FORBIDDEN", "Insufficient permissions");

    let about = |field: &str, name: &str| json!({"user_id": member.email, "team_id": team, field: name});
    let answer = explain(&office, member, about("label", "gpu")).await;
    assert_eq!(
        failed(&answer),
        (
            "label policy".to_owned(),
            "Label not permitted by team policy".to_owned()
        )
    );
    office
        .world
        .sql("UPDATE teams SET optional_label_patterns = '{gpu}', max_runners = 0, models = '{claude}'")
        .await;
    let answer = explain(&office, member, about("label", "gpu")).await;
    assert_eq!(
        failed(&answer),
        ("runner quota".to_owned(), "Team quota exceeded".to_owned())
    );
    assert_eq!(
        explain(&office, member, about("model", "claude")).await["allowed"],
        true
    );
    let answer = explain(&office, member, about("model", "gpt-4o")).await;
    assert_eq!(
        failed(&answer),
        (
            "models of the team".to_owned(),
            "Model 'gpt-4o' not allowed for team".to_owned()
        )
    );

    office.service("docs", &["GET /public"]).await;
    office.allow(team, "docs").await;
    let mut body = about("service", "docs");
    assert_eq!(
        explain(&office, member, body.clone()).await["allowed"],
        true,
        "some request gets through"
    );
    body["path"] = json!("/private");
    let answer = explain(&office, member, body).await;
    assert_eq!(
        failed(&answer),
        (
            "method and path".to_owned(),
            "Path not allowed for service 'docs'".to_owned()
        )
    );
}

#[tokio::test]
async fn check_says_what_forward_auth_would() {
    let office = Office::new().await;
    let (member, team) = (&office.member, office.team);
    let root = office.world.super_admin().await;
    let (id, secret) = office.key(member, team, None).await;
    let check = async |by: &Person, body: Value| office.world.post(by, "/authz/check", body).await;
    for (by, who) in [
        (member, json!({"team_id": team})),
        (member, json!({"user_id": member.email})),
        (member, json!({"user_id": member.id.to_string(), "team_id": team})),
        (&root, json!({"user_id": member.email})),
        (member, json!({"key": secret})),
        (&root, json!({"key": secret})),
    ] {
        for (service, allowed) in [("llm-service", true), ("analytics", false), ("no-such", false)] {
            let mut body = who.clone();
            body["service"] = json!(service);
            let answer = check(by, body).await.is(200);
            assert_eq!(answer["allowed"], allowed, "{who} {service}");
            if !allowed {
                assert_eq!(answer["reason"], format!("Service '{service}' not allowed for team"));
            }
        }
    }
    office
        .world
        .sql(&format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{id}'"))
        .await;
    let answer = check(member, json!({"key": secret, "service": "llm-service"}))
        .await
        .is(200);
    assert_eq!(answer["allowed"], false);
    check(member, json!({"user_id": office.admin.email, "service": "a"}))
        .await
        .is(403);
    check(member, json!({"service": "a"})).await.invalid(&["team_id"]);
    check(member, json!({"team_id": team, "key": "a", "service": "a"}))
        .await
        .invalid(&["team_id"]);
    let models = json!({"team_id": team, "model": "gpt-4o"});
    assert_eq!(check(member, models).await.is(200)["allowed"], true);
}
