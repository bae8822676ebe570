//! In which lines of the file its keys stand, for errors.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser};

/// The lines of a YAML document's keys. Empty as far as it cannot be read: the error about that is another's.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// By dotted name; entries of lists are `name[0]`, counted from 0.
    lines: BTreeMap<String, usize>,
    /// Keys that were there before, with their second line.
    pub repeated: Vec<(String, usize)>,
    /// Keys that have dots of their own, so that they look like a table's.
    pub dotted: Vec<(String, usize)>,
}

/// A table or a list that is being read.
enum Open {
    /// With the key whose value comes next, if one was read.
    Table { name: String, key: Option<String> },
    /// With the number of entries so far.
    List { name: String, entries: usize },
}

impl Lines {
    /// Reads a document.
    pub fn read(text: &str) -> Self {
        let mut lines = Self::default();
        let mut open = Vec::new();
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            let line = span.start.line();
            match event {
                Event::Scalar(text, ..) => {
                    lines.enter(&mut open, Some(&text), line);
                }
                Event::Alias(_) => {
                    lines.enter(&mut open, None, line);
                }
                Event::MappingStart(..) => {
                    let name = lines.enter(&mut open, None, line);
                    open.push(Open::Table { name, key: None });
                }
                Event::SequenceStart(..) => {
                    let name = lines.enter(&mut open, None, line);
                    open.push(Open::List { name, entries: 0 });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    open.pop();
                }
                _ => {}
            }
        }
        lines
    }

    /// The line of a key or an entry, counted from 1.
    pub fn of(&self, name: &str) -> Option<usize> {
        self.lines.get(name).copied()
    }

    /// Something begins: a key, where one is expected, or a value. Gives its name.
    fn enter(&mut self, open: &mut [Open], text: Option<&str>, line: usize) -> String {
        match open.last_mut() {
            None => String::new(),
            Some(Open::List { name, entries }) => {
                let name = format!("{name}[{entries}]");
                *entries += 1;
                self.lines.insert(name.clone(), line);
                name
            }
            Some(Open::Table { key, .. }) if key.is_some() => key.take().unwrap_or_default(),
            Some(Open::Table { name, key }) => {
                // A key that is itself a table or a list is nobody's.
                let own = text.unwrap_or("?");
                let whole = if name.is_empty() {
                    own.to_owned()
                } else {
                    format!("{name}.{own}")
                };
                *key = Some(whole.clone());
                if own.contains('.') {
                    self.dotted.push((whole.clone(), line));
                }
                if self.lines.contains_key(&whole) {
                    self.repeated.push((whole.clone(), line));
                } else {
                    self.lines.insert(whole.clone(), line);
                }
                whole
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn keys_entries_and_repetitions_have_lines() {
        let text = "# a comment\nlisten: x\noidc:\n  issuer: |\n    two\n    lines\n  scopes: [a,\n    b]\n  {a: 1}: y\n\nlitellm:\n  \
                    instances:\n    - name: x\n      url: y\n    - {name: z}\nlisten: again\na.b: c\n";
        let lines = Lines::read(text);
        for (name, line) in [
            ("listen", 2),
            ("oidc", 3),
            ("oidc.issuer", 4),
            ("oidc.scopes", 7),
            ("oidc.scopes[1]", 8),
            ("litellm.instances", 12),
            ("litellm.instances[0].url", 14),
            ("litellm.instances[1].name", 15),
        ] {
            assert_eq!(lines.of(name), Some(line), "{name}");
        }
        assert_eq!(lines.of("none"), None);
        assert_eq!(lines.repeated, [("listen".to_owned(), 16)]);
        assert_eq!(lines.dotted, [("a.b".to_owned(), 17)]);
    }

    #[test]
    fn what_is_not_yaml_has_the_lines_before_that() {
        assert_eq!(Lines::read("a: 1\nb: [").of("a"), Some(1));
        assert_eq!(Lines::read("").of("a"), None);
    }
}
