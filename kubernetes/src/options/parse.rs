//! The query string, parameter by parameter; each refusal names the parameter and its rule.

use super::{Match, Options, Propagation};
use crate::{Failure, decode::Validation, selector::Labels};

/// How long the name of a field manager may be.
pub(super) const MANAGER: usize = 128;

pub(super) fn query(query: &str) -> Result<Options, Failure> {
    let mut options = Options::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let (name, value) = (name.as_ref(), value.as_ref());
        match name {
            "limit" => options.limit = number(name, value)?.filter(|limit| *limit > 0),
            "continue" => options.token = some(value),
            "fieldSelector" => options.field_selector = value.to_owned(),
            "labelSelector" => options.labels = Labels::parse(value)?,
            "watch" => options.watch = flag(name, value)?,
            "resourceVersion" => {
                options.version = number(name, value)?.filter(|version| *version > 0);
                options.any_version = value == "0";
            }
            "resourceVersionMatch" => options.version_match = version_match(name, value)?,
            "timeoutSeconds" => {
                let seconds = number(name, value)?.map(u32::try_from).transpose();
                options.timeout_seconds = seconds.map_err(|_| refuse(name, value, "must fit into 32 bits"))?;
            }
            "allowWatchBookmarks" => options.bookmarks = flag(name, value)?,
            "sendInitialEvents" => options.send_initial_events = Some(flag(name, value)?),
            "dryRun" => options.dry_run |= dry_run(value)?,
            "fieldValidation" => options.validation = validation(name, value)?,
            "fieldManager" => options.field_manager = manager(name, value)?,
            "force" => options.force = flag(name, value)?,
            "propagationPolicy" => options.propagation = Propagation::read(value)?,
            "gracePeriodSeconds" => options.grace_period_seconds = number(name, value)?,
            _ => {}
        }
    }
    together(&options)?;
    Ok(options)
}

/// Rules of several parameters, as Kubernetes has them.
fn together(options: &Options) -> Result<(), Failure> {
    let refuse = |rule: &str| Err(Failure::bad_request(rule));
    let has_version = options.version.is_some() || options.any_version;
    if options.watch {
        if options.version_match.is_some() && options.send_initial_events.is_none() {
            return refuse("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        }
        if options.send_initial_events.is_some() && options.version_match != Some(Match::NotOlderThan) {
            return refuse("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        return Ok(());
    }
    if options.send_initial_events.is_some() {
        return refuse("sendInitialEvents is forbidden for list");
    }
    match options.version_match {
        Some(_) if !has_version => refuse("resourceVersionMatch is forbidden unless resourceVersion is provided"),
        Some(_) if options.token.is_some() => refuse("resourceVersionMatch is forbidden when continue is provided"),
        Some(Match::Exact) if options.any_version => {
            refuse("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"")
        }
        _ if options.token.is_some() && options.version.is_some() => {
            refuse("specifying resource version is not allowed when using continue")
        }
        _ => Ok(()),
    }
}

pub(super) fn refuse(name: &str, value: &str, rule: &str) -> Failure {
    Failure::bad_request(format!("{name}: Invalid value: {value:?}: {rule}"))
}

/// `dryRun` of a query or of `DeleteOptions`.
pub(super) fn dry_run(value: &str) -> Result<bool, Failure> {
    match value {
        "" => Ok(false),
        "All" => Ok(true),
        _ => Err(refuse("dryRun", value, "supported values: \"All\"")),
    }
}

fn some(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn number(name: &str, value: &str) -> Result<Option<i64>, Failure> {
    match value.parse() {
        _ if value.is_empty() => Ok(None),
        Ok(number @ 0..) => Ok(Some(number)),
        _ => Err(refuse(name, value, "must be a whole number of 0 or more")),
    }
}

/// A parameter without a value is one that is set.
fn flag(name: &str, value: &str) -> Result<bool, Failure> {
    match value {
        "" | "1" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(refuse(name, value, "must be true or false")),
    }
}

fn version_match(name: &str, value: &str) -> Result<Option<Match>, Failure> {
    match value {
        "" => Ok(None),
        "Exact" => Ok(Some(Match::Exact)),
        "NotOlderThan" => Ok(Some(Match::NotOlderThan)),
        _ => Err(refuse(name, value, "supported values: \"Exact\", \"NotOlderThan\"")),
    }
}

fn validation(name: &str, value: &str) -> Result<Validation, Failure> {
    match value {
        "" => Ok(Validation::default()),
        "Ignore" => Ok(Validation::Ignore),
        "Warn" => Ok(Validation::Warn),
        "Strict" => Ok(Validation::Strict),
        _ => Err(refuse(
            name,
            value,
            "supported values: \"Ignore\", \"Warn\", \"Strict\"",
        )),
    }
}

fn manager(name: &str, value: &str) -> Result<Option<String>, Failure> {
    if value.len() > MANAGER {
        return Err(refuse(name, value, "may not be more than 128 bytes"));
    }
    if value.chars().any(char::is_control) {
        return Err(refuse(name, value, "should only contain printable characters"));
    }
    Ok(some(value))
}
