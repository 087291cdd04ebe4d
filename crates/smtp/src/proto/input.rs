//! [`Input`]: what was received and not yet used, in a buffer that never grows.

use std::ops::Range;

/// The longest command line, CRLF included, where no tokens are taken. RFC 5321 §4.5.3.1.4 asks for 512; the extensions
/// that we offer add SIZE 26, SMTPUTF8 10 and more, ENVID and ORCPT 100 and 500 (RFC 3461 §5), and AUTH its response
/// (RFC 4954 §4).
pub(crate) const LINE_MAX: usize = 2048;

/// The same where they are: what RFC 4954 §4 asks for.
pub(crate) const LINE_MAX_WITH_TOKENS: usize = 12_288;

/// The buffer's size, in bytes: a full TLS record.
const CAPACITY: usize = 16 * 1024;

/// One command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Its place in the buffer, CRLF taken off; see [`Input::bytes`].
    Complete(Range<usize>),
    /// It was longer than the limit and has been thrown away.
    TooLong,
    /// An LF without CR. Nobody can say what was meant to be a line, so nothing behind it may be used.
    BareLineFeed,
}

pub(crate) struct Input {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    line_max: usize,
    /// Throwing away the rest of a line that is too long.
    skipping: bool,
}

impl std::fmt::Debug for Input {
    /// Not the bytes: they may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input({} bytes)", self.end - self.start)
    }
}

impl Input {
    /// Longer lines than `line_max` octets are thrown away.
    pub(crate) fn new(line_max: usize) -> Self {
        Self { buffer: vec![0; CAPACITY].into_boxed_slice(), start: 0, end: 0, line_max, skipping: false }
    }

    /// Free space to read into. Empty only if everything in the buffer is still waiting to be used.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Says how much of [`Input::space`] was filled.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.buffer.len());
    }

    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes(self.start..self.end)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes at a place that [`Input::take_line`] or [`Input::consume`] gave, until the next [`Input::space`].
    pub(crate) fn bytes(&self, place: Range<usize>) -> &[u8] {
        self.buffer.get(place).unwrap_or_default()
    }

    /// Is done with `count` unread bytes; gives the place where they begin.
    pub(crate) fn consume(&mut self, count: usize) -> usize {
        let place = self.start;
        self.start = (self.start + count).min(self.end);
        place
    }

    /// Throws everything away.
    pub(crate) fn clear(&mut self) {
        (self.start, self.end, self.skipping) = (0, 0, false);
    }

    /// Overwrites bytes that were secret.
    pub(crate) fn wipe(&mut self, place: Range<usize>) {
        self.buffer.get_mut(place).unwrap_or_default().fill(0);
    }

    /// The next line, if it is there to its end.
    pub(crate) fn take_line(&mut self) -> Option<Line> {
        let Some(length) = memchr::memchr(b'\n', self.unread()) else {
            self.give_up_long_line();
            return None;
        };
        let start = self.consume(length + 1);
        let skipped = std::mem::take(&mut self.skipping);
        if self.bytes(start..start + length).last() != Some(&b'\r') {
            return Some(Line::BareLineFeed);
        }
        if skipped || length + 1 > self.line_max {
            return Some(Line::TooLong);
        }
        Some(Line::Complete(start..start + length - 1))
    }

    /// Keeps of a line that is too long only the last byte: it may be the CR of its end.
    fn give_up_long_line(&mut self) {
        let unread = self.end - self.start;
        if unread >= self.line_max || (self.skipping && unread > 1) {
            self.skipping = true;
            self.start = self.end - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, Line>> {
        let mut input = Input::new(LINE_MAX);
        let mut out = Vec::new();
        for piece in pieces {
            input.space()[..piece.len()].copy_from_slice(piece);
            input.filled(piece.len());
            while let Some(line) = input.take_line() {
                out.push(match line {
                    Line::Complete(place) => Ok(input.bytes(place).to_vec()),
                    other => Err(other),
                });
            }
        }
        out
    }

    #[test]
    fn a_line_ends_at_crlf_wherever_the_network_cuts_it() {
        assert_eq!(lines(&[b"a", b"b\r", b"\nc\r\n\r\nd"]), [Ok(b"ab".to_vec()), Ok(b"c".to_vec()), Ok(Vec::new())]);
    }

    #[test]
    fn a_bare_lf_is_never_a_line_end() {
        assert_eq!(lines(&[b"NOOP\nQUIT\r\n"]).first(), Some(&Err(Line::BareLineFeed)));
        assert_eq!(lines(&[b"\n"]), [Err(Line::BareLineFeed)]);
    }

    #[test]
    fn a_line_may_have_2048_octets_and_not_one_more() {
        let line = |length: usize| [vec![b'x'; length - 2], b"\r\n".to_vec()].concat();
        assert_eq!(lines(&[&line(2048), b"a\r\n"]), [Ok(vec![b'x'; 2046]), Ok(b"a".to_vec())]);
        assert_eq!(lines(&[&line(2049), b"a\r\n"]), [Err(Line::TooLong), Ok(b"a".to_vec())]);
        let split = line(9000);
        let (head, tail) = split.split_at(8999);
        assert_eq!(lines(&[head, tail, b"a\r\n"]), [Err(Line::TooLong), Ok(b"a".to_vec())]);
        let split = line(2049);
        let (head, tail) = split.split_at(2047);
        assert_eq!(lines(&[head, tail, b"a\r\n"]), [Err(Line::TooLong), Ok(b"a".to_vec())]);
    }
}
