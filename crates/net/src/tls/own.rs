//! [`OwnCertificate`]: what we show, in either direction, and its renewal without a restart.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, SignatureScheme};

use crate::config::TlsConfig;
use crate::error::NetError;
use crate::pem;

/// Certificate, chain and key as read from their files; swapped as one.
pub(super) struct OwnCertificate {
    files: TlsConfig,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
}

impl OwnCertificate {
    pub(super) fn load(files: &TlsConfig, provider: Arc<CryptoProvider>) -> Result<Self, NetError> {
        let current = ArcSwap::from_pointee(read(files, &provider)?);
        Ok(Self { files: files.clone(), provider, current })
    }

    /// Reads the files again. What cannot be used leaves what is in force.
    pub(super) fn reload(&self) -> Result<(), NetError> {
        self.current.store(Arc::new(read(&self.files, &self.provider)?));
        Ok(())
    }
}

fn read(files: &TlsConfig, provider: &CryptoProvider) -> Result<CertifiedKey, NetError> {
    let chain = pem::certificates(&files.certificate)?;
    let key = pem::key(&files.key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
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
        f.debug_tuple("OwnCertificate").field(&self.files.certificate).finish()
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl ResolvesClientCert for OwnCertificate {
    /// Whatever the server hints at: we have one certificate, and refusing it is for the server to do.
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
