//! [`Source`]: the bytes of one kept message, as few as are asked for.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use pli_store::{Entry, Store};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer::Fault;
use crate::message::budget::HEADER_BYTES_MAX;
use crate::message::field::header_length;
use crate::message::structure::{self, Part};
use crate::wire::{Wire, WireError};

/// What is read first: headers are nearly always within.
const HEAD_BYTES: u64 = 64 * 1024;

/// How much of a body is in memory while it is sent.
const CHUNK_BYTES: usize = 256 * 1024;

/// Messages that are whole in memory at once, all sessions together: to find their structure, or to search them.
const WHOLE_AT_ONCE: usize = 16;

static WHOLE: Semaphore = Semaphore::const_new(WHOLE_AT_ONCE);

/// A whole message. Few of them are in memory at once.
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    _permit: Option<SemaphorePermit<'static>>,
}

/// A message being read.
pub(crate) struct Source<'a> {
    store: &'a dyn Store,
    entry: &'a Entry,
    /// The message's beginning, as far as it was read.
    head: Bytes,
    header_length: Option<usize>,
    structure: Option<Arc<Part>>,
}

fn length(range: &Range<usize>) -> u64 {
    u64::try_from(range.len()).unwrap_or(u64::MAX)
}

impl<'a> Source<'a> {
    /// Nothing is read yet.
    pub(crate) fn new(store: &'a dyn Store, entry: &'a Entry) -> Self {
        Self { store, entry, head: Bytes::new(), header_length: None, structure: None }
    }

    /// With a structure found before.
    pub(crate) fn with_structure(mut self, structure: Option<Arc<Part>>) -> Self {
        self.structure = structure;
        self
    }

    pub(crate) fn size(&self) -> usize {
        usize::try_from(self.entry.size).unwrap_or(usize::MAX)
    }

    /// Reads the beginning, so that a message that is gone is found out before anything is said of it.
    pub(crate) async fn open(&mut self) -> Result<(), Fault> {
        self.read_head(HEAD_BYTES).await
    }

    async fn read_head(&mut self, bytes: u64) -> Result<(), Fault> {
        let bytes = bytes.min(self.entry.size);
        if u64::try_from(self.head.len()).unwrap_or(u64::MAX) < bytes {
            self.head = self.store.body_range(self.entry.message, 0, bytes).await?;
        }
        Ok(())
    }

    /// Where the header ends, its blank line included.
    pub(crate) async fn header_length(&mut self) -> Result<usize, Fault> {
        if let Some(length) = self.header_length {
            return Ok(length);
        }
        let mut bytes = HEAD_BYTES;
        let length = loop {
            self.read_head(bytes).await?;
            if let Some(length) = header_length(&self.head) {
                break length;
            }
            if bytes >= self.entry.size {
                break self.head.len();
            }
            bytes = bytes.saturating_mul(4);
        };
        self.header_length = Some(length);
        Ok(length)
    }

    /// As much of the header as is read for what it says, and a byte more if there is more.
    pub(crate) async fn beginning(&mut self) -> Result<Bytes, Fault> {
        self.read_head(HEAD_BYTES).await?;
        let mut length = header_length(&self.head);
        if length.is_none() {
            self.read_head(HEADER_BYTES_MAX as u64 + 1).await?;
            length = header_length(&self.head);
        }
        Ok(self.head.slice(..length.unwrap_or(self.head.len())))
    }

    /// The header, its blank line included.
    pub(crate) async fn header(&mut self) -> Result<Bytes, Fault> {
        let length = self.header_length().await?;
        Ok(self.head.slice(..length.min(self.head.len())))
    }

    /// The whole message.
    pub(crate) async fn whole(&self) -> Result<Whole, Fault> {
        // The semaphore is never closed, so that there is always a permit in the end.
        let permit = WHOLE.acquire().await.ok();
        let all_read = self.head.len() >= self.size();
        let bytes = if all_read { self.head.clone() } else { self.store.body(self.entry.message).await? };
        Ok(Whole { bytes, _permit: permit })
    }

    /// The MIME structure.
    pub(crate) async fn structure(&mut self) -> Result<Arc<Part>, Fault> {
        if let Some(structure) = &self.structure {
            return Ok(Arc::clone(structure));
        }
        let structure = Arc::new(structure::walk(&self.whole().await?.bytes));
        self.structure = Some(Arc::clone(&structure));
        Ok(structure)
    }

    /// The structure, if it was asked for.
    pub(crate) fn known_structure(&self) -> Option<Arc<Part>> {
        self.structure.clone()
    }

    /// Some bytes, which must be few: a header.
    pub(crate) async fn bytes(&mut self, range: Range<usize>) -> Result<Bytes, Fault> {
        if range.end <= self.head.len() {
            return Ok(self.head.slice(range));
        }
        let offset = u64::try_from(range.start).unwrap_or(u64::MAX);
        Ok(self.store.body_range(self.entry.message, offset, length(&range)).await?)
    }

    /// Sends bytes as a literal, a chunk at a time.
    pub(crate) async fn send(&mut self, wire: &mut Wire<'_>, range: Range<usize>) -> Result<(), Fault> {
        wire.say(&format!("{{{}}}\r\n", range.len()));
        let mut at = range.start;
        while at < range.end {
            let piece = self.piece(at..range.end).await?;
            if piece.is_empty() {
                // Its length was announced: the client can only be told by hanging up.
                return Err(WireError::Broken("A message is shorter than its record says").into());
            }
            at += piece.len();
            crate::format::literal_bytes(wire.out(), &piece);
            wire.relieve().await?;
        }
        Ok(())
    }

    /// The next bytes of a range: what is in memory, or else a chunk from the store.
    async fn piece(&self, range: Range<usize>) -> Result<Bytes, Fault> {
        if range.start < self.head.len() {
            let end = range.end.min(self.head.len()).min(range.start.saturating_add(CHUNK_BYTES));
            return Ok(self.head.slice(range.start..end));
        }
        let offset = u64::try_from(range.start).unwrap_or(u64::MAX);
        let read = self.store.body_range(self.entry.message, offset, length(&(0..range.len().min(CHUNK_BYTES)))).await;
        // The literal has begun: no answer can be given any more.
        read.map_err(|error| {
            tracing::error!(id = %self.entry.message, %error, "a message could not be read to its end");
            WireError::Broken("A message could not be read to its end").into()
        })
    }
}
