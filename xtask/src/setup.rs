//! What a fresh machine lacks. Every step looks first, changes nothing when all is there, and says what it did.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    debian, paths, postgres,
    process::{output, program, run, variable, which},
    report::step,
    wasm_toolchain::{self, WasmToolchain},
};

/// Where Chromium hides when it is not in PATH.
const CHROMIUM_ON_MACOS: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// All of it.
pub fn everything() -> anyhow::Result<()> {
    wasm()?;
    postgres()?;
    nginx()?;
    kubectl()?;
    if browser_tests()? {
        chromium()?;
    }
    Ok(())
}

/// A toolchain that can build for the browser.
pub fn wasm() -> anyhow::Result<WasmToolchain> {
    step("setup", "wasm standard library", wasm_toolchain::set_up)
}

/// PostgreSQL's server programs.
pub fn postgres() -> anyhow::Result<()> {
    step("setup", "PostgreSQL", || {
        if let Ok(found) = postgres::find() {
            return Ok(((), format!("ready ({})", found.major)));
        }
        install(&[
            ("apt-get", &["postgresql"]),
            ("dnf", &["postgresql-server", "postgresql-contrib"]),
            ("apk", &["postgresql", "postgresql-contrib"]),
            ("brew", &["postgresql@17"]),
        ])?;
        let found = postgres::find()?;
        Ok(((), format!("installed {}", found.major)))
    })
}

/// nginx, which a test of forward auth runs.
pub fn nginx() -> anyhow::Result<()> {
    step("setup", "nginx", || {
        let found = || which(&["nginx"]).is_some() || Path::new("/usr/sbin/nginx").is_file();
        if found() {
            return Ok(((), "ready".to_owned()));
        }
        install(&[
            ("apt-get", &["nginx-light"]),
            ("dnf", &["nginx"]),
            ("apk", &["nginx"]),
            ("brew", &["nginx"]),
        ])?;
        if !found() {
            bail!("nginx was installed, but cannot be found");
        }
        Ok(((), "installed".to_owned()))
    })
}

/// kubectl, which tests of the Kubernetes API run. Debian's is an old one, unpacked (not installed) where there is apt, beside
/// whichever is in PATH: both have to work.
pub fn kubectl() -> anyhow::Result<()> {
    step("setup", "kubectl", || {
        let unpacked = paths::in_root("target/kubectl");
        let program = unpacked.join("usr/bin/kubectl");
        if program.is_file() {
            return Ok(((), "ready".to_owned()));
        }
        match debian::unpack_one("kubernetes-client", &unpacked) {
            Ok(()) if program.is_file() => Ok(((), "unpacked".to_owned())),
            _ if which(&["kubectl"]).is_some() => Ok(((), "only the one in PATH".to_owned())),
            Ok(()) => bail!("Debian's kubernetes-client has no kubectl: put one into PATH"),
            Err(error) => Err(error.context("put a kubectl into PATH")),
        }
    })
}

/// A Chromium for the browser tests; returns its path.
pub fn chromium() -> anyhow::Result<PathBuf> {
    step("setup", "Chromium", || {
        if let Some(found) = find_chromium() {
            return Ok((found, "ready".to_owned()));
        }
        install(&[
            ("apt-get", &["chromium"]),
            ("dnf", &["chromium"]),
            ("apk", &["chromium"]),
            ("brew", &["--cask", "chromium"]),
        ])?;
        let found = find_chromium().context("Chromium was installed, but cannot be found: set CHROMIUM to its path")?;
        Ok((found, "installed".to_owned()))
    })
}

/// The npm packages of end2end; `false` when there are no browser tests yet.
pub fn browser_tests() -> anyhow::Result<bool> {
    packages("npm packages of end2end", &paths::end2end(), "end2end.package-lock")
}

/// Lighthouse, in a folder of its own: the browser tests do without its 200 packages.
pub fn lighthouse() -> anyhow::Result<bool> {
    let dir = paths::end2end().join("lighthouse");
    packages("npm packages of Lighthouse", &dir, "lighthouse.package-lock")
}

/// What a lock file names, once for each state of it; `false` without one.
fn packages(what: &str, dir: &Path, stamp: &str) -> anyhow::Result<bool> {
    step("setup", what, || {
        let lock = dir.join("package-lock.json");
        if !lock.exists() {
            return Ok((false, "nothing there".to_owned()));
        }
        if which(&["npm"]).is_none() {
            install(&[
                ("apt-get", &["npm"]),
                ("dnf", &["npm"]),
                ("apk", &["npm"]),
                ("brew", &["node"]),
            ])?;
        }
        let stamp = paths::in_root("target").join(stamp);
        let wanted = fs::read(&lock).with_context(|| format!("could not read {}", lock.display()))?;
        if dir.join("node_modules").exists() && fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok((true, "ready".to_owned()));
        }
        output(program("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(dir))?;
        fs::create_dir_all(paths::in_root("target"))?;
        fs::write(&stamp, wanted).with_context(|| format!("could not write {}", stamp.display()))?;
        Ok((true, "installed".to_owned()))
    })
}

fn find_chromium() -> Option<PathBuf> {
    if let Some(named) = variable("CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    which(&["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
        .or_else(|| Some(PathBuf::from(CHROMIUM_ON_MACOS)).filter(|path| path.is_file()))
}

/// Installs packages with the first package manager that this machine has.
fn install(choices: &[(&str, &[&str])]) -> anyhow::Result<()> {
    let Some((manager, packages)) = choices.iter().find(|(manager, _)| which(&[manager]).is_some()) else {
        let names: Vec<&str> = choices
            .iter()
            .flat_map(|(_, packages)| packages.iter().copied())
            .collect();
        bail!("no package manager was found; install one of: {}", names.join(", "));
    };
    match *manager {
        "apt-get" => {
            output(privileged("apt-get").arg("update"))?;
            let mut command = privileged("apt-get");
            output(
                command
                    .args(["install", "--yes", "--no-install-recommends"])
                    .args(*packages),
            )?;
        }
        "apk" => run(privileged("apk").arg("add").args(*packages))?,
        // Homebrew refuses to run as root and asks for what it needs itself.
        "brew" => run(program("brew").arg("install").args(*packages))?,
        other => run(privileged(other).args(["install", "--assumeyes"]).args(*packages))?,
    }
    Ok(())
}

/// The command as root: itself when we are, else through sudo, which must not ask for a password here.
fn privileged(name: &str) -> Command {
    let root = output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if root { program(name) } else { program("sudo") };
    if !root {
        command.args(["-n", name]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
