//! Turns what serde says about a value into words for the person who sent it.

use domain::Invalid;

/// How much of an unknown field's name is repeated, in characters.
const MAX_NAME: usize = 100;

/// The field and its rule, from the path of the value and serde's message; none when the trouble is
/// with the whole and not with a field.
pub(super) fn field(path: &str, message: &str) -> Option<Invalid> {
    let message = message.rsplit_once(" at line ").map_or(message, |(words, _)| words);
    if let Some((name, known)) = quoted(message, "unknown field `") {
        // serde_path_to_error ends the path with the unknown field itself.
        let parent = path.strip_suffix(name).unwrap_or(path).trim_end_matches('.');
        let known = known
            .trim_start_matches(", expected one of ")
            .trim_start_matches(", expected ")
            .replace('`', "");
        let rule = if known.is_empty() || known.starts_with(", there are no fields") {
            "is not a field here".to_owned()
        } else {
            format!("is not a field here; known: {known}")
        };
        return Some(Invalid::new(join(parent, name), rule));
    }
    if let Some((name, _)) = quoted(message, "missing field `") {
        return Some(Invalid::new(join(path, name), "is required"));
    }
    if let Some((name, _)) = quoted(message, "duplicate field `") {
        let parent = path.strip_suffix(name).unwrap_or(path).trim_end_matches('.');
        return Some(Invalid::new(join(parent, name), "is given more than once"));
    }
    let path = join(path, "");
    (!path.is_empty()).then(|| Invalid::new(path, rule(message)))
}

/// The text between a prefix that ends in a backtick and the next backtick, and what follows.
fn quoted<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(prefix)?.split_once('`')
}

fn join(parent: &str, name: &str) -> String {
    // An unknown field's name is the client's, and as long as the client likes.
    let name = name.char_indices().nth(MAX_NAME).map_or(name, |(end, _)| &name[..end]);
    match (parent.trim_end_matches('.'), name) {
        ("" | "?", name) => name.to_owned(),
        (parent, "") => parent.to_owned(),
        (parent, name) => format!("{parent}.{name}"),
    }
}

fn rule(message: &str) -> String {
    let parts = (message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: ")))
    .and_then(|rest| rest.rsplit_once(", expected "));
    match parts {
        Some((found, expected)) => format!("must be {}, not {}", kind(expected), given(found)),
        None if message.contains("UUID") => "must be a UUID".to_owned(),
        None => message.to_owned(),
    }
}

/// What serde expected, without the names of Rust's types.
fn kind(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a formatted UUID string" | "UUID" | "a UUID" => "a UUID",
        "an RFC 3339 formatted date and time string" => "a date and time like 2026-01-29T12:00:00Z",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

/// What was found, without its content: it may be long, or a secret.
fn given(found: &str) -> &str {
    match found.split([' ', '`']).next().unwrap_or_default() {
        "string" | "character" => "text",
        "integer" => "this whole number",
        "floating" => "a number with a fraction or out of range",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "an object",
        _ => "null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_field_and_the_rule() {
        for (path, message, expected) in [
            (
                "colour",
                "unknown field `colour`, expected `name` or `role` at line 1 column 9",
                "colour: is not a field here; known: name or role",
            ),
            (
                ".",
                "unknown field `a`, expected one of `b`, `c`, `d`",
                "a: is not a field here; known: b, c, d",
            ),
            (
                "x.y",
                "unknown field `y`, expected `z`",
                "x.y: is not a field here; known: z",
            ),
            (".", "missing field `name` at line 1 column 2", "name: is required"),
            (
                "name",
                "invalid type: integer `5`, expected a string at line 1 column 9",
                "name: must be text, not this whole number",
            ),
            (
                "labels[2]",
                "invalid type: null, expected a string",
                "labels[2]: must be text, not null",
            ),
            (
                "max_runners",
                "invalid type: floating point `1.5`, expected i64",
                "max_runners: must be a whole number, not a number with a fraction or out of range",
            ),
            (
                "team_id",
                "invalid type: string \"a, expected b\", expected a formatted UUID string",
                "team_id: must be a UUID, not text",
            ),
            (
                "team_id",
                "UUID parsing failed: invalid length",
                "team_id: must be a UUID",
            ),
            ("limit", "must be 1 to 1000", "limit: must be 1 to 1000"),
        ] {
            assert_eq!(field(path, message).unwrap().to_string(), expected);
        }
        assert_eq!(field(".", "invalid type: sequence, expected struct NewTeam"), None);
    }
}
