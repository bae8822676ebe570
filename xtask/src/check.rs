//! What can be said about the code without running it.

use std::fs;

use anyhow::bail;

use crate::{
    paths, prepare,
    process::{cargo, output, program, run, which},
    report::{section, step},
    setup,
    wasm_toolchain::WasmToolchain,
};

/// Files in which `cfg(feature = …)` may stand: elsewhere the two halves of the console would drift apart.
const MAY_ASK_FOR_FEATURES: [&str; 4] = ["lib.rs", "ssr.rs", "error.rs", "main.rs"];

/// All of it.
pub fn check() -> anyhow::Result<()> {
    let failed = all().into_iter().filter(|step| failed(*step)).count();
    if failed > 0 {
        bail!("{failed} of these checks failed");
    }
    Ok(())
}

/// Every check, the quickest first. They are independent: one that fails does not hide what the next would say.
pub fn all() -> [fn() -> anyhow::Result<()>; 5] {
    [format, features, native, wasm, dependencies]
}

/// Runs one and prints its error.
pub fn failed(check: fn() -> anyhow::Result<()>) -> bool {
    check().inspect_err(|error| eprintln!("error: {error:#}")).is_err()
}

fn format() -> anyhow::Result<()> {
    step("check", "format", || {
        // The names of the files are enough: `cargo fmt` shows and does the rest.
        output(cargo().args(["fmt", "--all", "--check", "--", "--files-with-diff"]))?;
        Ok(((), "ok".to_owned()))
    })
}

/// Lints of the native half, and whether `.sqlx` is up to date: compiling everything twice would say no more.
fn native() -> anyhow::Result<()> {
    setup::postgres()?;
    section("check", "lints and saved queries", || {
        prepare::compare_while(cargo().args([
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })
}

/// Lints of the browser half; where the toolchain has no Clippy, the compiler's own warnings.
fn wasm() -> anyhow::Result<()> {
    let toolchain = setup::wasm()?;
    let name = if matches!(toolchain, WasmToolchain::Native) {
        "rustup"
    } else {
        "Debian"
    };
    let (subcommand, what) = if toolchain.has_clippy() {
        ("clippy", format!("lints for the browser ({name}'s Clippy)"))
    } else {
        (
            "check",
            format!("warnings for the browser ({name}'s toolchain has no Clippy)"),
        )
    };
    section("check", what, || {
        let mut command = toolchain.cargo(subcommand);
        command.args([
            "--locked",
            "--package",
            "frontend",
            "--package",
            "app",
            "--features",
            "app/hydrate",
            "--lib",
        ]);
        if subcommand == "clippy" {
            command.args(["--", "-D", "warnings"]);
        } else {
            command.env("RUSTFLAGS", "-Dwarnings");
        }
        run(&mut command)
    })
}

/// Licences, bans and sources; advisories where their database can be had.
fn dependencies() -> anyhow::Result<()> {
    if which(&["cargo-deny"]).is_none() {
        eprintln!("check  dependencies … skipped: cargo-deny is not installed (`cargo install cargo-deny`)");
        return Ok(());
    }
    step("check", "licences, bans and sources of dependencies", || {
        output(program("cargo-deny").args(["check", "licenses", "bans", "sources"]))?;
        Ok(((), "ok".to_owned()))
    })?;
    step("check", "advisories about dependencies", || {
        if output(program("cargo-deny").args(["fetch", "db"])).is_err() {
            return Ok((
                (),
                "skipped: the advisory database cannot be fetched from here".to_owned(),
            ));
        }
        output(program("cargo-deny").args(["check", "advisories"]))?;
        Ok(((), "ok".to_owned()))
    })
}

/// Where features are asked for.
fn features() -> anyhow::Result<()> {
    step("check", "where features are asked for", || {
        Ok((ask_for_features()?, "ok".to_owned()))
    })
}

fn ask_for_features() -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(paths::root())?
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").exists())
    {
        for file in prepare::sources(&entry.path().join("src")) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if MAY_ASK_FOR_FEATURES.contains(&name.as_str()) || entry.path().ends_with("xtask") {
                continue;
            }
            let text = fs::read_to_string(&file)?;
            let asks = |line: &&str| {
                let code = line.split("//").next().unwrap_or_default();
                code.contains("cfg") && code.contains("feature =")
            };
            if text.lines().any(|line| asks(&line)) {
                wrong.push(file.display().to_string());
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(
        "cfg(feature = …) belongs in {} only, but stands in:\n{}",
        MAY_ASK_FOR_FEATURES.join(", "),
        wrong.join("\n")
    )
}
