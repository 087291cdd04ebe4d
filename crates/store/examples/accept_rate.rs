//! How many messages a second are kept: `cargo run --release -p pli-store --example accept_rate -- [FOLDER]`.
//!
//! Each caller stages 5 KiB and accepts it for one mailbox, waits for the answer and begins again, as an SMTP
//! connection does. FOLDER should lie on the disk that is meant; the default is the system's temporary one.

#![expect(clippy::print_stdout, reason = "it prints figures")]

mod measured;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pli_audit::{Event, EventKind, Face};
use pli_store::{MailboxKind, NewMailbox, NewMessage, Store, StoreError};
use pli_types::{Clock, MailAddress, MailboxId, MessageId, ReversePath, SystemClock};
use tokio::task::JoinSet;

use self::measured::{Outcome, empty_store, folder};

const BODY_BYTES: usize = 5 * 1024;
const SECONDS: u64 = 4;
const MAILBOXES: u32 = 100;

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = folder("pli-accept-rate");
    for callers in [1, 16, 64] {
        let store = empty_store(&folder).await?;
        let mailboxes = add_mailboxes(&store).await?;
        let accepted = Arc::new(AtomicU64::new(0));
        let begin = Instant::now();
        let end = begin + Duration::from_secs(SECONDS);
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            tasks.spawn(call(Arc::clone(&store), mailboxes.clone(), caller, end, Arc::clone(&accepted)));
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        let seconds = begin.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = accepted.load(Ordering::Relaxed) as f64 / seconds;
        println!("{callers:>3} callers: {rate:>8.0} messages a second");
        store.close().await;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn add_mailboxes(store: &Arc<dyn Store>) -> Outcome<Vec<MailboxId>> {
    let mut mailboxes = Vec::new();
    for number in 0..MAILBOXES {
        let new = NewMailbox::new(MailAddress::parse(&format!("m{number}@example.test"))?, MailboxKind::Per);
        mailboxes.push(store.add_mailbox(new, Vec::new()).await?);
    }
    Ok(mailboxes)
}

async fn call(
    store: Arc<dyn Store>,
    mailboxes: Vec<MailboxId>,
    caller: usize,
    end: Instant,
    accepted: Arc<AtomicU64>,
) -> Result<(), StoreError> {
    let body = vec![b'x'; BODY_BYTES];
    for mailbox in mailboxes.iter().cycle().skip(caller) {
        if Instant::now() >= end {
            break;
        }
        let now = SystemClock.now();
        let id = MessageId::at(now);
        let mut writer = store.stage(id)?;
        writer.write(&body).await?;
        let message = NewMessage {
            deliveries: vec![*mailbox],
            audit: vec![Event { message: Some(id), ..Event::new(now, EventKind::Accepted, Face::Smtp) }],
            ..NewMessage::new(id, now, ReversePath::Null, writer.finish().await?)
        };
        store.accept(message).await?;
        accepted.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
