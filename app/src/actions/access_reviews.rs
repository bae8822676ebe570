//! Access reviews.

use backend::access_reviews::{self, DecideInput, NewReviewInput};
use domain::{Invalid, ReviewId};
use leptos::prelude::*;

use crate::{
    forms::{ApiError, Done, Sent},
    pages::access_reviews::{Address, DECIDE, FORM, PAGE},
    ssr::{self, Error},
    ui,
};

fn review_id(text: &str) -> ssr::Result<ReviewId> {
    text.parse().map_err(|_| Error::not_found("Access review", text))
}

/// The page of a review with the filters that a form carried, as a path on this host.
fn page_of(review: &str, at: &str) -> Option<Address> {
    review.parse::<ReviewId>().ok().map(|id| Address::of_form(id, at))
}

fn path(address: Option<&Address>) -> String {
    address.map_or_else(|| PAGE.to_owned(), Address::here)
}

/// Starts a review.
#[server(prefix = "/actions", endpoint = "access-reviews/start")]
pub async fn start_access_review(
    #[server(default)] scope: String,
    #[server(default)] name: String,
    #[server(default)] people: String,
    #[server(default)] services: String,
    #[server(default)] due_in_days: String,
    #[server(default)] silence: String,
) -> Result<(), ApiError> {
    let back = format!("{PAGE}/new");
    let (kind, id) = scope.split_once(':').unwrap_or_default();
    // The form offers the team again that its reader came from.
    let back = match id.parse::<ReviewId>() {
        Ok(id) if kind == "team" => format!("{back}?team={id}"),
        _ => back,
    };
    let sent = Sent {
        form: FORM,
        values: &[
            ("scope", &scope),
            ("name", &name),
            ("people", &people),
            ("services", &services),
            ("due_in_days", &due_in_days),
            ("silence", &silence),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let of = |wanted: &str| (kind == wanted).then(|| id.to_owned());
        let input = NewReviewInput {
            organization: of("organization"),
            team: of("team"),
            name: name.clone(),
            covers_people: !people.is_empty(),
            covers_services: !services.is_empty(),
            due_in_days: due_in_days.trim().parse().ok(),
            silence: silence.clone(),
        };
        let page = access_reviews::start(ctx, input.parse()?).await?;
        let lines = ui::plural(page.review.lines, "line");
        Ok(Done::new(
            format!("{PAGE}/{}", page.review.id),
            format!("The review has started, with {lines} to decide."),
        ))
    })
    .await
}

/// Decides lines: one, or those that were selected.
#[server(prefix = "/actions", endpoint = "access-reviews/decide")]
pub async fn decide_access_review(
    #[server(default)] review: String,
    #[server(default)] at: String,
    #[server(default)] ids: String,
    #[server(default)] decision: String,
    #[server(default)] reason: String,
) -> Result<(), ApiError> {
    let address = page_of(&review, &at);
    let done = path(address.as_ref());
    // The question again, with what was typed.
    let mut asked = vec![("confirm", decision.as_str())];
    asked.extend(ids.split(',').map(|id| ("id", id)));
    let back = (address.as_ref()).map_or_else(|| PAGE.to_owned(), |address| address.and(&asked));
    let sent = Sent {
        form: DECIDE,
        values: &[("reason", &reason)],
        back: &back,
    };
    sent.run(async |ctx| {
        let input = DecideInput {
            ids: ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
            decision: decision.clone(),
            reason: Some(reason.clone()),
        };
        let outcome = access_reviews::decide(ctx, review_id(&review)?, input).await?;
        let errors: Vec<&str> = (outcome.rows.iter()).filter_map(|row| row.error.as_deref()).collect();
        if let ([only], 0) = (errors.as_slice(), outcome.affected()) {
            return Err(Error::refused(ssr::Code::Forbidden, (*only).to_owned()));
        }
        let count = ui::plural(i64::try_from(outcome.affected()).unwrap_or(i64::MAX), "line");
        let mut words = match decision.as_str() {
            "remove" => format!("{count} will be removed when the review closes."),
            _ => format!("{count} kept."),
        };
        for error in errors.into_iter().take(3) {
            words = format!("{words} One stays as it was: {error}");
        }
        Ok(Done::new(done.clone(), words))
    })
    .await
}

/// Reminds, closes or cancels.
#[server(prefix = "/actions", endpoint = "access-reviews/end")]
pub async fn end_access_review(
    #[server(default)] review: String,
    #[server(default)] at: String,
    #[server(default)] what: String,
) -> Result<(), ApiError> {
    let address = page_of(&review, &at);
    let back = path(address.as_ref());
    let sent = Sent {
        form: DECIDE,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let id = review_id(&review)?;
        let words = match what.as_str() {
            "remind" => {
                access_reviews::remind(ctx, id).await?;
                "The reviewers are reminded: their start page and this page say so.".to_owned()
            }
            "cancel" => {
                access_reviews::cancel(ctx, id).await?;
                "The review is cancelled. Nothing was removed.".to_owned()
            }
            "close" => {
                let page = access_reviews::close(ctx, id).await?;
                let removals = ui::plural(page.review.remove, "removal");
                format!("The review is closed: {removals}. What a rule refused stays, and its line says why.")
            }
            _ => return Err(Invalid::new("what", "must be remind, close or cancel").into()),
        };
        Ok(Done::new(back.clone(), words))
    })
    .await?;
    // The removals, if they are few: the next page shows what came of them. A job does what is left.
    if let ("close", Ok(id)) = (what.as_str(), review_id(&review))
        && let Err(error) = access_reviews::settle(&ssr::visit().backend, id).await
    {
        tracing::warn!(%error, review = %id, "the removals of an access review go on in the background");
    }
    Ok(())
}
