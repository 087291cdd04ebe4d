//! [`Lists`]: the revocation lists of a file, each under the authority whose key signed it.

use std::path::Path;
use std::time::SystemTime;

use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::authority::{Authority, Signature};
use crate::error::NetError;
use crate::pem;

/// The lists of the root, and those of each "organisations" authority in the order configured. Newest first,
/// because webpki takes the first that answers for a certificate.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) root: Vec<CertRevocationList<'static>>,
    pub(super) organisations: Vec<Vec<CertRevocationList<'static>>>,
}

impl Lists {
    /// Reads all lists of a file. Those of other authorities are passed over, so that the lists of a whole trust
    /// space may stand in one file; a list under one of our authorities' names that it has not signed is an error.
    pub(super) fn read(path: &Path, root: &Authority, organisations: &[Authority]) -> Result<Self, NetError> {
        let ders = pem::revocation_lists(path)?;
        let mut parsed = ders
            .iter()
            .map(|der| CertificateRevocationList::from_der(der).map(|(_, list)| list))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| NetError::file(path, format!("a revocation list cannot be read: {error}")))?;
        parsed.sort_by_key(|list| std::cmp::Reverse(list.last_update().timestamp()));

        let mut lists = Self { root: Vec::new(), organisations: organisations.iter().map(|_| Vec::new()).collect() };
        for list in &parsed {
            lists.place(path, list, root, organisations)?;
        }
        Ok(lists)
    }

    fn place(
        &mut self,
        path: &Path,
        list: &CertificateRevocationList<'_>,
        root: &Authority,
        organisations: &[Authority],
    ) -> Result<(), NetError> {
        let slots = std::iter::once(&mut self.root).chain(&mut self.organisations);
        let mut ours = std::iter::once(root)
            .chain(organisations)
            .zip(slots)
            .filter(|(authority, _)| authority.subject == list.issuer().as_raw())
            .peekable();
        if ours.peek().is_none() {
            tracing::debug!(issuer = %list.issuer(), "a revocation list of another authority is passed over");
            return Ok(());
        }
        let signature = Signature { algorithm: &list.signature_algorithm, value: &list.signature_value.data };
        let Some((_, slot)) = ours.find(|(authority, _)| authority.has_signed(list.tbs_cert_list.as_ref(), &signature))
        else {
            let what = format!("the revocation list of {} does not bear its signature", list.issuer());
            return Err(NetError::file(path, what));
        };
        let usable = OwnedCertRevocationList::from_der(list.as_raw()).map_err(|error| {
            NetError::file(path, format!("the revocation list of {} cannot be used: {error}", list.issuer()))
        })?;
        slot.push(usable.into());
        Ok(())
    }
}

/// What a file looks like from outside. Another content has another one, unless somebody writes it in place, with
/// the same length, within the same tick of the file system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Self, NetError> {
        let stamp = || {
            let file = std::fs::metadata(path)?;
            Ok(Self { modified: file.modified()?, length: file.len(), inode: inode(&file) })
        };
        stamp().map_err(|error| pem::cannot_read(path, &error))
    }
}

#[cfg(unix)]
fn inode(file: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
fn inode(_file: &std::fs::Metadata) -> u64 {
    0
}
