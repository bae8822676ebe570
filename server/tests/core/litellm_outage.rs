//! Issue 5, "with LiteLLM down for an hour": the console works, keys say pending, the breaker is visible, and what waited
//! is told in its order when LiteLLM is back. The hour goes by in the database: nobody sleeps through it.

use std::time::Duration;

use backend::litellm;
use reqwest::header;
use serde_json::{Value, json};
use simulators::litellm::{LiteLlmSimulator, Version};
use sqlx::AssertSqlSafe;

use crate::common::{MAX, Server, TESS};

/// How long the breaker of this test stays open; thirty seconds otherwise.
const OPEN: Duration = Duration::from_secs(3);

async fn sql(server: &Server, sql: &str) {
    sqlx::query(AssertSqlSafe(sql))
        .execute(&server.database.pool)
        .await
        .expect("a good statement");
}

async fn count(server: &Server, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&server.database.pool)
        .await
        .expect("a number")
}

async fn api(server: &Server, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let method = method.parse().expect("a method");
    let request = server
        .client
        .request(method, format!("{}/api/v1{path}", server.url))
        .bearer_auth(token)
        .json(&body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Something changes each minute, always the same thing and always something new.
async fn an_hour(server: &Server, token: &str, cookie: &str, team: &str) {
    let mut opened = 0;
    for minute in 0..60 {
        let name = format!("Backend Team {minute}");
        let renamed = api(
            server,
            token,
            "PATCH",
            &format!("/admin/teams/{team}"),
            json!({"name": name}),
        )
        .await;
        assert_eq!(renamed.0, 200, "{}", renamed.1);
        // A minute goes by.
        sql(
            server,
            "UPDATE litellm_objects SET due_at = due_at - interval '1 minute', claimed_until = NULL",
        )
        .await;
        litellm::deliver_due(&server.state.backend).await.expect("a database");
        let (status, instances) = api(server, token, "GET", "/admin/litellm/instances", Value::Null).await;
        assert_eq!(status, 200);
        let open = instances["instances"][0]["breaker"] == "open";
        opened += usize::from(open);
        if minute == 5 {
            assert!(open, "the breaker's state is in the API: {instances}");
            let page = server
                .browse("/admin/sync", Some(cookie))
                .await
                .text()
                .await
                .expect("text");
            assert!(
                page.contains("Circuit open") && page.contains("LiteLLM is out of reach"),
                "{page}"
            );
        }
    }
    assert!(opened > 0);
}

/// No page waits for LiteLLM.
async fn pages_answer(server: &Server, cookie: &str, team: &str) {
    let team_pages = ["", "/members", "/keys", "/policy", "/settings"].map(|tab| format!("/admin/teams/{team}{tab}"));
    let pages = [
        "/",
        "/keys",
        "/keys/new",
        "/admin/sync",
        "/admin/sync/litellm?instance=litellm-example",
        "/admin/teams",
    ];
    for path in pages.into_iter().map(str::to_owned).chain(team_pages) {
        let start = std::time::Instant::now();
        let answer = server.browse(&path, Some(cookie)).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{path} does not wait for LiteLLM"
        );
    }
}

/// Delivers until nothing waits.
async fn all_is_told(server: &Server) {
    for _ in 0..40 {
        sql(
            server,
            "UPDATE litellm_objects SET due_at = now(), claimed_until = NULL WHERE state <> 'synced'",
        )
        .await;
        litellm::deliver_due(&server.state.backend).await.expect("a database");
        if count(server, "SELECT count(*) FROM litellm_objects WHERE state <> 'synced'").await == 0 {
            break;
        }
    }
    assert_eq!(
        count(server, "SELECT count(*) FROM litellm_objects WHERE state <> 'synced'").await,
        0
    );
}

#[tokio::test]
async fn c6_c17_litellm_is_down_for_an_hour_and_comes_back() {
    let proxy = LiteLlmSimulator::start(Version::V1_108_7).await.expect("a free port");
    let url = proxy.url();
    let settings = [
        ("LITELLM_API_URL", url.as_str()),
        ("LITELLM_MASTER_KEY", proxy.master_key()),
    ];
    let server = Server::adjusted(&settings, |config| {
        for instance in &mut config.litellm {
            instance.client.retry_delay = Duration::from_millis(1);
            instance.client.breaker_open = OPEN;
        }
    })
    .await;
    let backend = &server.state.backend;
    litellm::register(backend).await.expect("registered");
    let tess = server.person(TESS, true).await;
    let (token, cookie) = (server.token(TESS, None).await, server.sign_in(TESS).await);
    let (status, team) = api(&server, &token, "POST", "/admin/teams", json!({"name": "Backend Team"})).await;
    assert_eq!(status, 201, "{team}");
    let team = team["id"].as_str().expect("an id").to_owned();
    let body = json!({"user_id": TESS, "role": "admin"});
    assert_eq!(
        api(&server, &token, "POST", &format!("/admin/teams/{team}/members"), body)
            .await
            .0,
        201
    );
    for _ in 0..3 {
        litellm::deliver_due(backend).await.expect("a database");
    }
    assert_eq!(
        count(&server, "SELECT count(*) FROM litellm_objects WHERE state <> 'synced'").await,
        0
    );
    let key = json!({"name": "before", "teamId": team});
    let (status, before) = api(&server, &token, "POST", "/api-keys", key.clone()).await;
    assert_eq!(status, 201, "{before}");

    proxy.stop().await;
    an_hour(&server, &token, &cookie, &team).await;
    // A stranger signs in meanwhile, and is in the Default Team.
    let cookie_of_max = server.sign_in(MAX).await;
    pages_answer(&server, &cookie, &team).await;
    assert_eq!(server.browse("/", Some(&cookie_of_max)).await.status(), 200);

    // A new key waits, and says so; an old one is not called revoked.
    let answer = server
        .client
        .post(format!("{}/api/v1/api-keys", server.url))
        .bearer_auth(&token)
        .json(&json!({"name": "meanwhile", "teamId": team}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 202);
    assert!(answer.headers().contains_key(header::LOCATION));
    let pending: Value = answer.json().await.expect("JSON");
    assert_eq!((&pending["status"], pending.get("key")), (&json!("pending"), None));
    let revoke = format!("/api-keys/{}", before["id"].as_str().expect("an id"));
    assert_eq!(
        api(&server, &token, "DELETE", &revoke, json!({})).await.1["status"],
        "revoking"
    );
    assert_eq!(
        count(&server, "SELECT count(*) FROM litellm_objects WHERE state = 'parked'").await,
        0
    );
    let secret = before["key"].as_str().expect("a secret");
    assert!(
        proxy.key(secret).is_some(),
        "LiteLLM was never asked, and it was not said that it was"
    );

    let calls = proxy.calls();
    proxy.restart().await.expect("its port is free");
    tokio::time::sleep(OPEN + Duration::from_millis(100)).await;
    all_is_told(&server).await;
    let made = |route: &str| proxy.calls_of(route) - calls.get(route).copied().unwrap_or(0);
    assert_eq!(
        made("POST /team/update"),
        1,
        "sixty changes to one thing are told once, and the last one holds"
    );
    let there = proxy.team(&team).expect("there");
    assert_eq!(there.alias.as_deref(), Some("Backend Team 59"));
    assert!(there.members.iter().any(|member| member.user_id == tess.to_string()));
    // Who signed in meanwhile came after the Default Team and into it: LiteLLM would have made a nameless one.
    let max = proxy
        .users()
        .into_iter()
        .find(|user| user.email.as_deref() == Some(MAX));
    assert_eq!(max.expect("there").teams, [domain::DEFAULT_TEAM.to_string()]);
    assert!(proxy.key(secret).is_none(), "and it is revoked");
    assert_eq!(
        api(&server, &token, "GET", &revoke, Value::Null).await.1["status"],
        "revoked"
    );

    let claim = format!("/api-keys/{}/claim", pending["id"].as_str().expect("an id"));
    let (status, claimed) = api(&server, &token, "POST", &claim, json!({})).await;
    assert_eq!(status, 201, "{claimed}");
    assert!(proxy.key(claimed["key"].as_str().expect("a secret")).is_some());
    let page = server
        .browse("/admin/sync", Some(&cookie))
        .await
        .text()
        .await
        .expect("text");
    assert!(page.contains("Reachable") && !page.contains("Circuit open"));
}
