//! What a transaction leaves in the record: [`Witness`].

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pli_audit::{Event, EventKind, Face};
use pli_directory::TrustList;
use pli_policy::{CertificateFacts, Origin, Reason, ScanFacts};
use pli_types::{DistinguishedName, Ins, Marked, Masker, MessageId, ReversePath};

use super::evidence::{self, Shown, Side};
use super::strangers::Noted;
use super::{Client, Intake};
use crate::metrics;

/// The longest text of a peer's making that enters the record, in characters.
const FOREIGN_TEXT_MAX: usize = 256;

/// What every event of one transaction says alike: who, from where, through which door.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    face: Face,
    actor: Option<Marked>,
    /// The actor as logs name him, and as he is counted.
    name: Option<String>,
    /// The mailbox that the actor works in: others may work in it too.
    mailbox: Option<Marked>,
    remote: Option<String>,
    /// The same, to be counted by.
    address: Option<IpAddr>,
    sender: Option<Marked>,
    /// The certificate that a peer shows, whatever it is worth.
    shown: Option<Arc<Shown>>,
    proven: bool,
}

/// Why something was refused, for the record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Because<'a> {
    /// The stable reason.
    pub(crate) reason: Reason,
    /// The rule that refused, if it was one.
    pub(crate) rule: Option<&'static str>,
    /// The list that the transaction is judged under.
    pub(crate) list: Option<&'a TrustList>,
    /// What the virus scanner said, if it was asked.
    pub(crate) scan: Option<&'a ScanFacts>,
}

impl Witness {
    /// Of a client's transaction. `origin` tells what the client has proven: a name that it only shows is no actor.
    pub(crate) fn of_client(
        masker: &Masker,
        face: Face,
        remote: IpAddr,
        client: &Client,
        origin: &Origin,
        sender: &ReversePath,
    ) -> Self {
        let (actor, mailbox, shown) = match client {
            Client::Peer(peer) => {
                let shown = peer.shown(masker).map(Arc::clone);
                let proven = matches!(origin, Origin::Peer { certificate: CertificateFacts::Proven(_), .. });
                (shown.as_ref().filter(|_| proven).map(|shown| masker.unmask(&shown.name, &[])), None, shown)
            }
            Client::Submitter { account: Some(account), .. } => {
                (Some(Marked::account(&account.name)), Some(Marked::address(&account.mailbox.address)), None)
            }
            Client::Submitter { account: None, .. } => (None, None, None),
        };
        Self {
            face,
            name: masker.show_any(actor.as_ref()),
            actor,
            mailbox,
            remote: Some(remote.to_canonical().to_string()),
            address: Some(remote),
            sender: Some(Marked::path(sender)),
            shown,
            proven: super::facts::is_proven(origin),
        }
    }

    /// Of a report that the queue writes.
    pub(crate) fn of_report() -> Self {
        Self {
            face: Face::Delivery,
            actor: None,
            name: None,
            mailbox: None,
            remote: None,
            address: None,
            sender: Some(Marked::default()),
            shown: None,
            proven: true,
        }
    }

    /// Of a notice to a patient: the notice is who acts.
    pub(crate) fn of_notice(masker: &Masker, notice: &str, sender: &ReversePath) -> Self {
        let actor = Marked::text(&format!("notice {notice}"));
        Self {
            face: Face::Node,
            name: Some(masker.show(&actor)),
            actor: Some(actor),
            sender: Some(Marked::path(sender)),
            ..Self::of_report()
        }
    }

    /// Who brings it, as far as that is proven; none for what Pli writes itself.
    pub(crate) fn actor(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Of the certificate that a peer shows.
    pub(crate) fn serial(&self) -> Option<&str> {
        self.shown.as_ref().map(|shown| shown.serial.as_str())
    }

    /// Logs that the message is kept. What it left to be done is in the record.
    pub(crate) fn log_accepted(&self, masker: &Masker, id: MessageId, recipients: usize, bytes: u64) {
        let [mailbox, sender] = self.shown_by(masker);
        tracing::info!(
            %id,
            listener = ?self.face,
            remote = self.remote,
            account = self.name,
            mailbox,
            sender,
            recipients,
            bytes,
            "accepted"
        );
    }

    /// In which mailbox, and the sender, for a log.
    fn shown_by(&self, masker: &Masker) -> [Option<String>; 2] {
        [&self.mailbox, &self.sender].map(|text| masker.show_any(text.as_ref()))
    }

    /// An event of this transaction.
    pub(crate) fn event(&self, at: Timestamp, kind: EventKind) -> Event {
        Event {
            actor: self.actor.clone(),
            mailbox: self.mailbox.clone(),
            remote: self.remote.clone(),
            sender: self.sender.clone(),
            ..Event::new(at, kind, self.face)
        }
    }

    /// Records a refusal, and tells an admin of it by one line in the log. Returns when it is kept; a refusal stands even if
    /// the store does not take its record, and that is logged and counted. One of a peer that has proven nothing is not
    /// waited for, and may only be counted ([`super::Strangers`]).
    pub(crate) async fn refused(&self, intake: &Intake, because: Because<'_>, recipient: Option<Marked>) {
        let Because { reason, .. } = because;
        metrics::refused(self.face, reason);
        let unproven = self.address.filter(|_| !self.proven);
        let stranger = unproven.map(|from| intake.strangers.note(from, self.face, reason, intake.clock.now()));
        if stranger == Some(Noted::Counted) {
            return;
        }
        let detail = self.evidence(intake, because);
        let [mailbox, sender] = self.shown_by(&intake.masker);
        tracing::info!(
            reason = reason.code(),
            listener = ?self.face,
            remote = self.remote,
            account = self.name,
            mailbox,
            sender,
            recipient = intake.masker.show_any(recipient.as_ref()),
            detail,
            "refused"
        );
        let event = Event {
            recipient,
            reason: Some(reason.code().to_owned()),
            detail: detail.map(|detail| intake.masker.unmask(&detail, &[])),
            ..self.event(intake.clock.now(), EventKind::Refused)
        };
        match stranger {
            Some(Noted::Singly) => intake.strangers.record(event),
            _ => keep(intake, event).await,
        }
    }

    /// What was seen of the certificate or of the list, or said by the scanner, where these are the reason.
    fn evidence(&self, intake: &Intake, because: Because<'_>) -> Option<String> {
        let Because { reason, rule, list, scan } = because;
        let seen = match scan {
            Some(scan) => scan.to_string(),
            None => evidence::tell(&intake.pki, reason, Side::Client, self.shown.as_deref(), list)?,
        };
        Some(match rule {
            Some(rule) => format!("{rule}: {seen}"),
            None => seen,
        })
    }
}

async fn keep(intake: &Intake, event: Event) {
    if let Err(error) = intake.store.0.append_audit(vec![event]).await {
        metrics::record_lost();
        tracing::error!(error = %crate::chain(&error), "a refusal's record was not kept");
    }
}

/// A certificate's subject for the record: cut, on one line, without identifiers of persons.
pub(crate) fn certificate_name(masker: &Masker, name: &DistinguishedName) -> String {
    cut(&on_one_line(&masker.certificate_name(name)))
}

/// Text of someone else's making: cut, on one line, without identifiers of persons.
///
/// Another relay of this kind names the message in its reply (`id=` and 32 hexadecimal digits). Such an id may hold
/// thirteen digits in a row by chance; it is left as it is, because it is what links the two records.
pub(crate) fn foreign(masker: &Masker, text: &str) -> String {
    let line = on_one_line(text);
    let mut out = String::with_capacity(line.len());
    // What stands between two ids is scrubbed as one: an identifier may be written in groups.
    let mut between = String::new();
    for piece in line.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_message_id(word) {
            out.push_str(&masker.scrub(&std::mem::take(&mut between)));
            out.push_str(piece);
        } else {
            between.push_str(piece);
        }
    }
    out.push_str(&masker.scrub(&between));
    cut(&out)
}

fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// After scrubbing: what is left of an identifier that was cut in two would not be recognised.
fn cut(text: &str) -> String {
    text.chars().take(FOREIGN_TEXT_MAX).collect()
}

/// The shape of a UUID of version 7 made in this half of the century (RFC 9562 §5.7), and no INS in it.
fn is_message_id(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 32
        && bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && bytes.starts_with(b"01")
        && bytes.get(12) == Some(&b'7')
        && matches!(bytes.get(16), Some(b'8' | b'9' | b'a' | b'b'))
        && bytes.windows(15).all(|window| str::from_utf8(window).is_ok_and(|window| Ins::parse(window).is_err()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_masked_and_message_ids_are_not() {
        let masker = Masker::new(&[1; 32]);
        let scrubbed =
            foreign(&masker, "550 no 279035121518989, nor x2790351215189\r\nid=01a2057035527cce8b1e69238433211e.");
        assert!(!scrubbed.contains("2790351215189"), "{scrubbed}");
        assert!(scrubbed.ends_with(" id=01a2057035527cce8b1e69238433211e."), "{scrubbed}");
        let cut = foreign(&masker, &format!("{}2790351215189", "x".repeat(FOREIGN_TEXT_MAX - 10)));
        assert!(!cut.contains("27903"), "{cut}");
        let grouped =
            foreign(&masker, "550 no 2 79 03 51 215 189 89 id=01a2057035527cce8b1e69238433211e 2 79 03 51 215 189");
        assert!(!grouped.contains("2 79") && !grouped.contains("189"), "{grouped}");
        assert!(grouped.contains(" id=01a2057035527cce8b1e69238433211e ins-"), "{grouped}");
        for hidden in ["01279035121518989000000000000000", "0127903512157189890000000000000", "2790351215189"] {
            assert_ne!(foreign(&masker, hidden), hidden);
        }
    }

    #[test]
    fn an_organisations_number_is_no_persons() {
        let masker = Masker::new(&[1; 32]);
        let name = DistinguishedName::parse("CN=mss.exemple.fr,OU=318751275100020,O=ANS,C=FR").unwrap();
        assert_eq!(certificate_name(&masker, &name), name.to_string());
    }
}
