//! Names, slugs, emails and free text, parsed at the door.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Invalid, text::is_forbidden};

/// Defines a text newtype whose only way in is `parse`.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A value that the database already holds: it was parsed on its way in.
            pub fn trusted(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}
pub(crate) use text_type;

/// Trims a one-line text and checks its length in characters and its characters.
pub(crate) fn one_line(field: &'static str, text: &str, min: usize, max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    let length = text.chars().count();
    if length < min || length > max {
        return Err(Invalid::new(field, format!("must be {min} to {max} characters")));
    }
    if text.chars().any(is_forbidden) {
        return Err(Invalid::new(field, "must not contain control or invisible characters"));
    }
    Ok(text.to_owned())
}

text_type! {
    /// A team's display name: 2 to 50 characters on one line (SPEC X3).
    TeamName
}

impl TeamName {
    /// Parses a name that a person typed.
    ///
    /// # Errors
    /// When it is too short, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 2, 50).map(Self)
    }
}

text_type! {
    /// An organization's display name: 2 to 50 characters on one line.
    OrganizationName
}

impl OrganizationName {
    /// Parses a name that a person typed.
    ///
    /// # Errors
    /// When it is too short, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 2, 50).map(Self)
    }
}

text_type! {
    /// A project's name: 1 to 100 characters on one line, unique in its team.
    ProjectName
}

impl ProjectName {
    /// Parses a name that a person typed.
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 1, 100).map(Self)
    }
}

text_type! {
    /// What a personal access token is called by its owner: 1 to 100 characters.
    TokenName
}

impl TokenName {
    /// Parses a name that a person typed.
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 1, 100).map(Self)
    }
}

text_type! {
    /// A person's display name: 1 to 200 characters.
    PersonName
}

impl PersonName {
    /// Parses a display name.
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 1, 200).map(Self)
    }
}

text_type! {
    /// Why something was done: 1 to 500 characters, shown in the audit log.
    Reason
}

impl Reason {
    /// Parses a reason.
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("reason", text, 1, 500).map(Self)
    }
}

text_type! {
    /// Why an account is deactivated or restored: 10 to 500 characters, shown with it and in the audit log (SPEC B26).
    Comment
}

impl Comment {
    /// Parses a comment.
    ///
    /// # Errors
    /// When it is too short, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("comment", text, 10, 500).map(Self)
    }
}

text_type! {
    /// A description: at most 500 characters, may have several lines (SPEC B4).
    Description
}

impl Description {
    /// The longest description, in characters.
    pub const MAX: usize = 500;

    /// Parses a description.
    ///
    /// # Errors
    /// When it is too long or has control characters other than line breaks and tabs.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().replace("\r\n", "\n");
        if text.chars().count() > Self::MAX {
            return Err(Invalid::new(
                "description",
                format!("must be at most {} characters", Self::MAX),
            ));
        }
        if text.chars().any(|c| is_forbidden(c) && c != '\n' && c != '\t') {
            return Err(Invalid::new(
                "description",
                "must not contain control or invisible characters",
            ));
        }
        Ok(Self(text))
    }

    /// Like [`parse`](Self::parse), with blank text as none.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn optional(text: &str) -> Result<Option<Self>, Invalid> {
        Self::parse(text).map(|description| (!description.0.is_empty()).then_some(description))
    }
}

text_type! {
    /// A name for URLs, Kubernetes and proxies: 2 to 63 of `a-z`, `0-9` and inner hyphens (SPEC X3).
    Slug
}

impl Slug {
    /// Parses a slug.
    ///
    /// # Errors
    /// When it has other characters, starts or ends with a hyphen, or has the wrong length.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = text.as_bytes();
        let fits = (2..=63).contains(&bytes.len())
            && bytes
                .iter()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "slug",
                "must be 2 to 63 lowercase letters, digits and hyphens, with a letter or digit at both ends",
            ))
        }
    }

    /// The slug that a display name gives, if it has two letters or digits for one.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut slug = String::with_capacity(name.len());
        for c in name.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.truncate(63);
        Self::parse(slug.trim_end_matches('-')).ok()
    }

    /// The same slug with `-n` at its end, for when the plain one is taken.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        let suffix = format!("-{n}");
        let stem = &self.0[..self.0.len().min(63 - suffix.len())];
        Self(format!("{}{suffix}", stem.trim_end_matches('-')))
    }
}

text_type! {
    /// An email address, in lower case.
    Email
}

impl Email {
    /// Parses an address of the form `local@domain`.
    ///
    /// # Errors
    /// When it is not of that form or too long (254 characters, RFC 5321).
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_lowercase();
        let fits = text.len() <= 254
            && text.split_once('@').is_some_and(|(local, domain)| {
                (1..=64).contains(&local.len())
                    && !local.chars().any(|c| {
                        is_forbidden(c)
                            || c.is_whitespace()
                            || matches!(c, '<' | '>' | '(' | ')' | ',' | ';' | ':' | '"' | '\\')
                    })
                    && is_domain(domain)
            });
        if fits {
            Ok(Self(text))
        } else {
            Err(Invalid::new("email", "must be an email address like name@example.com"))
        }
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

text_type! {
    /// The domain of email addresses, in lower case: `example.com`.
    EmailDomain
}

impl EmailDomain {
    /// Parses a domain; a leading `@` is taken off.
    ///
    /// # Errors
    /// When it is no domain name with at least two labels, or longer than 253 characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().trim_start_matches('@').to_lowercase();
        if text.len() <= 253 && text.contains('.') && is_domain(&text) {
            Ok(Self(text))
        } else {
            Err(Invalid::new("domain", "must be a domain name like example.com"))
        }
    }
}

text_type! {
    /// What an API key is called: 1 to 100 characters, unique in its project.
    KeyName
}

impl KeyName {
    /// Parses a name that a person typed.
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 1, 100).map(Self)
    }
}

/// Whether a text can be a domain name: dot-separated labels, none empty.
fn is_domain(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x3_names_are_2_to_50_characters_on_one_line() {
        assert_eq!(TeamName::parse("  Backend Team ").unwrap().as_str(), "Backend Team");
        for bad in ["", "x", &"é".repeat(51), "two\nlines", "nul\0", "rtl\u{202e}name"] {
            assert_eq!(TeamName::parse(bad).unwrap_err().field, "name", "{bad:?}");
        }
        assert!(TeamName::parse(&"é".repeat(50)).is_ok());
    }

    #[test]
    fn x3_slugs_come_from_names() {
        let slug = |name| Slug::from_name(name).map(String::from);
        assert_eq!(slug("Backend Team").as_deref(), Some("backend-team"));
        assert_eq!(slug("  R&D // Ops!  ").as_deref(), Some("r-d-ops"));
        assert_eq!(slug("日本語"), None);
        assert_eq!(slug("x"), None);
        assert_eq!(slug(&"a".repeat(80)).unwrap().len(), 63);
    }

    #[test]
    fn b26_comments_are_10_to_500_characters() {
        assert_eq!(Comment::parse("  has left us ").unwrap().as_str(), "has left us");
        for bad in [
            "",
            "too short",
            "nine      ",
            &"é".repeat(501),
            "on two\nlines, that is",
        ] {
            assert_eq!(Comment::parse(bad).unwrap_err().field, "comment", "{bad:?}");
        }
        assert!(Comment::parse(&"é".repeat(500)).is_ok());
    }

    #[test]
    fn numbered_slugs_stay_slugs() {
        let long = Slug::parse(&"a".repeat(63)).unwrap();
        assert!(Slug::parse(long.numbered(12).as_str()).is_ok());
        assert_eq!(Slug::parse("ops").unwrap().numbered(2).as_str(), "ops-2");
    }

    #[test]
    fn x10_email_domains() {
        assert_eq!(EmailDomain::parse(" @Example.COM ").unwrap().as_str(), "example.com");
        for bad in ["", "localhost", "a..b", "-a.b", "a b.c", "a@b.c", "*.example.com"] {
            assert!(EmailDomain::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn emails_are_lowered_and_checked() {
        assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
        assert_eq!(Email::parse("a@b.c").unwrap().domain(), "b.c");
        for bad in ["", "a", "a@", "@b", "a b@c.d", "a@b@c", "a@-b.c", "a@b..c", "a\0@b.c"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
