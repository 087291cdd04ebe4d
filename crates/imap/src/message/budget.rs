//! How much of a header is kept for ENVELOPE and BODYSTRUCTURE.
//!
//! Short fields make long answers: an address of two bytes is worth a hundred in memory, and From is shown three
//! times. What is kept is therefore counted, and what is over is left out of the answer. `BODY[…]` leaves nothing out.

/// Bytes of one header, at its beginning, that are read for what it says. Hardly an honest one is longer.
pub(crate) const HEADER_BYTES_MAX: usize = 256 * 1024;

/// Elements of one list of addresses, a group's beginning and end among them. A client has no use for more of them in
/// a list of messages.
pub(crate) const ADDRESSES_MAX: usize = 1_000;

/// Parameters of one field, or languages. RFC 2231 §3 cuts long values into several, so that some more are honest.
pub(crate) const PARAMETERS_MAX: usize = 64;

/// Bytes of one text, which is cut there, and of one parameter, which is left out: a cut name would be a wrong one.
pub(crate) const VALUE_BYTES_MAX: usize = 16 * 1024;

/// All the envelopes of one structure together, or the one of ENVELOPE: some thousands of addresses.
const ENVELOPES_BYTES_MAX: usize = 1024 * 1024;

/// All the MIME fields of one structure together: a thousand bytes for each of the parts that it may have.
const MIME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What an address or a parameter takes besides its bytes, about.
pub(crate) const ITEM_BYTES: usize = 128;

/// What may still be kept.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
}

impl Budget {
    /// For envelopes. They have their own, so that no number of addresses hides a part.
    pub(crate) fn envelopes() -> Self {
        Self { bytes: ENVELOPES_BYTES_MAX }
    }

    /// For MIME fields.
    pub(crate) fn mime() -> Self {
        Self { bytes: MIME_BYTES_MAX }
    }

    /// Takes so many bytes, or none if there are fewer.
    pub(crate) fn spend(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(self.bytes);
        left.is_some()
    }
}
