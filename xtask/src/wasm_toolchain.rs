//! A Rust toolchain with a standard library for wasm.
//!
//! rustup's is best. Where rustup can fetch nothing, Debian's own Rust for web content is unpacked under target/; it
//! builds the standard library from source, which takes half a minute the first time.

use std::{ffi::OsString, path::PathBuf, process::Command};

use anyhow::Context as _;

use crate::{
    debian, paths,
    process::{cargo, output, program, variable, which},
};

/// The target of the browser half.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Which toolchain builds the browser half.
#[derive(Debug)]
pub enum WasmToolchain {
    /// The one that builds everything else has the target.
    Native,
    /// Debian's, unpacked.
    Debian(debian::Unpacked),
}

/// Finds or makes one; the text says how that went.
pub fn set_up() -> anyhow::Result<(WasmToolchain, String)> {
    if has_target()? {
        return Ok((WasmToolchain::Native, "ready".to_owned()));
    }
    // Looked for before rustup is asked: where rustup cannot fetch, asking it each time takes seconds.
    if let Some(unpacked) = debian::find()? {
        return Ok((
            WasmToolchain::Debian(unpacked),
            "ready (Debian's, in target/wasm-toolchain)".to_owned(),
        ));
    }
    let mut rustup_said = "rustup is not installed".to_owned();
    if which(&["rustup"]).is_some() {
        match output(program("rustup").args(["target", "add", TARGET])) {
            Ok(_) if has_target()? => return Ok((WasmToolchain::Native, "installed by rustup".to_owned())),
            Ok(_) => "rustup installed it for another toolchain than the one in use".clone_into(&mut rustup_said),
            Err(error) => rustup_said = format!("{error:#}"),
        }
    }
    let unpacked = debian::unpack().with_context(|| {
        format!("there is no standard library for {TARGET}, and neither rustup nor Debian's packages gave one.\nrustup: {rustup_said}")
    })?;
    Ok((
        WasmToolchain::Debian(unpacked),
        "unpacked Debian's into target/wasm-toolchain".to_owned(),
    ))
}

impl WasmToolchain {
    /// `cargo <subcommand>` for the browser half, in its own build folder.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = match self {
            Self::Native => cargo(),
            Self::Debian(unpacked) => unpacked.cargo(),
        };
        command
            .arg(subcommand)
            .args(["--target", TARGET])
            .env("CARGO_TARGET_DIR", paths::wasm_target());
        // Flags meant for the machine's own linker.
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        if matches!(self, Self::Debian(_)) {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
    }

    /// Whether `cargo clippy` works with it.
    pub fn has_clippy(&self) -> bool {
        match self {
            Self::Native => output(cargo().args(["clippy", "--version"])).is_ok(),
            Self::Debian(unpacked) => unpacked.has_clippy(),
        }
    }
}

fn has_target() -> anyhow::Result<bool> {
    let rustc = variable("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = program(rustc);
    let dir = output(command.args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(PathBuf::from(dir.trim()).is_dir())
}
