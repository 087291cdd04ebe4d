//! What a campaign tells of its recipients, and its template: sealed as bodies are, each batch under a key of its own, so
//! that no part is ever sealed twice under one key.

use jiff::Timestamp;
use pli_types::MessageId;

use super::rows::Row;
use crate::seal::{BodyKey, KeyId, MasterKey};
use crate::{Result, StoreError};

/// A key and what keeps it: a row of `campaign_keys`, or the columns of that name of `campaigns`.
pub(super) struct ValueKey {
    key: BodyKey,
    pub(super) seal: MessageId,
    pub(super) key_id: KeyId,
    pub(super) wrapped: Vec<u8>,
}

impl ValueKey {
    /// A new one.
    pub(super) fn new(master: &MasterKey, now: Timestamp) -> Result<Self> {
        let seal = MessageId::at(now);
        let (key, wrapped) = master.new_body_key(seal)?;
        Ok(Self { key, seal, key_id: master.id(), wrapped })
    }

    /// The key of a row again.
    pub(super) fn of(row: Row<'_>, master: &MasterKey) -> Result<Self> {
        let seal = row.message("seal")?;
        let key_id = row.get::<&[u8]>("key_id")?;
        if key_id != master.id() {
            return Err(row.corrupt("key_id", "it was sealed under another master key"));
        }
        let wrapped = row.get::<Vec<u8>>("wrapped_key")?;
        let key = master.unwrap(seal, &wrapped);
        let key = key.ok_or_else(|| row.corrupt("wrapped_key", "it is not what was kept"))?;
        Ok(Self { key, seal, key_id: master.id(), wrapped })
    }

    /// Seals a text as the part of this number. No number is used twice.
    pub(super) fn seal(&self, part: u64, text: String) -> Result<Vec<u8>> {
        let mut sealed = text.into_bytes();
        self.key.seal(part, true, &mut sealed)?;
        Ok(sealed)
    }

    /// The text again; `None` if this is not what was sealed as the part of this number.
    pub(super) fn open(&self, part: u64, mut sealed: Vec<u8>) -> Option<String> {
        let opened = self.key.open(part, true, &mut sealed)?;
        str::from_utf8(opened).ok().map(str::to_owned)
    }
}

/// The values of a recipient as a text.
pub(super) fn written(values: &[String]) -> Result<String> {
    serde_json::to_string(values).map_err(|error| StoreError::Unavailable {
        what: "a recipient's values could not be written down",
        full: false,
        source: Some(error.into()),
    })
}

/// Back from [`written`].
pub(super) fn read(text: &str) -> std::result::Result<Vec<String>, serde_json::Error> {
    serde_json::from_str(text)
}
