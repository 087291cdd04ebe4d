//! [`HeaderBlock`]: the header of a message, held aside while it comes in pieces.

/// The most bytes that a header may have. The largest seen in the field stay under 64 KiB.
pub(crate) const HEADER_BYTES_MAX: usize = 256 * 1024;

/// A header that grows until the empty line that ends it.
#[derive(Debug, Default)]
pub(crate) struct HeaderBlock {
    bytes: Vec<u8>,
}

/// What [`HeaderBlock::push`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No end yet.
    More,
    /// The header ends at this offset; the bytes from there on, which begin with the empty line, are the body's.
    End(usize),
    /// Over [`HEADER_BYTES_MAX`].
    TooLong,
}

impl HeaderBlock {
    /// Adds bytes as they come.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Found {
        // The end may lie across two pieces: look again at the last three bytes.
        let seen = self.bytes.len().saturating_sub(3);
        self.bytes.extend_from_slice(bytes);
        match end_of_header(&self.bytes, seen) {
            Some(end) if end <= HEADER_BYTES_MAX => Found::End(end),
            None if self.bytes.len() <= HEADER_BYTES_MAX => Found::More,
            _ => Found::TooLong,
        }
    }

    /// Everything taken so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The offset of the empty line: after a CRLF that another follows, or at once (a message without a header).
fn end_of_header(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes.starts_with(b"\r\n") {
        return Some(0);
    }
    let found = bytes.get(from..)?.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(from + found + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_the_pieces_are_cut() {
        let message = b"From: a@x.fr\r\nSubject: b\r\n\r\nbody\r\n\r\nmore\r\n";
        for cut in 0..message.len() {
            let (first, second) = message.split_at(cut);
            let mut block = HeaderBlock::default();
            let found = match block.push(first) {
                Found::More => block.push(second),
                found => found,
            };
            assert_eq!(found, Found::End(26), "cut at {cut}");
            assert_eq!(&block.bytes()[..26], b"From: a@x.fr\r\nSubject: b\r\n");
        }
    }

    #[test]
    fn a_message_may_have_no_header_and_a_header_no_end() {
        assert_eq!(HeaderBlock::default().push(b"\r\nbody\r\n"), Found::End(0));
        let mut endless = HeaderBlock::default();
        let line = [b'x'; 1000];
        let pieces = std::iter::repeat_with(|| endless.push(&line)).take(263);
        assert_eq!(pieces.last(), Some(Found::TooLong));
    }
}
