//! [`Transaction`]: one message on its way in.

use std::net::IpAddr;
use std::sync::Arc;

use pli_audit::Face;
use pli_directory::TrustList;
use pli_document::Examined;
use pli_failpoint::failpoint;
use pli_policy::facts::MailboxFacts;
use pli_policy::{Facts, Origin, Reason, RecipientFacts, Stage};
use pli_store::{BodyWriter, NewMessage, Receipt, StagedBody, StoreError};
use pli_types::{EnvelopeParameters, MailAddress, Marked, MessageId, Recipient};

use super::arrival::Content;
use super::content::{self, HeaderFacts};
use super::facts::Way;
use super::header_block::{Found, HeaderBlock};
use super::record::Witness;
use super::reported::{Beginning, Tidings};
use super::trace_header::{self, Trace};
use super::{Intake, Refusal, Session, facts, relation};
use crate::metrics;
use crate::spans::{Begun, Step};
use crate::traffic::Place;

/// One message on its way in. Dropped without [`Transaction::commit`], it leaves nothing behind.
pub struct Transaction {
    pub(super) intake: Intake,
    /// The list that the transaction began with is the one it ends under.
    pub(super) list: Option<Arc<TrustList>>,
    pub(super) facts: Facts,
    pub(super) witness: Witness,
    pub(super) wire: Option<Wire>,
    pub(super) face: Face,
    pub(super) id: MessageId,
    pub(super) parameters: EnvelopeParameters,
    pub(super) recipients: Vec<Accepted>,
    /// What was found in it.
    pub(super) examined: Examined,
    /// Of what a client sends.
    pub(super) content: Option<Content>,
    /// Among the messages on their way in.
    pub(super) place: Option<Place>,
    /// What it says of another message, if it is a report.
    pub(super) tidings: Option<Tidings>,
    body: Body,
    body_bytes: u64,
    too_many_told: bool,
    /// From its first command on.
    span: Begun,
}

/// What the trace header tells of the connection. Reports come over none.
pub(super) struct Wire {
    pub(super) helo: String,
    pub(super) remote: IpAddr,
    pub(super) tls: Option<(String, String)>,
    pub(super) signed_in: bool,
    /// The patients whom the one who signed in is a helper of.
    pub(super) helps: Vec<MailAddress>,
}

/// A recipient that was accepted, and the way its copy goes.
pub(super) struct Accepted {
    pub(super) recipient: Recipient,
    /// [`MailAddress::key`] of its address.
    pub(super) key: String,
    /// Where to.
    pub(super) way: Way,
    /// The rule by which it goes back or is held.
    pub(super) rule: Option<&'static str>,
    /// What was known of it when it was accepted.
    pub(super) known: RecipientFacts,
}

/// How far the body has come.
enum Body {
    /// The header is held aside until it ends.
    Header(HeaderBlock),
    /// The header was read and written, as is the rest as it comes.
    Streaming { writer: Box<dyn BodyWriter>, header: Box<HeaderFacts>, report: Option<Beginning> },
    /// Refused while it came: final.
    Refused(Refusal),
}

impl Transaction {
    /// A client's, before anything was judged.
    pub(super) fn of_client(
        intake: &Intake,
        list: Option<Arc<TrustList>>,
        session: &Session,
        facts: Facts,
        parameters: EnvelopeParameters,
    ) -> Self {
        let remote = session.remote.ip();
        let witness =
            Witness::of_client(&intake.masker, session.face, remote, &session.client, &facts.origin, &facts.sender);
        let tls = session.client.tls().map(|tls| (tls.version.clone(), tls.cipher.clone()));
        let (helo, signed_in, helps) = (session.helo.clone(), session.client.is_signed_in(), session.client.helps());
        let wire = Wire { helo, remote, tls, signed_in, helps };
        let content = Some(Content::new()).filter(|_| !intake.config.repeats_within.is_zero());
        Self { content, ..Self::new(intake, list, facts, witness, Some(wire), session.face, parameters) }
    }

    /// Pli's own, for a report.
    pub(super) fn of_report(intake: &Intake, list: Option<Arc<TrustList>>, parameters: EnvelopeParameters) -> Self {
        let facts = facts::of_report(list.as_deref());
        Self::new(intake, list, facts, Witness::of_report(), None, Face::Delivery, parameters)
    }

    /// Pli's own, for a notice to a patient.
    pub(super) fn of_notice(intake: &Intake, notice: &str, sender: MailAddress) -> Self {
        let list = intake.trust.current();
        let facts = facts::of_notice(list.as_deref(), sender);
        let witness = Witness::of_notice(&intake.masker, notice, &facts.sender);
        Self::new(intake, list, facts, witness, None, Face::Node, EnvelopeParameters::default())
    }

    fn new(
        intake: &Intake,
        list: Option<Arc<TrustList>>,
        facts: Facts,
        witness: Witness,
        wire: Option<Wire>,
        face: Face,
        parameters: EnvelopeParameters,
    ) -> Self {
        let id = MessageId::at(intake.clock.now());
        Self {
            intake: intake.clone(),
            list,
            facts,
            witness,
            wire,
            face,
            id,
            parameters,
            recipients: Vec::new(),
            examined: Examined::default(),
            content: None,
            place: None,
            tidings: None,
            body: Body::Header(HeaderBlock::default()),
            body_bytes: 0,
            too_many_told: false,
            span: Begun::now(Step::Accept, id, &*intake.clock),
        }
    }

    /// Judges one `RCPT`. A refusal is audited and leaves the transaction as it was. A recipient named twice gets the
    /// message once.
    pub async fn recipient(&mut self, recipient: Recipient) -> Result<(), Refusal> {
        let address = self.intake.config.ruleset.patient.whole(recipient.address);
        let recipient = Recipient { address, ..recipient };
        let key = recipient.address.key();
        if self.recipients.iter().any(|known| known.is(&recipient.address, &key)) {
            return Ok(());
        }
        if self.recipients.len() >= self.intake.config.recipients_max {
            return Err(self.too_many(&recipient.address).await);
        }
        if self.guesses_too_much(&recipient.address) {
            let named = Marked::address(&recipient.address);
            self.record_refusal(Reason::RateExceeded, Some(named)).await;
            return Err(Refusal { reason: Reason::RateExceeded, temporary: true });
        }
        let (list, patient) = (self.list.as_deref(), self.facts.patient.as_ref());
        let asked = facts::of_recipient(&self.intake, list, &recipient.address, patient).await;
        let (known, way) = asked.map_err(store_failed)?;
        self.facts.stage = Stage::Recipient;
        self.facts.recipient = Some(known.clone());
        let decided = self.decide().await;
        self.facts.recipient = None;
        if known.hosted && known.mailbox == MailboxFacts::None && known.address.ins().is_some() {
            self.note_guess();
        }
        let (way, rule) = decided?.map_or((way, None), |turned| (turned.way, turned.rule));
        // Policy takes none of these. If it ever did, a message for nobody must not be relayed to ourselves.
        if known.hosted && way == Way::Elsewhere {
            return Err(Refusal { reason: Reason::RecipientUnknown, temporary: false });
        }
        self.recipients.push(Accepted { recipient, key, way, rule, known });
        Ok(())
    }

    /// Is it for a patient here, and has whoever brings it written to too many who are not?
    fn guesses_too_much(&self, address: &MailAddress) -> bool {
        let (intake, limit) = (&self.intake, self.intake.config.unknown_per_peer);
        let asked = address.ins().is_some() && facts::is_hosted(intake, address.domain());
        let sender = self.guesser().filter(|_| asked && limit > 0);
        sender.is_some_and(|sender| intake.guesses.are_too_many(sender, limit, intake.clock.now()))
    }

    /// Whose guesses are counted; not our own reports and notices.
    fn guesser(&self) -> Option<&str> {
        self.witness.actor().filter(|_| self.facts.origin != Origin::Relay)
    }

    /// A patient here whom nobody knows. One line in the log says when a sender has reached his limit.
    fn note_guess(&self) {
        let (intake, limit) = (&self.intake, self.intake.config.unknown_per_peer);
        let Some(sender) = self.guesser() else { return };
        if intake.guesses.note(sender, limit, intake.clock.now()) {
            metrics::guessing();
            tracing::warn!(
                sender,
                limit,
                "has written to more unknown patients than one may in an hour; its mail to patients is put off"
            );
        }
    }

    /// Recorded once a transaction: ten thousand recipients too many are one event.
    async fn too_many(&mut self, address: &MailAddress) -> Refusal {
        if !std::mem::replace(&mut self.too_many_told, true) {
            let named = Marked::address(address);
            self.record_refusal(Reason::TooManyRecipients, Some(named)).await;
        }
        Refusal { reason: Reason::TooManyRecipients, temporary: true }
    }

    /// Takes bytes of the body: CRLF lines, dots unstuffed, no bare CR or LF, no NUL (the protocol machine has seen to
    /// it). A refusal here is final: the caller reads on to the end of DATA and then says it.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if let Body::Refused(refusal) = &self.body {
            return Err(refusal.clone());
        }
        self.body_bytes = self.body_bytes.saturating_add(bytes.len() as u64);
        let taken = if self.body_bytes > self.intake.config.message_bytes_max {
            Err(self.refused_here(Reason::MessageTooBig).await)
        } else {
            if let Some(content) = &mut self.content {
                content.take(bytes);
            }
            self.take(bytes).await
        };
        if let Err(refusal) = &taken {
            // What was staged goes with the writer.
            self.body = Body::Refused(refusal.clone());
        }
        taken
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        match &mut self.body {
            Body::Refused(refusal) => Err(refusal.clone()),
            Body::Streaming { writer, report, .. } => {
                if let Some(report) = report {
                    report.take(bytes);
                }
                writer.write(bytes).await.map_err(store_failed)
            }
            Body::Header(block) => match block.push(bytes) {
                Found::More => Ok(()),
                Found::End(end) => self.begin_body(end).await,
                Found::TooLong => Err(self.refused_here(Reason::MessageMalformed).await),
            },
        }
    }

    /// The header is whole: reads it, writes our lines, then all that has come so far.
    async fn begin_body(&mut self, header_end: usize) -> Result<(), Refusal> {
        let Body::Header(block) = std::mem::replace(&mut self.body, Body::Header(HeaderBlock::default())) else {
            return Ok(());
        };
        let server_name = &self.intake.config.server_name;
        let mut header = content::read(block.bytes().get(..header_end).unwrap_or_default(), server_name);
        let mut writer = self.intake.store.0.stage(self.id).map_err(store_failed)?;
        let added = self.added_lines(&header);
        if self.face == Face::Submission && !header.has_message_id {
            header.thread.message_id = Some(trace_header::own_message_id(self.id, server_name));
        }
        writer.write(added.as_bytes()).await.map_err(store_failed)?;
        writer.write(block.bytes()).await.map_err(store_failed)?;
        let report = Beginning::of(&header.thread).map(|mut report| {
            report.take(block.bytes().get(header_end..).unwrap_or_default());
            report
        });
        self.body = Body::Streaming { writer, header: Box::new(header), report };
        Ok(())
    }

    /// What goes on top. A report gets nothing: it comes from here.
    fn added_lines(&self, header: &HeaderFacts) -> String {
        let Some(wire) = &self.wire else { return String::new() };
        let (now, server_name) = (self.intake.clock.now(), &self.intake.config.server_name);
        let only_recipient = match self.recipients.as_slice() {
            [only] => Some(&only.recipient.address),
            _ => None,
        };
        let trace = Trace {
            helo: &wire.helo,
            remote: wire.remote,
            server_name,
            tls: wire.tls.as_ref().map(|(version, cipher)| (version.as_str(), cipher.as_str())),
            signed_in: wire.signed_in,
            smtputf8: self.parameters.smtputf8,
            id: self.id,
            only_recipient,
            at: now,
        };
        let mut lines = trace.line(&self.intake.masker);
        let named = [self.facts.sender.address(), header.from.as_ref().map(|from| &from.address)];
        let for_patient = |address: &MailAddress| wire.helps.iter().any(|patient| patient.key() == address.key());
        if named.into_iter().flatten().any(for_patient) {
            lines += trace_header::BY_HELPER;
        }
        if self.face == Face::Submission {
            lines += &trace_header::completion(header.has_date, header.has_message_id, now, self.id, server_name);
        }
        lines
    }

    /// Judges the content and hands everything over in one transaction. Returns only when it is kept.
    pub async fn commit(mut self) -> Result<Receipt, Refusal> {
        let (recipients, clock) = (self.recipients.len(), Arc::clone(&self.intake.clock));
        let kept = self.keep().await;
        self.way_in(recipients).end(&kept, &*clock);
        kept
    }

    /// What is told of the whole way in.
    fn way_in(&self, recipients: usize) -> Begun {
        self.span.with(|span| {
            span.face = Some(self.face);
            span.recipients = Some(recipients);
            span.bytes = Some(self.body_bytes);
        })
    }

    async fn keep(&mut self) -> Result<Receipt, Refusal> {
        let message = self.prepare().await?;
        failpoint!("intake.accept.before", Refusal { reason: Reason::StoreUnavailable, temporary: true });
        let (bytes, ways) = (message.body.size(), metrics::Ways::of(&message));
        let keeping = Begun::now(Step::Keep, self.id, &*self.intake.clock);
        let kept = self.intake.store.0.accept(message).await;
        keeping.end_of_keeping(kept.is_ok(), &*self.intake.clock);
        match kept {
            Ok(receipt) => {
                failpoint!("intake.accept.after");
                metrics::accepted(self.face, bytes, ways);
                self.count_documents();
                self.witness.log_accepted(&self.intake.masker, receipt.id, ways.total(), bytes);
                if ways.held() > 0 {
                    tracing::warn!(id = %receipt.id, recipients = ways.held(), "held: an admin must decide on it");
                }
                Ok(receipt)
            }
            Err(StoreError::MailboxFull) => Err(self.refused_here(Reason::MailboxFull).await),
            Err(error) => Err(store_failed(error)),
        }
    }

    /// Judges the content and makes what the store takes.
    pub(crate) async fn prepare(&mut self) -> Result<NewMessage, Refusal> {
        let (body, header) = self.finish_body().await?;
        failpoint!("intake.body.staged", Refusal { reason: Reason::StoreUnavailable, temporary: true });
        let deciding = Begun::now(Step::Decide, self.id, &*self.intake.clock);
        let decided = self.judge(&body, &header).await;
        deciding.end(&decided, &*self.intake.clock);
        decided?;
        let scanning = Begun::now(Step::Scan, self.id, &*self.intake.clock);
        let scanned = self.scan(&body).await;
        if self.intake.scanner.is_some() {
            scanning.end(&scanned, &*self.intake.clock);
        }
        scanned?;
        self.hand_over(body, &header).await
    }

    async fn judge(&mut self, body: &StagedBody, header: &HeaderFacts) -> Result<(), Refusal> {
        self.examine(body, header).await?;
        self.judge_content(header).await
    }

    async fn finish_body(&mut self) -> Result<(StagedBody, HeaderFacts), Refusal> {
        if let Body::Header(block) = &self.body {
            // No empty line came: all of it is header (RFC 5322 §2.1).
            let end = block.bytes().len();
            self.begin_body(end).await?;
        }
        match std::mem::replace(&mut self.body, Body::Header(HeaderBlock::default())) {
            Body::Streaming { writer, mut header, report } => {
                self.tidings = report.map(Beginning::read);
                // What it says of itself comes before what its header says (RFC 8098 §3.2.5).
                let named = self.tidings.as_ref().and_then(|tidings| tidings.original.clone());
                if let Some(id) = named.filter(|_| relation::is_report_of_account(&self.facts)) {
                    header.thread.answers = vec![id];
                }
                Ok((writer.finish().await.map_err(store_failed)?, *header))
            }
            Body::Refused(refusal) => Err(refusal),
            Body::Header(_) => Err(Refusal { reason: Reason::StoreUnavailable, temporary: true }),
        }
    }

    /// Records a refusal that the protocol machine found (line endings, size, NUL) and drops what was staged.
    pub async fn refuse(mut self, reason: Reason) -> Refusal {
        let refusal = self.refused_here(reason).await;
        self.way_in(self.recipients.len()).end(&Err::<(), _>(refusal.clone()), &*self.intake.clock);
        refusal
    }

    /// Its id, the one of the receipt.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction")
            .field("id", &self.id)
            .field("face", &self.face)
            .field("recipients", &self.recipients.len())
            .field("body_bytes", &self.body_bytes)
            .finish_non_exhaustive()
    }
}

impl Accepted {
    /// Two spellings reach one mailbox here; elsewhere the local part is the other server's to compare.
    fn is(&self, address: &MailAddress, key: &str) -> bool {
        match self.way {
            Way::Mailbox(_) | Way::Space(_) | Way::Back(_) | Way::Held(_) => self.key == key,
            Way::Elsewhere => self.recipient.address == *address,
        }
    }
}

/// Logged here, where it is handled: the peer only learns to try again.
pub(super) fn store_failed(error: StoreError) -> Refusal {
    tracing::error!(error = %crate::chain(&error), "a message could not be kept");
    Refusal::from(error)
}
