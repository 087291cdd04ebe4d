//! `Sessions`: those who are signed in, and the end of what they may.
//!
//! A session ends when its holder would not get in any more ([`pli_store::Accounts::still_holds`]), when the certificate
//! that he came in by is no longer believed, and when it has lasted as long as one may. Whoever serves the session asks
//! its [`Guard`], while waiting and before anything that counts.

mod watch;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use pli_net::Pki;
use pli_store::Account;
use pli_types::{CertificateUse, Clock, PresentedCertificate};
use tokio::sync::watch as told;

use crate::metrics;

pub(crate) use watch::keep;

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The mailbox was suspended or deleted, or the grant, the account or its credential withdrawn.
    Withdrawn,
    /// The certificate is no longer believed.
    Certificate,
    /// It has lasted as long as a session may.
    TooLong,
}

impl Ending {
    /// Its word in the log and the metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::Certificate => "certificate",
            Self::TooLong => "too-long",
        }
    }

    /// What the client is told.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Withdrawn => "Your access to this mailbox was taken back, or the mailbox suspended",
            Self::Certificate => "Your certificate is no longer valid",
            Self::TooLong => "This session has lasted as long as one may, sign in again",
        }
    }
}

/// Those who are signed in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<Shared>);

struct Shared {
    pki: Pki,
    clock: Arc<dyn Clock>,
    life: SignedDuration,
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
    /// How often access was said to have changed.
    changes: AtomicU64,
}

/// How the log names a session.
#[derive(Debug)]
pub(crate) struct Label {
    /// Who, masked.
    pub(crate) account: String,
    pub(crate) remote: IpAddr,
    pub(crate) door: &'static str,
}

/// A session, as the one who watches knows it.
struct Open {
    account: Arc<Account>,
    label: Label,
    bounds: Bounds,
    tell: told::Sender<Option<Ending>>,
}

/// What ends a session without anybody's doing.
#[derive(Clone)]
struct Bounds {
    until: Timestamp,
    /// The certificate that it hangs on, and the generation of revocation lists under which it was judged.
    believed: Option<(Arc<PresentedCertificate>, u64)>,
}

impl Bounds {
    /// A judgement made under earlier revocation lists is void: the certificate is judged again.
    fn passed(&mut self, pki: &Pki, now: Timestamp) -> Option<Ending> {
        if now >= self.until {
            return Some(Ending::TooLong);
        }
        let (certificate, judged_under) = self.believed.as_mut()?;
        let generation = pki.generation();
        if *judged_under != generation {
            if pki.judge_lately(certificate, CertificateUse::Client, now).is_err() {
                return Some(Ending::Certificate);
            }
            *judged_under = generation;
        }
        None
    }
}

impl Sessions {
    pub(crate) fn new(pki: Pki, clock: Arc<dyn Clock>, life: SignedDuration) -> Self {
        let (open, next, changes) = (Mutex::default(), AtomicU64::default(), AtomicU64::default());
        Self(Arc::new(Shared { pki, clock, life, open, next, changes }))
    }

    /// How often access was said to have changed. Ask before asking the store who someone is.
    pub(crate) fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::SeqCst)
    }

    /// Access has changed: whoever is signed in must be asked about.
    pub(crate) fn access_changed(&self) {
        self.0.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// Someone signs in. `as_of` is [`Sessions::changes`] before he was looked up: if access has changed since, what was
    /// read of him may be void, and he is asked about again.
    pub(crate) fn begin(
        &self,
        account: Account,
        label: Label,
        believed: Option<(PresentedCertificate, u64)>,
        as_of: u64,
    ) -> Guard {
        let until = self.0.clock.now().checked_add(self.0.life).unwrap_or(Timestamp::MAX);
        let believed = believed.map(|(certificate, generation)| (Arc::new(certificate), generation));
        let bounds = Bounds { until, believed };
        let (tell, told) = told::channel(None);
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let open = Open { account: Arc::new(account), label, bounds: bounds.clone(), tell };
        self.open().insert(id, open);
        if self.changes() != as_of {
            self.access_changed();
        }
        Guard { id, sessions: self.clone(), bounds, told }
    }

    /// Tells those whose time is over.
    fn end_passed(&self) {
        let now = self.0.clock.now();
        for open in self.open().values_mut() {
            if let Some(ending) = open.bounds.passed(&self.0.pki, now) {
                end(open, ending);
            }
        }
    }

    /// Everybody who is signed in, each once however many sessions he has.
    pub(crate) fn holders(&self) -> Vec<(Arc<Account>, Vec<u64>)> {
        let mut holders: HashMap<_, (Arc<Account>, Vec<u64>)> = HashMap::new();
        for (id, open) in self.open().iter().filter(|(_, open)| open.tell.borrow().is_none()) {
            let account = &open.account;
            let mut writes_as: Vec<String> = account.writes_as.iter().map(pli_types::MailAddress::key).collect();
            writes_as.sort_unstable();
            let helps: Vec<String> = account.helps.iter().map(pli_types::MailAddress::key).collect();
            let same = (account.id, account.credential, account.mailbox.id, account.name.clone(), writes_as, helps);
            holders.entry(same).or_insert_with(|| (Arc::clone(account), Vec::new())).1.push(*id);
        }
        holders.into_values().collect()
    }

    fn end(&self, ids: &[u64], ending: Ending) {
        let mut open = self.open();
        for id in ids {
            if let Some(open) = open.get_mut(id) {
                end(open, ending);
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first ending is the one that counts.
fn end(open: &Open, ending: Ending) {
    open.tell.send_if_modified(|told| {
        let is_first = told.is_none();
        if is_first {
            metrics::ended(ending);
            let Label { account, remote, door } = &open.label;
            tracing::info!(account, %remote, door, reason = ending.code(), "a session was ended");
            *told = Some(ending);
        }
        is_first
    });
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("open", &self.open().len()).finish_non_exhaustive()
    }
}

/// Held as long as a session lasts.
pub struct Guard {
    id: u64,
    sessions: Sessions,
    bounds: Bounds,
    told: told::Receiver<Option<Ending>>,
}

impl Guard {
    /// Resolves when the session is over. Nothing is lost if it is not waited for to the end.
    pub async fn ended(&mut self) -> Ending {
        match self.told.wait_for(Option::is_some).await.map(|told| *told) {
            Ok(Some(ending)) => ending,
            // Its entry goes with the guard itself, not before.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Is it over? What needs no asking of the store is looked at now.
    pub fn has_ended(&mut self) -> Option<Ending> {
        let told = *self.told.borrow();
        if told.is_some() {
            return told;
        }
        let ending = self.bounds.passed(&self.sessions.0.pki, self.sessions.0.clock.now())?;
        self.sessions.end(&[self.id], ending);
        Some(ending)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.sessions.open().remove(&self.id);
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("id", &self.id).finish_non_exhaustive()
    }
}
