//! The ceiling of deliveries to LiteLLM: the same calls by somebody who keeps no books.

use std::{io::Write as _, time::Instant};

use serde_json::json;
use tokio::task::JoinSet;

/// How many calls are under way together, as Guildhall has them.
const TOGETHER: usize = 8;

/// Asks for each team and makes it; prints how many milliseconds that took.
pub async fn tell(litellm: &str, teams: u32) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().tcp_nodelay(true).build()?;
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    for number in 0..teams {
        if under_way.len() >= TOGETHER {
            under_way.join_next().await.transpose()?.transpose()?;
        }
        let (client, litellm) = (client.clone(), litellm.to_owned());
        under_way.spawn(async move {
            let id = format!("ceiling-{number}");
            let info = client.get(format!("{litellm}/team/info?team_id={id}"));
            info.bearer_auth("sk-1234").send().await?.bytes().await?;
            let body = json!({"team_id": id, "team_alias": format!("Team {number}"), "models": []});
            let made = client
                .post(format!("{litellm}/team/new"))
                .bearer_auth("sk-1234")
                .json(&body);
            made.send().await?.error_for_status()?.bytes().await?;
            anyhow::Ok(())
        });
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
    Ok(writeln!(std::io::stdout(), "{milliseconds:.3}")?)
}
