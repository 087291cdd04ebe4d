//! The MIME structure of a message, as offsets (RFC 2045, RFC 2046), to the byte.
//!
//! A general mail parser decodes bodies and repairs what is broken; FETCH must return exactly what stands there and
//! count it. So this walk looks only for header ends and boundary lines. It is bounded in depth and in parts: what
//! lies deeper is one part, its bytes untouched. What headers say is kept within a budget: a structure takes a few
//! megabytes at most, whatever the message.

use std::ops::Range;

use super::budget::{Budget, ITEM_BYTES, PARAMETERS_MAX, VALUE_BYTES_MAX};
use super::envelope::Envelope;
use super::field::{beginning, fields, header_length, unfold, unfold_text};
use super::lexer::{Word, words};

/// Messages nest less deep than this; clients read less.
const DEPTH_MAX: usize = 16;

/// Parts of one message, all levels together.
const PARTS_MAX: usize = 2_000;

/// One part: a whole message, or what stands between two boundaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its header, the blank line included.
    pub(crate) header: Range<usize>,
    /// What follows.
    pub(crate) body: Range<usize>,
    /// Lines of the body.
    pub(crate) lines: usize,
    /// What its header says.
    pub(crate) mime: Mime,
    /// What is inside.
    pub(crate) content: Content,
}

/// What is inside a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing that is walked into.
    Leaf,
    /// Parts, one at least.
    Multipart(Vec<Part>),
    /// A message.
    Message(Box<Inner>),
}

/// A message within a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inner {
    pub(crate) envelope: Envelope,
    pub(crate) part: Part,
}

/// Parameters of a field: names and values as they stand, unquoted.
pub(crate) type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// The MIME fields of a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mime {
    /// `text`, lower case.
    pub(crate) kind: Vec<u8>,
    /// `plain`, lower case.
    pub(crate) subtype: Vec<u8>,
    pub(crate) parameters: Parameters,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) description: Option<Vec<u8>>,
    pub(crate) encoding: Option<Vec<u8>>,
    pub(crate) md5: Option<Vec<u8>>,
    pub(crate) disposition: Option<(Vec<u8>, Parameters)>,
    pub(crate) languages: Vec<Vec<u8>>,
    pub(crate) location: Option<Vec<u8>>,
}

impl Mime {
    pub(crate) fn parameter(&self, name: &str) -> Option<&[u8]> {
        let found = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }

    fn set_type(&mut self, kind: &[u8], subtype: &[u8]) {
        (self.kind, self.subtype) = (kind.to_vec(), subtype.to_vec());
    }
}

/// Walks a whole message.
pub(crate) fn walk(message: &[u8]) -> Part {
    let mut walk = Walk { bytes: message, parts: 0, envelopes: Budget::envelopes(), mime: Budget::mime() };
    walk.part(0..message.len(), 0, Unsaid::Text)
}

/// What a part is that does not say (RFC 2046 §5.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsaid {
    Text,
    Digest,
}

struct Walk<'a> {
    bytes: &'a [u8],
    parts: usize,
    envelopes: Budget,
    mime: Budget,
}

impl<'a> Walk<'a> {
    fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    fn part(&mut self, range: Range<usize>, depth: usize, default: Unsaid) -> Part {
        self.parts += 1;
        let length = header_length(self.slice(range.clone())).unwrap_or(range.len());
        let middle = range.start + length;
        let (header, body) = (range.start..middle, middle..range.end);
        let mut mime = read_mime(self.slice(header.clone()), default, &mut self.mime);
        let too_deep = depth >= DEPTH_MAX || self.parts >= PARTS_MAX;
        let content = match mime.kind.as_slice() {
            b"multipart" | b"message" if too_deep => {
                // What is not walked into must not be shown as if it were.
                mime.set_type(b"application", b"octet-stream");
                Content::Leaf
            }
            b"multipart" => self.multipart(&mime, body.clone(), depth),
            b"message" if matches!(mime.subtype.as_slice(), b"rfc822" | b"global") => {
                let part = self.part(body.clone(), depth + 1, Unsaid::Text);
                let envelope = Envelope::read(self.slice(part.header.clone()), &mut self.envelopes);
                Content::Message(Box::new(Inner { envelope, part }))
            }
            _ => Content::Leaf,
        };
        let lines = self.slice(body.clone()).split_inclusive(|byte| *byte == b'\n').count();
        Part { header, body, lines, mime, content }
    }

    fn multipart(&mut self, mime: &Mime, body: Range<usize>, depth: usize) -> Content {
        let default = if mime.subtype == b"digest" { Unsaid::Digest } else { Unsaid::Text };
        let boundary = mime.parameter("boundary").unwrap_or_default();
        let mut ranges = self.between(boundary, body.clone());
        if ranges.is_empty() {
            // The grammar of BODYSTRUCTURE has no multipart without parts: an empty one stands in.
            ranges.push(body.end..body.end);
        }
        let mut parts = Vec::new();
        for range in ranges {
            if self.parts >= PARTS_MAX {
                break;
            }
            parts.push(self.part(range, depth + 1, default));
        }
        if parts.is_empty() { Content::Leaf } else { Content::Multipart(parts) }
    }

    /// What stands between boundary lines. The line end before a boundary belongs to it (RFC 2046 §5.1.1). What is
    /// never closed goes to the end.
    fn between(&self, boundary: &[u8], body: Range<usize>) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        if boundary.is_empty() {
            return ranges;
        }
        let mut begin: Option<usize> = None;
        let mut at = body.start;
        for line in self.slice(body.clone()).split_inclusive(|byte| *byte == b'\n') {
            let line_start = at;
            at += line.len();
            let Some(mark) = boundary_line(line, boundary) else { continue };
            if let Some(begin) = begin {
                ranges.push(begin..self.before_line_end(begin, line_start));
            }
            if mark == Mark::Close || ranges.len() >= PARTS_MAX {
                return ranges;
            }
            begin = Some(at);
        }
        ranges.extend(begin.map(|begin| begin..body.end));
        ranges
    }

    fn before_line_end(&self, begin: usize, end: usize) -> usize {
        let bytes = self.slice(begin..end);
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        begin + bytes.len()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Next,
    Close,
}

/// `--boundary` or `--boundary--`, and blanks.
fn boundary_line(line: &[u8], boundary: &[u8]) -> Option<Mark> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (rest, mark) = match rest.strip_prefix(b"--") {
        Some(rest) => (rest, Mark::Close),
        None => (rest, Mark::Next),
    };
    rest.trim_ascii().is_empty().then_some(mark)
}

fn read_mime(header: &[u8], default: Unsaid, budget: &mut Budget) -> Mime {
    let mut mime = Mime::default();
    for field in fields(beginning(header).0) {
        let mut text = |slot: &mut Option<Vec<u8>>| {
            if slot.is_none() {
                *slot = Some(unfold_text(field.value)).filter(|text| budget.spend(text.len()));
            }
        };
        match field.name.to_ascii_lowercase().as_slice() {
            b"content-type" if mime.kind.is_empty() => read_type(&unfold(field.value), &mut mime, budget),
            b"content-id" => text(&mut mime.id),
            b"content-description" => text(&mut mime.description),
            b"content-md5" => text(&mut mime.md5),
            b"content-location" => text(&mut mime.location),
            b"content-transfer-encoding" if mime.encoding.is_none() => {
                mime.encoding = texts(&unfold_text(field.value)).next().filter(|text| budget.spend(text.len()));
            }
            b"content-disposition" if mime.disposition.is_none() => {
                let (first, parameters) = read_parameters(&unfold(field.value));
                let disposition = first.map(|first| (first, parameters));
                mime.disposition = disposition.filter(|(first, parameters)| budget.spend(bytes(first, parameters)));
            }
            b"content-language" if mime.languages.is_empty() => {
                let languages: Vec<Vec<u8>> = texts(&unfold_text(field.value)).take(PARAMETERS_MAX).collect();
                if budget.spend(languages.iter().map(|language| ITEM_BYTES + language.len()).sum()) {
                    mime.languages = languages;
                }
            }
            _ => {}
        }
    }
    if mime.kind.is_empty() {
        let (kind, subtype) = match default {
            Unsaid::Text => ("text", "plain"),
            Unsaid::Digest => ("message", "rfc822"),
        };
        (mime.kind, mime.subtype) = (kind.into(), subtype.into());
        if default == Unsaid::Text {
            mime.parameters = vec![(b"charset".to_vec(), b"us-ascii".to_vec())];
        }
    }
    mime
}

fn read_type(value: &[u8], mime: &mut Mime, budget: &mut Budget) {
    let (first, parameters) = read_parameters(value);
    if !budget.spend(bytes(first.as_deref().unwrap_or_default(), &parameters)) {
        // It says what it is, which is not known: then it is bytes.
        mime.set_type(b"application", b"octet-stream");
        return;
    }
    let first = first.unwrap_or_default();
    let mut halves = first.splitn(2, |byte| *byte == b'/');
    let half = |half: Option<&[u8]>| half.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let (kind, subtype) = (half(halves.next()), half(halves.next()));
    if !kind.is_empty() && !subtype.is_empty() {
        (mime.kind, mime.subtype, mime.parameters) = (kind, subtype, parameters);
    }
}

/// `first; name=value; name="value"`.
fn read_parameters(value: &[u8]) -> (Option<Vec<u8>>, Parameters) {
    let words: Vec<Word> = words(value, b";=,").collect();
    let mut groups = words.split(|word| *word == Word::Special(b';'));
    let first = groups.next().map(concat).filter(|first| (1..=VALUE_BYTES_MAX).contains(&first.len()));
    let parameters = groups.filter_map(|group| {
        let mut halves = group.splitn(2, |word| *word == Word::Special(b'='));
        let name = concat(halves.next()?);
        let value = concat(halves.next()?);
        (!name.is_empty() && name.len() + value.len() <= VALUE_BYTES_MAX).then_some((name, value))
    });
    (first, parameters.take(PARAMETERS_MAX).collect())
}

/// What a value with its parameters takes in memory, about.
fn bytes(first: &[u8], parameters: &Parameters) -> usize {
    first.len() + parameters.iter().map(|(name, value)| ITEM_BYTES + name.len() + value.len()).sum::<usize>()
}

fn concat(words: &[Word]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in words {
        match word {
            Word::Atom(text) | Word::Quoted(text) | Word::Literal(text) => out.extend_from_slice(text),
            Word::Special(byte) => out.push(*byte),
            Word::Comment(_) => {}
        }
    }
    out
}

/// The words of a list with commas.
fn texts(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    words(value, b",;").filter_map(|word| match word {
        Word::Atom(text) | Word::Quoted(text) => Some(text),
        Word::Literal(_) | Word::Comment(_) | Word::Special(_) => None,
    })
}

#[cfg(test)]
mod tests;
