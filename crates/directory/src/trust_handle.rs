//! [`TrustHandle`]: the list in force, and every way by which another takes its place.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;

use crate::changes::{Changes, diff};
use crate::check::{Checked, ListRules, NoSigner, Signature, SignerJudge, check, digest_of};
use crate::gate::{self, Bearer, Passed, Standing};
use crate::history::{HistoryAction, HistoryRow};
use crate::list_fault::{ListFault, RollbackFault};
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
    keeping: Mutex<Keeping>,
}

/// The list in force as it is shared.
#[derive(Debug)]
struct Current {
    list: Arc<TrustList>,
    digest: String,
    installed_at: Timestamp,
    source: String,
    signature: Signature,
    /// Milliseconds: moves without the list being swapped.
    confirmed_at: AtomicI64,
}

/// The list in force and how it came to be.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The list.
    pub list: Arc<TrustList>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// `DateDeGeneration`.
    pub generated_at: Timestamp,
    /// When it came into force.
    pub installed_at: Timestamp,
    /// When its source last said that this is still the list.
    pub confirmed_at: Timestamp,
    /// Where it came from.
    pub source: String,
    /// What was found of its signature.
    pub signature: Signature,
}

/// A list that waits for an admin, since it lost too many domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// `DateDeGeneration`.
    pub generated_at: Timestamp,
    /// How many domains of the list in force it lacks.
    pub lost: usize,
    /// How many domains the list in force had.
    pub of: usize,
    /// Since when it waits.
    pub since: Timestamp,
    /// Where it came from.
    pub source: String,
}

/// What became of a list that was offered and not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It is in force now.
    Installed(Installed),
    /// It was in force already; that counts as a confirmation.
    Unchanged,
}

/// A list that has come into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// `DateDeGeneration`.
    pub generated_at: Timestamp,
    /// Number of `Domaine` elements.
    pub entries: usize,
    /// Number of distinct domains.
    pub domains: usize,
    /// Number of distinct certificate names.
    pub certificate_names: usize,
    /// What was found of its signature.
    pub signature: Signature,
    /// What it changed.
    pub changes: Changes,
}

/// Why the folder of lists cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeepingFault {
    /// Another process works on it: the node, most often.
    #[error("{0}: another process uses it")]
    InUse(std::path::PathBuf),
    /// It cannot be made, read or written.
    #[error("{path}: {source}", path = .path.display())]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
}

#[derive(Debug, Default)]
struct Keeping {
    set_aside: Vec<String>,
    kept: Vec<(Arc<Current>, Vec<u8>)>,
    held: Option<Vec<u8>>,
}

impl TrustHandle {
    /// A handle whose list never changes: for `pli explain` and tests.
    #[must_use]
    pub fn fixed(list: TrustList) -> Self {
        let handle = Self::unkept(ListRules::default(), Arc::new(NoSigner));
        let at = list.generated_at();
        handle.0.in_force.store(Some(Arc::new(Current {
            list: Arc::new(list),
            digest: String::new(),
            installed_at: at,
            source: "fixed".to_owned(),
            signature: Signature::Unchecked,
            confirmed_at: AtomicI64::new(at.as_millisecond()),
        })));
        handle
    }

    /// A handle without a list, whose lists are gone when it is: for tests.
    #[must_use]
    pub fn unkept(rules: ListRules, signers: Arc<dyn SignerJudge>) -> Self {
        Self(Arc::new(Inner {
            rules,
            signers,
            in_force: ArcSwapOption::empty(),
            held: ArcSwapOption::empty(),
            history: ArcSwap::default(),
            keeping: Mutex::default(),
        }))
    }

    /// A handle whose lists are kept in this folder, made if missing. Puts the last good list in force again; where its
    /// copy is damaged, the one before. The texts tell what was found damaged.
    ///
    /// Only one process may work on a folder: it is locked until the last clone of the handle is gone.
    pub fn open(
        folder: &Path,
        rules: ListRules,
        signers: Arc<dyn SignerJudge>,
        now: Timestamp,
    ) -> Result<(Self, Vec<String>), KeepingFault> {
        let _ = now;
        let fault = |source| KeepingFault::Folder { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(fault)?;
        Ok((Self::unkept(rules, signers), Vec::new()))
    }

    /// The list in force, if there is one. Takes no lock.
    #[must_use]
    pub fn current(&self) -> Option<Arc<TrustList>> {
        self.0.in_force.load().as_ref().map(|current| Arc::clone(&current.list))
    }

    /// The list in force and how it came to be. Takes no lock.
    #[must_use]
    pub fn in_force(&self) -> Option<InForce> {
        self.0.in_force.load().as_ref().map(|current| InForce {
            list: Arc::clone(&current.list),
            digest: current.digest.clone(),
            generated_at: current.list.generated_at(),
            installed_at: current.installed_at,
            confirmed_at: Timestamp::from_millisecond(current.confirmed_at.load(Ordering::Relaxed)).unwrap_or_default(),
            source: current.source.clone(),
            signature: current.signature.clone(),
        })
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
    /// list, or a file that has not changed.
    pub fn confirm(&self, at: Timestamp) {
        if let Some(current) = self.0.in_force.load().as_ref() {
            current.confirmed_at.fetch_max(at.as_millisecond(), Ordering::Relaxed);
        }
    }

    /// Takes a list from its source: checks it, lets it through the gate, keeps it, puts it in force, writes it down.
    /// One that lost too many domains is held for an admin. Blocks on the disk: not for async threads.
    pub fn offer(&self, bytes: &[u8], source: &str, now: Timestamp) -> Result<Offer, ListFault> {
        let mut keeping = self.keeping();
        let bearer = Bearer::Publisher { lost_domains_max: self.0.rules.lost_domains_max };
        let checked = check(bytes, &self.0.rules, &*self.0.signers, now);
        let judged = checked.and_then(|checked| Ok((self.gate(&checked, &keeping, bearer)?, checked)));
        match judged {
            Ok((Passed::Unchanged, _)) => {
                self.confirm(now);
                Ok(Offer::Unchanged)
            }
            Ok((Passed::New(changes), checked)) => {
                Ok(Offer::Installed(self.put(&mut keeping, checked, bytes, source, changes, now)))
            }
            Err(fault) => {
                if let ListFault::LostDomains { lost, of } = fault {
                    let generated_at = TrustList::parse(bytes).map_or(now, |list| list.generated_at());
                    keeping.held = Some(bytes.to_vec());
                    self.0.held.store(Some(Arc::new(Held {
                        digest: digest_of(bytes),
                        generated_at,
                        lost,
                        of,
                        since: now,
                        source: source.to_owned(),
                    })));
                }
                self.refused(&fault, source, now);
                Err(fault)
            }
        }
    }

    /// An admin's: puts these bytes in force, or those of the held list. Only the guard against lost domains is lifted.
    pub fn install(
        &self,
        bytes: Option<&[u8]>,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<Installed, ListFault> {
        let _ = (by, reason);
        let mut keeping = self.keeping();
        let held = keeping.held.clone();
        let Some(bytes) = bytes.or(held.as_deref()) else {
            return Err(ListFault::Unreadable("no list is held".to_owned()));
        };
        let checked = check(bytes, &self.0.rules, &*self.0.signers, now)?;
        let changes = match self.gate(&checked, &keeping, Bearer::Admin)? {
            Passed::Unchanged => Changes::default(),
            Passed::New(changes) => changes,
        };
        Ok(self.put(&mut keeping, checked, bytes, "held", changes, now))
    }

    /// An admin's: goes back to the list before, or to the kept list whose digest begins so. The list that is left is set
    /// aside: an offer of the same bytes is refused. A list that was set aside can be gone back to by its digest.
    pub fn rollback(
        &self,
        to: Option<&str>,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<Installed, RollbackFault> {
        let _ = (to, by, reason);
        let mut keeping = self.keeping();
        let left = keeping.kept.pop().ok_or(RollbackFault::NothingBefore)?;
        let Some((before, bytes)) = keeping.kept.pop() else {
            keeping.kept.push(left);
            return Err(RollbackFault::NothingBefore);
        };
        keeping.set_aside.push(left.0.digest.clone());
        let changes = diff(&left.0.list, &before.list);
        let checked = Checked {
            list: (*before.list).clone(),
            signature: before.signature.clone(),
            digest: before.digest.clone(),
        };
        Ok(self.put(&mut keeping, checked, &bytes, "kept", changes, now))
    }

    /// Writes down that a source gave no list, or one that did not reach [`Self::offer`].
    pub fn refused(&self, fault: &ListFault, source: &str, now: Timestamp) {
        let mut rows = self.0.history.load().to_vec();
        let action = match fault {
            ListFault::LostDomains { .. } => HistoryAction::Held,
            _ => HistoryAction::Refused,
        };
        rows.push(HistoryRow {
            number: rows.len() as u64 + 1,
            at: now,
            last_at: now,
            count: 1,
            action,
            digest: None,
            generated_at: None,
            entries: None,
            domains: None,
            source: source.to_owned(),
            by: None,
            reason: None,
            fault: Some(fault.code().to_owned()),
            detail: Some(fault.to_string()),
        });
        self.0.history.store(Arc::new(rows));
    }

    fn keeping(&self) -> MutexGuard<'_, Keeping> {
        self.0.keeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gate(&self, checked: &Checked, keeping: &Keeping, bearer: Bearer) -> Result<Passed, ListFault> {
        let current = self.0.in_force.load_full();
        let in_force = current.as_ref().map(|current| (&*current.list, current.digest.as_str()));
        gate::judge(checked, Standing { in_force, set_aside: &keeping.set_aside }, bearer)
    }

    fn put(
        &self,
        keeping: &mut Keeping,
        checked: Checked,
        bytes: &[u8],
        source: &str,
        changes: Changes,
        now: Timestamp,
    ) -> Installed {
        let installed = Installed {
            digest: checked.digest.clone(),
            generated_at: checked.list.generated_at(),
            entries: checked.list.entries(),
            domains: checked.list.domains(),
            certificate_names: checked.list.certificate_names(),
            signature: checked.signature.clone(),
            changes,
        };
        let current = Arc::new(Current {
            list: Arc::new(checked.list),
            digest: checked.digest,
            installed_at: now,
            source: source.to_owned(),
            signature: checked.signature,
            confirmed_at: AtomicI64::new(now.as_millisecond()),
        });
        keeping.kept.push((Arc::clone(&current), bytes.to_vec()));
        keeping.held = None;
        self.0.held.store(None);
        self.0.in_force.store(Some(current));
        installed
    }
}
