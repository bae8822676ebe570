//! What a minute costs, by label: a list that is replaced as a whole, and kept as it was for what is past.

use chrono::{DateTime, Utc};
use domain::{
    Money, Permission, Standing,
    cost::Prices,
    views::{LabelPrice, LabelPrices},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::require_prices;
use crate::{Caller, Ctx, Error, Result, audit, scope::Scope};

/// Keeps two changes of the list apart.
const LOCK: i64 = 0x0063_6f73_7400;

/// A list of prices as it shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewPrices {
    /// For runners without a priced label.
    pub default: Option<Decimal>,
    /// By label.
    pub labels: Vec<(String, Decimal)>,
    /// From when on; now unless given. Only the first list may begin in the past.
    pub valid_from: Option<DateTime<Utc>>,
}

/// Whether someone sets prices.
pub fn may_set_prices(caller: &Caller) -> bool {
    match caller {
        Caller::Person(person, _) => Standing {
            super_admin: person.super_admin,
            ..Standing::default()
        }
        .may(Permission::InstallationManage),
        Caller::Machine(_) => false,
        Caller::System(..) => true,
    }
}

/// The prices that are in effect now, for super_admins and auditors.
///
/// # Errors
/// 403 for everybody else.
pub async fn list_prices(ctx: &mut Ctx) -> Result<LabelPrices> {
    if !Scope::of(&ctx.caller).all {
        require_prices(&ctx.caller)?;
    }
    current(ctx).await
}

async fn current(ctx: &mut Ctx) -> Result<LabelPrices> {
    let now = ctx.now;
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (label) label, price, valid_from FROM runner_label_prices
        WHERE valid_from <= $1 ORDER BY label, valid_from DESC"#,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    let ever = !rows.is_empty();
    let (default, labels) = rows
        .into_iter()
        .filter_map(|row| {
            Some(LabelPrice {
                label: row.label,
                price: Money::trusted(row.price?),
                since: row.valid_from,
            })
        })
        .partition::<Vec<_>, _>(|price| price.label.is_empty());
    Ok(LabelPrices {
        currency: ctx.backend.settings.currency.clone(),
        default: default.into_iter().next(),
        labels,
        ever,
    })
}

/// Replaces the list of prices from now on. What was priced before keeps its price.
///
/// # Errors
/// 403 for everybody but super_admins; 422 for a list that breaks rules, and for a beginning in the future or, when
/// there have been prices, in the past.
pub async fn set_prices(ctx: &mut Ctx, new: &NewPrices) -> Result<LabelPrices> {
    require_prices(&ctx.caller)?;
    let prices = Prices::parse(new.default, &new.labels).map_err(Error::Invalid)?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK)
        .execute(ctx.connection())
        .await?;
    let before = current(ctx).await?;
    let now = ctx.now;
    let from = new.valid_from.unwrap_or(now);
    if from > now || (from < now && before.ever) {
        return Err(Error::invalid(
            "valid_from",
            "must not be in the future; in the past only for the first list, so that what is past keeps its price",
        ));
    }
    let after: Vec<(String, Option<Decimal>)> = changes(&before, &prices);
    if !after.is_empty() {
        write(ctx, &after, from).await?;
        let entry = audit::Entry::new("prices.update", "prices", Uuid::nil(), "Runner prices");
        let entry = entry.change(fields(before.default.as_ref(), &before.labels), as_json(&prices));
        audit::record(ctx, entry).await?;
    }
    current(ctx).await
}

async fn write(ctx: &mut Ctx, changed: &[(String, Option<Decimal>)], from: DateTime<Utc>) -> Result<()> {
    let labels: Vec<String> = changed.iter().map(|(label, _)| label.clone()).collect();
    let amounts: Vec<Option<Decimal>> = changed.iter().map(|(_, price)| *price).collect();
    let by = ctx.caller.user_id().map(|id| id.0);
    sqlx::query!(
        "INSERT INTO runner_label_prices (label, price, valid_from, created_by)
        SELECT label, price, $3, $4 FROM unnest($1::text[], $2::numeric[]) AS new(label, price)
        ON CONFLICT (label, valid_from) DO UPDATE SET price = excluded.price, created_by = excluded.created_by",
        &labels,
        &amounts as &[Option<Decimal>],
        from,
        by,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// The labels whose price becomes another one; none where it ends.
fn changes(before: &LabelPrices, new: &Prices) -> Vec<(String, Option<Decimal>)> {
    let known = before.default.iter().chain(&before.labels);
    let known: Vec<(&str, Decimal)> = known
        .map(|price| (price.label.as_str(), price.price.decimal()))
        .collect();
    let default = new.default.map(|price| (String::new(), price));
    let wanted: Vec<(String, Decimal)> = default
        .into_iter()
        .chain(new.labels.iter().cloned())
        .map(|(label, price)| (label, price.decimal()))
        .collect();
    let ended = known
        .iter()
        .filter(|(label, _)| !wanted.iter().any(|(wanted, _)| wanted == label))
        .map(|(label, _)| ((*label).to_owned(), None));
    let other = wanted
        .iter()
        .filter(|(label, price)| !known.contains(&(label.as_str(), *price)))
        .map(|(label, price)| (label.clone(), Some(*price)));
    ended.chain(other).collect()
}

fn fields(default: Option<&LabelPrice>, labels: &[LabelPrice]) -> Value {
    let mut map: Map<String, Value> = (labels.iter())
        .map(|price| (price.label.clone(), json!(price.price.to_string())))
        .collect();
    let default = default.map(|price| price.price.to_string());
    map.insert("default".to_owned(), json!(default));
    Value::Object(map)
}

fn as_json(prices: &Prices) -> Value {
    let mut map: Map<String, Value> = (prices.labels.iter())
        .map(|(label, price)| (label.clone(), json!(price.to_string())))
        .collect();
    map.insert(
        "default".to_owned(),
        json!(prices.default.map(|price| price.to_string())),
    );
    Value::Object(map)
}
