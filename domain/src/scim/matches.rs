//! Whether an entry of a list is what a filter in a path asks for. Filters of whole resources are PostgreSQL's.

use serde_json::{Map, Value};

use super::{
    AttrPath, Filter, Refused, ScimType,
    filter::Op,
    read::boolean,
    schema::{Attribute, Kind, named},
};

/// Whether an entry of `list` matches.
///
/// # Errors
/// `invalidFilter` for a part that entries of the list do not have, or a comparison that its type has not.
pub(super) fn matches(filter: &Filter, list: &'static Attribute, entry: &Map<String, Value>) -> Result<bool, Refused> {
    Ok(match filter {
        Filter::And(parts) => {
            let mut all = true;
            for part in parts {
                all &= matches(part, list, entry)?;
            }
            all
        }
        Filter::Or(parts) => {
            let mut any = false;
            for part in parts {
                any |= matches(part, list, entry)?;
            }
            any
        }
        Filter::Not(part) => !matches(part, list, entry)?,
        Filter::Present(path) => entry.contains_key(part_of(list, path)?.name),
        Filter::Compare(path, op, value) => {
            let part = part_of(list, path)?;
            compare(part, entry.get(part.name), *op, value)?
        }
        Filter::Within(..) => return Err(wrong("Brackets do not stand in brackets")),
    })
}

/// What a filter in brackets would have an entry be: the values that it says are equal. None when it says more.
pub(super) fn described(filter: &Filter, list: &'static Attribute) -> Option<Map<String, Value>> {
    match filter {
        Filter::Compare(path, Op::Eq, value) => {
            let part = part_of(list, path).ok()?;
            let value = super::read::single(part, value).ok()??;
            let mut map = Map::new();
            map.insert(part.name.to_owned(), value);
            Some(map)
        }
        Filter::And(parts) => {
            let mut map = Map::new();
            for part in parts {
                map.extend(described(part, list)?);
            }
            Some(map)
        }
        _ => None,
    }
}

fn part_of(list: &'static Attribute, path: &AttrPath) -> Result<&'static Attribute, Refused> {
    let part = named(list.sub, &path.name).filter(|_| path.sub.is_none() && path.schema.is_none());
    part.ok_or_else(|| wrong(&format!("{} has no '{}'", list.name, super::shown(&path.name))))
}

fn wrong(detail: &str) -> Refused {
    Refused::new(ScimType::InvalidFilter, detail)
}

/// Checks that a value can be compared with an attribute in this way.
pub(super) fn comparable(attribute: &Attribute, op: Op, value: &Value) -> Result<(), Refused> {
    let fits = match attribute.kind {
        // No text has one, and PostgreSQL takes none.
        _ if value.as_str().is_some_and(|text| text.contains('\0')) => false,
        _ if value.is_null() => matches!(op, Op::Eq | Op::Ne),
        Kind::Boolean => matches!(op, Op::Eq | Op::Ne) && boolean(value).is_some(),
        Kind::Time => !matches!(op, Op::Co | Op::Sw | Op::Ew) && value.is_string(),
        Kind::Text | Kind::Reference => value.is_string(),
        Kind::Complex => false,
    };
    if fits {
        return Ok(());
    }
    Err(wrong(&format!(
        "{} cannot be compared with this value in this way",
        attribute.name
    )))
}

fn compare(attribute: &Attribute, have: Option<&Value>, op: Op, value: &Value) -> Result<bool, Refused> {
    comparable(attribute, op, value)?;
    if value.is_null() {
        return Ok(have.is_none() == (op == Op::Eq));
    }
    if attribute.kind == Kind::Boolean {
        let same = have.and_then(boolean) == boolean(value);
        return Ok(same == (op == Op::Eq));
    }
    let fold = |text: &str| {
        if attribute.exact {
            text.to_owned()
        } else {
            text.to_lowercase()
        }
    };
    let wanted = fold(value.as_str().unwrap_or_default());
    let Some(have) = have.and_then(Value::as_str).map(fold) else {
        return Ok(op == Op::Ne);
    };
    Ok(match op {
        Op::Eq => have == wanted,
        Op::Ne => have != wanted,
        Op::Co => have.contains(&wanted),
        Op::Sw => have.starts_with(&wanted),
        Op::Ew => have.ends_with(&wanted),
        Op::Gt => have > wanted,
        Op::Ge => have >= wanted,
        Op::Lt => have < wanted,
        Op::Le => have <= wanted,
    })
}

impl Filter {
    /// Checks that a value can be compared with an attribute in this way, for those who compare elsewhere.
    ///
    /// # Errors
    /// `invalidFilter`.
    pub fn check(attribute: &Attribute, op: Op, value: &Value) -> Result<(), Refused> {
        comparable(attribute, op, value)
    }
}
