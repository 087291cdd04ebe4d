//! Intake: `begin` judges `MAIL`, `recipient` judges `RCPT`, `write` takes the body, `commit` judges the content and
//! hands everything to the store in one transaction.

mod judgement;

use std::net::SocketAddr;
use std::sync::Arc;

use pli_audit::Face;
use pli_directory::{Routes, TrustHandle};
use pli_net::{Pki, TlsFacts};
use pli_policy::{Reason, Ruleset};
use pli_store::{Account, Receipt, Store, StoreError};
use pli_types::{Clock, Domain, EnvelopeParameters, Masker, Recipient, ReversePath};

use judgement::JudgementCache;

/// What intake needs to know of this operator.
#[derive(Debug, Clone)]
pub struct IntakeConfig {
    /// Our name in `Received` and reports.
    pub server_name: String,
    /// The domains whose mailboxes are here.
    pub hosted_domains: Vec<Domain>,
    /// The largest message taken, in bytes.
    pub message_bytes_max: u64,
    /// The most recipients of one message.
    pub recipients_max: usize,
    /// How long the queue tries.
    pub queue_lifetime: std::time::Duration,
    /// What can be set of the rules.
    pub ruleset: Ruleset,
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
    pub routes: Arc<Routes>,
    /// How identifiers are masked.
    pub masker: Masker,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
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
    judgement: JudgementCache,
}

impl PeerOnWire {
    /// A peer after this handshake, or before any. Make one per handshake: what was judged of one certificate is
    /// remembered here.
    #[must_use]
    pub fn new(tls: Option<TlsFacts>) -> Self {
        Self { tls, judgement: JudgementCache::default() }
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

/// One message on its way in.
#[derive(Debug)]
pub struct Transaction {}

impl Intake {
    /// Judges `MAIL` anew, under the list and the CRLs in force now. A refusal is audited before it is returned.
    pub async fn begin(
        &self,
        _session: &Session,
        _sender: ReversePath,
        _parameters: EnvelopeParameters,
    ) -> Result<Transaction, Refusal> {
        Err(Refusal { reason: Reason::StoreUnavailable, temporary: true })
    }
}

impl Transaction {
    /// Judges one `RCPT`. A refusal is audited and leaves the transaction as it was.
    pub async fn recipient(&mut self, _recipient: Recipient) -> Result<(), Refusal> {
        Err(Refusal { reason: Reason::StoreUnavailable, temporary: true })
    }

    /// Takes bytes of the body: CRLF lines, dots unstuffed, no bare CR or LF, no NUL (the protocol machine has seen to
    /// it). A refusal here is final: the caller reads on to the end of DATA and then says it.
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<(), Refusal> {
        Err(Refusal { reason: Reason::StoreUnavailable, temporary: true })
    }

    /// Judges the content and hands everything over in one transaction. Returns only when it is kept.
    pub async fn commit(self) -> Result<Receipt, Refusal> {
        Err(Refusal { reason: Reason::StoreUnavailable, temporary: true })
    }

    /// Records a refusal that the protocol machine found (line endings, size, NUL) and drops what was staged.
    pub async fn refuse(self, reason: Reason) -> Refusal {
        Refusal { reason, temporary: false }
    }
}

/// A store that fails is a `451` (or `452` where there is no space).
impl From<StoreError> for Refusal {
    fn from(_error: StoreError) -> Self {
        Self { reason: Reason::StoreUnavailable, temporary: true }
    }
}
