//! Makes sure that the folder of assets exists: they are compiled in, and a server without them still has an API.

fn main() {
    // Tests and `cargo check` need no wasm build.
    let site = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/site");
    if let Err(error) = std::fs::create_dir_all(site) {
        println!("cargo::error=could not create {site}: {error}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
