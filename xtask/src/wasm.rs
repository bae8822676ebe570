//! The browser half: compile `frontend`, let wasm-bindgen write its JavaScript, shrink it for people.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
};

use anyhow::Context as _;
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    paths,
    process::run,
    report::{section, size, step},
    setup, wasm_opt,
    wasm_toolchain::{TARGET, WasmToolchain},
};

/// The name of the files: `guildhall.js` and `guildhall_bg.wasm`, as Leptos's loader script asks for them.
const NAME: &str = "guildhall";

/// For whom it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For development and tests: quick to build.
    Dev,
    /// For people: quick to load.
    Release,
}

impl Profile {
    fn cargo_profile(self) -> &'static str {
        match self {
            Self::Dev => "wasm-dev",
            Self::Release => "wasm",
        }
    }
}

/// Writes the JavaScript and wasm into a folder of its own, which is returned.
pub fn build(profile: Profile) -> anyhow::Result<PathBuf> {
    let toolchain = setup::wasm()?;
    let compiled = compile(&toolchain, profile)?;
    let out = paths::wasm_target().join(format!("bindgen-{}", profile.cargo_profile()));
    let stamp = paths::wasm_target().join(format!("bindgen-{}.stamp", profile.cargo_profile()));
    step("build", "wasm-bindgen", || {
        let bytes = fs::read(&compiled).with_context(|| format!("could not read {}", compiled.display()))?;
        let fingerprint = fingerprint(&bytes);
        if out.exists() && fs::read_to_string(&stamp).is_ok_and(|done| done == fingerprint) {
            return Ok(((), "unchanged".to_owned()));
        }
        if out.exists() {
            fs::remove_dir_all(&out).with_context(|| format!("could not remove {}", out.display()))?;
        }
        Bindgen::new()
            .input_path(&compiled)
            .web(true)?
            .out_name(NAME)
            .typescript(false)
            // Names are for stack traces while developing.
            .remove_name_section(profile == Profile::Release)
            .remove_producers_section(profile == Profile::Release)
            .generate(&out)
            .context("wasm-bindgen could not read what was compiled")?;
        let wasm = out.join(format!("{NAME}_bg.wasm"));
        let mut said = size(wasm.metadata()?.len());
        if profile == Profile::Release {
            said = format!("{said}; {}", wasm_opt::shrink(&wasm)?);
        }
        // Last: whatever failed above is done again next time.
        fs::write(&stamp, fingerprint).with_context(|| format!("could not write {}", stamp.display()))?;
        Ok(((), said))
    })?;
    Ok(out)
}

fn compile(toolchain: &WasmToolchain, profile: Profile) -> anyhow::Result<PathBuf> {
    section(
        "build",
        format!("frontend for the browser ({})", profile.cargo_profile()),
        || {
            let mut cargo = toolchain.cargo("build");
            // Leptos would then look for guildhall.wasm instead of guildhall_bg.wasm.
            cargo.env_remove("LEPTOS_OUTPUT_NAME");
            if profile == Profile::Release {
                toolchain.small(&mut cargo)?;
            }
            run(cargo.args([
                "--package",
                "frontend",
                "--lib",
                "--locked",
                "--profile",
                profile.cargo_profile(),
            ]))
        },
    )?;
    Ok(paths::wasm_target()
        .join(TARGET)
        .join(profile.cargo_profile())
        .join("frontend.wasm"))
}

/// Of the compiled wasm and of this program, which decides what is made of it.
fn fingerprint(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let this = std::env::current_exe()
        .and_then(|path| path.metadata())
        .and_then(|found| found.modified());
    this.ok().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
