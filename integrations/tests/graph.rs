//! The client of Microsoft Graph against the simulator: E6.
#![expect(clippy::expect_used, reason = "a panic in a test is the failure")]

use std::time::{Duration, Instant};

use integrations::graph::{Config, Error, Graph, Groups};
use secrecy::SecretString;
use simulators::graph::{Fault, GraphOptions, GraphSimulator, SimulatedGroup, SimulatedPerson, by_oidc, directory_id};
use simulators::oidc::{OidcSimulator, Person};

const MAX: &str = "max@contoso.example";
const NORA: &str = "nora@contoso.example";
const ME: &str = "GET /v1.0/me/memberOf";
const USER: &str = "GET /v1.0/users/{id}/memberOf";
const ASSIGNED: &str = "GET /v1.0/servicePrincipals/{id}/appRoleAssignedTo";
const TOKEN: &str = "POST /{tenant}/oauth2/v2.0/token";

/// Max in `llm`, which is in `all`, and in `chess`; Nora in `llm`; `llm`, `all` and `empty` are assigned.
fn options() -> GraphOptions {
    let mut max = SimulatedPerson::new(MAX, "Max");
    max.directory_role = Some("Global Reader".to_owned());
    GraphOptions {
        people: vec![max, SimulatedPerson::new(NORA, "Nora")],
        groups: vec![
            SimulatedGroup::new("llm", "Production LLM Team", &[MAX, NORA]),
            SimulatedGroup::new("chess", "Chess", &[MAX]),
            SimulatedGroup::new("all", "Everybody", &["llm"]),
            SimulatedGroup::new("empty", "Nobody", &[]),
        ],
        assigned: ["llm", "all", "empty"].map(str::to_owned).to_vec(),
        ..GraphOptions::default()
    }
}

async fn simulator(change: impl FnOnce(&mut GraphOptions)) -> GraphSimulator {
    let mut options = options();
    change(&mut options);
    GraphSimulator::start_with(options).await.expect("a free port")
}

fn config(simulator: &GraphSimulator) -> Config {
    let mut config = Config::at(simulator.url());
    config.timeout = Duration::from_secs(2);
    config
}

fn limited(simulator: &GraphSimulator) -> Config {
    let mut config = config(simulator);
    config.service_principal_id = Some(simulator.options().service_principal_id.clone());
    config
}

/// With credentials of the application.
fn as_app(simulator: &GraphSimulator, mut config: Config) -> Config {
    config.authority_url = simulator.url();
    config.tenant = Some("contoso".to_owned());
    config.client_id = Some("guildhall".to_owned());
    config.client_secret = Some("demo-secret".into());
    config
}

fn graph(config: Config) -> Graph {
    Graph::new(config).expect("a good configuration")
}

fn token(simulator: &GraphSimulator, person: &str) -> SecretString {
    simulator.access_token_of(person).into()
}

fn ids(groups: &Groups) -> Vec<&str> {
    groups.groups.iter().map(|group| group.id.as_str()).collect()
}

async fn of(graph: &Graph, simulator: &GraphSimulator, person: &str) -> Result<Groups, Error> {
    graph.groups(Some(&token(simulator, person)), None).await
}

#[tokio::test]
async fn e6_the_groups_are_the_persons_that_are_assigned() {
    let simulator = simulator(|_| ()).await;
    let all = of(&graph(config(&simulator)), &simulator, MAX).await.expect("groups");
    assert_eq!(ids(&all), ["chess", "llm"], "a directory role is no group");
    let assigned = graph(limited(&simulator));
    let max = of(&assigned, &simulator, MAX).await.expect("groups");
    assert_eq!(ids(&max), ["llm"]);
    assert_eq!(max.groups[0].name.as_deref(), Some("Production LLM Team"));
    assert!(max.app_roles.is_empty(), "plain access is no role");
    simulator.remove_member("llm", MAX);
    assert!(of(&assigned, &simulator, MAX).await.expect("groups").groups.is_empty());
}

#[tokio::test]
async fn e6_f_both_lists_are_read_to_their_end() {
    let simulator = simulator(|options| {
        options.page_size = Some(2);
        for number in 0..7 {
            let id = format!("more-{number}");
            options.groups.push(SimulatedGroup::new(&id, &id, &[MAX]));
            options.assigned.push(id);
        }
    })
    .await;
    let max = of(&graph(limited(&simulator)), &simulator, MAX).await.expect("groups");
    assert_eq!(max.groups.len(), 8, "{max:?}");
    // 7 of them, chess, llm and the directory role; 7 and 3 assigned.
    assert_eq!((simulator.calls_of(ME), simulator.calls_of(ASSIGNED)), (5, 5));
}

#[tokio::test]
async fn e6_f_two_hundred_pages_are_read_and_more_are_an_error_and_not_a_cut_list() {
    let simulator = simulator(|options| {
        options.page_size = Some(1);
        options.groups = (0..199)
            .map(|number| SimulatedGroup::new(&format!("g{number}"), "G", &[MAX]))
            .collect();
    })
    .await;
    let graph = graph(config(&simulator));
    // The directory role is the first page.
    assert_eq!(of(&graph, &simulator, MAX).await.expect("200 pages").groups.len(), 199);
    assert_eq!(simulator.calls_of(ME), 200);
    simulator.put_group("g199", "G");
    assert!(simulator.add_member("g199", MAX));
    let many = of(&graph, &simulator, MAX).await;
    assert!(
        matches!(&many, Err(Error::InvalidAnswer(why)) if why.contains("200 pages")),
        "{many:?}"
    );
}

#[tokio::test]
async fn e6_a_thousand_groups() {
    let simulator = simulator(|options| {
        for number in 0..1000 {
            let id = directory_id(&number.to_string());
            options
                .groups
                .push(SimulatedGroup::new(&id, &format!("Group {number}"), &[MAX]));
            options.assigned.push(id);
        }
    })
    .await;
    let max = of(&graph(limited(&simulator)), &simulator, MAX).await.expect("groups");
    assert_eq!(max.groups.len(), 1001);
    assert_eq!(simulator.calls_of(ME), 2, "999 to a page");
}

#[tokio::test]
async fn e6_f_any_fault_is_an_error_and_never_an_empty_or_shorter_list() {
    let simulator = simulator(|options| options.page_size = Some(1)).await;
    simulator.add_member("empty", MAX);
    let graph = graph(limited(&simulator));
    let whole = of(&graph, &simulator, MAX).await.expect("groups");
    assert_eq!(ids(&whole), ["empty", "llm"]);
    for route in ["/me/memberOf", "/appRoleAssignedTo"] {
        for page in 1..=3 {
            let on_page = |fault: Fault| Fault {
                only: Some(route.to_owned()),
                page: Some(page),
                ..fault
            };
            let garbage = Fault {
                garbage: true,
                ..Fault::default()
            };
            let mut faults = vec![Fault::cut_off(route, page), on_page(garbage)];
            faults.extend([400, 401, 403, 404, 500, 502].map(|status| on_page(Fault::status(route, status))));
            for fault in faults {
                simulator.set_faults(vec![fault.clone()]);
                let answer = of(&graph, &simulator, MAX).await;
                assert!(answer.is_err(), "{fault:?}: {answer:?}");
            }
        }
    }
    simulator.set_faults(Vec::new());
    assert_eq!(of(&graph, &simulator, MAX).await.expect("again"), whole);
}

#[tokio::test]
async fn e6_faults_are_told_apart() {
    let simulator = simulator(|_| ()).await;
    let graph = graph(limited(&simulator));
    let nobody = graph
        .groups(Some(&"s3cret-token".into()), None)
        .await
        .expect_err("no such token");
    assert!(matches!(nobody, Error::Unauthorized(_)), "{nobody:?}");
    assert!(!format!("{nobody} {nobody:?} {graph:?}").contains("s3cret"));
    let with = async |fault: Fault| {
        simulator.set_faults(vec![fault]);
        of(&graph, &simulator, MAX).await.expect_err("a fault")
    };
    assert_eq!(
        with(Fault::status("memberOf", 403)).await.to_string(),
        "Microsoft Graph refused: the application lacks GroupMember.Read.All"
    );
    assert_eq!(
        with(Fault::status("appRoleAssignedTo", 403)).await.to_string(),
        "Microsoft Graph refused: the application lacks Application.Read.All"
    );
    assert_eq!(
        with(Fault::status("appRoleAssignedTo", 404)).await,
        Error::NotFound("Enterprise Application")
    );
    assert!(with(Fault::status("memberOf", 500)).await.is_transient());
    let garbage = Fault {
        garbage: true,
        ..Fault::default()
    };
    assert!(matches!(with(garbage).await, Error::InvalidAnswer(_)));
    simulator.set_faults(Vec::new());
    simulator.stop().await;
    let down = of(&graph, &simulator, MAX).await.expect_err("nobody listens");
    assert!(matches!(down, Error::Unavailable { .. }), "{down:?}");
}

#[tokio::test]
async fn e6_pauses_that_graph_asks_for_are_kept_while_there_is_time() {
    let simulator = simulator(|_| ()).await;
    let graph = graph(config(&simulator));
    let throttled = |seconds, times| {
        let fault = Fault {
            retry_after: Some(seconds),
            ..Fault::status("memberOf", 429)
        };
        vec![fault.times(times)]
    };
    simulator.set_faults(throttled(1, 1));
    let start = Instant::now();
    let soon = graph.with_deadline(start + Duration::from_secs(5));
    assert_eq!(
        of(&soon, &simulator, NORA).await.expect("after a pause").groups.len(),
        1
    );
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    // No time for that: said at once, with the pause.
    simulator.set_faults(throttled(30, 9));
    let start = Instant::now();
    let soon = graph.with_deadline(start + Duration::from_secs(5));
    let error = of(&soon, &simulator, NORA).await.expect_err("throttled");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    // Two more tries, and no third.
    let before = simulator.calls_of(ME);
    simulator.set_faults(throttled(0, 9));
    let error = of(&graph, &simulator, NORA).await.expect_err("throttled");
    assert!(matches!(error, Error::Throttled { .. }), "{error:?}");
    assert_eq!(simulator.calls_of(ME) - before, 3);
    // 503 is one of them, 500 is not.
    for (status, calls) in [(503, 2), (504, 2), (500, 1)] {
        let before = simulator.calls_of(ME);
        simulator.set_faults(vec![Fault::status("memberOf", status).times(1)]);
        let answer = of(&graph, &simulator, NORA).await;
        assert_eq!(
            (simulator.calls_of(ME) - before, answer.is_ok()),
            (calls, calls == 2),
            "{status}"
        );
    }
}

#[tokio::test]
async fn e6_the_deadline_bounds_everything() {
    let simulator = simulator(|options| options.page_size = Some(1)).await;
    let slow = Fault {
        latency_ms: 300,
        ..Fault::default()
    };
    simulator.set_faults(vec![slow]);
    let graph = graph(as_app(&simulator, limited(&simulator)));
    let start = Instant::now();
    let soon = graph.with_deadline(start + Duration::from_millis(700));
    // Each call is quick enough; all pages of them are not.
    let late = of(&soon, &simulator, MAX).await;
    assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    assert_eq!(
        of(&graph, &simulator, MAX).await.expect("with more time").groups.len(),
        1
    );
}

#[tokio::test]
async fn e6_the_token_does_not_follow_a_next_page_to_another_host() {
    let simulator = simulator(|_| ()).await;
    let other = GraphSimulator::start_with(options()).await.expect("a free port");
    let graph = graph(config(&simulator));
    for link in [
        format!("{}/v1.0/me/memberOf", other.url()),
        "/v1.0/me/memberOf".to_owned(),
        String::new(),
    ] {
        simulator.set_faults(vec![Fault {
            next_link: Some(link.clone()),
            ..Fault::default()
        }]);
        let answer = of(&graph, &simulator, MAX).await;
        assert!(matches!(answer, Err(Error::InvalidAnswer(_))), "{link}: {answer:?}");
    }
    assert!(other.calls().is_empty());
    // In circles: an end is made of it, and it is not called the list.
    simulator.set_faults(vec![Fault {
        next_link: Some(format!("{}/v1.0/me/memberOf", simulator.url())),
        ..Fault::default()
    }]);
    assert!(of(&graph, &simulator, MAX).await.is_err());
}

#[tokio::test]
async fn e6_f_groups_within_groups_count_when_that_is_wanted() {
    let simulator = simulator(|_| ()).await;
    let nested = |config: Config| {
        graph(Config {
            transitive: true,
            ..as_app(&simulator, config)
        })
    };
    let max = of(&nested(limited(&simulator)), &simulator, MAX).await.expect("groups");
    assert_eq!(ids(&max), ["all", "llm"]);
    // Circles have an end.
    assert!(simulator.add_member("llm", "all"));
    let max = of(&nested(config(&simulator)), &simulator, MAX).await.expect("groups");
    assert_eq!(ids(&max), ["all", "chess", "llm"]);
    let everybody = nested(config(&simulator)).members("all").await.expect("members");
    assert_eq!(everybody.len(), 2, "people only: {everybody:?}");
    let directly = graph(as_app(&simulator, config(&simulator)));
    assert!(directly.members("all").await.expect("members").is_empty());
}

#[tokio::test]
async fn e6_what_a_person_may_not_read_is_read_by_the_application() {
    let simulator = simulator(|_| ()).await;
    simulator.let_people_read_assignments(false);
    let alone = of(&graph(limited(&simulator)), &simulator, MAX).await;
    let permission = "Application.Read.All";
    assert_eq!(alone.expect_err("not allowed"), Error::Forbidden { permission });
    let graph = graph(as_app(&simulator, limited(&simulator)));
    for _ in 0..3 {
        assert_eq!(ids(&of(&graph, &simulator, MAX).await.expect("groups")), ["llm"]);
    }
    assert_eq!(simulator.calls_of(TOKEN), 1, "the token is kept");
    // Without a token, or with one that is not for Graph, by who they are.
    let (max, other) = (directory_id(MAX), SecretString::from("a token of another provider's"));
    for token in [None, Some(&other)] {
        let groups = graph.groups(token, Some(&max)).await.expect("groups");
        assert_eq!(ids(&groups), ["llm"]);
    }
    assert_eq!(simulator.calls_of(USER), 2);
    assert!(matches!(graph.groups(None, None).await, Err(Error::NotConfigured(_))));
    let unknown = graph.groups(None, Some("nobody")).await;
    assert_eq!(unknown, Err(Error::NotFound("person")));
    // The directory revoked it: another one is fetched, once.
    simulator.revoke_app_tokens();
    assert!(graph.groups(None, Some(&max)).await.is_ok());
    assert!(simulator.calls_of(TOKEN) <= 3, "{:?}", simulator.calls());
}

#[tokio::test]
async fn e6_callers_who_need_the_applications_token_together_fetch_one() {
    let simulator = simulator(|_| ()).await;
    let graph = graph(as_app(&simulator, limited(&simulator)));
    let id = directory_id(MAX);
    let calls: Vec<_> = (0..30)
        .map(|_| {
            let (graph, id) = (graph.clone(), id.clone());
            tokio::spawn(async move { graph.groups(None, Some(&id)).await })
        })
        .collect();
    for call in calls {
        assert_eq!(ids(&call.await.expect("no panic").expect("groups")), ["llm"]);
    }
    assert_eq!(simulator.calls_of(TOKEN), 1);
}

type Change = fn(&mut Config);

#[tokio::test]
async fn e6_wrong_credentials_are_said_without_the_secret() {
    let simulator = simulator(|_| ()).await;
    let cases: [(Change, &str); 3] = [
        (|config| config.client_secret = Some("s3cret".into()), "AADSTS7000215"),
        (|config| config.client_id = Some("s3cret".to_owned()), "AADSTS700016"),
        (|config| config.tenant = Some("s3cret".to_owned()), "AADSTS90002"),
    ];
    for (change, code) in cases {
        let mut config = as_app(&simulator, config(&simulator));
        change(&mut config);
        let error = graph(config).members("llm").await.expect_err("wrong");
        assert!(
            matches!(&error, Error::Unauthorized(why) if why.contains(code)),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    let without = graph(config(&simulator)).members("llm").await;
    assert!(matches!(without, Err(Error::NotConfigured(_))), "{without:?}");
}

#[tokio::test]
async fn e6_who_is_in_a_group_and_whether_there_is_such_a_group() {
    let simulator = simulator(|options| options.page_size = Some(1)).await;
    simulator.enable(NORA, false);
    let graph = graph(as_app(&simulator, config(&simulator)));
    let mut members = graph.members("llm").await.expect("members");
    members.sort_by(|a, b| a.email.cmp(&b.email));
    let seen: Vec<_> = (members.iter())
        .map(|member| (member.email.as_deref(), member.name.as_deref(), member.enabled))
        .collect();
    assert_eq!(
        seen,
        [
            (Some(MAX), Some("Max"), Some(true)),
            (Some(NORA), Some("Nora"), Some(false))
        ]
    );
    assert_eq!(members[0].id, directory_id(MAX));
    assert!(graph.members("empty").await.expect("nobody").is_empty());
    simulator.put_group("llm", "Renamed");
    let group = graph.group("llm").await.expect("an answer").expect("a group");
    assert_eq!(group.name.as_deref(), Some("Renamed"));
    simulator.remove_group("llm");
    assert_eq!(graph.group("llm").await, Ok(None));
    assert_eq!(graph.members("llm").await, Err(Error::NotFound("group")));
    // Another failure is not "gone".
    simulator.set_faults(vec![Fault::status("/groups/", 500)]);
    assert!(graph.group("llm").await.is_err());
}

#[tokio::test]
async fn e5_roles_of_the_application_come_by_groups_and_directly() {
    let simulator = simulator(|_| ()).await;
    simulator.assign("llm", Some("role-of-llm"));
    simulator.assign("empty", Some("role-of-nobody"));
    simulator.assign(MAX, Some("role-of-max"));
    simulator.assign(NORA, Some("role-of-nora"));
    let graph = graph(limited(&simulator));
    let token = token(&simulator, MAX);
    let max = graph
        .groups(Some(&token), Some(&directory_id(MAX)))
        .await
        .expect("groups");
    assert_eq!(Vec::from_iter(max.app_roles), ["role-of-llm", "role-of-max"]);
    assert_eq!(ids(&graph.groups(Some(&token), None).await.expect("groups")), ["llm"]);
    let assignments = graph.assignments(Some(&token)).await.expect("assignments");
    let users: Vec<_> = (assignments.users.iter())
        .map(|user| (user.principal_id.clone(), user.app_role_id.as_deref()))
        .collect();
    assert_eq!(
        users,
        [
            (directory_id(MAX), Some("role-of-max")),
            (directory_id(NORA), Some("role-of-nora"))
        ]
    );
}

#[tokio::test]
async fn the_access_token_of_a_sign_in_is_the_persons() {
    let person = Person::new(MAX, "Max", "");
    let oidc = OidcSimulator::start_with(vec![person]).await.expect("a free port");
    let simulator = simulator(|options| options.who = Some(by_oidc(&oidc))).await;
    let mut config = integrations::oidc::Config::new(oidc.issuer(), oidc.client_id(), "http://127.0.0.1:9/callback");
    config.client_secret = oidc.client_secret().map(Into::into);
    let provider = integrations::oidc::Provider::new(config).expect("a good configuration");
    let login = provider.begin().await.expect("a login");
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let answer = browser
        .get(format!("{}&as={MAX}", login.url))
        .send()
        .await
        .expect("an answer");
    let location = answer.headers()["location"].to_str().expect("text");
    let query = reqwest::Url::parse(location).expect("a URL");
    let code = query.query_pairs().find(|(name, _)| name == "code").expect("a code").1;
    let identity = provider.complete(&login.pending, &code).await.expect("an identity");
    let access_token = identity.access_token.expect("an access token");
    let groups = graph(limited(&simulator)).groups(Some(&access_token), None).await;
    assert_eq!(ids(&groups.expect("groups")), ["llm"]);
    // A disabled person's token is worth nothing.
    simulator.enable(MAX, false);
    let refused = graph(limited(&simulator)).groups(Some(&access_token), None).await;
    assert!(matches!(refused, Err(Error::Unauthorized(_))), "{refused:?}");
}

#[tokio::test]
async fn the_directory_is_steered_over_http() {
    let simulator = simulator(|_| ()).await;
    let graph = graph(as_app(&simulator, limited(&simulator)));
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client");
    let call = async |method: &str, path: &str, body: serde_json::Value| {
        let method = method.parse().expect("a method");
        let request = http.request(method, format!("{}/_simulator/{path}", simulator.url()));
        let answer = request.json(&body).send().await.expect("an answer");
        answer.status().as_u16()
    };
    let none = || serde_json::json!({});
    let emma = "emma@contoso.example";
    let put_emma = serde_json::json!({"name": "Emma"});
    assert_eq!(call("PUT", &format!("people/{emma}"), put_emma).await, 204);
    assert_eq!(call("PUT", "groups/new", serde_json::json!({"name": "New"})).await, 204);
    assert_eq!(call("PUT", &format!("groups/new/members/{emma}"), none()).await, 204);
    assert_eq!(call("PUT", "groups/none/members/nobody", none()).await, 404);
    let groups = async || graph.groups(None, Some(&directory_id(emma))).await;
    assert!(groups().await.expect("groups").groups.is_empty(), "not assigned");
    let role = serde_json::json!({"app_role_id": "r"});
    assert_eq!(call("PUT", "assignments/new", role).await, 204);
    let assigned = groups().await.expect("groups");
    assert_eq!((ids(&assigned), assigned.app_roles.len()), (vec!["new"], 1));
    let fault = serde_json::json!([{"only": "memberOf", "status": 403, "times": 1}]);
    assert_eq!(call("PUT", "faults", fault).await, 200);
    assert!(groups().await.is_err());
    assert!(groups().await.is_ok(), "once");
    let disabled = serde_json::json!({"enabled": false});
    assert_eq!(call("PUT", &format!("people/{emma}"), disabled).await, 204);
    let members = graph.members("new").await.expect("members");
    assert_eq!(
        (members[0].name.as_deref(), members[0].enabled),
        (Some("Emma"), Some(false))
    );
    assert_eq!(call("DELETE", &format!("groups/new/members/{emma}"), none()).await, 204);
    assert_eq!(call("DELETE", "assignments/llm", none()).await, 204);
    assert_eq!(call("DELETE", "groups/new", none()).await, 204);
    assert_eq!(call("DELETE", "groups/new", none()).await, 404);
    assert!(groups().await.expect("groups").groups.is_empty());
}
