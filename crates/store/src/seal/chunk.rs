//! [`BodyKey`] seals and opens chunks; [`Span`] says which of them a part of a body needs.

use std::fmt;

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use pli_types::MessageId;

use crate::{Result, StoreError};

/// Bytes of a body in one chunk; the last one may have fewer.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes that sealing adds to a chunk.
pub(crate) const TAG_BYTES: usize = 16;

const CHUNK_BYTES_U64: u64 = CHUNK_BYTES as u64;
const TAG_BYTES_U64: u64 = TAG_BYTES as u64;
const LABEL: &[u8; 10] = b"pli body 1";

/// The key of one message.
pub(crate) struct BodyKey {
    message: MessageId,
    key: LessSafeKey,
}

impl fmt::Debug for BodyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyKey(<hidden> of {})", self.message)
    }
}

impl BodyKey {
    pub(crate) fn new(message: MessageId, key: LessSafeKey) -> Self {
        Self { message, key }
    }

    /// Whose it is.
    pub(crate) fn message(&self) -> MessageId {
        self.message
    }

    /// Seals a chunk in place, making it [`TAG_BYTES`] longer.
    pub(crate) fn seal(&self, index: u64, last: bool, chunk: &mut Vec<u8>) -> Result<()> {
        self.key
            .seal_in_place_append_tag(nonce(index), Aad::from(self.associated(index, last)), chunk)
            .map_err(|_| StoreError::unavailable("a body could not be sealed"))
    }

    /// Opens a chunk in place; none if it is not what was sealed as this one.
    pub(crate) fn open<'c>(&self, index: u64, last: bool, sealed: &'c mut [u8]) -> Option<&'c [u8]> {
        let opened = self.key.open_in_place(nonce(index), Aad::from(self.associated(index, last)), sealed).ok()?;
        Some(opened)
    }

    /// What is authenticated beside a chunk: whose it is, where it belongs, whether more follow.
    fn associated(&self, index: u64, last: bool) -> [u8; LABEL.len() + 16 + 8 + 1] {
        let mut out = [0; LABEL.len() + 16 + 8 + 1];
        let parts = LABEL.iter().chain(self.message.as_bytes()).copied().chain(index.to_be_bytes());
        for (to, from) in out.iter_mut().zip(parts.chain([u8::from(last)])) {
            *to = from;
        }
        out
    }
}

/// The index: a key seals one body only, so no nonce comes twice.
fn nonce(index: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    for (to, from) in bytes.iter_mut().skip(NONCE_LEN - 8).zip(index.to_be_bytes()) {
        *to = from;
    }
    Nonce::assume_unique_for_key(bytes)
}

/// How many chunks a body has. An empty one has one, so that its emptiness is sealed too.
pub(crate) fn chunk_count(size: u64) -> u64 {
    size.div_ceil(CHUNK_BYTES_U64).max(1)
}

/// How long a body is once sealed; none if no body can be that large.
pub(crate) fn sealed_size(size: u64) -> Option<u64> {
    chunk_count(size).checked_mul(TAG_BYTES_U64)?.checked_add(size)
}

/// Which chunks hold a part of a body, and where in them it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first chunk.
    pub(crate) first: u64,
    /// The last chunk.
    pub(crate) last: u64,
    /// Bytes of the first chunk that come before the part.
    pub(crate) skip: usize,
    /// Bytes of the part.
    pub(crate) length: usize,
}

impl Span {
    /// Of at most `length` bytes from `offset` in a body of `size`; none if nothing lies there.
    pub(crate) fn of(size: u64, offset: u64, length: u64) -> Option<Self> {
        let length = length.min(size.checked_sub(offset)?);
        let last_byte = offset.checked_add(length)?.checked_sub(1)?;
        if length == 0 {
            return None;
        }
        Some(Self {
            first: offset / CHUNK_BYTES_U64,
            last: last_byte / CHUNK_BYTES_U64,
            skip: usize::try_from(offset % CHUNK_BYTES_U64).ok()?,
            length: usize::try_from(length).ok()?,
        })
    }
}

/// Where a sealed chunk begins in its file, and how long it is there.
pub(crate) fn chunk_place(size: u64, index: u64) -> (u64, usize) {
    let begin = index.saturating_mul(CHUNK_BYTES_U64);
    let plain = size.saturating_sub(begin).min(CHUNK_BYTES_U64);
    let place = index.saturating_mul(CHUNK_BYTES_U64 + TAG_BYTES_U64);
    (place, usize::try_from(plain).unwrap_or(CHUNK_BYTES) + TAG_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::MasterKey;

    fn key() -> BodyKey {
        let message = MessageId::at(jiff::Timestamp::UNIX_EPOCH);
        MasterKey::from_bytes(&[7; 32]).unwrap().new_body_key(message).unwrap().0
    }

    #[test]
    fn a_chunk_opens_only_as_what_it_was_sealed() {
        let key = key();
        let mut sealed = b"chunk".to_vec();
        key.seal(3, false, &mut sealed).unwrap();
        assert_eq!(sealed.len(), 5 + TAG_BYTES);
        assert_eq!(key.open(3, false, &mut sealed.clone()), Some(&b"chunk"[..]));
        assert_eq!(key.open(2, false, &mut sealed.clone()), None, "moved");
        assert_eq!(key.open(3, true, &mut sealed.clone()), None, "made the last");
        assert_eq!(self::key().open(3, false, &mut sealed.clone()), None, "another message's");
        assert_eq!(key.open(3, false, &mut sealed[..4]), None, "shorter than a tag");
        sealed[0] ^= 1;
        assert_eq!(key.open(3, false, &mut sealed), None, "flipped");
    }

    #[test]
    fn a_span_covers_what_is_asked_for_and_no_more() {
        let chunk = CHUNK_BYTES_U64;
        let cases = [
            // size, offset, length → first, last, skip, length
            (10, 0, 10, Some((0, 0, 0, 10))),
            (10, 3, 100, Some((0, 0, 3, 7))),
            (10, 10, 1, None),
            (10, 11, 1, None),
            (10, 3, 0, None),
            (0, 0, 5, None),
            (3 * chunk, 0, chunk, Some((0, 0, 0, CHUNK_BYTES))),
            (3 * chunk, chunk - 1, 2, Some((0, 1, CHUNK_BYTES - 1, 2))),
            (3 * chunk, chunk, chunk + 1, Some((1, 2, 0, CHUNK_BYTES + 1))),
            (u64::MAX, u64::MAX - 1, u64::MAX, Some((u64::MAX / chunk, u64::MAX / chunk, CHUNK_BYTES - 2, 1))),
        ];
        for (size, offset, length, expected) in cases {
            let expected = expected.map(|(first, last, skip, length)| Span { first, last, skip, length });
            assert_eq!(Span::of(size, offset, length), expected, "{size} {offset} {length}");
        }
    }

    #[test]
    fn sealed_sizes_add_a_tag_a_chunk() {
        let chunk = CHUNK_BYTES_U64;
        for (size, chunks) in [(0, 1), (1, 1), (chunk, 1), (chunk + 1, 2), (2 * chunk, 2)] {
            assert_eq!(chunk_count(size), chunks, "{size}");
            assert_eq!(sealed_size(size), Some(size + chunks * 16), "{size}");
        }
        assert_eq!(sealed_size(u64::MAX), None);
        assert_eq!(chunk_place(chunk + 5, 1), (chunk + 16, 5 + TAG_BYTES));
        assert_eq!(chunk_place(chunk + 5, 0), (0, CHUNK_BYTES + TAG_BYTES));
    }
}
