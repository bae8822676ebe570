//! Machine clients: programs that act for one team (SPEC B27).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Invalid,
    names::{one_line, text_type},
};

text_type! {
    /// The subject of a program's JWT, as the OpenID provider writes it: 1 to 255 characters.
    ClientSubject
}

impl ClientSubject {
    /// Parses a subject. Its case is kept: providers compare it as it is.
    ///
    /// # Errors
    /// When it is blank, too long, or has spaces or control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = one_line("client_id", text, 1, 255)?;
        if text.contains(char::is_whitespace) {
            return Err(Invalid::new("client_id", "must not contain spaces"));
        }
        Ok(Self(text))
    }
}

text_type! {
    /// What a program is called: 1 to 100 characters on one line.
    MachineName
}

impl MachineName {
    /// Parses a name.
    ///
    /// # Errors
    /// When it is blank, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 1, 100).map(Self)
    }

    /// The name of a program that was given none: the subject, cut to what a name may have.
    pub fn from_subject(subject: &ClientSubject) -> Self {
        Self(subject.as_str().chars().take(100).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b27_subjects_and_names() {
        let subject = ClientSubject::parse(" AbC@clients ").unwrap();
        assert_eq!(subject.as_str(), "AbC@clients");
        assert_eq!(MachineName::from_subject(&subject).as_str(), "AbC@clients");
        let long = ClientSubject::parse(&"é".repeat(255)).unwrap();
        assert!(MachineName::parse(MachineName::from_subject(&long).as_str()).is_ok());
        for bad in ["", " ", "a b", "a\nb", &"a".repeat(256)] {
            assert_eq!(ClientSubject::parse(bad).unwrap_err().field, "client_id", "{bad:?}");
        }
        assert!(MachineName::parse(&"n".repeat(101)).is_err());
    }
}
