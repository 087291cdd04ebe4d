//! [`Tally`]: as what an entry of the record is counted. Pure.
//!
//! | measure | one for each | whose |
//! | --- | --- | --- |
//! | `sent`, `sent-…` | message that was taken in | the sender's |
//! | `received`, `received-…` | recipient whom a message reached: here, or at a connector's server | the recipient's |
//! | `refused` | refusal | the recipient's, else the sender's, if one of them is ours |
//! | `failed` | recipient whom a message did not reach | the sender's, if he is ours, else the recipient's |
//! | `connections` | sign-in | the mailbox's |

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pli_audit::{Event, EventKind, Face, ReportClass, Usage};
use pli_directory::Routes;
use pli_store::{Indicator, MailboxKind, Month, NewConnections};
use pli_types::{Domain, MailAddress, MailboxId, Marked, MessageId, Piece};

use crate::connectors::ConnectorBook;

/// The kind of an address at a connector's domain: its mailbox is the hospital's.
const CONNECTOR: &str = "CONNECTOR";

/// Which domains are ours, and how.
pub(super) struct Houses {
    pub(super) hosted: ConnectorBook,
    pub(super) routes: Arc<Routes>,
}

/// Whose an address is, as far as that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    /// A patient's, whose space is here.
    Patient(Domain),
    /// Of a mailbox here, or where one could be: by its key.
    Mailbox(Domain, String),
    /// Of a hospital with a server of its own.
    Connector(Domain),
}

impl Whose {
    fn domain(&self) -> &Domain {
        let (Self::Patient(domain) | Self::Mailbox(domain, _) | Self::Connector(domain)) = self;
        domain
    }
}

impl Houses {
    fn whose(&self, address: &Marked) -> Option<Whose> {
        let (named, domain) = parts(address)?;
        if self.hosted.hosts(&domain) {
            return Some(match named {
                Named::Person if domain.is_patient_domain() => Whose::Patient(domain),
                // No mailbox has such an address that could be looked up.
                Named::Person => Whose::Mailbox(domain, String::new()),
                Named::Address(address) => Whose::Mailbox(domain, address.key()),
            });
        }
        self.routes.is_connector_domain(&domain).then_some(Whose::Connector(domain))
    }

    /// The one domain of the connector that shows this certificate.
    fn of_connector(&self, certificate: &Marked) -> Option<Whose> {
        let name = plain(certificate)?;
        let connector =
            self.routes.connectors().iter().find(|connector| connector.certificate_name.to_string() == name)?;
        Some(Whose::Connector(connector.domains.first()?.clone()))
    }
}

/// Who stands before the `@`.
enum Named {
    Person,
    Address(MailAddress),
}

/// The two sides of an address.
fn parts(address: &Marked) -> Option<(Named, Domain)> {
    if let Some(text) = plain(address) {
        let address = MailAddress::parse(text).ok()?;
        let domain = address.domain().clone();
        return Some((Named::Address(address), domain));
    }
    let Some(Piece::Plain(end)) = address.pieces().last() else { return None };
    let (_, domain) = end.rsplit_once('@')?;
    Some((Named::Person, Domain::parse(domain).ok()?))
}

/// The text, if no person is in it.
fn plain(text: &Marked) -> Option<&str> {
    match text.pieces() {
        [Piece::Plain(text)] => Some(text),
        _ => None,
    }
}

/// Is it of mail that went on or came in, and not what a report says of mail?
fn is_of_delivery(event: &Event) -> bool {
    let said = event.detail.as_ref().and_then(|detail| detail.pieces().first());
    !matches!(said, Some(Piece::Plain(detail)) if detail.starts_with("report "))
}

/// The message that must be known to count this event.
pub(super) fn message_asked_for(event: &Event) -> Option<MessageId> {
    event.message.filter(|_| matches!(event.kind, EventKind::Delivered | EventKind::Relayed))
}

/// The addresses whose mailboxes must be known to count these events.
pub(super) fn addresses(events: &[Event], houses: &Houses) -> Vec<String> {
    let named = events.iter().flat_map(|event| {
        let texts = match event.kind {
            EventKind::Accepted => [event.sender.as_ref(), event.mailbox.as_ref()],
            EventKind::Refused | EventKind::Failed | EventKind::Delivered | EventKind::Relayed => {
                [event.sender.as_ref(), event.recipient.as_ref()]
            }
            EventKind::SignedIn => [event.mailbox.as_ref(), None],
            _ => [None, None],
        };
        texts.into_iter().flatten()
    });
    let keys = named.filter_map(|text| match houses.whose(text)? {
        Whose::Mailbox(_, key) => Some(key).filter(|key| !key.is_empty()),
        Whose::Patient(_) | Whose::Connector(_) => None,
    });
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Month, domain, kind of mailbox, measure, label.
type Cell = (Month, String, String, &'static str, String);

/// What a stretch of the record counts as.
pub(super) struct Tally<'a> {
    zone: &'a TimeZone,
    houses: &'a Houses,
    usages: &'a HashMap<MessageId, Usage>,
    holders: &'a HashMap<String, (MailboxId, MailboxKind)>,
    cells: BTreeMap<Cell, u64>,
    connections: BTreeMap<(Month, i64), (u64, Timestamp)>,
}

/// The measures of a message that was sent, or was received.
struct Way {
    messages: &'static str,
    xdm: &'static str,
    code: &'static str,
    ins: &'static str,
    product: &'static str,
    mdn: &'static str,
    dsn: &'static str,
}

const SENT: Way = Way {
    messages: "sent",
    xdm: "sent-xdm",
    code: "sent-code",
    ins: "sent-ins",
    product: "sent-product",
    mdn: "sent-mdn",
    dsn: "sent-dsn",
};

const RECEIVED: Way = Way {
    messages: "received",
    xdm: "received-xdm",
    code: "received-code",
    ins: "received-ins",
    product: "received-product",
    mdn: "received-mdn",
    dsn: "received-dsn",
};

/// Whose a count is: domain and kind.
type Row = (String, String);

impl<'a> Tally<'a> {
    pub(super) fn new(
        zone: &'a TimeZone,
        houses: &'a Houses,
        usages: &'a HashMap<MessageId, Usage>,
        holders: &'a HashMap<String, (MailboxId, MailboxKind)>,
    ) -> Self {
        Self { zone, houses, usages, holders, cells: BTreeMap::new(), connections: BTreeMap::new() }
    }

    /// Counts an event.
    pub(super) fn add(&mut self, event: &Event) {
        let Ok(at) = event.at.parse::<Timestamp>() else { return };
        let month = Month::of(at, self.zone);
        match event.kind {
            EventKind::Accepted => self.accepted(month, event),
            EventKind::Delivered => self.reached(month, event, false),
            EventKind::Relayed => self.reached(month, event, true),
            EventKind::Refused => self.refused(month, event),
            EventKind::Failed => self.failed(month, event),
            EventKind::SignedIn => self.signed_in(month, at, event),
            _ => {}
        }
    }

    /// What was counted.
    pub(super) fn into_counts(self) -> (Vec<(Month, Indicator)>, Vec<NewConnections>) {
        let added = self.cells.into_iter().map(|((month, domain, mailbox_type, measure, label), value)| {
            (month, Indicator { domain, mailbox_type, measure: measure.to_owned(), label, value })
        });
        let connections = self.connections.into_iter().map(|((month, mailbox), (count, last_at))| NewConnections {
            month,
            mailbox: MailboxId(mailbox),
            count,
            last_at,
        });
        (added.collect(), connections.collect())
    }

    fn accepted(&mut self, month: Month, event: &Event) {
        let sender = event.sender.as_ref().filter(|sender| !sender.is_empty());
        let whose = if let Some(sender) = sender {
            self.houses.whose(sender)
        } else {
            // A report has no sender: it is of who brings it.
            let by_mailbox = event.mailbox.as_ref().and_then(|mailbox| self.houses.whose(mailbox));
            by_mailbox.or_else(|| self.houses.of_connector(event.actor.as_ref()?))
        };
        let row = match whose {
            Some(whose) => self.row(whose),
            None if event.face == Face::Delivery => Row::default(),
            None => return,
        };
        let usage = event.usage.clone().unwrap_or_default();
        if usage.to_patients && usage.report.is_none() {
            self.count(month, &row, "sent-to-patients", "");
        }
        self.message(month, &row, &SENT, event.usage.as_ref());
    }

    fn reached(&mut self, month: Month, event: &Event, elsewhere: bool) {
        if !is_of_delivery(event) {
            return;
        }
        let whose = event.recipient.as_ref().and_then(|recipient| self.houses.whose(recipient));
        // A domain may be both: some of its mailboxes are here, and the others at the hospital's own server.
        let is_ours = |whose: &Whose| {
            let domain = whose.domain();
            if elsewhere { self.houses.routes.is_connector_domain(domain) } else { self.houses.hosted.hosts(domain) }
        };
        let Some(whose) = whose.filter(is_ours) else { return };
        let row = self.row(whose);
        let usage = event.message.and_then(|message| self.usages.get(&message));
        let sender = event.sender.as_ref().and_then(parts);
        // Notices and postmasters write from the patients' domain too.
        let is_patients = matches!(sender, Some((Named::Person, domain)) if domain.is_patient_domain());
        if is_patients && usage.is_none_or(|usage| usage.report.is_none()) {
            self.count(month, &row, "received-from-patients", "");
        }
        self.message(month, &row, &RECEIVED, usage);
    }

    /// A report is counted as one, and as nothing else.
    fn message(&mut self, month: Month, row: &Row, way: &Way, usage: Option<&Usage>) {
        match usage.and_then(|usage| usage.report) {
            Some(ReportClass::Mdn) => return self.count(month, row, way.mdn, ""),
            Some(ReportClass::Dsn) => return self.count(month, row, way.dsn, ""),
            None => self.count(month, row, way.messages, ""),
        }
        let Some(usage) = usage else { return };
        if usage.xdm {
            self.count(month, row, way.xdm, "");
        }
        self.count(month, row, way.ins, usage.ins.as_deref().unwrap_or("absent"));
        for code in &usage.codes {
            self.count(month, row, way.code, code);
        }
        if let Some(product) = &usage.product {
            self.count(month, row, way.product, product);
        }
    }

    fn refused(&mut self, month: Month, event: &Event) {
        let is_mail = matches!(event.face, Face::Smtp | Face::Submission)
            || event.face == Face::Node && event.recipient.is_some();
        if let Some(reason) = event.reason.as_deref().filter(|_| is_mail) {
            let row = self.first_of_ours([event.recipient.as_ref(), event.sender.as_ref()]);
            // Of a stranger who is refused all the time, one entry stands for many.
            self.count_times(month, &row, ("refused", reason), event.count.unwrap_or(1));
        }
    }

    fn failed(&mut self, month: Month, event: &Event) {
        if let Some(reason) = event.reason.as_deref().filter(|_| event.face == Face::Delivery && is_of_delivery(event))
        {
            let row = self.first_of_ours([event.sender.as_ref(), event.recipient.as_ref()]);
            self.count(month, &row, "failed", reason);
        }
    }

    fn signed_in(&mut self, month: Month, at: Timestamp, event: &Event) {
        let Some(whose) = event.mailbox.as_ref().and_then(|mailbox| self.houses.whose(mailbox)) else { return };
        if let Whose::Mailbox(_, key) = &whose
            && let Some((mailbox, _)) = self.holders.get(key)
        {
            let (count, last_at) = self.connections.entry((month, mailbox.0)).or_insert((0, at));
            (*count, *last_at) = (*count + 1, at.max(*last_at));
        }
        let row = self.row(whose);
        self.count(month, &row, "connections", "");
    }

    fn first_of_ours(&self, texts: [Option<&Marked>; 2]) -> Row {
        let whose = texts.into_iter().flatten().find_map(|text| self.houses.whose(text));
        whose.map(|whose| self.row(whose)).unwrap_or_default()
    }

    fn row(&self, whose: Whose) -> Row {
        match whose {
            Whose::Patient(domain) => (domain.to_string(), MailboxKind::Patient.as_str().to_owned()),
            Whose::Connector(domain) => (domain.to_string(), CONNECTOR.to_owned()),
            Whose::Mailbox(domain, key) => {
                let at_connector = || Some(CONNECTOR).filter(|_| self.houses.routes.is_connector_domain(&domain));
                let kind = self.holders.get(&key).map(|(_, kind)| kind.as_str()).or_else(at_connector);
                (domain.to_string(), kind.unwrap_or_default().to_owned())
            }
        }
    }

    fn count(&mut self, month: Month, row: &Row, measure: &'static str, label: &str) {
        self.count_times(month, row, (measure, label), 1);
    }

    fn count_times(&mut self, month: Month, (domain, kind): &Row, (measure, label): (&'static str, &str), times: u64) {
        let cell = (month, domain.clone(), kind.clone(), measure, label.to_owned());
        let counted = self.cells.entry(cell).or_default();
        *counted = counted.saturating_add(times);
    }
}
