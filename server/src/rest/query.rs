//! Reading a request's query string.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use backend::Code;
use http::request::Parts;
use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, Visitor,
        value::{CowStrDeserializer, Error, MapDeserializer},
    },
    forward_to_deserialize_any,
};
use url::form_urlencoded;

use super::explain;
use crate::problem::Problem;

/// A query string. What is blank counts as left out; an unknown or wrongly typed parameter answers
/// 422 and names it.
#[derive(Debug)]
pub(super) struct QueryString<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryString<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = form_urlencoded::parse(query.as_bytes())
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, Text(value)));
    serde_path_to_error::deserialize(MapDeserializer::<_, Error>::new(pairs)).map_err(|error| {
        let path = error.path().to_string();
        match explain::field(&path, &error.into_inner().to_string()) {
            Some(invalid) => invalid.into(),
            None => Problem::new(Code::Validation, "The query string is not of the documented form"),
        }
    })
}

/// A parameter's text, which is whatever type the field has.
struct Text<'de>(Cow<'de, str>);

impl<'de> IntoDeserializer<'de, Error> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        CowStrDeserializer::new(self.0).deserialize_any(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &*self.0 {
            "true" | "1" => visitor.visit_bool(true),
            "false" | "0" => visitor.visit_bool(false),
            _ => Err(Error::custom("must be true or false")),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.0.parse().map_err(|_| Error::custom("must be a whole number"))?;
        visitor.visit_i64(number)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if variants.contains(&&*self.0) {
            CowStrDeserializer::new(self.0).deserialize_enum(name, variants, visitor)
        } else {
            Err(Error::custom(format_args!("must be one of {}", variants.join(", "))))
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// How many rows a page may have.
pub(super) const MAX_LIMIT: i64 = 1000;

/// The `limit` of a list, or its default.
///
/// # Errors
/// 422 when it is not from 1 to [`MAX_LIMIT`].
pub(super) fn limit(asked: Option<i64>, default: i64) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(default);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(super::body::invalid("limit", "must be from 1 to 1000"))
    }
}

/// How many rows may be skipped: whoever wants what lies behind them has a cursor, which costs nothing.
const MAX_OFFSET: i64 = 1_000_000;

/// The `offset` of a list, or none.
///
/// # Errors
/// 422 when it is negative or more than [`MAX_OFFSET`].
pub(super) fn offset(asked: Option<i64>) -> Result<i64, Problem> {
    let offset = asked.unwrap_or(0);
    let rule = match offset {
        ..0 => "must not be negative",
        0..=MAX_OFFSET => return Ok(offset),
        _ => "must be at most 1000000",
    };
    Err(super::body::invalid("offset", rule))
}

/// A time that a list is limited to, if one is asked for.
pub(super) fn time(
    name: &'static str,
    asked: Option<&str>,
) -> Result<Option<chrono::DateTime<chrono::Utc>>, domain::Invalid> {
    asked.map(|text| domain::audit::parse_time(name, text)).transpose()
}

#[cfg(test)]
mod tests {
    use domain::TeamStatus;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Parameters {
        limit: Option<i64>,
        search: Option<String>,
        ephemeral: Option<bool>,
        status: Option<TeamStatus>,
        team_id: Option<uuid::Uuid>,
    }

    fn refusal(query: &str) -> String {
        format!("{:?}", parse::<Parameters>(query).unwrap_err())
    }

    #[test]
    fn parameters_have_types() {
        let read = parse::<Parameters>("limit=5&search=a%20b+c&ephemeral=true&status=inactive").unwrap();
        let expected = Parameters {
            limit: Some(5),
            search: Some("a b c".to_owned()),
            ephemeral: Some(true),
            status: Some(TeamStatus::Inactive),
            team_id: None,
        };
        assert_eq!(read, expected);
        assert_eq!(
            parse::<Parameters>("status=&limit=&search=").unwrap(),
            Parameters::default()
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, field, rule) in [
            ("limit=ten", "limit", "must be a whole number"),
            ("limit=99999999999999999999", "limit", "must be a whole number"),
            ("ephemeral=maybe", "ephemeral", "must be true or false"),
            ("status=gone", "status", "must be one of active, inactive, archived"),
            ("team_id=7", "team_id", "must be a UUID"),
            ("page=2", "page", "is not a field here"),
            ("limit=1&limit=2", "limit", "is given more than once"),
        ] {
            let refusal = refusal(query);
            assert!(
                refusal.contains(&format!("field: \"{field}\"")) && refusal.contains(rule),
                "{query}: {refusal}"
            );
        }
    }
}
