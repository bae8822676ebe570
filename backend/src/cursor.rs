//! Keyset cursors: the place in a list where a page ends.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::is_storable;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, Result};

/// A place in a sorted list, and which way the page goes from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The sort key of the row next to the page, as text.
    #[serde(rename = "k")]
    pub(crate) key: String,
    /// Its id, which makes places distinct.
    #[serde(rename = "i")]
    pub(crate) id: Uuid,
    /// Whether the page lies before the place.
    #[serde(rename = "b", default)]
    pub(crate) before: bool,
}

impl Cursor {
    /// The opaque text in URLs.
    pub(crate) fn encode(&self) -> String {
        // A struct of two texts and a flag always serialises.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a cursor that we gave out.
    pub(crate) fn decode(text: &str) -> Result<Self> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok())
            .filter(|cursor| !cursor.key.contains('\0'))
            .ok_or_else(|| Error::invalid("cursor", "is not one that this list gave out"))
    }

    /// The sort key, as the list has it.
    ///
    /// # Errors
    /// When it is not of that kind, or the database could not hold it: whoever made the cursor up sees no fault of ours.
    pub(crate) fn key<K: SortKey>(&self) -> Result<K> {
        K::read(&self.key).ok_or_else(|| Error::invalid("cursor", "does not fit this list"))
    }
}

/// What a list can be sorted by.
pub(crate) trait SortKey: Sized {
    /// Reads a key that the database can hold.
    fn read(text: &str) -> Option<Self>;
}

impl SortKey for DateTime<Utc> {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|at| is_storable(*at))
    }
}

impl SortKey for i32 {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl SortKey for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_was_made_up_fits_no_list() {
        let at = |key: &str| {
            let cursor = Cursor {
                key: key.to_owned(),
                id: Uuid::nil(),
                before: false,
            };
            Cursor::decode(&cursor.encode()).unwrap()
        };
        let time = at("2026-11-21T10:00:00.000001Z");
        assert!(time.key::<DateTime<Utc>>().is_ok() && time.key::<String>().is_ok() && time.key::<i32>().is_err());
        for far in [
            "-262143-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "-0001-12-31T00:00:00Z",
        ] {
            assert!(at(far).key::<DateTime<Utc>>().is_err(), "{far}");
        }
        assert_eq!(at("7").key::<i32>().unwrap(), 7);
    }
}
