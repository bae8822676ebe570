//! Matching what somebody types against names that are known by heart: pages and actions. What is in the database is found
//! there.

/// The most characters that are looked for.
pub const MOST: usize = 100;
/// With fewer characters nothing is looked for: everything would be found.
pub const FEWEST: usize = 2;

/// How well a text answers what was typed: more is better, none is not at all. All of the letters must stand in it in their
/// order; what begins a word, and what stands together, counts more.
///
/// ```
/// use domain::search::score;
/// assert!(score("prov", "Provision a runner") > score("prov", "Approve requests"));
/// assert!(score("apk", "API keys").is_some());
/// assert_eq!(score("xyz", "API keys"), None);
/// ```
pub fn score(typed: &str, text: &str) -> Option<u32> {
    let mut wanted = typed.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase);
    let mut next = wanted.next()?;
    let (mut total, mut together) = (0_u32, 0_u32);
    let mut before = ' ';
    let mut letters = text.chars().flat_map(char::to_lowercase);
    loop {
        let letter = letters.next()?;
        if letter == next {
            together += 1;
            total += together + if before.is_alphanumeric() { 0 } else { 5 };
            match wanted.next() {
                Some(letter) => next = letter,
                // Of two that match alike, the shorter one is nearer.
                None => return Some((total * 100).saturating_sub(u32::try_from(text.len()).unwrap_or(u32::MAX))),
            }
        } else if letter.is_alphanumeric() {
            together = 0;
        }
        before = letter;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_matches_nothing() {
        assert_eq!(score("", "Teams"), None);
        assert_eq!(score("  ", "Teams"), None);
    }

    #[test]
    fn letters_must_be_there_in_their_order() {
        assert!(score("tms", "Teams").is_some());
        assert_eq!(score("smt", "Teams"), None);
        assert_eq!(score("teamss", "Teams"), None);
    }

    #[test]
    fn beginnings_of_words_and_whole_words_come_first() {
        let best = |typed: &str, texts: &[&'static str]| {
            let scored = texts.iter().filter_map(|text| Some((score(typed, text)?, *text)));
            scored.max().map(|(_, text)| text)
        };
        assert_eq!(best("team", &["Create a team", "Teams", "Steam machines"]), Some("Teams"));
        assert_eq!(best("ak", &["Make a key", "API keys", "Talk"]), Some("API keys"));
        assert_eq!(best("create org", &["Create a team", "Create an organization"]), Some("Create an organization"));
    }
}
