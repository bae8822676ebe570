//! A budget check on the hot path: forward auth of a gateway to models, whose organization, team, member and key have
//! budgets, against the same question about a service that costs nothing.

use std::fs;

use anyhow::Context as _;

use super::{
    folder,
    processes::{Database, guildhall},
    rounds::alternate,
    seed::Data,
    table::{Aim, Table},
};
use crate::postgres::Throwaway;

/// Measures over the database that [`super::forward_auth`] has filled.
pub fn measure(database: &Throwaway, data: &Data, table: &mut Table) -> anyhow::Result<()> {
    database.execute(data.name(), SCRIPT)?;
    let ours = guildhall("guildhall-budget", &Database::Url(&data.url), None)?;
    let ask = |service: &str| {
        let line = format!(
            "{{\"method\": \"GET\", \"path\": \"/authz/{service}\", \"headers\": {{\"authorization\": \"Bearer sk-bench1\"}}}}\n"
        );
        let path = folder().join(format!("budget-{service}.requests"));
        fs::write(&path, line).with_context(|| format!("could not write {}", path.display()))?;
        anyhow::Ok(path)
    };
    let (gateway, plain) = (ask("llm-service")?, ask("search")?);
    let pair = alternate(6, (&ours, &gateway), (&ours, &plain))?;
    table.pair("forward auth with four budgets, against none", &pair, Aim::AtLeast(0.9));
    let beside = format!("without {:.2} ms", pair.ceiling_p99.median);
    table.number("  p99 of a decision", pair.ours_p99.median, " ms", &beside, Aim::None);
    Ok(())
}

/// Budgets that nothing comes near, at every level above the first key, and some spending.
const SCRIPT: &str = "UPDATE services SET kind = 'model_gateway' WHERE name = 'llm-service';
    UPDATE organizations SET max_budget = 1000000, budget_duration = '1mo' WHERE slug <> 'default';
    UPDATE teams SET max_budget = 100000, budget_duration = '30d'
        WHERE id = (SELECT team_id FROM api_keys WHERE name = 'bench 1');
    UPDATE team_members m SET max_budget = 10000 FROM api_keys k
        WHERE k.name = 'bench 1' AND m.team_id = k.team_id AND m.user_id = k.owner_id;
    UPDATE api_keys SET max_budget = 1000, budget_duration = '7d' WHERE name = 'bench 1';
    INSERT INTO spend_entries (request_id, organization_id, team_id, user_id, key_id, cost, at, source)
        SELECT 'bench ' || n, t.organization_id, k.team_id, k.owner_id, k.id, 0.01, now(), 'ingest'
        FROM api_keys k JOIN teams t ON t.id = k.team_id, generate_series(1, 1000) n WHERE k.name = 'bench 1';
    ANALYZE spend_entries;\n";
