//! Requests.

use backend::requests::{self, BatchInput, NewRequestInput, Verdict};
use domain::RequestId;
use leptos::prelude::*;
use serde_json::{Value, json};

use crate::{
    forms::{ApiError, Done, Sent},
    pages::requests::{DECIDE, FORM, PAGE},
    ssr::{self, Error},
    ui,
};

fn request_id(text: &str) -> ssr::Result<RequestId> {
    text.parse().map_err(|_| Error::not_found("Request", text))
}

/// The page of a request, as a path on this host.
fn page_of(text: &str) -> String {
    text.parse::<RequestId>()
        .map_or_else(|_| PAGE.to_owned(), |id| format!("{PAGE}/{id}"))
}

/// Text of a query parameter.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Asks for something.
#[server(prefix = "/actions", endpoint = "requests/create")]
pub async fn create_request(
    #[server(default)] kind: String,
    #[server(default)] team_id: String,
    #[server(default)] value: String,
    #[server(default)] max_budget: String,
    #[server(default)] tpm_limit: String,
    #[server(default)] rpm_limit: String,
    #[server(default)] budget_duration: String,
    #[server(default)] reason: String,
    #[server(default)] reviews: String,
) -> Result<(), ApiError> {
    let back = format!(
        "{PAGE}/new?kind={}&team={}&reviews={}",
        encoded(&kind),
        encoded(&team_id),
        encoded(&reviews)
    );
    let sent = Sent {
        form: FORM,
        values: &[
            ("value", &value),
            ("max_budget", &max_budget),
            ("tpm_limit", &tpm_limit),
            ("rpm_limit", &rpm_limit),
            ("budget_duration", &budget_duration),
            ("reason", &reason),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let asked = if kind == "budget" {
            json!({
                "max_budget": max_budget,
                "budget_duration": budget_duration,
                "tpm_limit": tpm_limit,
                "rpm_limit": rpm_limit,
            })
        } else {
            Value::String(value.clone())
        };
        let input = NewRequestInput {
            kind: kind.clone(),
            team: team_id.clone(),
            value: asked,
            reason: reason.clone(),
            reviews: Some(reviews.clone()),
        };
        let page = requests::create(ctx, input.parse()?).await?;
        let to = format!("{PAGE}/{}", page.request.id);
        Ok(Done::new(to, "Your request waits for a decision. You see it here."))
    })
    .await
}

/// Approves or denies a request.
#[server(prefix = "/actions", endpoint = "requests/decide")]
pub async fn decide_request(
    #[server(default)] request: String,
    #[server(default)] verdict: String,
    #[server(default)] reason: String,
) -> Result<(), ApiError> {
    let (page, verdict_word) = (page_of(&request), encoded(&verdict));
    // The question again, with what was typed.
    let back = format!("{page}?confirm={verdict_word}");
    let sent = Sent {
        form: DECIDE,
        values: &[("reason", &reason)],
        back: &back,
    };
    sent.run(async |ctx| {
        let (id, verdict) = (request_id(&request)?, parse_verdict(&verdict)?);
        let why = requests::parse_decision(verdict, Some(&reason))?;
        let decided = match (verdict, why) {
            (Verdict::Approve, why) => requests::approve(ctx, id, why.as_ref()).await?,
            (Verdict::Deny, Some(why)) => requests::deny(ctx, id, &why).await?,
            (Verdict::Deny, None) => return Err(Error::invalid("reason", "must be 1 to 500 characters")),
        };
        let words = format!("{} is {}.", decided.request.what(), decided.request.state.as_str());
        Ok(Done::new(page.clone(), words))
    })
    .await
}

fn parse_verdict(text: &str) -> ssr::Result<Verdict> {
    match text {
        "approve" => Ok(Verdict::Approve),
        "deny" => Ok(Verdict::Deny),
        _ => Err(Error::invalid("verdict", "must be approve or deny")),
    }
}

/// Takes one's own request back.
#[server(prefix = "/actions", endpoint = "requests/withdraw")]
pub async fn withdraw_request(#[server(default)] request: String) -> Result<(), ApiError> {
    let back = page_of(&request);
    let sent = Sent {
        form: DECIDE,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let page = requests::withdraw(ctx, request_id(&request)?).await?;
        Ok(Done::new(PAGE, format!("{} is withdrawn.", page.request.what())))
    })
    .await
}

/// Lets a decided request wait again.
#[server(prefix = "/actions", endpoint = "requests/revert")]
pub async fn revert_request(#[server(default)] request: String) -> Result<(), ApiError> {
    let back = page_of(&request);
    let sent = Sent {
        form: DECIDE,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let reverted = requests::revert(ctx, request_id(&request)?).await?;
        let stays = reverted.stays.map(|words| format!(" {words}")).unwrap_or_default();
        Ok(Done::new(back.clone(), format!("The request waits again.{stays}")))
    })
    .await
}

/// Decides many requests.
#[server(prefix = "/actions", endpoint = "requests/batch")]
pub async fn decide_requests(
    #[server(default)] ids: String,
    #[server(default)] verdict: String,
    #[server(default)] reason: String,
) -> Result<(), ApiError> {
    let list = format!("{PAGE}?view=decide");
    let mut back = format!("{list}&confirm={}", encoded(&verdict));
    for id in ids.split(',') {
        back.push_str("&id=");
        back.push_str(&encoded(id));
    }
    let sent = Sent {
        form: DECIDE,
        values: &[("reason", &reason)],
        back: &back,
    };
    sent.run(async |ctx| {
        let input = BatchInput {
            verdict: parse_verdict(&verdict)?,
            ids: ids.split(',').map(str::to_owned).filter(|id| !id.is_empty()).collect(),
            reason: Some(reason.clone()),
            dry_run: false,
        };
        let outcome = requests::decide_many(ctx, input).await?;
        let mut words = format!(
            "{} decided.",
            ui::plural(i64::try_from(outcome.affected()).unwrap_or(i64::MAX), "request")
        );
        for error in outcome.rows.iter().filter_map(|row| row.error.as_deref()).take(3) {
            words = format!("{words} One stays as it was: {error}");
        }
        Ok(Done::new(list.clone(), words))
    })
    .await
}
