//! What runners cost: a period, a chart of its days, teams with their projects, and the prices.

mod card;
mod days;
mod period;
mod prices;
mod table;

use backend::cost::{self, CostQuery};
use domain::{
    cost::{grouped, minutes},
    views::{CostOverview, CostSum},
};
use leptos::prelude::*;

pub use card::this_month;
pub use prices::prices;

use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr, ui,
};
use period::Period;

/// `/admin/cost`.
pub fn cost() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let period = Period::read(now);
        let query = CostQuery {
            from: Some(period.from),
            to: Some(period.to),
            organization: period.organization,
            team: period.team,
            ..CostQuery::default()
        };
        // A period that makes no sense is said beside its fields; everything else is the backend's to refuse.
        let loaded = match period.wrong {
            Some(_) => {
                ssr::set_status(422);
                None
            }
            None => Some(cost::overview(&mut ctx, &query).await?),
        };
        let (sets, reads) = (cost::may_set_prices(&ctx.caller), sees_prices(&ctx));
        drop(ctx);
        let team = loaded.as_ref().and_then(|loaded| narrowed(loaded, &period));
        let header = ui::page_header(
            "Cost",
            None,
            Some(match &team {
                Some(name) => format!("Runner minutes of {name} and what they cost."),
                None => "Runner minutes of the teams that you see, and what they cost.".to_owned(),
            }),
            view! {
                {reads
                    .then(|| {
                        view! {
                            <a class="button" href="/admin/cost/prices">
                                {icon("settings")}{if sets { "Edit prices" } else { "Prices" }}
                            </a>
                        }
                    })}
                {loaded
                    .is_some()
                    .then(|| {
                        view! { <a class="button" href=period.csv() download="">{icon("download")}"Download CSV"</a> }
                    })}
            }
            .into_any(),
        );
        let picker = period.view();
        let body = loaded.map(|loaded| report(&loaded, &period, sets));
        Ok(Rendered::new("Cost", view! { {header} {picker} {body} }))
    })
}

/// Whether someone sees the list of prices: who sets them, and auditors of the installation.
fn sees_prices(ctx: &ssr::Ctx) -> bool {
    cost::may_set_prices(&ctx.caller) || ctx.person().is_ok_and(|person| person.auditor)
}

/// The team that the report is narrowed to, by name, when it has cost anything.
fn narrowed(loaded: &CostOverview, period: &Period) -> Option<String> {
    period.team?;
    let team = loaded.teams.rows.first()?.team.as_ref()?;
    Some(team.name.clone())
}

fn report(loaded: &CostOverview, period: &Period, sets: bool) -> AnyView {
    let total = loaded.report.total;
    if total.jobs == 0 && total.running_jobs == 0 {
        return ui::empty(
            "budget",
            "No runner minutes in this period",
            "Minutes are counted when GitHub's workflow_job webhook tells that a job on one of our runners has completed.",
            Some(("Show this month", "/admin/cost")),
        );
    }
    let unpriced = total.jobs > 0 && total.amount.is_zero();
    view! {
        {unpriced.then(|| hint(sets))}
        {stats(&total, &loaded.report.currency)}
        <div class="card"><div class="card__body">{days::chart(loaded, period)}</div></div>
        {table::table(loaded)}
    }
    .into_any()
}

fn hint(sets: bool) -> AnyView {
    let body = if sets {
        view! { <p>"Minutes are counted already. "<a class="link" href="/admin/cost/prices">"Set prices"</a>" to see what they cost."</p> }
            .into_any()
    } else {
        view! { <p>"Minutes are counted already. A super admin can set prices."</p> }.into_any()
    };
    ui::callout("info", "These minutes have no price", body)
}

fn stats(total: &CostSum, currency: &str) -> AnyView {
    view! {
        <section class="stats" aria-label="Totals">
            <div class="stat">
                <span class="stat__label">"Cost"</span>
                <span class="stat__value">{ui::money(total.money(), currency)}</span>
                <span class="stat__note">"at the prices when jobs started"</span>
            </div>
            <div class="stat">
                <span class="stat__label">"Minutes"</span>
                <span class="stat__value">{grouped(minutes(total.seconds))}</span>
                <span class="stat__note">"to the second, not rounded up"</span>
            </div>
            <div class="stat">
                <span class="stat__label">"Jobs"</span>
                <span class="stat__value">{grouped(total.jobs.into())}</span>
                <span class="stat__note">"completed in the period"</span>
            </div>
            <div class="stat">
                <span class="stat__label">"Running now"</span>
                <span class="stat__value">{grouped(total.running_jobs.into())}</span>
                <span class="stat__note">{if total.running_jobs == 0 {
                        "no job at the moment".to_owned()
                    } else {
                        format!("for {} minutes, not in the cost yet", grouped(minutes(total.running_seconds)))
                    }}</span>
            </div>
        </section>
    }
    .into_any()
}
