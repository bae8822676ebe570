//! Everything that is done to this repository, as `cargo xtask <command>`: set-up, building, running, testing.
//!
//! No global tools are asked for beyond Cargo: each command first sets up what it needs and says so.

mod assets;
mod bench;
mod build;
mod check;
mod debian;
mod lighthouse;
mod paths;
mod postgres;
mod prepare;
mod process;
mod report;
mod run;
mod setup;
mod style;
mod tally;
mod test;
mod wasm;
mod wasm_opt;
mod wasm_toolchain;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use test::Part;

/// Set up, build, run and test Guildhall.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build and start the demo on http://127.0.0.1:3000 (what follows `--` goes to `guildhall serve`)
    Run {
        /// Arguments for `guildhall serve`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Run every test: format, lints, unit, database, HTTP and browser
    Test {
        /// Run only one part
        #[arg(long)]
        only: Option<Part>,
    },
    /// Format, lints (native and wasm), saved queries, licences
    Check,
    /// Build target/release/guildhall with everything inside
    Build,
    /// Build the CSS, JavaScript and wasm that the server serves, into target/site
    Site {
        /// As `build` does it: small and compressed, slow to build
        #[arg(long)]
        release: bool,
    },
    /// Build release and measure it
    Bench {
        /// Measure what was built before
        #[arg(long)]
        no_build: bool,
        /// Only these parts; all of them otherwise
        #[arg(long, value_enum)]
        only: Vec<bench::Part>,
    },
    /// Build release and ask Lighthouse about the main pages: fails below 98
    Lighthouse {
        /// Measure what was built before
        #[arg(long)]
        no_build: bool,
        /// Measure this binary, and build nothing
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Take the pictures of every page
    Screenshots {
        /// Arguments for the script in end2end
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Save what sqlx's macros need to check queries without a database, into .sqlx
    Prepare {
        /// Only say whether .sqlx is up to date
        #[arg(long)]
        check: bool,
    },
    /// Print the DATABASE_URL of a running database with all migrations, to check queries against while editing
    Database,
    /// Set up what the other commands need, and nothing else
    Setup,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Run { arguments } => run::run(&arguments),
        Task::Test { only } => test::test(only),
        Task::Check => check::check(),
        Task::Build => build::release(),
        Task::Site { release: true } => assets::site(wasm::Profile::Release),
        Task::Site { release: false } => assets::site(wasm::Profile::Dev),
        Task::Bench { no_build, only } => bench::bench(!no_build, &only),
        Task::Lighthouse { no_build, binary } => lighthouse::lighthouse(!no_build, binary),
        Task::Screenshots { arguments } => test::screenshots(&arguments),
        Task::Prepare { check } => prepare::prepare(check),
        Task::Database => prepare::database(),
        Task::Setup => setup::everything(),
    }
}
