//! Syslog: [`Message`] is one as RFC 5424 writes it, [`Siem`] is where they are sent over TLS (RFC 5425). There is no way to
//! send one in clear.

mod siem;

use std::fmt::Write as _;

use jiff::Timestamp;

pub(crate) use self::siem::{Road, Siem, SiemAt, SiemFault};

/// The private enterprise number of examples and documentation (RFC 5612), where an operator names none of his own.
pub(crate) const ENTERPRISE_OF_EXAMPLES: u32 = 32473;

/// What UTF-8 text in a message begins with (RFC 5424 §6.4).
const BOM: char = '\u{feff}';

/// The most characters of the header's fields (RFC 5424 §6).
const HOST_MAX: usize = 255;
const ID_MAX: usize = 32;

/// Which part of a system speaks (RFC 5424 §6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Facility {
    /// Security and authorization, which IHE asks for (ITI-20).
    Security = 10,
    /// The log's audit.
    Audit = 13,
}

/// How serious it is (RFC 5424 §6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Warning = 4,
    Notice = 5,
    Informational = 6,
}

/// One message.
#[derive(Debug, Clone)]
pub(crate) struct Message<'a> {
    pub(crate) facility: Facility,
    pub(crate) severity: Severity,
    /// When what it tells of happened, RFC 3339.
    pub(crate) at: &'a str,
    /// The node.
    pub(crate) host: &'a str,
    /// MSGID: of what kind it is.
    pub(crate) id: &'a str,
    pub(crate) data: Option<Data>,
    /// MSG.
    pub(crate) text: &'a str,
}

/// An SD-ELEMENT: named values.
#[derive(Debug, Clone)]
pub(crate) struct Data(String);

impl Data {
    /// Begins one, under a name of our own below an enterprise's number (RFC 5424 §6.3.2).
    pub(crate) fn new(name: &str, enterprise: u32) -> Self {
        Self(format!("[{name}@{enterprise}"))
    }

    /// One more value. Of those that are not there nothing is said.
    pub(crate) fn with(mut self, name: &str, value: Option<&str>) -> Self {
        let Some(value) = value else { return self };
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        for c in value.chars() {
            match c {
                // RFC 5424 §6.3.3.
                '"' | '\\' | ']' => self.0.extend(['\\', c]),
                // Many a receiver takes a line end for the end of the message.
                c if c.is_control() => {
                    for c in c.escape_default() {
                        self.0.extend((c == '\\').then_some('\\').into_iter().chain([c]));
                    }
                }
                c => self.0.push(c),
            }
        }
        self.0.push('"');
        self
    }
}

impl Message<'_> {
    /// SYSLOG-MSG, without an end of its own.
    pub(crate) fn encode(&self) -> String {
        let priority = self.facility as u32 * 8 + self.severity as u32;
        // TIMESTAMP has six digits below the second at most.
        let at = self.at.parse::<Timestamp>().map_or_else(|_| "-".to_owned(), |at| format!("{at:.6}"));
        let (host, id) = (printable(self.host, HOST_MAX), printable(self.id, ID_MAX));
        let mut out = format!("<{priority}>1 {at} {host} pli - {id} ");
        match &self.data {
            Some(Data(data)) => out.extend([data.as_str(), "]"]),
            None => out.push('-'),
        }
        if !self.text.is_empty() {
            out.push(' ');
            if !self.text.is_ascii() {
                out.push(BOM);
            }
            out.push_str(self.text);
        }
        out
    }
}

/// SYSLOG-FRAME: the message behind the number of its bytes (RFC 5425 §4.3).
pub(crate) fn frame(message: &str) -> String {
    let mut out = String::with_capacity(message.len() + 8);
    // Writing into a string does not fail.
    let _ = write!(out, "{} {message}", message.len());
    out
}

/// A field of the header: PRINTUSASCII, or NILVALUE.
fn printable(text: &str, most: usize) -> String {
    let field: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if field.is_empty() { "-".to_owned() } else { field }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message<'_> {
        Message {
            facility: Facility::Audit,
            severity: Severity::Warning,
            at: "2026-03-14T12:00:00.123456789Z",
            host: "mss.example.org",
            id: "refused",
            data: None,
            text,
        }
    }

    #[test]
    fn a_message_is_pinned() {
        let data = Data::new("pli", ENTERPRISE_OF_EXAMPLES).with("entry", Some("7")).with("actor", None);
        let message = Message { data: Some(data), ..message("refused at smtp") };
        assert_eq!(
            message.encode(),
            "<108>1 2026-03-14T12:00:00.123456Z mss.example.org pli - refused [pli@32473 entry=\"7\"] refused at smtp"
        );
        assert_eq!(frame("<0>é"), "5 <0>é");
    }

    #[test]
    fn what_ends_a_value_or_a_line_ends_neither() {
        let data = Data::new("pli", 1).with("said", Some("a \"b\" [c] \\d\r\ne"));
        let message = Message { data: Some(data), ..message("") };
        let text = message.encode();
        assert!(text.ends_with(r#"[pli@1 said="a \"b\" [c\] \\d\\r\\ne"]"#), "{text}");
        assert!(!text.contains(['\r', '\n']));
    }

    #[test]
    fn text_that_is_not_ascii_says_that_it_is_utf_8() {
        assert!(message("é").encode().ends_with("- \u{feff}é"));
        assert!(message("e").encode().ends_with("- e"));
    }

    #[test]
    fn a_header_has_no_spaces_and_no_emptiness() {
        let odd = Message { at: "soon", host: "", id: "a b\u{e9}", ..message("") };
        assert_eq!(odd.encode(), "<108>1 - - pli - ab -");
    }
}
