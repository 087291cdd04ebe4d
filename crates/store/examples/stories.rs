//! Fills a store with the stories of many messages, three events each:
//! `cargo run --release -p pli-store --example stories -- NODE COUNT`.
//!
//! NODE is the folder of a sandbox's operator (`cargo xtask bench story` makes it, and measures how fast one is found). One
//! sender in a thousand wrote a half of them all, and one recipient got as many. Prints the ids of a few, a line each.

#![expect(clippy::print_stdout, reason = "they are for who runs it")]

mod measured;

use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use pli_audit::{Event, EventKind, Face};
use pli_store::{NewMessage, NewParty, NewStory, PartyWay, Store};
use pli_types::{Clock, MailAddress, Marked, Masker, MessageId, QueueId, ReversePath, SystemClock};
use tokio::task::JoinSet;

use self::measured::{Outcome, store_of};

/// Messages that are taken in at once.
const CALLERS: u64 = 64;
/// One id of so many parts is printed.
const SAMPLES: u64 = 20;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(node), Some(count)) = (arguments.next(), arguments.next()) else { return Err("NODE COUNT".into()) };
    let (node, count) = (Path::new(&node), count.parse::<u64>()?);
    let store = pli_store::open(&store_of(node), Arc::new(SystemClock)).await?;
    let masker = Arc::new(masker(&node.join("keys/masking.key"))?);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(fill(Arc::clone(&store), Arc::clone(&masker), caller, count));
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    store.close().await;
    Ok(())
}

/// Its share of them, the oldest first, a second apart until now.
async fn fill(store: Arc<dyn Store>, masker: Arc<Masker>, caller: u64, count: u64) -> Outcome<()> {
    let now = SystemClock.now();
    for number in (caller..count).step_by(usize::try_from(CALLERS)?) {
        let at = now.checked_sub(SignedDuration::from_secs(i64::try_from(count - number)?))?;
        let id = accept(&*store, &masker, at, number).await?;
        if number % (count / SAMPLES).max(1) == 0 {
            println!("{number} {id}");
        }
    }
    Ok(())
}

async fn accept(store: &dyn Store, masker: &Masker, at: jiff::Timestamp, number: u64) -> Outcome<MessageId> {
    let id = MessageId::at(at);
    let (from, to) = if number.is_multiple_of(2) { (0, 0) } else { (number % 1000, number) };
    let sender = MailAddress::parse(&format!("s{from}@clinic.test"))?;
    let recipient = MailAddress::parse(&format!("r{to}@hospital.test"))?;
    let event = |kind| Event {
        message: Some(id),
        sender: Some(Marked::address(&sender)),
        recipient: Some(Marked::address(&recipient)),
        ..Event::new(at, kind, Face::Smtp)
    };
    let party = NewParty { recipient: masker.lookup_address(&recipient), way: PartyWay::Row(QueueId::at(at)) };
    let mut body = store.stage(id)?;
    body.write(b"x").await?;
    let message = NewMessage {
        audit: [EventKind::Accepted, EventKind::Relayed, EventKind::Reported].map(event).to_vec(),
        story: Some(NewStory {
            sender: Some(masker.lookup_address(&sender)),
            message_id: Some(masker.lookup_message_id(&format!("{number}@bench.test"))),
            parties: vec![party],
        }),
        ..NewMessage::new(id, at, ReversePath::Address(sender.clone()), body.finish().await?)
    };
    store.accept(message).await?;
    Ok(id)
}

fn masker(file: &Path) -> Outcome<Masker> {
    let text = std::fs::read_to_string(file)?;
    let mut key = [0; 32];
    for (byte, place) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(place..place + 2).ok_or("a key of 64 hexadecimal digits")?, 16)?;
    }
    Ok(Masker::new(&key))
}
