//! The Default Team in numbers, on its Overview (SPEC C5).

use backend::default_team;
use domain::cost::grouped;
use leptos::prelude::*;

use super::Place;
use crate::{
    ssr::{Ctx, Result},
    ui,
};

/// The card; none on the page of another team.
pub(super) async fn card(ctx: &mut Ctx, place: &Place) -> Result<Option<AnyView>> {
    if !place.page.team.is_system {
        return Ok(None);
    }
    let stats = default_team::stats(ctx).await?;
    let of = stats.max_budget.map(|budget| format!(" of {}", ui::dollars(budget)));
    let used = match stats.bar() {
        Some((whole, share)) => view! {
            <div>
                <dt>"Budget used"</dt>
                <dd>{meter(whole, &share)}</dd>
            </div>
        }
        .into_any(),
        None => view! { <div><dt>"Budget used"</dt><dd><span class="none">"no budget"</span></dd></div> }.into_any(),
    };
    Ok(Some(
        view! {
            <section class="card" aria-labelledby="everyone-title">
                <header class="card__header">
                    <div>
                        <h2 class="card__title" id="everyone-title">"Statistics"</h2>
                        <p class="card__description">"Everyone belongs to this team from their first sign-in on."</p>
                    </div>
                </header>
                <div class="card__body">
                    <dl class="facts">
                        <div><dt>"Members"</dt><dd>{grouped(stats.member_count.into())}</dd></div>
                        <div><dt>"Active accounts"</dt><dd>{grouped(stats.active_users.into())}</dd></div>
                        <div><dt>"Spent by its keys"</dt><dd>{ui::dollars(stats.total_spend)}{of}</dd></div>
                        {used}
                    </dl>
                </div>
            </section>
        }
        .into_any(),
    ))
}

/// Per cent of the budget, as a bar with words.
fn meter(whole: u8, share: &str) -> AnyView {
    let class = match whole {
        100.. => "meter meter--full",
        80.. => "meter meter--near",
        _ => "meter",
    };
    view! {
        <span class=class>
            <progress value=whole.to_string() max="100" aria-label=format!("{share} of the budget")></progress>
            <span>{share.to_owned()}</span>
        </span>
    }
    .into_any()
}
