//! A simulator of a version, and a client that does not wait long.

use std::time::Duration;

use domain::Money;
use integrations::litellm::{Config, KeySpec, LiteLlm, TeamSpec, UserSpec};
use rust_decimal::Decimal;
use simulators::litellm::{LiteLlmSimulator, Version};

/// The versions that answers were recorded of.
pub const RECORDED: [Version; 2] = [Version::V1_108_7, Version::V1_101_6];
/// Those, and the one that is different from both.
pub const ALL: [Version; 3] = [Version::V1_108_7, Version::V1_101_6, Version::V1_75_9];

pub fn config(simulator: &LiteLlmSimulator) -> Config {
    let mut config = Config::new("test", simulator.url(), simulator.master_key().into());
    config.timeout = Duration::from_secs(2);
    config.retry_delay = Duration::from_millis(5);
    config.breaker_open = Duration::from_millis(300);
    config
}

pub async fn start(version: Version) -> (LiteLlmSimulator, LiteLlm) {
    let simulator = LiteLlmSimulator::start(version).await.expect("a free port");
    let litellm = LiteLlm::new(config(&simulator)).expect("a good configuration");
    (simulator, litellm)
}

pub fn money(cents: i64) -> Money {
    Money::trusted(Decimal::new(cents, 2))
}

pub fn team(id: &str) -> TeamSpec {
    TeamSpec {
        id: id.to_owned(),
        alias: format!("Team {id}"),
        ..TeamSpec::default()
    }
}

pub fn user(id: &str, teams: &[&str]) -> UserSpec {
    UserSpec {
        id: id.to_owned(),
        email: Some(format!("{id}@example.com")),
        role: "internal_user".to_owned(),
        teams: teams.iter().map(|&team| team.to_owned()).collect(),
        ..UserSpec::default()
    }
}

pub fn key(alias: &str) -> KeySpec {
    KeySpec {
        alias: alias.to_owned(),
        user_id: "u".to_owned(),
        team_id: "t".to_owned(),
        ..KeySpec::default()
    }
}

/// A team `t` with a user `u` in it.
pub async fn start_with_user(version: Version) -> (LiteLlmSimulator, LiteLlm) {
    let (simulator, litellm) = start(version).await;
    litellm.create_team(&team("t")).await.expect("a team");
    litellm.create_user(&user("u", &["t"])).await.expect("a user");
    (simulator, litellm)
}
