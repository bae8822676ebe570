//! Filters (RFC 7644, section 3.4.2.2): `userName eq "max" and not (emails[type eq "work" and value ew "@example.com"])`.
//!
//! The published crates do less or more than we need: `scim-filter` has not moved since early 2024 and compares in memory,
//! `scim_v2` brings models of its own. Ours is the grammar, a bound on depth, and nothing else.

use serde_json::Value;

use super::{AttrPath, Refused, ScimType};

/// The longest filter.
const LONGEST: usize = 4000;
/// How deep parentheses and brackets may go.
const DEEPEST: u32 = 20;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

impl Op {
    /// All, with their words.
    const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("co", Self::Co),
        ("sw", Self::Sw),
        ("ew", Self::Ew),
        ("gt", Self::Gt),
        ("ge", Self::Ge),
        ("lt", Self::Lt),
        ("le", Self::Le),
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find_map(|(name, op)| name.eq_ignore_ascii_case(word).then_some(op))
    }
}

/// A filter, read.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// One of them.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// An attribute compared with a value.
    Compare(AttrPath, Op, Value),
    /// An attribute that has a value.
    Present(AttrPath),
    /// One entry of a list that all of this is true of.
    Within(AttrPath, Box<Filter>),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `invalidFilter`, with the place where it stops making sense.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text.len() > LONGEST {
            return Err(Refused::new(
                ScimType::InvalidFilter,
                format!("The filter is longer than {LONGEST} characters"),
            ));
        }
        let mut reader = Reader::new(text);
        let filter = reader.either()?;
        reader.space();
        if reader.is_at_end() {
            Ok(filter)
        } else {
            Err(reader.wrong("and, or, or the end"))
        }
    }

    /// The values that the attribute `name` is compared with, when the filter is nothing but such comparisons joined by
    /// or: `value eq "a" or value eq "b"`.
    pub fn equals(&self, name: &str) -> Option<Vec<&str>> {
        match self {
            Self::Compare(path, Op::Eq, Value::String(text))
                if path.sub.is_none() && path.schema.is_none() && path.name.eq_ignore_ascii_case(name) =>
            {
                Some(vec![text.as_str()])
            }
            Self::Or(parts) => {
                let parts: Option<Vec<_>> = parts.iter().map(|part| part.equals(name)).collect();
                Some(parts?.concat())
            }
            _ => None,
        }
    }
}

/// What is in the brackets of a path, and the closing one.
pub(super) fn within(reader: &mut Reader<'_>) -> Result<Filter, Refused> {
    reader.deeper()?;
    let filter = reader.either()?;
    reader.depth -= 1;
    reader.space();
    if reader.take(']') {
        Ok(filter)
    } else {
        Err(reader.wrong("]"))
    }
}

/// A text and a place in it.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Takes a letter, if it is the next one.
    pub(super) fn take(&mut self, letter: char) -> bool {
        let there = self.rest().starts_with(letter);
        if there {
            self.at += letter.len_utf8();
        }
        there
    }

    /// Takes a name, a keyword or a number; empty when there is none.
    pub(super) fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || ":.-_$+".contains(c)))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn space(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(' ');
        self.at += rest.len() - trimmed.len();
        trimmed.len() < rest.len()
    }

    fn deeper(&mut self) -> Result<(), Refused> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Refused::new(
                ScimType::InvalidFilter,
                format!("The filter is nested deeper than {DEEPEST} levels"),
            ));
        }
        Ok(())
    }

    fn wrong(&self, expected: &str) -> Refused {
        let place = self.text.get(..self.at).unwrap_or(self.text).chars().count() + 1;
        Refused::new(
            ScimType::InvalidFilter,
            format!("The filter needs {expected} at character {place}"),
        )
    }

    /// A keyword with a space or a parenthesis behind it.
    fn keyword(&mut self, word: &str) -> bool {
        let start = self.at;
        if self.space() && self.word().eq_ignore_ascii_case(word) && (self.rest().starts_with([' ', '('])) {
            return true;
        }
        self.at = start;
        false
    }

    fn either(&mut self) -> Result<Filter, Refused> {
        let mut parts = vec![self.both()?];
        while self.keyword("or") {
            parts.push(self.both()?);
        }
        Ok(one_or(parts, Filter::Or))
    }

    fn both(&mut self) -> Result<Filter, Refused> {
        let mut parts = vec![self.single()?];
        while self.keyword("and") {
            parts.push(self.single()?);
        }
        Ok(one_or(parts, Filter::And))
    }

    fn single(&mut self) -> Result<Filter, Refused> {
        self.space();
        if self.take('(') {
            return self.group();
        }
        let start = self.at;
        let word = self.word();
        if word.eq_ignore_ascii_case("not") {
            self.space();
            if self.take('(') {
                return Ok(Filter::Not(Box::new(self.group()?)));
            }
        }
        let Some(path) = AttrPath::parse(word) else {
            self.at = start;
            return Err(self.wrong("an attribute"));
        };
        if self.take('[') {
            return self.entry(path);
        }
        self.comparison(path)
    }

    /// What is in parentheses, and the closing one.
    fn group(&mut self) -> Result<Filter, Refused> {
        self.deeper()?;
        let filter = self.either()?;
        self.depth -= 1;
        self.space();
        if self.take(')') {
            Ok(filter)
        } else {
            Err(self.wrong(")"))
        }
    }

    /// `emails[type eq "work"]`, or as Entra asks: `emails[type eq "work"].value eq "max@example.com"`.
    fn entry(&mut self, path: AttrPath) -> Result<Filter, Refused> {
        if path.sub.is_some() {
            return Err(self.wrong("a comparison"));
        }
        let filter = within(self)?;
        if !self.take('.') {
            return Ok(Filter::Within(path, Box::new(filter)));
        }
        let Some(sub) = AttrPath::parse(self.word()).filter(|sub| sub.sub.is_none() && sub.schema.is_none()) else {
            return Err(self.wrong("an attribute"));
        };
        let value = self.comparison(sub)?;
        Ok(Filter::Within(path, Box::new(Filter::And(vec![filter, value]))))
    }

    fn comparison(&mut self, path: AttrPath) -> Result<Filter, Refused> {
        if !self.space() {
            return Err(self.wrong("a space"));
        }
        let start = self.at;
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let Some(op) = Op::parse(word) else {
            self.at = start;
            return Err(self.wrong("eq, ne, co, sw, ew, gt, ge, lt, le or pr"));
        };
        if !self.space() {
            return Err(self.wrong("a space"));
        }
        let value = self.value()?;
        Ok(Filter::Compare(path, op, value))
    }

    fn value(&mut self) -> Result<Value, Refused> {
        let start = self.at;
        let text = if self.rest().starts_with('"') {
            self.quoted()
        } else {
            self.word()
        };
        match serde_json::from_str(text) {
            Ok(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null)) => Ok(value),
            _ => {
                self.at = start;
                Err(self.wrong("a value: \"text\", a number, true, false or null"))
            }
        }
    }

    /// A text with its quotes; what is in it, JSON decides.
    fn quoted(&mut self) -> &'a str {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find_map(|(at, letter)| {
            let closes = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            closes.then_some(at + 1)
        });
        let end = end.unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }
}

fn one_or(mut parts: Vec<Filter>, many: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn attr(name: &str) -> AttrPath {
        AttrPath::parse(name).unwrap()
    }

    fn eq(name: &str, value: Value) -> Filter {
        Filter::Compare(attr(name), Op::Eq, value)
    }

    #[test]
    fn filters_as_the_rfc_prints_them() {
        for text in [
            r#"userName eq "bjensen""#,
            r#"name.familyName co "O'Malley""#,
            r#"userName sw "J""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            "title pr",
            r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
            r#"title pr and userType eq "Employee""#,
            r#"title pr or userType eq "Intern""#,
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType eq "Employee" and (emails.type eq "work")"#,
            r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
            r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
        ] {
            Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn and_binds_before_or_and_words_have_no_case() {
        let filter = Filter::parse(r#"a EQ "1" Or b eq true AND c pr"#).unwrap();
        let right = Filter::And(vec![eq("b", json!(true)), Filter::Present(attr("c"))]);
        assert_eq!(filter, Filter::Or(vec![eq("a", json!("1")), right]));
        let filter = Filter::parse("not(a eq null)").unwrap();
        assert_eq!(filter, Filter::Not(Box::new(eq("a", Value::Null))));
    }

    #[test]
    fn texts_are_json_texts() {
        let filter = Filter::parse(r#"a eq "say \"\u00fc\" \\""#).unwrap();
        assert_eq!(filter, eq("a", json!("say \"ü\" \\")));
    }

    #[test]
    fn entra_compares_a_part_of_an_entry() {
        let filter = Filter::parse(r#"emails[type eq "work"].value eq "max@example.com""#).unwrap();
        let inner = Filter::And(vec![eq("type", json!("work")), eq("value", json!("max@example.com"))]);
        assert_eq!(filter, Filter::Within(attr("emails"), Box::new(inner)));
    }

    #[test]
    fn members_by_their_values() {
        let values = |text| Filter::parse(text).unwrap().equals("value").map(|v| v.join(","));
        assert_eq!(values(r#"value eq "a""#).as_deref(), Some("a"));
        assert_eq!(values(r#"value eq "a" or Value eq "b""#).as_deref(), Some("a,b"));
        assert_eq!(values(r#"value ne "a""#), None);
        assert_eq!(values(r#"display eq "a""#), None);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in [
            "",
            " ",
            "a",
            "a eq",
            "a eq ",
            "a eq b",
            "a eq 'b'",
            "a eq \"b",
            "a zz \"b\"",
            "a eq \"b\" and",
            "(a pr",
            "a pr)",
            "a pr b pr",
            "a[b pr",
            "a[]",
            "not a pr",
            "a eq [1]",
            "a eq {}",
            "a  ",
            "a pr and or b pr",
            "\"a\" eq \"b\"",
            "a eq \"b\"and c pr",
            "a eq \"\u{0}\"",
        ] {
            let error = Filter::parse(text).expect_err(text);
            assert_eq!(error.kind, ScimType::InvalidFilter, "{text}");
        }
    }

    #[test]
    fn deep_and_long_ones_are_refused_without_an_overflow() {
        for text in ["(".repeat(3900), "not (".repeat(780), "a[".repeat(1900)] {
            assert_eq!(Filter::parse(&text).unwrap_err().kind, ScimType::InvalidFilter);
        }
        let deep = |levels| format!("{}a pr{}", "(".repeat(levels), ")".repeat(levels));
        assert!(Filter::parse(&deep(20)).is_ok());
        assert!(Filter::parse(&deep(21)).is_err());
        assert!(Filter::parse(&format!("a eq \"{}\"", "x".repeat(4000))).is_err());
        let wide = vec!["a pr"; 400].join(" or ");
        assert!(matches!(Filter::parse(&wide).unwrap(), Filter::Or(parts) if parts.len() == 400));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,120}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn no_text_of_its_letters_panics(text in "[a-b\\[\\]().\"\\\\ eqprnotad]{0,80}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn every_text_comes_back(value in ".{0,40}") {
            let text = format!("a eq {}", serde_json::to_string(&value).unwrap());
            prop_assert_eq!(Filter::parse(&text).unwrap(), eq("a", json!(value)));
        }
    }
}
