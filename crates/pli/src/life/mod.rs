//! The end of mailboxes (R-BAL-3, R-BAL-6): once a day, and at the start, notice is given to those that nobody uses,
//! withdrawn where somebody has come back, and what has come to its end is exported and deleted.
//!
//! When which is due is decided by [`Rules`]; here it is done. Patients' spaces are left alone: they end by their owners'
//! decision.

mod dispensings;
mod letter;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Class, Event, EventKind, Face};
use pli_mailflow::Intake;
use pli_net::Shutdown;
use pli_store::{
    Change, MailboxChange, MailboxFilter, MailboxKind, MailboxRecord, NewMessage, NoticeCause, Prune, Store, StoreError,
};
use pli_types::{Clock, MailAddress, MailboxId, Marked, Masker, MessageId, ReversePath, Span};
use serde_json::{Map, Value};
use tokio::sync::broadcast;

pub(crate) use self::dispensings::Forgetting;
use self::letter::Letter;
use self::rules::Rules;
use crate::config::{AuditConfig, Config};
use crate::content;
use crate::counting::Counting;
use crate::exit::{Failure, chain};
use crate::trust::Author;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often all mailboxes are.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Mailboxes taken up at a time.
const PAGE: usize = 500;
/// Mailboxes that get a letter about one: its own among them.
const LETTERS_MAX: usize = 20;
/// How long what mailboxes received is remembered, so that answers and reports can be judged: an answer may take a year.
const RECEIVED_KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How much of it is forgotten at a time: mail is not kept waiting by it.
const FORGOTTEN_AT_A_TIME: usize = 2000;
/// Exports of one mailbox in a row, while mail still comes in that was under way.
const EXPORTS_MAX: usize = 5;

/// What may be due for a mailbox.
#[derive(Debug, Clone, Copy)]
enum Due {
    Notice,
    End,
}

/// Looks after the end of mailboxes.
#[derive(Clone)]
pub(crate) struct Attendant {
    store: Arc<dyn Store>,
    masker: Masker,
    clock: Arc<dyn Clock>,
    rules: Rules,
    /// Where the content of deleted mailboxes goes, a folder each.
    exports: PathBuf,
    server_name: String,
    /// How long stories are kept after their end.
    stories_kept: Span,
    /// How long the record is.
    audit: AuditConfig,
    /// What is emptied has been counted before.
    counting: Counting,
}

impl Attendant {
    pub(crate) fn new(config: &Config, intake: &Intake, counting: Counting) -> Self {
        Self {
            store: Arc::clone(&intake.store.0),
            masker: intake.masker.clone(),
            clock: Arc::clone(&intake.clock),
            rules: Rules::new(&config.mailbox),
            exports: config.mailbox.exports(&config.server.state),
            server_name: config.server.name.0.to_string(),
            stories_kept: config.story.kept,
            audit: config.audit.clone(),
            counting,
        }
    }

    /// Works until the end.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut changes = self.store.subscribe();
        let mut last = None;
        loop {
            let now = self.clock.now();
            if is_due(last, now) {
                self.turn(now).await;
                last = Some(now);
            } else if access_changed(&mut changes) {
                self.withdraw(now).await;
            }
            tokio::select! {
                () = shutdown.begun() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// All that is due. What fails is told and tried again the next day.
    async fn turn(&self, now: Timestamp) {
        self.withdraw(now).await;
        self.each(Due::End, now).await;
        self.each(Due::Notice, now).await;
        if let Err(error) = self.store.forget_former_addresses(now).await {
            failed("addresses that need not be kept any more are still kept", &error);
        }
        if let Err(error) = self.forget_received(now).await {
            failed("what mailboxes received long ago is still remembered", &error);
        }
        if let Err(error) = self.forget_arrivals(now).await {
            failed("by what old messages would be known again is still kept", &error);
        }
        if let Err(error) = self.forget_stories(now).await {
            failed("what became of old messages is still kept", &error);
        }
        if let Err(error) = self.prune(now).await {
            failed("entries of the record whose time is over are still there", &error);
        }
        tracing::info!("looked after mailboxes that nobody uses");
    }

    /// Nothing is judged any more by what was received so long ago.
    async fn forget_received(&self, now: Timestamp) -> Result<(), StoreError> {
        let before = now.saturating_sub(RECEIVED_KEPT).unwrap_or(Timestamp::MIN);
        loop {
            let forgotten = self.store.forget_received(before, FORGOTTEN_AT_A_TIME).await?;
            if usize::try_from(forgotten).is_ok_and(|forgotten| forgotten < FORGOTTEN_AT_A_TIME) {
                return Ok(());
            }
        }
    }

    /// A message that comes again after so long is another one.
    async fn forget_arrivals(&self, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let forgotten = self.store.forget_arrivals(now, FORGOTTEN_AT_A_TIME).await?;
            if usize::try_from(forgotten).is_ok_and(|forgotten| forgotten < FORGOTTEN_AT_A_TIME) {
                return Ok(());
            }
        }
    }

    /// Nobody asks any more where a message is that ended so long ago.
    async fn forget_stories(&self, now: Timestamp) -> Result<(), StoreError> {
        let kept = SignedDuration::try_from(self.stories_kept.get()).unwrap_or(SignedDuration::MAX);
        let before = now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
        loop {
            let forgotten = self.store.forget_stories(before, FORGOTTEN_AT_A_TIME).await?;
            if usize::try_from(forgotten).is_ok_and(|forgotten| forgotten < FORGOTTEN_AT_A_TIME) {
                return Ok(());
            }
        }
    }

    /// Of an entry whose time is over its hash stays. That it was the node that emptied it is on record.
    async fn prune(&self, now: Timestamp) -> Result<(), StoreError> {
        self.counting.catch_up().await?;
        for class in Class::ALL {
            let (mut entries, mut subjects) = (0, 0);
            loop {
                let event = Author::Node.event(EventKind::Pruned, now);
                let before = self.audit.over_before(class, now);
                let pruned = self.store.prune(Prune { class, before, limit: FORGOTTEN_AT_A_TIME, event }).await?;
                (entries, subjects) = (entries + pruned.entries, subjects + pruned.subjects);
                if !pruned.more {
                    break;
                }
            }
            if entries > 0 {
                let class = class.as_str();
                tracing::info!(class, entries, subjects, "emptied entries of the record whose time is over");
            }
        }
        Ok(())
    }

    /// Whoever has signed in does not want his mailbox deleted.
    async fn withdraw(&self, now: Timestamp) {
        let page = self.store.notices_answered(PAGE).await;
        for record in listed(page) {
            let what = "notice withdrawn: someone has signed in to the mailbox since";
            let done = self.change(&record, MailboxChange::WithdrawNotice, now, what).await;
            self.tell(&record, what, done);
        }
    }

    /// Does what is due for each mailbox. Those that are done leave the list: it ends when none is left but those that
    /// failed.
    async fn each(&self, due: Due, now: Timestamp) {
        let mut failures: HashSet<MailboxId> = HashSet::new();
        loop {
            let page = listed(match due {
                Due::Notice => self.store.inactive_since(self.rules.silent_since(now), PAGE).await,
                Due::End => self.store.notices_ended_by(now, PAGE).await,
            });
            let (full, mut done) = (page.len() == PAGE, 0_usize);
            for record in page {
                if failures.contains(&record.mailbox.id) {
                    continue;
                }
                let outcome = match due {
                    Due::Notice => self.warn(&record, now).await,
                    Due::End => self.end(&record, now).await,
                };
                if let Err(failure) = outcome {
                    failures.insert(record.mailbox.id);
                    self.tell(&record, "", Err(failure));
                } else {
                    done += 1;
                }
            }
            if !full || done == 0 {
                return;
            }
        }
    }

    /// Gives notice to one that nobody has signed in to for long.
    async fn warn(&self, record: &MailboxRecord, now: Timestamp) -> Result<(), Failure> {
        let notice = self.rules.notice(record, now);
        // The letter first: told twice is better than not at all.
        self.send(record, now, notice.ends_at).await?;
        let (since, ends_at) = (record.active_at(), notice.ends_at);
        let what = format!("notice given: nobody has signed in since {since}; deleted at {ends_at}");
        self.change(record, MailboxChange::GiveNotice(notice), now, &what).await?;
        self.tell(record, &what, Ok(()));
        Ok(())
    }

    /// Exports and deletes one whose notice has ended.
    async fn end(&self, record: &MailboxRecord, now: Timestamp) -> Result<(), Failure> {
        // From here on nothing more comes in, and nobody is in it.
        self.change(record, MailboxChange::Suspend, now, "mailbox suspended, to be deleted").await?;
        let deleted = self.delete(record, now).await;
        if deleted.is_err() && record.suspended_at.is_none() {
            self.change(record, MailboxChange::Resume, now, "mailbox open again: it could not be deleted").await?;
        }
        deleted
    }

    async fn delete(&self, record: &MailboxRecord, now: Timestamp) -> Result<(), Failure> {
        let messages = self.export(record).await?;
        if record.published {
            self.change(record, MailboxChange::Unpublish, now, "mailbox unpublished, to be deleted").await?;
        }
        let why = match record.notice.as_ref().map(|notice| notice.cause) {
            Some(NoticeCause::Inactivity) => "nobody has signed in for too long",
            _ => "an admin decided so",
        };
        let what = format!("mailbox deleted at the end of its notice: {why}; {messages} messages exported before");
        let change = MailboxChange::Delete { address_kept_until: self.rules.address_kept_until(now) };
        self.change(record, change, now, &what).await?;
        self.tell(record, &what, Ok(()));
        Ok(())
    }

    /// Writes the content to a folder of its own; how many messages. What was on its way when the mailbox was suspended
    /// may have come in meanwhile: it is taken along.
    async fn export(&self, record: &MailboxRecord) -> Result<usize, Failure> {
        let to = self.exports.join(folder_name(record));
        let mut about = Map::new();
        about.insert("type".to_owned(), record.mailbox.kind.as_str().into());
        about.insert("life".to_owned(), Value::from(record.life().as_str()));
        for _ in 0..EXPORTS_MAX {
            let done = content::export(&*self.store, &record.mailbox, about.clone(), &to).await?;
            if content::mark(&*self.store, &record.mailbox).await? == done.mark {
                return Ok(done.messages);
            }
        }
        Err(StoreError::Conflict("mail kept coming in while the mailbox was exported").into())
    }

    /// The letter, to the mailbox itself and to where those can be reached here who open it.
    async fn send(&self, record: &MailboxRecord, now: Timestamp, ends_at: Timestamp) -> Result<(), StoreError> {
        let id = MessageId::at(now);
        let letter = Letter { id, server_name: &self.server_name, record, at: now, ends_at }.write();
        let mut writer = self.store.stage(id)?;
        writer.write(letter.as_bytes()).await?;
        let body = writer.finish().await?;
        let deliveries = self.readers_of(record).await?;
        let event = Event {
            message: Some(id),
            mailbox: Some(Marked::address(&record.mailbox.address)),
            detail: Some(Marked::plain(format!("notice of deletion, to {} mailboxes", deliveries.len()))),
            ..Event::new(now, EventKind::Delivered, Face::Node)
        };
        let message =
            NewMessage { deliveries, audit: vec![event], ..NewMessage::new(id, now, ReversePath::Null, body) };
        self.store.accept(message).await.map(drop)
    }

    async fn readers_of(&self, record: &MailboxRecord) -> Result<Vec<MailboxId>, StoreError> {
        let mut to = vec![record.mailbox.id];
        for account in self.store.accounts_of(record.mailbox.id).await? {
            to.extend(
                account.grants.iter().filter(|grant| grant.default && !account.disabled).map(|grant| grant.mailbox),
            );
        }
        if let Some(rpps) = record.rpps.clone() {
            let filter = MailboxFilter { rpps: Some(rpps), kind: Some(MailboxKind::Per), ..MailboxFilter::default() };
            let own = self.store.mailbox_records(&filter, None, LETTERS_MAX).await?;
            to.extend(own.iter().map(|own| own.mailbox.id));
        }
        if let Some(Ok(address)) = record.details.responsible.as_deref().map(MailAddress::parse) {
            to.extend(self.store.mailbox(&address).await?.map(|mailbox| mailbox.id));
        }
        let mut seen = HashSet::new();
        to.retain(|mailbox| seen.insert(*mailbox));
        to.truncate(LETTERS_MAX);
        Ok(to)
    }

    async fn change(
        &self,
        record: &MailboxRecord,
        change: MailboxChange,
        now: Timestamp,
        what: &str,
    ) -> Result<(), Failure> {
        let event = Event {
            mailbox: Some(Marked::address(&record.mailbox.address)),
            detail: Some(Marked::text(what)),
            ..Author::Node.event(EventKind::Changed, now)
        };
        self.store.change_mailbox(record.mailbox.id, change, vec![event]).await?;
        Ok(())
    }

    fn tell(&self, record: &MailboxRecord, what: &str, done: Result<(), Failure>) {
        let mailbox = self.masker.address(&record.mailbox.address);
        match done {
            Ok(()) => tracing::info!(mailbox, "{what}"),
            Err(failure) => {
                tracing::error!(mailbox, fault = %failure, "the mailbox stays as it is; tried again tomorrow");
            }
        }
    }
}

/// Those that are due; none if they cannot be told.
fn listed(page: Result<Vec<MailboxRecord>, StoreError>) -> Vec<MailboxRecord> {
    page.unwrap_or_else(|error| {
        failed("mailboxes that are due could not be listed", &error);
        Vec::new()
    })
}

fn failed(what: &str, error: &StoreError) {
    tracing::error!(error = %chain(error), "{what}; tried again tomorrow");
}

/// A day after the last time; also if the clock was set back.
fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now < last || now.duration_since(last) >= DAY)
}

/// Has anything been told that may be a holder's coming back?
fn access_changed(changes: &mut broadcast::Receiver<Change>) -> bool {
    let mut told = false;
    loop {
        match changes.try_recv() {
            Ok(change) => told |= change == Change::Access,
            Err(broadcast::error::TryRecvError::Lagged(_)) => told = true,
            Err(_) => return told,
        }
    }
}

/// The address, as far as it is fit for a file's name, and the mailbox's number: no two mailboxes ever have one folder.
fn folder_name(record: &MailboxRecord) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || "@._-+".contains(c) { c } else { '_' };
    let address: String = record.mailbox.address.key().chars().map(fit).take(200).collect();
    format!("{address}-{}", record.mailbox.id)
}
