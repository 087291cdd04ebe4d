//! The dialogue with clamd: one command a connection, in the form whose ends are NUL bytes (clamd(8)).

use std::pin::pin;

use bytes::Bytes;
use pli_policy::{ScanFacts, ScanFault};
use pli_store::{Queue, StagedBody, StoreError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::place::Wire;
use super::reply::{self, Version};

/// A piece of the message, shown at once: what the store seals in one piece is opened once.
const PIECE_BYTES: u64 = 64 * 1024;

/// The longest answer that is listened to, in bytes. Signatures have short names.
const REPLY_BYTES_MAX: usize = 1024;

/// The message, as it will be kept.
#[derive(Clone, Copy)]
pub(crate) enum Matter<'a> {
    /// In the store, not named yet.
    Staged(&'a dyn Queue, &'a StagedBody),
    /// In memory, for `explain`.
    Letter(&'a [u8]),
}

/// Why a message was not shown, or its answer not heard.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The scanner's.
    Scanner(ScanFault),
    /// Ours: the body could not be read.
    Store(StoreError),
}

impl Matter<'_> {
    /// Its length in bytes.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Staged(_, body) => body.size(),
            Self::Letter(bytes) => bytes.len() as u64,
        }
    }

    /// The piece that begins there; empty at the end.
    async fn piece(&self, offset: u64) -> Result<Bytes, StoreError> {
        match self {
            Self::Staged(store, body) => store.staged(body, offset, PIECE_BYTES).await,
            Self::Letter(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let piece = usize::try_from(PIECE_BYTES).ok().and_then(|piece| rest.get(..piece)).unwrap_or(rest);
                Ok(Bytes::copy_from_slice(piece))
            }
        }
    }
}

/// Shows a message and hears what was found.
pub(super) async fn scan(wire: Box<dyn Wire>, matter: Matter<'_>) -> Result<ScanFacts, Trouble> {
    let (input, mut output) = tokio::io::split(wire);
    // clamd answers before the end when the message is too large, and closes: whoever only writes misses that.
    let mut heard = pin!(hear(input));
    let shown = tokio::select! {
        biased;
        reply = &mut heard => {
            return reply.and_then(|reply| reply::scanned(&reply, false)).map_err(Trouble::Scanner);
        }
        shown = show(&mut output, matter) => shown,
    };
    let all_shown = match shown {
        Ok(()) => true,
        // It may have said why before it closed.
        Err(Trouble::Scanner(_)) => false,
        Err(trouble) => return Err(trouble),
    };
    let reply = heard.await.map_err(Trouble::Scanner)?;
    reply::scanned(&reply, all_shown).map_err(Trouble::Scanner)
}

/// Each piece behind its length; a length of nothing ends it.
async fn show(output: &mut (impl AsyncWrite + Unpin), matter: Matter<'_>) -> Result<(), Trouble> {
    let broke_off = |_| Trouble::Scanner(ScanFault::BrokeOff);
    output.write_all(b"zINSTREAM\0").await.map_err(broke_off)?;
    let mut offset = 0;
    loop {
        let piece = matter.piece(offset).await.map_err(Trouble::Store)?;
        // No piece is longer than a frame can be.
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        output.write_all(&length.to_be_bytes()).await.map_err(broke_off)?;
        if piece.is_empty() {
            break;
        }
        output.write_all(&piece).await.map_err(broke_off)?;
        offset += u64::from(length);
    }
    output.flush().await.map_err(broke_off)
}

/// Asks for the version, which also tells that somebody is there.
pub(super) async fn version(mut wire: Box<dyn Wire>) -> Result<Version, ScanFault> {
    wire.write_all(b"zVERSION\0").await.map_err(|_| ScanFault::BrokeOff)?;
    wire.flush().await.map_err(|_| ScanFault::BrokeOff)?;
    reply::version(&hear(wire).await?)
}

/// One answer, without its NUL, and nothing behind it.
async fn hear(mut input: impl AsyncRead + Unpin) -> Result<Vec<u8>, ScanFault> {
    let mut heard = Vec::with_capacity(REPLY_BYTES_MAX);
    loop {
        match input.read_buf(&mut heard).await {
            Ok(0) | Err(_) => return Err(ScanFault::BrokeOff),
            Ok(_) => {}
        }
        match heard.iter().position(|byte| *byte == 0) {
            Some(end) if end + 1 == heard.len() => {
                heard.truncate(end);
                return Ok(heard);
            }
            Some(_) => return Err(ScanFault::Unreadable),
            None if heard.len() >= REPLY_BYTES_MAX => return Err(ScanFault::Unreadable),
            None => {}
        }
    }
}
