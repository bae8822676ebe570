//! `/admin/access-reviews/{review}/report`: what was found and done, for paper and for auditors.

use backend::access_reviews::{self, LineQuery, Report};
use chrono::{DateTime, Utc};
use domain::{
    ReviewId,
    views::{Page, ReviewLine},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use serde_json::Value;

use super::{PAGE, lines};
use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Error},
    ui,
};

/// How many lines one printed page of the console has.
const ROWS: i64 = 1000;

/// `/admin/access-reviews/{review}/report`.
pub fn report() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("review").unwrap_or_default());
    page(async move {
        let id: ReviewId = key.parse().map_err(|_| Error::not_found("Access review", &key))?;
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let report = access_reviews::report(&mut ctx, id).await?;
        let query = LineQuery {
            cursor: ssr::query("cursor"),
            limit: ROWS,
            ..LineQuery::default()
        };
        let (_, list) = access_reviews::lines(&mut ctx, id, &query).await?;
        drop(ctx);
        let review = &report.review;
        let api = format!("/api/v1/access-reviews/{id}/report");
        let actions = view! {
            <a class="button" href=format!("{api}.jws") download="">{icon("download")}"Signature (JWS)"</a>
            <a class="button button--primary" href=format!("{api}.csv") download="">{icon("download")}"Download CSV"</a>
        };
        let title = format!("Report: {}", review.name);
        let body = view! {
            {ui::page_header(
                &title,
                None,
                Some(format!("{} of {}. To print it, use your browser.", review.covers(), review.scope_name)),
                actions.into_any(),
            )}
            {facts(&report)}
            {table(id, &list, now)}
            {verify(&report, &ssr::visit().site.public_url)}
        };
        Ok(Rendered::new(title, body)
            .under("Access reviews", PAGE)
            .under(review.name.clone(), format!("{PAGE}/{id}"))
            .at("Report"))
    })
}

fn facts(report: &Report) -> AnyView {
    let review = &report.review;
    let number = |name: &str| report.statement.get(name).and_then(Value::as_i64).unwrap_or_default();
    let fact = |label: &'static str, words: String| view! { <div><dt>{label}</dt><dd>{words}</dd></div> };
    let ended = review.ended_at.unwrap_or(review.due_at);
    view! {
        <section class="card" aria-labelledby="facts-title">
            <header class="card__header"><h2 class="card__title" id="facts-title">"What was found"</h2></header>
            <div class="card__body">
                <dl class="facts">
                    {fact("Reviewed", review.scope_name.clone())}
                    {fact("Started", format!("{} by {}", ui::moment(review.created_at), review.starter))}
                    {fact("Ended", format!("{} by {}", ui::moment(ended), review.ended_by.clone().unwrap_or_default()))}
                    {fact("Signed", review.closed_at.map(ui::moment).unwrap_or_default())}
                    {fact("Lines", number("lines").to_string())} {fact("Kept", number("kept").to_string())}
                    {fact("Removed", number("removed").to_string())} {fact("Already gone", number("gone").to_string())}
                    {fact("Not removed", number("refused").to_string())}
                    {fact("Decided by silence", format!("{} ({})", number("by_silence"), review.silence))}
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn table(id: ReviewId, list: &Page<ReviewLine>, now: DateTime<Utc>) -> AnyView {
    let rows = (list.items.iter())
        .map(|line| {
            view! {
                <tr>
                    <td class="table__number" data-label="No.">{line.place}</td>
                    <th scope="row" class="table__title">{lines::subject(line)}</th>
                    <td data-label="Team">{ui::or_dash(line.team.as_deref())}</td>
                    <td data-label="Since">{ui::time(line.since)}</td>
                    <td data-label="Last use">{lines::evidence(line, now)}</td>
                    <td data-label="Outcome">{lines::decision(line, now)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table table--compact">
                <caption class="visually-hidden">"Lines"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="table__number">"No."</th>
                        <th scope="col">"Who or what"</th>
                        <th scope="col">"Team"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col">"Last use"</th>
                        <th scope="col">"Outcome"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            list.items.len(),
            list.total,
            "line",
            list.previous.clone(),
            list.next.clone(),
            |cursor| format!("{PAGE}/{id}/report?cursor={cursor}"),
        )}
    }
    .into_any()
}

/// The signature, and how to check it without us.
fn verify(report: &Report, public_url: &str) -> AnyView {
    let id = report.review.id;
    let digest = report
        .statement
        .get("sha256")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let kid = report.kid.to_string();
    let keys = format!("{public_url}/api/v1/access-reviews/report-keys");
    let command = format!("sha256sum access-review-{id}.csv");
    view! {
        <section class="card" aria-labelledby="signature-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="signature-title">"Signature"</h2>
                    <p class="card__description">"Signed when the review closed; neither the file nor this changes any more."</p>
                </div>
            </header>
            <div class="card__body stack">
                <dl class="facts facts--stacked">
                    <div><dt>"SHA-256 of the CSV file"</dt><dd><code class="report__digest">{digest}</code></dd></div>
                    <div><dt>"Key"</dt><dd><code>{kid}</code></dd></div>
                </dl>
                <p>
                    "To verify: the file's digest must be the one above, which is "<code>"sha256"</code>" in the signed statement; and the statement must verify (a compact JWS, EdDSA) with the key of this id from "
                    <code class="report__digest">{keys}</code>", which keeps every key that ever signed a report."
                </p>
                {ui::code("digest-command", command, false)}
                {ui::code("jws", report.jws.clone(), true)}
            </div>
        </section>
    }
    .into_any()
}
