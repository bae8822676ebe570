//! Binaryen's optimiser, when it can be had: a third smaller, and nothing depends on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::{
    paths,
    process::{output, program, which},
    report::size,
};

/// The npm package; Debian's is years older and does not know what today's compilers emit.
const PACKAGE: &str = "binaryen@132.0.0";
/// What Rust's compiler and wasm-bindgen use. Browsers have had all of it since 2022.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Shrinks the file in place and says by how much, or why not.
pub fn shrink(wasm: &Path) -> anyhow::Result<String> {
    let Some(mut command) = find() else {
        return Ok("wasm-opt could not be had, so not shrunk further".to_owned());
    };
    let shrunk = wasm.with_extension("opt.wasm");
    command
        .args(["-Oz", "--strip-debug", "--strip-producers", "--strip-target-features"])
        .args(FEATURES);
    if let Err(error) = output(command.arg(wasm).arg("-o").arg(&shrunk)) {
        // The file as it is works; a wasm-opt that does not know a newer instruction is no reason not to build.
        eprintln!("{error:#}");
        return Ok("wasm-opt failed, so not shrunk further".to_owned());
    }
    fs::rename(&shrunk, wasm).with_context(|| format!("could not move {}", shrunk.display()))?;
    Ok(format!("{} after wasm-opt", size(wasm.metadata()?.len())))
}

fn find() -> Option<Command> {
    if let Some(found) = which(&["wasm-opt"]) {
        return Some(program(found));
    }
    which(&["node"])?;
    let script = install().inspect_err(|error| eprintln!("binaryen: {error:#}")).ok()?;
    let mut node = program("node");
    node.arg(script);
    Some(node)
}

fn install() -> anyhow::Result<PathBuf> {
    let prefix = paths::in_root("target/binaryen");
    let script = prefix.join("node_modules/binaryen/bin/wasm-opt");
    if !script.exists() {
        fs::create_dir_all(&prefix)?;
        let mut npm = program("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"])
            .arg(&prefix);
        output(npm.arg(PACKAGE))?;
    }
    Ok(script)
}
