//! Reading what people type into one line.

/// Splits a comma-separated list; trims, and drops empty parts.
pub fn split_list(text: &str) -> Vec<String> {
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Splits a comma-separated list of regular expressions: a comma inside `{} [] ()` does not
/// separate (SPEC B33), and a backslash takes the next character as it is.
pub fn split_patterns(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth, mut escaped) = (Vec::new(), String::new(), 0_usize, false);
    for c in text.chars() {
        let separates = !escaped && (c == '\n' || (c == ',' && depth == 0));
        if !escaped {
            match c {
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth = depth.saturating_sub(1),
                '\n' => depth = 0,
                _ => {}
            }
        }
        escaped = c == '\\' && !escaped;
        if separates {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a character must not be in a one-line text: control characters (PostgreSQL refuses
/// NUL), and the invisible ones that reorder or hide text and so let one name pass for another.
pub(crate) fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b33_commas_in_brackets_do_not_separate() {
        assert_eq!(split_patterns("a{1,3}, b[,x], (c,d)"), ["a{1,3}", "b[,x]", "(c,d)"]);
        assert_eq!(split_patterns(r"a\{1,b"), [r"a\{1", "b"]);
        assert_eq!(split_patterns("project-.*, env-.*"), ["project-.*", "env-.*"]);
        assert_eq!(split_patterns("(a,b\nc"), ["(a,b", "c"]);
        assert_eq!(split_patterns(" , ,"), Vec::<String>::new());
    }

    #[test]
    fn lists_are_trimmed() {
        assert_eq!(
            split_list(" linux, docker ,,x64\narm "),
            ["linux", "docker", "x64", "arm"]
        );
    }
}
