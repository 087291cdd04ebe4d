//! [`Lists`]: revocation lists, each under the authority whose key signed it.

use std::sync::Arc;

use jiff::Timestamp;
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::oid_registry::OID_X509_EXT_ISSUER_DISTRIBUTION_POINT;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::authority::{Authorities, Authority, Signature};
use crate::peer;

/// The lists of each authority, in the order of [`Authorities::all`]. Of one authority the newest first, because webpki
/// takes the first that answers for a certificate.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    of: Vec<Vec<Arc<List>>>,
}

/// A list that its authority has signed.
#[derive(Debug)]
pub(super) struct List {
    pub(super) usable: CertRevocationList<'static>,
    /// `thisUpdate`. What tells the newer of two: an administrator who signs a list by hand may number it lower than
    /// his authority would have.
    pub(super) this_update: Timestamp,
    /// `nextUpdate`: from then on the list says nothing any more.
    pub(super) next_update: Timestamp,
    /// How many certificates stand on it.
    pub(super) entries: usize,
    /// The issuing distribution point (RFC 5280 §5.2.5), in DER: lists of one authority with different ones answer
    /// for different certificates, and none replaces another.
    pub(super) part: Option<Vec<u8>>,
    /// Two lists with one signature are the same list.
    signature: Vec<u8>,
}

/// Why a list is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ListFault {
    #[error("a revocation list cannot be read: {0}")]
    Unreadable(String),
    /// It stays out without harm: the lists of a whole trust space may stand in one file.
    #[error("the revocation list of {0} is of another authority")]
    OtherAuthority(String),
    #[error("the revocation list of {0} does not bear its signature")]
    Forged(String),
    #[error("the revocation list of {0} cannot be used: {1}")]
    Unusable(String, String),
}

/// A list, and the places of the authorities that have signed it: several when there are two certificates of one key.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) list: Arc<List>,
    signers: Vec<usize>,
}

impl Signed {
    /// Reads a list in DER, and looks whose it is. Hostile bytes: whatever they are, there is an answer.
    pub(super) fn read(der: &[u8], authorities: &Authorities) -> Result<Self, ListFault> {
        let (rest, parsed) =
            CertificateRevocationList::from_der(der).map_err(|error| ListFault::Unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(ListFault::Unreadable(format!("{} bytes follow it", rest.len())));
        }
        let name = || peer::name_in_words(parsed.issuer());
        let of_name = |authority: &&Authority| authority.subject == parsed.issuer().as_raw();
        if !authorities.all().any(|authority| of_name(&authority)) {
            return Err(ListFault::OtherAuthority(name()));
        }
        let signature = Signature { algorithm: &parsed.signature_algorithm, value: &parsed.signature_value.data };
        let has_signed = |authority: &Authority| authority.has_signed(parsed.tbs_cert_list.as_ref(), &signature);
        let places = authorities.all().enumerate().filter(|(_, authority)| of_name(authority) && has_signed(authority));
        let signers: Vec<usize> = places.map(|(place, _)| place).collect();
        if signers.is_empty() {
            return Err(ListFault::Forged(name()));
        }
        let list = List::new(&parsed).map_err(|what| ListFault::Unusable(name(), what))?;
        Ok(Self { list: Arc::new(list), signers })
    }

    /// Is it signed by the authority of this name?
    pub(super) fn is_of(&self, name: &str, authorities: &Authorities) -> bool {
        self.signers_in(authorities).any(|authority| authority.name == name)
    }

    /// The name of the authority that has signed it.
    pub(super) fn issuer(&self, authorities: &Authorities) -> String {
        self.signers_in(authorities).next().map(|authority| authority.name.clone()).unwrap_or_default()
    }

    fn signers_in<'a>(&self, authorities: &'a Authorities) -> impl Iterator<Item = &'a Authority> {
        let all = authorities.all().enumerate();
        all.filter(|(place, _)| self.signers.contains(place)).map(|(_, authority)| authority)
    }
}

impl Lists {
    /// None at all: nobody is believed.
    pub(super) fn none(authorities: &Authorities) -> Self {
        Self { of: authorities.all().map(|_| Vec::new()).collect() }
    }

    /// Of each authority and part the newest; of one instant, the first given.
    pub(super) fn of<'a>(all: impl Iterator<Item = &'a Signed>, authorities: &Authorities) -> Self {
        let mut lists = Self::none(authorities);
        for signed in all {
            for (_, slot) in lists.of.iter_mut().enumerate().filter(|(place, _)| signed.signers.contains(place)) {
                slot.push(Arc::clone(&signed.list));
            }
        }
        lists.of.iter_mut().for_each(keep_newest);
        lists
    }

    /// Both together: of each authority and part the newer; of one instant, that of `self`.
    pub(super) fn merged(&self, other: &Self) -> Self {
        let mut lists = self.clone();
        for (slot, others) in lists.of.iter_mut().zip(&other.of) {
            slot.extend(others.iter().cloned());
            keep_newest(slot);
        }
        lists
    }

    /// The root's lists, and those of each "organisations" authority.
    pub(super) fn split(&self) -> (&[Arc<List>], &[Vec<Arc<List>>]) {
        self.of.split_first().map_or((&[], &[]), |(root, organisations)| (root, organisations))
    }

    /// Each authority's.
    pub(super) fn each(&self) -> impl Iterator<Item = &[Arc<List>]> {
        self.of.iter().map(Vec::as_slice)
    }

    /// Is this very list among them?
    pub(super) fn hold(&self, list: &List) -> bool {
        self.of.iter().flatten().any(|held| held.signature == list.signature)
    }

    /// What is in force once `read` has come: of each authority and part the newer list, and the one in force
    /// where nothing came (R-SMTP-8 keeps it until it ends). Says also what is amiss with `read`.
    pub(super) fn succeeded_by(&self, read: Self, authorities: &Authorities) -> (Self, Vec<Amiss>) {
        let mut amiss = Vec::new();
        let places = self.of.iter().zip(read.of).zip(authorities.all()).enumerate();
        let of = places.map(|(place, ((held, read), authority))| {
            succession(held, read, |what, lacking| {
                let what = what.replace("{}", &authority.name);
                // Two certificates of one authority lack the same list.
                if amiss.iter().all(|known: &Amiss| known.what != what) {
                    amiss.push(Amiss { what, lacking: lacking.then_some(place) });
                }
            })
        });
        let lists = Self { of: of.collect() };
        (lists, amiss)
    }

    /// Are these the same lists?
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let signatures = |lists: &Self| {
            lists.each().map(|lists| lists.iter().map(|list| list.signature.clone()).collect()).collect::<Vec<Vec<_>>>()
        };
        signatures(self) == signatures(other)
    }
}

/// What is amiss with a file of lists, although what is good in it comes into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amiss {
    pub(super) what: String,
    /// The place of an authority of which the file holds no list: no fault if one is fetched.
    pub(super) lacking: Option<usize>,
}

impl Amiss {
    /// Does it matter beside these lists from elsewhere?
    pub(super) fn matters_beside(&self, fetched: &Lists) -> bool {
        let elsewhere = self.lacking.and_then(|place| fetched.of.get(place));
        elsewhere.is_none_or(Vec::is_empty)
    }
}

/// `amiss` is told what, with `{}` for the authority's name, and whether a list is lacking.
fn succession(held: &[Arc<List>], mut lists: Vec<Arc<List>>, mut amiss: impl FnMut(&str, bool)) -> Vec<Arc<List>> {
    for held in held {
        match lists.iter_mut().find(|list| list.part == held.part) {
            Some(list) if list.this_update >= held.this_update => {}
            Some(list) => {
                amiss("the revocation list of {} is older than the one in force, which stays", false);
                *list = Arc::clone(held);
            }
            None => {
                let what = match held.part {
                    None => "holds no revocation list of {}; the one in force stays until it ends",
                    Some(_) => {
                        "holds no revocation list of {} for one of its distribution points; the one in force stays \
                         until it ends"
                    }
                };
                amiss(what, true);
                lists.push(Arc::clone(held));
            }
        }
    }
    if lists.is_empty() {
        amiss("holds no revocation list of {}; until it does, its certificates are refused", true);
    }
    keep_newest(&mut lists);
    lists
}

/// Newest first, of each part one: of one part, no other is ever asked. Of one instant, the list that answers for all
/// certificates comes before those of parts.
fn keep_newest(lists: &mut Vec<Arc<List>>) {
    lists.sort_by(|a, b| b.this_update.cmp(&a.this_update).then_with(|| a.part.cmp(&b.part)));
    let mut parts: Vec<Option<Vec<u8>>> = Vec::new();
    lists.retain(|list| {
        let first = !parts.contains(&list.part);
        parts.push(list.part.clone());
        first
    });
}

impl List {
    fn new(list: &CertificateRevocationList<'_>) -> Result<Self, String> {
        let usable = OwnedCertRevocationList::from_der(list.as_raw()).map_err(|error| error.to_string())?;
        let next_update = list.next_update().ok_or("it does not say when the next one comes (nextUpdate)")?;
        let part = list.extensions().iter().find(|extension| extension.oid == OID_X509_EXT_ISSUER_DISTRIBUTION_POINT);
        Ok(Self {
            usable: usable.into(),
            this_update: peer::instant(list.last_update().timestamp()),
            next_update: peer::instant(next_update.timestamp()),
            entries: list.iter_revoked_certificates().count(),
            part: part.map(|extension| extension.value.to_vec()),
            signature: list.signature_value.data.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod,
        KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
    };

    use super::*;
    use crate::certificate::certificate_details;

    /// A certificate and a list, both good, to be damaged.
    fn good() -> [Vec<u8>; 2] {
        let mut params = CertificateParams::new(["crl.example".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let uris = vec!["http://crl.example/1.crl".to_owned()];
        params.crl_distribution_points = vec![rcgen::CrlDistributionPoint { uris: uris.clone() }];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(5),
            revocation_time: date_time_ymd(2030, 6, 1),
            reason_code: Some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2030, 6, 14),
            next_update: date_time_ymd(2030, 6, 21),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: Some(rcgen::CrlIssuingDistributionPoint {
                distribution_point: rcgen::CrlDistributionPoint { uris },
                scope: None,
            }),
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        [issuer.der().to_vec(), list.signed_by(&issuer).unwrap().der().to_vec()]
    }

    /// All that reads hostile DER here, also what comes only after a signature that held.
    fn read_all(der: &[u8]) {
        if let Some(details) = certificate_details(der) {
            assert!(!details.fingerprint.is_empty());
        }
        if let Ok((_, list)) = CertificateRevocationList::from_der(der) {
            List::new(&list).ok();
        }
        OwnedCertRevocationList::from_der(der).ok();
    }

    #[test]
    fn no_damage_of_a_list_or_a_certificate_is_a_panic() {
        let good = good();
        proptest!(ProptestConfig::with_cases(4_000), |(
            which in 0..good.len(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in prop::option::of(any::<prop::sample::Index>()),
        )| {
            let mut der = good[which].clone();
            for (place, byte) in changes {
                let place = place.index(der.len());
                der[place] = byte;
            }
            if let Some(cut) = cut {
                der.truncate(cut.index(der.len()));
            }
            read_all(&der);
        });
    }

    #[test]
    fn each_length_of_a_list_set_to_each_value_is_no_panic() {
        for der in good() {
            for place in 0..der.len() {
                for byte in [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xff] {
                    let mut der = der.clone();
                    der[place] = byte;
                    read_all(&der);
                }
            }
        }
    }
}
