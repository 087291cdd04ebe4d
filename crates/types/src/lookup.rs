//! [`LookupKey`]: what an address or a Message-ID is found by where neither may stand.

use crate::address::MailAddress;
use crate::mask::Masker;

/// Labels that keep the kinds of keys apart, and all of them from masks, which are made of text without a NUL.
const ADDRESS: &str = "lookup address\0";
const MESSAGE_ID: &str = "lookup message-id\0";

/// 16 bytes of an HMAC-SHA256 under the operator's key: two are the same if what they were made of is, and without the
/// key nothing can be tried out against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupKey([u8; 16]);

impl LookupKey {
    /// The bytes, as a store keeps them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Back from the bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl Masker {
    /// The key of an address, the same for all spellings of one mailbox ([`MailAddress::key`]).
    #[must_use]
    pub fn lookup_address(&self, address: &MailAddress) -> LookupKey {
        LookupKey(self.derive(ADDRESS, &address.key()))
    }

    /// The key of a Message-ID (RFC 5322 §3.6.4), with or without its angle brackets.
    #[must_use]
    pub fn lookup_message_id(&self, message_id: &str) -> LookupKey {
        let bare = message_id.trim().trim_start_matches('<').trim_end_matches('>');
        LookupKey(self.derive(MESSAGE_ID, bare))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> LookupKey {
        Masker::new(&[7; 32]).lookup_address(&MailAddress::parse(text).unwrap())
    }

    #[test]
    fn all_spellings_of_a_mailbox_have_one_key() {
        assert_eq!(key("Dr.Martin@B.fr"), key("dr.martin@b.fr"));
        assert_eq!(key("297022a02077878@patient.mssante.fr"), key("297022A02077878@patient.mssante.fr"));
        assert_ne!(key("dr.martin@b.fr"), key("dr.martin@c.fr"));
    }

    #[test]
    fn a_key_needs_the_operators_key_and_tells_the_kinds_apart() {
        let other = Masker::new(&[8; 32]).lookup_address(&MailAddress::parse("a@b.fr").unwrap());
        assert_ne!(key("a@b.fr"), other);
        assert_ne!(key("a@b.fr"), Masker::new(&[7; 32]).lookup_message_id("a@b.fr"));
    }

    #[test]
    fn angle_brackets_are_no_part_of_a_message_id() {
        let masker = Masker::new(&[7; 32]);
        assert_eq!(masker.lookup_message_id(" <1@b.fr>"), masker.lookup_message_id("1@b.fr"));
        assert_ne!(masker.lookup_message_id("A@b.fr"), masker.lookup_message_id("a@b.fr"));
    }
}
