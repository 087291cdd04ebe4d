//! Deadlines, and what reports say of the messages that they are on.

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_store::{
    NewMessage, NewParty, NewStory, NewWatch, Outcome, OverdueBacklog, PartyState, PartyWay, Relay, ReportedState,
    Settlement,
};
use pli_types::{DsnNotify, LookupKey, MessageId, QueueId, Recipient, ReversePath};

use crate::support::{Backend, Fixture, address, event};

const SENDER: LookupKey = LookupKey::from_bytes([1; 16]);
const PARTY: LookupKey = LookupKey::from_bytes([2; 16]);
const NAME: LookupKey = LookupKey::from_bytes([3; 16]);
const TO: &str = "a@one.test";

fn recipient() -> Recipient {
    let notify = DsnNotify { success: true, failure: true, delay: false };
    Recipient { address: address(TO), notify, orcpt: Some("rfc822;x".to_owned()) }
}

/// A letter elsewhere that is to be opened within an hour, taken in and relayed.
async fn watched(at: &Fixture, resend: bool) -> MessageId {
    let message = at.relayed(b"a letter", &[TO]).await;
    let (id, row) = (message.id, message.relays[0].id);
    let parties = vec![NewParty { recipient: PARTY, way: PartyWay::Row(row) }];
    let watch = NewWatch {
        recipient: recipient(),
        party: PARTY,
        message_id: Some("1@x".to_owned()),
        state: PartyState::Opened,
        due_at: at.after(3600),
        resend,
    };
    let story = Some(NewStory { sender: Some(SENDER), message_id: Some(NAME), parties });
    let sender = ReversePath::Address(address("dr@clinic.test"));
    at.store.accept(NewMessage { sender, story, watches: vec![watch], ..message }).await.unwrap();
    relayed(at).await;
    id
}

/// All that waits is taken by the next server.
async fn relayed(at: &Fixture) {
    for lease in at.store.claim_due(at.now(), std::time::Duration::from_mins(5), 9).await.unwrap() {
        let outcome = Outcome::Relayed { detail: String::new() };
        at.store.settle(vec![Settlement::new(lease, outcome)]).await.unwrap();
    }
}

/// A report to this sender on the letter of that name, about that party.
async fn report(at: &Fixture, name: LookupKey, sender: LookupKey, party: LookupKey, state: PartyState) {
    let mailbox = match at.store.mailbox(&address("box@clinic.test")).await.unwrap() {
        Some(mailbox) => mailbox.id,
        None => at.mailbox("box@clinic.test").await,
    };
    let message = at.message(b"a report", &[mailbox]).await;
    let event = event(message.id, EventKind::Opened);
    let (senders, parties) = (vec![sender], vec![LookupKey::from_bytes([9; 16]), party]);
    let reported = ReportedState { message_id: name, senders, parties, state, code: Some("904".to_owned()), event };
    at.store.accept(NewMessage { reported: vec![reported], ..message }).await.unwrap();
}

async fn state(at: &Fixture, message: MessageId) -> PartyState {
    at.store.story(message).await.unwrap().unwrap().parties[0].state
}

/// How often this is on record of a message.
async fn told(at: &Fixture, message: MessageId, kind: EventKind) -> usize {
    let events = at.store.events_of(message).await.unwrap();
    events.iter().filter(|event| event.kind == kind && event.message == Some(message)).count()
}

pub(crate) async fn a_report_moves_on_what_its_recipient_has_sent_to_its_party_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = watched(&at, false).await;
    let other = LookupKey::from_bytes([8; 16]);
    report(&at, other, SENDER, PARTY, PartyState::Opened).await;
    report(&at, NAME, other, PARTY, PartyState::Opened).await;
    report(&at, NAME, SENDER, other, PartyState::Opened).await;
    assert_eq!(state(&at, id).await, PartyState::Relayed);
    assert_eq!(told(&at, id, EventKind::Opened).await, 0);
    for _ in 0..2 {
        report(&at, NAME, SENDER, PARTY, PartyState::Opened).await;
        assert_eq!(state(&at, id).await, PartyState::Opened);
    }
    assert_eq!(told(&at, id, EventKind::Opened).await, 1, "recorded with the letter, once");
    assert_eq!(at.store.story(id).await.unwrap().unwrap().parties[0].code.as_deref(), Some("904"));
}

pub(crate) async fn what_is_late_is_due_until_it_is_ended_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = watched(&at, false).await;
    assert_eq!(at.store.next_watch_at().await.unwrap(), Some(at.after(3600)));
    assert!(at.store.watches_due(at.after(3599), 9).await.unwrap().is_empty());
    let [due] = at.store.watches_due(at.after(3600), 9).await.unwrap().try_into().unwrap();
    assert_eq!((due.message, due.state, due.resend), (id, PartyState::Opened, false));
    assert_eq!((due.recipient.clone(), due.message_id.as_deref()), (recipient(), Some("1@x")));
    assert_eq!((due.sender.reveal().as_str(), due.accepted_at), ("dr@clinic.test", at.now()));
    for first in [true, false] {
        let alert = at.relayed(b"an alert", &["dr@clinic.test"]).await;
        let audit = vec![event(id, EventKind::Overdue)];
        assert_eq!(at.store.settle_watch(due.id, Some(alert), None, at.after(3600), audit).await.unwrap(), first);
    }
    let at = at.reopen().await;
    assert_eq!(at.store.queue_rows(9).await.unwrap().len(), 1, "one alert");
    assert_eq!(told(&at, id, EventKind::Overdue).await, 1);
    assert!(at.store.watches_due(at.after(7200), 9).await.unwrap().is_empty());
    assert_eq!(at.store.next_watch_at().await.unwrap(), None);
    let backlog = OverdueBacklog { waiting: 1, first_due_at: Some(at.after(3600)) };
    assert_eq!(at.store.overdue().await.unwrap(), backlog);
    assert_eq!(at.store.forget_watches(at.after(7200), at.after(3600)).await.unwrap(), 0);
    assert_eq!(
        at.store.forget_watches(at.after(7200), at.after(3601)).await.unwrap(),
        1,
        "its time to be shown is over"
    );
    assert_eq!(at.store.overdue().await.unwrap(), OverdueBacklog::default());
}

pub(crate) async fn what_came_in_time_or_meanwhile_is_not_told(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = watched(&at, true).await;
    let [due] = at.store.watches_due(at.after(3600), 9).await.unwrap().try_into().unwrap();
    report(&at, NAME, SENDER, PARTY, PartyState::Integrated).await;
    let alert = at.relayed(b"an alert", &["dr@clinic.test"]).await;
    let audit = vec![event(id, EventKind::Overdue)];
    assert!(!at.store.settle_watch(due.id, Some(alert), None, at.after(3600), audit).await.unwrap());
    assert!(at.store.watches_due(at.after(3600), 9).await.unwrap().is_empty());
    assert!(at.store.queue_rows(9).await.unwrap().is_empty());
    assert!(at.store.body(id).await.is_ok());
    assert_eq!(at.store.forget_watches(at.after(3600), at.now()).await.unwrap(), 1);
    assert!(at.store.body(id).await.is_err(), "nobody needs it any more");
}

pub(crate) async fn what_may_be_sent_once_more_is_kept_until_it_was(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (kept, gone) = (watched(&at, true).await, watched(&at, false).await);
    assert!(at.store.body(kept).await.is_ok() && at.store.body(gone).await.is_err());
    at.clock.advance(SignedDuration::from_hours(1));
    let due = at.store.watches_due(at.now(), 9).await.unwrap();
    let again: Vec<bool> = due.iter().map(|due| due.resend).collect();
    assert_eq!(again, [true, false], "of the other one there is nothing left");
    let relay = Relay {
        id: QueueId::at(at.now()),
        recipient: recipient(),
        destination: address(TO).domain().clone(),
        expires_at: at.after(60),
    };
    assert!(at.store.settle_watch(due[0].id, None, Some(relay), at.now(), Vec::new()).await.unwrap());
    let [row] = at.store.queue_rows(9).await.unwrap().try_into().unwrap();
    assert_eq!((row.message, row.recipient.reveal().as_str()), (kept, TO));
    assert_eq!(&at.store.body(kept).await.unwrap()[..], b"a letter");
    relayed(&at).await;
    assert!(at.store.body(kept).await.is_err());
}
