//! [`letter()`]: what the protocol machine would make of a message, for `pli explain`.

use pli_mailflow::{Letter, LineFault};

use crate::proto::data::DataReader;

/// Reads a message as it would be read after `DATA`, byte for byte. A last line without CR LF gets one, as every client
/// sends it. Size is not judged here.
#[must_use]
pub fn letter(mut bytes: Vec<u8>) -> Letter {
    if !bytes.is_empty() && !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    let fault = first_fault(&bytes);
    Letter { bytes, fault }
}

fn first_fault(message: &[u8]) -> Option<LineFault> {
    let mut reader = DataReader::new(u64::MAX);
    let (mut offset, mut at_start) = (0, true);
    for (index, line) in message.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if at_start && line.starts_with(b".") {
            // The client doubles it (RFC 5321 §4.5.2), and the reader takes one off.
            feed(&mut reader, b".");
        }
        feed(&mut reader, line);
        if let Some(reason) = reader.fault() {
            return Some(LineFault { reason, line: index + 1, offset });
        }
        offset += line.len();
        at_start = line.ends_with(b"\r\n");
    }
    None
}

fn feed(reader: &mut DataReader, mut input: &[u8]) {
    while !input.is_empty() {
        let consumed = reader.read(input).consumed;
        input = input.get(consumed.max(1)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use pli_policy::Reason;

    use super::*;

    type Found = Option<(Reason, usize, usize)>;

    #[test]
    fn the_first_faulty_line_is_found() {
        let long = [b"a\r\n".to_vec(), vec![b'x'; 999], b"\r\n".to_vec()].concat();
        let cases: [(&[u8], Found); 8] = [
            (b"From: a@x.fr\r\n\r\nbody\r\n", None),
            (b"", None),
            (b"a\r\n.\r\n..\r\nb\r\n", None),
            (b"a\r\nb\nc\r\n", Some((Reason::LineEnding, 2, 3))),
            (b"a\r\nb\rc\r\n", Some((Reason::LineEnding, 2, 3))),
            (b"a\nb\0\n", Some((Reason::LineEnding, 1, 0))),
            (b"a\r\n\r\n\0\r\n", Some((Reason::MessageMalformed, 3, 5))),
            (&long, Some((Reason::MessageMalformed, 2, 3))),
        ];
        for (message, expected) in cases {
            let fault = letter(message.to_vec()).fault.map(|fault| (fault.reason, fault.line, fault.offset));
            assert_eq!(fault, expected, "{message:?}");
        }
    }

    #[test]
    fn a_message_ends_with_a_line_end() {
        assert_eq!(letter(b"a".to_vec()).bytes, b"a\r\n");
        assert!(letter(b"a\n".to_vec()).fault.is_some(), "and none is mended");
    }
}
