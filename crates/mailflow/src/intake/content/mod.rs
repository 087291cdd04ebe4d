//! What the header of a message says, as far as a rule or a trace asks: [`HeaderFacts`].
//!
//! The header is read to be judged, never to be changed. Where readers of mail differ (two `From`, a space before the
//! colon, a group, an encoded word inside an address) the answer is "not to be judged", which is refused: what we read
//! and what the recipient's program shows must be one and the same.
//!
//! `field` cuts the header into fields, `mailbox` reads the one address of a field, `shown_name` the name beside it,
//! `thread` what it says of other messages; `report` what a report says, and on which message it is.

mod delivery_status;
mod disposition;
mod documents;
mod field;
mod integration;
mod mailbox;
mod report;
mod shown_name;
mod thread;

use pli_policy::SenderField;

pub(crate) use self::documents::DocumentFields;
use self::field::Field;
pub(crate) use self::integration::IntegrationCode;
pub(crate) use self::mailbox::NamedMailbox;
pub(crate) use self::report::{News, REPORT_BYTES_MAX, Told, reported_on, returned, told};
pub(crate) use self::thread::Thread;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderFacts {
    /// The one mailbox of the one `From`; `None` if it is not to be judged.
    pub(crate) from: Option<NamedMailbox>,
    /// `Sender`, `Resent-From` and `Resent-Sender`, in the order of the header; `None` for one that is not to be judged.
    pub(crate) senders: Vec<(SenderField, Option<NamedMailbox>)>,
    /// Servers that it came through (RFC 5321 §6.3).
    pub(crate) received: usize,
    /// How often it came through this one.
    pub(crate) own_traces: usize,
    /// Is there a `Date`?
    pub(crate) has_date: bool,
    /// Is there a `Message-ID`?
    pub(crate) has_message_id: bool,
    /// Its place in a correspondence.
    pub(crate) thread: Thread,
    /// What it says of documents.
    pub(crate) documents: DocumentFields,
}

/// More servers than this and the message is going round (RFC 5321 §6.3).
pub(super) const RECEIVED_MAX: usize = 100;
/// A message may come through here more than once (a connector's own forwarding), but not for ever.
pub(super) const OWN_TRACES_MAX: usize = 5;

impl HeaderFacts {
    /// Has it been here before, or through too many servers?
    pub(super) fn goes_round(&self) -> bool {
        self.received > RECEIVED_MAX || self.own_traces > OWN_TRACES_MAX
    }
}

/// Reads a header: lines ended by CRLF, without the empty line that ends it. `server_name` is our own name in traces.
pub(crate) fn read(header: &[u8], server_name: &str) -> HeaderFacts {
    let mut authors = Authors { well_formed: true, ..Authors::default() };
    let mut gathered = thread::Gathered::default();
    let (mut received, mut own_traces, mut has_date, mut has_message_id) = (0, 0, false, false);
    for field in field::fields(header) {
        let Field::Named { name, value, .. } = field else {
            // Some programs end the header here, some read on: what they take for From would differ.
            authors.well_formed = false;
            continue;
        };
        authors.take(&field);
        gathered.take(&field);
        if name.eq_ignore_ascii_case(b"Received") {
            received += 1;
            own_traces += usize::from(is_trace_of(&field::unfold(value), server_name));
        }
        has_date |= name.eq_ignore_ascii_case(b"Date");
        has_message_id |= name.eq_ignore_ascii_case(b"Message-ID");
    }
    let (from, senders) = authors.told();
    HeaderFacts {
        from,
        senders,
        received,
        own_traces,
        has_date,
        has_message_id,
        thread: gathered.told(),
        documents: DocumentFields::read(header),
    }
}

/// The fields that say who wrote and who sent, as they come.
#[derive(Default)]
struct Authors {
    well_formed: bool,
    /// A line of white space alone was seen. To RFC 5322 it belongs to the field above; some programs end the header
    /// there and never see a `From` below it.
    ended_for_some: bool,
    froms: Vec<Option<NamedMailbox>>,
    senders: Vec<(SenderField, Option<NamedMailbox>)>,
}

impl Authors {
    fn take(&mut self, field: &Field<'_>) {
        let Field::Named { name, strict, value } = *field else { return };
        self.ended_for_some |= field::has_blank_line(value);
        let read = |ended: bool| if strict && !ended { mailbox::read(value) } else { None };
        if name.eq_ignore_ascii_case(b"From") {
            self.froms.push(read(self.ended_for_some));
        } else if let Some(sender) = sender_field(name) {
            self.senders.push((sender, read(self.ended_for_some)));
        }
    }

    /// `From` and `Sender` may stand once each, `Resent-*` once for each time that the message was sent again.
    fn told(self) -> (Option<NamedMailbox>, Vec<(SenderField, Option<NamedMailbox>)>) {
        let Self { well_formed, froms, mut senders, .. } = self;
        let from = <[_; 1]>::try_from(froms).ok().and_then(|[from]| from).filter(|_| well_formed);
        if senders.iter().filter(|(field, _)| *field == SenderField::Sender).count() > 1 {
            senders.iter_mut().filter(|(field, _)| *field == SenderField::Sender).for_each(|(_, read)| *read = None);
        }
        (from, senders)
    }
}

fn sender_field(name: &[u8]) -> Option<SenderField> {
    let known: [(&[u8], SenderField); 3] = [
        (b"Sender", SenderField::Sender),
        (b"Resent-From", SenderField::ResentFrom),
        (b"Resent-Sender", SenderField::ResentSender),
    ];
    known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, field)| field)
}

/// The value of the first field of this name, unfolded and trimmed.
pub(crate) fn value_of(header: &[u8], wanted: &str) -> Option<String> {
    field::fields(header).find_map(|field| match field {
        Field::Named { name, value, .. } if name.eq_ignore_ascii_case(wanted.as_bytes()) => {
            Some(field::unfold(value).trim().to_owned())
        }
        _ => None,
    })
}

/// `… by NAME …`, as [`super::trace_header`] writes it.
fn is_trace_of(value: &str, server_name: &str) -> bool {
    let mut words = value.split_ascii_whitespace();
    words.any(|word| word.eq_ignore_ascii_case("by"))
        && words.next().is_some_and(|name| name.trim_end_matches(';').eq_ignore_ascii_case(server_name))
}

#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod thread_tests;
