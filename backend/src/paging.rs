//! What lists have in common: a search as a pattern, rows as a page.

use domain::views::Page;
use uuid::Uuid;

use crate::cursor::Cursor;

/// The most characters that are looked for: more than any name has.
const MOST: usize = 500;

/// A search as a LIKE pattern that takes `%` and `_` as themselves; none for a blank one.
pub(crate) fn search(text: Option<&str>) -> Option<String> {
    let text: String = (text?.trim().chars())
        .filter(|letter| *letter != '\0')
        .take(MOST)
        .collect();
    if text.is_empty() {
        return None;
    }
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    Some(format!("%{escaped}%"))
}

/// Where in its list a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the list's first row.
    First,
    /// Behind a place.
    After,
    /// Before a place: the rows were read backwards.
    Before,
}

impl Start {
    /// Where a cursor leads, or an offset where there is none.
    pub(crate) fn of(cursor: Option<&Cursor>, offset: i64) -> Self {
        match cursor {
            Some(cursor) if cursor.before => Self::Before,
            None if offset <= 0 => Self::First,
            _ => Self::After,
        }
    }
}

/// The page that rows make. They were read from `start` on, in its direction, with one more than the `limit`.
pub(crate) fn page<T>(
    mut rows: Vec<T>,
    limit: i64,
    start: Start,
    total: i64,
    place: impl Fn(&T) -> (String, Uuid),
) -> Page<T> {
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    if start == Start::Before {
        rows.reverse();
    }
    let at = |row: &T, before| {
        let (key, id) = place(row);
        Cursor { key, id, before }.encode()
    };
    let (has_next, has_previous) = match start {
        Start::First => (more, false),
        Start::After => (more, true),
        Start::Before => (true, more),
    };
    Page {
        next: rows.last().filter(|_| has_next).map(|row| at(row, false)),
        previous: rows.first().filter(|_| has_previous).map(|row| at(row, true)),
        items: rows,
        total,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_take_wildcards_as_themselves() {
        assert_eq!(search(Some(" 50%_a\\b\0 ")).as_deref(), Some(r"%50\%\_a\\b%"));
        assert_eq!(search(Some("  ")), None);
        assert_eq!(search(None), None);
        let long = search(Some(&"é".repeat(100_000))).unwrap();
        assert_eq!(
            long.chars().count(),
            502,
            "as long as names are, and the signs around it"
        );
    }

    #[test]
    fn pages_know_whether_there_are_others() {
        let place = |n: &i32| (n.to_string(), Uuid::nil());
        let cursor = |before| Cursor {
            key: "5".to_owned(),
            id: Uuid::nil(),
            before,
        };
        let first = page(vec![1, 2, 3], 2, Start::of(None, 0), 3, place);
        assert_eq!(
            (first.items.as_slice(), first.next.is_some(), first.previous.is_some()),
            (&[1, 2][..], true, false)
        );
        let last = page(vec![6], 2, Start::of(Some(&cursor(false)), 0), 3, place);
        assert_eq!((last.next.is_some(), last.previous.is_some()), (false, true));
        let back = page(vec![4, 3, 2], 2, Start::of(Some(&cursor(true)), 0), 9, place);
        assert_eq!(
            (back.items.as_slice(), back.next.is_some(), back.previous.is_some()),
            (&[3, 4][..], true, true)
        );
        assert_eq!(Start::of(None, 5), Start::After, "what was skipped lies before");
    }
}
