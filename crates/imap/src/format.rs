//! How values are written (RFC 3501 §4): strings, lists, flags, dates.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pli_store::{Entry, Flags};

/// What a NUL becomes: no string of `IMAP4rev1` may hold one (RFC 3501 §9, `CHAR8`). None should ever be kept.
pub(crate) const NUL_SHOWN: u8 = b'?';

/// Longer strings go out as literals, so that no client meets an over-long line.
const QUOTED_BYTES_MAX: usize = 1_000;

/// A string, or `NIL`.
pub(crate) fn nstring(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => string(out, value),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// A string: quoted where that is allowed, else a literal.
pub(crate) fn string(out: &mut Vec<u8>, value: &[u8]) {
    let quotable = value.len() <= QUOTED_BYTES_MAX && value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    if !quotable {
        literal(out, value);
        return;
    }
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// A literal.
pub(crate) fn literal(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(format!("{{{}}}\r\n", value.len()).as_bytes());
    literal_bytes(out, value);
}

/// The inside of a literal, or a piece of it.
pub(crate) fn literal_bytes(out: &mut Vec<u8>, value: &[u8]) {
    let begin = out.len();
    out.extend_from_slice(value);
    if value.contains(&0) {
        for byte in out.iter_mut().skip(begin).filter(|byte| **byte == 0) {
            *byte = NUL_SHOWN;
        }
    }
}

/// An `astring`: bare where that is allowed.
pub(crate) fn astring(out: &mut Vec<u8>, value: &[u8]) {
    let bare = |byte: &u8| byte.is_ascii_graphic() && !b"(){%*\"\\".contains(byte);
    if !value.is_empty() && value.iter().all(bare) {
        out.extend_from_slice(value);
    } else {
        string(out, value);
    }
}

/// `(a b c)`.
pub(crate) fn list<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'(');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write(out, item);
    }
    out.push(b')');
}

/// The flags of a message, `\Recent` with them.
pub(crate) fn entry_flags(entry: &Entry) -> String {
    let mut words = flag_words(&entry.flags);
    if entry.recent {
        words.push("\\Recent");
    }
    format!("({})", words.join(" "))
}

fn flag_words(flags: &Flags) -> Vec<&str> {
    let system = [
        (flags.answered, "\\Answered"),
        (flags.flagged, "\\Flagged"),
        (flags.deleted, "\\Deleted"),
        (flags.seen, "\\Seen"),
        (flags.draft, "\\Draft"),
    ];
    let system = system.into_iter().filter_map(|(set, word)| set.then_some(word));
    system.chain(flags.keywords.iter().map(String::as_str)).collect()
}

/// A `date-time`, in UTC: ` 7-Jul-1996 02:44:25 +0000` in quotes.
pub(crate) fn date_time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("\"%e-%b-%Y %H:%M:%S +0000\"").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        string(&mut out, value);
        out
    }

    #[test]
    fn a_string_is_quoted_unless_it_may_not_be() {
        assert_eq!(written(br#"a "b" \c"#), br#""a \"b\" \\c""#);
        assert_eq!(written(b"a\r\nb"), b"{4}\r\na\r\nb");
        assert_eq!(written("é".as_bytes()), b"{2}\r\n\xc3\xa9");
        assert_eq!(written(b""), b"\"\"");
    }

    #[test]
    fn a_nul_never_reaches_the_wire() {
        assert_eq!(written(b"a\0b"), b"{3}\r\na?b");
    }

    #[test]
    fn dates_have_two_places_for_the_day() {
        let at: Timestamp = "2026-03-07T08:05:09Z".parse().unwrap();
        assert_eq!(date_time(at), "\" 7-Mar-2026 08:05:09 +0000\"");
    }
}
