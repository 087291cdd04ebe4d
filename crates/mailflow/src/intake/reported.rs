//! What a report that passes says of the message that it is on ([`Tidings`]), and for whom it may say so: nobody moves
//! another's message on.

use jiff::Timestamp;
use pli_audit::{Event, EventKind};
use pli_policy::facts::Listing;
use pli_policy::{CertificateFacts, Origin, ReportKind};
use pli_store::{PartyState, ReportedState};
use pli_types::{MailAddress, Marked};

use super::content::{self, HeaderFacts, IntegrationCode, News, REPORT_BYTES_MAX, Thread, Told};
use super::facts::listing_under;
use super::transaction::Transaction;

/// Those whom one report may be for, as far as their messages go on: a report has one recipient.
const SENDERS_MAX: usize = 10;

/// The beginning of the body of a report: what machines read of it stands there.
pub(super) struct Beginning {
    kind: Kind,
    bytes: Vec<u8>,
}

/// What sort of report it is.
enum Kind {
    Report(ReportKind),
    /// The error mail of a program that was not asked for a receipt (spec §6.3).
    ErrorMail(IntegrationCode),
}

/// What a report says.
#[derive(Debug, Default)]
pub(super) struct Tidings {
    /// On which message, by its Message-ID. Where the report does not say it itself, its header has the word.
    pub(super) original: Option<String>,
    told: Vec<Told>,
}

impl Beginning {
    /// Of a message with this header; none if it is no report.
    pub(super) fn of(thread: &Thread) -> Option<Self> {
        let error_mail = || thread.not_integrated.map(Kind::ErrorMail);
        let kind = thread.report.map(Kind::Report).or_else(error_mail)?;
        Some(Self { kind, bytes: Vec::new() })
    }

    /// The next bytes of the body. What lies further behind is not looked at.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let room = REPORT_BYTES_MAX.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    pub(super) fn read(self) -> Tidings {
        match self.kind {
            Kind::Report(kind) => {
                Tidings { original: content::reported_on(kind, &self.bytes), told: content::told(kind, &self.bytes) }
            }
            Kind::ErrorMail(code) => Tidings {
                original: content::returned(&self.bytes),
                told: vec![Told { about: Vec::new(), news: News::NotIntegrated(code) }],
            },
        }
    }
}

impl Transaction {
    /// What becomes of the message that this one reports on.
    pub(super) fn reported(&self, header: &HeaderFacts, now: Timestamp) -> Vec<ReportedState> {
        let Some(tidings) = &self.tidings else { return Vec::new() };
        let Some(original) = tidings.original.as_ref().or(header.thread.answers.first()) else { return Vec::new() };
        let masker = &self.intake.masker;
        let message_id = masker.lookup_message_id(original);
        let to = self.recipients.iter().take(SENDERS_MAX);
        let senders: Vec<_> = to.map(|accepted| masker.lookup_address(&accepted.recipient.address)).collect();
        let of_program = !matches!(header.thread.report, Some(ReportKind::DeliveryStatus));
        let author = header.from.as_ref().map(|from| &from.address).filter(|_| of_program);
        let each = tidings.told.iter().filter_map(|told| {
            // A program speaks for its owner; a server, for those whom it names.
            let parties = told.about.iter().chain(author).filter(|address| self.speaks_for(address));
            let parties: Vec<&MailAddress> = parties.collect();
            let shown = Marked::address(parties.first()?);
            let (state, code) = state_of(&told.news);
            let event = Event { recipient: Some(shown), ..self.tell(&told.news, now) };
            let parties = parties.into_iter().map(|address| masker.lookup_address(address)).collect();
            Some(ReportedState { message_id, senders: senders.clone(), parties, state, code, event })
        });
        each.collect()
    }

    /// Is it proven that whoever brings the report has to do with the mail of this address? What Pli itself reports, it
    /// has noted where it happened.
    fn speaks_for(&self, address: &MailAddress) -> bool {
        match &self.facts.origin {
            Origin::Peer { connector: Some(connector), certificate: CertificateFacts::Proven(_), .. } => {
                connector.allows(address)
            }
            origin @ Origin::Peer { .. } => {
                listing_under(self.list.as_deref(), origin, address.domain()) == Listing::Listed
            }
            Origin::Account { addresses } => addresses.iter().any(|own| own.key() == address.key()),
            Origin::Unauthenticated | Origin::Relay => false,
        }
    }

    fn tell(&self, news: &News, now: Timestamp) -> Event {
        let kind = match news {
            News::Relayed => EventKind::Relayed,
            News::Delivered => EventKind::Delivered,
            News::Failed(_) => EventKind::Failed,
            News::Opened => EventKind::Opened,
            News::Integrated | News::NotIntegrated(_) => EventKind::Integrated,
        };
        let detail = match news {
            News::NotIntegrated(code) => format!("not integrated, {}: report {}", code.meaning(), self.id),
            _ => format!("report {}", self.id),
        };
        Event { reason: state_of(news).1, detail: Some(Marked::plain(detail)), ..self.witness.event(now, kind) }
    }
}

/// A program that could not take a message into its record has answered: its code stands with the state.
fn state_of(news: &News) -> (PartyState, Option<String>) {
    match news {
        News::Relayed => (PartyState::Relayed, None),
        News::Delivered => (PartyState::Delivered, None),
        News::Failed(status) => (PartyState::Failed, status.clone()),
        News::Opened => (PartyState::Opened, None),
        News::Integrated => (PartyState::Integrated, None),
        News::NotIntegrated(code) => (PartyState::Integrated, Some(code.as_str().to_owned())),
    }
}
