//! Identifiers of Pli's own things, one type a kind, so that a queue row will not pass for a message.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "uuid::serde::simple")] Uuid);

        impl $name {
            /// Takes an identifier made elsewhere (a store's row, a test).
            #[must_use]
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Parses 32 hexadecimal digits, with or without hyphens.
            pub fn parse(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }

            /// A new one, made at `now`: sorts by time, to the millisecond (RFC 9562 §5.7). Cannot be guessed: the rest is
            /// random.
            #[must_use]
            pub fn at(now: jiff::Timestamp) -> Self {
                let seconds = u64::try_from(now.as_second()).unwrap_or(0);
                let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
                Self(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)))
            }

            /// The 16 bytes, as a store keeps them.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Back from 16 bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            /// 32 hexadecimal digits, no hyphens: easy to select with a double click.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.simple())
            }
        }
    };
}

uuid_id!(
    /// An accepted message: the `id=` of its `250`.
    MessageId
);
uuid_id!(
    /// One recipient of one message on its way to another server.
    QueueId
);

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

row_id!(
    /// A mailbox of this operator.
    MailboxId(i64)
);
row_id!(
    /// Someone, or something, that signs in.
    AccountId(i64)
);
row_id!(
    /// One of the ways in which an account proves itself.
    CredentialId(i64)
);
row_id!(
    /// A notice to many patients.
    CampaignId(i64)
);
row_id!(
    /// A folder of a mailbox (IMAP calls it a mailbox).
    FolderId(i64)
);
row_id!(
    /// A message's number in its folder: never given twice, always growing (RFC 3501 §2.3.1.1).
    Uid(u32)
);
row_id!(
    /// The number that says whether a folder's [`Uid`]s still mean the same (RFC 3501 §2.3.1.1).
    UidValidity(u32)
);

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b";

    #[test]
    fn an_id_is_written_the_same_way_everywhere() {
        let id = MessageId::parse(TEXT).unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<MessageId>(&format!("\"{TEXT}\"")).unwrap(), id);
        assert_eq!(MessageId::parse("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b").unwrap(), id);
        assert_eq!(MessageId::from_bytes(*id.as_bytes()), id);
    }

    #[test]
    fn a_later_id_sorts_after_an_earlier_one() {
        let at = |ms| MessageId::at(jiff::Timestamp::from_millisecond(ms).unwrap());
        assert!(at(1_700_000_000_000) < at(1_700_000_000_001));
        assert_ne!(at(1_700_000_000_000), at(1_700_000_000_000));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for bad in ["", "0190a1b2", "0190a1b2c3d47e5f8a9b0c1d2e3f4a5g", "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b00"] {
            assert!(QueueId::parse(bad).is_err(), "{bad}");
        }
    }
}
