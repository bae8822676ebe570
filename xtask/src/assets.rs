//! target/site: what the server serves beside its pages.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, anyhow};

use crate::{
    paths,
    report::{size, step},
    style,
    wasm::{self, Profile},
};

/// Smaller files gain nothing from being compressed.
const WORTH_COMPRESSING: usize = 512;
/// Formats that are compressed already.
const COMPRESSED: [&str; 5] = ["png", "jpg", "webp", "woff2", "ico"];

/// Files by their path below target/site.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Builds all of target/site. Files that did not change keep their time, and files of an earlier build go.
pub fn site(profile: Profile) -> anyhow::Result<()> {
    let mut files = Files::new();
    collect(&wasm::build(profile)?, Path::new(""), &mut files)?;
    step("build", "style sheet", || {
        let css = style::bundle(&paths::in_root("style/main.css"), profile)?;
        let said = size(css.len() as u64);
        files.insert(PathBuf::from("guildhall.css"), css.into_bytes());
        Ok(((), said))
    })?;
    let assets = paths::in_root("style/assets");
    if assets.is_dir() {
        collect(&assets, Path::new(""), &mut files)?;
    }
    if profile == Profile::Release {
        step("build", "compressed copies", || compress_all(&mut files))?;
    }
    write(&paths::site(), &files)
}

fn collect(dir: &Path, below: &Path, files: &mut Files) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("could not read {}", dir.display()))? {
        let path = entry?.path();
        let name = below.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            collect(&path, &name, files)?;
        } else {
            files.insert(
                name,
                fs::read(&path).with_context(|| format!("could not read {}", path.display()))?,
            );
        }
    }
    Ok(())
}

/// Adds `<file>.br` and `<file>.gz` beside each file that gets smaller by it. Done once here, so at the best level.
fn compress_all(files: &mut Files) -> anyhow::Result<((), String)> {
    let worth = |(name, bytes): &(&PathBuf, &Vec<u8>)| {
        let extension = name.extension().unwrap_or_default().to_string_lossy().into_owned();
        bytes.len() >= WORTH_COMPRESSING && !COMPRESSED.contains(&extension.as_str())
    };
    let made: Vec<(PathBuf, Vec<u8>)> = thread::scope(|scope| {
        let jobs: Vec<_> = files
            .iter()
            .filter(worth)
            .flat_map(|(name, bytes)| {
                let brotli = scope.spawn(|| Ok::<_, std::io::Error>((added(name, "br"), brotli(bytes)?)));
                let gzip = scope.spawn(|| Ok((added(name, "gz"), gzip(bytes)?)));
                [brotli, gzip]
            })
            .collect();
        jobs.into_iter()
            .map(|job| Ok(job.join().map_err(|_| anyhow!("a compressor panicked"))??))
            .collect::<anyhow::Result<_>>()
    })?;
    let total = |ending: &str| {
        let matching = made.iter().filter(|(name, _)| name.to_string_lossy().ends_with(ending));
        size(matching.map(|(_, bytes)| bytes.len() as u64).sum())
    };
    let said = format!("{} brotli, {} gzip", total(".br"), total(".gz"));
    files.extend(made);
    Ok(((), said))
}

fn added(name: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", name.display()))
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut compressor = brotli::CompressorWriter::new(&mut out, 64 * 1024, 11, 22);
    compressor.write_all(bytes)?;
    // The last block is written when it goes.
    drop(compressor);
    Ok(out)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressor = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    compressor.write_all(bytes)?;
    compressor.finish()
}

/// Makes the folder hold exactly `files`.
fn write(site: &Path, files: &Files) -> anyhow::Result<()> {
    fs::create_dir_all(site).with_context(|| format!("could not create {}", site.display()))?;
    for (name, bytes) in files {
        let path = site.join(name);
        // A file that is written anew would make Cargo build the server anew.
        if fs::read(&path).is_ok_and(|there| there == *bytes) {
            continue;
        }
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
        }
        fs::write(&path, bytes).with_context(|| format!("could not write {}", path.display()))?;
    }
    let mut there = Files::new();
    collect(site, Path::new(""), &mut there)?;
    for stale in there.keys().filter(|name| !files.contains_key(*name)) {
        let path = site.join(stale);
        fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
    }
    Ok(())
}
