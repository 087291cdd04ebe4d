//! Free ports of the loopback, chosen once and kept bound until the operators take them.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::bail;

use crate::secrets;

/// Below the range that systems give to outgoing connections, so that none of those takes a port that a later
/// start wants back.
const FIRST: u16 = 10_240;
const COUNT: u16 = 22_000;
const TRIES: usize = 1_000;

/// Ports held so that nobody else is given them, until this is dropped.
#[derive(Debug, Default)]
pub struct Reserved(Vec<TcpListener>);

impl Reserved {
    /// Takes a free port of 127.0.0.1.
    pub fn take(&mut self) -> anyhow::Result<u16> {
        let turn = std::env::temp_dir().join("pli-sandbox-ports");
        for _ in 0..TRIES {
            // Whoever cannot see whose turn it is takes any.
            let number = dealt(&turn).map_or_else(|_| Ok(u16::from_le_bytes(secrets::bytes()?)), anyhow::Ok)?;
            let port = FIRST + number % COUNT;
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                self.0.push(listener);
                return Ok(port);
            }
        }
        bail!("no free port found on 127.0.0.1 between {FIRST} and {}", FIRST + COUNT)
    }
}

/// The next number. Sandboxes that start beside one another are dealt ports in turn, so that none gets one that another has
/// just let go for its operators.
fn dealt(turn: &Path) -> anyhow::Result<u16> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(turn)?;
    file.lock()?;
    let number = match last(&file)? {
        Some(last) => (last + 1) % COUNT,
        None => u16::from_le_bytes(secrets::bytes()?) % COUNT,
    };
    file.write_all_at(&number.to_le_bytes(), 0)?;
    Ok(number)
}

/// The number that was dealt last; none if nothing was.
fn last(file: &File) -> std::io::Result<Option<u16>> {
    let mut bytes = [0; 2];
    let read = file.read_at(&mut bytes, 0)?;
    Ok((read == bytes.len()).then(|| u16::from_le_bytes(bytes) % COUNT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_is_given_to_nobody_else_until_it_is_let_go() {
        let mut reserved = Reserved::default();
        let port = reserved.take().unwrap();
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err());
        drop(reserved);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }

    #[test]
    fn numbers_are_dealt_in_turn_and_begin_again_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let turn = folder.path().join("turn");
        std::fs::write(&turn, (COUNT - 2).to_le_bytes()).unwrap();
        let numbers: Vec<u16> = (0..3).map(|_| dealt(&turn).unwrap()).collect();
        assert_eq!(numbers, [COUNT - 1, 0, 1]);
        let missing = folder.path().join("nowhere/turn");
        assert!(dealt(&missing).is_err(), "then any is taken");
    }
}
