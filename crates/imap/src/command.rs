//! Splits what a client sends into commands, literals included (RFC 3501 §4.3, RFC 7888).
//!
//! imap-codec parses whole commands from memory. A message that is appended shall not lie in memory, so the literal
//! of APPEND is left on the wire: see [`Incoming::Append`].

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::{Command, CommandBody};

use crate::answer::Answer;
use crate::wire::{Wire, WireError};

/// The lines of one command, its literals not counted.
const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// The literals of one command, the message of APPEND not counted: names, passwords, words to search for.
const LITERAL_BYTES_MAX: u64 = 64 * 1024;

/// The same before anyone has signed in.
const LITERAL_BYTES_MAX_STRANGER: u64 = 4 * 1024;

/// A literal, announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Its length in bytes.
    pub(crate) size: u64,
    /// The client waits for our leave to send it.
    pub(crate) waits: bool,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A whole command.
    Command(Vec<u8>),
    /// An APPEND up to its message, which is still to be read, and after it the end of the line. In `command`, a
    /// message of one byte stands in for it.
    Append { command: Vec<u8>, message: Literal },
    /// A command with a literal that is not taken; the client has not sent it.
    Refused { tag: String, answer: Answer },
}

/// Reads the next command.
pub(crate) async fn next(wire: &mut Wire<'_>, signed_in: bool) -> Result<Incoming, WireError> {
    let literal_bytes_max = if signed_in { LITERAL_BYTES_MAX } else { LITERAL_BYTES_MAX_STRANGER };
    let (mut command, mut line_bytes, mut literal_bytes) = (Vec::new(), 0, 0);
    loop {
        let line = wire.line(COMMAND_BYTES_MAX - line_bytes).await?;
        let line = line.ok_or(WireError::Broken("The command line is too long"))?;
        line_bytes += line.len();
        command.extend_from_slice(&line);
        if line.ends_with(b"}\n") {
            // Whether a literal follows cannot be known, and it must not be taken for commands.
            return Err(WireError::Broken("A line ends with CR LF"));
        }
        let Some(literal) = announced(&line) else { return Ok(Incoming::Command(command)) };
        if signed_in && let Some(command) = with_stand_in(&command) {
            return Ok(Incoming::Append { command, message: literal });
        }
        literal_bytes += literal.size;
        if literal_bytes > literal_bytes_max {
            if !literal.waits {
                return Err(WireError::Broken("A literal is too long"));
            }
            return Ok(Incoming::Refused {
                tag: tag(&command),
                answer: Answer::no("LIMIT", "This literal is too long"),
            });
        }
        if literal.waits {
            wire.say("+ Go on\r\n");
        }
        let mut missing = usize::try_from(literal.size).unwrap_or(usize::MAX);
        while missing > 0 {
            let bytes = wire.some(missing).await?;
            missing -= bytes.len();
            command.extend_from_slice(&bytes);
        }
    }
}

/// Parses a whole command.
pub(crate) fn parse(command: &[u8]) -> Option<Command<'_>> {
    match CommandCodec::default().decode(command) {
        Ok(([], command)) => Some(command),
        _ => None,
    }
}

/// The tag under which a command that cannot be parsed is answered; `*` if it has none.
pub(crate) fn tag(command: &[u8]) -> String {
    let end = command.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(command.len());
    let tag = command.get(..end).and_then(|tag| std::str::from_utf8(tag).ok()).unwrap_or_default();
    let allowed = !tag.is_empty() && tag.len() <= 64 && !tag.contains(['+', '(', ')', '{', '%', '*', '"', '\\']);
    if allowed { tag.to_owned() } else { "*".to_owned() }
}

/// The literal that a line announces at its end, `{n}` or `{n+}`.
pub(crate) fn announced(line: &[u8]) -> Option<Literal> {
    let inside = line.strip_suffix(b"}\r\n")?;
    let open = inside.iter().rposition(|byte| *byte == b'{')?;
    let digits = inside.get(open + 1..)?;
    let (digits, waits) = match digits.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (digits, true),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number beyond counting is as good as the largest: it is refused.
    let size = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::from(u32::MAX));
    Some(Literal { size: size.min(u64::from(u32::MAX)), waits })
}

/// If what has come is an APPEND but for its message: the same with a message of one byte.
///
/// The mailbox's name may be a literal too. So the parser is asked: with a stand-in for the literal announced, is this
/// a whole APPEND? Only the message can come last.
fn with_stand_in(command: &[u8]) -> Option<Vec<u8>> {
    let open = command.iter().rposition(|byte| *byte == b'{')?;
    let mut whole = command.get(..open)?.to_vec();
    whole.extend_from_slice(b"{1}\r\nx\r\n");
    let is_append = matches!(parse(&whole), Some(Command { body: CommandBody::Append { .. }, .. }));
    is_append.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line_only() {
        let literal = |size, waits| Some(Literal { size, waits });
        for (line, expected) in [
            ("A LOGIN {5}\r\n", literal(5, true)),
            ("A LOGIN {5+}\r\n", literal(5, false)),
            ("A APPEND x {99999999999999999999999}\r\n", literal(4_294_967_295, true)),
            ("A LOGIN {5} x\r\n", None),
            ("A LOGIN {5}\n", None),
            ("A LOGIN {}\r\n", None),
            ("A LOGIN {+}\r\n", None),
            ("A LOGIN {-5}\r\n", None),
            ("A LOGIN 5}\r\n", None),
        ] {
            assert_eq!(announced(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn the_message_of_append_is_told_from_the_name_of_the_mailbox() {
        assert!(with_stand_in(b"A APPEND Sent {300}\r\n").is_some());
        assert!(with_stand_in(b"A APPEND Sent (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {300+}\r\n").is_some());
        assert!(with_stand_in(b"A APPEND {4}\r\nSent {300}\r\n").is_some());
        assert!(with_stand_in(b"A APPEND {4}\r\n").is_none());
        assert!(with_stand_in(b"A APPEND Sent (\\Seen {300}\r\n").is_none());
        assert!(with_stand_in(b"A SEARCH SUBJECT {300}\r\n").is_none());
    }

    #[test]
    fn what_is_no_tag_is_not_echoed() {
        assert_eq!(tag(b"a1 NONSENSE\r\n"), "a1");
        assert_eq!(tag(b"\x16\x03\x01\x02"), "*");
        assert_eq!(tag(b"* OK\r\n"), "*");
        assert_eq!(tag(b"\r\n"), "*");
        assert_eq!(tag(&[b'a'; 5_000]), "*");
    }
}
