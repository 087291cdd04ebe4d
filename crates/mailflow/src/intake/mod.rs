//! Intake: `begin` judges `MAIL`, `recipient` judges `RCPT`, `write` takes the body, `commit` judges the content and
//! hands everything to the store in one transaction.
//!
//! Read `transaction` first. `facts` asks, `pli_policy` decides for `judge`, `record` remembers, `evidence` says of a
//! certificate what was seen; `content` reads the header, `trace_header` writes ours on top of it, `examine` looks into
//! the whole, `scan` shows it to the virus scanner, `hand_over` makes what the store takes, `arrival` says by
//! what a message that comes again is known. `admit` asks whether there is room for one at all, `strangers` counts
//! what was refused to those who have proven nothing. [`explain`](mod@explain) asks the same questions and keeps nothing.

mod admit;
mod arrival;
mod contacts;
pub(crate) mod content;
mod documents;
pub(crate) mod evidence;
mod examine;
pub mod explain;
mod facts;
mod guesses;
mod hand_over;
mod header_block;
mod judge;
mod notice;
mod organisations;
pub(crate) mod record;
mod relation;
mod release;
mod reported;
mod scan;
mod strangers;
pub(crate) mod trace_header;
mod transaction;
mod watched;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pli_audit::Face;
use pli_directory::{RoutesHandle, TrustHandle};
use pli_net::{Pki, TlsFacts};
use pli_policy::{Reason, Ruleset};
use pli_store::{Account, NewMessage, Store, StoreError};
use pli_types::{
    Clock, Domain, DsnNotify, EnvelopeParameters, MailAddress, Masker, PresentedCertificate, Recipient, ReversePath,
};

use crate::peer_book::{Direction, Meeting, Noted, PeerBook};
use crate::scanner::Scanner;
use crate::traffic::{Traffic, TrafficLimits};
use tokio::sync::OnceCell;

use evidence::Shown;
pub use explain::{Explanation, Letter, LineFault, Question, explain};
pub use guesses::Guesses;
pub use organisations::{NoOrganisations, Organisation, Organisations};
pub use relation::relation_facts;
pub use release::{NotReleased, Released};
pub use strangers::Strangers;
pub use transaction::Transaction;

/// What intake needs to know of this operator.
#[derive(Debug, Clone)]
pub struct IntakeConfig {
    /// Our name in `Received` and reports.
    pub server_name: String,
    /// The domains whose mailboxes are here.
    pub hosted_domains: Vec<Domain>,
    /// Whose mailbox takes the mail for the postmaster of a hosted domain that has no mailbox of that name (RFC 5321
    /// §4.5.1).
    pub postmaster: Option<MailAddress>,
    /// The largest message taken, in bytes.
    pub message_bytes_max: u64,
    /// The most recipients of one message.
    pub recipients_max: usize,
    /// How long the queue tries.
    pub queue_lifetime: std::time::Duration,
    /// For how long a message that comes again is known as a repeat; zero: never.
    pub repeats_within: std::time::Duration,
    /// After how long the sender of a message that is still tried is told of it; zero: never.
    pub delay_after: std::time::Duration,
    /// Is a peer whose certificate is meant for servers only believed, if the trust list names it? Never a connector.
    pub server_auth_clients: bool,
    /// How many patients without a space each sender may write to in an hour; 0 sets no limit.
    pub unknown_per_peer: u32,
    /// How much may come in at once, and in a minute.
    pub traffic: TrafficLimits,
    /// What can be set of the rules.
    pub ruleset: Ruleset,
    /// Until when what must have become of messages; the first that fits holds.
    pub deadlines: Vec<crate::watch::Deadline>,
}

/// The way in. One for the whole process.
#[derive(Debug, Clone)]
pub struct Intake {
    /// What is known of this operator.
    pub config: Arc<IntakeConfig>,
    /// Where messages go.
    pub store: StoreHandle,
    /// The trust list in force.
    pub trust: TrustHandle,
    /// Whom we believe.
    pub pki: Pki,
    /// Connectors and routes.
    pub routes: RoutesHandle,
    /// How identifiers are masked.
    pub masker: Masker,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What was seen of other operators' certificates.
    pub peers: PeerBook,
    /// Who writes to patients that there are not.
    pub guesses: Guesses,
    /// Who was refused without having proven anything.
    pub strangers: Strangers,
    /// What comes in just now.
    pub traffic: Traffic,
    /// Whose an address is, as far as the directory is kept here.
    pub organisations: Arc<dyn Organisations>,
    /// The virus scanner, if there is one. Whether a message may pass without it, the ruleset says.
    pub scanner: Option<Scanner>,
}

/// `Arc<dyn Store>` with a `Debug`.
#[derive(Clone)]
pub struct StoreHandle(pub Arc<dyn Store>);

impl std::fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// Another server, on the operators' listener.
#[derive(Debug, Clone)]
pub struct PeerOnWire {
    /// What the handshake told; `None` before STARTTLS.
    pub tls: Option<TlsFacts>,
    /// The certificate, masked for the record once it was asked for.
    shown: OnceLock<Arc<Shown>>,
    /// Set once the revocation list that answers for the certificate was asked for, if it had to be.
    prepared: OnceCell<()>,
    /// What stands of it in the peer book. A copy of this value is the same peer on the same connection.
    noted: Arc<Mutex<Noted>>,
}

impl PeerOnWire {
    /// A peer after this handshake, or before any. Make one per handshake.
    #[must_use]
    pub fn new(tls: Option<TlsFacts>) -> Self {
        Self { tls, shown: OnceLock::new(), prepared: OnceCell::new(), noted: Arc::default() }
    }

    /// The certificate that it shows, as the record has it.
    fn shown(&self, masker: &Masker) -> Option<&Arc<Shown>> {
        let certificate = self.tls.as_ref()?.certificate.as_ref()?;
        Some(self.shown.get_or_init(|| Arc::new(Shown::of(masker, certificate))))
    }

    /// Lets what is needed to judge its certificate be fetched, once a handshake. It may take some seconds, while the
    /// peer waits for the reply to its first `MAIL`.
    async fn prepare(&self, intake: &Intake) {
        let Some(certificate) = self.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) else { return };
        self.prepared.get_or_init(|| intake.pki.prepare(certificate, intake.clock.now())).await;
    }

    /// Writes into the peer book how `MAIL` ended, unless it says so of this connection already.
    fn met(&self, intake: &Intake, remote: SocketAddr, refused: Option<Reason>) {
        let Some(TlsFacts { version, certificate: Some(certificate), .. }) = &self.tls else { return };
        let Some(counts) = self.noted.lock().unwrap_or_else(PoisonError::into_inner).ended(refused) else { return };
        let (at, address) = (intake.clock.now(), remote.ip());
        let direction = Direction::In;
        let meeting = Meeting { at, direction, address, tls: version, certificate, refused, counts };
        intake.peers.note(&intake.masker, &meeting);
    }
}

/// Who is at the other end.
#[derive(Debug, Clone)]
pub enum Client {
    /// Another server.
    Peer(PeerOnWire),
    /// Someone on a submission listener, signed in or not.
    Submitter {
        /// Under TLS?
        tls: Option<TlsFacts>,
        /// Who signed in.
        account: Option<Account>,
    },
}

/// What stays the same over the transactions of one connection.
#[derive(Debug, Clone)]
pub struct Session {
    /// Which listener.
    pub face: Face,
    /// From where.
    pub remote: SocketAddr,
    /// The name of EHLO, as given.
    pub helo: String,
    /// Who.
    pub client: Client,
}

/// A refusal, to be put into a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// 4yz rather than 5yz?
    pub temporary: bool,
}

impl Client {
    fn tls(&self) -> Option<&TlsFacts> {
        match self {
            Self::Peer(peer) => peer.tls.as_ref(),
            Self::Submitter { tls, .. } => tls.as_ref(),
        }
    }

    fn certificate(&self) -> Option<&PresentedCertificate> {
        self.tls()?.certificate.as_ref()
    }

    fn is_signed_in(&self) -> bool {
        matches!(self, Self::Submitter { account: Some(_), .. })
    }

    /// The patients whom the one who signed in is a helper of.
    fn helps(&self) -> Vec<MailAddress> {
        match self {
            Self::Submitter { account: Some(account), .. } => account.helps.clone(),
            _ => Vec::new(),
        }
    }
}

impl Intake {
    /// Judges `MAIL` anew, under the list and the CRLs in force now. A refusal is audited before it is returned.
    pub async fn begin(
        &self,
        session: &Session,
        sender: ReversePath,
        parameters: EnvelopeParameters,
    ) -> Result<Transaction, Refusal> {
        self.has_room(session.face)?;
        if let Client::Peer(peer) = &session.client {
            peer.prepare(self).await;
        }
        let list = self.trust.current();
        let facts = facts::at_mail(self, list.as_deref(), &session.client, self.whole_path(sender));
        let mut transaction = Transaction::of_client(self, list, session, facts, parameters);
        let decided = transaction.decide().await;
        if let Client::Peer(peer) = &session.client {
            peer.met(self, session.remote, decided.as_ref().err().map(|refusal| refusal.reason));
        }
        decided?;
        transaction.enter().await?;
        Ok(transaction)
    }

    /// A path by the whole INS, before anything looks at it: what is kept, judged, recorded and passed on is one spelling.
    pub(super) fn whole_path(&self, path: ReversePath) -> ReversePath {
        match path {
            ReversePath::Address(address) => ReversePath::Address(self.config.ruleset.patient.whole(address)),
            ReversePath::Null => ReversePath::Null,
        }
    }

    /// Takes in a report of our own, by the same rules as every message, for whoever settles the row that it is about:
    /// the report and the end of that row are one transaction of the store.
    pub(crate) async fn report(
        &self,
        recipient: MailAddress,
        parameters: EnvelopeParameters,
        body: &[u8],
    ) -> Result<NewMessage, Refusal> {
        let mut transaction = Transaction::of_report(self, self.trust.current(), parameters);
        transaction.decide().await?;
        // A report that cannot be delivered is not reported (RFC 3461 §6.2): nothing is asked for.
        let notify = DsnNotify::NEVER;
        transaction.recipient(Recipient { address: recipient, notify, orcpt: None }).await?;
        transaction.write(body).await?;
        transaction.prepare().await
    }
}

/// A store that fails is a `451` (or `452` where there is no space).
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let reason = match error {
            StoreError::MailboxFull => Reason::MailboxFull,
            StoreError::Unavailable { full: true, .. } => Reason::StoreFull,
            _ => Reason::StoreUnavailable,
        };
        Self { reason, temporary: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_a_store_that_fails() {
        for (full, reason) in [(true, Reason::StoreFull), (false, Reason::StoreUnavailable)] {
            let refusal = Refusal::from(StoreError::Unavailable { what: "COMMIT failed", full, source: None });
            assert_eq!((refusal.reason, refusal.temporary), (reason, true));
        }
    }
}
