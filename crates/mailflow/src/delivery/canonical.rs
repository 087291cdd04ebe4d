//! [`CanonicalMessage`]: the only thing that may be sent as the content of a message.

use bytes::Bytes;

/// Why bytes are not a message that can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotCanonical {
    /// A CR or an LF alone, which another server may take for a line end (RFC 5321 §2.3.8).
    #[error("a CR or an LF stands alone")]
    BareLineEnd,
    /// A NUL (RFC 5321 §4.5.2 with RFC 5322 §2.1).
    #[error("a NUL byte")]
    Nul,
    /// The last line is not ended, or there is none.
    #[error("the last line is not ended")]
    Unended,
}

/// A message of whole lines, every one ended by CRLF, without NUL: what `DATA` can carry without a second reading.
///
/// Intake lets nothing else in; that the sender of messages takes nothing else keeps a fault elsewhere from becoming a
/// forged message at somebody else's server (SMTP smuggling: a lone LF, a dot, a lone LF).
#[derive(Debug, Clone)]
pub(crate) struct CanonicalMessage {
    bytes: Bytes,
    eight_bit: bool,
    eight_bit_header: bool,
}

impl CanonicalMessage {
    /// Checks every byte once.
    pub(crate) fn check(bytes: Bytes) -> Result<Self, NotCanonical> {
        let (mut previous, mut line_bytes) = (0_u8, 0_usize);
        let (mut in_header, mut eight_bit, mut eight_bit_header) = (true, false, false);
        for &byte in &bytes {
            match byte {
                0 => return Err(NotCanonical::Nul),
                b'\n' if previous != b'\r' => return Err(NotCanonical::BareLineEnd),
                b'\n' => {
                    // Only the CR was counted: an empty line, which ends the header.
                    in_header &= line_bytes > 1;
                    line_bytes = 0;
                }
                _ if previous == b'\r' => return Err(NotCanonical::BareLineEnd),
                _ => {
                    line_bytes += 1;
                    eight_bit |= !byte.is_ascii();
                    eight_bit_header |= in_header && !byte.is_ascii();
                }
            }
            previous = byte;
        }
        if previous == b'\r' {
            return Err(NotCanonical::BareLineEnd);
        }
        if !bytes.ends_with(b"\r\n") {
            return Err(NotCanonical::Unended);
        }
        Ok(Self { bytes, eight_bit, eight_bit_header })
    }

    /// The whole message.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message without its last line end, for a sender that ends the content with `CRLF . CRLF` in any case.
    pub(crate) fn without_last_line_end(&self) -> &[u8] {
        self.bytes.strip_suffix(b"\r\n").unwrap_or(&self.bytes)
    }

    /// Does any byte need 8BITMIME (RFC 6152)?
    pub(crate) fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// Does the header need SMTPUTF8 (RFC 6532)?
    pub(crate) fn has_eight_bit_header(&self) -> bool {
        self.eight_bit_header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &'static [u8]) -> Result<CanonicalMessage, NotCanonical> {
        CanonicalMessage::check(Bytes::from_static(bytes))
    }

    #[test]
    fn nothing_that_could_be_read_as_two_messages_passes() {
        let smuggling: [&[u8]; 8] = [
            b"a\r\n\n.\n\r\nMAIL FROM:<x@y>\r\n",
            b"a\n.\r\n",
            b"a\r.\r\n",
            b"a\r\r\n",
            b"\n",
            b"\r",
            b"a\r\n\r",
            b"a\nb\r\n",
        ];
        for bytes in smuggling {
            assert_eq!(check(bytes).unwrap_err(), NotCanonical::BareLineEnd, "{bytes:?}");
        }
        assert_eq!(check(b"a\0\r\n").unwrap_err(), NotCanonical::Nul);
        assert_eq!(check(b"a\r\nb").unwrap_err(), NotCanonical::Unended);
        assert_eq!(check(b"").unwrap_err(), NotCanonical::Unended);
    }

    #[test]
    fn eight_bit_bytes_are_found_in_header_and_body() {
        let flags = |bytes| check(bytes).map(|message| (message.is_eight_bit(), message.has_eight_bit_header()));
        assert_eq!(flags(b"A: b\r\n\r\nc\r\n"), Ok((false, false)));
        assert_eq!(flags("A: b\r\n\r\n\u{e9}\r\n".as_bytes()), Ok((true, false)));
        assert_eq!(flags("A: \u{e9}\r\n\r\nc\r\n".as_bytes()), Ok((true, true)));
    }

    #[test]
    fn one_line_end_is_taken_off_and_no_more() {
        assert_eq!(check(b"A: b\r\n\r\n.\r\n\r\n").unwrap().without_last_line_end(), b"A: b\r\n\r\n.\r\n");
    }
}
