//! `guildhall plan` and `guildhall apply`: manifests without kubectl.

use std::{
    fmt::Write as _,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, anyhow, bail};
use backend::{
    Caller, Ctx, Method, RequestInfo, identity,
    objects::{self, Action, Step},
};
use domain::UserRef;
use kubernetes::manifest::{self, Entry};
use serde_json::Value;

use super::{
    Manifests,
    commands::{NAME, unknown_user, with_backend},
};
use crate::{config::Config, state};

/// The exit status of a plan that would change something.
const CHANGES: u8 = 3;

const ADD: Style = AnsiColor::Green.on_default();
const CHANGE: Style = AnsiColor::Yellow.on_default();
const REMOVE: Style = AnsiColor::Red.on_default();
const FAINT: Style = Style::new().dimmed();
const FAILED: Style = AnsiColor::Red.on_default().bold();

/// Shows what manifests would change, and with `really` makes it so: all of it, or nothing.
pub(super) async fn run(config: &Config, options: Manifests, really: bool) -> anyhow::Result<ExitCode> {
    let entries = read(&options.files)?;
    if entries.is_empty() {
        bail!("there are no manifests in {}", list(&options.files));
    }
    let steps = with_backend(config, async |backend| {
        let backend = backend.clone().with_litellm(state::instances(config)?);
        let caller = caller(&backend, &options).await?;
        let mut ctx = Ctx::write(&backend, caller, RequestInfo::default()).await?.declared();
        let namespace = options.namespace.as_deref();
        // Boxed: it is large.
        let steps = Box::pin(objects::carry_out(&mut ctx, &entries, namespace, options.prune))
            .await
            .map_err(|failure| anyhow!(failure))?;
        if really && steps.iter().all(|step| step.failure.is_none()) {
            ctx.commit().await?;
        }
        Ok(steps)
    })
    .await?;
    anstream::print!("{}", told(&steps, really));
    let changes = steps.iter().any(|step| step.action != Action::Keep);
    if steps.iter().any(|step| step.failure.is_some()) {
        return Ok(ExitCode::FAILURE);
    }
    Ok(if changes && !really {
        ExitCode::from(CHANGES)
    } else {
        ExitCode::SUCCESS
    })
}

/// Whoever applies is somebody: their rights decide, and the audit log names them.
async fn caller(backend: &backend::Backend, options: &Manifests) -> anyhow::Result<Caller> {
    let mut ctx = Ctx::system(backend, NAME, Method::Command).await?;
    let who = UserRef::Email(options.email.clone());
    let (id, _) = identity::find(&mut ctx, &who)
        .await
        .map_err(|error| unknown_user(error, &options.email))?;
    let person = backend.principals.get(&backend.pool, id).await?;
    Ok(Caller::Person(person, Method::Command))
}

/// The manifests of files, of directories with all that is in them, and with `-` of standard input.
fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("standard input")?;
            entries.extend(manifest::read(&text, "<stdin>")?);
            continue;
        }
        for file in files(path)? {
            let name = file.display().to_string();
            let text = fs::read_to_string(&file).with_context(|| name.clone())?;
            entries.extend(manifest::read(&text, &name)?);
        }
    }
    Ok(entries)
}

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let name = || path.display().to_string();
    if !fs::metadata(path).with_context(name)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut inside: Vec<PathBuf> = fs::read_dir(path)
        .with_context(name)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(name)?;
    inside.sort();
    let mut found = Vec::new();
    for path in inside {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let manifest = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if hidden {
        } else if path.is_dir() {
            found.extend(files(&path)?);
        } else if manifest {
            found.push(path);
        }
    }
    Ok(found)
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

/// The steps in words and colours, and how many they are.
fn told(steps: &[Step], really: bool) -> String {
    let mut text = String::new();
    let (mut added, mut changed, mut removed, mut kept, mut failed) = (0, 0, 0, 0, 0);
    for step in steps {
        let (sign, style) = match step.action {
            _ if step.failure.is_some() => ("✗", FAILED),
            Action::Add => ("+", ADD),
            Action::Change => ("~", CHANGE),
            Action::Remove => ("-", REMOVE),
            Action::Keep => (" ", FAINT),
        };
        match (step.failure.is_some(), step.action) {
            (true, _) => failed += 1,
            (_, Action::Add) => added += 1,
            (_, Action::Change) => changed += 1,
            (_, Action::Remove) => removed += 1,
            (_, Action::Keep) => kept += 1,
        }
        if step.action == Action::Keep && step.failure.is_none() && step.warnings.is_empty() {
            continue;
        }
        let place = step
            .place
            .as_ref()
            .map(|place| format!("  {FAINT}{place}{FAINT:#}"))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "{style}{sign} {} {}/{}{style:#}{place}",
            step.kind, step.namespace, step.name
        );
        for difference in &step.differences {
            let _ = match (&difference.before, &difference.after) {
                (None, Some(after)) => writeln!(text, "    {ADD}+ {}: {}{ADD:#}", difference.path, short(after)),
                (Some(before), None) => {
                    writeln!(text, "    {REMOVE}- {}: {}{REMOVE:#}", difference.path, short(before))
                }
                (Some(before), Some(after)) => {
                    let (path, before, after) = (&difference.path, short(before), short(after));
                    writeln!(text, "    {CHANGE}~ {path}: {before} → {after}{CHANGE:#}")
                }
                (None, None) => Ok(()),
            };
        }
        for warning in &step.warnings {
            let _ = writeln!(text, "    {CHANGE}Warning: {warning}{CHANGE:#}");
        }
        if let Some(failure) = &step.failure {
            let _ = writeln!(text, "    {FAILED}{failure}{FAILED:#}");
        }
    }
    let counts = format!("{added} to add, {changed} to change, {removed} to remove, {kept} as they should be");
    let _ = match (failed, really) {
        (0, false) => writeln!(text, "Plan: {counts}."),
        (0, true) => writeln!(
            text,
            "Done: {added} added, {changed} changed, {removed} removed, {kept} were as they should be."
        ),
        (_, false) => writeln!(text, "Plan: {counts}; {failed} cannot be."),
        (_, true) => writeln!(text, "Nothing was done: {failed} cannot be, and it is all or nothing."),
    };
    text
}

/// A value on one line.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(120) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
