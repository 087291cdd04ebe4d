//! [`Reply`]: what a server answers (RFC 5321 §4.2, RFC 2034).

use std::borrow::Cow;

use pli_policy::Reason;

/// A reply. The enhanced code's class *is* the code's first digit (RFC 2034 §4), so the two cannot disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// Subject and detail of the enhanced code (RFC 3463).
    enhanced: Option<(u8, u8)>,
    /// Lines are parted by LF.
    text: Cow<'static, str>,
    reason: Option<Reason>,
}

impl Reply {
    /// A reply of the catalogue. Only `replies.rs` calls this.
    pub(crate) const fn new(code: u16, enhanced: Option<(u8, u8)>, text: Cow<'static, str>) -> Self {
        Self { code, enhanced, text, reason: None }
    }

    /// The same, as the answer to something refused for this reason.
    pub(crate) fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The three digits.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Why, if this is a refusal.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// 2yz: what was asked is done.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 5yz: asking again would not help.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Appends the reply as it goes on the wire: each line with the code, the last one with a space behind it.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let more = lines.peek().is_some();
            self.write_line(line, more, out);
        }
    }

    fn write_line(&self, line: &str, more: bool, out: &mut Vec<u8>) {
        write_number(self.code, out);
        out.push(if more { b'-' } else { b' ' });
        if let Some((subject, detail)) = self.enhanced {
            write_number(self.code / 100, out);
            out.push(b'.');
            write_number(subject.into(), out);
            out.push(b'.');
            write_number(detail.into(), out);
            out.push(b' ');
        }
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Decimal digits, without the detour over a formatter: this runs several times a message.
fn write_number(number: u16, out: &mut Vec<u8>) {
    if number >= 10 {
        write_number(number / 10, out);
    }
    out.push(b'0' + (number % 10) as u8);
}

impl std::fmt::Display for Reply {
    /// As on the wire, without the last CRLF.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut wire = Vec::new();
        self.write_to(&mut wire);
        f.write_str(String::from_utf8_lossy(&wire).trim_end_matches("\r\n"))
    }
}
