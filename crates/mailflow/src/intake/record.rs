//! What a transaction leaves in the record: [`Witness`].

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use pli_audit::{Event, EventKind, Face};
use pli_policy::{CertificateFacts, Origin, Reason};
use pli_types::{Masker, ReversePath};
use tokio::sync::Semaphore;

use super::{Client, Intake};
use crate::metrics;

/// Refusals of peers that have proven nothing whose records may be in the making at once. A flood of them queues here,
/// behind itself, and not in the store's queue, where accepted messages wait.
static UNPROVEN_RECORDS: Semaphore = Semaphore::const_new(16);

/// How long a refusal waits for its record when the peer has proven nothing. Its reply must not hang on a slow store.
const UNPROVEN_PATIENCE: Duration = Duration::from_secs(2);

/// The longest text of a peer's making that enters the record, in characters.
const FOREIGN_TEXT_MAX: usize = 256;

/// What every event of one transaction says alike: who, from where, through which door.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    face: Face,
    actor: Option<String>,
    remote: Option<String>,
    sender: Option<String>,
    detail: Option<String>,
    proven: bool,
}

impl Witness {
    /// Of a client's transaction. `origin` tells what the client has proven; what it only claims goes into the detail.
    pub(crate) fn of_client(
        masker: &Masker,
        face: Face,
        remote: IpAddr,
        client: &Client,
        origin: &Origin,
        sender: &ReversePath,
    ) -> Self {
        let (actor, detail) = match (client, origin) {
            (_, Origin::Peer { certificate: CertificateFacts::Proven(name), .. }) => {
                (Some(foreign(masker, &name.to_string())), None)
            }
            (Client::Peer(peer), _) => (None, claimed_name(peer).map(|name| foreign(masker, &format!("shows {name}")))),
            (Client::Submitter { account, .. }, _) => {
                (account.as_ref().map(|account| masker.address(&account.mailbox.address)), None)
            }
        };
        Self {
            face,
            actor,
            remote: Some(remote.to_canonical().to_string()),
            sender: Some(masker.path(sender)),
            detail,
            proven: super::facts::is_proven(origin),
        }
    }

    /// Of a report that the queue writes.
    pub(crate) fn of_report() -> Self {
        Self {
            face: Face::Delivery,
            actor: None,
            remote: None,
            sender: Some(String::new()),
            detail: None,
            proven: true,
        }
    }

    /// An event of this transaction.
    pub(crate) fn event(&self, at: Timestamp, kind: EventKind) -> Event {
        Event {
            actor: self.actor.clone(),
            remote: self.remote.clone(),
            sender: self.sender.clone(),
            detail: self.detail.clone(),
            ..Event::new(at, kind, self.face)
        }
    }

    /// Records a refusal. Returns when it is kept, or when waiting for it is no longer right: a refusal stands even if
    /// the store does not take its record, and that is logged and counted.
    pub(crate) async fn refused(&self, intake: &Intake, reason: Reason, recipient: Option<String>) {
        metrics::refused(self.face, reason);
        let event = Event {
            recipient,
            reason: Some(reason.code().to_owned()),
            ..self.event(intake.clock.now(), EventKind::Refused)
        };
        if self.proven {
            keep(intake, event).await;
        } else if tokio::time::timeout(UNPROVEN_PATIENCE, keep_in_turn(intake, event)).await.is_err() {
            metrics::record_lost();
            tracing::warn!(reason = reason.code(), remote = self.remote, "a refusal's record was not kept in time");
        }
    }
}

async fn keep_in_turn(intake: &Intake, event: Event) {
    // The semaphore is never closed.
    let _turn = UNPROVEN_RECORDS.acquire().await;
    keep(intake, event).await;
}

async fn keep(intake: &Intake, event: Event) {
    if let Err(error) = intake.store.0.append_audit(vec![event]).await {
        metrics::record_lost();
        tracing::error!(error = %crate::chain(&error), "a refusal's record was not kept");
    }
}

fn claimed_name(peer: &super::PeerOnWire) -> Option<String> {
    let certificate = peer.tls.as_ref()?.certificate.as_ref()?;
    Some(certificate.subject.to_string())
}

/// Text of someone else's making: cut, on one line, without identifiers.
pub(crate) fn foreign(masker: &Masker, text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(FOREIGN_TEXT_MAX).collect();
    masker.scrub(&line)
}
