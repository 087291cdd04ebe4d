//! What the header of a message says, as far as a rule or a trace asks: [`HeaderFacts`].
//!
//! The header is read to be judged, never to be changed. Where readers of mail differ (two `From`, a space before the
//! colon, a group, an encoded word inside an address) the answer is "not to be judged", which is refused: what we read
//! and what the recipient's program shows must be one and the same.

use mail_parser::{HeaderName, MessageParser};
use pli_types::{Domain, MailAddress};

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderFacts {
    /// The one address of the one `From`; `None` if it is not to be judged.
    pub(crate) from: Option<MailAddress>,
    /// Servers that it came through (RFC 5321 §6.3).
    pub(crate) received: usize,
    /// How often it came through this one.
    pub(crate) own_traces: usize,
    /// Is there a `Date`?
    pub(crate) has_date: bool,
    /// Is there a `Message-ID`?
    pub(crate) has_message_id: bool,
}

/// More servers than this and the message is going round (RFC 5321 §6.3).
pub(super) const RECEIVED_MAX: usize = 100;
/// A message may come through here more than once (a connector's own forwarding), but not for ever.
pub(super) const OWN_TRACES_MAX: usize = 5;

impl HeaderFacts {
    /// Has it been here before, or through too many servers?
    pub(super) fn goes_round(&self) -> bool {
        self.received > RECEIVED_MAX || self.own_traces > OWN_TRACES_MAX
    }
}

/// Reads a header: lines ended by CRLF, without the empty line that ends it. `server_name` is our own name in traces.
pub(crate) fn read(header: &[u8], server_name: &str) -> HeaderFacts {
    let mut facts = HeaderFacts { from: None, received: 0, own_traces: 0, has_date: false, has_message_id: false };
    let mut froms = Vec::new();
    let mut well_formed = true;
    for field in fields(header) {
        match field {
            Field::Named { name, strict, value } if name.eq_ignore_ascii_case(b"From") => {
                well_formed &= strict;
                froms.push(value);
            }
            Field::Named { name, value, .. } if name.eq_ignore_ascii_case(b"Received") => {
                facts.received += 1;
                facts.own_traces += usize::from(is_trace_of(&unfold(value), server_name));
            }
            Field::Named { name, .. } if name.eq_ignore_ascii_case(b"Date") => facts.has_date = true,
            Field::Named { name, .. } if name.eq_ignore_ascii_case(b"Message-ID") => facts.has_message_id = true,
            Field::Named { .. } => {}
            // Some programs end the header here, some read on: what they take for From would differ.
            Field::Nameless => well_formed = false,
        }
    }
    if let ([value], true) = (froms.as_slice(), well_formed) {
        facts.from = one_mailbox(&unfold(value)).filter(|address| second_opinion(value, address));
    }
    facts
}

/// The value of the first field of this name, unfolded and trimmed.
pub(crate) fn value_of(header: &[u8], wanted: &str) -> Option<String> {
    fields(header).find_map(|field| match field {
        Field::Named { name, value, .. } if name.eq_ignore_ascii_case(wanted.as_bytes()) => {
            Some(unfold(value).trim().to_owned())
        }
        _ => None,
    })
}

/// One line of a header with its continuation lines.
enum Field<'a> {
    /// `strict` unless there is white space before the colon (RFC 5322 §4.5.8, obsolete).
    Named { name: &'a [u8], strict: bool, value: &'a [u8] },
    /// Not a field at all.
    Nameless,
}

fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
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

/// Takes the line ends off a value; the white space that follows each stays (RFC 5322 §2.2.3).
fn unfold(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().filter(|c| !matches!(c, '\r' | '\n')).collect()
}

/// `… by NAME …`, as [`super::trace_header`] writes it.
fn is_trace_of(value: &str, server_name: &str) -> bool {
    let mut words = value.split_ascii_whitespace();
    words.any(|word| word.eq_ignore_ascii_case("by"))
        && words.next().is_some_and(|name| name.trim_end_matches(';').eq_ignore_ascii_case(server_name))
}

/// The address of a `mailbox` (RFC 5322 §3.4), if the value is exactly one: no list, no group, no route, nothing
/// obsolete inside the address.
fn one_mailbox(value: &str) -> Option<MailAddress> {
    let text = without_comments(value)?;
    let marks = unquoted_specials(&text)?;
    let Some((open, _)) = marks.iter().find(|(_, c)| *c == '<') else {
        return strict_address(text.trim());
    };
    let (phrase, angle) = text.split_at_checked(*open)?;
    let inside = angle.trim_end().strip_prefix('<')?.strip_suffix('>')?;
    let in_phrase = marks.iter().filter(|(at, _)| *at < phrase.len()).count();
    let brackets = marks.iter().filter(|(_, c)| matches!(c, '<' | '>')).count();
    if in_phrase > 0 || brackets != 2 {
        return None;
    }
    strict_address(inside.trim())
}

/// An address in which no program can find another one: an encoded word inside it is decoded by some.
fn strict_address(text: &str) -> Option<MailAddress> {
    if text.contains("=?") || text.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    MailAddress::parse(text).ok()
}

/// The value with every comment replaced by a space; `None` if a comment or a quoted string is not closed.
fn without_comments(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let (mut depth, mut quoted) = (0_u32, false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted || depth > 0 => {
                let escaped = chars.next()?;
                if depth == 0 {
                    out.extend([c, escaped]);
                }
            }
            '(' if !quoted => {
                depth += 1;
                out.push(' ');
            }
            ')' if !quoted => depth = depth.checked_sub(1)?,
            _ if depth > 0 => {}
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            c if c.is_control() && c != '\t' => return None,
            c => out.push(c),
        }
    }
    (depth == 0 && !quoted).then_some(out)
}

/// Where the specials that part addresses stand outside of quotes.
fn unquoted_specials(text: &str) -> Option<Vec<(usize, char)>> {
    let mut out = Vec::new();
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quoted => {
                chars.next()?;
            }
            '"' => quoted = !quoted,
            '<' | '>' | ',' | ':' | ';' | '@' | '[' | ']' | '\\' if !quoted => out.push((at, c)),
            _ => {}
        }
    }
    Some(out)
}

/// Does another parser, a lenient one, find this address and no other?
fn second_opinion(value: &[u8], address: &MailAddress) -> bool {
    let field = [b"From:", value, b"\r\n\r\n"].concat();
    let parser = MessageParser::new().header_address(HeaderName::From);
    let Some(message) = parser.parse_headers(&field) else { return false };
    let Some([found]) = message.from().and_then(|from| from.as_list()) else { return false };
    let Some((local, domain)) = found.address().and_then(|text| text.rsplit_once('@')) else { return false };
    let local = local.strip_prefix('"').and_then(|l| l.strip_suffix('"')).unwrap_or(local);
    local == address.local().reveal() && Domain::parse(domain).is_ok_and(|domain| domain == *address.domain())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_of(header: &str) -> Option<String> {
        read(header.as_bytes(), "mss.pro.test").from.map(|address| address.reveal())
    }

    #[test]
    fn one_from_with_one_address_is_read() {
        let good = [
            ("From: a@x.mssante.fr\r\n", "a@x.mssante.fr"),
            ("FROM:a@X.MSSante.fr\r\n", "a@x.mssante.fr"),
            ("From: <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
            ("From: Dr. Jean DUPONT <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
            ("From: \"DUPONT, Jean <b@y.fr>\" <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
            ("From: =?UTF-8?Q?H=C3=A9l=C3=A8ne?= <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
            ("From: H\u{e9}l\u{e8}ne <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
            ("From: a@x.mssante.fr (Jean (le docteur) DUPONT)\r\n", "a@x.mssante.fr"),
            ("From: Jean\r\n\tDUPONT\r\n <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
            ("Subject: b@y.fr\r\nFrom: a@x.mssante.fr\r\nTo: c@z.fr, d@z.fr\r\n", "a@x.mssante.fr"),
        ];
        for (header, expected) in good {
            assert_eq!(from_of(header).as_deref(), Some(expected), "{header:?}");
        }
    }

    #[test]
    fn a_from_that_two_programs_could_read_differently_is_not_judged() {
        let nasty = [
            "Subject: nobody wrote this\r\n",
            "From: \r\n",
            "From: Jean DUPONT\r\n",
            "From: a@x.mssante.fr\r\nFrom: a@x.mssante.fr\r\n",
            "From: a@x.mssante.fr\r\nfrom : b@y.fr\r\n",
            "From : a@x.mssante.fr\r\n",
            "From: a@x.mssante.fr, b@y.fr\r\n",
            "From: <a@x.mssante.fr>, <b@y.fr>\r\n",
            "From: <a@x.mssante.fr> <b@y.fr>\r\n",
            "From: <a@x.mssante.fr> b@y.fr\r\n",
            "From: b@y.fr <a@x.mssante.fr>\r\n",
            "From: group: a@x.mssante.fr;\r\n",
            "From: undisclosed:;\r\n",
            "From: <@b.fr:a@x.mssante.fr>\r\n",
            "From: a@x.mssante.fr@y.fr\r\n",
            "From: a @ x.mssante.fr\r\n",
            "From: a. b@x.mssante.fr\r\n",
            "From: =?utf-8?q?b=40y.fr?=@x.mssante.fr\r\n",
            "From: \"b\" <=?utf-8?b?YkB5LmZyAA==?=@x.mssante.fr>\r\n",
            "From: \"b@y.fr <a@x.mssante.fr>\r\n",
            "From: (b@y.fr <a@x.mssante.fr>\r\n",
            "From: a@x.mssante.fr)\r\n",
            "From: a@[192.0.2.1]\r\n",
            "From: a@\r\n",
            "From: <>\r\n",
            "no field at all\r\nFrom: a@x.mssante.fr\r\n",
            " folded from nothing\r\nFrom: a@x.mssante.fr\r\n",
            ": no name\r\nFrom: a@x.mssante.fr\r\n",
        ];
        for header in nasty {
            assert_eq!(from_of(header), None, "{header:?}");
        }
    }

    #[test]
    fn traces_are_counted_ours_apart() {
        let header = "Received: from a.fr ([192.0.2.1])\r\n\tby mss.pro.test with ESMTPS id 1;\r\n Tue, 3 Mar 2026\r\n\
                      Received: from b.fr by MX.other.test; x\r\nReceived: from mss.pro.test by c.fr; x\r\nDate: x\r\n";
        let facts = read(header.as_bytes(), "MSS.pro.test");
        assert_eq!((facts.received, facts.own_traces), (3, 1));
        assert!(facts.has_date && !facts.has_message_id);
    }

    #[test]
    fn a_folded_value_comes_back_on_one_line() {
        let header = b"X-MSS-NIL: DEV935997\r\nMessage-Id:\r\n <1@x.mssante.fr>\r\n";
        assert_eq!(value_of(header, "Message-ID").as_deref(), Some("<1@x.mssante.fr>"));
        assert_eq!(value_of(header, "Subject"), None);
    }
}
