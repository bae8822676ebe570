//! As much of protobuf's wire format as a dozen fields need: see <https://protobuf.dev/programming-guides/encoding/>.

/// Fields that have a length: texts, and messages in messages.
const LENGTH: u64 = 2;

/// Appends a text or a message.
pub(crate) fn put(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    varint(out, u64::from(field) << 3 | LENGTH);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a flag that is set.
pub(crate) fn flag(out: &mut Vec<u8>, field: u32) {
    varint(out, u64::from(field) << 3);
    varint(out, 1);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// The texts and messages of a message, with the numbers of their fields; the last one of a number counts. Numbers and
/// flags are passed over. None if it is no protobuf.
pub(crate) fn read(mut bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        let (field, kind) = (tag >> 3, tag & 7);
        match kind {
            0 => {
                take_varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            5 => bytes = bytes.get(4..)?,
            LENGTH => {
                let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                fields.push((field, value));
                bytes = rest;
            }
            _ => return None,
        }
    }
    Some(fields)
}

/// One field of [`read`]; nothing if it is not there.
pub(crate) fn field<'a>(fields: &[(u64, &'a [u8])], number: u64) -> Option<&'a [u8]> {
    fields
        .iter()
        .rev()
        .find(|(field, _)| *field == number)
        .map(|(_, value)| *value)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let long = "x".repeat(300);
        let mut out = Vec::new();
        put(&mut out, 1, b"old");
        flag(&mut out, 2);
        put(&mut out, 31, long.as_bytes());
        put(&mut out, 1, b"new");
        let fields = read(&out).unwrap();
        assert_eq!(
            (field(&fields, 1), field(&fields, 31)),
            (Some(&b"new"[..]), Some(long.as_bytes()))
        );
        assert_eq!(field(&fields, 2), None);
        assert_eq!(&out[..5], [0x0a, 3, b'o', b'l', b'd']);
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = read(&bytes);
        }
    }
}
