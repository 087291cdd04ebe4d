//! [`Desk`]: answers what an admin asks, in a node or beside none. Gathers, decides, and leaves changes to
//! [`super::changes`].

use std::path::PathBuf;
use std::sync::Arc;

use pli_directory::{ListFault, RollbackFault, TrustHandle, TrustList};
use pli_mailflow::{Intake, PeerBook};
use pli_store::Store;
use pli_types::Clock;
use tokio::sync::Mutex;

use super::diff::differences;
use super::house::House;
use super::protocol::{AlarmTold, Answer, Difference, Pong, Request, SealedTold, Side, Standing};
use crate::alarms::rounds::Sources;
use crate::connectors::ConnectorBook;
use crate::exit::{Exit, Failure};
use crate::trust::{Custodian, Lookout};

/// What is needed to answer.
pub(crate) struct Desk {
    pub(crate) trust: TrustHandle,
    pub(crate) clock: Arc<dyn Clock>,
    /// The state folder.
    pub(crate) state: PathBuf,
    /// The store, to look into: a running node's own, or one opened for reading.
    pub(crate) store: Option<Arc<dyn Store>>,
    /// What rules about mailboxes are judged by; there where the store is.
    pub(crate) house: Option<House>,
    /// What only who may change something has.
    pub(crate) office: Option<Office>,
    /// What only a running node knows.
    pub(crate) alarms: Option<Sources>,
    /// What it has seen of other operators, up to now.
    pub(crate) peers: Option<PeerBook>,
    /// Hospitals' own servers.
    pub(crate) connectors: ConnectorBook,
    /// The way in of a running node, by which what is held goes on.
    pub(crate) intake: Option<Box<Intake>>,
}

/// By what changes are made.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) custodian: Custodian,
    pub(crate) lookout: Arc<Mutex<Lookout>>,
}

impl Desk {
    /// Answers. `actor` is who asks, as the record names him; `attached` is the list that came along, if one did.
    pub(crate) async fn answer(
        &self,
        request: Request,
        attached: Option<Vec<u8>>,
        actor: &str,
    ) -> Result<Answer, Failure> {
        match request {
            Request::Ping => {
                Ok(Answer::Pong(Pong { version: crate::clock::VERSION.to_owned(), pid: std::process::id() }))
            }
            Request::TrustShow => Ok(Answer::Standing(Box::new(self.standing()))),
            Request::TrustHistory => Ok(Answer::History { rows: self.trust.history() }),
            Request::TrustDiff { from, to } => {
                let rows = self.differences(from, to, attached).await?;
                Ok(Answer::Differences { rows })
            }
            Request::TrustFetch => self.office(&request)?.fetch(actor).await.map(Answer::Change),
            Request::TrustInstall { dry_run: true, .. } => self.rehearse_install(attached).await.map(Answer::Change),
            Request::TrustInstall { ref reason, .. } => {
                self.office(&request)?.install(attached, actor, checked_reason(reason)?).await.map(Answer::Change)
            }
            Request::TrustRollback { to, dry_run: true, .. } => self.rehearse_rollback(to).await.map(Answer::Change),
            Request::TrustRollback { ref to, ref reason, .. } => {
                let office = self.office(&request)?;
                office.roll_back(to.clone(), actor, checked_reason(reason)?).await.map(Answer::Change)
            }
            Request::Queue(ref ask) => Box::pin(self.queue(ask, actor)).await.map(Answer::Queue),
            Request::DirectoryInstall { ref digest } => {
                let about = self.install_directory(digest, actor).await?;
                Ok(Answer::Directory { taken: about.taken, refused: about.refused })
            }
            Request::Reveal(ref ask) => {
                self.reveal(ask, actor).await?;
                Ok(Answer::OnRecord)
            }
            Request::Connector(ask) => self.connector(ask, actor).await.map(Answer::Connector),
            Request::Publish { ref addresses } => {
                let mailboxes = self.publish(addresses, actor).await?;
                Ok(Answer::Published { mailboxes })
            }
            Request::Notice(ask) => Box::pin(self.notice(ask, attached, actor)).await.map(Answer::Notice),
            Request::Directory(ask) => self.directory(ask, actor).await.map(Answer::DirectoryEntry),
            Request::Dispensation(ask) => self.dispensation(ask, attached, actor).await.map(Answer::Dispensation),
            Request::Mailbox(ask) => Box::pin(self.mailbox(ask, attached, actor)).await.map(Answer::Mailbox),
            Request::Account(ask) => Box::pin(self.account(ask, attached, actor)).await.map(Answer::Account),
            Request::Patient(ask) => Box::pin(self.patient(ask, attached, actor)).await.map(Answer::Patient),
            Request::Relation(ask) => Box::pin(self.relation(ask, actor)).await.map(Answer::Relation),
            Request::Incident(ask) => Box::pin(self.incident(ask, actor)).await.map(Answer::Incident),
            Request::Report(ask) => Box::pin(self.report(ask)).await.map(Answer::Report),
            Request::Audit(ask) => Box::pin(self.record(ask, actor)).await.map(Answer::Audit),
            Request::Alarms => self.alarms(&request).await,
            Request::PeerList => {
                let book = self.peers.clone().ok_or_else(|| unable(&request))?;
                off_threads(move || Ok(Answer::Peers { rows: book.records() })).await
            }
        }
    }

    /// What is needed to answer about mailboxes and accounts.
    pub(super) fn store_and_house(&self) -> Result<(&dyn Store, &House), Failure> {
        match (&self.store, &self.house) {
            (Some(store), Some(house)) => Ok((&**store, house)),
            _ => Err(Failure::defect("a desk without a store")),
        }
    }

    pub(super) fn office(&self, request: &Request) -> Result<&Office, Failure> {
        self.office.as_ref().ok_or_else(|| unable(request))
    }

    fn standing(&self) -> Standing {
        let in_force = self.trust.in_force();
        Standing {
            in_force: in_force.as_ref().map(Into::into),
            installed_at: in_force.as_ref().map(|list| list.installed_at),
            confirmed_at: in_force.as_ref().map(|list| list.confirmed_at),
            source: in_force.map(|list| list.source),
            held: self.trust.held(),
        }
    }

    async fn differences(&self, from: Side, to: Side, attached: Option<Vec<u8>>) -> Result<Vec<Difference>, Failure> {
        let trust = self.trust.clone();
        off_threads(move || {
            let attached = attached.map(|bytes| TrustList::parse(&bytes)).transpose()?;
            let side = |side: Side| -> Result<Arc<TrustList>, Failure> {
                match side {
                    Side::InForce => trust.current().ok_or_else(no_list),
                    Side::Held => trust.held_list().map(Arc::new).map_err(not_held),
                    Side::Kept(digest) => trust.kept_list(&digest).map_err(not_kept),
                    Side::Attached => attached
                        .clone()
                        .map(Arc::new)
                        .ok_or_else(|| Failure::told(Exit::Usage, "admin-request.no-list", &[])),
                }
            };
            Ok(differences(&*side(from)?, &*side(to)?))
        })
        .await
    }

    async fn alarms(&self, request: &Request) -> Result<Answer, Failure> {
        let sources = self.alarms.clone().ok_or_else(|| unable(request))?;
        let sealed = sources.sealing.sealed().map(|(size, at)| SealedTold { size, at });
        let alarms = off_threads(move || Ok(sources.alarms())).await?;
        Ok(Answer::Alarms { rows: alarms.iter().map(AlarmTold::from).collect(), sealed })
    }
}

/// The most that a reason may say.
const REASON_CHARS_MAX: usize = 1000;

/// A reason says something, in one line.
pub(crate) fn checked_reason(reason: &str) -> Result<&str, Failure> {
    let reason = reason.trim();
    if !reason.is_empty() && reason.chars().count() <= REASON_CHARS_MAX && !reason.chars().any(char::is_control) {
        return Ok(reason);
    }
    Err(Failure::told(Exit::Usage, "reason-missing", &[("most", &REASON_CHARS_MAX)]))
}

/// This desk cannot answer that: it is one beside no node.
pub(super) fn unable(request: &Request) -> Failure {
    Failure::told(Exit::Conflict, "node-not-running", &[("request", &request.name())])
}

/// There is nothing to compare with or to show.
pub(crate) fn no_list() -> Failure {
    Failure::told(Exit::NotFound, "list-missing", &[])
}

/// The held list is what is compared when nothing else is named.
fn not_held(fault: ListFault) -> Failure {
    if fault != ListFault::NothingHeld {
        return fault.into();
    }
    Failure::told(Exit::NotFound, "list-nothing-held.to-compare", &[])
}

/// A list that is only to be looked at: no rollback is meant.
fn not_kept(fault: RollbackFault) -> Failure {
    let code = match fault {
        RollbackFault::Unknown(_) => "list-unknown",
        RollbackFault::Ambiguous(_) => "list-ambiguous",
        _ => return fault.into(),
    };
    Failure::from(fault).coded(code)
}

/// Runs what parses and reads off the async threads.
pub(super) async fn off_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Failure::defect("pli has met a state that it does not know")))
}

impl From<RollbackFault> for Failure {
    fn from(fault: RollbackFault) -> Self {
        match fault {
            RollbackFault::List(fault) => fault.into(),
            RollbackFault::NothingBefore => Self::told(Exit::Conflict, "rollback-nothing-before", &[]),
            RollbackFault::Unknown(digest) => {
                Self::told(Exit::NotFound, "rollback-unknown-list", &[("digest", &digest)])
            }
            RollbackFault::Ambiguous(digest) => Self::told(Exit::Usage, "rollback-ambiguous", &[("digest", &digest)]),
            RollbackFault::InForce => Self::told(Exit::Conflict, "rollback-in-force", &[]),
        }
    }
}
