//! Reading a list of people that someone pasted, or a CSV file.
//!
//! Nothing is dropped in silence: what is no address becomes a row of its own, which the rules then refuse by name.

use uuid::Uuid;

use crate::{Invalid, TeamRole};

/// The most rows of one list.
pub const MAX_ROSTER: usize = 10_000;

/// The first cells by which a line is known to name columns, and the cells that name the column of people.
const PEOPLE: &[&str] = &["email", "e-mail", "mail", "email address", "user_id", "user id", "user"];
/// What else such a line may begin with.
const OTHERS: &[&str] = &[
    "name",
    "display_name",
    "display name",
    "first name",
    "last name",
    "id",
    "role",
];

/// One person of a list, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterRow {
    /// The line that the person is on, from 1.
    pub line: usize,
    /// Meant to be an email address or a UUID.
    pub user: String,
    /// Meant to be a role, if one was written.
    pub role: Option<String>,
}

/// Reads a list of people: addresses or UUIDs, one to a line or separated by commas, semicolons, tabs or spaces, each
/// with a role after it or without (`ada@example.com,admin`), or as mail programs write them (`Ada <ada@example.com>`).
/// A first line that names columns (`email`, and maybe `role`) makes it a CSV file, whose other columns are left out.
///
/// # Errors
/// When there is nobody in it, or more than [`MAX_ROSTER`]; the error carries `field`.
pub fn parse_roster(field: &'static str, text: &str) -> Result<Vec<RosterRow>, Invalid> {
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .peekable();
    let header = lines.peek().and_then(|(_, line)| Header::read(line));
    if header.is_some() {
        lines.next();
    }
    let mut rows = Vec::new();
    for (line, text) in lines {
        match &header {
            Some(header) => rows.extend(header.row(line, text)),
            None => read_line(line, text, &mut rows),
        }
        if rows.len() > MAX_ROSTER {
            return Err(Invalid::new(field, format!("must have at most {MAX_ROSTER} people")));
        }
    }
    if rows.is_empty() {
        return Err(Invalid::new(field, "must have at least one person"));
    }
    Ok(rows)
}

/// Which column holds what.
struct Header {
    separator: char,
    user: usize,
    role: Option<usize>,
}

impl Header {
    /// The columns that a line names, if that is what it does.
    fn read(line: &str) -> Option<Self> {
        let separator = [';', '\t'].into_iter().find(|c| line.contains(*c)).unwrap_or(',');
        let cells: Vec<String> = cells(line, &[separator])
            .iter()
            .map(|cell| cell.to_lowercase())
            .collect();
        let first = cells.first()?.as_str();
        if !PEOPLE.contains(&first) && !OTHERS.contains(&first) {
            return None;
        }
        // In the order of the names: a file with both addresses and ids goes by the addresses.
        let user = PEOPLE
            .iter()
            .find_map(|name| cells.iter().position(|cell| cell == name))?;
        Some(Self {
            separator,
            user,
            role: cells.iter().position(|cell| cell == "role"),
        })
    }

    /// The person of a line; a line without one keeps its text, so that it can be shown.
    fn row(&self, line: usize, text: &str) -> Option<RosterRow> {
        let cells = cells(text, &[self.separator]);
        if cells.iter().all(String::is_empty) {
            return None;
        }
        let user = cells
            .get(self.user)
            .map(|cell| address(cell))
            .filter(|cell| !cell.is_empty());
        let role = self
            .role
            .and_then(|role| cells.get(role))
            .filter(|role| !role.is_empty());
        Some(RosterRow {
            line,
            user: user.unwrap_or(text.trim()).to_owned(),
            role: role.cloned(),
        })
    }
}

/// A line of a list without columns.
fn read_line(line: usize, text: &str, rows: &mut Vec<RosterRow>) {
    let cells = cells(text, &[',', ';', '\t']);
    let mut cells = cells.iter().filter(|cell| !cell.is_empty()).peekable();
    // Whether the cell before was a person who may still be given a role.
    let mut open = false;
    while let Some(cell) = cells.next() {
        if is_person(cell) {
            rows.push(row(line, address(cell)));
            open = true;
        } else if cell.split_whitespace().all(is_person) {
            rows.extend(cell.split_whitespace().map(|person| row(line, address(person))));
            open = true;
        } else if !is_role(cell) && cells.peek().is_some_and(|next| next.ends_with('>')) {
            // The first half of `Lovelace, Ada <ada@example.com>`.
            open = false;
        } else if open && let Some(last) = rows.last_mut() {
            last.role = Some(cell.clone());
            open = false;
        } else {
            rows.push(row(line, cell));
        }
    }
}

fn row(line: usize, user: &str) -> RosterRow {
    RosterRow {
        line,
        user: user.to_owned(),
        role: None,
    }
}

fn is_role(text: &str) -> bool {
    text.to_lowercase().parse::<TeamRole>().is_ok()
}

/// Whether a cell is one person: an address, `Name <address>`, or a UUID.
fn is_person(cell: &str) -> bool {
    let inner = address(cell);
    !inner.contains(char::is_whitespace) && (inner.contains('@') || Uuid::try_parse(inner).is_ok())
}

/// What is between the angle brackets at the end, if there are any.
fn address(cell: &str) -> &str {
    let inner = cell
        .strip_suffix('>')
        .and_then(|cell| cell.rsplit_once('<'))
        .map_or(cell, |(_, inner)| inner)
        .trim();
    inner.strip_prefix("mailto:").unwrap_or(inner)
}

/// The cells of a line, trimmed. Quotes keep a separator from separating; two of them inside are one.
fn cells(line: &str, separators: &[char]) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            c if !quoted && separators.contains(&c) => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `user` or `user=role`, by line.
    fn read(text: &str) -> Vec<String> {
        let rows = parse_roster("list", text).unwrap();
        rows.into_iter()
            .map(|row| match row.role {
                Some(role) => format!("{} {}={role}", row.line, row.user),
                None => format!("{} {}", row.line, row.user),
            })
            .collect()
    }

    #[test]
    fn d3_lists_are_read_as_people_write_them() {
        for (text, expected) in [
            (
                "a@x.de\nb@x.de\r\n\r\n c@x.de ",
                vec!["1 a@x.de", "2 b@x.de", "4 c@x.de"],
            ),
            (
                "a@x.de, b@x.de; c@x.de\td@x.de e@x.de",
                vec!["1 a@x.de", "1 b@x.de", "1 c@x.de", "1 d@x.de", "1 e@x.de"],
            ),
            (
                "a@x.de,admin\nb@x.de;member\nc@x.de",
                vec!["1 a@x.de=admin", "2 b@x.de=member", "3 c@x.de"],
            ),
            ("a@x.de, admin, b@x.de", vec!["1 a@x.de=admin", "1 b@x.de"]),
            (
                "Ada Lovelace <a@x.de>; Lovelace, Ada <b@x.de>",
                vec!["1 a@x.de", "1 b@x.de"],
            ),
            (
                "a@x.de,admin,Lovelace, Ada <b@x.de>,member",
                vec!["1 a@x.de=admin", "1 b@x.de=member"],
            ),
            ("\"Lovelace, Ada\" <a@x.de>,admin", vec!["1 a@x.de=admin"]),
            ("<mailto:a@x.de>", vec!["1 a@x.de"]),
            (
                "\u{feff}00000000-0000-4000-8000-000000000001",
                vec!["1 00000000-0000-4000-8000-000000000001"],
            ),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_shown_and_gives_nobody_a_role() {
        assert_eq!(read("a@x.de,owner"), ["1 a@x.de=owner"], "to be refused by name");
        assert_eq!(read("bob, a@x.de"), ["1 bob", "1 a@x.de"]);
        assert_eq!(
            read("a@x.de, bob.x.de, admin"),
            ["1 a@x.de=bob.x.de", "1 admin"],
            "a typing error makes nobody an admin"
        );
        assert_eq!(read("Ada Lovelace"), ["1 Ada Lovelace"]);
    }

    #[test]
    fn d3_a_first_line_with_names_makes_columns() {
        assert_eq!(
            read("Name,Email,Role\n\"Lovelace, Ada\",a@x.de,admin\nBob,b@x.de,\n,,\nnobody"),
            ["2 a@x.de=admin", "3 b@x.de", "5 nobody"]
        );
        assert_eq!(read("email;role\na@x.de;member"), ["2 a@x.de=member"]);
        assert_eq!(read("user_id\tname\na@x.de\tAda"), ["2 a@x.de"]);
        assert_eq!(read("name\nAda"), ["1 name", "2 Ada"], "no column of people");
    }

    #[test]
    fn lists_are_neither_empty_nor_endless() {
        for text in ["", " \n\r\n", ",;,", "email,role\n"] {
            assert_eq!(parse_roster("list", text).unwrap_err().field, "list", "{text:?}");
        }
        let people = |n: usize| (0..n).map(|i| format!("u{i}@x.de")).collect::<Vec<_>>().join("\n");
        assert_eq!(parse_roster("list", &people(MAX_ROSTER)).unwrap().len(), MAX_ROSTER);
        assert!(parse_roster("list", &people(MAX_ROSTER + 1)).is_err());
        assert!(parse_roster("list", &"x,".repeat(500_000)).is_err());
    }

    proptest! {
        #[test]
        fn reading_a_list_never_panics(text in "(?s).{0,200}") {
            let _ = parse_roster("list", &text);
        }

        #[test]
        fn what_is_written_is_read(people in prop::collection::vec(("[a-z]{1,8}@[a-z]{1,8}\\.de", prop::option::of("admin|member")), 1..20), end in "\n|\r\n|\n\n") {
            let text: String = people
                .iter()
                .map(|(user, role)| match role {
                    Some(role) => format!("{user},{role}{end}"),
                    None => format!("{user}{end}"),
                })
                .collect();
            let read: Vec<_> = parse_roster("list", &text).unwrap().into_iter().map(|row| (row.user, row.role)).collect();
            prop_assert_eq!(read, people);
        }

        /// Whatever the text is, each address in it that stands alone is there.
        #[test]
        fn no_address_is_lost(before in "[a-z ,;\"<>]{0,20}", after in "[a-z ,;<]{0,20}") {
            let text = format!("{before}\nsomeone@example.com\n{after}");
            let rows = parse_roster("list", &text).unwrap();
            prop_assert!(rows.iter().any(|row| row.user.contains("someone@example.com")), "{:?}", rows);
        }
    }
}
