//! What keys spend, day by day (SPEC C8).

use std::time::Duration;

use backend::api_keys;
use domain::views::ApiKeyPage;
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

fn today(page: &ApiKeyPage) -> f64 {
    page.days.last().expect("30 days").spend.to_f64()
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
    assert_eq!((page.key.spend.to_f64(), today(&page), page.days.len()), (0.5, 0.5, 30));
    assert!(page.key.spend_at.is_some());

    let reset = async |by| {
        let caller = house.world.caller(by).await;
        api_keys::reset_spend(&house.world.backend, caller, request(), key.id).await
    };
    refused(reset(house.ada).await, "FORBIDDEN", "Insufficient permissions");
    assert_eq!(reset(house.boss).await.unwrap().spend.to_f64(), 0.0);
    house.chat(&secret).await;
    house.read().await;
    let page = house.page(key.id).await;
    assert_eq!(
        (page.key.spend.to_f64(), today(&page)),
        (0.25, 0.75),
        "what was spent stays spent"
    );
    house.litellm.stop().await;
    house.read().await;
    assert_eq!(
        house.page(key.id).await.key.spend.to_f64(),
        0.25,
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
    assert_eq!(today(&house.page(key.id).await), 0.25);
    let calls = house.litellm.calls_of("GET /key/list");
    api_keys::read_spending(&house.world.backend, Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(
        house.litellm.calls_of("GET /key/list"),
        calls,
        "it was read a moment ago"
    );
}
