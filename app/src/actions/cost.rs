//! What runners cost.

use backend::cost::{self, NewPrices};
use domain::{Fields, Money, cost::Prices};
use leptos::prelude::*;

use crate::{
    forms::{ApiError, Done, Sent},
    ssr::Error,
};

/// Replaces the prices of labels.
#[server(prefix = "/actions", endpoint = "cost/prices")]
pub async fn set_prices(
    #[server(default)] default_price: String,
    #[server(default)] prices: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: "prices",
        values: &[("default_price", &default_price), ("prices", &prices)],
        back: "/admin/cost/prices",
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let default = fields.take(Money::read("default_price", &default_price));
        let labels = Prices::read_lines(&prices).unwrap_or_else(|errors| {
            for error in errors {
                fields.push(error);
            }
            Vec::new()
        });
        fields.finish().map_err(Error::Invalid)?;
        let new = NewPrices {
            default: default.flatten(),
            labels,
            valid_from: None,
        };
        cost::set_prices(ctx, &new).await?;
        Ok(Done::new("/admin/cost/prices", "The prices are in effect from now on."))
    })
    .await
}
