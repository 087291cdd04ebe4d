//! [`TrustHandle`]: the list in force, and every way by which another takes its place.

mod rehearsal;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::{SignedDuration, Timestamp};

use crate::changes::{Changes, diff};
use crate::check::{Checked, ListRules, NoSigner, Signature, SignerJudge, check, digest_of};
use crate::gate::{self, Bearer, Old, Passed, Standing};
use crate::history::{HistoryAction, HistoryRow};
use crate::in_force::{Current, InForce, Installed, Offer};
use crate::keeping::{Held, Keeping, Ledger, Record, Restored};
use crate::list_fault::{ListFault, RollbackFault};
use crate::place::{KeepingFault, Place};
use crate::trust_list::TrustList;

/// The list in force. Cheap to clone; reading takes no lock. Offers are taken one after the other.
#[derive(Debug, Clone)]
pub struct TrustHandle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: ListRules,
    signers: Arc<dyn SignerJudge>,
    in_force: ArcSwapOption<Current>,
    held: ArcSwapOption<Held>,
    history: ArcSwap<Vec<HistoryRow>>,
    /// Held all along by whoever changes the list, so that two cannot put theirs in force in the wrong order.
    keeping: Mutex<Keeping>,
}

/// Who wants a change, where its list comes from, and when.
#[derive(Debug, Clone, Copy)]
struct Wish<'a> {
    action: HistoryAction,
    source: &'a str,
    /// The admin and the reason given.
    admin: Option<(&'a str, &'a str)>,
    now: Timestamp,
}

impl Wish<'_> {
    fn row(&self, action: HistoryAction) -> HistoryRow {
        let (by, reason) = self.admin.map(|(by, reason)| (by.to_owned(), reason.to_owned())).unzip();
        HistoryRow { by, reason, ..HistoryRow::new(action, self.source, self.now) }
    }
}

/// How long a confirmation may be only in memory.
const CONFIRMATION_KEPT_EVERY: SignedDuration = SignedDuration::from_mins(10);

impl TrustHandle {
    /// A handle with this list in force: for `pli explain` and tests.
    #[must_use]
    pub fn fixed(list: TrustList) -> Self {
        let handle = Self::unkept(ListRules::default(), Arc::new(NoSigner));
        let at = list.generated_at();
        let record = Record {
            digest: String::new(),
            generated_at: at,
            installed_at: at,
            confirmed_at: at,
            source: "fixed".to_owned(),
            signature: Signature::Unchecked,
        };
        handle.swap(Arc::new(list), record);
        handle
    }

    /// A handle without a list, whose lists are gone when it is: for tests.
    #[must_use]
    pub fn unkept(rules: ListRules, signers: Arc<dyn SignerJudge>) -> Self {
        Self::with(Keeping::empty(Place::Memory(BTreeMap::new())), None, rules, signers)
    }

    /// A handle whose lists are kept in this folder, made if missing. Puts the last good list in force again; where its
    /// copy is damaged, the one before. The texts tell what was found damaged, for the log.
    ///
    /// Only one process may work on a folder: it is locked until the last clone of the handle is gone.
    pub fn open(
        folder: &Path,
        rules: ListRules,
        signers: Arc<dyn SignerJudge>,
        now: Timestamp,
    ) -> Result<(Self, Vec<String>), KeepingFault> {
        let (keeping, restored, warnings) = Keeping::open(Place::folder(folder)?, &rules, &*signers, now);
        Ok((Self::with(keeping, restored, rules, signers), warnings))
    }

    /// What is in force, held and remembered in this folder, for a command that looks at it beside the node. Takes no
    /// lock and changes nothing; whatever would change something fails. A folder that is not there is empty.
    #[must_use]
    pub fn look(folder: &Path, rules: ListRules, signers: Arc<dyn SignerJudge>, now: Timestamp) -> (Self, Vec<String>) {
        let place = Place::Shown(folder.to_owned());
        let (keeping, restored, warnings) = Keeping::open(place, &rules, &*signers, now);
        (Self::with(keeping, restored, rules, signers), warnings)
    }

    fn with(keeping: Keeping, restored: Option<Restored>, rules: ListRules, signers: Arc<dyn SignerJudge>) -> Self {
        let handle = Self(Arc::new(Inner {
            rules,
            signers,
            in_force: ArcSwapOption::empty(),
            held: ArcSwapOption::from_pointee(keeping.ledger.held.clone()),
            history: ArcSwap::from_pointee(keeping.history.rows().to_vec()),
            keeping: Mutex::new(keeping),
        }));
        if let Some(Restored { list, record }) = restored {
            handle.swap(list, record);
        }
        handle
    }

    /// The list in force, if there is one. Takes no lock.
    #[must_use]
    pub fn current(&self) -> Option<Arc<TrustList>> {
        self.0.in_force.load().as_ref().map(|current| Arc::clone(&current.list))
    }

    /// The list in force and how it came to be. Takes no lock.
    #[must_use]
    pub fn in_force(&self) -> Option<InForce> {
        self.0.in_force.load().as_ref().map(|current| current.told())
    }

    /// The list that waits for an admin, if there is one. Takes no lock.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.0.held.load().as_deref().cloned()
    }

    /// What happened, oldest first. Bounded; the same refusal time after time is one row. Takes no lock.
    #[must_use]
    pub fn history(&self) -> Vec<HistoryRow> {
        self.0.history.load().to_vec()
    }

    /// A source said at this time that the list in force is still the list: "not modified" to a question about this very
    /// list, or a file that has not changed. Now and then written to the disk, as far as that goes.
    pub fn confirm(&self, at: Timestamp) {
        let Some(current) = self.0.in_force.load_full() else { return };
        current.confirm(at);
        if let Ok(mut keeping) = self.0.keeping.try_lock() {
            keep_confirmation(&mut keeping, &current);
        }
    }

    /// Takes a list from its source: checks it, lets it through the gate, keeps it, puts it in force, writes it down.
    /// One that lost too many domains is held for an admin. Blocks on the disk: not for async threads.
    pub fn offer(&self, bytes: &[u8], source: &str, now: Timestamp) -> Result<Offer, ListFault> {
        let mut keeping = self.keeping();
        let bearer = Bearer::Publisher { lost_domains_max: self.0.rules.lost_domains_max };
        let wish = Wish { action: HistoryAction::Installed, source, admin: None, now };
        if let Some(installed) = self.take(&mut keeping, bytes, bearer, wish)? {
            return Ok(Offer::Installed(installed));
        }
        self.withdrawn(&mut keeping);
        if let Some(current) = self.0.in_force.load_full() {
            current.confirm(now);
            keep_confirmation(&mut keeping, &current);
        }
        Ok(Offer::Unchanged)
    }

    /// An admin's: puts these bytes in force, or those of the held list. Only the guard against lost domains is lifted.
    pub fn install(
        &self,
        bytes: Option<&[u8]>,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<Installed, ListFault> {
        let mut keeping = self.keeping();
        let wish = |source| Wish { action: HistoryAction::Installed, source, admin: Some((by, reason)), now };
        let installed = if let Some(bytes) = bytes {
            self.take(&mut keeping, bytes, Bearer::Admin, wish("by hand"))?
        } else {
            let held = keeping.ledger.held.clone().ok_or(ListFault::NothingHeld)?;
            let bytes = keeping.read_held(&held)?;
            self.take(&mut keeping, &bytes, Bearer::Admin, wish(&held.source))?
        };
        let unchanged = || self.0.in_force.load_full().map(|current| current.installed(Changes::default()));
        installed.or_else(unchanged).ok_or(ListFault::NothingHeld)
    }

    /// An admin's: goes back to the list before, or to the kept list whose digest begins so. The list that is left is set
    /// aside: it is refused when it comes again. Going back to it by its digest undoes that.
    pub fn rollback(
        &self,
        to: Option<&str>,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<Installed, RollbackFault> {
        let mut keeping = self.keeping();
        let left = self.0.in_force.load_full();
        let record = target(&keeping.ledger, to)?.clone();
        let checked = keeping.fit(&record, &self.0.rules, &*self.0.signers, now)?;
        let mut ledger = keeping.ledger.clone();
        ledger.set_aside.retain(|digest| *digest != record.digest);
        if let Some(left) = &left {
            ledger.set_aside(&left.record.digest);
        }
        let wish = Wish { action: HistoryAction::RolledBack, source: &record.source, admin: Some((by, reason)), now };
        let changes = left.as_ref().map_or_else(Changes::default, |left| diff(&left.list, &checked.list));
        let detail = left.map(|left| format!("the list {} is set aside", left.record.digest));
        Ok(self.put(&mut keeping, ledger, checked, None, changes, wish, detail)?)
    }

    /// Writes down that a source gave no list: for the faults of fetching and reading.
    pub fn refused(&self, fault: &ListFault, source: &str, now: Timestamp) {
        let wish = Wish { action: HistoryAction::Refused, source, admin: None, now };
        self.tell(&mut self.keeping(), refusal(fault, wish));
    }

    fn keeping(&self) -> MutexGuard<'_, Keeping> {
        self.0.keeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks, judges, puts in force or refuses, and writes down. Without a result, the list is in force already.
    fn take(
        &self,
        keeping: &mut Keeping,
        bytes: &[u8],
        bearer: Bearer,
        wish: Wish<'_>,
    ) -> Result<Option<Installed>, ListFault> {
        let checked = check(bytes, &self.0.rules, &*self.0.signers, wish.now).inspect_err(|fault| {
            let row = HistoryRow { digest: Some(digest_of(bytes)), ..refusal(fault, wish) };
            self.tell(keeping, row);
        })?;
        let of_list = HistoryRow {
            digest: Some(checked.digest.clone()),
            generated_at: Some(checked.list.generated_at()),
            entries: Some(checked.list.entries()),
            domains: Some(checked.list.domains()),
            ..wish.row(wish.action)
        };
        let taken = match self.gate(&checked, keeping, bearer, wish.now) {
            Ok(Passed::Unchanged) => return Ok(None),
            Ok(Passed::New(changes)) => {
                let ledger = keeping.ledger.clone();
                self.put(keeping, ledger, checked, Some(bytes), changes, wish, None)
            }
            Err(ListFault::LostDomains { lost, of }) => Err(self.hold(keeping, &checked, bytes, (lost, of), wish)),
            Err(fault) => Err(fault),
        };
        taken.map(Some).inspect_err(|fault| {
            let HistoryRow { action, fault, detail, .. } = refusal(fault, wish);
            self.tell(keeping, HistoryRow { action, fault, detail, ..of_list });
        })
    }

    fn gate(&self, checked: &Checked, keeping: &Keeping, bearer: Bearer, now: Timestamp) -> Result<Passed, ListFault> {
        let current = self.0.in_force.load_full();
        let in_force = current.as_ref().map(|current| Old {
            list: &current.list,
            digest: &current.record.digest,
            installed_at: current.record.installed_at,
        });
        gate::judge(checked, Standing { in_force, set_aside: &keeping.ledger.set_aside }, bearer, now)
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where a list comes into force, from two sides")]
    fn put(
        &self,
        keeping: &mut Keeping,
        mut ledger: Ledger,
        checked: Checked,
        bytes: Option<&[u8]>,
        changes: Changes,
        wish: Wish<'_>,
        detail: Option<String>,
    ) -> Result<Installed, ListFault> {
        let record = Record {
            digest: checked.digest,
            generated_at: checked.list.generated_at(),
            installed_at: wish.now,
            confirmed_at: wish.now,
            source: wish.source.to_owned(),
            signature: checked.signature,
        };
        ledger.put(record.clone());
        keeping.put(ledger, &record.digest, bytes).map_err(|error| ListFault::NotKept(error.to_string()))?;
        self.0.held.store(None);
        let installed = self.swap(Arc::new(checked.list), record).installed(changes);
        let ahead = installed
            .is_dated_ahead(wish.now)
            .then(|| format!("the list is dated {}, which is ahead of {}", installed.generated_at, wish.now));
        let detail = match (detail, ahead) {
            (Some(detail), Some(ahead)) => Some(format!("{detail}; {ahead}")),
            (detail, ahead) => detail.or(ahead),
        };
        let row = HistoryRow {
            digest: Some(installed.digest.clone()),
            generated_at: Some(installed.generated_at),
            entries: Some(installed.entries),
            domains: Some(installed.domains),
            detail,
            ..wish.row(wish.action)
        };
        self.tell(keeping, row);
        Ok(installed)
    }

    fn swap(&self, list: Arc<TrustList>, record: Record) -> Arc<Current> {
        let current = Arc::new(Current::new(list, record));
        self.0.in_force.store(Some(Arc::clone(&current)));
        current
    }

    /// Keeps the list for an admin. A list that waits already has waited since it came.
    fn hold(
        &self,
        keeping: &mut Keeping,
        checked: &Checked,
        bytes: &[u8],
        (lost, of): (usize, usize),
        wish: Wish<'_>,
    ) -> ListFault {
        let waits = keeping.ledger.held.as_ref().is_some_and(|held| held.digest == checked.digest);
        if !waits {
            let held = Held {
                digest: checked.digest.clone(),
                generated_at: checked.list.generated_at(),
                lost,
                of,
                since: wish.now,
                source: wish.source.to_owned(),
            };
            if let Err(error) = keeping.hold(held.clone(), bytes) {
                return ListFault::NotKept(error.to_string());
            }
            self.0.held.store(Some(Arc::new(held)));
        }
        ListFault::LostDomains { lost, of }
    }

    /// The publisher brings the list in force again: the one that waits is not the list any more.
    fn withdrawn(&self, keeping: &mut Keeping) {
        if keeping.ledger.held.is_some() {
            let mut ledger = keeping.ledger.clone();
            ledger.held = None;
            if keeping.commit(ledger).is_ok() {
                self.0.held.store(None);
            }
        }
    }

    fn tell(&self, keeping: &mut Keeping, row: HistoryRow) {
        keeping.history.add(row, &mut keeping.place);
        self.0.history.store(Arc::new(keeping.history.rows().to_vec()));
    }
}

/// The most that a row tells of a fault: what a list says of itself may be long.
const DETAIL_CHARS_MAX: usize = 500;

fn refusal(fault: &ListFault, wish: Wish<'_>) -> HistoryRow {
    let detail = fault.to_string().chars().take(DETAIL_CHARS_MAX).collect();
    let action =
        if matches!(fault, ListFault::LostDomains { .. }) { HistoryAction::Held } else { HistoryAction::Refused };
    HistoryRow { fault: Some(fault.code().to_owned()), detail: Some(detail), ..wish.row(action) }
}

/// The kept list that an admin means.
fn target<'a>(ledger: &'a Ledger, to: Option<&str>) -> Result<&'a Record, RollbackFault> {
    let Some(prefix) = to else {
        return ledger.before().next().ok_or(RollbackFault::NothingBefore);
    };
    let prefix = prefix.to_ascii_lowercase();
    let mut found = ledger.kept.iter().filter(|record| !prefix.is_empty() && record.digest.starts_with(&prefix));
    match (found.next(), found.next()) {
        (None, _) => Err(RollbackFault::Unknown(prefix)),
        (Some(_), Some(_)) => Err(RollbackFault::Ambiguous(prefix)),
        (Some(record), None) if Some(&record.digest) == ledger.in_force.as_ref() => Err(RollbackFault::InForce),
        (Some(record), None) => Ok(record),
    }
}

/// Writes the time of the last confirmation, if the one on the disk is too old. If it cannot be written, it is not: the
/// list stands all the same.
fn keep_confirmation(keeping: &mut Keeping, current: &Current) {
    let confirmed_at = current.confirmed_at();
    let mut ledger = keeping.ledger.clone();
    let Some(record) = ledger.kept.iter_mut().find(|record| record.digest == current.record.digest) else { return };
    if confirmed_at.duration_since(record.confirmed_at) >= CONFIRMATION_KEPT_EVERY {
        record.confirmed_at = confirmed_at;
        keeping.commit(ledger).ok();
    }
}
