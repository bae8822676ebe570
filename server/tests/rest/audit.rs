//! The audit log and the security events as clients meet them (SPEC B24, B25).

use std::time::Duration;

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use crate::api::{AGENT, CLIENT, Person, World};

/// A team whose admin has done something: returns the admin, the team's id and its name.
async fn team(world: &World) -> (Person, uuid::Uuid) {
    let team = world.team("Backend Team").await;
    let lead = world.person("lead").await;
    world.join(team, &lead, "admin").await;
    (lead, team)
}

fn fields(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// B25: the seed's fields, word for word; ours beside them.
#[tokio::test]
async fn b25_the_audit_log_in_the_seeds_form() {
    let world = World::new().await;
    let (lead, team) = team(&world).await;
    world
        .patch(&lead, &format!("/admin/teams/{team}"), json!({"description": "Builds"}))
        .await
        .is(200);
    let list = world.get(&lead, "/audit-logs?event_type=team.update").await.is(200);
    assert_eq!(
        (fields(&list).len(), &list["total"], &list["next_cursor"]),
        (3, &json!(1), &Value::Null)
    );
    let log = &list["logs"][0];
    for field in "id event_type runner_id runner_name team_id team_name user_identity oidc_sub request_ip user_agent event_data success error_message timestamp".split(' ') {
        assert!(log.get(field).is_some(), "{field} in {log:#}");
    }
    assert_eq!(log["event_type"], "team.update");
    assert_eq!(
        (&log["team_id"], &log["team_name"]),
        (&json!(team), &json!("Backend Team"))
    );
    assert_eq!(
        (&log["user_identity"], &log["user_id"]),
        (&json!(lead.email), &json!(lead.id))
    );
    assert_eq!(
        (&log["request_ip"], &log["user_agent"]),
        (&json!(CLIENT), &json!(AGENT))
    );
    assert_eq!(
        (&log["success"], &log["error_message"], &log["runner_id"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    assert_eq!(
        (&log["before"]["description"], &log["after"]["description"]),
        (&Value::Null, &json!("Builds"))
    );
    assert_eq!((&log["event_data"], &log["method"]), (&log["after"], &json!("token")));
    let one = world
        .get(&lead, &format!("/audit-logs/{}", log["id"].as_str().unwrap()))
        .await
        .is(200);
    assert_eq!(&one, log);
    world
        .get(&lead, "/audit-logs/nonsense")
        .await
        .refused(404, "NOT_FOUND", "Audit entry not found: nonsense");

    // A runner has an id and a name of its own, and a refusal a reason.
    let made = world
        .post(&lead, "/runners/jit", json!({"team_id": team}))
        .await
        .is(201);
    world
        .post(&lead, "/runners/jit", json!({"team_id": team, "labels": ["forbidden"]}))
        .await
        .is(403);
    let list = world.get(&lead, "/audit-logs?limit=2").await.is(200);
    let (refused, made_log) = (&list["logs"][0], &list["logs"][1]);
    assert_eq!(
        (&made_log["event_type"], &made_log["runner_id"]),
        (&json!("provision_jit"), &made["runner_id"])
    );
    assert_eq!(made_log["runner_name"], made["runner_name"]);
    assert_eq!(
        (&refused["event_type"], &refused["success"]),
        (&json!("provision_jit_failed"), &json!(false))
    );
    assert!(
        refused["error_message"].as_str().unwrap().contains("forbidden"),
        "{refused:#}"
    );
    let path = format!("/audit-logs?runner_id={}", made["runner_id"].as_str().unwrap());
    assert_eq!(world.get(&lead, &path).await.is(200)["total"], 1);
    assert!(list["next_cursor"].is_string() && list["total"].as_i64().unwrap() >= 3);

    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("offset=-1", "offset"),
        ("success=maybe", "success"),
        ("since=yesterday", "since"),
        ("since=2026-02-02&until=2026-02-01", "until"),
        ("organization_id=7", "organization_id"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
        ("runner_id=0199aa7c-0000-7000-8000-000000000000&target=x", "runner_id"),
    ] {
        world
            .get(&lead, &format!("/audit-logs?{query}"))
            .await
            .invalid(&[field]);
    }
    let both = world.get(&lead, "/audit-logs?since=x&until=y").await;
    both.invalid(&["since", "until"]);
}

/// B24: the seed's fields and filters; what a filter may be is in the error.
#[tokio::test]
async fn b24_security_events_in_the_seeds_form() {
    let world = World::new().await;
    let (lead, team) = team(&world).await;
    let member = world.person("member").await;
    world.join(team, &member, "member").await;
    world
        .post(
            &member,
            "/runners/jit",
            json!({"team_id": team, "labels": ["forbidden"]}),
        )
        .await
        .is(403);
    let list = world.get(&lead, "/admin/security-events").await.is(200);
    assert_eq!(list["total"], 1);
    let event = &list["events"][0];
    for field in "id event_type severity runner_id runner_name github_runner_id team_id team_name user_identity violation_data action_taken timestamp".split(' ') {
        assert!(event.get(field).is_some(), "{field} in {event:#}");
    }
    assert_eq!(
        (
            &event["event_type"],
            &event["severity"],
            &event["user_identity"],
            &event["action_taken"]
        ),
        (
            &json!("label_policy_violation"),
            &json!("medium"),
            &json!(member.email),
            &json!("rejected")
        )
    );
    assert_eq!(event["violation_data"]["labels"], json!(["forbidden"]));
    let count = async |query: &str| world.get(&lead, query).await.is(200)["total"].clone();
    assert_eq!(count("/admin/security-events?event_type=quota_exceeded").await, 0);
    assert_eq!(
        count("/admin/security-events?severity=medium&user_identity=MEMBER@example.com").await,
        1
    );
    let of_team = format!("/admin/teams/{team}/security-events");
    assert_eq!(count(&of_team).await, 1);
    assert_eq!(count(&format!("{of_team}?since=2020-01-01&until=2021-01-01")).await, 0);

    let wrong = world
        .get(&lead, "/admin/security-events?event_type=label&severity=bad&since=x")
        .await;
    let wrong = wrong.invalid(&["event_type", "severity", "since"]);
    let rules: Vec<&str> = wrong["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["message"].as_str().unwrap())
        .collect();
    assert!(
        rules[0].contains("label_drift_detected") && rules[0].contains("user_deactivated"),
        "{rules:?}"
    );
    assert_eq!(rules[1], "must be low, medium, high or critical");
    world.get(&lead, &format!("{of_team}?team=x")).await.invalid(&["team"]);
    let export = world.get(&lead, "/admin/security-events/export?severity=medium").await;
    assert_eq!(export.lines(), std::slice::from_ref(event));
}

/// [F] B25: behind a trusted proxy the address is the client's; anyone else's word for it is not taken.
#[tokio::test]
async fn b25_the_ip_is_the_clients() {
    for (proxies, expected) in [("192.0.2.0/24", "198.51.100.7"), ("10.0.0.0/8", CLIENT)] {
        let world = World::configured(&[("GUILDHALL_TRUSTED_PROXIES", proxies)]).await;
        let user = world.person("user").await;
        let request = Request::post("/api/v1/auth/tokens")
            .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "curl/8")
            .header("x-forwarded-for", "6.6.6.6, 198.51.100.7")
            .body(Body::from(r#"{"name": "laptop"}"#))
            .unwrap();
        world.send(request).await.is(201);
        let log = world.get(&user, "/audit-logs?event_type=token.create").await.is(200)["logs"][0].clone();
        assert_eq!(
            (&log["request_ip"], &log["user_agent"]),
            (&json!(expected), &json!("curl/8")),
            "{proxies}"
        );
    }
}

/// As many as there are of them: more than one batch, under the filters of the list.
async fn fill(world: &World, person: &Person, count: usize) {
    world
        .sql(&format!(
            "INSERT INTO audit_entries (id, at, actor_id, actor, method, action, target_kind, target_id, target)
            SELECT gen_random_uuid(), now() - (n / 3) * interval '1 second', '{}', '{}', 'token', 'team.update', 'team', n::text, 'Team ' || n
            FROM generate_series(1, {count}) n",
            person.id, person.email
        ))
        .await;
}

#[tokio::test]
async fn b25_the_export_has_what_the_list_has() {
    let world = World::new().await;
    let user = world.person("user").await;
    let other = world.person("other").await;
    fill(&world, &user, 1234).await;
    fill(&world, &other, 3).await;
    let export = world.get(&user, "/audit-logs/export?event_type=team.update").await;
    assert_eq!(export.headers[header::CONTENT_TYPE], "application/x-ndjson");
    assert_eq!(
        export.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"audit-log.ndjson\""
    );
    let lines = export.lines();
    assert_eq!(lines.len(), 1234, "the own ones, each once");
    let first = world
        .get(&user, "/audit-logs?event_type=team.update&limit=200")
        .await
        .is(200);
    assert_eq!(first["total"], 1234);
    assert_eq!(&lines[..200], first["logs"].as_array().unwrap().as_slice());
    let csv = world.get(&user, "/audit-logs/export.csv?event_type=team.update").await;
    assert_eq!(csv.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    assert_eq!(
        csv.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"audit-log.csv\""
    );
    let rows: Vec<&str> = csv.body.as_str().unwrap().split("\r\n").collect();
    assert!(
        rows[0].starts_with("timestamp,event_type,user_identity,"),
        "{}",
        rows[0]
    );
    assert_eq!(
        rows.len(),
        1 + 1234 + 1,
        "a row for each, below one of names: on the first page only"
    );
    assert!(
        rows[1].contains(",team.update,user@example.com,token,team,Team "),
        "{}",
        rows[1]
    );
    let none = world.get(&user, "/audit-logs/export?success=false").await;
    assert_eq!(none.lines(), Vec::<Value>::new());
    world.get(&user, "/audit-logs/export?limit=3").await.invalid(&["limit"]);
    world.get(&user, "/audit-logs/export?since=x").await.invalid(&["since"]);
}

/// Clients that ask for an export and do not read it hold no connection to the database.
#[tokio::test]
async fn b25_an_export_that_nobody_reads_holds_nothing() {
    let world = World::new().await;
    let user = world.person("user").await;
    fill(&world, &user, 2000).await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        let request = Request::get("/api/v1/audit-logs/export")
            .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
            .body(Body::empty())
            .unwrap();
        unread.push(world.begin(request).await);
    }
    // A connection goes back a moment after it is let go of.
    let back = async {
        while world.pool.num_idle() < world.pool.size() as usize {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let back = tokio::time::timeout(Duration::from_secs(10), back).await;
    assert!(back.is_ok(), "all connections are back in the pool");
    world.get(&user, "/audit-logs").await.is(200);
    // And each goes on when it is read at last.
    let body = unread.pop().unwrap().into_body();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    assert_eq!(std::str::from_utf8(&bytes).unwrap().lines().count(), 2000);
}

#[tokio::test]
async fn b25_the_head_can_be_noted_elsewhere() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let head = world.get(&root, "/audit-logs/head").await.is(200);
    assert_eq!(head, json!({"seq": 0, "hash": "0".repeat(64), "waiting": 1}));
    backend::audit::seal(&world.pool).await.unwrap();
    let head = world.get(&root, "/audit-logs/head").await.is(200);
    assert_eq!((&head["seq"], &head["waiting"]), (&json!(1), &json!(0)));
    let expected = format!("{}:{}", head["seq"], head["hash"].as_str().unwrap())
        .parse()
        .unwrap();
    let report = backend::audit::verify(&world.pool, Some(&expected)).await.unwrap();
    assert_eq!((report.finding, report.head), (None, Some(expected)));
}

/// B24: a full quota is an event, and events come page by page with the number of all of them.
#[tokio::test]
async fn b24_full_quotas_are_events_and_events_have_pages() {
    let world = World::new().await;
    let (lead, team) = team(&world).await;
    world.sql("UPDATE teams SET max_runners = 0").await;
    for _ in 0..5 {
        world
            .post(&lead, "/runners/jit", json!({"team_id": team}))
            .await
            .refused(
                403,
                "QUOTA_EXCEEDED",
                "Team quota exceeded. Maximum allowed: 0, current: 0.",
            );
    }
    let list = "/admin/security-events?event_type=quota_exceeded";
    let all = world.get(&lead, list).await.is(200);
    let events = all["events"].as_array().unwrap();
    assert_eq!((events.len(), &all["total"]), (5, &json!(5)));
    let event = &events[0];
    assert_eq!(
        (&event["severity"], &event["team_id"], &event["team_name"]),
        (&json!("low"), &json!(team), &json!("Backend Team"))
    );
    assert_eq!(event["violation_data"]["max_runners"], 0);

    let page = async |query: &str| world.get(&lead, &format!("{list}{query}")).await.is(200);
    let by_offset = page("&limit=2&offset=2").await;
    assert_eq!(
        (&by_offset["total"], by_offset["events"].as_array().unwrap().as_slice()),
        (&json!(5), &events[2..4])
    );
    assert_eq!(page("&offset=5").await["events"], json!([]));
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = page(&format!("&limit=2&cursor={cursor}")).await;
        assert_eq!(answer["total"], 5, "[F] the total is not the page's length");
        walked.extend(answer["events"].as_array().unwrap().clone());
        match answer["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(&walked, events, "each once, in their order");
    for (query, field) in [
        ("&limit=0", "limit"),
        ("&limit=1001", "limit"),
        ("&offset=-1", "offset"),
        ("&cursor=x", "cursor"),
    ] {
        world.get(&lead, &format!("{list}{query}")).await.invalid(&[field]);
    }
}

/// B3, B18, B24, B25: how many rows a page has unless one says.
#[tokio::test]
async fn b3_b18_b24_b25_pages_without_a_limit() {
    let world = World::new().await;
    let root = world.super_admin().await;
    world
        .sql(
            "INSERT INTO teams (id, organization_id, name, slug)
            SELECT gen_random_uuid(), id, 'Team ' || n, 'team-' || n FROM organizations, generate_series(1, 110) n WHERE slug = 'default'",
        )
        .await;
    world
        .sql(&format!(
            "INSERT INTO runners (id, name, status, labels, runner_group_id, provisioned_by)
            SELECT gen_random_uuid(), 'runner-' || n, 'active', '{{}}', 1, '{}' FROM generate_series(1, 60) n",
            root.id
        ))
        .await;
    world
        .sql(
            "INSERT INTO security_events (id, at, event_type, severity, user_identity, violation_data)
            SELECT gen_random_uuid(), now(), 'quota_exceeded', 'low', 'somebody', '{}' FROM generate_series(1, 110) n",
        )
        .await;
    fill(&world, &root, 60).await;
    for (path, rows, limit, all) in [
        // The Default Team is one, too.
        ("/admin/teams?search=team%20", "teams", 100, 111),
        ("/runners", "runners", 50, 60),
        ("/admin/security-events", "events", 100, 110),
        ("/audit-logs?event_type=team.update", "logs", 50, 60),
    ] {
        let list = world.get(&root, path).await.is(200);
        let shown = list[rows].as_array().unwrap().len();
        assert_eq!((shown, list["total"].as_i64().unwrap()), (limit, all), "{path}");
    }
}

/// B25: an export is compressed for whoever asks for it, to its end, and holds what it holds otherwise.
#[tokio::test]
async fn b25_a_compressed_export_ends_as_it_should() {
    let world = World::new().await;
    let user = world.person("user").await;
    fill(&world, &user, 1234).await;
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let request = Request::get("/api/v1/audit-logs/export")
            .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
            .header(header::ACCEPT_ENCODING, encoding)
            .body(Body::empty())
            .unwrap();
        let answer = world.begin(request).await;
        assert_eq!(answer.status(), 200);
        let coded = answer.headers().get(header::CONTENT_ENCODING).cloned();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .expect("a whole body");
        if ["gzip", "br"].contains(&encoding) {
            assert_eq!(coded.unwrap(), encoding);
            assert!(bytes.len() < 200_000, "{encoding}: {}", bytes.len());
        }
        if encoding == "gzip" {
            assert_eq!(&bytes[..2], [0x1f, 0x8b]);
            // The last four bytes are the length of what was compressed.
            let length = u32::from_le_bytes(bytes[bytes.len() - 4..].try_into().unwrap());
            assert!(length > 200_000, "{length}");
        }
    }
}

/// What people did, and what everything else did: each entry is one or the other.
#[tokio::test]
async fn b25_the_log_is_told_apart_by_people_and_the_system() {
    let world = World::new().await;
    let root = world.super_admin().await;
    fill(&world, &root, 5).await;
    world
        .sql(
            "INSERT INTO audit_entries (id, at, actor, method, action, target_kind, target_id, target)
            SELECT gen_random_uuid(), now(), 'sync', 'system', 'runner.sync', 'runner', n::text, 'r-' || n FROM generate_series(1, 4) n
            UNION ALL SELECT gen_random_uuid(), now(), 'a-program', 'jwt', 'runner.provision', 'runner', 'x', 'r-x'",
        )
        .await;
    let total = async |by: &str| {
        let list = world.get(&root, &format!("/audit-logs?{by}")).await.is(200);
        list["total"].as_i64().unwrap()
    };
    let all = total("").await;
    let (people, system) = (total("by=people").await, total("by=system").await);
    assert_eq!((people + system, system), (all, 5));
    world.get(&root, "/audit-logs?by=robots").await.is(422);
}
