//! Debian's Rust for web content, unpacked (not installed) under target/: no system package changes.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    paths,
    process::{output, program, variable, which},
};

/// Packages whose names do not change with their version. Clippy is not needed to build, and checks the islands.
const PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "libstd-rust-web-dev",
    "rust-web-llvm",
];
const CLIPPY: &str = "rust-web-clippy";
/// Shared libraries that any Debian has, whether or not the packages that need these are installed.
const EVERYWHERE: [&str; 4] = ["libc6", "libgcc-s1", "libstdc++6", "zlib1g"];

/// A toolchain in target/wasm-toolchain.
#[derive(Debug)]
pub struct Unpacked {
    root: PathBuf,
    /// The folder of the LLVM tools, of the version that this Rust was built with.
    llvm: PathBuf,
}

/// The one that an earlier run unpacked, if it runs.
pub fn find() -> anyhow::Result<Option<Unpacked>> {
    let root = paths::in_root("target/wasm-toolchain");
    if !root.join("usr/bin/rustc").exists() {
        return Ok(None);
    }
    let unpacked = Unpacked {
        llvm: llvm(&root)?,
        root,
    };
    let runs = output(unpacked.cargo().arg("--version")).is_ok();
    Ok(runs.then_some(unpacked))
}

/// Downloads and unpacks the packages: about 170 MB, some seconds.
pub fn unpack() -> anyhow::Result<Unpacked> {
    if which(&["apt-get"]).is_none() || which(&["dpkg"]).is_none() {
        bail!("this is not a Debian system");
    }
    let root = paths::in_root("target/wasm-toolchain");
    let draft = paths::in_root("target/wasm-toolchain.new");
    let packages = draft.join("packages");
    for old in [&root, &draft] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("could not remove {}", old.display()))?;
        }
    }
    fs::create_dir_all(&packages).with_context(|| format!("could not create {}", packages.display()))?;
    // Needs root and a network; package lists that are there already will do, so its failure only matters below.
    let updated = output(program("apt-get").arg("update"));
    let downloaded =
        names().and_then(|names| output(program("apt-get").arg("download").args(names).current_dir(&packages)));
    if let Err(error) = downloaded {
        updated?;
        return Err(error);
    }
    for entry in fs::read_dir(&packages)? {
        output(program("dpkg").arg("-x").arg(entry?.path()).arg(&draft))?;
    }
    fs::remove_dir_all(&packages)?;
    // Moved into place whole: a run that was cut off leaves nothing that looks like a toolchain.
    fs::rename(&draft, &root)?;
    find()?.context("Debian's toolchain was unpacked, but does not run")
}

/// Downloads one package and unpacks it into a folder, which is there whole or not at all.
pub fn unpack_one(package: &str, root: &Path) -> anyhow::Result<()> {
    if which(&["apt-get"]).is_none() || which(&["dpkg"]).is_none() {
        bail!("this is not a Debian system");
    }
    let draft = root.with_extension("new");
    let packages = draft.join("packages");
    if draft.exists() {
        fs::remove_dir_all(&draft).with_context(|| format!("could not remove {}", draft.display()))?;
    }
    fs::create_dir_all(&packages).with_context(|| format!("could not create {}", packages.display()))?;
    output(program("apt-get").args(["download", package]).current_dir(&packages))?;
    for entry in fs::read_dir(&packages)? {
        output(program("dpkg").arg("-x").arg(entry?.path()).arg(&draft))?;
    }
    fs::remove_dir_all(&packages)?;
    fs::rename(&draft, root).with_context(|| format!("could not move to {}", root.display()))
}

/// The packages and the libraries that carry their version in their name.
fn names() -> anyhow::Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = PACKAGES.map(str::to_owned).into();
    let direct = depends(&PACKAGES)?;
    let llvm = direct
        .iter()
        .find_map(|name| name.strip_prefix("llvm-"))
        .context("rust-web-llvm names no llvm-NN")?;
    let llvm_packages = [format!("llvm-{llvm}"), format!("lld-{llvm}"), format!("libllvm{llvm}")];
    let libraries: Vec<String> = direct.iter().filter(|name| is_library(name)).cloned().collect();
    // Cargo's libgit2 brings libraries of its own.
    let second = depends(&libraries.iter().map(String::as_str).collect::<Vec<_>>())?;
    names.extend(second.into_iter().filter(|name| is_library(name)));
    names.extend(libraries);
    names.extend(llvm_packages);
    if output(program("apt-cache").args(["show", CLIPPY])).is_ok() {
        names.insert(CLIPPY.to_owned());
    }
    Ok(names)
}

fn is_library(name: &str) -> bool {
    let system = name.ends_with("-dev") && !name.contains("rust");
    name.starts_with("lib") && !system && !EVERYWHERE.contains(&name)
}

/// The direct dependencies; of alternatives, those that apt would rather take.
fn depends(packages: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut command = program("apt-cache");
    command
        .args(["depends", "--important", "--no-pre-depends"])
        .args(packages);
    let text = output(&mut command)?;
    let names = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("Depends: "));
    Ok(names.filter(|name| !name.starts_with('<')).map(str::to_owned).collect())
}

/// `usr/lib/llvm-NN` in the unpacked tree.
fn llvm(root: &Path) -> anyhow::Result<PathBuf> {
    let lib = root.join("usr/lib");
    let entries = fs::read_dir(&lib).with_context(|| format!("could not read {}", lib.display()))?;
    let found = entries
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"));
    Ok(found
        .with_context(|| format!("there is no LLVM in {}; remove target/wasm-toolchain", lib.display()))?
        .path())
}

impl Unpacked {
    /// Its Cargo, using its compiler, linker and libraries and nothing of rustup's.
    pub fn cargo(&self) -> Command {
        let bin = self.root.join("usr/bin");
        let libraries = self
            .root
            .join("usr/lib")
            .join(format!("{}-linux-gnu", std::env::consts::ARCH));
        let mut command = program(bin.join("cargo"));
        command
            .env("PATH", joined(&[bin.clone(), self.llvm.join("bin")], variable("PATH")))
            // Not what was there: under `cargo run` it names rustup's libraries.
            .env("LD_LIBRARY_PATH", joined(&[libraries, self.llvm.join("lib")], None))
            .env("RUSTC", bin.join("rustc"))
            .env("RUSTDOC", bin.join("rustdoc"))
            // -Zbuild-std, in a release compiler.
            .env("RUSTC_BOOTSTRAP", "1");
        for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            command.env_remove(name);
        }
        command
    }

    /// Whether Debian's Clippy came with it.
    pub fn has_clippy(&self) -> bool {
        self.root.join("usr/bin/cargo-clippy").exists()
    }
}

fn joined(first: &[PathBuf], then: Option<OsString>) -> OsString {
    let rest = then.iter().flat_map(std::env::split_paths).collect::<Vec<_>>();
    // Fails only for a name with the separator in it; then the system's own list is the better one.
    std::env::join_paths(first.iter().chain(&rest)).unwrap_or_else(|_| then.unwrap_or_default())
}
