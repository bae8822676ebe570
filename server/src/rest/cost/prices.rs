//! `/api/v1/admin/label-prices`.

use std::fmt;

use axum::response::Response;
use backend::cost::{self, NewPrices};
use chrono::{DateTime, Utc};
use domain::views;
use http::StatusCode;
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    problem::Problem,
    rest::{
        body::Json,
        call::{Call, json},
    },
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_label_prices, put_label_prices))
}

/// A price per minute: a decimal text, or a number, which is taken as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Price(Decimal);

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Price;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a decimal text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Price, E> {
                let price = text.trim().parse();
                price
                    .map(Price)
                    .map_err(|_| E::custom("must be a decimal number like 0.008"))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Price, E> {
                // The shortest text that reads as this number is the one that the client wrote.
                self.visit_str(&number.to_string())
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Price, E> {
                Ok(Price(number.into()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Price, E> {
                Ok(Price(number.into()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// The prices of runner minutes that are in effect.
#[derive(Debug, Serialize, ToSchema)]
struct LabelPrices {
    /// ISO code.
    #[schema(example = "USD")]
    currency: String,
    /// Per minute, for runners without a priced label; null: they cost nothing.
    #[schema(example = "0.008")]
    default_price: Option<String>,
    prices: Vec<LabelPrice>,
}

/// The price of a label.
#[derive(Debug, Serialize, ToSchema)]
struct LabelPrice {
    /// In lower case: labels compare without regard to case.
    #[schema(example = "gpu")]
    label: String,
    /// A decimal text.
    #[schema(example = "0.07")]
    price_per_minute: String,
    /// Since when it is in effect.
    valid_from: DateTime<Utc>,
}

impl From<views::LabelPrices> for LabelPrices {
    fn from(list: views::LabelPrices) -> Self {
        Self {
            currency: list.currency,
            default_price: list.default.map(|price| price.price.to_string()),
            prices: list
                .labels
                .into_iter()
                .map(|price| LabelPrice {
                    label: price.label,
                    price_per_minute: price.price.to_string(),
                    valid_from: price.since,
                })
                .collect(),
        }
    }
}

/// A whole list of prices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"default_price": "0.008", "prices": [{"label": "gpu", "price_per_minute": "0.07"}]}))]
struct NewLabelPrices {
    /// Per minute, for runners without a priced label; null: they cost nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    default_price: Option<Price>,
    /// At most 200. Labels that are left out have no price any more.
    prices: Vec<NewLabelPrice>,
    /// From when on; now unless given. Only the first list may begin in the past.
    #[serde(default)]
    valid_from: Option<DateTime<Utc>>,
}

/// The price that a label shall have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLabelPrice {
    label: String,
    /// From 0 to 10000, with at most 6 decimals.
    #[schema(value_type = String)]
    price_per_minute: Price,
}

/// Read the prices of runner minutes
#[utoipa::path(
    get,
    path = "/admin/label-prices",
    tag = "Cost",
    responses(
        (status = 200, description = "The prices in effect", body = LabelPrices),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors see the list of prices"),
    )
)]
async fn get_label_prices(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let prices = cost::list_prices(&mut ctx).await?;
    drop(ctx);
    json(StatusCode::OK, &LabelPrices::from(prices))
}

/// Replace the prices of runner minutes
///
/// From now on. Jobs that have started keep the price that was in effect when they did.
#[utoipa::path(
    put,
    path = "/admin/label-prices",
    tag = "Cost",
    request_body = NewLabelPrices,
    responses(
        (status = 200, description = "The prices in effect", body = LabelPrices),
        (status = 403, description = "`FORBIDDEN`: only super admins set prices"),
    )
)]
async fn put_label_prices(call: Call, Json(body): Json<NewLabelPrices>) -> Result<Response, Problem> {
    let new = NewPrices {
        default: body.default_price.map(|price| price.0),
        labels: body
            .prices
            .into_iter()
            .map(|price| (price.label, price.price_per_minute.0))
            .collect(),
        valid_from: body.valid_from,
    };
    let mut ctx = call.write().await?;
    let prices = cost::set_prices(&mut ctx, &new).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &LabelPrices::from(prices))
}
