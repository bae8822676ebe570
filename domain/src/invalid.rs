//! What is wrong with an input: which field, and which rule.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One field of an input that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field as the API and the form call it, for example `max_runners`.
    pub field: Cow<'static, str>,
    /// The rule in words that follow the field's name: "must be 2 to 50 characters".
    pub message: Cow<'static, str>,
}

impl Invalid {
    /// An error of `field` with the rule that it breaks.
    pub fn new(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }

    /// The same rule under another field's name.
    #[must_use]
    pub fn on(mut self, field: &'static str) -> Self {
        self.field = field.into();
        self
    }
}

/// Collects every error of a form, so that people see all of them at once.
#[derive(Debug, Default)]
pub struct Fields(Vec<Invalid>);

impl Fields {
    /// No errors yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the value, or notes the error and gives `None`.
    pub fn take<T>(&mut self, result: Result<T, Invalid>) -> Option<T> {
        result.map_err(|invalid| self.0.push(invalid)).ok()
    }

    /// Notes an error.
    pub fn push(&mut self, invalid: Invalid) {
        self.0.push(invalid);
    }

    /// All errors so far; none means that every [`take`](Self::take) gave a value.
    ///
    /// # Errors
    /// The errors, when there are any.
    pub fn finish(self) -> Result<(), Vec<Invalid>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }

    /// Finishes with the values that [`take`](Self::take) gave.
    ///
    /// # Errors
    /// The errors, when any field was invalid.
    pub fn with<T>(self, value: Option<T>) -> Result<T, Vec<Invalid>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }

    /// Finishes with what was parsed besides.
    ///
    /// # Errors
    /// All errors of both.
    pub fn and<T>(mut self, parsed: Result<T, Vec<Invalid>>) -> Result<T, Vec<Invalid>> {
        match parsed {
            Ok(value) if self.0.is_empty() => return Ok(value),
            Ok(_) => {}
            Err(more) => self.0.extend(more),
        }
        Err(self.0)
    }
}
