//! Attribute paths, in filters and in PATCH (RFC 7644, sections 3.4.2.2 and 3.5.2).

use super::{
    Filter, Refused, ScimType,
    filter::{self, Reader},
    shown,
};

/// The longest path. Entra's longest is an address's part by its type.
const LONGEST: usize = 2000;

/// The name of an attribute, or of a part of one: `userName`, `name.givenName`,
/// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttrPath {
    /// The schema, when it is named.
    pub schema: Option<String>,
    /// The attribute.
    pub name: String,
    /// The part of it.
    pub sub: Option<String>,
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '$')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl AttrPath {
    /// Reads a path. Names are compared without regard to case where they are looked up.
    pub fn parse(text: &str) -> Option<Self> {
        let is_urn = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        let (schema, rest) = match text.rsplit_once(':') {
            Some((schema, rest)) if is_urn => (Some(schema.to_owned()), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        if !is_name(name) || !sub.is_none_or(is_name) {
            return None;
        }
        Some(Self {
            schema,
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }
}

/// The path of a PATCH operation: an attribute, some entries of a list, or a part of either.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// The attribute.
    pub attribute: AttrPath,
    /// Which entries of the list.
    pub filter: Option<Filter>,
    /// The part of these entries.
    pub sub: Option<String>,
}

impl PatchPath {
    /// Reads a path such as `emails[type eq "work"].value`.
    ///
    /// # Errors
    /// `invalidPath`, or `invalidFilter` for what is in the brackets.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let wrong = || Refused::new(ScimType::InvalidPath, format!("'{}' is not a path", shown(text)));
        if text.len() > LONGEST {
            return Err(wrong());
        }
        let mut reader = Reader::new(text.trim());
        let attribute = AttrPath::parse(reader.word()).ok_or_else(wrong)?;
        if reader.is_at_end() {
            return Ok(Self {
                attribute,
                filter: None,
                sub: None,
            });
        }
        if attribute.sub.is_some() || !reader.take('[') {
            return Err(wrong());
        }
        let filter = filter::within(&mut reader)?;
        let sub = if reader.take('.') {
            Some(reader.word().to_owned())
        } else {
            None
        };
        if !reader.is_at_end() || !sub.as_deref().is_none_or(is_name) {
            return Err(wrong());
        }
        Ok(Self {
            attribute,
            filter: Some(filter),
            sub,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_as_directories_send_them() {
        let plain = PatchPath::parse("name.familyName").unwrap();
        assert_eq!(plain.attribute.sub.as_deref(), Some("familyName"));
        let urn = PatchPath::parse("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value").unwrap();
        assert_eq!(urn.attribute.schema.as_deref(), Some(super::super::ENTERPRISE));
        assert_eq!(
            (urn.attribute.name.as_str(), urn.attribute.sub.as_deref()),
            ("manager", Some("value"))
        );
        let part = PatchPath::parse("emails[type eq \"work\"].value").unwrap();
        assert!(part.filter.is_some());
        assert_eq!(part.sub.as_deref(), Some("value"));
        assert!(
            PatchPath::parse("members[value eq \"2819c223\"]")
                .unwrap()
                .sub
                .is_none()
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            " ",
            ".",
            "a.",
            ".a",
            "1a",
            "a b",
            "a.b.c",
            "a:b",
            "emails[",
            "emails]",
            "emails[].value",
            "emails[type eq \"work\"]value",
            "emails[type eq \"work\"].",
            "name.x[type eq \"a\"]",
            "a[b pr] c",
        ] {
            assert!(PatchPath::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            PatchPath::parse("emails[type zz 1]").unwrap_err().kind,
            ScimType::InvalidFilter
        );
        assert_eq!(PatchPath::parse("emails.").unwrap_err().kind, ScimType::InvalidPath);
        assert!(PatchPath::parse(&"a".repeat(3000)).is_err());
    }

    proptest! {
        #[test]
        fn no_path_panics(text in "\\PC{0,80}") {
            let _ = PatchPath::parse(&text);
        }

        #[test]
        fn no_path_of_their_letters_panics(text in "[a-c:.\\[\\]() \"eqpr]{0,40}") {
            let _ = PatchPath::parse(&text);
        }
    }
}
