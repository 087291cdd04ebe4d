//! [`Lookout`]: looks at the list's source, hands what is new to the custodian, and remembers what was wrong last.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pli_directory::{FileSource, Installed, ListFault, Offer};
use pli_net::Shutdown;
use tokio::sync::{Mutex, Notify};

use super::publisher::{Answer, Publisher};
use super::schedule;
use super::{Author, Custodian};
use crate::config::{ListOrigin, Settings};
use crate::exit::Failure;
use crate::metrics as names;

/// How often a file is looked at. A change takes effect within two seconds.
const FILE_EVERY: Duration = Duration::from_secs(1);

/// The source of the list, and what is known of it.
pub(crate) struct Lookout {
    custodian: Custodian,
    source: Source,
    name: String,
    every: Duration,
    /// What was wrong with the source when it was last looked at.
    fault: Option<ListFault>,
    /// How often in a row it failed in a way that may soon be over.
    failures: u32,
    looked: bool,
}

enum Source {
    File(FileSource),
    Publisher(Box<Publisher>),
}

/// A look that found nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Looked {
    /// The list in force is still the list, or nothing has been said since the last look.
    Unchanged,
    /// A new list is in force.
    Installed(Installed),
}

/// What a look at the source brought.
enum Brought {
    Nothing,
    /// The list in force, known without its being offered, and since when.
    Same(jiff::Timestamp),
    List(Vec<u8>),
}

impl Lookout {
    /// At the source of the configuration; nothing is looked at yet.
    pub(crate) fn new(settings: &Settings, state: &Path, custodian: Custodian) -> Result<Self, Failure> {
        let trust = &settings.config.trust;
        let source = match &settings.list {
            ListOrigin::File(path) => Source::File(FileSource::new(path)),
            ListOrigin::Publisher { url, anchors } => {
                let (total, clock) = (trust.fetch_timeout.get(), Arc::clone(&custodian.clock));
                Source::Publisher(Box::new(Publisher::new(url, anchors, total, state, clock)?))
            }
        };
        let (name, every) = (settings.list.name(), trust.every.get());
        Ok(Self { custodian, source, name, every, fault: None, failures: 0, looked: false })
    }

    /// Is the source a file? It can be looked at before doors open, as it makes nobody wait.
    pub(crate) fn is_at_hand(&self) -> bool {
        matches!(self.source, Source::File(_))
    }

    /// Looks, and does what follows. `anew`: also a file that has not changed is read.
    pub(crate) async fn look(&mut self, anew: bool, author: &Author) -> Result<Looked, ListFault> {
        let brought = self.bring(anew).await;
        self.take(brought, author).await
    }

    async fn take(&mut self, brought: Result<Brought, ListFault>, author: &Author) -> Result<Looked, ListFault> {
        let seen = match brought {
            Ok(Brought::Nothing) => match self.fault.clone() {
                // What lies there is what was refused.
                Some(fault) => {
                    metrics::counter!(names::TRUST_LIST_FAILURES).increment(1);
                    return Err(fault);
                }
                None => return Ok(Looked::Unchanged),
            },
            Ok(Brought::Same(at)) => {
                self.confirm(at).await;
                Ok(Looked::Unchanged)
            }
            Ok(Brought::List(bytes)) => self.offer(bytes, author).await,
            Err(fault) => {
                self.write_down(&fault).await;
                Err(fault)
            }
        };
        self.remember(seen.as_ref().err(), author).await;
        seen
    }

    /// How long until the next look.
    fn pause(&self) -> Duration {
        match &self.source {
            Source::File(_) => FILE_EVERY,
            Source::Publisher(_) if !self.looked => Duration::ZERO,
            Source::Publisher(_) => schedule::pause(self.every, self.failures, schedule::random()),
        }
    }

    /// Asks the source. May be given up at any time.
    async fn bring(&mut self, anew: bool) -> Result<Brought, ListFault> {
        let first = !std::mem::replace(&mut self.looked, true);
        let trust = self.custodian.trust.clone();
        match &mut self.source {
            Source::File(file) => {
                if anew {
                    file.forget();
                }
                let mut looking = file.clone();
                let looked = tokio::task::spawn_blocking(move || (looking.read_if_changed(), looking)).await;
                let Ok((read, looked)) = looked else { return Ok(Brought::Nothing) };
                *file = looked;
                Ok(match read? {
                    None => Brought::Nothing,
                    // After a restart the file is the list in force, most often. Its word is as old as the file: that we
                    // have started says nothing about the list.
                    Some((bytes, at)) if first && trust.held().is_none() && trust.is_in_force(&bytes) => {
                        Brought::Same(at.min(self.custodian.clock.now()))
                    }
                    Some((bytes, _)) => Brought::List(bytes),
                })
            }
            Source::Publisher(publisher) => match publisher.fetch(trust.in_force().map(|list| list.digest)).await? {
                Answer::Same => Ok(Brought::Same(self.custodian.clock.now())),
                Answer::List(bytes) => Ok(Brought::List(bytes)),
            },
        }
    }

    async fn offer(&mut self, bytes: Vec<u8>, author: &Author) -> Result<Looked, ListFault> {
        let offered = self.custodian.offer(bytes, &self.name, author).await;
        match (&mut self.source, &offered) {
            // It is fit, and may be kept once there is room.
            (Source::File(file), Err(ListFault::NotKept(_))) => file.forget(),
            (Source::Publisher(publisher), Ok(_)) => {
                if let Some(list) = self.custodian.trust.in_force() {
                    publisher.remember(list.digest).await;
                }
            }
            _ => {}
        }
        Ok(match offered? {
            Offer::Installed(installed) => Looked::Installed(installed),
            Offer::Unchanged => Looked::Unchanged,
        })
    }

    async fn confirm(&self, at: jiff::Timestamp) {
        let trust = self.custodian.trust.clone();
        tokio::task::spawn_blocking(move || trust.confirm(at)).await.ok();
    }

    /// A source that gave nothing at all: in the history once a change for a file, which is looked at every second.
    async fn write_down(&self, fault: &ListFault) {
        if matches!(self.source, Source::File(_)) && self.fault.as_ref() == Some(fault) {
            return;
        }
        let (trust, now, name, fault) =
            (self.custodian.trust.clone(), self.custodian.clock.now(), self.name.clone(), fault.clone());
        tokio::task::spawn_blocking(move || trust.refused(&fault, &name, now)).await.ok();
    }

    async fn remember(&mut self, fault: Option<&ListFault>, author: &Author) {
        if let Some(fault) = fault {
            metrics::counter!(names::TRUST_LIST_FAILURES).increment(1);
            metrics::counter!(names::TRUST_LIST_REFUSED, "reason" => fault.code()).increment(1);
            if self.fault.as_ref() != Some(fault) {
                self.custodian.tell_refused(fault, &self.name, author).await;
            }
        }
        self.failures = if fault.is_some_and(may_soon_be_over) { self.failures.saturating_add(1) } else { 0 };
        self.fault = fault.cloned();
    }
}

/// A list that was given and is unfit is unfit a second later. Nobody answering, or a full disk, may be over soon.
fn may_soon_be_over(fault: &ListFault) -> bool {
    matches!(
        fault,
        ListFault::PublisherUnreachable(_)
            | ListFault::PublisherSlow
            | ListFault::PublisherAnswer(_)
            | ListFault::NotKept(_)
    )
}

/// Looks when it is time, and at once when `hurry` says so, until the end.
pub(crate) async fn watch(lookout: Arc<Mutex<Lookout>>, hurry: Arc<Notify>, shutdown: Shutdown) {
    loop {
        // An admin's fetch may hold it for minutes.
        let pause = tokio::select! {
            () = shutdown.begun() => return,
            lookout = lookout.lock() => lookout.pause(),
        };
        tokio::select! {
            () = shutdown.begun() => return,
            () = hurry.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        let mut lookout = tokio::select! {
            () = shutdown.begun() => return,
            lookout = lookout.lock() => lookout,
        };
        // A fetch may take minutes: the end does not wait for it. It waits for a list that came to be told of.
        let brought = tokio::select! {
            () = shutdown.begun() => return,
            brought = lookout.bring(false) => brought,
        };
        // What is wrong is told by the lookout itself.
        lookout.take(brought, &Author::Node).await.ok();
    }
}
