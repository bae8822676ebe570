//! The one protobuf message that clients send and Guildhall reads: newer kubectl asks "may I" in it.

use std::collections::BTreeMap;

/// What Kubernetes puts before every message.
const MAGIC: &[u8] = b"k8s\0";

/// Fields that hold bytes, texts or messages, by number; the last of each counts.
type Fields<'a> = BTreeMap<u64, &'a [u8]>;

/// What a `SelfSubjectAccessReview` or `SelfSubjectRulesReview` asks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Review {
    /// `spec.resourceAttributes`, or of a rules review `spec` itself: texts by field number.
    pub(super) resource: Option<BTreeMap<u64, String>>,
    /// Whether `spec.nonResourceAttributes` is there.
    pub(super) non_resource: bool,
    /// The first text in `spec`, of a rules review: the namespace.
    pub(super) namespace: String,
}

/// Reads a review.
pub(super) fn review(body: &[u8], rules: bool) -> Option<Review> {
    let unknown = fields(body.strip_prefix(MAGIC)?)?;
    // runtime.Unknown: 2 is the object. Its 2 is `spec`.
    let object = fields(unknown.get(&2)?)?;
    let spec = fields(object.get(&2).copied().unwrap_or_default())?;
    if rules {
        let namespace = spec.get(&1).map_or(Some(""), |text| std::str::from_utf8(text).ok())?;
        return Some(Review {
            namespace: namespace.to_owned(),
            ..Review::default()
        });
    }
    let resource = match spec.get(&1) {
        None => None,
        Some(attributes) => {
            let texts = fields(attributes)?.into_iter().map(|(number, bytes)| {
                // Selectors are messages; nobody here needs them.
                (number, String::from_utf8_lossy(bytes).into_owned())
            });
            Some(texts.collect())
        }
    };
    Some(Review {
        resource,
        non_resource: spec.contains_key(&2),
        namespace: String::new(),
    })
}

/// The fields of a message that have a length; others are passed over.
fn fields(mut bytes: &[u8]) -> Option<Fields<'_>> {
    let mut found = Fields::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                found.insert(tag >> 3, content);
                bytes = rest;
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short");
        [&[number << 3 | 2, length][..], content].concat()
    }

    #[test]
    fn reviews_are_read() {
        let attributes = [field(1, b"acme"), field(2, b"create"), field(3, b"auth.litellm.ai"), field(5, b"teams")];
        let spec = field(1, &attributes.concat());
        let object = [field(1, b""), field(2, &spec)].concat();
        let kind = [field(1, b"authorization.k8s.io/v1"), field(2, b"SelfSubjectAccessReview")].concat();
        let body = [MAGIC, &field(1, &kind), &field(2, &object), &field(4, b"")].concat();
        let read = review(&body, false).expect("a review");
        let resource = read.resource.expect("attributes");
        assert_eq!((resource[&1].as_str(), resource[&2].as_str(), resource[&5].as_str()), ("acme", "create", "teams"));
        assert!(!read.non_resource);
        assert_eq!(review(&body, true).expect("a review").namespace.len(), attributes.concat().len());
    }

    #[test]
    fn nonsense_is_none() {
        for nonsense in [&b""[..], b"k8s\0", b"k8s\0\x12\xff", b"{}", b"k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"] {
            assert_eq!(review(nonsense, false), None, "{nonsense:?}");
        }
    }
}
