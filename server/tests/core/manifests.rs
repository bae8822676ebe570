//! Manifests for download: who gets them, and as what.

use backend::kubernetes_door::{self, Address};
use backend::{Ctx, Method, objects};
use domain::{Email, UserRef};
use reqwest::{Response, header};
use uuid::Uuid;

use crate::common::{MAX, Server, TESS, location};

const OLGA: &str = "olga@example.com";

/// A person's id; of somebody who has not been here, too.
async fn id_of(server: &Server, email: &str) -> Uuid {
    let mut ctx = Ctx::system(&server.state.backend, "test", Method::Command)
        .await
        .expect("a transaction");
    let who = UserRef::Email(Email::parse(email).expect("an email"));
    let (id, _) = backend::identity::find(&mut ctx, &who).await.expect("there");
    id.0
}

async fn sql(server: &Server, text: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned()))
        .execute(&server.database.pool)
        .await
        .expect("a statement");
}

fn header(answer: &Response, name: header::HeaderName) -> &str {
    answer.headers()[name].to_str().expect("text")
}

/// An organization `acme` with a team `ops` that Max belongs to. The cookies of Max and of Tess, who has nothing to do with
/// it.
async fn house() -> (Server, Uuid, String, String) {
    let server = Server::start().await;
    let (max, tess) = (server.sign_in(MAX).await, server.sign_in(TESS).await);
    let (acme, ops) = (Uuid::now_v7(), Uuid::now_v7());
    let id = id_of(&server, MAX).await;
    sql(
        &server,
        &format!(
            "INSERT INTO organizations (id, name, slug) VALUES ('{acme}', 'Acme', 'acme');
            INSERT INTO teams (id, organization_id, name, slug) VALUES ('{ops}', '{acme}', 'Ops', 'ops');
            INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{acme}', '{id}', 'org_member');
            INSERT INTO team_members (team_id, user_id, role) VALUES ('{ops}', '{id}', 'member')"
        ),
    )
    .await;
    (server, ops, max, tess)
}

#[tokio::test]
async fn p_manifests_are_files_for_those_who_see_what_is_in_them() {
    let (server, ops, max, tess) = house().await;
    for (path, file) in [
        (format!("/admin/teams/{ops}/manifest.yaml"), "ops.yaml"),
        ("/admin/teams/ops/manifest.yaml".to_owned(), "ops.yaml"),
        ("/admin/organizations/acme/export.yaml".to_owned(), "acme.yaml"),
    ] {
        let answer = server.browse(&path, Some(&max)).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, header::CONTENT_TYPE), "application/yaml; charset=utf-8");
        assert_eq!(
            header(&answer, header::CONTENT_DISPOSITION),
            format!("attachment; filename=\"{file}\"")
        );
        assert_eq!(header(&answer, header::CACHE_CONTROL), "no-store");
        let text = answer.text().await.expect("text");
        let objects = kubernetes::manifest::read(&text, file).expect("a manifest");
        let kinds: Vec<&str> = objects.iter().filter_map(|one| one.value["kind"].as_str()).collect();
        assert_eq!(kinds, ["Team", "User", "TeamMemberAssociation"], "{text}");

        let refused = server.browse(&path, Some(&tess)).await;
        assert_eq!(refused.status(), 403, "{path}");
        assert!(!refused.text().await.expect("text").contains("kind:"));
        let anonymous = server.browse(&path, None).await;
        assert_eq!(anonymous.status(), 303);
        assert!(location(&anonymous).starts_with("/login?next=%2Fadmin%2F"), "{path}");
    }
    for path in [
        "/admin/teams/none/manifest.yaml",
        "/admin/teams/%00/manifest.yaml",
        "/admin/organizations/none/export.yaml",
        "/admin/organizations/%00/export.yaml",
    ] {
        assert_eq!(server.browse(path, Some(&max)).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn an_org_admin_exports_everything_and_a_team_in_two_organizations_is_asked_for_by_id() {
    let (server, ops, _, tess) = house().await;
    let id = id_of(&server, TESS).await;
    server.person(OLGA, false).await;
    sql(
        &server,
        &format!(
            "INSERT INTO organization_members (organization_id, user_id, role)
                SELECT id, '{id}', 'org_admin' FROM organizations WHERE slug = 'acme';
            INSERT INTO teams (id, organization_id, name, slug) SELECT gen_random_uuid(), id, 'Ops', 'ops' FROM organizations WHERE slug = 'default';
            INSERT INTO team_members (team_id, user_id, role) SELECT id, '{id}', 'member' FROM teams WHERE slug = 'ops' AND id <> '{ops}'"
        ),
    )
    .await;
    let all = server
        .browse("/admin/organizations/acme/export.yaml", Some(&tess))
        .await;
    let text = all.text().await.expect("text");
    for email in [MAX, TESS] {
        assert!(text.contains(email), "{text}");
    }
    let several = server.browse("/admin/teams/ops/manifest.yaml", Some(&tess)).await;
    assert_eq!(several.status(), 404);
    let one = server
        .browse(&format!("/admin/teams/{ops}/manifest.yaml"), Some(&tess))
        .await;
    assert_eq!(one.status(), 200);
}

#[tokio::test]
async fn a_kubeconfig_is_offered_while_there_is_a_listener_and_shown_once() {
    let (server, _, max, _) = house().await;
    let page = async |cookie: &str| {
        let answer = server.browse("/tokens", Some(cookie)).await;
        answer.text().await.expect("text")
    };
    let create = async || {
        let request = server
            .client
            .post(format!("{}/actions/tokens/kubeconfig", server.url))
            .header(header::COOKIE, &max)
            .header(header::ORIGIN, &server.url)
            .header(header::ACCEPT, "text/html")
            .form(&[("lifetime", "30"), ("namespace", "acme")]);
        let answer = request.send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), location(&answer).as_str()), (303, "/tokens"));
        let once = answer
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok()?.split(';').next())
            .find(|pair| pair.starts_with("guildhall-once="))
            .map(str::to_owned);
        once.unwrap_or_default()
    };
    let off = page(&max).await;
    assert!(off.contains("The Kubernetes API is off") && off.contains("--kube-listen"));
    assert!(!off.contains("Create kubeconfig"));
    assert_eq!(create().await, "", "nothing to show");
    assert!(page(&max).await.contains("The Kubernetes API is off"));

    objects::begin(&server.state.backend).await.expect("a database");
    let mut ctx = Ctx::system(&server.state.backend, "test", Method::System)
        .await
        .expect("a transaction");
    let address = Address {
        server: "https://guildhall.example:6443".to_owned(),
        authority: Some("PEM".to_owned()),
    };
    kubernetes_door::announce(&mut ctx, &address).await.expect("a database");
    ctx.commit().await.expect("committed");
    assert!(page(&max).await.contains("Create kubeconfig"));
    let once = create().await;
    let cookies = format!("{max}; {once}");
    let shown = page(&cookies).await;
    assert!(shown.contains("https://guildhall.example:6443") && shown.contains(backend::tokens::PREFIX));
    assert!(shown.contains("href=\"data:application/yaml;base64,"));
    let again = page(&cookies).await;
    assert!(!again.contains("https://guildhall.example:6443"), "once only");
    assert!(again.contains("kubeconfig"), "its token is in the list");
}
