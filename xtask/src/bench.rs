//! `cargo xtask bench`: the release binary, measured from outside. docs/BENCHMARKS.md says what each line means.

mod budget;
mod forward_auth;
mod http;
mod kubernetes;
mod limits;
mod litellm;
mod processes;
mod rounds;
mod runners;
mod scaling;
mod scim;
mod seed;
mod sign_in;
mod sync;
mod table;
mod throughput;

use std::{path::PathBuf, time::Instant};

use anyhow::Context as _;

use crate::{
    build, paths, postgres,
    process::{cargo, run},
    report::section,
    setup,
};
use table::Table;

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Requests a second of a page, the API and provisioning, and memory
    Throughput,
    /// Decisions for proxies
    ForwardAuth,
    /// The same at ten and a hundred times the teams
    Scaling,
    /// Lists of runners
    Runners,
    /// The sync with GitHub
    Sync,
    /// What LiteLLM is told
    Litellm,
    /// People provisioned over SCIM
    Scim,
    /// Signing in with many groups
    SignIn,
    /// Lists, applies and watches over the Kubernetes API
    Kubernetes,
    /// Start, first visit, sizes
    Limits,
}

/// Builds, starts, measures, stops: everything, or the parts of `only`. Slowness is no error.
pub fn bench(builds: bool, only: &[Part]) -> anyhow::Result<()> {
    setup::postgres()?;
    if builds {
        build::release()?;
        section("build", "load generator and ceilings", || {
            run(cargo().args([
                "build",
                "--release",
                "--locked",
                "--package",
                "simulators",
                "--example",
                "bench",
            ]))
        })?;
    }
    let begun = Instant::now();
    std::fs::create_dir_all(folder()).with_context(|| format!("could not create {}", folder().display()))?;
    let database = postgres::start("bench-pg")?;
    database.clear()?;
    let mut table = Table::default();
    let wanted = |parts: &[Part]| only.is_empty() || parts.iter().any(|part| only.contains(part));
    let what = "measuring everything takes eight minutes; leave the machine alone meanwhile";
    section("bench", what, || {
        if wanted(&[Part::Throughput, Part::ForwardAuth, Part::Scaling, Part::Limits]) {
            let main = seed::Data::write(&database, "bench_10k", seed::MAIN)?;
            if wanted(&[Part::Throughput]) {
                throughput::measure(&database, &main, &mut table)?;
            }
            if wanted(&[Part::ForwardAuth]) {
                forward_auth::measure(&database, &main, &mut table)?;
                budget::measure(&database, &main, &mut table)?;
            }
            if wanted(&[Part::Scaling]) {
                let small = seed::Data::write(&database, "bench_1k", seed::SMALL)?;
                let large = seed::Data::write(&database, "bench_100k", seed::LARGE)?;
                scaling::measure(&[&small, &main, &large], &mut table)?;
            }
            if wanted(&[Part::Limits]) {
                limits::measure(&main, &mut table)?;
            }
        }
        if wanted(&[Part::Runners]) {
            runners::measure(&database, &mut table)?;
        }
        if wanted(&[Part::Sync]) {
            sync::measure(&database, &mut table)?;
        }
        if wanted(&[Part::Litellm]) {
            litellm::measure(&database, &mut table)?;
        }
        if wanted(&[Part::Scim]) {
            scim::measure(&database, &mut table)?;
        }
        if wanted(&[Part::SignIn]) {
            sign_in::measure(&database, &mut table)?;
        }
        if wanted(&[Part::Kubernetes]) {
            kubernetes::measure(&database, &mut table)?;
        }
        Ok(())
    })?;
    println!("\n{table}");
    println!("{}; {:.0} s", machine(), begun.elapsed().as_secs_f32());
    Ok(())
}

/// What measuring leaves behind: requests, recordings, logs.
fn folder() -> PathBuf {
    paths::in_root("target/bench")
}

fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = name.map_or("unknown processor", |(_, name)| name);
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{count} × {name}")
}
