//! Keyset cursors: the place in a list where a page ends.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
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
}
