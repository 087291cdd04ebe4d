//! [`Lists`]: the revocation lists of a file, each under the authority whose key signed it.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::oid_registry::OID_X509_EXT_ISSUER_DISTRIBUTION_POINT;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::authority::{Authority, Signature};
use crate::error::NetError;
use crate::pem;

/// The lists of the root, and those of each "organisations" authority in the order configured. Newest first,
/// because webpki takes the first that answers for a certificate.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) root: Vec<Arc<List>>,
    pub(super) organisations: Vec<Vec<Arc<List>>>,
}

/// A list that its authority has signed.
#[derive(Debug)]
pub(super) struct List {
    pub(super) usable: CertRevocationList<'static>,
    /// `thisUpdate`, in seconds since 1970. What tells the newer of two: an administrator who signs a list by hand
    /// may number it lower than his authority would have.
    this_update: i64,
    /// The issuing distribution point (RFC 5280 §5.2.5), in DER: lists of one authority with different ones answer
    /// for different certificates, and none replaces another.
    part: Option<Vec<u8>>,
    /// Two lists with one signature are the same list.
    signature: Vec<u8>,
}

impl Lists {
    /// None at all: nobody is believed.
    pub(super) fn none(organisations: &[Authority]) -> Self {
        Self { root: Vec::new(), organisations: organisations.iter().map(|_| Vec::new()).collect() }
    }

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

        let mut lists = Self::none(organisations);
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
        // Several, when the file holds two certificates of one key.
        let signers: Vec<_> = ours
            .filter(|(authority, _)| authority.has_signed(list.tbs_cert_list.as_ref(), &signature))
            .map(|(_, slot)| slot)
            .collect();
        if signers.is_empty() {
            let what = format!("the revocation list of {} does not bear its signature", list.issuer());
            return Err(NetError::file(path, what));
        }
        let list = Arc::new(List::new(path, list)?);
        for slot in signers {
            // The newest comes first: of one part, no other is ever asked.
            if slot.iter().all(|newer| newer.part != list.part) {
                slot.push(Arc::clone(&list));
            }
        }
        Ok(())
    }

    /// What is in force once `read` has come: of each authority and part the newer list, and the one in force
    /// where nothing came (R-SMTP-8 keeps it until it ends). Says also what is amiss with `read`.
    pub(super) fn succeeded_by(
        &self,
        read: Self,
        root: &Authority,
        organisations: &[Authority],
    ) -> (Self, Vec<String>) {
        let mut faults = Vec::new();
        let lists = Self {
            root: succession(&self.root, read.root, root, &mut faults),
            organisations: (self.organisations.iter().zip(read.organisations))
                .zip(organisations)
                .map(|((held, read), authority)| succession(held, read, authority, &mut faults))
                .collect(),
        };
        // Two certificates of one authority lack the same list.
        faults.dedup();
        (lists, faults)
    }

    /// Are these the same lists?
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let signatures = |lists: &Self| {
            let all = std::iter::once(&lists.root).chain(&lists.organisations);
            all.map(|lists| lists.iter().map(|list| list.signature.clone()).collect()).collect::<Vec<Vec<_>>>()
        };
        signatures(self) == signatures(other)
    }
}

fn succession(
    held: &[Arc<List>],
    mut lists: Vec<Arc<List>>,
    authority: &Authority,
    faults: &mut Vec<String>,
) -> Vec<Arc<List>> {
    let name = &authority.name;
    for held in held {
        match lists.iter_mut().find(|list| list.part == held.part) {
            Some(list) if list.this_update >= held.this_update => {}
            Some(list) => {
                faults.push(format!("the revocation list of {name} is older than the one in force, which stays"));
                *list = Arc::clone(held);
            }
            None => {
                let of_part = if held.part.is_some() { " for one of its distribution points" } else { "" };
                faults
                    .push(format!("holds no revocation list of {name}{of_part}; the one in force stays until it ends"));
                lists.push(Arc::clone(held));
            }
        }
    }
    if lists.is_empty() {
        faults.push(format!("holds no revocation list of {name}; until it does, its certificates are refused"));
    }
    // Of one instant, the list that answers for all certificates comes before those of parts.
    lists.sort_by(|a, b| b.this_update.cmp(&a.this_update).then_with(|| a.part.cmp(&b.part)));
    lists
}

impl List {
    fn new(path: &Path, list: &CertificateRevocationList<'_>) -> Result<Self, NetError> {
        let usable = OwnedCertRevocationList::from_der(list.as_raw()).map_err(|error| {
            NetError::file(path, format!("the revocation list of {} cannot be used: {error}", list.issuer()))
        })?;
        let part = list.extensions().iter().find(|extension| extension.oid == OID_X509_EXT_ISSUER_DISTRIBUTION_POINT);
        Ok(Self {
            usable: usable.into(),
            this_update: list.last_update().timestamp(),
            part: part.map(|extension| extension.value.to_vec()),
            signature: list.signature_value.data.to_vec(),
        })
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
