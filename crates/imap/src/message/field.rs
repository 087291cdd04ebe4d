//! Header fields as they stand (RFC 5322 §2.2), to the byte.

use super::budget::{HEADER_BYTES_MAX, VALUE_BYTES_MAX};

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Its name, without the colon. A line that is no field has itself as a name.
    pub(crate) name: &'a [u8],
    /// What follows the colon, folds and line end included.
    pub(crate) value: &'a [u8],
    /// All of it.
    pub(crate) raw: &'a [u8],
}

impl Field<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// How long the header is, its blank line included. `None` if the bytes end before one.
pub(crate) fn header_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        length += line.len();
        if line == b"\r\n" || line == b"\n" {
            return Some(length);
        }
    }
    None
}

/// The fields of a header, in order.
pub(crate) fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let length = field_length(rest);
        let (raw, after) = rest.split_at(length);
        rest = after;
        if raw.is_empty() || raw == b"\r\n" || raw == b"\n" {
            return None;
        }
        let colon = raw.iter().position(|byte| *byte == b':').unwrap_or(raw.len());
        let (name, value) = raw.split_at(colon);
        Some(Field { name: name.trim_ascii_end(), value: value.get(1..).unwrap_or_default(), raw })
    })
}

/// A line and those that continue it.
fn field_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let continues = matches!(line.first(), Some(b' ' | b'\t'));
        if length > 0 && !continues {
            break;
        }
        length += line.len();
        if line == b"\r\n" || line == b"\n" {
            break;
        }
    }
    length
}

/// The beginning of a header that is read for what it says, whole lines; and whether anything lies behind it.
pub(crate) fn beginning(header: &[u8]) -> (&[u8], bool) {
    if header.len() <= HEADER_BYTES_MAX {
        return (header, false);
    }
    let beginning = header.get(..HEADER_BYTES_MAX).unwrap_or_default();
    let end = beginning.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    (beginning.get(..end).unwrap_or_default(), true)
}

/// The first field of this name.
pub(crate) fn find<'a>(header: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(header).find(|field| field.is(name))
}

/// A value on one line: line ends taken out, white space at both ends too (RFC 5322 §2.2.3).
pub(crate) fn unfold(value: &[u8]) -> Vec<u8> {
    let unfolded: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    unfolded.trim_ascii().to_vec()
}

/// As [`unfold`], and cut where a text is too long to be shown.
pub(crate) fn unfold_text(value: &[u8]) -> Vec<u8> {
    unfold(value.get(..VALUE_BYTES_MAX).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_with_its_blank_line() {
        assert_eq!(header_length(b"A: 1\r\n\r\nbody"), Some(8));
        assert_eq!(header_length(b"A: 1\n\nbody"), Some(6));
        assert_eq!(header_length(b"\r\nbody"), Some(2));
        assert_eq!(header_length(b"A: 1\r\n"), None);
        assert_eq!(header_length(b""), None);
    }

    #[test]
    fn fields_come_whole_with_their_folds() {
        let header = b"Subject: one\r\n two\r\nX : y\r\nno field\r\n\r\nbody: z\r\n";
        let all: Vec<Field<'_>> = fields(header).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].raw, b"Subject: one\r\n two\r\n");
        assert_eq!(unfold(all[0].value), b"one two");
        assert!(all[1].is("x"));
        assert_eq!(all[2].raw, b"no field\r\n");
    }

    #[test]
    fn a_line_of_blanks_continues_a_field() {
        assert_eq!(fields(b"A: 1\r\n \r\n b\r\nB: 2\r\n").count(), 2);
    }
}
