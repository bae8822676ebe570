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
/// What Cargo builds of the standard library.
const BUILD_STD: &str = "-Zbuild-std=std,panic_abort";

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
            command.arg(BUILD_STD);
        }
        command
    }

    /// Builds the standard library from source and for size, so that a panic traps without a message: a third less to send.
    /// Where there is no source of it, what rustup gave is taken as it is.
    pub fn small(&self, command: &mut Command) -> anyhow::Result<()> {
        match self {
            Self::Native if !has_source()? => return Ok(()),
            Self::Native => {
                command.arg(BUILD_STD).env("RUSTC_BOOTSTRAP", "1");
            }
            // It builds the library anyway.
            Self::Debian(_) => {}
        }
        command
            .arg("-Zbuild-std-features=optimize_for_size")
            .env("RUSTFLAGS", "-Zunstable-options -Cpanic=immediate-abort");
        Ok(())
    }

    /// Whether `cargo clippy` works with it.
    pub fn has_clippy(&self) -> bool {
        match self {
            Self::Native => output(cargo().args(["clippy", "--version"])).is_ok(),
            Self::Debian(unpacked) => unpacked.has_clippy(),
        }
    }
}

/// Whether the standard library's source is there; rustup is asked for it once.
fn has_source() -> anyhow::Result<bool> {
    let rustc = variable("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let root = output(program(rustc).args(["--print", "sysroot"]))?;
    let source = PathBuf::from(root.trim()).join("lib/rustlib/src/rust/library/std");
    if !source.is_dir() && which(&["rustup"]).is_some() {
        // Without it the wasm is larger, and works.
        let _ = output(program("rustup").args(["component", "add", "rust-src"]));
    }
    Ok(source.is_dir())
}

fn has_target() -> anyhow::Result<bool> {
    let rustc = variable("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = program(rustc);
    let dir = output(command.args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(PathBuf::from(dir.trim()).is_dir())
}
