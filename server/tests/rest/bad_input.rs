//! Whatever is sent, the answer is a 4xx that says what is wrong.

use serde_json::{Value, json};

use crate::api::{Answer, Person, World};

/// Every route with a body: method, path, a good body, and the types of its fields.
fn bodies(team: &str, project: &str, user: &str) -> Vec<(&'static str, String, Value)> {
    vec![
        (
            "POST",
            "/admin/teams".to_owned(),
            json!({
                "name": "Good name", "description": "d", "required_labels": ["a"], "optional_label_patterns": ["a"],
                "max_runners": 1, "models": ["m"], "max_budget": 1.5, "budget_duration": "30d", "tpm_limit": 1,
                "rpm_limit": 1, "organization_id": null
            }),
        ),
        (
            "PATCH",
            format!("/admin/teams/{team}"),
            json!({
                "name": "Good name", "description": "d", "required_labels": ["a"], "optional_label_patterns": ["a"],
                "max_runners": 1, "is_active": true, "models": ["m"], "max_budget": 1.5, "budget_duration": "30d",
                "tpm_limit": 1, "rpm_limit": 1
            }),
        ),
        (
            "POST",
            format!("/admin/teams/{team}/deactivate"),
            json!({"reason": "r"}),
        ),
        (
            "POST",
            format!("/admin/teams/{team}/members"),
            json!({"user_id": "eve@example.com", "role": "member"}),
        ),
        (
            "PATCH",
            format!("/admin/teams/{team}/members/{user}"),
            json!({"role": "member"}),
        ),
        (
            "POST",
            format!("/admin/teams/{team}/projects"),
            json!({"name": "p", "description": "d"}),
        ),
        (
            "PATCH",
            format!("/admin/teams/{team}/projects/{project}"),
            json!({"name": "p", "description": "d"}),
        ),
        (
            "POST",
            "/admin/organizations".to_owned(),
            json!({
                "name": "Good name", "slug": "good", "domains": ["a.example"], "models": ["m"], "max_budget": 1.5,
                "budget_duration": "30d", "tpm_limit": 1, "rpm_limit": 1, "max_runners": 1
            }),
        ),
        (
            "PATCH",
            "/admin/organizations/acme".to_owned(),
            json!({
                "name": "Good name", "slug": "good", "domains": ["a.example"], "models": ["m"], "max_budget": 1.5,
                "budget_duration": "30d", "tpm_limit": 1, "rpm_limit": 1, "max_runners": 1
            }),
        ),
        (
            "POST",
            "/admin/organizations/acme/members".to_owned(),
            json!({"user_id": "eve@example.com", "role": "org_member", "guest": true}),
        ),
        (
            "PATCH",
            format!("/admin/organizations/acme/members/{user}"),
            json!({"role": "org_member"}),
        ),
        (
            "POST",
            "/admin/organizations/acme/domains".to_owned(),
            json!({"domain": "a.example"}),
        ),
        (
            "POST",
            "/admin/organizations/acme/domains/a.example/verify".to_owned(),
            json!({"how": "word"}),
        ),
        (
            "POST",
            format!("/admin/organizations/{}/services", domain::DEFAULT_ORGANIZATION),
            json!({"name": "svc", "description": "d", "kind": "http", "path_prefixes": ["/a"]}),
        ),
        (
            "PUT",
            format!("/admin/teams/{team}/services"),
            json!({"allowed_services": [], "dry_run": false}),
        ),
        (
            "POST",
            "/runners/jit".to_owned(),
            json!({
                "runner_name": "r", "runner_name_prefix": "r", "labels": ["a"], "team_id": team, "project_id": project,
                "runner_group_id": 1, "work_folder": "_work"
            }),
        ),
        (
            "POST",
            "/admin/users".to_owned(),
            json!({
                "email": "eve@example.com", "display_name": "Eve", "is_admin": false, "is_auditor": false,
                "can_use_jit": true, "organization_id": null, "organization_role": null
            }),
        ),
        (
            "PATCH",
            format!("/admin/users/{user}"),
            json!({"display_name": "Eve", "is_admin": true, "is_auditor": false, "can_use_jit": true}),
        ),
        (
            "POST",
            format!("/admin/users/{user}/deactivate"),
            json!({"comment": "a good comment", "dry_run": true}),
        ),
        (
            "POST",
            "/admin/batch/disable-users".to_owned(),
            json!({"all": true, "comment": "a good comment", "dry_run": true}),
        ),
        (
            "POST",
            "/auth/tokens".to_owned(),
            json!({"name": "t", "expires_at": null}),
        ),
    ]
}

/// A super admin who is a member too, a team with a project, and every route with a body.
async fn stage() -> (World, Person, Vec<(&'static str, String, Value)>) {
    let world = World::new().await;
    let admin = world.super_admin().await;
    let team = world.team("Ops").await;
    world.join(team, &admin, "admin").await;
    world.organization("acme").await;
    let project = uuid::Uuid::now_v7();
    world
        .sql(&format!(
            "INSERT INTO projects (id, team_id, name) VALUES ('{project}', '{team}', 'Old')"
        ))
        .await;
    let bodies = bodies(&team.to_string(), &project.to_string(), &admin.id.to_string());
    (world, admin, bodies)
}

async fn send(world: &World, by: &Person, method: &str, path: &str, body: &Value) -> Answer {
    world.call(Some(&by.token), method, path, Some(body.clone())).await
}

#[track_caller]
fn is_client_error(answer: &Answer, what: &str) {
    assert!(
        answer.status.is_client_error(),
        "{what}: {} {:#}",
        answer.status,
        answer.body
    );
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
}

#[tokio::test]
async fn unknown_fields_are_named() {
    let (world, admin, bodies) = stage().await;
    for (method, path, mut body) in bodies {
        body["colour"] = json!("red");
        let answer = send(&world, &admin, method, &path, &body).await;
        let body = answer.invalid(&["colour"]);
        assert!(
            body["fields"][0]["message"]
                .as_str()
                .unwrap()
                .starts_with("is not a field here; known: "),
            "{body}"
        );
    }
}

#[tokio::test]
async fn wrong_types_are_named_with_the_rule() {
    let (world, admin, bodies) = stage().await;
    for (method, path, body) in bodies {
        for field in body.as_object().unwrap().keys() {
            for wrong in [
                json!({"a": 1}),
                json!([[]]),
                json!(true),
                json!("text"),
                json!(1e300),
                json!(-7),
            ] {
                let mut bad = body.clone();
                bad[field] = wrong.clone();
                let what = format!("{method} {path} {field} = {wrong}");
                let answer = send(&world, &admin, method, &path, &bad).await;
                let right = answer.status.is_success()
                    || matches!(answer.status.as_u16(), 400 | 404 | 409)
                    || (answer.status == 422 && answer.body["fields"][0]["field"].as_str().is_some());
                assert!(right, "{what}: {} {:#}", answer.status, answer.body);
                if wrong.is_object() {
                    assert!(
                        answer.body["fields"][0]["field"]
                            .as_str()
                            .unwrap()
                            .starts_with(field.as_str()),
                        "{what}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn control_characters_and_nul_in_every_text() {
    let (world, admin, bodies) = stage().await;
    for (method, path, body) in bodies {
        for (field, value) in body.as_object().unwrap() {
            for text in ["nul\0nul", "bell\u{7}", "\u{202e}txt", "\u{feff}\u{feff}"] {
                let mut bad = body.clone();
                bad[field] = match value {
                    Value::String(_) => json!(text),
                    Value::Array(_) => json!([text]),
                    _ => continue,
                };
                let answer = send(&world, &admin, method, &path, &bad).await;
                is_client_error(&answer, &format!("{method} {path} {field} = {text:?}"));
            }
        }
    }
}

#[tokio::test]
async fn a_megabyte_is_too_much_in_every_text() {
    let (world, admin, bodies) = stage().await;
    let long = "a".repeat(1_000_000);
    for (method, path, body) in bodies {
        for (field, value) in body.as_object().unwrap() {
            let mut bad = body.clone();
            bad[field] = match value {
                Value::String(_) => json!(long),
                Value::Array(_) => json!([long]),
                _ => continue,
            };
            let answer = send(&world, &admin, method, &path, &bad).await;
            is_client_error(&answer, &format!("{method} {path} {field}"));
            assert!(
                answer.body.to_string().len() < 2000,
                "an error is not as long as its cause: {path} {field}"
            );
        }
        let whole = vec![b' '; 1_100_000];
        let answer = world.raw(&admin, method, &path, Some("application/json"), whole).await;
        answer.refused(413, "BODY_TOO_LARGE", "The request is larger than 1 MiB");
    }
}

#[tokio::test]
async fn what_is_not_json_is_not_read() {
    let (world, admin, bodies) = stage().await;
    let deep = "[".repeat(100_000);
    for (method, path, _) in bodies {
        for text in [
            &b"{"[..],
            b"[]",
            b"\"text\"",
            b"null",
            b"{\"a\": \"\xff\"}",
            b"{} {}",
            b"{\"a\": NaN}",
            deep.as_bytes(),
        ] {
            // Where the body may be left out, null leaves it out.
            if text == b"null" && path.ends_with("/deactivate") {
                continue;
            }
            let answer = world
                .raw(&admin, method, &path, Some("application/json"), text.to_vec())
                .await;
            let text = String::from_utf8_lossy(&text[..text.len().min(20)]).into_owned();
            assert_eq!(answer.status, 422, "{method} {path} {text:?}");
        }
        for content_type in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("application/xml"),
        ] {
            let answer = world
                .raw(&admin, method, &path, content_type, b"{\"a\": 1}".to_vec())
                .await;
            answer.refused(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "The body's content type must be application/json",
            );
        }
    }
    let body = br#"{"name": "One", "name": "Two"}"#.to_vec();
    world
        .raw(
            &admin,
            "POST",
            "/admin/teams",
            Some("application/json; charset=utf-8"),
            body,
        )
        .await
        .invalid(&["name"]);
}

#[tokio::test]
async fn query_strings_are_checked() {
    let (world, admin, _) = stage().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("offset=-1", "offset"),
        ("offset=1.5", "offset"),
        ("offset=1000001", "offset"),
        ("cursor=nonsense", "cursor"),
        ("status=gone", "status"),
        ("sort=size", "sort"),
        ("order=up", "order"),
        ("organization_id=7", "organization_id"),
        ("include_inactive=perhaps", "include_inactive"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ] {
        world
            .get(&admin, &format!("/admin/teams?{query}"))
            .await
            .invalid(&[field]);
    }
    for (query, field) in [
        ("team_id=x", "team_id"),
        ("status=online", "status"),
        ("limit=0", "limit"),
        ("ephemeral=2", "ephemeral"),
    ] {
        world.get(&admin, &format!("/runners?{query}")).await.invalid(&[field]);
    }
    for list in [
        "/admin/teams",
        "/admin/users",
        "/admin/label-policies",
        "/admin/cost",
        "/admin/oauth-clients",
        "/audit-logs",
        "/admin/security-events",
        "/runners",
        "/runners?include_deleted=true",
    ] {
        let between = if list.contains('?') { '&' } else { '?' };
        let path = format!("{list}{between}offset=9223372036854775807");
        let answer = world.get(&admin, &path).await;
        let refused = answer.invalid(&["offset"]);
        assert_eq!(refused["fields"][0]["message"], "must be at most 1000000", "{path}");
    }
    // A cursor of another order.
    world.team("Two").await;
    let page = world.get(&admin, "/admin/teams?limit=1").await.is(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    world
        .get(&admin, &format!("/admin/teams?sort=created&cursor={cursor}"))
        .await
        .invalid(&["cursor"]);
    // One that was made up, of a time that PostgreSQL cannot hold.
    let far = "eyJrIjoiLTI2MjE0My0wMS0wMVQwMDowMDowMFoiLCJpIjoiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIiwiYiI6ZmFsc2V9";
    for list in [
        "/admin/teams?sort=created&",
        "/admin/organizations/acme/members?",
        "/admin/identity-links?",
        "/admin/oauth-clients?",
        "/audit-logs?",
        "/admin/security-events?",
        "/runners?",
        "/requests?",
    ] {
        let path = format!("{list}cursor={far}");
        world.get(&admin, &path).await.invalid(&["cursor"]);
    }
    for odd in [
        "search=%00",
        "search=%25_%5C",
        "search=%ff",
        "offset=1000000",
        "limit=%31",
    ] {
        world.get(&admin, &format!("/admin/teams?{odd}")).await.is(200);
    }
    world.get(&admin, "/runners?team=%00").await.is(200);
    for odd in ["search=%00", "search=%25_%5C", "search=%ff"] {
        world.get(&admin, &format!("/admin/identity-links?{odd}")).await.is(200);
    }
    world.get(&admin, "/admin/litellm/objects?instance=%00").await.is(200);
    world.get(&admin, "/api-keys?modelIds=%00").await.invalid(&["modelIds"]);
    for (query, field) in [
        ("limit=0", "limit"),
        ("cursor=nonsense", "cursor"),
        ("role=owner", "role"),
        ("guest=perhaps", "guest"),
        ("page=2", "page"),
    ] {
        let path = format!("/admin/organizations/acme/members?{query}");
        world.get(&admin, &path).await.invalid(&[field]);
        if !matches!(field, "role" | "guest") {
            let path = format!("/admin/organizations?{query}");
            world.get(&admin, &path).await.invalid(&[field]);
        }
    }
    for odd in ["search=%00", "search=%25_%5C", "search=%ff"] {
        world.get(&admin, &format!("/admin/organizations?{odd}")).await.is(200);
        let path = format!("/admin/organizations/acme/members?{odd}");
        world.get(&admin, &path).await.is(200);
    }
}

#[tokio::test]
async fn odd_paths_name_nothing() {
    let (world, admin, _) = stage().await;
    for id in ["x", "%00", "%ff", "%F0%9F%A6%80", "..%2f..%2fetc", "-1"] {
        for (method, path) in [
            ("GET", format!("/admin/teams/{id}")),
            ("GET", format!("/admin/teams/{id}/members")),
            ("GET", format!("/runners/{id}")),
            ("GET", format!("/admin/organizations/{id}")),
            ("DELETE", format!("/admin/organizations/acme/members/{id}")),
            ("DELETE", format!("/admin/organizations/acme/domains/{id}")),
            ("DELETE", format!("/auth/tokens/{id}")),
        ] {
            let answer = world.call(Some(&admin.token), method, &path, None).await;
            answer.refused(404, "NOT_FOUND", "");
        }
    }
    world
        .call(Some(&admin.token), "PUT", "/admin/teams", None)
        .await
        .refused(405, "METHOD_NOT_ALLOWED", "PUT");
    world.get(&admin, "/nothing").await.refused(404, "NOT_FOUND", "");
}
