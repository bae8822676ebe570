//! An access review of the whole demo that has begun: some lines are decided, one of them to be removed.

use backend::{
    Backend, Result,
    access_reviews::{self, DecideInput, LineQuery, NewReviewInput},
};
use domain::{LineKind, OrganizationId, ReviewId};

use super::requests::of;

/// Olga starts it and decides a service; Tess keeps one of her people.
pub(super) async fn seed(backend: &Backend, organization: OrganizationId) -> Result<()> {
    let mut ctx = of(backend, "olga@acme.example").await?;
    let input = NewReviewInput {
        organization: Some(organization.to_string()),
        name: "Access review of this quarter".to_owned(),
        covers_people: true,
        covers_services: true,
        due_in_days: Some(21),
        silence: "keep".to_owned(),
        ..NewReviewInput::default()
    };
    let review = access_reviews::start(&mut ctx, input.parse()?).await?.review.id;
    ctx.commit().await?;
    let services = LineQuery {
        kind: Some(LineKind::Service),
        limit: 1,
        ..LineQuery::default()
    };
    let reason = "Nobody of the team remembers what it was for";
    decide(backend, "olga@acme.example", review, &services, "remove", reason).await?;
    let max = LineQuery {
        kind: Some(LineKind::Membership),
        search: Some("max@".to_owned()),
        mine: true,
        limit: 1,
        ..LineQuery::default()
    };
    decide(
        backend,
        "tess@acme.example",
        review,
        &max,
        "keep",
        "Is on call for the billing API",
    )
    .await
}

/// Decides the first lines that a query gives.
async fn decide(
    backend: &Backend,
    email: &str,
    review: ReviewId,
    query: &LineQuery,
    decision: &str,
    reason: &str,
) -> Result<()> {
    let mut ctx = of(backend, email).await?;
    let (_, lines) = access_reviews::lines(&mut ctx, review, query).await?;
    let input = DecideInput {
        ids: lines.items.iter().map(|line| line.id.to_string()).collect(),
        decision: decision.to_owned(),
        reason: Some(reason.to_owned()),
    };
    access_reviews::decide(&mut ctx, review, input).await?;
    ctx.commit().await
}
