//! The ceiling of the sync: what it takes only to read GitHub's list.

use std::{io::Write as _, time::Instant};

use anyhow::Context as _;
use serde_json::Value;

/// Reads the pages as the sync does, parses them, and does nothing with them.
pub async fn read(github: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().tcp_nodelay(true).build()?;
    let begun = Instant::now();
    let mut runners = 0;
    for page in 1.. {
        let url = format!("{github}/orgs/acme/actions/runners?per_page=100&page={page}");
        let body = client
            .get(url)
            .bearer_auth("demo-token")
            .header("x-github-api-version", "2022-11-28")
            .send()
            .await?
            .error_for_status()?
            .bytes()
            .await?;
        let list: Value = serde_json::from_slice(&body)?;
        runners += list["runners"].as_array().context("a list")?.len();
        if runners >= usize::try_from(list["total_count"].as_u64().context("a count")?)? {
            break;
        }
    }
    let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
    Ok(writeln!(std::io::stdout(), "{runners} {milliseconds:.3}")?)
}
