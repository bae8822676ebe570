//! What an unquoted word of YAML means: as kubectl reads it, which is YAML 1.1 with its `yes` and `off`.

use serde_json::{Number, Value};

/// The value of an unquoted word. None if JSON has no such value (`.inf`).
pub(super) fn plain(word: &str) -> Option<Value> {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => return Some(true.into()),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            return Some(false.into());
        }
        _ => {}
    }
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return None;
    }
    Some(number(word, unsigned).unwrap_or_else(|| word.into()))
}

fn number(word: &str, unsigned: &str) -> Option<Value> {
    let first = unsigned.bytes().next()?;
    if !first.is_ascii_digit() && first != b'.' {
        return None;
    }
    let is_negative = word.starts_with('-');
    let digits = unsigned.replace('_', "");
    let (radix, rest) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        // YAML 1.1 writes octal numbers so.
        Some(_) if first == b'0' && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) => (8, &digits[1..]),
        _ => (10, digits.as_str()),
    };
    if !rest.starts_with(['+', '-'])
        && let Ok(magnitude) = u64::from_str_radix(rest, radix)
    {
        if !is_negative {
            return Some(magnitude.into());
        }
        let negative = 0_i64.checked_sub_unsigned(magnitude).map(Value::from);
        return negative.or_else(|| float(word));
    }
    if radix == 10 {
        float(&word.replace('_', ""))
    } else {
        None
    }
}

/// Digits with a point or an exponent: no `inf`, no `1.e`.
fn float(word: &str) -> Option<Value> {
    let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if !word.bytes().all(is_part) || !word.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Number::from_f64(word.parse().ok()?).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_mean_what_kubectl_takes_them_for() {
        for (word, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("yes", json!(true)),
            ("off", json!(false)),
            ("42", json!(42)),
            ("-42", json!(-42)),
            ("+7", json!(7)),
            ("0", json!(0)),
            ("1_000", json!(1000)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("017", json!(15)),
            ("0b11", json!(3)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            (".5", json!(0.5)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("30d", json!("30d")),
            ("1mo", json!("1mo")),
            ("gpt-4", json!("gpt-4")),
            ("1.2.3", json!("1.2.3")),
            ("2026-01-01", json!("2026-01-01")),
            ("0x", json!("0x")),
            ("-", json!("-")),
            (".", json!(".")),
            ("e", json!("e")),
            ("yesterday", json!("yesterday")),
            ("infinity", json!("infinity")),
        ] {
            assert_eq!(plain(word), Some(value), "{word}");
        }
        assert_eq!(plain("-.inf"), None);
        assert_eq!(plain(".NaN"), None);
    }
}
