//! An INS as people write it, in groups of digits: [`find_at`].

use std::ops::Range;

use crate::ins::Ins;

/// Characters of an INS, and of its number without the key.
const WHOLE: usize = 15;
const NUMBER: usize = 13;

/// What begins at a place of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An identifier in groups, up to this byte.
    Identifier(usize),
    /// A date, a mask or a UUID, up to this byte: its digits begin no identifier.
    Harmless(usize),
    /// Nothing that is in groups.
    Nothing,
}

/// Looks for an identifier whose characters have single separators between them.
///
/// With a key that fits, it is one wherever it stands. Without, its groups must be whole, 13 to 15 characters together
/// and of the shape of a NIR (spec §2.3); dates and telephone numbers are let through.
pub(crate) fn find_at(text: &str, at: usize) -> Found {
    if let Some(end) = mask_end(text, at).or_else(|| uuid_end(text, at)) {
        return Found::Harmless(end);
    }
    let spelling = Spelling::read(text, at);
    if let Some(end) = spelling.keyed_end() {
        return Found::Identifier(whole_end(text, at..end));
    }
    if !spelling.begins_group {
        return Found::Nothing;
    }
    let keyed_within = |end: usize| (at + 1..end).any(|inside| Spelling::read(text, inside).keyed_end().is_some());
    if let Some(end) = spelling.date_end() {
        return if keyed_within(end) { Found::Nothing } else { Found::Harmless(end) };
    }
    match spelling.number_end() {
        Some(end) if !keyed_within(end) => Found::Identifier(whole_end(text, at..end)),
        _ => Found::Nothing,
    }
}

/// The end of all that begins within an identifier and may be one too, and of the group of digits that this ends in.
fn whole_end(text: &str, mut span: Range<usize>) -> usize {
    let mut inside = span.start + 1;
    while inside < span.end {
        let spelling = Spelling::read(text, inside);
        let other = spelling.keyed_end().or_else(|| spelling.number_end().filter(|_| spelling.begins_group));
        span.end = span.end.max(other.unwrap_or_default());
        inside += 1;
    }
    let tail = text.as_bytes().get(span.end..).unwrap_or_default();
    let more = tail.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'A' | b'B' | b'a' | b'b'));
    span.end + more.count()
}

/// The first characters of what may be an identifier, read over single separators.
#[derive(Default)]
struct Spelling {
    /// Digits, and the letter of Corsica at its place.
    characters: Vec<u8>,
    /// The byte behind each character.
    ends: Vec<usize>,
    /// Before which characters a separator stands.
    breaks: Vec<usize>,
    /// No digit stands before it.
    begins_group: bool,
    /// The lengths at which no digit follows.
    group_ends: Vec<usize>,
}

impl Spelling {
    fn read(text: &str, at: usize) -> Self {
        let mut spelling = Self::default();
        let Some((before, rest)) = text.split_at_checked(at) else { return spelling };
        spelling.begins_group = !before.ends_with(|c: char| c.is_ascii_digit());
        let mut separator = false;
        for (index, c) in rest.char_indices() {
            let place = spelling.characters.len();
            if is_separator(c) && place > 0 && !separator {
                separator = true;
                continue;
            }
            let corsica = place == 6 && spelling.characters.last() == Some(&b'2') && matches!(c, 'A' | 'B' | 'a' | 'b');
            let Some(byte) = u8::try_from(c).ok().filter(|byte| byte.is_ascii_digit() || corsica) else { break };
            if place == WHOLE {
                break;
            }
            if separator {
                spelling.breaks.push(place);
            }
            separator = false;
            spelling.characters.push(byte);
            spelling.ends.push(at + index + 1);
            let next = rest.as_bytes().get(index + 1);
            if !next.is_some_and(u8::is_ascii_digit) {
                spelling.group_ends.push(place + 1);
            }
        }
        spelling
    }

    /// Where it ends if it is an INS with its key, in groups.
    fn keyed_end(&self) -> Option<usize> {
        if self.breaks.is_empty() || self.characters.len() < WHOLE {
            return None;
        }
        let text = str::from_utf8(&self.characters).ok()?;
        Ins::parse(text).is_ok().then(|| self.end(WHOLE)).flatten()
    }

    /// Where it ends if whole groups, 13 to 15 characters, have the shape of a NIR.
    fn number_end(&self) -> Option<usize> {
        if !self.is_number() || self.date_end().is_some() {
            return None;
        }
        let length = self.group_ends.iter().copied().filter(|length| *length >= NUMBER).max()?;
        let pairs = self.breaks.iter().copied().filter(|place| *place < length).eq((2..length).step_by(2));
        let grouped = self.breaks.first().is_some_and(|first| *first < length);
        // Pairs all through are telephone numbers: an INS has an odd number of digits.
        if grouped && !(pairs && length % 2 == 0) { self.end(length) } else { None }
    }

    /// Sex, year, month, department and the rest, as in [`Ins`]; the temporary kinds too.
    fn is_number(&self) -> bool {
        let [sex, _, _, m1, m2, d1, d2, rest @ ..] = self.characters.as_slice() else { return false };
        let month = matches!((m1, m2), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2') | (b'2'..=b'9', _));
        let department = d2.is_ascii_digit() || *d1 == b'2';
        matches!(sex, b'1'..=b'8') && month && department && rest.len() >= NUMBER - 7
    }

    /// Where it ends if it begins with a day of these centuries, `20261122 ` or `2026-11-22 `.
    fn date_end(&self) -> Option<usize> {
        let [c1, c2, _, _, m1, m2, d1, d2, ..] = self.characters.as_slice() else { return None };
        let century = matches!((c1, c2), (b'1', b'9') | (b'2', b'0'));
        let month = matches!((m1, m2), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2'));
        let day = matches!((d1, d2), (b'0', b'1'..=b'9') | (b'1' | b'2', b'0'..=b'9') | (b'3', b'0' | b'1'));
        let breaks: Vec<usize> = self.breaks.iter().copied().filter(|place| *place <= 8).collect();
        let grouped = matches!(breaks.as_slice(), [8] | [4, 6, 8]);
        if century && month && day && grouped { self.end(8) } else { None }
    }

    fn end(&self, length: usize) -> Option<usize> {
        self.ends.get(length.checked_sub(1)?).copied()
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '.' | '-' | '_' | '/')
}

/// The end of a mask, `ins-` and eight hexadecimal digits, so that what was scrubbed stays as it is.
fn mask_end(text: &str, at: usize) -> Option<usize> {
    let tag = text.get(at..)?.strip_prefix("ins-")?.as_bytes();
    let hexadecimal = tag.get(..8)?.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let alone = !tag.get(8).is_some_and(u8::is_ascii_alphanumeric);
    (hexadecimal && alone).then_some(at + 12)
}

/// The end of a UUID that stands alone, written as Pli writes ids (RFC 9562 of version 4 or 7, without hyphens): one in
/// forty has thirteen digits in a row, and who looks for a message must be able to read its id. One that holds an INS with
/// its key is none, nor one of such characters only as an INS has.
fn uuid_end(text: &str, at: usize) -> Option<usize> {
    const LENGTH: usize = 32;
    let (before, rest) = text.split_at_checked(at)?;
    let (word, behind) = rest.split_at_checked(LENGTH)?;
    let alone = !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphanumeric);
    let digits = word.as_bytes();
    let version =
        matches!(digits.get(12), Some(b'4' | b'7')) && matches!(digits.get(16), Some(b'8' | b'9' | b'a' | b'b'));
    let hexadecimal = digits.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let other = digits.iter().any(|c| matches!(c, b'c'..=b'f'));
    let keyed = |part: &[u8]| str::from_utf8(part).is_ok_and(|part| Ins::parse(part).is_ok());
    (alone && hexadecimal && version && other && !digits.windows(WHOLE).any(keyed)).then_some(at + LENGTH)
}
