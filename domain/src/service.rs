//! Services that teams may use, and the requests that a service admits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Invalid, names::text_type};

text_type! {
    /// A service's name, as it stands in `/authz/{service}`: 1 to 63 lowercase letters, digits, inner
    /// hyphens, underscores and dots.
    ServiceName
}

impl ServiceName {
    /// Parses a name.
    ///
    /// # Errors
    /// When it has other characters, or no letter or digit at one of its ends.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(b);
        let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|b| inner(&b))
            && text.starts_with(ends)
            && text.ends_with(ends);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "name",
                "must be 1 to 63 lowercase letters, digits, hyphens, underscores and dots, with a letter or digit at both ends",
            ))
        }
    }
}

/// What a service is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// Something that speaks HTTP.
    #[default]
    Http,
    /// A gateway to AI models, where models and budgets are checked too.
    ModelGateway,
}

impl ServiceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Http, Self::ModelGateway];

    /// The word that the database and APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::ModelGateway => "model_gateway",
        }
    }
}

impl FromStr for ServiceKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Invalid::new("kind", "must be http or model_gateway"))
    }
}

/// Requests that a service admits: those below a path, by one method or any. Written `/v1` or `GET /v1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathRule {
    method: Option<String>,
    prefix: String,
}

impl PathRule {
    /// How many rules one service may have.
    pub const MAX: usize = 50;

    /// Parses a rule.
    ///
    /// # Errors
    /// When the path does not begin with `/`, is longer than 200 characters, or could be read in two ways (see
    /// [`is_plain_path`]); when the method is not a word in capitals.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |rule: &'static str| Err(Invalid::new("path_prefixes", rule));
        let (method, prefix) = match text.trim().split_once(char::is_whitespace) {
            Some((method, prefix)) => (Some(method.to_ascii_uppercase()), prefix.trim_start()),
            None => (None, text.trim()),
        };
        if method
            .as_ref()
            .is_some_and(|method| method.len() > 20 || !method.bytes().all(|b| b.is_ascii_uppercase()))
        {
            return invalid("must be like /v1 or GET /v1");
        }
        if !prefix.starts_with('/') || prefix.len() > 200 || !prefix.bytes().all(|b| b.is_ascii_graphic()) {
            return invalid("must be paths of at most 200 characters that begin with /, like /v1 or GET /v1");
        }
        if !is_plain_path(prefix) || prefix.contains(['?', '#']) {
            return invalid("must not contain //, . or .. as a step, a backslash, %2f, %5c, %2e, ? or #");
        }
        Ok(Self {
            method,
            prefix: prefix.to_owned(),
        })
    }

    /// Whether a request is below the path, whole steps only: `/v1` admits `/v1` and `/v1/x`, not `/v10`.
    /// The path must be [plain](is_plain_path).
    pub fn admits(&self, method: &str, path: &str) -> bool {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let fits = path
            .strip_prefix(self.prefix.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.prefix.ends_with('/'));
        fits && self.method.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(method))
    }
}

/// Whether every proxy and service reads a path the same way. One with `..`, `//`, a backslash or an encoded slash or
/// dot may mean something else behind the proxy than it says before it, so no rule of paths can be held against it.
pub fn is_plain_path(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    path.starts_with('/')
        && !path.contains("//")
        && !path.contains(['\\', ';'])
        && !["%2e", "%2f", "%5c", "%00", "%25"]
            .iter()
            .any(|code| lower.contains(code))
        && !path.split('/').any(|step| step == "." || step == "..")
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.method {
            Some(method) => write!(f, "{method} {}", self.prefix),
            None => f.write_str(&self.prefix),
        }
    }
}

impl TryFrom<String> for PathRule {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<PathRule> for String {
    fn from(rule: PathRule) -> Self {
        rule.to_string()
    }
}

/// Parses a service's rules; the same one twice counts once.
///
/// # Errors
/// When there are more than [`PathRule::MAX`], or one is not valid.
pub fn parse_path_rules<S: AsRef<str>>(texts: &[S]) -> Result<Vec<PathRule>, Invalid> {
    if texts.len() > PathRule::MAX {
        return Err(Invalid::new(
            "path_prefixes",
            format!("must be at most {} paths", PathRule::MAX),
        ));
    }
    let mut rules = Vec::with_capacity(texts.len());
    for text in texts {
        let rule = PathRule::parse(text.as_ref())?;
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_service_names() {
        for good in ["llm-service", "auto-rater", "xyz-svc", "a", "v1.models"] {
            assert_eq!(ServiceName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "..", &"a".repeat(64)] {
            assert!(ServiceName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_are_admitted_by_whole_steps() {
        let rule = |text| PathRule::parse(text).unwrap();
        assert!(rule("/v1").admits("GET", "/v1"));
        assert!(rule("/v1").admits("POST", "/v1/chat?x=/y"));
        assert!(!rule("/v1").admits("GET", "/v10"));
        assert!(rule("/").admits("GET", "/anything"));
        assert!(rule("get /v1/").admits("GET", "/v1/chat"));
        assert!(!rule("GET /v1").admits("POST", "/v1"));
        assert_eq!(rule("get  /v1").to_string(), "GET /v1");
        for bad in ["", "v1", "G3T /v1", "/a//b", "/a/../b", "/a?b", "/a%2fb", "/ä"] {
            assert!(PathRule::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_that_may_be_read_in_two_ways_are_not_plain() {
        for plain in ["/", "/v1/chat", "/v1/chat?next=../x", "/a.b/c..d", "/caf%C3%A9"] {
            assert!(is_plain_path(plain), "{plain}");
        }
        for other in [
            "",
            "v1",
            "/a/../b",
            "/a/..",
            "/./a",
            "//a",
            "/a\\b",
            "/%2e%2e/a",
            "/a%2Fb",
            "/a;x=1/b",
            "/%252e",
        ] {
            assert!(!is_plain_path(other), "{other}");
        }
    }
}
