//! The certificate that an admin names by its file: judged as a node would, before its subject is taken.

use std::path::Path;

use pli_net::certificates_in;
use pli_types::CertificateUse;
use rustls_pki_types::CertificateDer;

use crate::cli::{Globals, looking, runtime};
use crate::exit::Failure;
use crate::words::{Said, certificate_fault};

/// What it must be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Roles {
    /// It brings mail.
    Client,
    /// It takes mail as well.
    ClientAndServer,
}

/// The subject of the first certificate in the file, if it would be believed now in these roles. A revocation list that
/// is not at hand is fetched, and forgotten.
pub(super) fn name_of(globals: &Globals, file: &Path, roles: Roles) -> Result<String, Failure> {
    if let Err(error) = std::fs::metadata(file) {
        return Err(Failure::file(file, &error));
    }
    let ders = certificates_in(file)?;
    let chain: Vec<_> = ders.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let unreadable = || Failure::defect(format!("{}: a certificate that was read has gone", file.display()));
    let certificate = pli_net::peer::presented(&chain).ok_or_else(unreadable)?;
    let (pki, now) = (looking::pki(&globals.settings()?)?, crate::clock::clock().now());
    runtime::one_thread()?.block_on(pki.prepare(&certificate, now));
    let usages: &[CertificateUse] = match roles {
        Roles::Client => &[CertificateUse::Client],
        Roles::ClientAndServer => &[CertificateUse::Client, CertificateUse::Server],
    };
    for usage in usages {
        if let Err(fault) = pki.judge(&certificate, *usage, now) {
            let said = Said::new("about", &[("subject", &file.display())]).with("fault", certificate_fault(fault));
            return Err(Failure::refused(fault.into(), said));
        }
    }
    Ok(certificate.subject.to_string())
}
