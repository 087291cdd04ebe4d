//! [`OwnCertificate`]: what we show, in either direction, and its renewal without a restart.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use pli_types::PresentedCertificate;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, SignatureScheme};

use super::provider::provider;
use crate::certificate::{CertificateDetails, certificate_details};
use crate::config::TlsConfig;
use crate::error::NetError;
use crate::{peer, pem};

/// Our certificate, chain and key: one handle for all listeners and for the way out. Cheap to clone; what one clone
/// reads again, all show.
#[derive(Clone)]
pub struct OwnCertificate {
    inner: Arc<Inner>,
}

struct Inner {
    files: TlsConfig,
    current: ArcSwap<CertifiedKey>,
}

impl OwnCertificate {
    /// Reads the files.
    pub fn load(files: &TlsConfig) -> Result<Self, NetError> {
        let current = ArcSwap::from_pointee(read(files)?);
        Ok(Self { inner: Arc::new(Inner { files: files.clone(), current }) })
    }

    /// Reads the files again, for the handshakes to come; connections that stand go on under what they began with.
    /// True if another certificate or chain came. Files that cannot be used, or do not fit each other, leave what is
    /// in force.
    pub fn reload(&self) -> Result<bool, NetError> {
        let fresh = read(&self.inner.files)?;
        let before = self.inner.current.swap(Arc::new(fresh));
        Ok(before.cert != self.inner.current.load().cert)
    }

    /// The certificate in force, in words.
    #[must_use]
    pub fn details(&self) -> Option<CertificateDetails> {
        self.inner.current.load().cert.first().and_then(|leaf| certificate_details(leaf))
    }

    /// The certificate in force, as the other side of a handshake gets it.
    #[must_use]
    pub fn presented(&self) -> Option<PresentedCertificate> {
        peer::presented(&self.inner.current.load().cert)
    }

    /// Certificate, chain and key in force.
    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        self.inner.current.load_full()
    }
}

fn read(files: &TlsConfig) -> Result<CertifiedKey, NetError> {
    let chain = pem::certificates(&files.certificate)?;
    let key = pem::key(&files.key)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => NetError::file(
            &files.key,
            format!("does not fit the first certificate of {}; that one must be our own", files.certificate.display()),
        ),
        Error::InvalidCertificate(error) => {
            NetError::file(&files.certificate, format!("the first certificate cannot be used: {error}"))
        }
        error => NetError::file(&files.key, format!("the key cannot be used; RSA or ECDSA is expected: {error}")),
    })
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnCertificate").field(&self.inner.files.certificate).finish()
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for OwnCertificate {
    /// Whatever the server hints at: we have one certificate, and refusing it is for the server to do.
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
