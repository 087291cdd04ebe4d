//! Read receipts of the patients' spaces (spec §6.3, RFC 8098): the [`Receiptor`] tells senders who asked for it that a
//! patient has opened their message. The patient is not asked, and cannot oppose it.
//!
//! He keeps nothing but what the store keeps: a receipt is owed from the transaction that opens the message, and settled
//! by the one that takes its report in ([`pli_store::Receipts`]).

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use pli_audit::{Event, EventKind, Face};
use pli_net::Shutdown;
use pli_store::{Change, DueReceipt, NewMessage, ReceiptId, StoreError};
use pli_types::{BodyType, EnvelopeParameters, Marked, MessageId};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::intake::trace_header::date;
use crate::intake::{Intake, content};
use crate::metrics;
use crate::mime::{is_printable, quoted_printable};

/// How many are read at a time.
const PAGE: usize = 64;
/// How often those that could not be sent are tried again.
const LOOK: Duration = Duration::from_secs(30);
/// How much of a header is read.
const HEADER_BYTES: u64 = 64 * 1024;

/// Sends the read receipts of the patients whose spaces are here.
#[derive(Debug, Clone)]
pub struct Receiptor {
    intake: Intake,
    sends: bool,
}

impl Receiptor {
    /// One who sends them, or one who only settles them: what is opened meanwhile is never told later.
    #[must_use]
    pub fn new(intake: Intake, sends: bool) -> Self {
        Self { intake, sends }
    }

    /// Works until the end.
    pub async fn run(self, shutdown: Shutdown) {
        let mut changes = self.intake.store.0.subscribe();
        let mut look = tokio::time::interval(LOOK);
        let mut after = None;
        loop {
            tokio::select! {
                () = shutdown.begun() => return,
                // From the first one again: what could not be sent is tried again.
                _ = look.tick() => after = None,
                () = told(&mut changes) => {}
            }
            while let Some(last) = self.page(after).await {
                after = Some(last);
                if shutdown.has_begun() {
                    return;
                }
            }
        }
    }

    /// Settles some of those after this one; the last of them.
    async fn page(&self, after: Option<ReceiptId>) -> Option<ReceiptId> {
        let due = match self.intake.store.0.receipts_due(after, PAGE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(error = %crate::chain(&error), "what receipts are owed cannot be read");
                return None;
            }
        };
        for one in &due {
            if let Err(error) = self.settle(one).await {
                tracing::error!(id = %one.message, error = %crate::chain(&error), "a read receipt was not sent; tried again");
            }
        }
        due.last().map(|one| one.id)
    }

    async fn settle(&self, due: &DueReceipt) -> Result<(), StoreError> {
        let store = &self.intake.store.0;
        let header = if self.sends { store.body_range(due.message, 0, HEADER_BYTES).await? } else { bytes_none() };
        let end = header.windows(4).position(|window| window == b"\r\n\r\n").map_or(header.len(), |end| end + 2);
        let about = Original::read(header.get(..end).unwrap_or_default(), &self.intake.config.server_name);
        let Some(about) = about else {
            return store.settle_receipt(due.id, None, Vec::new()).await.map(drop);
        };
        let (report, event) = match self.report(due, &about).await {
            Ok(report) => {
                let detail = Some(Marked::plain(format!("read receipt {}", report.id)));
                (Some(report), Event { detail, ..self.event(due, EventKind::Reported) })
            }
            Err(refusal) if refusal.temporary => {
                tracing::warn!(id = %due.message, reason = refusal.reason.code(), "a read receipt waits");
                return Ok(());
            }
            Err(refusal) => {
                let (reason, detail) = (Some(refusal.reason.code().to_owned()), Some(Marked::plain("no read receipt")));
                (None, Event { reason, detail, ..self.event(due, EventKind::Failed) })
            }
        };
        let sent = report.is_some();
        if store.settle_receipt(due.id, report, vec![event]).await? && sent {
            metrics::reported("displayed");
        }
        Ok(())
    }

    async fn report(&self, due: &DueReceipt, about: &Original) -> Result<NewMessage, crate::Refusal> {
        let text = write(&self.intake.config.server_name, self.intake.clock.now(), due, about);
        let parameters = EnvelopeParameters { body: BodyType::SevenBit, ..EnvelopeParameters::default() };
        self.intake.report(due.receipt_to.clone(), parameters, text.as_bytes()).await
    }

    fn event(&self, due: &DueReceipt, kind: EventKind) -> Event {
        Event {
            message: Some(due.message),
            recipient: Some(Marked::address(&due.receipt_to)),
            mailbox: Some(Marked::address(&due.reader)),
            ..Event::new(self.intake.clock.now(), kind, Face::Node)
        }
    }
}

fn bytes_none() -> bytes::Bytes {
    bytes::Bytes::new()
}

/// What a receipt repeats of the message that was opened.
struct Original {
    message_id: String,
    recipient: Option<String>,
}

impl Original {
    /// `None` if no receipt may be sent on it by itself: it is a report or was sent by a program (RFC 3834 §2), it asks
    /// for what we do not know (RFC 8098 §2.2), or nothing names it.
    fn read(header: &[u8], server_name: &str) -> Option<Self> {
        let thread = content::read(header, server_name).thread;
        let value = |name| content::value_of(header, name);
        let by_person = value("Auto-Submitted").is_none_or(|how| how.eq_ignore_ascii_case("no"));
        let unknown = value("Disposition-Notification-Options")
            .is_some_and(|options| options.to_ascii_lowercase().contains("required"));
        let message_id = thread.message_id.filter(|id| is_printable(id) && !id.contains(' '))?;
        let recipient = value("Original-Recipient").filter(|typed| is_printable(typed) && typed.contains(';'));
        (thread.report.is_none() && by_person && !unknown).then_some(Self { message_id, recipient })
    }
}

/// RFC 8098 §3. Nothing of the message but its Message-ID: its subject names the patient (spec §6.2).
fn write(server: &str, now: Timestamp, due: &DueReceipt, about: &Original) -> String {
    let id = MessageId::at(now);
    let (boundary, original) = (format!("=_{id}"), &about.message_id);
    let (reader, opened) = (due.reader.reveal(), date(due.opened_at));
    let letter = quoted_printable(&format!(
        "Accusé de lecture\n\nVotre message à {reader} a été ouvert le :\n\n    {opened}\n\nIl a été ouvert : rien de plus \
         n'est attesté.\n\n--------\n\nRead receipt\n\nYour message to {reader} was opened on:\n\n    {opened}\n\n\
         That it was opened is all that this says.\n"
    ));
    let recipient =
        about.recipient.as_ref().map(|typed| format!("Original-Recipient: {typed}\r\n")).unwrap_or_default();
    let mut out = String::with_capacity(2048);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "From: <{reader}>\r\nTo: <{to}>\r\nSubject: =?UTF-8?Q?Accus=C3=A9_de_lecture?= / Read receipt\r\n\
         Date: {date}\r\nMessage-ID: <{id}@{server}>\r\nIn-Reply-To: <{original}>\r\nReferences: <{original}>\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=disposition-notification;\r\n\tboundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Language: fr, en\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n{letter}\r\n\
         --{boundary}\r\nContent-Type: message/disposition-notification\r\n\r\n\
         Reporting-UA: {server}; Pli\r\n{recipient}Final-Recipient: rfc822; {reader}\r\n\
         Original-Message-ID: <{original}>\r\n\
         Disposition: manual-action/MDN-sent-automatically; displayed\r\n\r\n--{boundary}--\r\n",
        to = due.receipt_to.reveal(),
        date = date(now),
    );
    out
}

/// Returns when a receipt is owed, or may be.
async fn told(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Receipts) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The store is gone; the end comes by other ways.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
