//! Free ports of the loopback, chosen once and kept bound until the operators take them.

use std::net::{Ipv4Addr, TcpListener};

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
        for _ in 0..TRIES {
            let port = FIRST + u16::from_le_bytes(secrets::bytes()?) % COUNT;
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                self.0.push(listener);
                return Ok(port);
            }
        }
        bail!("no free port found on 127.0.0.1 between {FIRST} and {}", FIRST + COUNT)
    }
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
}
