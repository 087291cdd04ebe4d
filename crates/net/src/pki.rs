//! [`Pki`]: is a certificate believed? Chain through the "organisations" authority, dates, use, CRL.
//!
//! There is one road only: anchor → "organisations" → certificate (R-SMTP-5). What the other side sent along with
//! its certificate is therefore not looked at: it could add no road, only work for us.
//!
//! Revocation lists come from a file and from the certificates' own distribution points; of each authority the newer
//! is in force. [`Pki::refresh`] looks at the file, [`Pki::keep_fresh`] and [`Pki::prepare`] fetch.

mod authority;
mod cache;
mod fetch;
mod file;
mod memory;
mod point;
mod points;
mod revocation;
mod road;
mod schedule;
mod status;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use pli_types::{CertificateFault, CertificateUse, Clock, PresentedCertificate};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::{CertRevocationList, EndEntityCert};

use self::authority::{Authorities, Authority};
use self::cache::Cache;
use self::file::Stamp;
use self::memory::Memory;
use self::point::Point;
use self::points::Points;
use self::revocation::{Amiss, Lists, Signed};
use self::road::{Road, Role};
pub use self::status::RevocationStatus;
use crate::config::PkiConfig;
use crate::error::NetError;
use crate::http::HttpClient;
use crate::peer;
use crate::shutdown::Shutdown;

/// The largest revocation list that is taken from a server or read back from our own cache.
const LIST_BYTES_MAX: u64 = 20 << 20;
/// How often it is looked which lists are due: the clock may be set meanwhile, and points may be learnt.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Anchor, intermediate and revocation lists in force. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pki {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    authorities: Authorities,
    anchor: TrustAnchor<'static>,
    crl: Option<PathBuf>,
    in_force: ArcSwap<InForce>,
    memory: Memory,
    /// Held while other lists are put in force.
    sources: Mutex<Sources>,
    points: Points,
    http: HttpClient,
}

/// What each source of lists has given.
#[derive(Debug)]
struct Sources {
    file: Lists,
    /// What the file looked like when it was last read to its end. `None` before.
    stamp: Option<Stamp>,
    /// What was amiss with it, although what was good in it came into force.
    amiss: Vec<Amiss>,
    fetched: Lists,
}

#[derive(Debug)]
struct InForce {
    lists: Lists,
    /// Those of the file, in force or not.
    file: Lists,
    generation: u64,
}

impl Pki {
    /// Reads the files. Anchor and "organisations" must be there, the latter signed by the former. `state` is the
    /// folder for what must survive a restart: revocation lists that were fetched, and where they came from.
    ///
    /// Without revocation lists nobody is believed, but what needs none goes on: a fault of theirs does not stop the
    /// start, and is what [`Pki::refresh`] then says.
    pub fn load(config: &PkiConfig, state: &Path) -> Result<Self, NetError> {
        Self::with(config, Cache::new(state.join("crl")))
    }

    /// The same for a command beside a running node: what the node has kept is read, and nothing is written. A list that
    /// is fetched is forgotten at the end.
    pub fn look(config: &PkiConfig, state: &Path) -> Result<Self, NetError> {
        Self::with(config, Cache::beside(state.join("crl")))
    }

    fn with(config: &PkiConfig, cache: Cache) -> Result<Self, NetError> {
        let authorities = Authorities::load(config)?;
        let anchor = webpki::anchor_from_trusted_cert(&authorities.root.certificate)
            .map_err(|error| NetError::file(&config.anchor, format!("cannot be an anchor: {error}")))?
            .to_owned();
        let every = SignedDuration::try_from(config.crl_refresh.get()).unwrap_or(SignedDuration::MAX);
        let points = Points::load(cache, &authorities, every);
        let none = Lists::none(&authorities);
        let sources = Sources { file: none.clone(), stamp: None, amiss: Vec::new(), fetched: none.clone() };
        let inner = Inner {
            authorities,
            anchor,
            crl: config.crl.clone(),
            in_force: ArcSwap::from_pointee(InForce { lists: none.clone(), file: none, generation: 0 }),
            memory: Memory::default(),
            sources: Mutex::new(sources),
            points,
            http: HttpClient::plain()?,
        };
        inner.learn_from_configuration();
        inner.put_fetched_in_force();
        let pki = Self { inner: Arc::new(inner) };
        // The next look says the same, to somebody who tells it.
        pki.refresh().ok();
        Ok(pki)
    }

    /// Reads the file of revocation lists again if it has changed. True if other lists came into force. `Ok(false)`
    /// without such a file.
    ///
    /// A file that cannot be read, or with a list whose signature does not hold, leaves all lists in force. Of a good
    /// one, each authority's list is taken unless its `thisUpdate` is earlier than that of the list in force; where
    /// that is so, or an authority's list is missing and none is fetched, the list in force stays until it ends
    /// (R-SMTP-8). All this is an error, at each call until the file is put right, also if other lists of the file
    /// came into force: [`Pki::generation`] tells that.
    ///
    /// Reads the disk, and for large lists computes for a while: not for a thread that serves connections.
    pub fn refresh(&self) -> Result<bool, NetError> {
        let inner = &*self.inner;
        let Some(path) = &inner.crl else { return Ok(false) };
        let mut sources = inner.sources();
        // Taken before reading: a change in between is then seen next time.
        let now = Stamp::of(path)?;
        let mut changed = false;
        if sources.stamp != Some(now) {
            let read = file::read(path, &inner.authorities)?;
            let (lists, amiss) = sources.file.succeeded_by(read, &inner.authorities);
            (sources.file, sources.amiss, sources.stamp) = (lists, amiss, Some(now));
            changed = inner.put_in_force(&sources);
        }
        let faults = sources.amiss.iter().filter(|amiss| amiss.matters_beside(&sources.fetched));
        let faults: Vec<&str> = faults.map(|amiss| amiss.what.as_str()).collect();
        if faults.is_empty() { Ok(changed) } else { Err(NetError::file(path, faults.join("; "))) }
    }

    /// Fetches the revocation list that answers for this certificate, if the certificate's signatures lead to our
    /// anchor and its distribution point has never been asked; returns at once in every other case, and after ten
    /// seconds at most. To be called before a certificate that is new here is judged: a new operator's first message
    /// need not be put off.
    ///
    /// Only addresses that stand in certificates of our own authorities are ever fetched.
    pub async fn prepare(&self, certificate: &PresentedCertificate, now: Timestamp) {
        if let Some(point) = self.inner.learn(certificate, now) {
            self.inner.ask_first(&point, now).await;
        }
    }

    /// Learns the distribution point that this certificate names, if its signatures lead to our anchor:
    /// [`Pki::keep_fresh`] asks it within a second. For our own certificate, which nobody presents to us.
    pub fn learn(&self, certificate: &PresentedCertificate, now: Timestamp) {
        self.inner.learn(certificate, now);
    }

    /// Fetches revocation lists when they are due, until shutdown begins.
    ///
    /// They are due before they end, and at least as often as configured; after a failure, later and later. Points are
    /// learnt from the authorities' own certificates and from each that comes to be judged and leads to our anchor;
    /// they are known again after a restart.
    pub async fn keep_fresh(self, clock: Arc<dyn Clock>, shutdown: Shutdown) {
        let fetching = async {
            loop {
                self.fetch_due(clock.now()).await;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = shutdown.begun() => {}
            () = fetching => {}
        }
    }

    /// Fetches the revocation lists that are due at this instant. What [`Pki::keep_fresh`] does each second.
    pub async fn fetch_due(&self, now: Timestamp) {
        self.inner.ask_due(now).await;
    }

    /// Each revocation list that is held, and each distribution point that has given none yet.
    #[must_use]
    pub fn revocation_lists(&self) -> Vec<RevocationStatus> {
        let inner = &*self.inner;
        let in_force = inner.in_force.load();
        let mut found = Vec::new();
        if let Some(path) = &inner.crl {
            for (lists, authority) in in_force.file.each().zip(inner.authorities.all()) {
                found.extend(lists.iter().map(|list| RevocationStatus {
                    authority: authority.name.clone(),
                    source: path.display().to_string(),
                    validity: Some((list.this_update, list.next_update)),
                    entries: list.entries,
                    in_force: in_force.lists.hold(list),
                    last_try: None,
                }));
            }
        }
        found.extend(inner.points.status(&in_force.lists));
        found
    }

    /// The authority of ours whose key signed this revocation list (DER), or why it is nobody's. What each list goes
    /// through first, wherever it comes from.
    pub fn signer_of_list(&self, der: &[u8]) -> Result<String, String> {
        let authorities = &self.inner.authorities;
        Signed::read(der, authorities).map(|signed| signed.issuer(authorities)).map_err(|fault| fault.to_string())
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
        self.inner.judge(certificate, usage.into(), now)
    }

    /// Is this certificate (DER) believed as the signer of a document, at this instant? The same road and the same
    /// revocation lists as for a peer; its key must be meant for signatures (`digitalSignature` or `nonRepudiation`),
    /// whatever its extended key usage. Whose it must be is for the caller to say.
    pub fn judge_signer(&self, der: &[u8], now: Timestamp) -> Result<PresentedCertificate, CertificateFault> {
        let certificate = peer::presented(&[CertificateDer::from(der)]).ok_or(CertificateFault::Untrusted)?;
        self.inner.judge(&certificate, Role::Signer, now)?;
        Ok(certificate)
    }
}

impl Inner {
    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if these are other lists than those in force.
    fn put_in_force(&self, sources: &Sources) -> bool {
        let lists = sources.file.merged(&sources.fetched);
        let in_force = self.in_force.load();
        let changed = !lists.same_as(&in_force.lists);
        let generation = in_force.generation.wrapping_add(u64::from(changed));
        self.in_force.store(Arc::new(InForce { lists, file: sources.file.clone(), generation }));
        changed
    }

    /// Where the root's lists are stands in the certificates that it signed.
    fn learn_from_configuration(&self) {
        for organisations in &self.authorities.organisations {
            let addresses = point::addresses(&organisations.certificate);
            if !addresses.is_empty() {
                self.points.learn(&Point { authority: self.authorities.root.name.clone(), addresses }, true);
            }
        }
    }

    fn road<'a>(&'a self, leaf: &'a EndEntityCert<'a>, organisations: &'a Authority) -> Road<'a> {
        Road {
            leaf,
            organisations: std::slice::from_ref(&organisations.certificate),
            anchor: std::slice::from_ref(&self.anchor),
        }
    }

    fn judge(&self, certificate: &PresentedCertificate, role: Role, now: Timestamp) -> Result<(), CertificateFault> {
        let verdict = self.verdict(certificate, role, now);
        if verdict == Err(CertificateFault::RevocationUnknown) {
            // It may name a distribution point that nobody has named yet: then it is asked soon.
            self.learn(certificate, now);
        }
        verdict
    }

    fn verdict(&self, certificate: &PresentedCertificate, role: Role, now: Timestamp) -> Result<(), CertificateFault> {
        let in_force = self.in_force.load();
        let (of_root, of_organisations) = in_force.lists.split();
        let der = CertificateDer::from(certificate.leaf.as_slice());
        let leaf = EndEntityCert::try_from(&der).map_err(|_| CertificateFault::Untrusted)?;
        let mut fault = CertificateFault::Untrusted;
        for (organisations, lists) in self.authorities.organisations.iter().zip(of_organisations) {
            let lists: Vec<&CertRevocationList<'_>> = of_root.iter().chain(lists).map(|list| &list.usable).collect();
            match self.road(&leaf, organisations).judge(certificate, role, now, &lists) {
                Ok(()) if peer::may_sign(&der, role == Role::Signer) => return Ok(()),
                Ok(()) => return Err(CertificateFault::WrongUse),
                Err(CertificateFault::Untrusted) => {}
                Err(told) => fault = told,
            }
        }
        Err(fault)
    }
}
