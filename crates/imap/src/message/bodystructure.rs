//! BODY and BODYSTRUCTURE (RFC 3501 §7.4.2).

use super::structure::{Content, Mime, Parameters, Part};
use crate::format;

/// Writes a part. With `extended` it is BODYSTRUCTURE, without BODY.
pub(crate) fn write(out: &mut Vec<u8>, part: &Part, extended: bool) {
    out.push(b'(');
    match &part.content {
        Content::Multipart(parts) => {
            for part in parts {
                write(out, part, extended);
            }
            out.push(b' ');
            format::string(out, &part.mime.subtype);
            if extended {
                out.push(b' ');
                parameters(out, &part.mime.parameters);
                extension(out, &part.mime);
            }
        }
        Content::Leaf | Content::Message(_) => single(out, part, extended),
    }
    out.push(b')');
}

fn single(out: &mut Vec<u8>, part: &Part, extended: bool) {
    let mime = &part.mime;
    format::string(out, &mime.kind);
    out.push(b' ');
    format::string(out, &mime.subtype);
    out.push(b' ');
    parameters(out, &mime.parameters);
    out.push(b' ');
    format::nstring(out, mime.id.as_deref());
    out.push(b' ');
    format::nstring(out, mime.description.as_deref());
    out.push(b' ');
    format::string(out, mime.encoding.as_deref().unwrap_or(b"7bit"));
    out.extend_from_slice(format!(" {}", part.body.len()).as_bytes());
    if let Content::Message(inner) = &part.content {
        out.push(b' ');
        inner.envelope.write(out);
        out.push(b' ');
        write(out, &inner.part, extended);
    }
    if mime.kind == b"text" || matches!(part.content, Content::Message(_)) {
        out.extend_from_slice(format!(" {}", part.lines).as_bytes());
    }
    if extended {
        out.push(b' ');
        format::nstring(out, mime.md5.as_deref());
        extension(out, mime);
    }
}

/// Disposition, language, location.
fn extension(out: &mut Vec<u8>, mime: &Mime) {
    out.push(b' ');
    match &mime.disposition {
        Some((kind, values)) => {
            out.push(b'(');
            format::string(out, kind);
            out.push(b' ');
            parameters(out, values);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    if mime.languages.is_empty() {
        out.extend_from_slice(b"NIL");
    } else {
        format::list(out, &mime.languages, |out, language| format::string(out, language));
    }
    out.push(b' ');
    format::nstring(out, mime.location.as_deref());
}

fn parameters(out: &mut Vec<u8>, parameters: &Parameters) {
    if parameters.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    let flat = parameters.iter().flat_map(|(name, value)| [name, value]);
    format::list(out, flat, |out, text| format::string(out, text));
}
