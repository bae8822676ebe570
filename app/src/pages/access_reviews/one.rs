//! `/admin/access-reviews/{review}`: its lines, what was decided, and what is left to do.

use backend::access_reviews;
use chrono::{DateTime, Utc};
use domain::{
    LineKind, ReviewId, ReviewState, Silence,
    views::{ReviewCounts, ReviewPage},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{Address, DECIDE, PAGE, badge, lines, questions};
use crate::{
    forms,
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Error},
    ui::{
        self,
        chart::{Part, ShareBar, Tone, Value, share_bar},
    },
};

/// `/admin/access-reviews/{review}`.
pub fn one() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("review").unwrap_or_default());
    page(async move {
        let id: ReviewId = key.parse().map_err(|_| Error::not_found("Access review", &key))?;
        let address = Address::read(id);
        let query = address.query()?;
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let page = access_reviews::get(&mut ctx, id).await?;
        let (_, list) = access_reviews::lines(&mut ctx, id, &query).await?;
        drop(ctx);
        let state = forms::take(DECIDE).await;
        let review = &page.review;
        let words = format!(
            "{} of {}, as they were on {}",
            review.covers(),
            review.scope_name,
            ui::moment(review.created_at)
        );
        let body = view! {
            {ui::page_header(&review.name, Some(badge(review.state)), Some(words), actions(&page, &address))}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            {banner(&page, now)}
            {progress(&page, now)}
            {lines::toolbar(&page, &address)}
            {lines::table(&page, &list, &address, now)}
            {questions::asked(&page, &list, &address, &state)}
        };
        Ok(Rendered::new(review.name.clone(), body).under("Access reviews", PAGE))
    })
}

fn actions(page: &ReviewPage, address: &Address) -> AnyView {
    let ask = |class: &'static str, question: &'static str, words: &'static str| {
        view! { <a class=class href=address.and(&[("confirm", question)])>{words}</a> }
    };
    match page.review.state {
        ReviewState::Open if page.manages => view! {
            {ask("button", "remind", "Remind")} {ask("button button--danger-quiet", "cancel", "Cancel review…")}
            {ask("button button--primary", "close", "Close review…")}
        }
        .into_any(),
        ReviewState::Closed if page.whole => {
            let report = format!("{PAGE}/{}/report", page.review.id);
            view! { <a class="button button--primary" href=report>{icon("book")}"Report"</a> }.into_any()
        }
        _ => ().into_any(),
    }
}

/// What is to know now: that it is due, that removals are being made, what came of it.
fn banner(page: &ReviewPage, now: DateTime<Utc>) -> AnyView {
    let review = &page.review;
    let silence = match review.silence {
        Silence::Keep => "is kept",
        Silence::Remove => "is removed",
    };
    match review.state {
        ReviewState::Open if review.undecided() > 0 => {
            let left = (review.due_at - now).num_days();
            let kind = if left < 7 { "warning" } else { "info" };
            let title = format!("Due {}: {}", ui::ahead(review.due_at, now), ui::plural(review.undecided(), "undecided line"));
            let waits = match page.mine {
                0 => "None of them waits for you.".to_owned(),
                1 => "One of them waits for you.".to_owned(),
                n => format!("{n} of them wait for you."),
            };
            let reminded = review.reminded_by.clone().zip(review.reminded_at).map(|(by, at)| {
                view! { " "{by}" reminded the reviewers "{ui::time_ago(at, now)}"." }
            });
            let text = format!("{waits} On {} the review closes, and what nobody decided {silence}.", ui::moment(review.due_at));
            ui::callout(kind, &title, view! { <p>{text}{reminded}</p> }.into_any())
        }
        ReviewState::Open => ui::callout(
            "success",
            "Everything is decided",
            view! { <p>"Close the review to make the removals and sign the report."</p> }.into_any(),
        ),
        ReviewState::Closing => ui::callout(
            "info",
            "The removals are being made",
            view! { <p>"The report is signed when the last one is done. "<a class="link" href=ssr::path_and_query()>"Look again"</a></p> }
                .into_any(),
        ),
        ReviewState::Closed => {
            let refused: i64 = page.counts.iter().map(|counts| counts.refused).sum();
            if refused == 0 {
                return ().into_any();
            }
            ui::callout(
                "warning",
                &format!("{} not made", ui::plural(refused, "removal")),
                view! { <p>"A rule refused them, such as that a team keeps its last admin. Each line says why."</p> }.into_any(),
            )
        }
        ReviewState::Cancelled => ui::callout(
            "info",
            "This review was cancelled",
            view! { <p>"Nothing was removed, and there is no report."</p> }.into_any(),
        ),
    }
}

/// What people call lines of a kind.
fn noun(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Membership => "membership",
        LineKind::OrganizationRole => "organization role",
        LineKind::Service => "service",
    }
}

fn part(name: &str, tone: Tone, count: i64) -> Part {
    let Value { size, text } = Value::count(count);
    Part {
        name: name.to_owned(),
        tone,
        size,
        text,
    }
}

fn progress(page: &ReviewPage, now: DateTime<Utc>) -> AnyView {
    let sum = |of: fn(&ReviewCounts) -> i64| page.counts.iter().map(of).sum::<i64>();
    let (lines, keep, remove) = (
        sum(|counts| counts.lines),
        sum(|counts| counts.keep),
        sum(|counts| counts.remove),
    );
    let ended = matches!(page.review.state, ReviewState::Closing | ReviewState::Closed);
    let parts = if ended {
        vec![
            part("Kept", Tone::Good, keep),
            part("Removed", Tone::Bad, sum(|counts| counts.removed)),
            part("Already gone", Tone::Open, sum(|counts| counts.gone)),
            part("Not removed", Tone::Series(3), sum(|counts| counts.refused)),
        ]
    } else {
        vec![
            part("Keep", Tone::Good, keep),
            part("Remove", Tone::Bad, remove),
            part("Undecided", Tone::Open, sum(ReviewCounts::undecided)),
        ]
    };
    let kinds: Vec<String> = (page.counts.iter())
        .map(|counts| ui::plural(counts.lines, noun(counts.kind)))
        .collect();
    let scope = if page.whole { "" } else { " of your teams" };
    let bar = ShareBar {
        id: "progress",
        title: "Progress",
        summary: format!(
            "{} of {lines} lines{scope} decided: {}.",
            keep + remove,
            kinds.join(", ")
        ),
        parts,
        limit: None,
        when_empty: "Lines are made when a review starts.",
    };
    let review = &page.review;
    let ended = review.ended_by.clone().zip(review.ended_at).map(|(by, at)| {
        view! { <div><dt>"Ended"</dt><dd>{ui::time_ago(at, now)}" by "{by}</dd></div> }
    });
    view! {
        <section class="card" aria-labelledby="about-title">
            <header class="card__header"><h2 class="card__title" id="about-title">"About this review"</h2></header>
            <div class="card__body">
                {share_bar(&bar)}
                <dl class="facts">
                    <div><dt>"Started"</dt><dd>{ui::time_ago(review.created_at, now)}" by "{review.starter.clone()}</dd></div>
                    <div><dt>"Due"</dt><dd>{ui::moment(review.due_at)}</dd></div>
                    <div><dt>"What nobody decides"</dt><dd>{match review.silence { Silence::Keep => "is kept", Silence::Remove => "is removed" }}</dd></div>
                    {ended}
                </dl>
            </div>
        </section>
    }
    .into_any()
}
