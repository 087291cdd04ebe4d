//! [`SealingWriter`]: seals a body as it comes.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use pli_failpoint::failpoint;
use pli_types::MessageId;

use super::chunk::{BodyKey, CHUNK_BYTES, TAG_BYTES};
use super::{BodyFolder, FileGuard, KeyId, MasterKey, Staged, StagedContent};
use crate::{BodyWriter, Result, StagedBody, StoreError};

/// Holds at most one chunk in memory; what comes before it is in the file, sealed.
pub(crate) struct SealingWriter {
    folder: BodyFolder,
    key: BodyKey,
    key_id: KeyId,
    wrapped_key: Vec<u8>,
    size: u64,
    /// The chunk being filled, and its index.
    chunk: Vec<u8>,
    index: u64,
    spool: Spool,
}

/// The file of a body that is larger than one chunk.
enum Spool {
    /// Not needed so far.
    None,
    /// Open for the next chunk.
    Open(File, Arc<FileGuard>),
    /// A write was abandoned or failed: what is in the file is not known.
    Broken,
}

impl SealingWriter {
    pub(crate) fn new(folder: BodyFolder, master: &MasterKey, message: MessageId) -> Result<Self> {
        let (key, wrapped_key) = master.new_body_key(message)?;
        Ok(Self {
            folder,
            key,
            key_id: master.id(),
            wrapped_key,
            size: 0,
            chunk: Vec::new(),
            index: 0,
            spool: Spool::None,
        })
    }

    /// Seals the chunk and moves it to the file, off the async threads.
    async fn spill(&mut self, last: bool) -> Result<()> {
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.reserve_exact(TAG_BYTES);
        self.key.seal(self.index, last, &mut chunk)?;
        self.index += 1;
        // Left so if the caller stops waiting: the file is then gone with its guard.
        let spool = std::mem::replace(&mut self.spool, Spool::Broken);
        let (folder, message) = (self.folder.clone(), self.key.message());
        let work = move || -> std::io::Result<_> {
            let (mut file, guard) = match spool {
                Spool::Open(file, guard) => (file, guard),
                Spool::None => {
                    let (file, path) = folder.create(message)?;
                    (file, Arc::new(FileGuard::new(path)))
                }
                Spool::Broken => return Err(std::io::Error::other("an earlier write failed")),
            };
            failpoint!("store.body.chunk.before", std::io::Error::other("a failpoint"));
            file.write_all(&chunk)?;
            if last {
                failpoint!("store.body.sync.before", std::io::Error::other("a failpoint"));
                BodyFolder::sync(&file, &folder.path(message))?;
                failpoint!("store.body.sync.after");
            }
            chunk.clear();
            Ok((file, guard, chunk))
        };
        let done = tokio::task::spawn_blocking(work).await;
        let done = done.map_err(|_| StoreError::unavailable("a body's file could not be written"))?;
        let (file, guard, chunk) = done.map_err(|error| StoreError::io("a body's file could not be written", error))?;
        self.spool = Spool::Open(file, guard);
        self.chunk = chunk;
        Ok(())
    }

    fn staged(self, content: StagedContent) -> StagedBody {
        let Self { key, key_id, wrapped_key, size, .. } = self;
        StagedBody { inner: Staged { message: key.message(), size, key_id, wrapped_key, content } }
    }
}

#[async_trait]
impl BodyWriter for SealingWriter {
    async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            // Only now is it known that the chunk is not the last.
            if self.chunk.len() == CHUNK_BYTES {
                self.spill(false).await?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            self.size += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<StagedBody> {
        if let Spool::None = self.spool {
            let mut chunk = std::mem::take(&mut self.chunk);
            chunk.reserve_exact(TAG_BYTES);
            self.key.seal(self.index, true, &mut chunk)?;
            return Ok(self.staged(StagedContent::Memory(chunk)));
        }
        self.spill(true).await?;
        match std::mem::replace(&mut self.spool, Spool::Broken) {
            Spool::Open(_, guard) => Ok(self.staged(StagedContent::File(guard))),
            Spool::None | Spool::Broken => Err(StoreError::unavailable("a body's file could not be written")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_than_a_chunk_is_ever_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let bodies = BodyFolder::new(folder.path().join("bodies"));
        let master = MasterKey::from_bytes(&[1; 32]).unwrap();
        let message = MessageId::at(jiff::Timestamp::UNIX_EPOCH);
        let mut writer = SealingWriter::new(bodies.clone(), &master, message).unwrap();
        for piece in [5_000; 1_000] {
            writer.write(&vec![7; piece]).await.unwrap();
            // A buffer that doubles as it grows may end at twice what it holds.
            assert!(writer.chunk.capacity() <= 2 * CHUNK_BYTES, "{}", writer.chunk.capacity());
        }
        let staged = Box::new(writer).finish().await.unwrap();
        assert_eq!(staged.size(), 5_000_000);
        let file = std::fs::metadata(bodies.path(message)).unwrap();
        assert_eq!(Some(file.len()), super::super::chunk::sealed_size(5_000_000));
    }
}
