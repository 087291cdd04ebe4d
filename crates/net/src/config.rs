//! Settings of this crate.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Our own certificate: PEM files. RSA and ECDSA keys both work; the closed list of R-SMTP-7 needs an RSA one.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate, then its chain.
    pub certificate: PathBuf,
    /// Its key, PKCS#8.
    pub key: PathBuf,
}

/// `[pki]`: whom we believe.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PkiConfig {
    /// PEM file with the root, the anchor.
    pub anchor: PathBuf,
    /// PEM file with the "organisations" authority that every chain must go through (R-SMTP-5).
    pub organisations: PathBuf,
    /// PEM file with the revocation lists of both. Read again when it changes.
    pub crl: PathBuf,
}

/// Limits of one listener. All have defaults.
#[derive(Debug, Clone, Copy)]
pub struct LimitsConfig {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address.
    pub connections_per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { connections: 2_000, connections_per_address: 100, handshake: Duration::from_secs(15) }
    }
}
