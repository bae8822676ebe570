//! Budgets of services that are gateways to models (SPEC E7, D13).

use std::time::Duration;

use backend::{Ctx, Method, budgets, budgets::EntryInput};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::office::{Office, Process, within};

impl Office {
    /// Makes a service a gateway to models.
    async fn gateway(&self, name: &str) {
        self.world
            .sql(&format!(
                "UPDATE services SET kind = 'model_gateway' WHERE name = '{name}'"
            ))
            .await;
    }

    /// What the team's member spent, in cents.
    async fn spend(&self, cents: i64, key: Option<&str>) {
        let mut ctx = Ctx::system(&self.world.state.backend, "tests", Method::Command)
            .await
            .expect("a transaction");
        let entry = EntryInput {
            request_id: Uuid::new_v4().to_string(),
            key: key.map(Into::into),
            team_id: Some(self.team),
            user_id: Some(self.member.email.clone()),
            cost: Decimal::new(cents, 2),
            ..EntryInput::default()
        };
        budgets::ingest(&mut ctx, vec![entry]).await.expect("counted");
        ctx.commit().await.expect("committed");
    }

    async fn limit(&self, table: &str, id: Uuid, budget: &str) {
        self.world
            .sql(&format!("UPDATE {table} SET max_budget = {budget} WHERE id = '{id}'"))
            .await;
    }
}

#[tokio::test]
async fn d13_over_budget_is_403_with_the_literal_in_header_and_body() {
    let office = Office::new().await;
    office.gateway("llm-service").await;
    office.service("plain", &[]).await;
    office.allow(office.team, "plain").await;
    office.limit("teams", office.team, "1").await;
    office.spend(99, None).await;
    office.ask(&office.member.token, "llm-service").await.allowed();
    office.spend(1, None).await;
    let literal = format!(
        "Budget has been exceeded! Team={} Current cost: 1, Max budget: 1",
        office.team
    );
    let answer = office.ask(&office.member.token, "llm-service").await;
    answer.refused(403, &literal);
    let body = answer.json();
    assert_eq!(
        (&body["error_code"], &body["rule"]),
        (&"BUDGET_EXCEEDED".into(), &"budget of the team".into())
    );
    // Whoever bypasses policies spends the team's money, too; what costs nothing goes on.
    let root = office.world.super_admin().await;
    let team = office.team.to_string();
    let bypass = office
        .ask_with(&root.token, "llm-service", &[("x-team-id", &team)])
        .await;
    bypass.refused(403, &literal);
    office.ask(&office.member.token, "plain").await.allowed();
    // The organization speaks first.
    office.limit("organizations", office.organization, "1").await;
    let literal = format!(
        "Budget has been exceeded! Organization={} Current cost: 1, Max budget: 1",
        office.organization
    );
    office
        .ask(&office.member.token, "llm-service")
        .await
        .refused(403, &literal);
}

/// Each budget on the way to a key refuses, and is told by its own name.
#[tokio::test]
async fn e7_every_level_refuses_on_use() {
    let office = Office::new().await;
    office.gateway("llm-service").await;
    let project = office.project(office.team, "Billing", Some(&office.member)).await;
    let (key, secret) = office.key(&office.member, office.team, Some(project)).await;
    office.spend(200, Some(&secret)).await;
    let (team, member, organization) = (office.team, office.member.id.0, office.organization);
    office.ask(&secret, "llm-service").await.allowed();
    for (level, id, set) in [
        (
            "Key",
            key,
            format!("UPDATE api_keys SET max_budget = 2 WHERE id = '{key}'"),
        ),
        (
            "Project",
            project,
            format!("UPDATE projects SET max_budget = 2 WHERE id = '{project}'"),
        ),
        (
            "Member",
            member,
            format!("UPDATE team_members SET max_budget = 2 WHERE team_id = '{team}' AND user_id = '{member}'"),
        ),
        (
            "Team",
            team,
            format!("UPDATE teams SET max_budget = 2 WHERE id = '{team}'"),
        ),
        (
            "Organization",
            organization,
            format!("UPDATE organizations SET max_budget = 2 WHERE id = '{organization}'"),
        ),
    ] {
        office.world.sql(&set).await;
        let literal = format!("Budget has been exceeded! {level}={id} Current cost: 2, Max budget: 2");
        office.ask(&secret, "llm-service").await.refused(403, &literal);
    }
}

/// A process that answers from memory hears of what another one counted, of limits, and of a period's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_a_used_up_budget_is_felt_by_the_other_process_within_a_second() {
    const SOON: Duration = Duration::from_secs(1);
    let office = Office::new().await;
    office.gateway("llm-service").await;
    office.limit("teams", office.team, "1").await;
    let process = Process::start(&office.world.state);
    let ask = async || process.ask(&office.member.token, "llm-service").await.status;
    let warm = async || {
        for _ in 0..3 {
            assert_eq!(ask().await, 200);
        }
    };
    // It does answer from memory: a sum that nobody tells of goes unnoticed.
    within(Duration::from_secs(10), async || {
        warm().await;
        office.spend(1, None).await;
        office
            .world
            .sql("UPDATE budget_spend SET spend = 5 WHERE level = 'team'")
            .await;
        let from_memory = ask().await == 200;
        office
            .world
            .sql("UPDATE budget_spend SET spend = 0.01 WHERE level = 'team'")
            .await;
        // It may have begun to listen since it was warmed, and then has read the sum that nobody tells of.
        process.state.backend.principals.forget_all();
        from_memory
    })
    .await;
    let took = {
        warm().await;
        office.spend(100, None).await;
        within(SOON, async || ask().await == 403).await
    };
    println!("budget used up: refused after {took:?}");
    office.limit("teams", office.team, "100").await;
    within(SOON, async || ask().await == 200).await;
    warm().await;
    office.limit("organizations", office.organization, "1").await;
    within(SOON, async || ask().await == 403).await;
    office.limit("organizations", office.organization, "NULL").await;
    within(SOON, async || ask().await == 200).await;
    // A period that ends needs nobody to say so.
    let team = office.team;
    office
        .world
        .sql(&format!(
            "UPDATE teams SET max_budget = 1, budget_duration = '3s' WHERE id = '{team}'"
        ))
        .await;
    office.spend(100, None).await;
    within(SOON, async || ask().await == 403).await;
    within(Duration::from_secs(4), async || ask().await == 200).await;
}
