//! What is allowed, and why not.

use uuid::Uuid;

use crate::office::{Office, send};

const NOT_ALLOWED: &str = "Service 'analytics' not allowed for team";
const NO_MEMBER: &str = "You are not a member of this team";

/// SPEC D2's table: role × service.
#[tokio::test]
async fn d2_who_bypasses_the_policy() {
    let office = Office::new().await;
    let other = office.world.organization("other").await;
    let team = office.team.to_string();
    let person = async |name: &str| office.world.person(name).await;
    let (root, org_admin, org_member) = (
        office.world.super_admin().await,
        person("orgadmin").await,
        person("orgmember").await,
    );
    let (foreign, auditor, nobody) = (person("foreign").await, person("auditor").await, person("nobody").await);
    office.belong(office.organization, &org_admin, "org_admin").await;
    office.belong(office.organization, &org_member, "org_member").await;
    office.belong(office.organization, &auditor, "auditor").await;
    office.belong(other, &foreign, "org_admin").await;
    let refused = [Some(NO_MEMBER), Some(NO_MEMBER)];
    for (who, [listed, unlisted]) in [
        (&root, [None, None]),
        (&org_admin, [None, None]),
        (&office.admin, [None, Some(NOT_ALLOWED)]),
        (&office.member, [None, Some(NOT_ALLOWED)]),
        (&org_member, refused),
        (&foreign, refused),
        (&auditor, refused),
        (&nobody, refused),
    ] {
        for (service, expected) in [("llm-service", listed), ("analytics", unlisted)] {
            let answer = office.ask_with(&who.token, service, &[("x-team-id", &team)]).await;
            match expected {
                None => {
                    assert_eq!(answer.allowed().header("x-guildhall-team"), team, "{}", who.email);
                }
                Some(literal) => answer.refused(403, literal),
            }
        }
    }
    // A bypass needs no team at all, and counts in the own organization only.
    for who in [&root, &org_admin] {
        assert_eq!(
            office
                .ask(&who.token, "analytics")
                .await
                .allowed()
                .header("x-guildhall-team"),
            ""
        );
    }
    office.ask(&foreign.token, "analytics").await.refused(403, NOT_ALLOWED);
    office.ask(&nobody.token, "analytics").await.refused(403, NO_MEMBER);
    // What is in no catalogue is nobody's.
    let literal = "Service 'xyz-svc' not allowed for team";
    for who in [&root, &org_admin, &office.member, &office.admin] {
        office.ask(&who.token, "xyz-svc").await.refused(403, literal);
    }
}

/// Keys act for their team: they never bypass, whoever owns them.
#[tokio::test]
async fn d2_keys_never_bypass() {
    let office = Office::new().await;
    let root = office.world.super_admin().await;
    let org_admin = office.world.person("orgadmin").await;
    office.belong(office.organization, &org_admin, "org_admin").await;
    for owner in [&root, &org_admin, &office.admin, &office.member] {
        let (_, secret) = office.key(owner, office.team, None).await;
        let answer = office.ask(&secret, "llm-service").await;
        assert!(!answer.allowed().header("x-guildhall-roles").contains("_admin") || owner.id == office.admin.id);
        office.ask(&secret, "analytics").await.refused(403, NOT_ALLOWED);
    }
    // X12: a key of someone who has left, should it have been forgotten, is worth nothing.
    let (_, secret) = office.key(&office.member, office.team, None).await;
    office
        .world
        .sql(&format!(
            "DELETE FROM team_members WHERE user_id = '{}'",
            office.member.id
        ))
        .await;
    office.ask(&secret, "llm-service").await.refused(403, NO_MEMBER);
}

#[tokio::test]
async fn d6_an_inactive_or_archived_team_uses_nothing() {
    let office = Office::new().await;
    let root = office.world.super_admin().await;
    let (_, secret) = office.key(&office.member, office.team, None).await;
    let team = office.team.to_string();
    let by_team = [("x-team-id", team.as_str())];
    for (status, member) in [("inactive", "Team is inactive"), ("archived", NO_MEMBER)] {
        office.world.sql(&format!("UPDATE teams SET status = '{status}'")).await;
        office
            .ask(&office.member.token, "llm-service")
            .await
            .refused(403, member);
        office
            .ask_with(&office.admin.token, "llm-service", &by_team)
            .await
            .refused(403, member);
        office
            .ask_with(&root.token, "llm-service", &by_team)
            .await
            .refused(403, "Team is inactive");
        assert_eq!(office.ask(&secret, "llm-service").await.status, 403);
    }
}

/// X9: no service is listed, so none is allowed. And with several teams the first that may is taken.
#[tokio::test]
async fn which_team_is_acted_for() {
    let office = Office::new().await;
    let data = office.world.team_in(office.organization, "Data Science").await;
    office.world.join(data, &office.member, "member").await;
    let token = &office.member.token;
    let in_data = [("x-team-id", "data-science")];
    office
        .ask_with(token, "llm-service", &in_data)
        .await
        .refused(403, "Service 'llm-service' not allowed for team");
    assert_eq!(
        office
            .ask(token, "llm-service")
            .await
            .allowed()
            .header("x-guildhall-team"),
        office.team.to_string()
    );
    office.allow(data, "analytics").await;
    assert_eq!(
        office
            .ask(token, "analytics")
            .await
            .allowed()
            .header("x-guildhall-team"),
        data.to_string()
    );
    // Both may: the first by name, which is Data Science.
    office.allow(data, "llm-service").await;
    assert_eq!(
        office
            .ask(token, "llm-service")
            .await
            .allowed()
            .header("x-guildhall-team"),
        data.to_string()
    );
    assert_eq!(
        office
            .ask_with(token, "llm-service", &in_data)
            .await
            .allowed()
            .header("x-guildhall-team"),
        data.to_string()
    );
    // A slug in two organizations names nothing, the id does.
    let other = office.world.organization("other").await;
    let twin = office.world.team_in(other, "Data Science").await;
    office.world.join(twin, &office.member, "member").await;
    office
        .ask_with(token, "llm-service", &in_data)
        .await
        .refused(403, NO_MEMBER);
    office
        .ask_with(token, "llm-service", &[("x-team-id", &data.to_string())])
        .await
        .allowed();
    for twice in [
        [("x-team-id", "data-science"), ("x-team-id", "engineering")],
        [("x-team-id", "a b"), ("x-team-id", "")],
    ] {
        office
            .ask_with(token, "llm-service", &twice)
            .await
            .refused(403, NO_MEMBER);
    }
    // A key's team is its own.
    let (_, secret) = office.key(&office.member, office.team, None).await;
    for own in [office.team.to_string(), "engineering".to_owned()] {
        office
            .ask_with(&secret, "llm-service", &[("x-team-id", &own)])
            .await
            .allowed();
    }
    for other in [data.to_string(), "data-science".to_owned(), Uuid::now_v7().to_string()] {
        office
            .ask_with(&secret, "llm-service", &[("x-team-id", &other)])
            .await
            .refused(403, NO_MEMBER);
    }
}

#[tokio::test]
async fn d1_projects_are_for_those_assigned_and_for_admins() {
    let office = Office::new().await;
    let mine = office.project(office.team, "Mine", Some(&office.member)).await;
    let theirs = office.project(office.team, "Theirs", None).await;
    let data = office.world.team_in(office.organization, "Data Science").await;
    let foreign = office.project(data, "Foreign", None).await;
    let ask = async |credential: &str, project: Uuid| {
        office
            .ask_with(credential, "llm-service", &[("x-project-id", &project.to_string())])
            .await
    };
    let not_assigned = "You are not assigned to this project";
    assert_eq!(
        ask(&office.member.token, mine)
            .await
            .allowed()
            .header("x-guildhall-project"),
        mine.to_string()
    );
    ask(&office.member.token, theirs).await.refused(403, not_assigned);
    ask(&office.admin.token, theirs).await.allowed();
    ask(&office.admin.token, foreign).await.refused(403, not_assigned);
    let nonsense = [("x-project-id", "nonsense")];
    office
        .ask_with(&office.admin.token, "llm-service", &nonsense)
        .await
        .refused(403, not_assigned);
    // Keys of a project act in it, and in no other.
    let (_, key) = office.key(&office.member, office.team, Some(mine)).await;
    assert_eq!(
        office
            .ask(&key, "llm-service")
            .await
            .allowed()
            .header("x-guildhall-project"),
        mine.to_string()
    );
    ask(&key, mine).await.allowed();
    ask(&key, theirs).await.refused(403, not_assigned);
    // D4: off the project, and with the project gone.
    office.world.sql("DELETE FROM project_members").await;
    office.ask(&key, "llm-service").await.refused(403, not_assigned);
    let (_, admins) = office.key(&office.admin, office.team, Some(mine)).await;
    office.ask(&admins, "llm-service").await.allowed();
    office
        .world
        .sql(&format!("DELETE FROM projects WHERE id = '{mine}'"))
        .await;
    assert_eq!(office.ask(&admins, "llm-service").await.status, 401);
}

#[tokio::test]
async fn rules_of_method_and_path() {
    let office = Office::new().await;
    office.service("docs", &["GET /public", "/v1"]).await;
    office.allow(office.team, "docs").await;
    let root = office.world.super_admin().await;
    for token in [&office.member.token, &root.token] {
        let ask = async |headers: &[(&str, &str)]| office.ask_with(token, "docs", headers).await;
        for good in [
            &[("x-original-uri", "/v1/a?b=../c")][..],
            &[("x-original-method", "GET"), ("x-original-uri", "/public/x")],
            &[("x-forwarded-method", "GET"), ("x-forwarded-uri", "/public")],
            &[("x-original-url", "https://docs.example/v1")],
        ] {
            ask(good).await.allowed();
        }
        let refused = "Path not allowed for service 'docs'";
        for bad in [
            &[("x-original-uri", "/v10")][..],
            &[("x-original-uri", "/public")],
            &[("x-original-method", "POST"), ("x-original-uri", "/public")],
        ] {
            ask(bad).await.refused(403, refused);
        }
        let two_ways = "Path not allowed for service 'docs': it can be read in two ways";
        for bad in [
            &[("x-original-uri", "/v1/../admin")][..],
            &[("x-original-uri", "/v1/%2e%2e/admin")],
            &[("x-original-uri", "//v1")],
            &[("x-original-url", "ftp://docs.example/v1")],
            &[("x-original-uri", "/v1"), ("x-forwarded-uri", "/v1/other")],
        ] {
            ask(bad).await.refused(403, two_ways);
        }
        ask(&[]).await.refused(
            403,
            "Path not allowed for service 'docs': the proxy does not say which path was asked for",
        );
        // Envoy's way.
        let bearer = format!("Bearer {token}");
        let envoy = async |method: &str, path: &str| {
            send(
                &office.router,
                method,
                &format!("/authz/docs{path}"),
                &[("authorization", &bearer)],
            )
            .await
        };
        envoy("GET", "/public/a?x=1").await.allowed();
        envoy("POST", "/public/a").await.refused(403, refused);
        envoy("POST", "/v1").await.allowed();
        envoy("GET", "/").await.refused(403, refused);
        envoy("GET", "/v1/%2E%2e/x").await.refused(403, two_ways);
        envoy("GET", "/v1//x").await.refused(403, two_ways);
    }
}

/// A client cannot say who it is, and no text of a client or a person becomes a header of its own.
#[tokio::test]
async fn headers_of_the_client_do_not_survive() {
    let office = Office::new().await;
    let forged = [
        ("x-guildhall-user", "root"),
        ("x-guildhall-roles", "super_admin"),
        ("x-guildhall-project", "any"),
        ("x-guildhall-assertion", "forged"),
    ];
    let answer = office.ask_with(&office.member.token, "llm-service", &forged).await;
    answer.allowed();
    assert_eq!(answer.header("x-guildhall-user"), office.member.id.to_string());
    assert_eq!(answer.header("x-guildhall-roles"), "team_member");
    assert_eq!(answer.header("x-guildhall-project"), "", "there, and empty");
    for name in [
        "x-guildhall-user",
        "x-guildhall-email",
        "x-guildhall-team",
        "x-guildhall-assertion",
    ] {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name}");
    }
    let answer = office.ask(&office.member.token, "a%0d%0aset-cookie:%20x").await;
    answer.refused(403, "Service 'a?0d?0aset-cookie??20x?' not allowed for team");
    office
        .world
        .sql(&format!(
            "UPDATE users SET email = 'mäx@example.com' WHERE id = '{}'",
            office.member.id
        ))
        .await;
    let answer = office.ask(&office.member.token, "llm-service").await;
    assert_eq!(answer.allowed().header("x-guildhall-email"), "m%C3%A4x@example.com");
}

/// The chain that comes with a refusal names the rule, and who can change it.
#[tokio::test]
async fn every_refusal_carries_its_explanation() {
    let office = Office::new().await;
    let body = office.ask(&office.member.token, "analytics").await.json();
    assert_eq!(body["error_code"], "SERVICE_NOT_ALLOWED");
    assert_eq!(body["rule"], "service policy");
    let chain = body["chain"].as_array().expect("a chain");
    let failed: Vec<_> = chain.iter().filter(|step| step["outcome"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["rule"], "service policy");
    assert!(
        failed[0]["who_can_change"]
            .as_str()
            .expect("text")
            .contains("team admin")
    );
    let body = office
        .ask_with(
            &office.member.token,
            "analytics",
            &[("x-team-id", &Uuid::now_v7().to_string())],
        )
        .await
        .json();
    assert_eq!(
        (&body["error_code"], &body["rule"]),
        (&"NOT_TEAM_MEMBER".into(), &"membership".into())
    );
}
