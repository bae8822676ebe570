//! What a minute costs, by label.

use backend::cost;
use domain::views::{LabelPrice, LabelPrices};
use leptos::prelude::*;

use crate::{
    forms,
    layout::{Rendered, page},
    ssr,
    ui::{self, Field},
};

/// `/admin/cost/prices`.
pub fn prices() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let list = cost::list_prices(&mut ctx).await?;
        let (sets, now) = (cost::may_set_prices(&ctx.caller), ctx.now);
        drop(ctx);
        let state = forms::take("prices").await;
        let header = ui::page_header(
            "Prices",
            None,
            Some(format!(
                "What a minute on a runner costs, in {}. A job costs the highest price among its runner's labels when it started.",
                list.currency
            )),
            ().into_any(),
        );
        let body = sets.then(|| form(&list, &state));
        let current = current(&list, now);
        Ok(Rendered::new("Prices", view! { {header} {body} {current} })
            .under("Cost", "/admin/cost")
            .narrow())
    })
}

fn form(list: &LabelPrices, state: &forms::FormState) -> AnyView {
    let default = list
        .default
        .as_ref()
        .map(|price| price.price.to_string())
        .unwrap_or_default();
    let lines: Vec<String> = (list.labels.iter())
        .map(|price| format!("{} = {}", price.label, price.price))
        .collect();
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <form class="card" method="post" action="/actions/cost/prices">
            <header class="card__header">
                <div>
                    <h2 class="card__title">"Change prices"</h2>
                    <p class="card__description">"From now on: jobs that have started keep their price."</p>
                </div>
            </header>
            <div class="card__body stack">
                {Field {
                    name: "default_price",
                    label: "Default price per minute",
                    hint: "For runners without a priced label. Leave empty to charge nothing for them.",
                    current: &default,
                    placeholder: "0.008",
                    ..Field::default()
                }
                    .view(state)}
                {ui::text_area(
                    state,
                    "prices",
                    "Prices of labels",
                    "One label per line with its price per minute, like: gpu = 0.07. A label that is not here has no price any more.",
                    &lines.join("\n"),
                )}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}

/// The prices in effect, as everyone who sees them reads them.
fn current(list: &LabelPrices, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    if list.default.is_none() && list.labels.is_empty() {
        return ui::empty(
            "budget",
            "No prices yet",
            "Minutes are counted from the start; with prices they also cost something. Only the first prices may begin in the past, by the API's valid_from.",
            None,
        );
    }
    let row = |price: &LabelPrice| {
        let label = if price.label.is_empty() {
            view! { "All other runners" }.into_any()
        } else {
            view! { <code>{price.label.clone()}</code> }.into_any()
        };
        view! {
            <tr>
                <th scope="row" class="table__title">{label}</th>
                <td class="table__number" data-label="Per minute">{price.price.to_string()}</td>
                <td data-label="Since">{ui::time_ago(price.since, now)}</td>
            </tr>
        }
    };
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Prices in effect"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Label"</th>
                        <th scope="col" class="table__number">{format!("Per minute, {}", list.currency)}</th>
                        <th scope="col">"Since"</th>
                    </tr>
                </thead>
                <tbody>{list.default.iter().chain(&list.labels).map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
