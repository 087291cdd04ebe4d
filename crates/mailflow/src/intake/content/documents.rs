//! What a header says of the documents below it (REF2 ECO.2.4), and whether there can be any.

use pli_policy::DocumentHeaders;

use super::value_of;

/// So much of a value is kept: a message has a handful of documents, and a code a dozen characters.
const VALUE_CHARS_MAX: usize = 1_000;

/// The fields that speak of documents. Of one that stands twice, the first counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentFields {
    pub(crate) headers: DocumentHeaders,
    /// Is the message one text that is no file, so that it carries nothing?
    pub(crate) is_text: bool,
}

impl DocumentFields {
    pub(super) fn read(header: &[u8]) -> Self {
        let value = |name| value_of(header, name).map(|value| value.chars().take(VALUE_CHARS_MAX).collect());
        let headers =
            DocumentHeaders { codes: value("X-MSS-CODECDA"), ins: value("X-MSS-INS"), product: value("X-MSS-NIL") };
        let is_file = value_of(header, "Content-Disposition").is_some();
        Self { headers, is_text: !is_file && value_of(header, "Content-Type").is_none_or(|value| is_text(&value)) }
    }
}

/// `text/plain` and `text/html` without a name. Everything else is looked into.
fn is_text(content_type: &str) -> bool {
    let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let media_type = media_type.trim();
    !parameters.to_ascii_lowercase().contains("name")
        && ["text/plain", "text/html"].iter().any(|text| media_type.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_in_any_case_and_unfolded() {
        let header =
            b"x-mss-codecda: 34112-3,\r\n PRESC-BIO\r\nX-MSS-INS:O\r\nX-MSS-INS: N\r\nX-MSS-NIL: DEV935997\r\n";
        let DocumentHeaders { codes, ins, product } = DocumentFields::read(header).headers;
        assert_eq!(codes.as_deref(), Some("34112-3, PRESC-BIO"));
        assert_eq!((ins.as_deref(), product.as_deref()), (Some("O"), Some("DEV935997")));
    }

    #[test]
    fn a_message_of_one_text_is_not_looked_into() {
        for (content_type, text) in [
            ("", true),
            ("Content-Type: TEXT/plain; charset=utf-8\r\n", true),
            ("Content-Type: text/html\r\n", true),
            ("Content-Type: text/plain; charset=utf-8; Name*0=a\r\n", false),
            ("Content-Disposition: attachment; filename=a.txt\r\nContent-Type: text/plain\r\n", false),
            ("Content-Type: multipart/mixed; boundary=b\r\n", false),
            ("Content-Type: application/zip; name=IHE_XDM.zip\r\n", false),
            ("Content-Type: message/rfc822\r\n", false),
            ("Content-Type: \r\n", false),
        ] {
            assert_eq!(DocumentFields::read(content_type.as_bytes()).is_text, text, "{content_type}");
        }
    }
}
