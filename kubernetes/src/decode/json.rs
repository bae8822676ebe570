//! JSON with what a `Value` cannot tell: which keys stood there twice.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::Failure;

/// How deep values may be nested: ours need six.
const DEPTH: usize = 64;
/// How many duplicate keys are told of: nobody reads more.
const TOLD: usize = 20;

/// Reads JSON. With the value, the paths of keys that stood there twice: the last one counts, as in Kubernetes.
pub fn json(bytes: &[u8]) -> Result<(Value, Vec<String>), Failure> {
    let mut duplicates = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let node = Node {
        path: "",
        depth: 0,
        duplicates: &mut duplicates,
    };
    let value = node
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(value) => Ok((value, duplicates)),
        Err(_) if bytes.iter().all(u8::is_ascii_whitespace) => {
            Err(Failure::bad_request("the body is empty: it must be a JSON object"))
        }
        Err(error) => Err(Failure::bad_request(format!("the body is not valid JSON: {error}"))),
    }
}

struct Node<'a> {
    path: &'a str,
    depth: usize,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut out = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, out.len());
            let node = Node {
                path: &path,
                depth,
                duplicates: &mut *self.duplicates,
            };
            match entries.next_element_seed(node)? {
                Some(entry) => out.push(entry),
                None => return Ok(Value::Array(out)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = if self.path.is_empty() {
                name.clone()
            } else {
                format!("{}.{name}", self.path)
            };
            let value = fields.next_value_seed(Node {
                path: &path,
                depth,
                duplicates: &mut *self.duplicates,
            })?;
            let twice = out.insert(name, value).is_some();
            if twice && self.duplicates.len() < TOLD && !self.duplicates.contains(&path) {
                self.duplicates.push(path);
            }
        }
        Ok(Value::Object(out))
    }
}

impl Node<'_> {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth >= DEPTH {
            return Err(E::custom(format_args!("it is nested deeper than {DEPTH} levels")));
        }
        Ok(self.depth + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn keys_that_stand_there_twice_are_found_and_the_last_counts() {
        let body = br#"{"spec":{"role":"admin","models":[{"a":1,"a":2}],"role":"member"},"spec2":null}"#;
        let (value, duplicates) = json(body).unwrap();
        assert_eq!(value["spec"]["role"], "member");
        assert_eq!(duplicates, ["spec.models[0].a", "spec.role"]);
    }

    #[test]
    fn what_is_not_json_is_400_with_its_place() {
        let failure = json(b"{\"a\": tru}").unwrap_err();
        assert_eq!(failure.reason, Reason::BadRequest);
        assert!(failure.message.contains("line 1 column"), "{}", failure.message);
        assert!(json(b" ").unwrap_err().message.contains("empty"));
        assert!(json(b"{} x").is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(json(nested(64).as_bytes()).is_ok());
        let failure = json(nested(65).as_bytes()).unwrap_err();
        assert!(failure.message.contains("deeper than 64"), "{}", failure.message);
        assert!(json(nested(100_000).as_bytes()).is_err());
    }
}
