//! [`Pki`]: is a certificate believed? Chain through the "organisations" authority, dates, use, CRL.
//!
//! There is one road only: anchor → "organisations" → certificate (R-SMTP-5). What the other side sent along with
//! its certificate is therefore not looked at: it could add no road, only work for us.

mod authority;
mod memory;
mod revocation;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use pli_types::{CertificateFault, CertificateUse, PresentedCertificate};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
};

use self::authority::Authority;
use self::memory::Memory;
use self::revocation::{Lists, Stamp};
use crate::config::PkiConfig;
use crate::error::NetError;
use crate::peer;

/// Anchor, intermediate and revocation lists in force. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pki {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: Authority,
    anchor: TrustAnchor<'static>,
    /// Several when the authority has changed its key: each then has lists of its own.
    organisations: Vec<Authority>,
    crl: PathBuf,
    in_force: ArcSwap<InForce>,
    memory: Memory,
    /// Held while the file is read again.
    seen: Mutex<Seen>,
}

/// The file of revocation lists, when it was last read to its end.
#[derive(Debug, Default)]
struct Seen {
    /// What it looked like. `None` before.
    stamp: Option<Stamp>,
    /// What was amiss with it, although what was good in it came into force.
    fault: Option<String>,
}

#[derive(Debug)]
struct InForce {
    lists: Lists,
    generation: u64,
}

impl Pki {
    /// Reads the files. Anchor and "organisations" must be there, the latter signed by the former.
    ///
    /// Without revocation lists nobody is believed, but what needs none goes on: a fault of theirs does not stop the
    /// start, and is what [`Pki::refresh`] then says.
    pub fn load(config: &PkiConfig) -> Result<Self, NetError> {
        let root = authority::anchor(&config.anchor)?;
        let organisations = authority::signed_by(&root, &config.organisations)?;
        let anchor = webpki::anchor_from_trusted_cert(&root.certificate)
            .map_err(|error| NetError::file(&config.anchor, format!("cannot be an anchor: {error}")))?
            .to_owned();
        let lists = Lists::none(&organisations);
        let pki = Self {
            inner: Arc::new(Inner {
                root,
                anchor,
                organisations,
                crl: config.crl.clone(),
                in_force: ArcSwap::from_pointee(InForce { lists, generation: 0 }),
                memory: Memory::default(),
                seen: Mutex::default(),
            }),
        };
        // The next look says the same, to somebody who tells it.
        pki.refresh().ok();
        Ok(pki)
    }

    /// Reads the revocation lists again if their file has changed. True if other lists came into force.
    ///
    /// A file that cannot be read, or with a list whose signature does not hold, leaves all lists in force. Of a good
    /// one, each authority's list is taken unless its `thisUpdate` is earlier than that of the list in force; where
    /// that is so, or an authority's list is missing, the list in force stays until it ends (R-SMTP-8). All this is
    /// an error, at each call until the file is put right, also if other lists of the file came into force:
    /// [`Pki::generation`] tells that.
    ///
    /// Reads the disk, and for large lists computes for a while: not for a thread that serves connections.
    pub fn refresh(&self) -> Result<bool, NetError> {
        let inner = &*self.inner;
        let mut seen = inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken before reading: a change in between is then seen next time.
        let now = Stamp::of(&inner.crl)?;
        let mut changed = false;
        if seen.stamp != Some(now) {
            let read = Lists::read(&inner.crl, &inner.root, &inner.organisations)?;
            let in_force = inner.in_force.load();
            let (lists, faults) = in_force.lists.succeeded_by(read, &inner.root, &inner.organisations);
            changed = !lists.same_as(&in_force.lists);
            if changed {
                let generation = in_force.generation.wrapping_add(1);
                inner.in_force.store(Arc::new(InForce { lists, generation }));
            }
            *seen = Seen { stamp: Some(now), fault: (!faults.is_empty()).then(|| faults.join("; ")) };
        }
        match &seen.fault {
            None => Ok(changed),
            Some(fault) => Err(NetError::file(&inner.crl, fault)),
        }
    }

    /// Grows by one each time new revocation lists come into force: a judgement made under an earlier one is void.
    /// Ask before judging, not after.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.inner.in_force.load().generation
    }

    /// Is this certificate believed, or was it less than a second ago, under the revocation lists in force now?
    ///
    /// [`Pki::judge`] checks four signatures; a peer that sends a burst of messages is not worth that for each of them.
    pub fn judge_lately(
        &self,
        certificate: &PresentedCertificate,
        usage: CertificateUse,
        now: Timestamp,
    ) -> Result<(), CertificateFault> {
        // Read before judging: lists that come into force meanwhile void this verdict.
        let generation = self.generation();
        let judge = || self.judge(certificate, usage, now);
        self.inner.memory.verdict(&certificate.leaf, usage, generation, now, judge)
    }

    /// Is this certificate believed, in this use, at this instant?
    ///
    /// Of several faults the first of these is told: untrusted, not yet valid or expired, wrong use, revoked or
    /// revocation unknown. "Expired" thus means a certificate that was one of ours.
    pub fn judge(
        &self,
        certificate: &PresentedCertificate,
        usage: CertificateUse,
        now: Timestamp,
    ) -> Result<(), CertificateFault> {
        let in_force = self.inner.in_force.load();
        let der = CertificateDer::from(certificate.leaf.as_slice());
        let leaf = EndEntityCert::try_from(&der).map_err(|_| CertificateFault::Untrusted)?;
        let mut fault = CertificateFault::Untrusted;
        for (organisations, lists) in self.inner.organisations.iter().zip(&in_force.lists.organisations) {
            let road = Road {
                leaf: &leaf,
                organisations: std::slice::from_ref(&organisations.certificate),
                anchor: std::slice::from_ref(&self.inner.anchor),
            };
            let lists: Vec<&CertRevocationList<'_>> =
                in_force.lists.root.iter().chain(lists).map(|list| &list.usable).collect();
            match road.judge(certificate, usage, now, &lists) {
                Ok(()) if peer::may_sign(&der) => return Ok(()),
                Ok(()) => return Err(CertificateFault::WrongUse),
                Err(CertificateFault::Untrusted) => {}
                Err(told) => fault = told,
            }
        }
        Err(fault)
    }
}

/// The one way by which a certificate may come to be believed.
struct Road<'a> {
    leaf: &'a EndEntityCert<'a>,
    organisations: &'a [CertificateDer<'a>],
    anchor: &'a [TrustAnchor<'a>],
}

impl Road<'_> {
    fn judge(
        &self,
        certificate: &PresentedCertificate,
        usage: CertificateUse,
        now: Timestamp,
        lists: &[&CertRevocationList<'_>],
    ) -> Result<(), CertificateFault> {
        let key_usage = match usage {
            CertificateUse::Client => KeyUsage::client_auth(),
            CertificateUse::Server => KeyUsage::server_auth(),
        };
        let verdict = match revocation(lists) {
            Some(revocation) => self.holds(now, key_usage, Some(revocation)),
            None => Err(Error::UnknownRevocationStatus),
        };
        verdict.map_err(|error| self.explain(&error, certificate, now))
    }

    /// webpki stops at the first thing it dislikes, and looks at dates and use before signatures: a stranger's old
    /// certificate would be called expired. So a refusal is taken apart again, trust first.
    fn explain(&self, error: &Error, certificate: &PresentedCertificate, now: Timestamp) -> CertificateFault {
        let (first, last) = (certificate.not_before, certificate.not_after);
        if self.holds(now.max(first).min(last), AnyUse, None).is_err() {
            return CertificateFault::Untrusted;
        }
        if now < first {
            return CertificateFault::NotYetValid;
        }
        if now > last {
            return CertificateFault::Expired;
        }
        match error {
            Error::RequiredEkuNotFoundContext(_) => CertificateFault::WrongUse,
            Error::CertRevoked => CertificateFault::Revoked,
            // The road holds without the lists, so it is with them that something is wrong.
            _ => CertificateFault::RevocationUnknown,
        }
    }

    fn holds(
        &self,
        at: Timestamp,
        usage: impl ExtendedKeyUsageValidator,
        revocation: Option<RevocationOptions<'_>>,
    ) -> Result<(), Error> {
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        // The only intermediate there is to go through is "organisations". What the root signed itself goes
        // through none, and is not of the trust space.
        let through_organisations = |path: &webpki::VerifiedPath<'_>| match path.intermediate_certificates().next() {
            Some(_) => Ok(()),
            None => Err(Error::UnknownIssuer),
        };
        self.leaf
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                self.anchor,
                self.organisations,
                time,
                usage,
                revocation,
                Some(&through_organisations),
            )
            .map(|_| ())
    }
}

/// The whole chain is checked, and what no list in force answers for is refused (R-SMTP-8). `None` without lists.
fn revocation<'a>(lists: &'a [&'a CertRevocationList<'a>]) -> Option<RevocationOptions<'a>> {
    let builder = RevocationOptionsBuilder::new(lists).ok()?;
    Some(
        builder
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build(),
    )
}

/// To ask about trust alone.
struct AnyUse;

impl ExtendedKeyUsageValidator for AnyUse {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}
