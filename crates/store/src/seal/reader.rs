//! [`SealedBody`]: reads a body that is kept or staged, whole or in part.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use bytes::Bytes;
use pli_types::MessageId;

use super::chunk::{BodyKey, CHUNK_BYTES, Span, TAG_BYTES, chunk_count, chunk_place, sealed_size};
use crate::{Result, StoreError};

/// A body as it lies there, sealed.
#[derive(Debug)]
pub(crate) struct SealedBody {
    pub(crate) key: BodyKey,
    pub(crate) size: u64,
    pub(crate) content: SealedContent,
}

/// Where it is.
#[derive(Debug)]
pub(crate) enum SealedContent {
    /// Its one sealed chunk, from the row, or from the memory of who staged it.
    Row(Vec<u8>),
    /// In this file.
    File(PathBuf),
}

impl SealedBody {
    /// At most `length` bytes from `offset`. Blocks if the body is in a file.
    pub(crate) fn read(self, offset: u64, length: u64) -> Result<Bytes> {
        match self.content {
            SealedContent::Row(ref chunk) if sealed_size(self.size) != u64::try_from(chunk.len()).ok() => {
                Err(StoreError::corrupt("messages", "size", &self.key.message()))
            }
            SealedContent::Row(chunk) => read_row(&self.key, chunk, Span::of(self.size, offset, length)),
            SealedContent::File(path) => {
                let message = self.key.message();
                let Some(span) = Span::of(self.size, offset, length) else { return Ok(Bytes::new()) };
                let file = File::open(path).map_err(|error| file_error(message, error))?;
                read_file(&self.key, file, self.size, span)
            }
        }
    }
}

fn read_row(key: &BodyKey, mut chunk: Vec<u8>, span: Option<Span>) -> Result<Bytes> {
    // Opened even if nothing of it is wanted: a broken body is to be found.
    let opened = key.open(0, true, &mut chunk).map(<[u8]>::len);
    let size = opened.ok_or_else(|| StoreError::corrupt("messages", "body", &key.message()))?;
    chunk.truncate(size);
    let body = Bytes::from(chunk);
    // `Span` lies within the body by construction.
    Ok(span.map(|span| body.slice(span.skip..span.skip + span.length)).unwrap_or_default())
}

fn read_file(key: &BodyKey, mut file: File, size: u64, span: Span) -> Result<Bytes> {
    let message = key.message();
    let failed = |error| file_error(message, error);
    // Before anything is allocated by what the row says.
    let there = file.metadata().map_err(failed)?.len();
    if sealed_size(size) != Some(there) {
        return Err(StoreError::corrupt("bodies", "length", &message));
    }
    let mut out = Vec::with_capacity(span.length);
    let mut chunk = Vec::with_capacity(CHUNK_BYTES + TAG_BYTES);
    let (place, _) = chunk_place(size, span.first);
    file.seek(SeekFrom::Start(place)).map_err(failed)?;
    for index in span.first..=span.last {
        let (_, sealed) = chunk_place(size, index);
        chunk.resize(sealed, 0);
        file.read_exact(&mut chunk).map_err(failed)?;
        let opened = key.open(index, index + 1 == chunk_count(size), &mut chunk);
        let opened = opened.ok_or_else(|| StoreError::corrupt("bodies", "chunk", &format!("{message}[{index}]")))?;
        let skip = if index == span.first { span.skip } else { 0 };
        let wanted = opened.get(skip..).unwrap_or_default();
        out.extend_from_slice(wanted.get(..span.length - out.len()).unwrap_or(wanted));
    }
    Ok(out.into())
}

/// A file that should be there and is not is a fault of the store; anything else may pass.
fn file_error(message: MessageId, error: std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof => StoreError::Corrupt {
            table: "bodies",
            column: "file",
            row: message.to_string(),
            source: Some(error.into()),
        },
        _ => StoreError::io("a body's file could not be read", error),
    }
}
