//! Groups of Microsoft Entra ID through a real sign-in (SPEC E1–E6): the simulated provider, the simulated Graph, the
//! real router; and with everything that can go wrong at Graph.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use simulators::{
    graph::{Fault, GraphOptions, GraphSimulator, SimulatedGroup, SimulatedPerson, Who, by_oidc},
    oidc::OidcSimulator,
};

use crate::common::{MAX, Server, TESS, UNVERIFIED, location, set_cookie};

const LLM: &str = "550e8400-e29b-41d4-a716-446655440000";
const DATA: &str = "650e8400-e29b-41d4-a716-446655440001";
/// How long a sign-in waits here.
const WAIT: Duration = Duration::from_secs(1);

/// A server with a directory of two groups that are assigned to it.
struct Company {
    server: Server,
    graph: GraphSimulator,
}

impl Company {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let provider: Arc<OnceLock<OidcSimulator>> = Arc::default();
        let late = Arc::clone(&provider);
        let who: Who = Arc::new(move |token| late.get().and_then(|provider| by_oidc(provider)(token)));
        let options = GraphOptions {
            people: vec![
                SimulatedPerson::new(MAX, "Max Member"),
                SimulatedPerson::new(TESS, "Tess Lead"),
            ],
            groups: vec![
                SimulatedGroup::new(LLM, "Production LLM Team", &[MAX]),
                SimulatedGroup::new(DATA, "Data Science", &[]),
            ],
            assigned: vec![LLM.to_owned(), DATA.to_owned()],
            who: Some(who),
            ..GraphOptions::default()
        };
        let graph = GraphSimulator::start_with(options).await.expect("a free port");
        let url = graph.url();
        let mut all = vec![
            ("GUILDHALL_GRAPH_URL", url.as_str()),
            ("GUILDHALL_ENTRA_AUTHORITY_URL", url.as_str()),
            ("MICROSOFT_TENANT", "contoso"),
            ("MICROSOFT_CLIENT_ID", "guildhall"),
            ("MICROSOFT_CLIENT_SECRET", "demo-secret"),
            (
                "MICROSOFT_SERVICE_PRINCIPAL_ID",
                graph.options().service_principal_id.as_str(),
            ),
            ("GUILDHALL_ENTRA_SIGN_IN_SECONDS", "1"),
        ];
        all.extend(settings);
        let server = Server::with(&all).await;
        assert!(provider.set(server.oidc.clone()).is_ok());
        Self { server, graph }
    }

    async fn one<T>(&self, sql: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(sql)
            .fetch_one(&self.server.database.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    async fn members(&self, team: &str) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT u.email FROM team_members m JOIN users u ON u.id = m.user_id WHERE m.team_id = $1::uuid ORDER BY 1",
        )
        .bind(team)
        .fetch_all(&self.server.database.pool)
        .await
        .expect("an answer")
    }

    async fn set_mode(&self, mode: &str) {
        sqlx::query("UPDATE identity_links SET mode = $1")
            .bind(mode)
            .execute(&self.server.database.pool)
            .await
            .expect("changed");
    }

    async fn api(&self, token: &str, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self
            .server
            .client
            .request(method, format!("{}/api/v1{path}", self.server.url))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    async fn sync(&self) {
        backend::identity_links::sync_due(&self.server.state.backend, Duration::ZERO)
            .await
            .expect("synced");
    }
}

/// The answer's flag and where it is from.
fn flag(body: &Value) -> (bool, &str) {
    (
        body["entra_groups_also_create_orgs"].as_bool().expect("a flag"),
        body["source"].as_str().expect("a source"),
    )
}

#[tokio::test]
async fn e2_who_signs_in_is_in_the_teams_and_organizations_of_their_groups() {
    let company = Company::start(&[("ENTRA_GROUPS_ALSO_CREATE_ORGS", "true")]).await;
    company.server.sign_in(MAX).await;
    assert_eq!(company.members(LLM).await, [MAX]);
    assert_eq!(
        company.members(DATA).await,
        Vec::<String>::new(),
        "made, though nobody is in it"
    );
    let token = company.server.token(MAX, None).await;
    let (status, team) = company
        .api(&token, reqwest::Method::GET, &format!("/admin/teams/{LLM}"), None)
        .await;
    assert_eq!((status, &team["organization_id"]), (200, &json!(LLM)), "{team}");
    assert_eq!(team["models"], json!(["all-org-models"]), "{team}");
    let organization: String = company
        .one("SELECT concat_ws(' ', o.name, m.role) FROM organizations o JOIN organization_members m ON m.organization_id = o.id")
        .await;
    assert_eq!(organization, "Production LLM Team org_member");
}

#[tokio::test]
async fn e1_runtime_beats_environment_and_survives_and_goes_back() {
    let company = Company::start(&[("ENTRA_GROUPS_ALSO_CREATE_ORGS", "true")]).await;
    company.server.person("root@example.com", true).await;
    let root = company.server.token("root@example.com", None).await;
    let path = "/admin/settings/entra";
    let (status, body) = company.api(&root, reqwest::Method::GET, path, None).await;
    assert_eq!((status, flag(&body)), (200, (true, "environment")), "{body}");
    let off =
        json!({"entra_groups_also_create_orgs": false, "default_team_params": {"max_budget": 7, "models": ["m"]}});
    let (status, body) = company.api(&root, reqwest::Method::PUT, path, Some(off)).await;
    assert_eq!((status, flag(&body)), (200, (false, "runtime")), "{body}");
    company.server.sign_in(MAX).await;
    let team: String = company
        .one("SELECT concat_ws(' ', organization_id, models, max_budget) FROM teams WHERE name = 'Production LLM Team'")
        .await;
    assert_eq!(team, "00000000-0000-4000-8000-000000000001 {m} 7");
    let (_, body) = company
        .api(
            &root,
            reqwest::Method::PUT,
            path,
            Some(json!({"entra_groups_also_create_orgs": null})),
        )
        .await;
    assert_eq!(flag(&body), (true, "environment"));
    assert_eq!(body["default_team_params_source"], "runtime", "left out: it stays");
    let wrong = json!({"default_team_params": {"max_budget": -1, "budget_duration": "soon"}});
    let (status, body) = company.api(&root, reqwest::Method::PUT, path, Some(wrong)).await;
    assert_eq!(status, 422, "{body}");
    assert_eq!(body["fields"].as_array().map(Vec::len), Some(2), "{body}");
    let entries: i64 = company
        .one("SELECT count(*) FROM audit_entries WHERE action = 'settings.entra'")
        .await;
    assert_eq!(entries, 2);
    company.server.person(TESS, false).await;
    let tess = company.server.token(TESS, None).await;
    assert_eq!(company.api(&tess, reqwest::Method::GET, path, None).await.0, 403);
}

/// Whatever Graph does: they get in within the bound, nobody loses anything, nothing is made twice, and it is caught up.
#[tokio::test]
async fn e6_a_graph_that_fails_takes_nothing_from_anybody() {
    let company = Company::start(&[]).await;
    company.server.sign_in(MAX).await;
    company.set_mode("authoritative").await;
    company.graph.add_member(LLM, TESS);
    let memberships = "/memberOf";
    let faults = [
        Fault::status(memberships, 401),
        Fault::status(memberships, 403),
        Fault::status(memberships, 429),
        Fault {
            retry_after: Some(60),
            ..Fault::status(memberships, 429)
        },
        Fault::status(memberships, 500),
        Fault::status("/appRoleAssignedTo", 500),
        Fault {
            only: Some(memberships.to_owned()),
            latency_ms: 60_000,
            ..Fault::default()
        },
        Fault {
            only: Some(memberships.to_owned()),
            garbage: true,
            ..Fault::default()
        },
        Fault {
            only: Some(memberships.to_owned()),
            cut: true,
            ..Fault::default()
        },
        Fault {
            only: Some(memberships.to_owned()),
            next_link: Some("https://elsewhere.example/v1.0/me/memberOf".to_owned()),
            ..Fault::default()
        },
    ];
    for fault in faults {
        company.graph.set_faults(vec![fault.clone()]);
        let begun = Instant::now();
        company.server.sign_in(MAX).await;
        company.server.sign_in(TESS).await;
        assert!(
            begun.elapsed() < WAIT * 2 + Duration::from_secs(2),
            "{fault:?}: {:?}",
            begun.elapsed()
        );
        assert_eq!(company.members(LLM).await, [MAX], "{fault:?}");
    }
    company.graph.set_faults(Vec::new());
    company.server.sign_in(TESS).await;
    assert_eq!(company.members(LLM).await, [MAX, TESS]);
    let teams: i64 = company.one("SELECT count(*) FROM teams WHERE NOT is_system").await;
    assert_eq!(teams, 2);
}

/// The database does not take what the groups would give: that is logged, people get in, and nothing is lost.
#[tokio::test]
async fn e5_a_database_that_fails_at_the_groups_keeps_nobody_out() {
    let company = Company::start(&[]).await;
    company.server.sign_in(MAX).await;
    company.graph.add_member(LLM, TESS);
    let run = async |sql: &'static str| {
        sqlx::query(sql)
            .execute(&company.server.database.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    for table in ["identity_links", "team_members"] {
        let (away, back) = match table {
            "identity_links" => (
                "ALTER TABLE identity_links RENAME TO away",
                "ALTER TABLE away RENAME TO identity_links",
            ),
            _ => (
                "ALTER TABLE team_members ADD CONSTRAINT refuses CHECK (role = '') NOT VALID",
                "ALTER TABLE team_members DROP CONSTRAINT refuses",
            ),
        };
        run(away).await;
        company.server.sign_in(TESS).await;
        run(back).await;
        assert_eq!(company.members(LLM).await, [MAX], "{table}");
    }
    company.server.sign_in(TESS).await;
    assert_eq!(company.members(LLM).await, [MAX, TESS]);
}

/// And when it does not answer at all, nobody gets in, which is said, and the same sign-in works when it is back.
#[tokio::test]
async fn e5_a_database_that_is_down_answers_503_and_the_sign_in_goes_on_after_it() {
    let company = Company::start(&[]).await;
    let server = &company.server;
    let begun = server.browse("/auth/login/oidc", None).await;
    let cookie = set_cookie(&begun).expect("a session for the sign-in");
    let back = server.visit_provider(&begun, MAX).await;
    server.database.refuse_connections(true).await;
    let refused = server.browse(server.path_of(&back), Some(&cookie)).await;
    assert_eq!(refused.status(), 503);
    server.database.refuse_connections(false).await;
    let done = server.browse(server.path_of(&back), Some(&cookie)).await;
    assert_eq!(location(&done), "/", "signed in");
    assert_eq!(company.members(LLM).await, [MAX]);
}

#[tokio::test]
async fn e6_what_was_not_read_in_time_is_read_later_without_another_sign_in() {
    let company = Company::start(&[]).await;
    let slow = Fault {
        only: Some("/memberOf".to_owned()),
        latency_ms: 3000,
        ..Fault::default()
    };
    company.graph.set_faults(vec![slow.times(1)]);
    company.server.sign_in(MAX).await;
    assert!(
        company.members(LLM).await.is_empty(),
        "in already, and not in the team yet"
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while company.members(LLM).await.is_empty() {
        assert!(Instant::now() < deadline, "it is never read");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn e6_a_cut_at_page_three_is_no_list() {
    let company = Company::start(&[]).await;
    for n in 0..1000 {
        let id = format!("00000000-0000-4000-9000-{n:012}");
        company.graph.put_group(&id, &format!("Other {n}"));
        company.graph.add_member(&id, MAX);
    }
    company.server.sign_in(MAX).await;
    assert_eq!(company.members(LLM).await, [MAX], "a thousand groups, one of them ours");
    company.set_mode("authoritative").await;
    company.graph.set_faults(vec![Fault::cut_off("/memberOf", 3)]);
    company.server.sign_in(MAX).await;
    assert_eq!(company.members(LLM).await, [MAX]);
}

#[tokio::test]
async fn e5_joiners_movers_and_leavers_arrive_without_signing_in() {
    let company = Company::start(&[]).await;
    company.server.sign_in(MAX).await;
    company.set_mode("authoritative").await;
    company
        .graph
        .put_person(SimulatedPerson::new("joan@example.com", "Joan Joiner"));
    company.graph.add_member(DATA, "joan@example.com");
    company.graph.remove_member(LLM, MAX);
    company.graph.add_member(DATA, MAX);
    company.sync().await;
    assert_eq!(company.members(LLM).await, Vec::<String>::new());
    assert_eq!(company.members(DATA).await, ["joan@example.com", MAX]);
    // The account that the sync made is Joan's when she comes.
    let accounts: i64 = company
        .one("SELECT count(*) FROM users WHERE email = 'joan@example.com'")
        .await;
    assert_eq!(accounts, 1);
    company.graph.enable("joan@example.com", false);
    company.sync().await;
    let ended: bool = company
        .one("SELECT deactivated_at IS NOT NULL FROM users WHERE email = 'joan@example.com'")
        .await;
    assert!(ended, "the directory disabled her");
    company.graph.enable("joan@example.com", true);
    company.sync().await;
    let ended: bool = company
        .one("SELECT deactivated_at IS NOT NULL FROM users WHERE email = 'joan@example.com'")
        .await;
    assert!(!ended, "only the directory had ended her account");
}

#[tokio::test]
async fn e5_a_group_that_is_renamed_or_deleted_says_so_at_its_link_and_takes_nothing() {
    let company = Company::start(&[]).await;
    company.server.sign_in(MAX).await;
    company.set_mode("authoritative").await;
    company.graph.put_group(LLM, "Renamed");
    company.sync().await;
    let name: String = company
        .one("SELECT group_name FROM identity_links WHERE group_id = '550e8400-e29b-41d4-a716-446655440000'")
        .await;
    assert_eq!(name, "Renamed");
    company.graph.remove_group(LLM);
    company.sync().await;
    company.sync().await;
    assert_eq!(company.members(LLM).await, [MAX]);
    company.graph.set_faults(vec![Fault::status("/groups/", 500)]);
    company.sync().await;
    company.graph.set_faults(Vec::new());
    company.server.person("root@example.com", true).await;
    let root = company.server.token("root@example.com", None).await;
    let (_, links) = company
        .api(
            &root,
            reqwest::Method::GET,
            "/admin/identity-links?search=renamed",
            None,
        )
        .await;
    let link = &links["identity_links"][0];
    assert!(
        link["missing_since"].is_string() && link["failure"].is_string(),
        "{link}"
    );
    let path = format!("/admin/identity-links/{}/events", link["id"].as_str().expect("an id"));
    let (_, events) = company.api(&root, reqwest::Method::GET, &path, None).await;
    let kinds: Vec<&str> = events["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["kind"].as_str())
        .collect();
    assert_eq!(
        kinds,
        ["failed", "missing", "renamed", "added", "created"],
        "each said once"
    );
}

#[tokio::test]
async fn x11_a_sync_that_would_empty_a_team_stops_and_asks() {
    let company = Company::start(&[]).await;
    for n in 0..10 {
        let email = format!("p{n}@example.com");
        company.graph.put_person(SimulatedPerson::new(&email, &email));
        company.graph.add_member(LLM, &email);
    }
    company.sync().await;
    assert_eq!(company.members(LLM).await.len(), 11);
    company.server.person("root@example.com", true).await;
    let root = company.server.token("root@example.com", None).await;
    let (_, links) = company
        .api(
            &root,
            reqwest::Method::GET,
            "/admin/identity-links?search=Production",
            None,
        )
        .await;
    let path = format!(
        "/admin/identity-links/{}",
        links["identity_links"][0]["id"].as_str().expect("an id")
    );
    for n in 0..5 {
        company.graph.remove_member(LLM, &format!("p{n}@example.com"));
    }
    let (status, preview) = company
        .api(&root, reqwest::Method::POST, &format!("{path}/preview"), None)
        .await;
    assert_eq!(
        (status, &preview["removes_total"], &preview["waits"], &preview["fresh"]),
        (200, &json!(5), &json!(true), &json!(true)),
        "{preview}"
    );
    assert_eq!(company.members(LLM).await.len(), 11, "a preview changes nothing");
    let authoritative = json!({"mode": "authoritative"});
    let (status, _) = company
        .api(&root, reqwest::Method::PATCH, &path, Some(authoritative))
        .await;
    assert_eq!(status, 200);
    company.sync().await;
    assert_eq!(company.members(LLM).await.len(), 11, "five of eleven are too many");
    let (_, link) = company.api(&root, reqwest::Method::GET, &path, None).await;
    assert!(link["held_at"].is_string(), "{link}");
    let (status, link) = company
        .api(&root, reqwest::Method::POST, &format!("{path}/confirm"), None)
        .await;
    assert_eq!((status, &link["held_at"]), (200, &Value::Null), "{link}");
    assert_eq!(company.members(LLM).await.len(), 6);
    let (status, _) = company
        .api(&root, reqwest::Method::POST, &format!("{path}/confirm"), None)
        .await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn e4_without_an_application_a_group_joins_the_team_that_has_its_id() {
    let company = Company::start(&[("MICROSOFT_SERVICE_PRINCIPAL_ID", "")]).await;
    sqlx::query("INSERT INTO teams (id, organization_id, name, slug) VALUES ($1::uuid, '00000000-0000-4000-8000-000000000001', 'Ours', 'ours')")
        .bind(LLM)
        .execute(&company.server.database.pool)
        .await
        .expect("a team");
    company.server.sign_in(MAX).await;
    assert_eq!(company.members(LLM).await, [MAX]);
    let teams: i64 = company.one("SELECT count(*) FROM teams WHERE NOT is_system").await;
    assert_eq!(teams, 1, "no other group is the application's");
}

/// An account that somebody opened with an address that nobody verified gets nothing that the address's owner has.
#[tokio::test]
async fn x17_the_directory_gives_nothing_to_who_took_an_address() {
    let company = Company::start(&[]).await;
    company.server.sign_in(UNVERIFIED).await;
    company
        .graph
        .put_person(SimulatedPerson::new(UNVERIFIED, "Una Verified"));
    company.graph.add_member(LLM, UNVERIFIED);
    company.sync().await;
    assert_eq!(
        company.members(LLM).await,
        [MAX],
        "the sync made Max an account, and put nobody in hers"
    );
}
