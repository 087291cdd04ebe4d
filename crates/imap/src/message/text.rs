//! What a person would find in a message: SEARCH looks into decoded text (RFC 3501 §6.4.4).

use mail_parser::MessageParser;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use super::structure::{Content, Part};

/// A text in the form in which texts are compared: without case.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// The fields of a header, names and values, encoded words decoded (RFC 2047), both folded for comparing.
pub(crate) fn header_texts(header: &[u8]) -> Vec<(String, String)> {
    // Only the header is handed over: the parser never follows what is nested in the body.
    let Some(message) = MessageParser::new().default_header_text().parse_headers(header) else { return Vec::new() };
    let texts = message.headers().iter().map(|field| {
        let value = field.value().as_text().unwrap_or_default();
        (field.name().to_ascii_lowercase(), fold(value))
    });
    texts.collect()
}

/// Does any text part, at any depth, hold this folded text?
pub(crate) fn any_part_holds(message: &[u8], part: &Part, wanted: &str) -> bool {
    match &part.content {
        Content::Multipart(parts) => parts.iter().any(|part| any_part_holds(message, part, wanted)),
        Content::Message(inner) => {
            let header = message.get(inner.part.header.clone()).unwrap_or_default();
            header_texts(header).iter().any(|(_, value)| value.contains(wanted))
                || any_part_holds(message, &inner.part, wanted)
        }
        Content::Leaf if part.mime.kind == b"text" => {
            let body = message.get(part.body.clone()).unwrap_or_default();
            fold(&decode(part, body)).contains(wanted)
        }
        Content::Leaf => false,
    }
}

/// The text of a part, its transfer encoding and its character set taken off.
fn decode(part: &Part, body: &[u8]) -> String {
    let encoding = part.mime.encoding.as_deref().unwrap_or_default().to_ascii_lowercase();
    let bytes = match encoding.as_slice() {
        b"base64" => base64_decode(body),
        b"quoted-printable" => quoted_printable_decode(body),
        _ => None,
    };
    let bytes = bytes.as_deref().unwrap_or(body);
    match part.mime.parameter("charset").and_then(charset_decoder) {
        Some(decoder) => decoder(bytes),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}
