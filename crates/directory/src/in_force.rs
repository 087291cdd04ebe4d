//! The list in force and what is told of it: [`InForce`], [`Installed`], [`Offer`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::changes::Changes;
use crate::check::Signature;
use crate::keeping::Record;
use crate::trust_list::TrustList;

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
    /// When its source last said that this is still the list. Over a restart, ten minutes of it may be forgotten.
    pub confirmed_at: Timestamp,
    /// Where it came from.
    pub source: String,
    /// What was found of its signature.
    pub signature: Signature,
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

/// Clocks differ by less.
const AHEAD_TOLD: SignedDuration = SignedDuration::from_hours(1);

impl Installed {
    /// Is it dated more than an hour ahead of this time? Then no true list is newer for as long.
    #[must_use]
    pub fn is_dated_ahead(&self, now: Timestamp) -> bool {
        self.generated_at.duration_since(now) > AHEAD_TOLD
    }
}

/// The list in force as it is shared.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) list: Arc<TrustList>,
    pub(crate) record: Record,
    /// Milliseconds: moves without the list being swapped.
    confirmed_at: AtomicI64,
}

impl Current {
    pub(crate) fn new(list: Arc<TrustList>, record: Record) -> Self {
        let confirmed_at = AtomicI64::new(record.confirmed_at.as_millisecond());
        Self { list, record, confirmed_at }
    }

    /// Its source said at this time that it is still the list.
    pub(crate) fn confirm(&self, at: Timestamp) {
        self.confirmed_at.fetch_max(at.as_millisecond(), Ordering::Relaxed);
    }

    pub(crate) fn confirmed_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.confirmed_at.load(Ordering::Relaxed)).unwrap_or(self.record.confirmed_at)
    }

    pub(crate) fn told(&self) -> InForce {
        InForce {
            list: Arc::clone(&self.list),
            digest: self.record.digest.clone(),
            generated_at: self.list.generated_at(),
            installed_at: self.record.installed_at,
            confirmed_at: self.confirmed_at(),
            source: self.record.source.clone(),
            signature: self.record.signature.clone(),
        }
    }

    pub(crate) fn installed(&self, changes: Changes) -> Installed {
        Installed {
            digest: self.record.digest.clone(),
            generated_at: self.list.generated_at(),
            entries: self.list.entries(),
            domains: self.list.domains(),
            certificate_names: self.list.certificate_names(),
            signature: self.record.signature.clone(),
            changes,
        }
    }
}
