//! The one file that people run.

use anyhow::Context as _;

use crate::{
    assets, paths,
    process::{cargo, run},
    report::{section, size},
    wasm::Profile,
};

/// target/release/guildhall with migrations, CSS and wasm inside.
pub fn release() -> anyhow::Result<()> {
    assets::site(Profile::Release)?;
    section("build", "the server", || {
        run(cargo().args([
            "build",
            "--release",
            "--locked",
            "--package",
            "server",
            "--bin",
            "guildhall",
        ]))
    })?;
    let binary = paths::server("release");
    let bytes = binary
        .metadata()
        .with_context(|| format!("could not find {}", binary.display()))?
        .len();
    println!("{} ({})", binary.display(), size(bytes));
    Ok(())
}

/// target/debug/guildhall, which serves target/site as it is on disk.
pub fn debug() -> anyhow::Result<()> {
    assets::site(Profile::Dev)?;
    section("build", "the server", || {
        // With the features of the whole workspace, as the tests have it: theirs are not built again.
        run(cargo().args(["build", "--locked", "--workspace", "--bin", "guildhall"]))
    })
}
