//! How long checking the record of a large store takes, with all that lies around it, and how much memory.
//!
//! ```text
//! cargo run --release -p pli-store --example record -- FOLDER write [EVENTS]
//! cargo run --release -p pli-store --example record -- FOLDER verify
//! ```
//!
//! `write` makes a store in FOLDER that has ten million events, or as many as are asked for, and is sealed: some 7 GB. Two events
//! a letter, to one of a hundred thousand patients. `verify` does what `pli audit verify` does beside a node, as a process of its own so
//! that its memory is that of checking.

#![expect(clippy::print_stdout, reason = "it prints figures")]

mod measured;

use std::time::Instant;

use pli_audit::{Event, EventKind, Face, Verdict};
use pli_store::Checking;
use pli_types::{Clock, Marked, MessageId, SystemClock};

use self::measured::seals::Sealer;
use self::measured::{Outcome, empty_store, folder, open_store};

const EVENTS: u64 = 10_000_000;
/// Letters that are recorded in one transaction.
const AT_ONCE: u64 = 2_000;
const PATIENTS: u64 = 100_000;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write"] => write(EVENTS).await,
        ["write", events] => write(events.parse()?).await,
        ["verify"] => verify().await,
        _ => Err("FOLDER write [EVENTS], or FOLDER verify".into()),
    }
}

async fn write(events: u64) -> Outcome<()> {
    let (begin, store) = (Instant::now(), empty_store(&folder("pli-large-record")).await?);
    let mut sealer = Sealer::new();
    for first in (0..events / 2).step_by(usize::try_from(AT_ONCE)?) {
        let letters = first..(first + AT_ONCE).min(events / 2);
        store.append_audit(letters.flat_map(letter).collect()).await?;
        sealer.seal(&*store).await?;
    }
    store.close().await;
    println!("{events} events, recorded and sealed in {:.1?}", begin.elapsed());
    Ok(())
}

/// What is recorded of a letter.
fn letter(number: u64) -> [Event; 2] {
    let now = SystemClock.now();
    let id = MessageId::at(now);
    [EventKind::Accepted, EventKind::Delivered].map(|kind| Event {
        message: Some(id),
        actor: Some(Marked::plain("CN=mx.hospital.example,O=Hospital,C=FR")),
        remote: Some("192.0.2.7".to_owned()),
        sender: Some(Marked::plain("dr.martin@hospital.example")),
        recipient: Some(Marked::text(&format!("27903{:08}@patient.mssante.fr", number * 7_919 % PATIENTS))),
        ..Event::new(now, kind, Face::Smtp)
    })
}

async fn verify() -> Outcome<()> {
    let store = open_store(&folder("pli-large-record")).await?;
    let with = Checking { key: Sealer::key()?.verifier().clone(), trusted: true, earlier: None };
    let begin = Instant::now();
    match pli_store::verify(store, with).await?.verdict {
        Verdict::Verified(verified) => println!("{} events verified in {:.1?}", verified.tree_size, begin.elapsed()),
        Verdict::Damaged(damage) => return Err(damage.to_string().into()),
    }
    if let Some(most) = std::fs::read_to_string("/proc/self/status")?.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{most}, the most memory at any time");
    }
    Ok(())
}
