//! The label policies of people in no team: what they are made of (SPEC B16, B17).

use crate::{Invalid, Label, MAX_LABELS, UserLabelPolicy};

/// The word in a list of allowed labels that stands for all of them.
pub const ALL_LABELS: &str = "*";

impl UserLabelPolicy {
    /// Parses the labels that a policy allows by name: labels, or `*` for all; repeated ones are dropped.
    ///
    /// # Errors
    /// The first that is neither, or that there are more than [`MAX_LABELS`].
    pub fn parse_allowed<S: AsRef<str>>(texts: &[S]) -> Result<Vec<String>, Invalid> {
        const FIELD: &str = "allowed_labels";
        if texts.len() > MAX_LABELS {
            return Err(Invalid::new(FIELD, format!("must be at most {MAX_LABELS} labels")));
        }
        let mut allowed: Vec<String> = Vec::with_capacity(texts.len());
        for text in texts {
            let text = text.as_ref().trim();
            if text != ALL_LABELS {
                Label::parse(text).map_err(|invalid| invalid.on(FIELD))?;
            }
            if !allowed.iter().any(|known| known.eq_ignore_ascii_case(text)) {
                allowed.push(text.to_owned());
            }
        }
        Ok(allowed)
    }

    /// Whether it allows every label.
    pub fn allows_all(&self) -> bool {
        self.allowed.iter().any(|label| label == ALL_LABELS)
    }

    /// Whether it allows no label but those that every runner carries.
    pub fn allows_none(&self) -> bool {
        self.allowed.is_empty() && self.patterns.is_empty()
    }

    /// Whether a runner may carry the label: it does anyway, or the policy allows it by name or by pattern.
    pub fn admits(&self, label: &Label) -> bool {
        label.is_system()
            || self.allows_all()
            || self
                .allowed
                .iter()
                .any(|known| known.eq_ignore_ascii_case(label.as_str()))
            || self.patterns.iter().any(|pattern| pattern.admits(label))
    }

    /// Those of some custom labels that the policy does not admit.
    pub fn refused(&self, custom: &[Label]) -> Vec<Label> {
        custom.iter().filter(|label| !self.admits(label)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelPattern;

    #[test]
    fn b17_allowed_labels_are_labels_or_a_star() {
        let parse = |texts: &[&str]| UserLabelPolicy::parse_allowed(texts);
        assert_eq!(
            parse(&[" gpu", "GPU", "*", "*", "app-x"]).unwrap(),
            ["gpu", "*", "app-x"]
        );
        assert_eq!(parse(&[]).unwrap(), Vec::<String>::new());
        for bad in ["", "app-*", "has space", "**"] {
            assert_eq!(parse(&["gpu", bad]).unwrap_err().field, "allowed_labels", "{bad:?}");
        }
        let many: Vec<String> = (0..=MAX_LABELS).map(|n| format!("l{n}")).collect();
        assert!(
            UserLabelPolicy::parse_allowed(&many)
                .unwrap_err()
                .message
                .contains("100")
        );
    }

    #[test]
    fn b17_what_a_policy_admits() {
        let label = |text| Label::parse(text).unwrap();
        let policy = UserLabelPolicy {
            allowed: vec!["gpu".to_owned()],
            patterns: vec![LabelPattern::parse("app").unwrap()],
            ..UserLabelPolicy::default()
        };
        for (text, admitted) in [
            ("GPU", true),
            ("app", true),
            ("apple", false),
            ("Linux", true),
            ("arm", false),
        ] {
            assert_eq!(policy.admits(&label(text)), admitted, "{text}");
        }
        assert_eq!(
            policy.refused(&[label("gpu"), label("arm"), label("x64")]),
            [label("arm")]
        );
        let all = UserLabelPolicy {
            allowed: vec![ALL_LABELS.to_owned()],
            ..UserLabelPolicy::default()
        };
        assert!(all.allows_all() && all.admits(&label("anything")) && !policy.allows_all());
    }
}
