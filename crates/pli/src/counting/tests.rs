//! What is counted, once, whoever counts and however often.

use jiff::SignedDuration;
use pli_audit::{EventKind, Face, ReportClass};
use pli_store::{MailboxChange, MailboxKind, NewMailbox};
use pli_types::{MailAddress, ManualClock, Marked};

use super::*;
use crate::config::{self, DomainName};

const PATIENT: &str = "279035121518989@patient.mssante.fr";
const OFFICE: &str = "office@hopital.mssante.fr";

struct Bench {
    counting: Counting,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

impl Bench {
    /// On the first of October, by the clocks of Paris.
    async fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let master_key = folder.path().join("master.key");
        std::fs::write(&master_key, "5a".repeat(32)).unwrap();
        std::fs::set_permissions(&master_key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let url = format!("sqlite://{}", folder.path().join("store/pli.db").display());
        let clock = Arc::new(ManualClock::new("2026-09-30T22:00:00Z".parse().unwrap()));
        let store = pli_store::open(&pli_store::Config { url, master_key }, clock.clone()).await.unwrap();
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/pli.toml");
        let mut config = config::load(sample.as_ref()).unwrap();
        config.server.domains = vec![DomainName(address(OFFICE).domain().clone())];
        config.server.postmaster = None;
        let settings = Settings::new(config).unwrap();
        let zone = settings.config.indicators.time_zone.zone();
        let counting = Counting { store, clock: clock.clone(), zone, connectors: ConnectorBook::of(&settings) };
        let at = Self { counting, clock, _folder: folder };
        at.store().add_mailbox(NewMailbox::new(address(OFFICE), MailboxKind::Org), Vec::new()).await.unwrap();
        at
    }

    fn store(&self) -> &dyn Store {
        &*self.counting.store
    }

    fn set_clock(&self, to: &str) {
        let to: Timestamp = to.parse().unwrap();
        self.clock.advance(to.duration_since(self.clock.now()));
    }

    fn event(&self, kind: EventKind, face: Face, from: &str, to: &str) -> Event {
        let marked =
            |text: &str| Some(text).filter(|text| !text.is_empty()).map(|text| Marked::address(&address(text)));
        Event { sender: marked(from), recipient: marked(to), ..Event::new(self.clock.now(), kind, face) }
    }

    async fn record(&self, events: Vec<Event>) {
        self.store().append_audit(events).await.unwrap();
    }

    /// A message that is taken in and reaches somebody here.
    async fn letter(&self, from: &str, to: &str, usage: Usage) {
        let message = Some(MessageId::at(self.clock.now()));
        let accepted = Event { message, usage: Some(usage), ..self.event(EventKind::Accepted, Face::Smtp, from, to) };
        let delivered = Event { message, ..self.event(EventKind::Delivered, Face::Smtp, from, to) };
        self.record(vec![accepted, delivered]).await;
    }

    async fn of(&self, month: &str) -> Vec<String> {
        let counted = self.counting.of_month(Month::parse(month).unwrap()).await.unwrap();
        let shown =
            counted.iter().filter(|one| !one.measure.starts_with("mailboxes") && !one.measure.starts_with("spaces"));
        let shown = shown
            .map(|one| format!("{} {} {}[{}] {}", one.domain, one.mailbox_type, one.measure, one.label, one.value));
        shown.collect()
    }
}

#[tokio::test]
async fn each_entry_is_counted_once_however_often_and_by_however_many() {
    let at = Bench::new().await;
    for _ in 0..ENTRIES_MAX {
        at.letter(OFFICE, PATIENT, Usage::default()).await;
    }
    let (one, other) = (at.counting.clone(), at.counting.clone());
    let (one, other) = tokio::join!(one.catch_up(), other.catch_up());
    one.and(other).unwrap();
    at.letter(PATIENT, OFFICE, Usage::default()).await;
    let counted = at.of("2026-10").await;
    assert_eq!(counted, at.of("2026-10").await);
    let sent = format!("hopital.mssante.fr ORG sent[] {ENTRIES_MAX}");
    assert!(counted.contains(&sent), "{counted:?}");
    assert!(counted.contains(&"hopital.mssante.fr ORG received-from-patients[] 1".to_owned()), "{counted:?}");
    assert!(!format!("{counted:?}").contains("27903"));
}

#[tokio::test]
async fn a_message_is_counted_by_what_its_header_says_and_a_report_as_a_report() {
    let at = Bench::new().await;
    let usage = Usage { xdm: true, ..Usage::default() };
    at.letter("x@elsewhere.test", OFFICE, usage.with_fields(Some("34112-3"), Some("O"), Some("DEV1"))).await;
    let report = Usage { report: Some(ReportClass::Mdn), to_patients: true, ..Usage::default() };
    at.letter(OFFICE, PATIENT, report).await;
    assert_eq!(
        at.of("2026-10").await,
        [
            "hopital.mssante.fr ORG received[] 1",
            "hopital.mssante.fr ORG received-code[34112-3] 1",
            "hopital.mssante.fr ORG received-ins[O] 1",
            "hopital.mssante.fr ORG received-product[DEV1] 1",
            "hopital.mssante.fr ORG received-xdm[] 1",
            "hopital.mssante.fr ORG sent-mdn[] 1",
        ]
    );
}

#[tokio::test]
async fn what_a_report_tells_of_mail_is_not_mail() {
    let at = Bench::new().await;
    let told = Event {
        detail: Some(Marked::plain("report 0190a1b2c3d47e5f8a9b0c1d2e3f4a5b")),
        ..at.event(EventKind::Delivered, Face::Smtp, "x@elsewhere.test", OFFICE)
    };
    let failed = Event { kind: EventKind::Failed, reason: Some("5.1.1".to_owned()), ..told.clone() };
    at.record(vec![told, failed]).await;
    assert!(at.of("2026-10").await.is_empty());
}

#[tokio::test]
async fn a_refusal_is_counted_by_its_reason_with_whose_it_is() {
    let at = Bench::new().await;
    let refused = |from, to, reason: &str| Event {
        reason: Some(reason.to_owned()),
        ..at.event(EventKind::Refused, Face::Smtp, from, to)
    };
    at.record(vec![
        refused("x@elsewhere.test", "nobody@hopital.mssante.fr", "mailbox-unknown"),
        refused("x@elsewhere.test", "279035121518989@hopital.mssante.fr", "mailbox-unknown"),
        refused(OFFICE, "x@elsewhere.test", "rate-exceeded"),
        refused("279035121518989@279035121518989.test", "", "client-not-proven"),
        Event { count: Some(41), ..refused("279035121518989@279035121518989.test", "", "client-not-proven") },
    ])
    .await;
    assert_eq!(
        at.of("2026-10").await,
        [
            "  refused[client-not-proven] 42",
            "hopital.mssante.fr  refused[mailbox-unknown] 2",
            "hopital.mssante.fr ORG refused[rate-exceeded] 1",
        ]
    );
}

#[tokio::test]
async fn a_month_ends_at_midnight_in_paris() {
    let at = Bench::new().await;
    at.set_clock("2026-10-31T22:59:59Z");
    at.letter("x@elsewhere.test", OFFICE, Usage::default()).await;
    at.set_clock("2026-10-31T23:00:00Z");
    at.letter("x@elsewhere.test", OFFICE, Usage::default()).await;
    for month in ["2026-10", "2026-11"] {
        assert_eq!(at.of(month).await[0], "hopital.mssante.fr ORG received[] 1");
    }
}

#[tokio::test]
async fn mailboxes_stay_as_they_were_at_the_end_of_the_month() {
    let at = Bench::new().await;
    at.counting.catch_up().await.unwrap();
    let mailbox = async |name: &str| {
        let mailbox = NewMailbox::new(address(&format!("{name}@hopital.mssante.fr")), MailboxKind::Per);
        at.store().add_mailbox(mailbox, Vec::new()).await.unwrap()
    };
    let delete = async |mailbox| {
        let address_kept_until = at.clock.now();
        let change = MailboxChange::Delete { address_kept_until };
        at.store().change_mailbox(mailbox, change, Vec::new()).await.unwrap();
    };
    let (one, two) = (mailbox("one").await, mailbox("two").await);
    mailbox("three").await;
    at.store().change_mailbox(two, MailboxChange::Suspend, Vec::new()).await.unwrap();
    // Deleted, and made again under the same address.
    delete(one).await;
    mailbox("one").await;
    // Midnight is over before anybody counts.
    at.set_clock("2026-10-31T23:00:05Z");
    delete(two).await;
    mailbox("four").await;
    let of = async |month: &str| {
        let counted = at.counting.of_month(Month::parse(month).unwrap()).await.unwrap();
        let of = counted.into_iter().filter(|one| one.mailbox_type == "PER");
        of.map(|one| (one.measure, one.value)).collect::<Vec<_>>()
    };
    let october = [("mailboxes-active", 3), ("mailboxes-created", 4), ("mailboxes-deleted", 1)];
    let october = october.map(|(measure, value)| (measure.to_owned(), value));
    assert_eq!(of("2026-10").await, october, "who was suspended and is gone counts as active");
    at.clock.advance(SignedDuration::from_hours(24 * 40));
    mailbox("five").await;
    assert_eq!(of("2026-10").await, october);
    let november = [("mailboxes-active", 3), ("mailboxes-created", 1), ("mailboxes-deleted", 1)];
    assert_eq!(of("2026-11").await, november.map(|(measure, value)| (measure.to_owned(), value)));
}

#[tokio::test]
async fn who_came_last_to_a_mailbox_is_told_as_far_as_it_is_known() {
    let at = Bench::new().await;
    at.store()
        .add_mailbox(NewMailbox::new(address("new@hopital.mssante.fr"), MailboxKind::Per), Vec::new())
        .await
        .unwrap();
    let came = |mailbox: &str| Event {
        mailbox: Some(Marked::address(&address(mailbox))),
        ..Event::new(at.clock.now(), EventKind::SignedIn, Face::Imap)
    };
    at.record(vec![came(OFFICE), came(OFFICE), came(PATIENT)]).await;
    let connections = async |month: &str| {
        let month = Month::parse(month).unwrap();
        at.counting.catch_up().await.unwrap();
        let (begins, ends) = at.counting.bounds(month);
        let all = at.store().connections(month, begins, ends, None, 10).await.unwrap();
        all.into_iter().map(|one| (one.address, one.last_at, one.count)).collect::<Vec<_>>()
    };
    let first = at.clock.now();
    let october = [(OFFICE.to_owned(), Some(first), 2), ("new@hopital.mssante.fr".to_owned(), None, 0)];
    assert_eq!(connections("2026-10").await, october);
    at.clock.advance(SignedDuration::from_hours(24 * 40));
    at.record(vec![came(OFFICE)]).await;
    assert_eq!(connections("2026-10").await, october);
    assert_eq!(connections("2026-11").await[0], (OFFICE.to_owned(), Some(at.clock.now()), 1));
    assert!(connections("2026-09").await.is_empty(), "there was no mailbox yet");
}
