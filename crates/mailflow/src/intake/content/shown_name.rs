//! What a name shows to whoever reads it: does it look like an address, and whose ([`of`])?
//!
//! An address is shown where something stands before an `@` and a name with a dot behind it, in whatever script, width
//! or encoding the two are written. `Rein@Dom` and `Soins @ domicile` are names; `martin @ hopital.fr` is an address.

use mail_parser::decoders::charsets::map::charset_decoder;
use pli_policy::NameShows;
use pli_types::{Domain, MailAddress};
use unicode_normalization::UnicodeNormalization;

/// What these names, which stand beside one address, show. `None` for a name that nobody can read alike: in an unknown
/// character set, with control characters inside, or turned round.
pub(super) fn of(names: impl Iterator<Item = String>, address: &MailAddress) -> Option<NameShows> {
    let mut shows = NameShows::NoAddress;
    for name in names {
        // Some programs decode what stands in quotes, and some decode nothing.
        for text in [decoded(&name)?, name] {
            shows = match (shows, of_text(&text, address)?) {
                (NameShows::AnotherAddress, _) | (_, NameShows::AnotherAddress) => NameShows::AnotherAddress,
                (NameShows::ThisAddress, _) | (_, NameShows::ThisAddress) => NameShows::ThisAddress,
                (NameShows::NoAddress, NameShows::NoAddress) => NameShows::NoAddress,
            };
        }
    }
    Some(shows)
}

fn of_text(text: &str, address: &MailAddress) -> Option<NameShows> {
    if text.chars().any(|c| (c.is_ascii_control() && c != '\t') || turns_round(c)) {
        return None;
    }
    let text = plain(text);
    let mut shows = NameShows::NoAddress;
    for (at, _) in text.match_indices('@') {
        let (before, after) = text.split_at_checked(at)?;
        match shown_at(before, after.strip_prefix('@')?, address) {
            NameShows::AnotherAddress => return Some(NameShows::AnotherAddress),
            NameShows::ThisAddress => shows = NameShows::ThisAddress,
            NameShows::NoAddress => {}
        }
    }
    Some(shows)
}

/// What stands around one `@` of a [`plain`] text.
fn shown_at(before: &str, after: &str, address: &MailAddress) -> NameShows {
    let local = before.trim_end().rsplit(parts_words).next().unwrap_or_default();
    let after = after.trim_start().trim_start_matches('[');
    let domain = after.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_'))).next();
    let domain = domain.unwrap_or_default().trim_end_matches('.');
    if local.is_empty() || !domain.trim_start_matches('.').contains('.') {
        return NameShows::NoAddress;
    }
    let own = plain(address.local().reveal());
    let same_local = local == own || local.trim_start_matches(QUOTES) == own;
    if same_local && Domain::parse(domain).is_ok_and(|domain| domain == *address.domain()) {
        NameShows::ThisAddress
    } else {
        NameShows::AnotherAddress
    }
}

/// Programs put a name that is an address between these.
const QUOTES: [char; 8] = ['\'', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{ab}', '\u{bb}'];

fn parts_words(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | '"' | ',' | ';' | ':')
}

/// The text as an eye takes it: nothing that is not seen, no widths (NFKC), lower case, single spaces, and none before
/// a dot.
fn plain(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_unseen(*c)).map(looks_like);
    let folded: String = seen.nfkc().map(looks_like).collect::<String>().to_lowercase();
    folded.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
}

/// Characters that NFKC takes for something else than the eye does.
fn looks_like(c: char) -> char {
    match c {
        // A circled `a`, in both cases.
        '\u{24d0}' | '\u{24b6}' => '@',
        // The ideographic full stop, a dot of domain names to IDNA (UTS 46).
        '\u{3002}' => '.',
        c => c,
    }
}

/// Turns the text round from here: `rf.y@b` is shown as `b@y.fr`.
fn turns_round(c: char) -> bool {
    matches!(c, '\u{202d}' | '\u{202e}')
}

/// Takes no room on a screen (Unicode `Default_Ignorable_Code_Point`, and the control characters of ISO 8859).
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The text with its encoded words decoded, wherever they stand (RFC 2047); `None` if one is in an unknown character
/// set.
fn decoded(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut follows_word) = (text, false);
    while let Some((before, word, after)) = next_word(rest) {
        // White space between two encoded words is not shown (RFC 2047 §6.2).
        if !(follows_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        out.push_str(&word.decoded()?);
        (rest, follows_word) = (after, true);
    }
    out.push_str(rest);
    Some(out)
}

/// `=?charset?encoding?text?=`
struct EncodedWord<'a> {
    charset: &'a str,
    base64: bool,
    text: &'a str,
}

/// What stands before the first encoded word, the word, and what stands behind it.
fn next_word(text: &str) -> Option<(&str, EncodedWord<'_>, &str)> {
    text.match_indices("=?").find_map(|(at, _)| {
        let (before, from_word) = text.split_at_checked(at)?;
        let (charset, rest) = from_word.strip_prefix("=?")?.split_once('?')?;
        let (encoding, rest) = rest.split_once('?')?;
        let (text, after) = rest.split_once("?=")?;
        let base64 = match encoding {
            "B" | "b" => true,
            "Q" | "q" => false,
            _ => return None,
        };
        // A language may follow (RFC 2231 §5).
        let charset = charset.split('*').next().unwrap_or_default();
        Some((before, EncodedWord { charset, base64, text }, after))
    })
}

impl EncodedWord<'_> {
    fn decoded(&self) -> Option<String> {
        let bytes = if self.base64 { from_base64(self.text) } else { from_q(self.text) };
        if ["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|known| self.charset.eq_ignore_ascii_case(known)) {
            return Some(String::from_utf8_lossy(&bytes).into_owned());
        }
        let text = charset_decoder(self.charset.as_bytes())?(&bytes);
        // How the decoder says of a character set that it knows its name and nothing else.
        (text != "\u{fffd}" || bytes.len() == 1).then_some(text)
    }
}

/// RFC 2047 §4.2. What is not well-formed stands for itself.
fn from_q(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(nibble(*high) << 4 | nibble(*low));
                rest = after;
            }
            (byte, _) => out.push(*byte),
        }
    }
    out
}

/// The value of a hexadecimal digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        digit => (digit.to_ascii_lowercase() - b'a') + 10,
    }
}

/// RFC 4648, as lenient as the most lenient program: what is not of the alphabet is passed over, padding begins anew.
fn from_base64(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                (bits, held) = (0, 0);
                continue;
            }
            _ => continue,
        };
        (bits, held) = ((bits << 6) | u32::from(value), held + 6);
        if held >= 8 {
            held -= 8;
            out.extend(u8::try_from((bits >> held) & 0xff));
        }
    }
    out
}
