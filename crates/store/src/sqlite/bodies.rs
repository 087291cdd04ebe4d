//! Bodies: read from the row or from the file, opened on the way.

use bytes::Bytes;
use pli_types::MessageId;

use super::SqliteStore;
use super::rows::{Row, database_error};
use crate::seal::{SealedBody, SealedContent, Staged, StagedContent};
use crate::{Result, StoreError};

impl SqliteStore {
    /// At most `length` bytes from `offset`.
    pub(super) async fn read_body(&self, message: MessageId, offset: u64, length: u64) -> Result<Bytes> {
        let sealed = self.sealed_body(message).await?.ok_or(StoreError::NotFound("message"))?;
        match read(sealed, offset, length).await {
            // Between the row and the file, the message may have been removed.
            Err(StoreError::Corrupt { .. }) if self.sealed_body(message).await?.is_none() => {
                Err(StoreError::NotFound("message"))
            }
            read => read,
        }
    }

    /// At most `length` bytes from `offset` of a body that no row names yet.
    pub(super) async fn read_staged(&self, staged: &Staged, offset: u64, length: u64) -> Result<Bytes> {
        // The key goes with the body, wrapped: who has only the body still cannot read it.
        let key = self.master.unwrap(staged.message, &staged.wrapped_key);
        let key = key.ok_or(StoreError::Conflict("the body was staged by another store"))?;
        let content = match &staged.content {
            StagedContent::Memory(chunk) => SealedContent::Row(chunk.clone()),
            StagedContent::File(guard) => SealedContent::File(guard.path().to_owned()),
        };
        read(SealedBody { key, size: staged.size, content }, offset, length).await
    }

    async fn sealed_body(&self, message: MessageId) -> Result<Option<SealedBody>> {
        let sql = sqlx::query("SELECT id, size, key_id, wrapped_key, body FROM messages WHERE id = ?");
        let row = self.readers.one(sql.bind(&message.as_bytes()[..])).await;
        let row = row.map_err(|error| database_error("a body could not be read", error))?;
        let Some(row) = row.as_ref().map(|row| Row::new(row, "messages")) else { return Ok(None) };
        if row.get::<&[u8]>("key_id")? != self.master.id() {
            return Err(row.corrupt("key_id", "it was sealed under another master key"));
        }
        let key = self.master.unwrap(message, row.get("wrapped_key")?);
        let key = key.ok_or_else(|| StoreError::corrupt("messages", "wrapped_key", &message))?;
        let content = match row.get::<Option<Vec<u8>>>("body")? {
            Some(body) => SealedContent::Row(body),
            None => SealedContent::File(self.bodies.path(message)),
        };
        Ok(Some(SealedBody { key, size: row.number("size")?, content }))
    }
}

/// Reads a file off the async threads; a chunk in memory is opened at once.
async fn read(sealed: SealedBody, offset: u64, length: u64) -> Result<Bytes> {
    if let SealedContent::Row(_) = sealed.content {
        return sealed.read(offset, length);
    }
    let read = tokio::task::spawn_blocking(move || sealed.read(offset, length)).await;
    read.map_err(|_| StoreError::unavailable("a body's file could not be read"))?
}
