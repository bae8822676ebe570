//! Pages of a list that is read from where the last page ended.

use domain::views::Page;
use uuid::Uuid;

use crate::{
    Result,
    cursor::{Cursor, SortKey},
    paging::{self, Start},
};

/// The most rows of a page.
const MAX_ROWS: i64 = 1000;

/// Which page of a list: the place where it begins, and which way it goes.
pub(crate) struct Keyset<K> {
    /// The sort key of the row at the place; none at the list's beginning.
    pub(crate) key: Option<K>,
    /// That row's id.
    pub(crate) id: Option<Uuid>,
    /// Whether the page lies before the place: then the query reads backwards.
    pub(crate) before: bool,
    limit: i64,
}

impl<K: SortKey> Keyset<K> {
    /// Reads a cursor that an earlier page gave out.
    ///
    /// # Errors
    /// When it is not one of this list.
    pub(crate) fn read(cursor: Option<&str>, limit: i64) -> Result<Self> {
        let cursor = cursor.map(Cursor::decode).transpose()?;
        Ok(Self {
            key: cursor.as_ref().map(Cursor::key::<K>).transpose()?,
            before: cursor.as_ref().is_some_and(|cursor| cursor.before),
            id: cursor.map(|cursor| cursor.id),
            limit: limit.clamp(1, MAX_ROWS),
        })
    }

    /// How many rows to ask for: one more than are shown, which tells whether there are others.
    pub(crate) fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// The page, of the rows as the query gave them; `place` gives a row's sort key and id.
    pub(crate) fn page<T>(self, items: Vec<T>, total: i64, place: impl Fn(&T) -> (String, Uuid)) -> Page<T> {
        let start = match (self.before, &self.key) {
            (true, _) => Start::Before,
            (false, Some(_)) => Start::After,
            (false, None) => Start::First,
        };
        paging::page(items, self.limit, start, total, place)
    }
}
