//! The binary `guildhall`.

use std::process::ExitCode;

/// A page is made of thousands of short texts: with glibc's allocator they take a tenth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::main()
}
