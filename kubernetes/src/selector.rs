//! Label selectors and field selectors.

use std::collections::BTreeMap;

use crate::{Failure, Meta, syntax};

/// How long a selector may be: it stands in a URL.
const LENGTH: usize = 8 * 1024;

/// What `-l` selects: everything that all of its requirements are true of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Labels {
    /// Reads a `labelSelector`: `app=a,tier!=b,env in (x,y),env notin (z),owner,!legacy`. An empty one selects all.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let refuse = |rule: &str| Failure::bad_request(format!("unable to parse labelSelector {text:?}: {rule}"));
        if text.len() > LENGTH {
            return Err(Failure::bad_request(format!(
                "labelSelector must be no more than {LENGTH} bytes"
            )));
        }
        let parts = split(text).ok_or_else(|| refuse("parentheses do not match"))?;
        let read = |part: &str| requirement(part).map_err(|rule| refuse(&rule));
        if text.trim().is_empty() {
            Ok(Self::default())
        } else {
            parts.into_iter().map(read).collect::<Result<_, _>>().map(Self)
        }
    }

    /// Whether labels are selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match &requirement.rule {
                Rule::Exists => value.is_some(),
                Rule::Absent => value.is_none(),
                Rule::In(values) => value.is_some_and(|value| values.contains(value)),
                // What has no such label is not in the list either.
                Rule::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Rule::Above(bound) => number().is_some_and(|number| number > *bound),
                Rule::Below(bound) => number().is_some_and(|number| number < *bound),
            }
        })
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// At the commas that are not in parentheses.
fn split(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, char) in text.char_indices() {
        match char {
            '(' if inside => return None,
            '(' => inside = true,
            ')' if !inside => return None,
            ')' => inside = false,
            ',' if !inside => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!inside).then_some(parts)
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let part = part.trim();
    let (key, rule) = if let Some(key) = part.strip_prefix('!') {
        (key, Rule::Absent)
    } else if let Some((key, value)) = part.split_once("!=") {
        (key, Rule::NotIn(vec![word(value)?]))
    } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        (key, Rule::In(vec![word(value)?]))
    } else if let Some((key, value)) = part.split_once('>') {
        (key, Rule::Above(number(value)?))
    } else if let Some((key, value)) = part.split_once('<') {
        (key, Rule::Below(number(value)?))
    } else if let Some((head, list)) = part.split_once('(') {
        let list = list.strip_suffix(')').ok_or("something follows a list")?;
        let values = list.split(',').map(word).collect::<Result<_, _>>()?;
        match head.trim().rsplit_once(char::is_whitespace) {
            Some((key, "in")) => (key, Rule::In(values)),
            Some((key, "notin")) => (key, Rule::NotIn(values)),
            _ => return Err("a list must follow 'in' or 'notin'".to_owned()),
        }
    } else {
        (part, Rule::Exists)
    };
    let key = key.trim();
    match syntax::qualified(key) {
        None => Ok(Requirement {
            key: key.to_owned(),
            rule,
        }),
        Some(why) => Err(format!("key {key:?}: {why}")),
    }
}

fn word(value: &str) -> Result<String, String> {
    let value = value.trim();
    match syntax::label_value(value) {
        None => Ok(value.to_owned()),
        Some(why) => Err(format!("value {value:?}: {why}")),
    }
}

fn number(value: &str) -> Result<i64, String> {
    let value = value.trim();
    value
        .parse()
        .map_err(|_| format!("value {value:?}: must be an integer"))
}

/// What `--field-selector` selects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, bool, String)>);

impl Fields {
    /// Reads a `fieldSelector`. Only names and namespaces can be asked for.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        Self::parse_of(text, &["metadata.name", "metadata.namespace"])
    }

    /// Reads a `fieldSelector` that may name other fields: those of events, for example.
    pub fn parse_of(text: &str, supported: &[&str]) -> Result<Self, Failure> {
        if text.len() > LENGTH {
            return Err(Failure::bad_request(format!(
                "fieldSelector must be no more than {LENGTH} bytes"
            )));
        }
        let mut terms = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (field, is, value) = if let Some((field, value)) = part.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (field, true, value)
            } else {
                return Err(Failure::bad_request(format!(
                    "unable to parse fieldSelector {text:?}: {part:?} has none of =, == and !="
                )));
            };
            let field = field.trim();
            if !supported.contains(&field) {
                return Err(Failure::bad_request(format!("field label not supported: {field}")));
            }
            terms.push((field.to_owned(), is, value.trim().to_owned()));
        }
        Ok(Self(terms))
    }

    /// Whether an object is selected.
    pub fn matches(&self, metadata: &Meta) -> bool {
        self.matches_by(|field| match field {
            "metadata.name" => metadata.name.clone(),
            "metadata.namespace" => metadata.namespace.clone(),
            _ => String::new(),
        })
    }

    /// Whether something is selected that tells its fields.
    pub fn matches_by(&self, field: impl Fn(&str) -> String) -> bool {
        self.0.iter().all(|(name, is, value)| (field(name) == *value) == *is)
    }

    /// The one value that a field must have, so that a query can ask for it.
    pub fn only(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, is, _)| name == field && *is)
            .map(|(_, _, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn labels_select() {
        let object = labels(&[("app", "a"), ("env", "x"), ("n", "5")]);
        for (selector, selected) in [
            ("", true),
            ("app=a", true),
            ("app==a , env = x", true),
            ("app=b", false),
            ("app!=b,missing!=b", true),
            ("env in (x, y)", true),
            ("env in (y)", false),
            ("env notin (x)", false),
            ("missing notin (x)", true),
            ("app", true),
            ("missing", false),
            ("!missing", true),
            ("!app", false),
            ("n>4,n<6", true),
            ("n>5", false),
            ("in in (in)", false),
            ("empty=", false),
            ("app=a,env in (y,z)", false),
        ] {
            assert_eq!(
                Labels::parse(selector).unwrap().matches(&object),
                selected,
                "{selector}"
            );
        }
    }

    #[test]
    fn what_is_no_label_selector_is_400() {
        for bad in [
            "a b=c",
            "app=a,",
            "app in (a",
            "app in a)",
            "app like (a)",
            "app=a b",
            "=a",
            "n>x",
            "app in (a) b",
            "(a)",
        ] {
            assert_eq!(Labels::parse(bad).unwrap_err().reason, Reason::BadRequest, "{bad}");
        }
    }

    #[test]
    fn fields_are_names_and_namespaces() {
        let metadata = Meta {
            name: "a".to_owned(),
            namespace: "acme".to_owned(),
            ..Meta::default()
        };
        for (selector, selected) in [
            ("", true),
            ("metadata.name=a", true),
            ("metadata.name==b", false),
            ("metadata.name!=b,metadata.namespace=acme", true),
            ("metadata.namespace!=acme", false),
        ] {
            assert_eq!(
                Fields::parse(selector).unwrap().matches(&metadata),
                selected,
                "{selector}"
            );
        }
        assert_eq!(
            Fields::parse("metadata.name=a").unwrap().only("metadata.name"),
            Some("a")
        );
        let failure = Fields::parse("spec.role=admin").unwrap_err();
        assert_eq!(
            (failure.reason, failure.message.as_str()),
            (Reason::BadRequest, "field label not supported: spec.role")
        );
        assert!(Fields::parse("metadata.name").is_err());
    }
}
