//! The style sheet: style/main.css and all it imports, as one file.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use lightningcss::{
    bundler::{Bundler, FileProvider},
    printer::PrinterOptions,
    stylesheet::{MinifyOptions, ParserOptions},
};

use crate::wasm::Profile;

/// Bundles `main`; minified for people. Nothing is rewritten for older browsers: what is written is what is served.
pub fn bundle(main: &Path, profile: Profile) -> anyhow::Result<String> {
    let minify = profile == Profile::Release;
    let files = FileProvider::new();
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    // The errors borrow from the bundler; their text names file, line and column.
    let mut sheet = bundler
        .bundle(main)
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("could not bundle {}", main.display()))?;
    if minify {
        sheet
            .minify(MinifyOptions::default())
            .map_err(|error| anyhow!("could not minify the style sheet: {error}"))?;
    }
    let printed = sheet.to_css(PrinterOptions {
        minify,
        ..PrinterOptions::default()
    });
    Ok(printed
        .map_err(|error| anyhow!("could not print the style sheet: {error}"))?
        .code)
}
