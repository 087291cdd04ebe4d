//! Letters that lie in a store with their stories, as if a node had taken them in.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, Face};
use pli_store::{Config, NewMessage, NewParty, NewStory, PartyWay, Relay, Store};
use pli_types::{DsnNotify, MailAddress, ManualClock, Marked, Masker, MessageId, QueueId, Recipient, ReversePath};

use super::node::Operator;

/// The store of one of its operators, whose node does not run. Its time stands still.
pub(crate) async fn store(operator: &Operator, name: &str, now: Timestamp) -> Arc<dyn Store> {
    let config = Config {
        url: format!("sqlite://{}", operator.path(&format!("{name}/store/pli.db")).display()),
        master_key: operator.path(&format!("{name}/keys/master.key")),
    };
    pli_store::open(&config, Arc::new(ManualClock::new(now))).await.unwrap()
}

pub(crate) fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

/// That of one of its operators.
pub(crate) fn masker(operator: &Operator, name: &str) -> Masker {
    let text = std::fs::read_to_string(operator.path(&format!("{name}/keys/masking.key"))).unwrap();
    let digits: Vec<char> = text.trim().chars().collect();
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect();
    Masker::new(&bytes.try_into().unwrap())
}

/// A letter as intake hands it over: with its story, and the event that names all who get it.
pub(crate) async fn letter(
    store: &dyn Store,
    mask: &Masker,
    at: Timestamp,
    sender: &str,
    recipients: &[&str],
    number: u8,
) -> MessageId {
    let id = MessageId::at(at);
    let mut writer = store.stage(id).unwrap();
    writer.write(b"From: a@b.fr\r\n\r\nA letter.\r\n").await.unwrap();
    let relay = |recipient: &&str| Relay {
        id: QueueId::at(at),
        destination: address(recipient).domain().clone(),
        recipient: Recipient { address: address(recipient), notify: DsnNotify::default(), orcpt: None },
        expires_at: at.checked_add(SignedDuration::from_hours(24)).unwrap(),
    };
    let relays: Vec<Relay> = recipients.iter().map(relay).collect();
    let party = |relay: &Relay| NewParty {
        recipient: mask.lookup_address(&relay.recipient.address),
        way: PartyWay::Row(relay.id),
    };
    let named = recipients.iter().map(|recipient| Marked::address(&address(recipient)));
    let accepted = Event {
        message: Some(id),
        sender: Some(sender.into()),
        recipient: Some(Marked::join(named, ", ")),
        ..Event::new(at, EventKind::Accepted, Face::Submission)
    };
    let message = NewMessage {
        story: Some(NewStory {
            sender: Some(mask.lookup_address(&address(sender))),
            message_id: Some(mask.lookup_message_id(&format!("{number}@bench.test"))),
            parties: relays.iter().map(party).collect(),
        }),
        relays,
        audit: vec![accepted],
        ..NewMessage::new(id, at, ReversePath::Address(address(sender)), writer.finish().await.unwrap())
    };
    store.accept(message).await.unwrap();
    id
}
