//! `BODY[section]` (RFC 3501 §6.4.5): which bytes are meant, and how the section is written back.

use std::ops::Range;

use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::fetch::{Part as Path, Section};

use super::field::fields;
use super::structure::{Content, Part};
use crate::format;

/// Which bytes of a message a section means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// These.
    Range(Range<usize>),
    /// These fields of the header that lies there.
    Fields { header: Range<usize>, names: Vec<Vec<u8>>, except: bool },
    /// There is no such part.
    Nothing,
}

/// What must be known of a message to find a section's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// Its size.
    Size,
    /// What its header says, at its beginning.
    Beginning,
    /// Where its header ends.
    Header,
    /// All of its structure.
    Structure,
}

/// What must be known to find this section.
pub(crate) fn needs(section: Option<&Section<'_>>) -> Needs {
    match section {
        None => Needs::Size,
        Some(
            Section::Header(None)
            | Section::Text(None)
            | Section::HeaderFields(None, _)
            | Section::HeaderFieldsNot(None, _),
        ) => Needs::Header,
        Some(_) => Needs::Structure,
    }
}

/// Finds a section of the message itself, which takes no structure.
pub(crate) fn find_at_top(section: Option<&Section<'_>>, header_length: usize, size: usize) -> Bytes {
    match section {
        None => Bytes::Range(0..size),
        Some(Section::Header(_)) => Bytes::Range(0..header_length),
        Some(Section::Text(_)) => Bytes::Range(header_length..size),
        Some(Section::HeaderFields(_, names)) => chosen(0..header_length, names.as_ref(), false),
        Some(Section::HeaderFieldsNot(_, names)) => chosen(0..header_length, names.as_ref(), true),
        Some(Section::Part(_) | Section::Mime(_)) => Bytes::Nothing,
    }
}

/// Finds any section.
pub(crate) fn find(root: &Part, section: Option<&Section<'_>>) -> Bytes {
    let inner = |path: &Path| match follow(root, path).map(|part| &part.content) {
        Some(Content::Message(inner)) => Some(&inner.part),
        _ => None,
    };
    let found = match section {
        Some(Section::Part(path)) => follow(root, path).map(|part| Bytes::Range(part.body.clone())),
        Some(Section::Mime(path)) => follow(root, path).map(|part| Bytes::Range(part.header.clone())),
        Some(Section::Header(Some(path))) => inner(path).map(|part| Bytes::Range(part.header.clone())),
        Some(Section::Text(Some(path))) => inner(path).map(|part| Bytes::Range(part.body.clone())),
        Some(Section::HeaderFields(Some(path), names)) => {
            inner(path).map(|part| chosen(part.header.clone(), names.as_ref(), false))
        }
        Some(Section::HeaderFieldsNot(Some(path), names)) => {
            inner(path).map(|part| chosen(part.header.clone(), names.as_ref(), true))
        }
        top => Some(find_at_top(top, root.header.len(), root.body.end)),
    };
    found.unwrap_or(Bytes::Nothing)
}

fn chosen(header: Range<usize>, names: &[AString<'_>], except: bool) -> Bytes {
    Bytes::Fields { header, names: names.iter().map(|name| name.as_ref().to_vec()).collect(), except }
}

/// The part that `1.2.3` means. A message that is not multipart has one part, 1; parts of a message within are
/// numbered on from its own number.
fn follow<'a>(root: &'a Part, path: &Path) -> Option<&'a Part> {
    let mut container = Some(root);
    let mut found = None;
    for number in path.0.as_ref() {
        let here = container?;
        let index = usize::try_from(number.get() - 1).ok()?;
        let part = match &here.content {
            Content::Multipart(parts) => parts.get(index)?,
            Content::Leaf | Content::Message(_) if index == 0 => here,
            Content::Leaf | Content::Message(_) => return None,
        };
        container = match &part.content {
            Content::Multipart(_) => Some(part),
            Content::Message(inner) => Some(&inner.part),
            Content::Leaf => None,
        };
        found = Some(part);
    }
    found
}

/// The chosen fields of a header, in the order in which they stand, and the blank line.
pub(crate) fn filter(header: &[u8], names: &[Vec<u8>], except: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields(header) {
        let chosen = names.iter().any(|name| field.name.eq_ignore_ascii_case(name));
        if chosen != except {
            out.extend_from_slice(field.raw);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The window `<origin.count>` on bytes.
pub(crate) fn window(range: Range<usize>, partial: Option<(u32, u32)>) -> Range<usize> {
    let Some((origin, count)) = partial else { return range };
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let start = range.start.saturating_add(size(origin)).min(range.end);
    start..start.saturating_add(size(count)).min(range.end)
}

/// Writes `BODY[…]<origin>`.
pub(crate) fn write_name(out: &mut Vec<u8>, section: Option<&Section<'_>>, origin: Option<u32>) {
    out.extend_from_slice(b"BODY[");
    let (path, word, names) = match section {
        None => (None, "", None),
        Some(Section::Part(path)) => (Some(path), "", None),
        Some(Section::Header(path)) => (path.as_ref(), "HEADER", None),
        Some(Section::Text(path)) => (path.as_ref(), "TEXT", None),
        Some(Section::Mime(path)) => (Some(path), "MIME", None),
        Some(Section::HeaderFields(path, names)) => (path.as_ref(), "HEADER.FIELDS", Some(names)),
        Some(Section::HeaderFieldsNot(path, names)) => (path.as_ref(), "HEADER.FIELDS.NOT", Some(names)),
    };
    if let Some(path) = path {
        let numbers: Vec<String> = path.0.as_ref().iter().map(ToString::to_string).collect();
        out.extend_from_slice(numbers.join(".").as_bytes());
        if !word.is_empty() {
            out.push(b'.');
        }
    }
    out.extend_from_slice(word.as_bytes());
    if let Some(names) = names {
        out.push(b' ');
        format::list(out, names.as_ref(), |out, name| format::astring(out, name.as_ref()));
    }
    out.push(b']');
    if let Some(origin) = origin {
        out.extend_from_slice(format!("<{origin}>").as_bytes());
    }
}
