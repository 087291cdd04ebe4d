//! [`Custodian`]: every change of the trust list goes through it. What is *checked* and then *installed* durably by
//! [`TrustHandle`] is *announced* here: log, metrics, the record, and the queue's mail that it is about.

use std::sync::Arc;

use pli_audit::{Event, EventKind, Face};
use pli_directory::{Installed, ListFault, Offer, RollbackFault, TrustHandle};
use pli_store::{Store, StoreError};
use pli_types::{Clock, Domain, Marked, Masker};

use crate::metrics as names;

/// The list in force, and everyone who must hear of a change.
#[derive(Clone)]
pub(crate) struct Custodian {
    pub(crate) trust: TrustHandle,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) masker: Masker,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Who wants a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Author {
    /// The node itself, since it was time.
    Node,
    /// An admin: `uid:1000 (name)`.
    Admin(String),
}

impl Author {
    /// A row of the record, about something that this author did.
    pub(crate) fn event(&self, kind: EventKind, now: jiff::Timestamp) -> Event {
        match self {
            Self::Node => Event::new(now, kind, Face::Node),
            Self::Admin(name) => Event { actor: Some(Marked::text(name)), ..Event::new(now, kind, Face::Cli) },
        }
    }
}

/// Why an admin's change did not go all the way.
#[derive(Debug)]
pub(crate) enum ChangeFault {
    /// The list in force is what it was.
    List(ListFault),
    /// The list in force is what it was.
    Rollback(RollbackFault),
    /// The change is made, and is not on record.
    Record(StoreError),
}

impl Custodian {
    /// A list that its source brings. A record that cannot be written is told in the log: the list counts.
    pub(crate) async fn offer(&self, bytes: Vec<u8>, source: &str, author: &Author) -> Result<Offer, ListFault> {
        let (trust, now, name) = (self.trust.clone(), self.clock.now(), source.to_owned());
        let offered = off_threads(move || trust.offer(&bytes, &name, now)).await?;
        if let Offer::Installed(installed) = &offered {
            let told = self.announce(installed, &format!("from {source}"), author).await;
            told.unwrap_or_else(|error| tracing::error!(%error, "the new trust list is in force and not on record"));
        }
        Ok(offered)
    }

    /// An admin's list, or the held one. Nothing is told of one that is in force already: that is `None`.
    pub(crate) async fn install(
        &self,
        bytes: Option<Vec<u8>>,
        admin: &str,
        reason: &str,
    ) -> Result<Option<Installed>, ChangeFault> {
        let (trust, now) = (self.trust.clone(), self.clock.now());
        let (by, text) = (admin.to_owned(), self.masker.scrub(reason));
        let how = format!("installed by an admin: {text}");
        let done = off_threads(move || {
            let before = trust.in_force().map(|list| list.digest);
            let installed = trust.install(bytes.as_deref(), &by, &text, now)?;
            Ok((before.as_ref() != Some(&installed.digest)).then_some(installed))
        });
        match done.await.map_err(ChangeFault::List).transpose() {
            Some(done) => self.told_of_admin(done, &how, admin).await.map(Some),
            None => Ok(None),
        }
    }

    /// Back to a list that was in force.
    pub(crate) async fn roll_back(
        &self,
        to: Option<String>,
        admin: &str,
        reason: &str,
    ) -> Result<Installed, ChangeFault> {
        let (trust, now) = (self.trust.clone(), self.clock.now());
        let (by, text) = (admin.to_owned(), self.masker.scrub(reason));
        let how = format!("rolled back by an admin: {text}");
        let done = off_threads(move || trust.rollback(to.as_deref(), &by, &text, now)).await;
        self.told_of_admin(done.map_err(ChangeFault::Rollback), &how, admin).await
    }

    /// A source that gave no list, or an unfit one. Told when it begins, not each time.
    pub(crate) async fn tell_refused(&self, fault: &ListFault, source: &str, author: &Author) {
        let stays = self.trust.current().is_some();
        tracing::warn!(
            reason = fault.code(),
            source,
            fault = self.masker.scrub(&fault.to_string()),
            "the trust list cannot be put in force; {}",
            if stays { "the one in force stays" } else { "without one all mail is put off with list-unavailable" }
        );
        self.record_refusal(fault, &format!("trust list from {source}"), author).await;
    }

    /// Shows the list in force in the metrics.
    #[expect(clippy::cast_precision_loss, reason = "gauges; the numbers are far below 2^52")]
    pub(crate) fn measure(&self) {
        let Some(list) = self.trust.current() else { return };
        metrics::gauge!(names::TRUST_LIST_ENTRIES).set(list.entries() as f64);
        metrics::gauge!(names::TRUST_LIST_GENERATED_AT).set(list.generated_at().as_second() as f64);
    }

    async fn told_of_admin(
        &self,
        done: Result<Installed, ChangeFault>,
        how: &str,
        admin: &str,
    ) -> Result<Installed, ChangeFault> {
        let author = Author::Admin(admin.to_owned());
        match done {
            Ok(installed) => {
                self.announce(&installed, how, &author).await.map_err(ChangeFault::Record)?;
                Ok(installed)
            }
            Err(fault) => {
                if let ChangeFault::List(list) | ChangeFault::Rollback(RollbackFault::List(list)) = &fault {
                    metrics::counter!(names::TRUST_LIST_REFUSED, "reason" => list.code()).increment(1);
                    self.record_refusal(list, &format!("trust list {how}"), &author).await;
                }
                Err(fault)
            }
        }
    }

    /// The list is in force, and kept. Now everyone is told.
    async fn announce(&self, installed: &Installed, how: &str, author: &Author) -> Result<(), StoreError> {
        self.measure();
        let changes = &installed.changes;
        let (added, removed, moved) = (changes.added.len(), changes.removed.len(), changes.changed.len());
        tracing::info!(
            entries = installed.entries,
            domains = installed.domains,
            generated_at = %installed.generated_at,
            digest = installed.digest,
            added,
            removed,
            changed = moved,
            "a new trust list is in force"
        );
        let now = self.clock.now();
        if installed.is_dated_ahead(now) {
            tracing::warn!(
                generated_at = %installed.generated_at,
                %now,
                "the new trust list is dated ahead: lists made until then may be refused as list-older; \
                 docs/runbooks/trust-list-stale.md"
            );
        }
        let detail = format!(
            "trust list {} of {} in force, {how}: {} entries, domains added {added}, removed {removed}, changed {moved}",
            installed.digest, installed.generated_at, installed.entries,
        );
        let event = Event { detail: Some(Marked::plain(detail)), ..author.event(EventKind::Changed, now) };
        let recorded = self.store.append_audit(vec![event]).await;
        let concerned: Vec<Domain> = changes.removed.iter().chain(&changes.changed).cloned().collect();
        self.hasten(&concerned, author).await;
        recorded
    }

    /// Mail that waits for a domain that left goes back to its sender, and mail for one that moved is tried again: now,
    /// not when its turn comes.
    async fn hasten(&self, concerned: &[Domain], author: &Author) {
        if concerned.is_empty() {
            return;
        }
        let now = self.clock.now();
        let detail = "mail that waits for domains which left the trust list, or changed there, is tried at once";
        let event = Event { detail: Some(Marked::plain(detail)), ..author.event(EventKind::Changed, now) };
        match self.store.hasten(concerned, now, vec![event]).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "{detail}"),
            Err(error) => tracing::warn!(%error, "mail for domains that changed in the trust list waits for its turn"),
        }
    }

    async fn record_refusal(&self, fault: &ListFault, what: &str, author: &Author) {
        let event = Event {
            reason: Some(fault.code().to_owned()),
            detail: Some(Marked::text(&format!("{what}: {fault}"))),
            ..author.event(EventKind::Refused, self.clock.now())
        };
        if let Err(error) = self.store.append_audit(vec![event]).await {
            tracing::error!(%error, "a refused trust list is not on record");
        }
    }
}

/// Runs what parses and writes to the disk off the async threads. A list that makes pli itself fail is not a list.
async fn off_threads<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<ListFault> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ListFault::Malformed("reading it has met a defect in pli".to_owned()).into()))
}
