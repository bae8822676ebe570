//! SCIM 2.0 as directories meet it (RFC 7643, RFC 7644), over HTTP.

mod access;
mod discovery;
mod entra;
mod filters;
mod groups;
mod okta;
mod protocol;
mod tokens;

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Person, World};

/// What SCIM's messages are.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// An organization with a directory, and another one.
pub struct Acme {
    pub world: World,
    pub id: Uuid,
    pub root: Person,
    pub token: String,
}

impl Acme {
    pub async fn new() -> Self {
        let world = World::new().await;
        let id = world.organization("acme").await;
        let root = world.super_admin().await;
        let token = token(&world, &root, id).await;
        Self { world, id, root, token }
    }

    /// A token of another organization.
    pub async fn other(&self, slug: &str) -> (Uuid, String) {
        let id = self.world.organization(slug).await;
        (id, token(&self.world, &self.root, id).await)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body), &[]).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body), &[]).await
    }

    /// A PATCH with these operations.
    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({"schemas": [PATCH], "Operations": operations});
        self.send("PATCH", path, Some(body), &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, &[]).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        send(&self.world, Some(&self.token), method, path, body, headers).await
    }

    /// A person whom the directory sends: the resource's id.
    pub async fn user(&self, name: &str) -> String {
        let body = json!({
            "schemas": [USER], "userName": format!("{name}@example.com"), "displayName": name,
            "emails": [{"value": format!("{name}@example.com"), "type": "work", "primary": true}],
        });
        id_of(&self.post("/Users", body).await.is(201))
    }

    /// A group whom the directory sends.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": [GROUP], "displayName": name, "members": members});
        id_of(&self.post("/Groups", body).await.is(201))
    }

    /// The people of the one team of this name in the organization, by the beginnings of their addresses.
    pub async fn team(&self, name: &str) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT split_part(u.email, '@', 1) FROM team_members m JOIN users u ON u.id = m.user_id
                JOIN teams t ON t.id = m.team_id
            WHERE t.organization_id = $1 AND t.name = $2 ORDER BY 1",
        )
        .bind(self.id)
        .bind(name)
        .fetch_all(&self.world.pool)
        .await
        .unwrap()
    }

    /// What someone is in the organization.
    pub async fn role(&self, email: &str) -> Option<String> {
        sqlx::query_scalar(
            "SELECT m.role FROM organization_members m JOIN users u ON u.id = m.user_id
            WHERE m.organization_id = $1 AND u.email = $2",
        )
        .bind(self.id)
        .bind(email)
        .fetch_optional(&self.world.pool)
        .await
        .unwrap()
    }

    /// Whether an account can be used.
    pub async fn works(&self, email: &str) -> bool {
        sqlx::query_scalar("SELECT deactivated_at IS NULL FROM users WHERE email = $1")
            .bind(email)
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }
}

pub fn id_of(body: &Value) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("{body:#}")).to_owned()
}

async fn token(world: &World, root: &Person, organization: Uuid) -> String {
    let path = format!("/admin/organizations/{organization}/scim-tokens");
    let made = world.post(root, &path, json!({"name": "Entra"})).await.is(201);
    made["token"].as_str().unwrap().to_owned()
}

pub async fn send(
    world: &World,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("/scim/v2{path}"));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = match body {
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/scim+json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    world.send(request.expect("a request")).await
}

/// Checks a SCIM Error.
#[track_caller]
pub fn refused(answer: Answer, status: u16, kind: Option<&str>) -> Value {
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/scim+json",
        "{:#}",
        answer.body
    );
    let body = answer.is(status);
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(body["status"], status.to_string());
    assert_eq!(body["scimType"].as_str(), kind, "{body:#}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    body
}
