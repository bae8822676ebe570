//! What the query of an address asks for.

use std::time::Duration;

use kubernetes::{Cause, Failure, Reason};
use url::form_urlencoded;

/// The parameters that Guildhall knows. Others are ignored, as Kubernetes does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params {
    pub(super) limit: Option<usize>,
    pub(super) next: Option<String>,
    pub(super) labels: String,
    pub(super) fields: String,
    pub(super) resource_version: Option<String>,
    pub(super) version_match: Option<String>,
    pub(super) watch: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) bookmarks: bool,
    pub(super) initial_events: Option<bool>,
    pub(super) dry_run: bool,
    pub(super) field_validation: Option<String>,
    pub(super) field_manager: Option<String>,
    pub(super) force: bool,
    pub(super) include_object: Option<String>,
}

impl Params {
    /// Reads a query.
    ///
    /// # Errors
    /// 400 for a value that means nothing.
    pub(super) fn read(query: &str) -> Result<Self, Failure> {
        let mut params = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => params.limit = Some(number("limit", &value)?).filter(|limit| *limit > 0),
                "continue" => params.next = filled(&value),
                "labelSelector" => params.labels = value.into_owned(),
                "fieldSelector" => params.fields = value.into_owned(),
                "resourceVersion" => params.resource_version = filled(&value),
                "resourceVersionMatch" => params.version_match = filled(&value),
                "watch" => params.watch = flag("watch", &value)?,
                "timeoutSeconds" => {
                    let seconds: u32 = number("timeoutSeconds", &value)?;
                    params.timeout = Some(Duration::from_secs(seconds.into())).filter(|timeout| !timeout.is_zero());
                }
                "allowWatchBookmarks" => params.bookmarks = flag("allowWatchBookmarks", &value)?,
                "sendInitialEvents" => params.initial_events = Some(flag("sendInitialEvents", &value)?),
                "dryRun" => params.dry_run |= dry_run(&value)?,
                "fieldValidation" => params.field_validation = filled(&value),
                "fieldManager" => params.field_manager = filled(&value),
                "force" => params.force = flag("force", &value)?,
                "includeObject" => params.include_object = filled(&value),
                _ => {}
            }
        }
        Ok(params)
    }

    /// Requires a field to have a value.
    pub(super) fn require(&mut self, path: &str, value: &str) {
        let comma = if self.fields.is_empty() { "" } else { "," };
        self.fields = format!("{}{comma}{path}={value}", self.fields);
    }
}

/// The only dry run that there is; an empty word is none.
pub(super) fn dry_run(word: &str) -> Result<bool, Failure> {
    match word {
        "All" => Ok(true),
        "" => Ok(false),
        other => {
            let cause = Cause::unsupported("dryRun", &other.into(), &["All"]);
            Err(Failure::new(
                Reason::Invalid,
                format!("options is invalid: dryRun: {}", cause.message),
            ))
        }
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, Failure> {
    let wrong = |_| Failure::bad_request(format!("{name} must be a whole number, not {text:?}"));
    text.parse().map_err(wrong)
}

/// As Go's `strconv.ParseBool`, which Kubernetes uses; the bare name is yes.
fn flag(name: &str, text: &str) -> Result<bool, Failure> {
    match text {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Failure::bad_request(format!("{name} must be true or false, not {text:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read() {
        let params = Params::read("limit=500&watch=1&timeoutSeconds=7&dryRun=All&x=y&fieldSelector=metadata.name%3Da%2Cb!%3Dc")
            .expect("a query");
        assert_eq!((params.limit, params.watch, params.dry_run), (Some(500), true, true));
        assert_eq!(params.timeout, Some(Duration::from_secs(7)));
        assert_eq!(params.fields, "metadata.name=a,b!=c");
        for wrong in ["limit=x", "watch=maybe", "dryRun=Some", "timeoutSeconds=-1"] {
            assert!(Params::read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Params::read("limit=0&resourceVersion="), Ok(Params::default()));
    }
}
