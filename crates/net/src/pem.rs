//! PEM files of ours, read with errors that name the file and what to do about it.

use std::io::ErrorKind;
use std::path::Path;

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::error::NetError;

/// The certificates of a file, in its order, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let found = CertificateDer::pem_slice_iter(&bytes(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| not_pem(path, &error))?;
    if found.is_empty() {
        return Err(NetError::file(path, "holds no certificate; a PEM file with CERTIFICATE blocks is expected"));
    }
    Ok(found)
}

/// The only key of a file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, NetError> {
    PrivateKeyDer::from_pem_slice(&bytes(path)?).map_err(|error| match error {
        PemError::NoItemsFound => {
            NetError::file(path, "holds no private key; a PEM file with a PRIVATE KEY block (PKCS#8) is expected")
        }
        error => not_pem(path, &error),
    })
}

/// The revocation lists of a file, in its order, at least one.
pub(crate) fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, NetError> {
    let found = CertificateRevocationListDer::pem_slice_iter(&bytes(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| not_pem(path, &error))?;
    if found.is_empty() {
        return Err(NetError::file(path, "holds no revocation list; a PEM file with X509 CRL blocks is expected"));
    }
    Ok(found)
}

fn bytes(path: &Path) -> Result<Vec<u8>, NetError> {
    std::fs::read(path).map_err(|error| cannot_read(path, &error))
}

/// What keeps a file from being read, in words.
pub(crate) fn cannot_read(path: &Path, error: &std::io::Error) -> NetError {
    let what = match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "this process may not read it".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    NetError::file(path, what)
}

fn not_pem(path: &Path, error: &PemError) -> NetError {
    NetError::file(path, format!("is not a whole PEM file: {error}"))
}
