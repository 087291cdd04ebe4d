//! Sockets made safe once: TLS, peer certificates, DNS, limits, shutdown. Knows nothing of mail.
//!
//! Only this crate imports rustls and hickory. A TLS handshake here proves that the peer holds the key of what
//! it presents, and nothing else; whether that certificate is *believed* is [`pki::Pki::judge`]'s, asked anew for
//! every transaction.
//!
//! Read [`listener`], then [`tls`], [`peer`] and [`pki`]: the way of a connection from its first byte to its name.

pub mod certificate;
pub mod config;
mod durable;
pub mod error;
pub mod http;
pub mod listener;
pub mod peer;
mod pem;
pub mod pki;
pub mod resolver;
pub mod shutdown;
pub mod tls;

pub use certificate::{CertificateDetails, certificate_details, certificates_in};
pub use config::{LimitsConfig, PkiConfig, TlsConfig};
pub use error::NetError;
pub use http::{FetchLimits, Fetched, HttpAnswer, HttpClient, HttpFault, HttpRequest, Validators};
pub use listener::{Accepted, Listener};
pub use pki::{Pki, RevocationStatus};
pub use resolver::{Resolver, Service};
pub use shutdown::Shutdown;
pub use tls::{Anchors, ClientTls, OwnCertificate, ServerTls, TlsFacts, TlsStream, TrustingTls};
