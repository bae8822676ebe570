//! What a team's runners cost this month, on its Overview.

use backend::cost::{self, CostQuery};
use domain::{
    cost::{grouped, minutes},
    views::TeamPage,
};
use leptos::prelude::*;

use crate::ssr::{Ctx, Result};

/// The card of a team; none for someone to whom the team is closed.
pub async fn this_month(ctx: &mut Ctx, page: &TeamPage) -> Result<Option<AnyView>> {
    if !page.open || !cost::may_see(&ctx.caller) {
        return Ok(None);
    }
    let query = CostQuery {
        team: Some(page.team.id),
        limit: 1,
        ..CostQuery::default()
    };
    let report = cost::report(ctx, &query).await?;
    let sum = report.total;
    Ok(Some(
        view! {
            <section class="card" aria-labelledby="cost-title">
                <header class="card__header"><h2 class="card__title" id="cost-title">"This month"</h2></header>
                <div class="card__body">
                    <dl class="facts">
                        <div><dt>"Runner minutes"</dt><dd>{grouped(minutes(sum.seconds))}</dd></div>
                        <div><dt>"Jobs"</dt><dd>{grouped(sum.jobs.into())}</dd></div>
                        <div>
                            <dt>"Cost of runners"</dt>
                            <dd>{crate::ui::money(sum.money(), &report.currency)}</dd>
                        </div>
                    </dl>
                </div>
                <footer class="card__footer">
                    <a class="link" href=format!("/admin/cost?team_id={}", page.team.id)>"Cost by day and project"</a>
                </footer>
            </section>
        }
        .into_any(),
    ))
}
