//! SPEC A: teams, people, memberships and keys as Kubernetes objects.

mod declared;
mod deletion;
mod manifests;
mod matrix;
mod planned;
mod rights;
mod watched;

use std::time::Duration;

use backend::{
    Caller, Ctx, Settings,
    litellm::{self, Instance, Instances},
    objects::{self, Changed, Deleted, Preconditions},
};
use domain::{OrgRole, OrganizationId, UserId};
use integrations::litellm::{Config, LiteLlm};
use kubernetes::{Failure, Kind, Meta, Object};
use serde_json::{Value, json};
use simulators::litellm::{LiteLlmSimulator, Version};

use crate::common::{World, request};

/// An installation with an organization `acme`, whose objects are kept.
struct House {
    world: World,
    proxy: LiteLlmSimulator,
    root: UserId,
    acme: OrganizationId,
    /// org_admin of acme.
    olga: UserId,
}

fn instance(proxy: &LiteLlmSimulator, name: &str, is_default: bool) -> Instance {
    let mut config = Config::new(name, proxy.url(), proxy.master_key().into());
    config.timeout = Duration::from_millis(500);
    config.attempts = 1;
    config.retry_delay = Duration::from_millis(1);
    config.breaker_open = Duration::from_millis(50);
    Instance {
        namespace: "litellm".to_owned(),
        is_default,
        url: proxy.url(),
        client: LiteLlm::new(config).unwrap(),
    }
}

impl House {
    async fn new() -> Self {
        let mut world = World::with(Settings::default()).await;
        let proxy = LiteLlmSimulator::start(Version::V1_108_7).await.unwrap();
        world.backend = world
            .backend
            .with_litellm(Instances::new(vec![instance(&proxy, "litellm-example", true)]));
        litellm::register(&world.backend).await.unwrap();
        let root = world.super_admin().await;
        let acme = world.organization("acme").await;
        let olga = world.user("olga").await;
        world.give(acme, olga, OrgRole::OrgAdmin).await;
        objects::begin(&world.backend).await.unwrap();
        Self {
            world,
            proxy,
            root,
            acme,
            olga,
        }
    }

    /// Delivers until LiteLLM has everything.
    async fn drain(&self) {
        for _ in 0..20 {
            litellm::deliver_due(&self.world.backend).await.unwrap();
            let open: i64 = self
                .world
                .one("SELECT count(*) FROM litellm_objects WHERE state <> 'synced'")
                .await;
            if open == 0 {
                return;
            }
            self.world
                .sql("UPDATE litellm_objects SET due_at = now() WHERE state <> 'synced'")
                .await;
        }
        panic!("LiteLLM has not everything");
    }

    async fn ctx(&self, user: UserId) -> Ctx {
        Ctx::write(&self.world.backend, self.world.caller(user).await, request())
            .await
            .unwrap()
            .declared()
    }

    async fn caller(&self, user: UserId) -> Caller {
        self.world.caller(user).await
    }

    async fn get(&self, user: UserId, kind: Kind, name: &str) -> Result<Object, Failure> {
        let mut ctx = self.ctx(user).await;
        objects::get(&mut ctx, kind, "acme", name).await
    }

    /// Creates and commits; says what was warned of.
    async fn create(&self, user: UserId, object: Object) -> Result<(Object, Vec<String>), Failure> {
        let mut ctx = self.ctx(user).await;
        let made = objects::create(&mut ctx, object, by_kubectl()).await?;
        let warnings = ctx.take_warnings();
        ctx.commit().await.unwrap();
        Ok((made, warnings))
    }

    /// Merges into the spec and commits.
    async fn patch(
        &self,
        user: UserId,
        kind: Kind,
        name: &str,
        spec: Value,
    ) -> Result<(Changed, Vec<String>), Failure> {
        let mut ctx = self.ctx(user).await;
        let wanted = move |current: &Object| {
            let mut new = current.clone();
            for (field, value) in spec.as_object().unwrap() {
                if value.is_null() {
                    new.spec.remove(field);
                } else {
                    new.spec.insert(field.clone(), value.clone());
                }
            }
            Ok(new)
        };
        let changed = objects::change(&mut ctx, kind, "acme", name, by_kubectl(), &wanted).await?;
        let warnings = ctx.take_warnings();
        ctx.commit().await.unwrap();
        Ok((changed, warnings))
    }

    async fn delete(&self, user: UserId, kind: Kind, name: &str) -> Result<(Deleted, Vec<String>), Failure> {
        let mut ctx = self.ctx(user).await;
        let none = Preconditions::default();
        let deleted = objects::delete(&mut ctx, kind, "acme", name, &none).await?;
        let warnings = ctx.take_warnings();
        ctx.commit().await.unwrap();
        Ok((deleted, warnings))
    }

    async fn list(&self, user: UserId, kind: Kind) -> Vec<String> {
        let mut ctx = self.ctx(user).await;
        let query = objects::Query {
            kind,
            namespace: Some("acme".to_owned()),
            name: None,
        };
        let list = objects::list(&mut ctx, &query, None, None, &|_| true).await.unwrap();
        list.objects.into_iter().map(|object| object.metadata.name).collect()
    }
}

const fn by_kubectl() -> &'static str {
    "kubectl-client-side-apply"
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn object(kind: Kind, name: &str, spec: Value) -> Object {
    let mut spec = spec.as_object().unwrap().clone();
    let reference = json!({"instanceRef": {"name": "litellm-example", "namespace": "litellm"}});
    spec.entry("connectionRef").or_insert(reference);
    Object {
        kind,
        metadata: Meta {
            name: name.to_owned(),
            namespace: "acme".to_owned(),
            ..Meta::default()
        },
        spec,
        status: serde_json::Map::new(),
    }
}

fn team(name: &str) -> Object {
    object(Kind::Team, name, json!({"teamAlias": name, "models": ["gpt-4o"]}))
}

fn user(name: &str) -> Object {
    object(
        Kind::User,
        name,
        json!({"userEmail": format!("{name}@example.com"), "userAlias": name}),
    )
}

fn membership(person: &str, team: &str, role: &str) -> Object {
    let spec = json!({"role": role, "teamAlias": team, "userEmail": format!("{person}@example.com")});
    object(Kind::TeamMemberAssociation, &format!("{person}-{team}"), spec)
}

/// Status, reason and message of a condition.
fn condition(object: &Object, kind: &str) -> (String, String, String) {
    let conditions = object.status["conditions"].as_array().unwrap();
    let one = conditions
        .iter()
        .find(|one| one["type"] == kind)
        .unwrap_or_else(|| panic!("no {kind} in {conditions:?}"));
    let text = |field: &str| one[field].as_str().unwrap().to_owned();
    (text("status"), text("reason"), text("message"))
}

fn ready(object: &Object) -> (String, String) {
    let (status, reason, _) = condition(object, "Ready");
    (status, reason)
}
