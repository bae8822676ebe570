//! What keys spend, day by day (SPEC C8).

use std::time::Duration;

use backend::api_keys;
use domain::views::ApiKeyPage;
use rust_decimal::Decimal;
use secrecy::SecretString;

use super::House;
use crate::common::{refused, request};

impl House {
    async fn chat(&self, secret: &SecretString) {
        let body = r#"{"model": "fake-gpt", "messages": [{"role": "user", "content": "hello"}]}"#;
        assert_eq!(self.call("POST /chat/completions", secret, body).await, 200);
    }

    async fn read(&self) {
        api_keys::read_spending(&self.world.backend, Duration::ZERO)
            .await
            .expect("a database");
    }

    async fn page(&self, id: domain::KeyId) -> ApiKeyPage {
        self.world
            .ask(self.ada, async |ctx| api_keys::get(ctx, id).await)
            .await
            .expect("a key")
    }
}

fn cents(amount: i64) -> Decimal {
    Decimal::new(amount, 2)
}

fn today(page: &ApiKeyPage) -> Decimal {
    page.days.last().expect("30 days").spend.decimal()
}

#[tokio::test]
async fn c8_spending_is_litellms_and_the_days_add_up() {
    let house = House::new().await;
    house.litellm.set_call_spend(0.25);
    let (key, secret) = house.ready(house.ada, "one").await;
    house.chat(&secret).await;
    house.read().await;
    house.read().await;
    house.chat(&secret).await;
    house.read().await;
    let page = house.page(key.id).await;
    assert_eq!(
        (page.key.spend.decimal(), today(&page), page.days.len()),
        (cents(50), cents(50), 30)
    );
    assert!(page.key.spend_at.is_some());

    let reset = async |by| {
        let caller = house.world.caller(by).await;
        api_keys::reset_spend(&house.world.backend, caller, request(), key.id).await
    };
    refused(reset(house.ada).await, "FORBIDDEN", "Insufficient permissions");
    assert_eq!(reset(house.boss).await.unwrap().spend.decimal(), Decimal::ZERO);
    house.chat(&secret).await;
    house.read().await;
    let page = house.page(key.id).await;
    assert_eq!(
        (page.key.spend.decimal(), today(&page)),
        (cents(25), cents(75)),
        "what was spent stays spent"
    );
    house.litellm.stop().await;
    house.read().await;
    assert_eq!(
        house.page(key.id).await.key.spend.decimal(),
        cents(25),
        "nothing is lost while LiteLLM is away"
    );
}

#[tokio::test]
async fn c8_one_process_reads_spending_at_a_time() {
    let house = House::new().await;
    house.litellm.set_call_spend(0.25);
    let (key, secret) = house.ready(house.ada, "one").await;
    house.chat(&secret).await;
    let reads = (0..8).map(|_| api_keys::read_spending(&house.world.backend, Duration::ZERO));
    futures_util::future::join_all(reads).await;
    assert_eq!(today(&house.page(key.id).await), cents(25));
    let calls = house.litellm.calls_of("GET /key/list");
    api_keys::read_spending(&house.world.backend, Duration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(
        house.litellm.calls_of("GET /key/list"),
        calls,
        "it was read a moment ago"
    );
}
