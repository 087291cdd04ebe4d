//! Cuts a header into its fields (RFC 5322 §2.2).

/// One line of a header with its continuation lines.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    /// `strict` unless there is white space before the colon (RFC 5322 §4.5.8, obsolete).
    Named { name: &'a [u8], strict: bool, value: &'a [u8] },
    /// Not a field at all.
    Nameless,
}

/// The fields, in order.
pub(super) fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (field, after) = rest.split_at_checked(end_of_field(rest)).unwrap_or((rest, &[]));
        rest = after;
        Some(parse_field(field))
    })
}

/// Takes the line ends off a value; the white space that follows each stays (RFC 5322 §2.2.3).
pub(super) fn unfold(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().filter(|c| !matches!(c, '\r' | '\n')).collect()
}

/// Is one of the continuation lines white space alone? None may be written so (RFC 5322 §3.2.2).
pub(super) fn has_blank_line(value: &[u8]) -> bool {
    let mut continued = value.split(|b| *b == b'\n').skip(1);
    continued.any(|line| !line.is_empty() && line.trim_ascii().is_empty())
}

/// Is there a CR or an LF that is not half of a CR LF? To some programs each ends a line, to others neither does.
pub(super) fn has_bare_line_end(value: &[u8]) -> bool {
    let lines = value.split(|b| *b == b'\n');
    let count = lines.clone().count();
    // Behind the last LF stands what has no line end; before each other one, a line with its CR.
    lines.enumerate().any(|(at, line)| {
        let line = if at + 1 == count { Some(line) } else { line.strip_suffix(b"\r") };
        line.is_none_or(|line| line.contains(&b'\r'))
    })
}

/// Where a field ends: after the first CRLF that no white space follows (RFC 5322 §2.2.3).
fn end_of_field(text: &[u8]) -> usize {
    let mut from = 0;
    while let Some(newline) = text.get(from..).and_then(|rest| rest.iter().position(|b| *b == b'\n')) {
        from += newline + 1;
        if !matches!(text.get(from), Some(b' ' | b'\t')) {
            return from;
        }
    }
    text.len()
}

fn parse_field(field: &[u8]) -> Field<'_> {
    let mut parts = field.splitn(2, |b| *b == b':');
    let (Some(before), Some(value)) = (parts.next(), parts.next()) else { return Field::Nameless };
    let name = before.trim_ascii_end();
    // RFC 5322 §2.2: printable US-ASCII but the colon.
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return Field::Nameless;
    }
    Field::Named { name, strict: name.len() == before.len(), value }
}
