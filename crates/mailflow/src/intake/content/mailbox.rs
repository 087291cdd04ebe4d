//! Reads a field that must hold exactly one `mailbox` (RFC 5322 §3.4): [`NamedMailbox`].

use mail_parser::{HeaderName, MessageParser};
use pli_policy::NameShows;
use pli_types::{Domain, MailAddress};

use super::{field, shown_name};

/// The one mailbox of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedMailbox {
    /// Its address.
    pub(crate) address: MailAddress,
    /// What the name beside the address shows.
    pub(crate) name: NameShows,
}

/// No name of a person or a service fills so many octets. Reading one costs no more than this.
const VALUE_OCTETS_MAX: usize = 4096;

/// The mailbox, if the value is exactly one: no list, no group, no route, nothing obsolete inside the address, no bytes
/// in a character set that nothing names, no bare CR or LF.
pub(super) fn read(value: &[u8]) -> Option<NamedMailbox> {
    let is_text = std::str::from_utf8(value).is_ok() && !field::has_bare_line_end(value);
    if value.len() > VALUE_OCTETS_MAX || !is_text {
        return None;
    }
    let Parts { phrase, comments, address } = parts(&field::unfold(value))?;
    let second = second_opinion(value, &address)?;
    let names = [phrase, second].into_iter().chain(comments);
    let name = shown_name::of(names, &address)?;
    Some(NamedMailbox { address, name })
}

/// What a value is made of.
struct Parts {
    phrase: String,
    comments: Vec<String>,
    address: MailAddress,
}

fn parts(value: &str) -> Option<Parts> {
    let (text, comments) = without_comments(value)?;
    let marks = unquoted_specials(&text)?;
    let Some((open, _)) = marks.iter().find(|(_, c)| *c == '<') else {
        return Some(Parts { phrase: String::new(), comments, address: strict_address(text.trim())? });
    };
    let (phrase, angle) = text.split_at_checked(*open)?;
    let inside = angle.trim_end().strip_prefix('<')?.strip_suffix('>')?;
    let in_phrase = marks.iter().filter(|(at, _)| *at < phrase.len()).count();
    let brackets = marks.iter().filter(|(_, c)| matches!(c, '<' | '>')).count();
    if in_phrase > 0 || brackets != 2 {
        return None;
    }
    Some(Parts { phrase: unquoted(phrase), comments, address: strict_address(inside.trim())? })
}

/// An address in which no program can find another one: an encoded word inside it is decoded by some.
fn strict_address(text: &str) -> Option<MailAddress> {
    if text.contains("=?") {
        return None;
    }
    MailAddress::parse(text).ok()
}

/// The value with every comment replaced by a space, and what the comments say; `None` if a comment or a quoted string
/// is not closed.
fn without_comments(value: &str) -> Option<(String, Vec<String>)> {
    let mut text = String::with_capacity(value.len());
    let (mut comments, mut comment) = (Vec::new(), String::new());
    let (mut depth, mut quoted) = (0_u32, false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if depth > 0 => comment.push(chars.next()?),
            '\\' if quoted => text.extend([c, chars.next()?]),
            '(' if !quoted => {
                depth += 1;
                text.push(' ');
            }
            ')' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    comments.push(std::mem::take(&mut comment));
                }
            }
            c if c.is_control() && c != '\t' => return None,
            _ if depth > 0 => comment.push(c),
            '"' => {
                quoted = !quoted;
                text.push(c);
            }
            c => text.push(c),
        }
    }
    (depth == 0 && !quoted).then_some((text, comments))
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

/// A phrase as it is shown: without its quotes and escapes.
fn unquoted(phrase: &str) -> String {
    let mut out = String::with_capacity(phrase.len());
    let mut chars = phrase.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '"' => {}
            c => out.push(c),
        }
    }
    out
}

/// Does another parser, a lenient one, find this address and no other? Then the name that it finds, empty if there is none.
fn second_opinion(value: &[u8], address: &MailAddress) -> Option<String> {
    let field = [b"From:", value, b"\r\n\r\n"].concat();
    let parser = MessageParser::new().header_address(HeaderName::From);
    let message = parser.parse_headers(&field)?;
    let [found] = message.from()?.as_list()? else { return None };
    let (local, domain) = found.address()?.rsplit_once('@')?;
    let local = local.strip_prefix('"').and_then(|l| l.strip_suffix('"')).unwrap_or(local);
    let same = local == address.local().reveal() && Domain::parse(domain).is_ok_and(|d| d == *address.domain());
    same.then(|| found.name().unwrap_or_default().to_owned())
}
