//! [`PeerBook`]: what was seen of each peer's certificate, in either direction. For an admin who asks when an operator was
//! last here, and how it ended; no decision is ever taken by it.
//!
//! It is written once a connection (twice, if its transactions end differently), beside a handshake that costs some
//! hundred times as much. Most of a note is masking the name (25 µs in all, measured), which is done before the one lock
//! is taken: under it are a look-up and a few copies.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use pli_policy::Reason;
use pli_types::{Masker, PresentedCertificate};
use serde::{Deserialize, Serialize};

use crate::intake::record::certificate_name;

/// Names that the trust space's authority vouches for: the whole country has some hundreds.
const PROVEN_MAX: usize = 10_000;

/// Names that anybody may have made up.
const UNPROVEN_MAX: usize = 1_000;

/// What is dropped at once when a page is full, as a part of it: finding the oldest one by one would let a stranger who
/// shows a new name each time make every note slow.
const DROPPED_PART: usize = 10;

/// The book. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct PeerBook(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    proven: HashMap<String, PeerRecord>,
    unproven: HashMap<String, PeerRecord>,
    changed: bool,
}

/// What was seen of one certificate name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRecord {
    /// The certificate's subject (RFC 4514), masked.
    pub name: String,
    /// Did the certificate chain to the trust space's authority? Anybody can make one that does not, in any name; what was
    /// seen of those stands apart.
    pub proven: bool,
    /// As a client of ours.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub incoming: Option<Seen>,
    /// As a server that we connected to.
    #[serde(rename = "out", default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<Seen>,
}

/// What was seen in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When first.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// From, or at, which address last.
    pub address: IpAddr,
    /// Under which version of TLS last: `TLSv1.3`.
    pub tls: String,
    /// The last certificate's serial number, hexadecimal.
    pub serial: String,
    /// The last instant of its validity.
    pub not_after: Timestamp,
    /// How it ended last: `accepted`, or the reason's code.
    pub outcome: String,
    /// Connections on which mail could pass: in, a MAIL was accepted; out, the server proved who it is and answered.
    pub accepted: u64,
    /// Connections on which it could not, for what the peer is or did.
    pub refused: u64,
}

/// Who had connected to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// They to us.
    In,
    /// We to them.
    Out,
}

/// A certificate was judged on a connection.
#[derive(Debug)]
pub(crate) struct Meeting<'a> {
    pub(crate) at: Timestamp,
    pub(crate) direction: Direction,
    pub(crate) address: IpAddr,
    pub(crate) tls: &'a str,
    pub(crate) certificate: &'a PresentedCertificate,
    /// Why it was refused; `None` if it was not.
    pub(crate) refused: Option<Reason>,
    /// Is this the connection's first meeting that ended so? Only then is it counted.
    pub(crate) counts: bool,
}

impl PeerBook {
    /// Writes a meeting down.
    pub(crate) fn note(&self, masker: &Masker, meeting: &Meeting<'_>) {
        // Every other fault of a certificate is told of one that chains (`Pki::judge`).
        let proven = meeting.refused != Some(Reason::CertificateUntrusted);
        // The name that an authority has checked is kept whole, so that it can be found in the trust list.
        let subject = &meeting.certificate.subject;
        let name = if proven { masker.certificate_name(subject) } else { certificate_name(masker, subject) };
        let mut pages = self.lock();
        pages.changed = true;
        let (page, names_max) = pages.page(proven);
        if !page.contains_key(&name) && page.len() >= names_max {
            drop_oldest(page);
        }
        let record = page.entry(name).or_insert_with_key(|name| PeerRecord::new(name, proven));
        record.note(meeting);
    }

    /// All that stands in it, in order of names.
    #[must_use]
    pub fn records(&self) -> Vec<PeerRecord> {
        let pages = self.lock();
        let mut records: Vec<PeerRecord> = pages.proven.values().chain(pages.unproven.values()).cloned().collect();
        drop(pages);
        records.sort_by(|a, b| (&a.name, !a.proven).cmp(&(&b.name, !b.proven)));
        records
    }

    /// Adds what an earlier process has seen. What this one has seen meanwhile, and what there is no place for, stays.
    pub fn restore(&self, records: Vec<PeerRecord>) {
        let mut pages = self.lock();
        for record in records {
            let (page, names_max) = pages.page(record.proven);
            if page.len() < names_max {
                page.entry(record.name.clone()).or_insert(record);
            }
        }
    }

    /// Has anything been written since this was last asked?
    #[must_use]
    pub fn take_changed(&self) -> bool {
        std::mem::take(&mut self.lock().changed)
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn page(&mut self, proven: bool) -> (&mut HashMap<String, PeerRecord>, usize) {
        if proven { (&mut self.proven, PROVEN_MAX) } else { (&mut self.unproven, UNPROVEN_MAX) }
    }
}

fn drop_oldest(page: &mut HashMap<String, PeerRecord>) {
    let mut names: Vec<_> = page.values().map(|record| (record.last_seen(), record.name.clone())).collect();
    names.sort_unstable();
    for (_, name) in names.iter().take(page.len().div_ceil(DROPPED_PART)) {
        page.remove(name);
    }
}

impl PeerRecord {
    fn new(name: &str, proven: bool) -> Self {
        Self { name: name.to_owned(), proven, incoming: None, outgoing: None }
    }

    /// When last, in either direction.
    #[must_use]
    pub fn last_seen(&self) -> Option<Timestamp> {
        [&self.incoming, &self.outgoing].into_iter().flatten().map(|seen| seen.last_seen).max()
    }

    fn note(&mut self, meeting: &Meeting<'_>) {
        let side = match meeting.direction {
            Direction::In => &mut self.incoming,
            Direction::Out => &mut self.outgoing,
        };
        let before = side.take();
        let count = |before: u64, ended_so: bool| before.saturating_add(u64::from(ended_so && meeting.counts));
        *side = Some(Seen {
            first_seen: before.as_ref().map_or(meeting.at, |seen| seen.first_seen),
            last_seen: meeting.at,
            address: meeting.address.to_canonical(),
            tls: meeting.tls.to_owned(),
            serial: meeting.certificate.serial.chars().take(SERIAL_DIGITS_MAX).collect(),
            not_after: meeting.certificate.not_after,
            outcome: meeting.refused.map_or(ACCEPTED, Reason::code).to_owned(),
            accepted: count(before.as_ref().map_or(0, |seen| seen.accepted), meeting.refused.is_none()),
            refused: count(before.as_ref().map_or(0, |seen| seen.refused), meeting.refused.is_some()),
        });
    }
}

/// RFC 5280 §4.1.2.2 allows 20 octets; a stranger's certificate may have more.
const SERIAL_DIGITS_MAX: usize = 40;

const ACCEPTED: &str = "accepted";

/// What was noted of one connection already.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    last: Option<Result<(), Reason>>,
    accepted: bool,
    refused: bool,
}

impl Noted {
    /// Is this ending worth a note, and does it count? A hundred messages over one connection are one meeting.
    pub(crate) fn ended(&mut self, refused: Option<Reason>) -> Option<bool> {
        let ending = refused.map_or(Ok(()), Err);
        if self.last.replace(ending) == Some(ending) {
            return None;
        }
        let counted = if refused.is_some() { &mut self.refused } else { &mut self.accepted };
        Some(!std::mem::replace(counted, true))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use pli_types::DistinguishedName;

    use super::*;

    fn certificate(name: &str, serial: &str) -> PresentedCertificate {
        PresentedCertificate {
            leaf: Vec::new(),
            chain: Vec::new(),
            subject: DistinguishedName::parse(name).unwrap(),
            issuer: DistinguishedName::parse("CN=CA").unwrap(),
            serial: serial.to_owned(),
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2027-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn meet(book: &PeerBook, name: &str, minute: i64, direction: Direction, refused: Option<Reason>) {
        let start: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let meeting = Meeting {
            at: start + SignedDuration::from_mins(minute),
            direction,
            address: "192.0.2.1".parse().unwrap(),
            tls: "TLSv1.3",
            certificate: &certificate(name, &format!("{minute:02x}")),
            refused,
            counts: true,
        };
        book.note(&Masker::new(&[1; 32]), &meeting);
    }

    #[test]
    fn the_last_meeting_is_told_and_all_are_counted() {
        let book = PeerBook::default();
        meet(&book, "CN=a", 1, Direction::In, None);
        meet(&book, "CN=a", 2, Direction::In, Some(Reason::CertificateNotListed));
        meet(&book, "CN=a", 3, Direction::Out, None);
        let records = book.records();
        assert_eq!(records.len(), 1);
        let incoming = records[0].incoming.as_ref().unwrap();
        assert_eq!((incoming.accepted, incoming.refused, incoming.serial.as_str()), (1, 1, "02"));
        assert_eq!(incoming.outcome, "certificate-not-listed");
        assert!(incoming.first_seen < incoming.last_seen);
        assert_eq!(records[0].outgoing.as_ref().unwrap().outcome, "accepted");
    }

    #[test]
    fn a_forged_certificate_changes_nothing_about_the_one_whose_name_it_bears() {
        let book = PeerBook::default();
        meet(&book, "CN=a", 1, Direction::In, None);
        let before = book.records();
        meet(&book, "CN=a", 2, Direction::In, Some(Reason::CertificateUntrusted));
        let after = book.records();
        assert_eq!((after.len(), &after[0], after[1].proven), (2, &before[0], false));
    }

    #[test]
    fn strangers_push_out_strangers_and_nobody_else() {
        let book = PeerBook::default();
        meet(&book, "CN=a", 0, Direction::In, None);
        for minute in 0..3_000 {
            meet(&book, &format!("CN=s{minute}"), minute, Direction::In, Some(Reason::CertificateUntrusted));
        }
        let records = book.records();
        assert!(records.len() <= 1 + UNPROVEN_MAX, "{}", records.len());
        assert!(records.iter().any(|record| record.name == "CN=a" && record.proven));
        assert!(records.iter().any(|record| record.name == "CN=s2999"), "the newest stay");
        assert!(records.iter().all(|record| record.name != "CN=s0"), "the oldest go");
    }

    #[test]
    fn a_hundred_messages_over_one_connection_are_one_meeting() {
        let mut noted = Noted::default();
        let refused = Some(Reason::SenderDomainNotListed);
        let ends = [None, None, refused, None, refused];
        assert_eq!(ends.map(|end| noted.ended(end)), [Some(true), None, Some(true), Some(false), Some(false)]);
    }

    #[test]
    fn what_was_seen_since_the_start_is_not_replaced_by_what_was_saved() {
        let (earlier, now) = (PeerBook::default(), PeerBook::default());
        meet(&earlier, "CN=a", 1, Direction::In, None);
        meet(&earlier, "CN=b", 1, Direction::In, None);
        meet(&now, "CN=a", 2, Direction::In, None);
        now.restore(earlier.records());
        let serials: Vec<_> = now.records().into_iter().map(|record| record.incoming.unwrap().serial).collect();
        assert_eq!(serials, ["02", "01"]);
    }

    #[test]
    fn nothing_has_changed_until_something_is_written() {
        let book = PeerBook::default();
        assert!(!book.take_changed());
        meet(&book, "CN=a", 1, Direction::In, None);
        assert!(book.take_changed());
        assert!(!book.take_changed());
    }
}
