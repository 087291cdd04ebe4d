//! What a person would find in a message: SEARCH looks into decoded text (RFC 3501 §6.4.4).

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;

use super::field::fields;
use super::structure::{Content, Part};

/// A text in the form in which texts are compared: without case.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// The fields of a header, names and values, encoded words decoded (RFC 2047), both folded for comparing.
pub(crate) fn header_texts(header: &[u8]) -> Vec<(String, String)> {
    // Field by field: what stands here never sees the body, nor what a writer nested in it.
    let texts = fields(header).map(|field| {
        let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
        let value = MessageStream::new(field.value).parse_unstructured();
        (name, fold(value.as_text().unwrap_or_default()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read_as_text_and_decoded() {
        let header = concat!(
            "From: patient@patient.test\r\n",
            "To: \"Labo, le\" <labo@ch.test>, b@c.test\r\n",
            "Subject: =?utf-8?q?Ren=C3=A9e?= =?iso-8859-1?q?_=E0_Paris?=\r\n fin\r\n",
            "Message-ID: <1@ch.test>\r\n",
            "Date: Wed, 4 Mar 2026 08:00:00 +0100\r\n",
            "Content-Type: text/plain; name=abc\r\n",
            "Received: from a by b\r\n\r\n"
        );
        let texts = header_texts(header.as_bytes());
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            texts,
            [
                ("from", "patient@patient.test"),
                ("to", "\"labo, le\" <labo@ch.test>, b@c.test"),
                ("subject", "renée à paris fin"),
                ("message-id", "<1@ch.test>"),
                ("date", "wed, 4 mar 2026 08:00:00 +0100"),
                ("content-type", "text/plain; name=abc"),
                ("received", "from a by b"),
            ]
        );
    }
}
