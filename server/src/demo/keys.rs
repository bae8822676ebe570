//! Keys for models, made by the demo's people at the simulated LiteLLM, and used a little.

use std::{sync::Arc, time::Duration};

use backend::{
    Backend, Caller, Ctx, Method, Principal, RequestInfo, Result,
    api_keys::{self, LimitsInput, Made, NewApiKeyInput},
    identity, litellm,
};
use domain::{Email, UserRef};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::data::NAME;

/// Who has which key, for which model, with what budget, and how often it was used.
const KEYS: &[(&str, &str, &str, i64, usize)] = &[
    ("max@acme.example", "Code review bot", "claude-sonnet", 5, 9),
    ("tess@acme.example", "Nightly summaries", "gpt-4o-mini", 25, 4),
];

/// Makes them. The demo starts without LiteLLM, too, so a failure here is only said.
pub(super) async fn seed(backend: &Backend) -> Result<()> {
    litellm::register(backend).await?;
    for (email, name, model, budget, calls) in KEYS {
        if let Err(error) = one(backend, email, name, model, *budget, *calls).await {
            tracing::warn!(%error, key = name, "the demo goes on without this key");
        }
    }
    api_keys::read_spending(backend, Duration::ZERO).await.map(drop)
}

async fn one(backend: &Backend, email: &str, name: &str, model: &str, budget: i64, calls: usize) -> Result<()> {
    let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
    let (id, _) = identity::find(&mut ctx, &UserRef::Email(Email::parse(email)?)).await?;
    drop(ctx);
    let caller = Caller::Person(Arc::new(Principal::load(&backend.pool, id).await?), Method::Session);
    let input = NewApiKeyInput {
        name: name.to_owned(),
        limits: LimitsInput {
            model_ids: Some(vec![model.to_owned()]),
            max_budget: Some(Some(Decimal::from(budget))),
            budget_duration: Some(Some("monthly".to_owned())),
            ..LimitsInput::default()
        },
        ..NewApiKeyInput::default()
    };
    let made = api_keys::create(backend, caller, RequestInfo::default(), input.parse()?).await?;
    if let Made::Ready(_, secret) = made
        && let Some(instance) = backend.litellm.get(None)
    {
        for _ in 0..calls {
            // What is not spent is only not shown.
            if let Err(error) = chat(&instance.url, &secret, model).await {
                tracing::warn!(%error, "the demo's key was not used");
            }
        }
    }
    Ok(())
}

/// One question to the simulated LiteLLM, on this machine.
async fn chat(url: &str, secret: &SecretString, model: &str) -> std::io::Result<()> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let body = serde_json::json!({"model": model, "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let request = format!(
        "POST /chat/completions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
        content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        secret.expose_secret(),
        body.len(),
    );
    stream.write_all(request.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}
