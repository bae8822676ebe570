//! YAML to JSON, with lines. What aliases may make of a small file is bounded.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

use super::scalar;
use crate::decode::type_of;

/// How deep values may be nested.
const DEPTH: usize = 64;
/// How large a file may become by its aliases: bytes of text, and a few for each value.
const EXPANDED: usize = 16 * 1024 * 1024;
/// What a value costs beside its text.
const NODE: usize = 16;

/// A line, counted from 1, and the rule that is broken there.
type Problem = (usize, String);

/// A document.
#[derive(Debug)]
pub(super) struct Document {
    /// Where it begins.
    pub line: usize,
    pub value: Value,
    /// Where the entries of its `items` begin.
    pub items: Vec<usize>,
}

/// What is being read.
struct Frame {
    open: Open,
    line: usize,
    anchor: usize,
    size: usize,
}

enum Open {
    Map {
        fields: Map<String, Value>,
        key: Option<Key>,
        merged: Vec<Map<String, Value>>,
    },
    List(Vec<Value>),
}

/// Whose value comes next.
enum Key {
    Field(String),
    /// `<<`: the fields of another map.
    Merge,
}

#[derive(Default)]
struct Reader {
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, (Value, usize)>,
    /// Bytes so far, of the whole file.
    expanded: usize,
    current: Option<Document>,
    items: Vec<usize>,
    documents: Vec<Document>,
}

pub(super) fn documents(text: &str) -> Result<Vec<Document>, Problem> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let line = error.marker().line().max(1);
            (line, tabs(text, line).unwrap_or_else(|| error.info().to_owned()))
        })?;
        reader.event(event, span.start.line().max(1))?;
    }
    Ok(reader.documents)
}

/// The usual reason of errors that nobody understands.
fn tabs(text: &str, line: usize) -> Option<String> {
    let is_tabbed = |line: &str| {
        line.chars()
            .take_while(|char| char.is_whitespace())
            .any(|char| char == '\t')
    };
    // The parser often notices in the next line.
    let near = text.lines().skip(line.saturating_sub(2)).take(2);
    near.into_iter()
        .any(is_tabbed)
        .then(|| "tabs cannot indent: use spaces".to_owned())
}

impl Reader {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if self.expects_key() {
                    return self.key(&text, style, line);
                }
                let value = scalar(&text, style, tag.as_deref()).map_err(|rule| (line, rule))?;
                self.value(value, (NODE + text.len(), NODE + text.len()), anchor, line)
            }
            Event::Alias(anchor) => {
                if self.expects_key() {
                    return Err((line, "a key must be text, not an alias".to_owned()));
                }
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err((line, "an alias cannot stand in what it refers to".to_owned()));
                };
                self.value(value, (size, size), 0, line)
            }
            Event::SequenceStart(anchor, tag) => {
                known_tag(tag.as_deref(), "seq").map_err(|rule| (line, rule))?;
                self.open(Open::List(Vec::new()), anchor, line)
            }
            Event::MappingStart(anchor, tag) => {
                known_tag(tag.as_deref(), "map").map_err(|rule| (line, rule))?;
                self.open(
                    Open::Map {
                        fields: Map::new(),
                        key: None,
                        merged: Vec::new(),
                    },
                    anchor,
                    line,
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::DocumentStart(_) => {
                // Anchors are a document's own.
                self.anchors.clear();
                Ok(())
            }
            Event::DocumentEnd => {
                self.documents.extend(self.current.take());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.frames.last(),
            Some(Frame {
                open: Open::Map { key: None, .. },
                ..
            })
        )
    }

    fn key(&mut self, text: &str, style: ScalarStyle, line: usize) -> Result<(), Problem> {
        let Some(Frame {
            open: Open::Map { fields, key, .. },
            size,
            ..
        }) = self.frames.last_mut()
        else {
            return Ok(());
        };
        if fields.contains_key(text) {
            return Err((line, format!("the key {text:?} is there twice")));
        }
        *size += text.len();
        // A quoted one is a field like any other.
        let merges = text == "<<" && style == ScalarStyle::Plain;
        *key = Some(if merges {
            Key::Merge
        } else {
            Key::Field(text.to_owned())
        });
        Ok(())
    }

    fn open(&mut self, open: Open, anchor: usize, line: usize) -> Result<(), Problem> {
        if self.expects_key() {
            return Err((line, "a key must be text".to_owned()));
        }
        if self.frames.len() >= DEPTH {
            return Err((line, format!("nested deeper than {DEPTH} levels")));
        }
        self.frames.push(Frame {
            open,
            line,
            anchor,
            size: NODE,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some(Frame {
            open,
            line,
            anchor,
            size,
        }) = self.frames.pop()
        else {
            return Ok(());
        };
        let value = match open {
            Open::List(entries) => Value::Array(entries),
            Open::Map { mut fields, merged, .. } => {
                for (name, value) in merged.into_iter().flatten() {
                    fields.entry(name).or_insert(value);
                }
                Value::Object(fields)
            }
        };
        // What has an anchor is kept a second time.
        let cost = if anchor > 0 { size } else { NODE };
        self.value(value, (size, cost), anchor, line)
    }

    /// A value is complete: it belongs to what is open, or it is the document. It has a size, of which only a part may be
    /// new: what a map holds was counted when it came.
    fn value(&mut self, value: Value, (size, cost): (usize, usize), anchor: usize, line: usize) -> Result<(), Problem> {
        self.expanded += cost;
        if self.expanded > EXPANDED {
            return Err((line, "aliases make too much of this file".to_owned()));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut() else {
            self.current = Some(Document {
                line,
                value,
                items: std::mem::take(&mut self.items),
            });
            return Ok(());
        };
        frame.size += size;
        match &mut frame.open {
            Open::List(entries) => {
                entries.push(value);
                if depth == 2 && self.is_items() {
                    self.items.push(line);
                }
            }
            Open::Map { fields, key, merged } => match key.take() {
                Some(Key::Merge) => merged.extend(merges(value).map_err(|rule| (line, rule))?),
                Some(Key::Field(name)) => {
                    fields.insert(name, value);
                }
                None => {}
            },
        }
        Ok(())
    }

    /// Whether the list that is open is `items` of the document.
    fn is_items(&self) -> bool {
        matches!(self.frames.first(), Some(Frame { open: Open::Map { key: Some(Key::Field(key)), .. }, .. }) if key == "items")
    }
}

/// What `<<: *base` brings.
fn merges(value: Value) -> Result<Vec<Map<String, Value>>, String> {
    let one = |value: Value| match value {
        Value::Object(fields) => Ok(fields),
        other => Err(format!("<< takes maps, not {}", type_of(&other))),
    };
    match value {
        Value::Array(values) => values.into_iter().map(one).collect(),
        value => one(value).map(|fields| vec![fields]),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        if style != ScalarStyle::Plain {
            return Ok(text.into());
        }
        return scalar::plain(text).ok_or_else(|| format!("JSON has no number {text}"));
    };
    let value = scalar::plain(text).unwrap_or_default();
    match core(tag) {
        Some("str") => Ok(text.into()),
        Some("null") if value.is_null() => Ok(value),
        Some("bool") if value.is_boolean() => Ok(value),
        Some("int") if value.is_i64() || value.is_u64() => Ok(value),
        Some("float") if value.is_number() => Ok(value),
        Some(word @ ("null" | "bool" | "int" | "float")) => Err(format!("{text:?} is not of the type !!{word}")),
        _ => Err(unknown_tag(tag)),
    }
}

fn known_tag(tag: Option<&Tag>, word: &str) -> Result<(), String> {
    match tag {
        Some(tag) if core(tag) != Some(word) => Err(unknown_tag(tag)),
        _ => Ok(()),
    }
}

fn core(tag: &Tag) -> Option<&str> {
    (tag.handle == "tag:yaml.org,2002:" || tag.handle == "!!").then_some(tag.suffix.as_str())
}

fn unknown_tag(tag: &Tag) -> String {
    format!("the tag {}{} is not known", tag.handle, tag.suffix)
}
