//! Machine clients: programs that act for one team, by a JWT of the client credentials grant (SPEC B27).

use serde_json::{Value, json};
use server::auth::ROUTES_OF_MACHINES;
use uuid::Uuid;

use crate::common::{MAX, Server};

const SUBJECT: &str = "ci-backend@clients";

/// A server with a team that has a member and a program.
struct Works {
    server: Server,
    team: Uuid,
    root: String,
    jwt: String,
}

impl Works {
    async fn new() -> Self {
        let server = Server::start().await;
        server.person("root@example.com", true).await;
        let root = server.token("root@example.com", None).await;
        let jwt = machine_jwt(&server, SUBJECT);
        let works = Self {
            server,
            team: Uuid::nil(),
            root,
            jwt,
        };
        let (status, team) = works
            .post(
                &works.root,
                "/admin/teams",
                &json!({"name": "Backend Team", "max_runners": 2}),
            )
            .await;
        assert_eq!(status, 201, "{team}");
        let team = team["id"].as_str().expect("an id").parse().expect("a UUID");
        Self { team, ..works }
    }

    async fn register(&self, subject: &str, team: Uuid) -> (u16, Value) {
        let body = json!({"client_id": subject, "name": "Backend CI", "team_id": team});
        self.post(&self.root, "/admin/oauth-clients", &body).await
    }

    async fn call(&self, token: &str, method: http::Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}/api/v1{path}", self.server.url);
        let mut request = self.server.client.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call(token, http::Method::POST, path, Some(body)).await
    }

    async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        self.call(token, http::Method::GET, path, None).await
    }
}

fn machine_jwt(server: &Server, subject: &str) -> String {
    let max = server.oidc.person(MAX).expect("known").clone();
    let claims = json!({"sub": subject, "gty": "client-credentials", "email": null});
    server.oidc.mint_token(&max, &claims, 600)
}

fn detail(answer: &Value) -> &str {
    answer["detail"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn b27_a_program_provisions_sees_and_deletes_its_teams_runners() {
    let works = Works::new().await;
    let (status, client) = works.register(SUBJECT, works.team).await;
    assert_eq!(
        (status, &client["client_id"], &client["is_active"]),
        (201, &json!(SUBJECT), &json!(true))
    );
    assert_eq!(client["team_name"], "Backend Team");

    let (status, made) = works.post(&works.jwt, "/runners/jit", &json!({})).await;
    assert_eq!(status, 201, "{made}");
    let (_, list) = works.get(&works.jwt, "/runners").await;
    assert_eq!(
        (&list["total"], &list["runners"][0]["provisioned_by"]),
        (&json!(1), &json!("Backend CI"))
    );
    assert_eq!(list["runners"][0]["team_id"], json!(works.team));

    // It counts against the team's quota as everyone's does.
    assert_eq!(
        works
            .post(&works.jwt, "/runners/jit", &json!({"team_id": works.team}))
            .await
            .0,
        201
    );
    let (status, full) = works.post(&works.jwt, "/runners/jit", &json!({})).await;
    assert_eq!((status, &full["error_code"]), (403, &json!("QUOTA_EXCEEDED")));

    let id = made["runner_id"].as_str().expect("an id");
    let (status, gone) = works
        .call(&works.jwt, http::Method::DELETE, &format!("/runners/{id}"), None)
        .await;
    assert_eq!(status, 200, "{gone}");
    // Who did it is in the audit log by name.
    let (actor, method): (String, String) =
        sqlx::query_as("SELECT actor, method FROM audit_entries WHERE action = 'deprovision'")
            .fetch_one(&works.server.database.pool)
            .await
            .expect("an entry");
    assert_eq!((&*actor, &*method), ("Backend CI", "jwt"));
}

#[tokio::test]
async fn b27_another_teams_runners_are_out_of_its_reach() {
    let works = Works::new().await;
    works.register(SUBJECT, works.team).await;
    let (_, other) = works
        .post(&works.root, "/admin/teams", &json!({"name": "Other Team"}))
        .await;
    let (status, refused) = works
        .post(&works.jwt, "/runners/jit", &json!({"team_id": other["id"]}))
        .await;
    assert_eq!((status, &refused["error_code"]), (403, &json!("NOT_TEAM_MEMBER")));
    assert!(detail(&refused).starts_with("User not a member of team"), "{refused}");

    let theirs = Uuid::now_v7();
    let sql = "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by)
        VALUES ($1, $2, 'theirs', 'active', '{}', 1, (SELECT id FROM users LIMIT 1))";
    let team: Uuid = other["id"].as_str().expect("an id").parse().expect("a UUID");
    sqlx::query(sql)
        .bind(theirs)
        .bind(team)
        .execute(&works.server.database.pool)
        .await
        .expect("a runner");
    assert_eq!(works.get(&works.jwt, "/runners").await.1["total"], 0);
    assert_eq!(works.get(&works.jwt, &format!("/runners/{theirs}")).await.0, 404);
    let one = format!("/runners/{theirs}");
    assert_eq!(works.call(&works.jwt, http::Method::DELETE, &one, None).await.0, 404);
}

#[tokio::test]
async fn b27_unregistered_disabled_and_inactive_each_say_so() {
    let works = Works::new().await;
    let refused = async |start: &str| {
        let (status, body) = works.get(&works.jwt, "/runners").await;
        assert_eq!(
            (status, &body["error_code"]),
            (403, &json!("OAUTH_CLIENT_REFUSED")),
            "{body}"
        );
        assert!(detail(&body).starts_with(start), "{body}");
        assert!(
            body["who_can"].as_str().is_some_and(|who| who.contains("org_admin")),
            "{body}"
        );
    };
    refused("OAuth client not registered").await;
    let (_, client) = works.register(SUBJECT, works.team).await;
    assert_eq!(works.get(&works.jwt, "/runners").await.0, 200);

    let one = format!("/admin/oauth-clients/{}", client["id"].as_str().expect("an id"));
    let switch = async |on: bool| {
        works
            .call(&works.root, http::Method::PATCH, &one, Some(&json!({"is_active": on})))
            .await
    };
    assert_eq!(switch(false).await.0, 200);
    refused("OAuth client is disabled").await;
    assert_eq!(switch(true).await.0, 200);
    let deactivate = format!("/admin/teams/{}/deactivate", works.team);
    assert_eq!(works.post(&works.root, &deactivate, &json!({})).await.0, 200);
    refused("OAuth client's team is inactive").await;

    let removed = works.call(&works.root, http::Method::DELETE, &one, None).await;
    assert_eq!(removed.0, 204);
    refused("OAuth client not registered").await;
}

#[tokio::test]
async fn b27_one_active_program_for_each_team() {
    let works = Works::new().await;
    let (_, first) = works.register(SUBJECT, works.team).await;
    let (status, taken) = works.register(SUBJECT, works.team).await;
    assert_eq!((status, &taken["error_code"]), (409, &json!("WRONG_STATE")));
    assert!(detail(&taken).contains("'Backend CI'"), "{taken}");

    let one = format!("/admin/oauth-clients/{}", first["id"].as_str().expect("an id"));
    let off = json!({"is_active": false});
    assert_eq!(
        works.call(&works.root, http::Method::PATCH, &one, Some(&off)).await.0,
        200
    );
    let (status, twice) = works.register(SUBJECT, works.team).await;
    assert_eq!(
        (status, &twice["error_code"]),
        (409, &json!("NAME_TAKEN")),
        "the subject is registered"
    );
    assert_eq!(works.register("second@clients", works.team).await.0, 201);
    let on = json!({"is_active": true});
    assert_eq!(
        works.call(&works.root, http::Method::PATCH, &one, Some(&on)).await.0,
        409
    );
    let (_, list) = works.get(&works.root, "/admin/oauth-clients?is_active=true").await;
    assert_eq!(
        (&list["total"], &list["clients"][0]["client_id"]),
        (&json!(1), &json!("second@clients"))
    );

    let (status, bad) = works.register(" ", Uuid::nil()).await;
    assert_eq!(
        (status, &bad["fields"][0]["field"]),
        (422, &json!("client_id")),
        "{bad}"
    );
    assert_eq!(works.register("third@clients", Uuid::now_v7()).await.0, 404);
}

/// Never an admin: whatever route is added, a program gets nothing there unless it is on the list.
#[tokio::test]
async fn b27_a_program_may_ask_for_nothing_else() {
    let works = Works::new().await;
    works.register(SUBJECT, works.team).await;
    let document = serde_json::to_value(server::rest::openapi()).expect("a document");
    let mut tried = 0;
    for (template, item) in document["paths"].as_object().expect("paths") {
        for method in item
            .as_object()
            .expect("methods")
            .keys()
            .filter(|key| *key != "parameters")
        {
            let method: http::Method = method.to_uppercase().parse().expect("a method");
            if ROUTES_OF_MACHINES.contains(&(method.clone(), template)) {
                continue;
            }
            // The webhook knows its caller by a signature, not by a token.
            if template.contains("/webhooks/") {
                continue;
            }
            let path = template
                .replace("/api/v1", "")
                .replace("{id}", &works.team.to_string())
                .replace(['{', '}'], "");
            let body = (method != http::Method::GET).then(|| json!({}));
            let (status, answer) = works.call(&works.jwt, method.clone(), &path, body.as_ref()).await;
            assert_eq!(
                (status, &answer["error_code"]),
                (403, &json!("USER_NOT_AUTHORIZED")),
                "{method} {path}: {answer}"
            );
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
    let teams = works
        .server
        .client
        .get(format!("{}/admin/teams", works.server.url))
        .bearer_auth(&works.jwt);
    assert_eq!(
        teams.send().await.expect("an answer").status(),
        303,
        "no page of the console"
    );
    let service = works
        .server
        .client
        .get(format!("{}/authz/llm", works.server.url))
        .bearer_auth(&works.jwt);
    assert!([401, 403].contains(&service.send().await.expect("an answer").status().as_u16()));
}

/// When a program was last seen is known, once it is written down.
#[tokio::test]
async fn b27_when_a_program_was_last_used_is_known() {
    let works = Works::new().await;
    let (_, client) = works.register(SUBJECT, works.team).await;
    assert_eq!(client["last_used_at"], Value::Null);
    let before = chrono::Utc::now();
    assert_eq!(works.get(&works.jwt, "/runners").await.0, 200);
    backend::machines::write_last_used(&works.server.database.pool)
        .await
        .expect("written");
    let (_, list) = works.get(&works.root, "/admin/oauth-clients").await;
    let at: chrono::DateTime<chrono::Utc> = list["clients"][0]["last_used_at"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    assert!(
        before - chrono::TimeDelta::seconds(1) <= at && at <= chrono::Utc::now(),
        "{at}"
    );
}

/// A program that is disabled through one process is refused by every other at its next request.
#[tokio::test]
async fn b27_disabling_holds_in_every_process_at_once() {
    let works = Works::new().await;
    let (_, client) = works.register(SUBJECT, works.team).await;
    let env = [
        ("GUILDHALL_OIDC_ISSUER", works.server.oidc.issuer()),
        ("GUILDHALL_OIDC_CLIENT_ID", works.server.oidc.client_id().to_owned()),
        (
            "GUILDHALL_OIDC_CLIENT_SECRET",
            works.server.oidc.client_secret().expect("a secret").to_owned(),
        ),
        ("GUILDHALL_PUBLIC_URL", works.server.url.clone()),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value));
    let config = server::config::Config::load(None, env).expect("a good configuration");
    let state = server::AppState::new(works.server.database.pool.clone(), config).expect("a second process");
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let other = format!("http://{}/api/v1/runners", socket.local_addr().expect("an address"));
    let service = server::router(state).into_make_service_with_connect_info::<std::net::SocketAddr>();
    let task = tokio::spawn(async move { axum::serve(socket, service).await });
    let there = async || {
        let request = works.server.client.get(&other).bearer_auth(&works.jwt);
        request.send().await.expect("an answer").status().as_u16()
    };
    let one = format!("/admin/oauth-clients/{}", client["id"].as_str().expect("an id"));
    for on in [false, true, false] {
        assert_eq!(there().await, if on { 403 } else { 200 });
        let body = json!({"is_active": on});
        assert_eq!(
            works.call(&works.root, http::Method::PATCH, &one, Some(&body)).await.0,
            200
        );
        assert_eq!(there().await, if on { 200 } else { 403 });
    }
    task.abort();
}
