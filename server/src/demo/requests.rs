//! Requests of the demo's people in several states, and a model that needs one.

use std::sync::Arc;

use backend::{
    Backend, Caller, Ctx, Method, Principal, RequestInfo, Result, identity,
    organizations::OrganizationKey,
    requests::{self, NewRequestInput},
    restricted_models::{self, RestrictedInput},
};
use domain::{Email, OrganizationId, Reason, RequestId, UserRef};
use serde_json::{Value, json};

use super::data::NAME;

/// The model that only an approved request opens.
const RESTRICTED: &str = "claude-opus";

/// Restricts it. Before the demo's keys are made, which name others.
pub(super) async fn restrict(ctx: &mut Ctx, organization: OrganizationId) -> Result<()> {
    let input = RestrictedInput {
        models: Some(vec![RESTRICTED.to_owned()]),
        installation_wide: None,
    };
    let key = OrganizationKey::Id(organization);
    restricted_models::set(ctx, &key, input).await.map(drop)
}

/// Two that wait, one that was denied, one that was approved.
pub(super) async fn seed(backend: &Backend) -> Result<()> {
    ask(
        backend,
        "nora@acme.example",
        ("join", "backend-team", json!("member")),
        "I start on the billing service on Monday",
    )
    .await?;
    ask(
        backend,
        "max@acme.example",
        ("quota", "backend-team", json!(20)),
        "The nightly builds wait for hours for a runner",
    )
    .await?;
    let denied = ask(
        backend,
        "max@acme.example",
        ("model", "backend-team", json!(RESTRICTED)),
        "The support assistant answers better with it",
    )
    .await?;
    let approved = ask(
        backend,
        "tess@acme.example",
        ("model", "engineering", json!(RESTRICTED)),
        "The evaluations compare against it",
    )
    .await?;
    let mut ctx = of(backend, "olga@acme.example").await?;
    let reason = Reason::parse("claude-sonnet is enough for support answers; show where it is not")?;
    requests::deny(&mut ctx, denied, &reason).await?;
    let reason = Reason::parse("Within this year's budget")?;
    requests::approve(&mut ctx, approved, Some(&reason)).await?;
    ctx.commit().await
}

/// A transaction of one of the demo's people.
pub(super) async fn of(backend: &Backend, email: &str) -> Result<Ctx> {
    let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
    let (id, _) = identity::find(&mut ctx, &UserRef::Email(Email::parse(email)?)).await?;
    drop(ctx);
    let person = Principal::load(&backend.pool, id).await?;
    let caller = Caller::Person(Arc::new(person), Method::Session);
    Ctx::write(backend, caller, RequestInfo::default()).await
}

async fn ask(
    backend: &Backend,
    email: &str,
    (kind, team, value): (&str, &str, Value),
    reason: &str,
) -> Result<RequestId> {
    let mut ctx = of(backend, email).await?;
    let input = NewRequestInput {
        kind: kind.to_owned(),
        team: team.to_owned(),
        value,
        reason: reason.to_owned(),
        reviews: None,
    };
    let page = requests::create(&mut ctx, input.parse()?).await?;
    ctx.commit().await?;
    Ok(page.request.id)
}
