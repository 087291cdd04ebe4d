//! Settings of this crate.

use std::path::PathBuf;
use std::time::Duration;

use pli_types::Span;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

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
    /// PEM file with revocation lists given by hand. Read again when it changes. Those that the certificates'
    /// distribution points serve are fetched in any case; of each authority, the newer list is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl: Option<PathBuf>,
    /// Fetched revocation lists are asked for again at least this often, and before their `nextUpdate`.
    #[serde(default = "PkiConfig::hourly", deserialize_with = "a_second_or_more")]
    pub crl_refresh: Span,
    /// Is a certificate for servers only (EKU serverAuth without clientAuth) taken from a listed peer that connects
    /// to us?
    #[serde(default)]
    pub server_auth_clients: bool,
}

impl PkiConfig {
    /// With anchor and "organisations", and the defaults for the rest: no file of revocation lists.
    #[must_use]
    pub fn new(anchor: impl Into<PathBuf>, organisations: impl Into<PathBuf>) -> Self {
        Self {
            anchor: anchor.into(),
            organisations: organisations.into(),
            crl: None,
            crl_refresh: Self::hourly(),
            server_auth_clients: false,
        }
    }

    /// The same, with revocation lists in a file.
    #[must_use]
    pub fn with_crl(self, path: impl Into<PathBuf>) -> Self {
        Self { crl: Some(path.into()), ..self }
    }

    const fn hourly() -> Span {
        Span::hours(1)
    }
}

/// An authority is not asked more than once a second.
fn a_second_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let span = Span::deserialize(deserializer)?;
    if span.get() < Duration::from_secs(1) {
        return Err(D::Error::custom(format!("`{span}` is too short; one second is the least")));
    }
    Ok(span)
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
