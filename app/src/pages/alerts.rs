//! `/admin/alerts`: what needs an operator now, and the notice of it on the dashboard.

use backend::alerts;
use chrono::{DateTime, Utc};
use domain::views::{Alert, AlertKind, AlertLevel};
use leptos::prelude::*;

use crate::{
    icon::icon,
    layout::{Rendered, page as layout},
    ssr, ui,
};

const PATH: &str = "/admin/alerts";

/// `/admin/alerts`.
pub fn page() -> impl IntoView {
    layout(async {
        let mut ctx = ssr::read().await?;
        let found = alerts::list(&mut ctx).await?;
        let now = ctx.now;
        drop(ctx);
        let header = ui::page_header(
            "Alerts",
            None,
            Some("What needs an operator now, of this whole installation.".to_owned()),
            view! {
                <a class="button" href=PATH title=format!("As of {}", ui::moment(now))>{icon("sync")}"Refresh"</a>
            }
            .into_any(),
        );
        let body = if found.is_empty() {
            ui::empty(
                "check-circle",
                "Nothing needs you",
                "Everything that is watched is as it should be, and nothing waits for a decision.",
                None,
            )
        } else {
            [AlertLevel::Critical, AlertLevel::Warning]
                .into_iter()
                .filter_map(|level| group(level, &found, now))
                .collect_view()
                .into_any()
        };
        Ok(Rendered::new("Alerts", view! { {header} {body} {watched()} }))
    })
}

/// The notice on the dashboard of those who see alerts; none while nothing needs them.
pub(super) fn notice(found: &[Alert]) -> Option<AnyView> {
    let first = found.first()?;
    let kind = match first.kind.level() {
        AlertLevel::Critical => "danger",
        AlertLevel::Warning => "warning",
    };
    let rest = found.len().saturating_sub(1);
    let more = (rest > 0).then(|| {
        format!(
            " And {} more.",
            ui::plural(rest.try_into().unwrap_or(i64::MAX), "alert")
        )
    });
    Some(ui::callout(
        kind,
        &first.title(),
        view! { <p>{first.kind.meaning()}{more}" "<a class="link" href=PATH>"All alerts"</a></p> }.into_any(),
    ))
}

fn word(level: AlertLevel) -> &'static str {
    match level {
        AlertLevel::Critical => "Critical",
        AlertLevel::Warning => "Warning",
    }
}

fn badge(level: AlertLevel) -> AnyView {
    let (class, sign) = match level {
        AlertLevel::Critical => ("badge badge--danger badge--sign", "blocked"),
        AlertLevel::Warning => ("badge badge--warning badge--sign", "warning"),
    };
    view! { <span class=class>{icon(sign)}{word(level)}</span> }.into_any()
}

/// The alerts of one level in a card; none without any.
fn group(level: AlertLevel, found: &[Alert], now: DateTime<Utc>) -> Option<AnyView> {
    let rows: Vec<AnyView> = found
        .iter()
        .filter(|alert| alert.kind.level() == level)
        .map(|alert| row(alert, now))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let description = match level {
        AlertLevel::Critical => "People cannot work, or a key works that should not.",
        AlertLevel::Warning => "It will become worse by itself, or somebody has to decide.",
    };
    let id = format!("alerts-{}", level.as_str());
    let labelled_by = id.clone();
    Some(
        view! {
            <section class="card" aria-labelledby=labelled_by>
                <header class="card__header">
                    <div>
                        <h2 class="card__title" id=id>{badge(level)}" "<span class="count">{rows.len()}</span></h2>
                        <p class="card__description">{description}</p>
                    </div>
                </header>
                <ul class="rows">{rows}</ul>
            </section>
        }
        .into_any(),
    )
}

fn row(alert: &Alert, now: DateTime<Utc>) -> AnyView {
    let title = alert.title();
    let since = alert
        .since
        .map(|since| view! { <span class="row__text">"Began "{ui::time_ago(since, now)}</span> });
    // Words of other systems look like what they are.
    let class = match alert.kind {
        AlertKind::DefaultTeamBudget | AlertKind::BudgetUsedUp | AlertKind::BudgetNear => "row__text",
        _ => "row__text mono",
    };
    let detail = alert
        .detail
        .clone()
        .map(|words| view! { <span class=class>{words}</span> });
    view! {
        <li class="row">
            <div class="row__main">
                <span class="row__title">{title.clone()}</span>
                <span class="row__text">{alert.kind.meaning()}</span>
                {detail}
                {since}
            </div>
            <a class="button button--small" href=alert.href()>
                {alert.kind.action()}<span class="visually-hidden">{format!(": {title}")}</span>
            </a>
        </li>
    }
    .into_any()
}

/// What is looked at, so that nothing said is worth something.
fn watched() -> AnyView {
    let rows = AlertKind::ALL.into_iter().map(|kind| {
        view! {
            <tr>
                <th scope="row" class="table__title">{ui::capitalised(kind.condition())}</th>
                <td class="table__state muted" data-label="Level">{word(kind.level())}</td>
            </tr>
        }
    });
    view! {
        <section class="section" aria-labelledby="watched-title">
            <h2 class="section__title" id="watched-title">"What is watched"</h2>
            <div class="table-wrap">
                <table class="table table--compact">
                    <caption class="visually-hidden">"What makes an alert"</caption>
                    <thead><tr><th scope="col">"An alert shows when"</th><th scope="col">"Level"</th></tr></thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
            <p class="muted">
                "Failures in a row are counted by each server process for itself. For alerts by mail or pager, have Prometheus scrape "
                <code>"/metrics"</code>"; rules and a dashboard come with Guildhall in "<code>"docs/monitoring"</code>"."
            </p>
        </section>
    }
    .into_any()
}
