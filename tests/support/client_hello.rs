//! A TLS client's first message, made by hand: OpenSSL no longer has the old suites that a server must refuse.

use anyhow::{Context, Result, ensure};

use crate::wire::Wire;

/// What a server says to a client hello.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// It goes on, with this suite.
    Suite(u16),
    /// It refuses: 40 is `handshake_failure`, 70 `protocol_version` (RFC 8446 §6).
    Alert(u8),
    /// It closes without a word.
    Closed,
}

/// `0x0303` is TLS 1.2 (RFC 5246 appendix A.1), `0x0302` 1.1, `0x0301` 1.0, `0x0300` SSL 3.
pub fn ask(mut wire: Wire, version: u16, suites: &[u16]) -> Result<Answer> {
    wire.send(&hello(version, suites))?;
    let Ok(header) = wire.exactly(5) else { return Ok(Answer::Closed) };
    let [kind, _, _, high, low] = *<&[u8; 5]>::try_from(header.as_slice())?;
    let record = wire.exactly(usize::from(u16::from_be_bytes([high, low])))?;
    match kind {
        21 => Ok(Answer::Alert(*record.get(1).context("an alert cut short")?)),
        22 => {
            ensure!(record.first() == Some(&2), "not a server hello");
            // Kind and length, version, random; then the session id with its length, then the suite.
            let session = usize::from(*record.get(38).context("a server hello cut short")?);
            let suite = record.get(39 + session..41 + session).context("a server hello cut short")?;
            Ok(Answer::Suite(u16::from_be_bytes(suite.try_into()?)))
        }
        kind => anyhow::bail!("a record of type {kind}"),
    }
}

/// A whole record (RFC 5246 §7.4.1.2), with what any client of this century offers beside its suites.
fn hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let groups: &[u8] = &[0, 4, 0, 0x17, 0, 0x18];
    let signatures: &[u8] = &[0, 8, 4, 1, 5, 1, 6, 1, 2, 1];
    let extensions = [
        extension(10, groups),
        extension(11, &[1, 0]),
        extension(13, signatures),
        extension(0xff01, &[0]),
        extension(23, &[]),
    ]
    .concat();
    let body = [
        &version.to_be_bytes()[..],
        &[7; 32],
        &[0],
        &two_bytes(suites.len()),
        &suites,
        &[1, 0],
        &two_bytes(extensions.len()),
        &extensions,
    ]
    .concat();
    let handshake = [&[1, 0][..], &two_bytes(body.len()), &body].concat();
    [&[22, 3, u8::from(version != 0x0300)][..], &two_bytes(handshake.len()), &handshake].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &two_bytes(content.len()), content].concat()
}

fn two_bytes(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
