//! The body of a message: [`DataReader`], strict about line ends (RFC 5321 §2.3.8, §4.5.2).
//!
//! One `DATA`, one message: nothing but CR LF `.` CR LF ends it, whatever a laxer server on the way may have taken for
//! an end. A body with a bare CR, a bare LF, a NUL or an over-long line is read to that end and refused whole.

use std::ops::Range;

use pli_policy::Reason;

/// The longest line, in octets, without its CRLF (RFC 5322 §2.1.1). A dot doubled for transparency does not count.
pub const LINE_MAX: usize = 998;

/// How much is read of a message over the limit before the connection is closed: this many times the limit.
const PATIENCE: u64 = 4;

/// Where the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind a CRLF, or at the very beginning (the CRLF is that of the `DATA` command).
    LineStart,
    /// Behind a dot that begins a line.
    Dot,
    /// Behind a dot that begins a line, and a CR.
    DotCr,
    /// Within a line.
    Text,
    /// Behind a CR within a line.
    Cr,
}

/// Reads one body.
#[derive(Debug)]
pub struct DataReader {
    place: Place,
    /// Octets of the line so far.
    line: usize,
    /// Octets of the body so far, dots unstuffed.
    size: u64,
    /// Octets read, kept or not.
    read: u64,
    size_max: u64,
    /// The first octet, or line, that no message may have.
    malformed: Option<Reason>,
}

/// What [`DataReader::read`] made of its input.
#[derive(Debug, PartialEq, Eq)]
pub struct Progress {
    /// Octets of the input that are done with.
    pub consumed: usize,
    /// Those of the input that belong to the body.
    pub body: Range<usize>,
    /// How the body ended, if it did.
    pub end: Option<End>,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By CR LF `.` CR LF.
    Complete,
    /// It went on and on: the connection cannot be used any more.
    Endless,
}

impl DataReader {
    /// For a body of at most `size_max` octets.
    #[must_use]
    pub fn new(size_max: u64) -> Self {
        Self { place: Place::LineStart, line: 0, size: 0, read: 0, size_max, malformed: None }
    }

    /// Why the body is refused, if it is: its first malformation, or else its size.
    #[must_use]
    pub fn fault(&self) -> Option<Reason> {
        self.malformed.or((self.size > self.size_max).then_some(Reason::MessageTooBig))
    }

    /// Reads on: up to the end of the input, of the body, or of a run that can be handed on without copying.
    /// Consumes something of any input that is not empty, unless it gives up.
    pub fn read(&mut self, input: &[u8]) -> Progress {
        let patience = self.size_max.saturating_mul(PATIENCE) - self.read;
        let input = input.get(..usize::try_from(patience).unwrap_or(usize::MAX)).unwrap_or(input);
        let (mut start, mut at, mut complete) = (0, 0, false);
        while let Some(&byte) = input.get(at) {
            match (self.place, byte) {
                (Place::LineStart, b'.') => {
                    if start < at {
                        break; // What is before the dot goes out first.
                    }
                    at += 1;
                    start = at;
                    self.place = Place::Dot;
                }
                (Place::Dot, b'\r') => {
                    at += 1;
                    start = at;
                    self.place = Place::DotCr;
                }
                (Place::LineStart | Place::Dot, _) => self.place = Place::Text,
                (Place::DotCr, b'\n') => {
                    at += 1;
                    start = at;
                    complete = true;
                    break;
                }
                (Place::Cr, b'\n') => {
                    at += 1;
                    self.line = 0;
                    self.place = Place::LineStart;
                }
                (Place::DotCr | Place::Cr, _) => {
                    self.blame(Reason::LineEnding); // A bare CR.
                    self.place = Place::Text;
                }
                (Place::Text, _) => at = self.text(input, at),
            }
        }
        self.account(start..at, at, complete)
    }

    /// Goes on to the next octet within a line that means something, and past it.
    fn text(&mut self, input: &[u8], at: usize) -> usize {
        let rest = input.get(at..).unwrap_or_default();
        let found = memchr::memchr3(b'\r', b'\n', 0, rest);
        let run = found.unwrap_or(rest.len());
        self.line += run;
        if self.line > LINE_MAX {
            self.blame(Reason::MessageMalformed);
        }
        match found.and_then(|found| rest.get(found)) {
            None => return at + run,
            Some(b'\r') => self.place = Place::Cr,
            Some(b'\n') => self.blame(Reason::LineEnding),   // A bare LF.
            Some(_) => self.blame(Reason::MessageMalformed), // A NUL.
        }
        at + run + 1
    }

    fn account(&mut self, body: Range<usize>, consumed: usize, complete: bool) -> Progress {
        self.read += consumed as u64;
        self.size += body.len() as u64;
        let end = if complete {
            Some(End::Complete)
        } else if self.read >= self.size_max.saturating_mul(PATIENCE) {
            // Whatever the octets were, nobody waits for the end of this any more.
            self.size = u64::MAX;
            Some(End::Endless)
        } else {
            None
        };
        let body = if self.fault().is_some() { consumed..consumed } else { body };
        Progress { consumed, body, end }
    }

    fn blame(&mut self, reason: Reason) {
        self.malformed.get_or_insert(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all of it in one piece: the body, the fault, and what is left behind the end.
    fn read_all(size_max: u64, input: &[u8]) -> (Vec<u8>, Option<Reason>, Option<Vec<u8>>) {
        read_pieces(size_max, input, usize::MAX)
    }

    fn read_pieces(size_max: u64, input: &[u8], piece: usize) -> (Vec<u8>, Option<Reason>, Option<Vec<u8>>) {
        let mut reader = DataReader::new(size_max);
        let (mut body, mut at) = (Vec::new(), 0);
        while at < input.len() {
            let window = &input[at..input.len().min(at.saturating_add(piece))];
            let progress = reader.read(window);
            assert!(progress.consumed > 0);
            body.extend_from_slice(&window[progress.body]);
            at += progress.consumed;
            if progress.end == Some(End::Complete) {
                return (body, reader.fault(), Some(input[at..].to_vec()));
            }
        }
        (body, reader.fault(), None)
    }

    #[test]
    fn dots_are_taken_off_and_nothing_else_is_changed() {
        for (wire, body) in [
            (&b".\r\n"[..], &b""[..]),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"..\r\n...\r\n.a\r\nb.\r\n.\r\n", b".\r\n..\r\na\r\nb.\r\n"),
            (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
            (b"\xff\xc3\xa9\x01\x7f\r\n.\r\n", b"\xff\xc3\xa9\x01\x7f\r\n"),
        ] {
            for piece in 1..=wire.len() {
                assert_eq!(read_pieces(100, wire, piece), (body.to_vec(), None, Some(Vec::new())), "{wire:?}");
            }
        }
    }

    #[test]
    fn nothing_but_crlf_dot_crlf_ends_a_message() {
        let innocent = b"MAIL FROM:<smuggled@example.test>\r\n.\r\n";
        for end in [&b"\n.\n"[..], b"\r.\r", b"\r\n.\n", b"\n.\r\n", b"\r\n.\r", b"\r.\n", b"\r\n\x00.\r\n"] {
            let wire = [b"a".as_slice(), end, innocent].concat();
            for piece in 1..=wire.len() {
                let (_, fault, rest) = read_pieces(1000, &wire, piece);
                assert!(fault.is_some(), "{end:?}");
                assert_eq!(rest, Some(Vec::new()), "{end:?}: the message ended early");
            }
        }
    }

    #[test]
    fn a_line_may_have_998_octets_and_not_one_more() {
        let line = |length: usize| [vec![b'x'; length], b"\r\n.\r\n".to_vec()].concat();
        assert_eq!(read_all(10_000, &line(998)).1, None);
        assert_eq!(read_all(10_000, &line(999)).1, Some(Reason::MessageMalformed));
        let stuffed = [b".".to_vec(), vec![b'.'; 998], b"\r\n.\r\n".to_vec()].concat();
        assert_eq!(read_all(10_000, &stuffed).1, None, "the doubled dot does not count");
    }

    #[test]
    fn a_message_over_the_limit_is_read_to_its_end_and_not_kept() {
        let (body, fault, rest) = read_all(4, b"12\r\n34\r\n.\r\nQUIT\r\n");
        assert_eq!((fault, rest.as_deref()), (Some(Reason::MessageTooBig), Some(&b"QUIT\r\n"[..])));
        assert!(body.len() <= 4);
        assert_eq!(read_all(8, b"12\r\n34\r\n.\r\n").1, None);
    }

    #[test]
    fn an_endless_message_is_given_up() {
        let mut reader = DataReader::new(100);
        let ends: Vec<_> = (0..4).map(|_| reader.read(&[b'x'; 100]).end).collect();
        assert_eq!(ends, [None, None, None, Some(End::Endless)]);
        assert_eq!(reader.fault(), Some(Reason::MessageTooBig));
    }
}
