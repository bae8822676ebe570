//! `/admin/access-reviews`: reviews of memberships, roles and allowed services, and what came of them.

mod address;
mod lines;
mod new;
mod one;
mod questions;
mod report;

pub(crate) use address::Address;
use backend::{
    access_reviews::{self, ReviewQuery},
    waiting,
};
use chrono::{DateTime, Utc};
use domain::{
    ReviewState,
    views::{AccessReview, Page},
};
use leptos::prelude::*;
pub use new::new;
pub use one::one;
pub use report::report;

use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Error},
    ui,
};

/// The list's address.
pub const PAGE: &str = "/admin/access-reviews";
/// The form that starts one, in the session.
pub const FORM: &str = "access-review-new";
/// The forms that decide and end one, in the session.
pub const DECIDE: &str = "access-review-decide";

/// `/admin/access-reviews`.
pub fn list() -> impl IntoView {
    page(async {
        let state = ssr::query("state");
        let query = ReviewQuery {
            state: state.as_deref().map(str::parse::<ReviewState>).transpose()?,
            cursor: ssr::query("cursor"),
            ..ReviewQuery::default()
        };
        let mut ctx = ssr::read().await?;
        if !access_reviews::reads_somewhere(&ctx.caller) {
            return Err(Error::Forbidden(
                domain::Standing::default().refusal(domain::Permission::RequestsDecide),
            ));
        }
        let now = ctx.now;
        let starts = waiting::decides_somewhere(&ctx.caller);
        let list = access_reviews::list(&mut ctx, &query).await?;
        drop(ctx);
        let action = starts
            .then(|| view! { <a class="button button--primary" href=format!("{PAGE}/new")>{icon("plus")}"Start an access review"</a> })
            .into_any();
        let words = "Who is in which team and role, and what teams may use: looked at line by line, with the last use beside it.";
        let body = view! {
            {ui::page_header("Access reviews", None, Some(words.to_owned()), action)} {segments(state.as_deref())}
            {if list.items.is_empty() { nothing(state.is_some(), starts) } else { table(&list, state.as_deref(), now) }}
        };
        Ok(Rendered::new("Access reviews", body))
    })
}

/// The list's address with one state only, at a page.
fn with(state: Option<&str>, cursor: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("state", state), ("cursor", cursor)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() {
        PAGE.to_owned()
    } else {
        format!("{PAGE}?{query}")
    }
}

fn segments(current: Option<&str>) -> AnyView {
    let segment = |word: Option<&'static str>, label: &'static str| {
        view! { <a href=with(word, None) aria-current=(word == current).then_some("true")>{label}</a> }
    };
    view! {
        <div class="toolbar">
            <nav class="segmented" aria-label="Status">
                {segment(None, "All")} {segment(Some("open"), "Open")} {segment(Some("closed"), "Closed")}
                {segment(Some("cancelled"), "Cancelled")}
            </nav>
        </div>
    }
    .into_any()
}

fn nothing(filtered: bool, starts: bool) -> AnyView {
    if filtered {
        return ui::empty(
            "search",
            "Nothing fits",
            "No access review fits this filter.",
            Some(("Show all", PAGE)),
        );
    }
    let action = starts.then_some(("Start an access review", "/admin/access-reviews/new"));
    ui::empty(
        "shield",
        "No access reviews yet",
        "Once a quarter, look at who is in a team and what it may use: what is no longer needed is removed, and a signed report says what you found.",
        action,
    )
}

fn table(list: &Page<AccessReview>, state: Option<&str>, now: DateTime<Utc>) -> AnyView {
    let rows = list.items.iter().map(|review| row(review, now)).collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Access reviews"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Review"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Decided"</th>
                        <th scope="col">"Due"</th>
                        <th scope="col" class="table__optional">"Started"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            list.items.len(),
            list.total,
            "review",
            list.previous.clone(),
            list.next.clone(),
            |cursor| with(state, Some(cursor)),
        )}
    }
    .into_any()
}

fn row(review: &AccessReview, now: DateTime<Utc>) -> AnyView {
    let decided = review.keep + review.remove;
    view! {
        <tr class=(review.state == ReviewState::Cancelled).then_some("table__row--muted")>
            <th scope="row" class="table__title">
                <a class="link" href=format!("{PAGE}/{}", review.id)>{review.name.clone()}</a>
                <small class="table__sub">{format!("{} · {}", review.scope_name, review.covers())}</small>
            </th>
            <td class="table__state" data-label="Status">{badge(review.state)}</td>
            <td data-label="Decided">
                <span class="meter">
                    <progress
                        value=decided
                        max=review.lines.max(1)
                        aria-label=format!("{decided} of {} lines decided", review.lines)
                    ></progress>
                    <span>{format!("{decided} / {}", review.lines)}</span>
                </span>
            </td>
            <td data-label="Due">
                {if review.is_open() { ui::time_ahead(review.due_at, now) } else { ui::time(review.ended_at.unwrap_or(review.due_at)) }}
            </td>
            <td data-label="Started" class="table__optional">{ui::time_ago(review.created_at, now)}</td>
        </tr>
    }
    .into_any()
}

/// Where a review stands.
fn badge(state: ReviewState) -> AnyView {
    let class = match state {
        ReviewState::Open => "badge badge--info",
        ReviewState::Closing => "badge badge--warning",
        ReviewState::Closed => "badge badge--success",
        ReviewState::Cancelled => "badge",
    };
    view! { <span class=class>{state.label()}</span> }.into_any()
}
