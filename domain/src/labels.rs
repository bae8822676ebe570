//! Runner labels and the policies over them (SPEC B13, X9, X20).

use std::fmt;

use regex_lite::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::{Invalid, names::text_type, text::is_forbidden};

/// Labels that every runner carries, first in its list.
pub const SYSTEM_LABELS: [&str; 3] = ["self-hosted", "linux", "x64"];

/// How many labels GitHub takes for one runner.
pub const MAX_LABELS: usize = 100;

/// How many patterns one policy may hold.
pub const MAX_PATTERNS: usize = 50;

/// Letters, digits, `-` and `_`: what runner names and labels are made of (SPEC B11).
pub(crate) fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What is quoted of a text in an error: its first characters, with a sign where it is cut.
fn quoted(text: &str, most: usize, hidden: fn(char) -> bool) -> String {
    let mut visible = text.chars().filter(|c| !hidden(*c));
    let mut shown: String = visible.by_ref().take(most).collect();
    if visible.next().is_some() {
        shown.push('…');
    }
    shown
}

text_type! {
    /// A runner label: 1 to 100 letters, digits, `-` or `_`. Compared without regard to case, kept as written.
    Label
}

impl Label {
    /// The longest label, in characters. The cap keeps matching cheap whatever the pattern.
    pub const MAX: usize = 100;

    /// Parses a label.
    ///
    /// # Errors
    /// When it is empty, too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() || text.len() > Self::MAX || !is_word(text) {
            let shown = quoted(text, 40, char::is_control);
            return Err(Invalid::new(
                "labels",
                format!("label '{shown}' must be 1 to {} letters, digits, '-' or '_'", Self::MAX),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Parses a list of labels for `field`; repeated ones are dropped.
    ///
    /// # Errors
    /// The first label that is none, or that there are more than [`MAX_LABELS`].
    pub fn parse_list<S: AsRef<str>>(field: &'static str, texts: &[S]) -> Result<Vec<Self>, Invalid> {
        if texts.len() > MAX_LABELS {
            return Err(Invalid::new(field, format!("must be at most {MAX_LABELS} labels")));
        }
        let mut labels: Vec<Self> = Vec::with_capacity(texts.len());
        for text in texts {
            let label = Self::parse(text.as_ref()).map_err(|invalid| invalid.on(field))?;
            push_new(&mut labels, label);
        }
        Ok(labels)
    }

    /// Whether every runner carries it anyway.
    pub fn is_system(&self) -> bool {
        SYSTEM_LABELS.iter().any(|system| self.0.eq_ignore_ascii_case(system))
    }

    /// Equality as GitHub has it: without regard to case.
    pub fn same(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// Adds a label unless the list has it already.
fn push_new(labels: &mut Vec<Label>, label: Label) {
    if !labels.iter().any(|known| known.same(&label)) {
        labels.push(label);
    }
}

text_type! {
    /// A regular expression that admits custom labels. It has to match the whole label, in time
    /// linear in its length, without regard to case.
    LabelPattern
}

impl LabelPattern {
    /// The longest pattern, in characters.
    pub const MAX: usize = 200;
    /// The most memory a compiled pattern may take, in bytes: `(a{50}){50}` is refused, not run.
    const MAX_COMPILED: usize = 64 * 1024;

    /// Parses a pattern.
    ///
    /// # Errors
    /// `Invalid regex pattern '<p>': <why>` when it does not compile, is too long or too large.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let refuse = |why: &str| {
            let shown = quoted(text, 80, is_forbidden);
            Err(Invalid::new(
                "optional_label_patterns",
                format!("Invalid regex pattern '{shown}': {why}"),
            ))
        };
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.chars().count() > Self::MAX {
            return refuse("it is longer than 200 characters");
        }
        if text.chars().any(is_forbidden) {
            return refuse("it has control or invisible characters");
        }
        // Alone first: `a)|(b` would only compile once it is wrapped.
        if let Err(error) = RegexBuilder::new(text).size_limit(Self::MAX_COMPILED).build() {
            return refuse(&error.to_string());
        }
        match compile(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => refuse(&error.to_string()),
        }
    }

    /// Parses a list of patterns; repeated ones are dropped.
    ///
    /// # Errors
    /// The first pattern that is none, or that there are more than [`MAX_PATTERNS`].
    pub fn parse_list<S: AsRef<str>>(texts: &[S]) -> Result<Vec<Self>, Invalid> {
        if texts.len() > MAX_PATTERNS {
            return Err(Invalid::new(
                "optional_label_patterns",
                format!("must be at most {MAX_PATTERNS} patterns"),
            ));
        }
        let mut patterns: Vec<Self> = Vec::with_capacity(texts.len());
        for text in texts {
            let pattern = Self::parse(text.as_ref())?;
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        Ok(patterns)
    }

    /// Whether the pattern admits the whole label: `app` does not admit `apple`.
    pub fn admits(&self, label: &Label) -> bool {
        compile(&self.0).is_ok_and(|regex| regex.is_match(label.as_str()))
    }
}

/// Compiles a pattern so that it has to match from end to end.
fn compile(pattern: &str) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .case_insensitive(true)
        .size_limit(LabelPattern::MAX_COMPILED)
        .build()
}

/// What a team allows on its runners.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelPolicy {
    /// Labels that every runner of the team gets.
    pub required: Vec<Label>,
    /// Patterns for further labels; none means that no custom label is allowed (SPEC X9).
    pub optional: Vec<LabelPattern>,
}

/// Custom labels that a policy does not admit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelsRefused {
    /// The labels, as written.
    pub labels: Vec<Label>,
    /// What the policy would have admitted.
    pub patterns: Vec<LabelPattern>,
}

impl fmt::Display for LabelsRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label not permitted by team policy: {}. ", join(&self.labels))?;
        if self.patterns.is_empty() {
            f.write_str("The team allows no custom labels")
        } else {
            write!(f, "Allowed patterns: {}", join(&self.patterns))
        }
    }
}

fn join<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl LabelPolicy {
    /// How the policy takes one custom label.
    pub fn verdict(&self, label: &Label) -> Verdict {
        if label.is_system() {
            Verdict::System
        } else if self.required.iter().any(|required| required.same(label)) {
            Verdict::Required
        } else {
            match self.optional.iter().find(|pattern| pattern.admits(label)) {
                Some(pattern) => Verdict::Admitted(pattern.clone()),
                None => Verdict::Refused,
            }
        }
    }

    /// The final labels of a runner: system, required, then custom; each once, in that order
    /// (SPEC B13).
    ///
    /// # Errors
    /// When any custom label is not admitted: then the whole request is refused.
    pub fn resolve(&self, custom: &[Label]) -> Result<Vec<Label>, LabelsRefused> {
        let refused = self.refused(custom);
        if !refused.is_empty() {
            return Err(LabelsRefused {
                labels: refused,
                patterns: self.optional.clone(),
            });
        }
        Ok(with_system_labels(self.required.iter().chain(custom)))
    }

    /// Those of some custom labels that the policy does not admit.
    pub fn refused(&self, custom: &[Label]) -> Vec<Label> {
        let refused = |label: &&Label| self.verdict(label) == Verdict::Refused;
        custom.iter().filter(refused).cloned().collect()
    }

    /// Whether this policy allows no more than `current` does: at least its required labels, and
    /// patterns that are among its own or single labels that these admit (SPEC X20).
    pub fn is_at_most(&self, current: &Self) -> bool {
        let keeps_required = current
            .required
            .iter()
            .all(|needed| self.required.iter().any(|label| label.same(needed)));
        let narrows = self.optional.iter().all(|pattern| {
            current.optional.contains(pattern)
                || Label::parse(pattern.as_str())
                    .is_ok_and(|label| current.optional.iter().any(|known| known.admits(&label)))
        });
        keeps_required && narrows
    }
}

/// The system labels, then the given ones, each once.
fn with_system_labels<'a>(labels: impl Iterator<Item = &'a Label>) -> Vec<Label> {
    let mut all: Vec<Label> = SYSTEM_LABELS.iter().map(|label| Label((*label).to_owned())).collect();
    for label in labels {
        push_new(&mut all, label.clone());
    }
    all
}

/// What a policy says of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is on every runner anyway.
    System,
    /// The team puts it on every runner.
    Required,
    /// This pattern admits it.
    Admitted(LabelPattern),
    /// No pattern admits it.
    Refused,
}

/// What someone in no team may put on a runner (SPEC B17).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLabelPolicy {
    /// Labels by name; `*` stands for all.
    pub allowed: Vec<String>,
    /// Labels by pattern.
    pub patterns: Vec<LabelPattern>,
    /// How many runners the person may have at once; none is no limit.
    pub max_runners: Option<i32>,
    /// Whether somebody has to approve each runner first.
    pub require_approval: bool,
}

impl UserLabelPolicy {
    /// The final labels of a runner: system, then custom.
    ///
    /// # Errors
    /// `Labels {…} not permitted by policy. …`, with what the policy allows.
    pub fn resolve(&self, custom: &[Label]) -> Result<Vec<Label>, String> {
        let refused = self.refused(custom);
        if refused.is_empty() {
            return Ok(with_system_labels(custom.iter()));
        }
        let names = refused.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(format!(
            "Labels {{{names}}} not permitted by policy. Allowed labels: {}. Allowed patterns: {}",
            or_none(&self.allowed.join(", ")),
            or_none(&join(&self.patterns)),
        ))
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn policy(required: &[&str], optional: &[&str]) -> LabelPolicy {
        LabelPolicy {
            required: Label::parse_list("required_labels", required).unwrap(),
            optional: LabelPattern::parse_list(optional).unwrap(),
        }
    }

    fn labels(texts: &[&str]) -> Vec<Label> {
        Label::parse_list("labels", texts).unwrap()
    }

    #[test]
    fn b13_the_guides_example() {
        let policy = policy(&["docker"], &["app-.*"]);
        let resolved = policy.resolve(&labels(&["app-backend"])).unwrap();
        assert_eq!(
            resolved.iter().map(Label::as_str).collect::<Vec<_>>(),
            ["self-hosted", "linux", "x64", "docker", "app-backend"]
        );
        let refused = policy.resolve(&labels(&["app-backend", "gpu"])).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Label not permitted by team policy: gpu. Allowed patterns: app-.*"
        );
    }

    #[test]
    fn b13_a_pattern_matches_the_whole_label() {
        let policy = policy(
            &[],
            &["app", "b|bc", "x|(y"].map(|p| if p == "x|(y" { "x|y" } else { p }),
        );
        assert_eq!(policy.verdict(&labels(&["apple"])[0]), Verdict::Refused);
        assert_eq!(policy.verdict(&labels(&["my-app"])[0]), Verdict::Refused);
        assert!(matches!(policy.verdict(&labels(&["bc"])[0]), Verdict::Admitted(_)));
        assert!(
            matches!(policy.verdict(&labels(&["APP"])[0]), Verdict::Admitted(_)),
            "X20: case does not count"
        );
    }

    #[test]
    fn b13_required_and_system_labels_may_be_asked_for() {
        let policy = policy(&["Docker"], &[]);
        let resolved = policy.resolve(&labels(&["docker", "LINUX"])).unwrap();
        assert_eq!(
            resolved.iter().map(Label::as_str).collect::<Vec<_>>(),
            ["self-hosted", "linux", "x64", "Docker"]
        );
    }

    #[test]
    fn invalid_patterns_are_refused_with_the_reason() {
        for bad in ["(", "a)|(b", "[z-a]", "", "*", "(?m)\u{7}", "(a{200}){200}", "(?x)a #"] {
            let invalid = LabelPattern::parse(bad).unwrap_err();
            assert_eq!(invalid.field, "optional_label_patterns");
            assert!(
                invalid.message.starts_with("Invalid regex pattern '"),
                "{bad}: {invalid}"
            );
        }
    }

    #[test]
    fn hostile_patterns_and_long_labels_cost_next_to_nothing() {
        let pattern = LabelPattern::parse("(a+)+$").unwrap();
        let label = Label::parse(&format!("{}b", "a".repeat(99))).unwrap();
        let start = Instant::now();
        assert!(!pattern.admits(&label));
        assert!(Label::parse(&"a".repeat(10_000)).is_err());
        // A backtracking engine would need ages for this; a linear one microseconds. The bound is
        // far above either noise or a debug build.
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn x20_lowering_a_policy() {
        let current = policy(&["docker"], &["app-.*", "env-.*"]);
        assert!(policy(&["docker", "gpu"], &["app-.*"]).is_at_most(&current));
        assert!(policy(&["docker"], &["app-web"]).is_at_most(&current));
        assert!(!policy(&[], &["app-.*"]).is_at_most(&current));
        assert!(!policy(&["docker"], &["app-.*", ".*"]).is_at_most(&current));
        assert!(!policy(&["docker"], &["gpu"]).is_at_most(&current));
    }

    #[test]
    fn b17_user_policies() {
        let policy = UserLabelPolicy {
            allowed: vec!["gpu".into()],
            ..UserLabelPolicy::default()
        };
        assert!(policy.resolve(&labels(&["gpu", "linux"])).is_ok());
        assert!(
            policy
                .resolve(&labels(&["arm"]))
                .unwrap_err()
                .starts_with("Labels {arm} not permitted by policy.")
        );
        let all = UserLabelPolicy {
            allowed: vec!["*".into()],
            ..UserLabelPolicy::default()
        };
        assert!(all.resolve(&labels(&["anything"])).is_ok());
    }

    proptest! {
        #[test]
        fn no_pattern_text_panics(text in ".{0,220}") {
            let _ = LabelPattern::parse(&text);
        }

        #[test]
        fn resolved_lists_have_no_doubles(custom in proptest::collection::vec("[a-zA-Z0-9_-]{1,12}", 0..20)) {
            let policy = policy(&["docker", "Linux"], &[".*"]);
            let custom = Label::parse_list("labels", &custom).unwrap();
            let all = policy.resolve(&custom).unwrap();
            for (i, label) in all.iter().enumerate() {
                prop_assert!(!all[..i].iter().any(|earlier| earlier.same(label)));
            }
            for label in &custom {
                prop_assert!(all.iter().any(|known| known.same(label)));
            }
        }
    }
}
