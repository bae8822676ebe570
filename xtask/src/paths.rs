//! Where things are.

use std::path::PathBuf;

/// The repository.
pub fn root() -> PathBuf {
    // Compiled in: `cargo xtask` works from any folder of the workspace, and xtask is never installed.
    let crate_dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    crate_dir.parent().map_or(crate_dir.clone(), PathBuf::from)
}

/// A path in the repository.
pub fn in_root(path: &str) -> PathBuf {
    root().join(path)
}

/// What the server serves: it is compiled into the release binary and read from here by debug ones.
pub fn site() -> PathBuf {
    in_root("target/site")
}

/// The build folder of the browser half: two compilers that share one would rebuild each other's work.
pub fn wasm_target() -> PathBuf {
    in_root("target/wasm")
}

/// The folder of the browser tests.
pub fn end2end() -> PathBuf {
    in_root("end2end")
}

/// The server's binary, as Cargo's profile names its folder.
pub fn server(profile_dir: &str) -> PathBuf {
    root()
        .join("target")
        .join(profile_dir)
        .join(format!("guildhall{}", std::env::consts::EXE_SUFFIX))
}
