//! How many messages a second are kept, and what of it the record costs:
//! `cargo run --release -p pli-store --example accept_rate -- [FOLDER]`.
//!
//! Each caller stages 5 KiB and accepts it for one mailbox, waits for the answer and begins again, as an SMTP
//! connection does. FOLDER should lie on the disk that is meant; the default is the system's temporary one.
//!
//! Three ways take turns: without a record, which no node can be; with what the intake records of a letter to a patient, two
//! entries; and with those sealed each second, as a node does. Beside the rate stands the processor's time for each message.

#![expect(clippy::print_stdout, reason = "it prints figures")]

mod measured;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pli_audit::{Event, EventKind, Face};
use pli_store::{MailboxKind, NewMailbox, NewMessage, Store, StoreError};
use pli_types::{Clock, MailAddress, MailboxId, Marked, MessageId, ReversePath, SystemClock};
use tokio::task::JoinSet;

use self::measured::seals::Sealer;
use self::measured::{Outcome, empty_store, folder};

const BODY_BYTES: usize = 5 * 1024;
const SECONDS: u64 = 4;
const TURNS: usize = 5;
const MAILBOXES: u32 = 100;

/// What is done about the record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Record {
    None,
    Kept,
    Sealed,
}

/// Messages a second, and microseconds of the processor for each.
struct Rate {
    rate: f64,
    work: f64,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = folder("pli-accept-rate");
    for callers in [1, 16, 64] {
        let mut turns: [Vec<Rate>; 3] = Default::default();
        for _ in 0..TURNS {
            for (record, rates) in [Record::None, Record::Kept, Record::Sealed].into_iter().zip(&mut turns) {
                rates.push(turn(&folder, callers, record).await?);
            }
        }
        let [none, kept, sealed] = turns.each_ref().map(|turns| median(turns));
        for (name, with) in [("no record", &none), ("recorded", &kept), ("and sealed", &sealed)] {
            let (slower, more) = (none.rate / with.rate - 1.0, with.work / none.work - 1.0);
            let (slower, more) = (slower * 100.0, more * 100.0);
            println!(
                "{callers:>3} callers, {name:<10}: {:>6.0} messages a second ({slower:>+5.1} % time), \
                 {:>5.0} µs of the processor ({more:>+5.1} %)",
                with.rate, with.work
            );
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The middle of the turns, each figure by itself.
fn median(turns: &[Rate]) -> Rate {
    let middle = |figure: fn(&Rate) -> f64| {
        let mut figures: Vec<f64> = turns.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or_default()
    };
    Rate { rate: middle(|turn| turn.rate), work: middle(|turn| turn.work) }
}

async fn turn(folder: &Path, callers: usize, record: Record) -> Outcome<Rate> {
    let store = empty_store(folder).await?;
    let mailboxes = add_mailboxes(&store).await?;
    let accepted = Arc::new(AtomicU64::new(0));
    let (begin, work) = (Instant::now(), processor_seconds()?);
    let end = begin + Duration::from_secs(SECONDS);
    let mut tasks = JoinSet::new();
    if record == Record::Sealed {
        tasks.spawn(seal(Arc::clone(&store), end));
    }
    for caller in 0..callers {
        let calls = call(Arc::clone(&store), mailboxes.clone(), caller, end, Arc::clone(&accepted), record);
        tasks.spawn(async { calls.await.map_err(|error| error.to_string()) });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let (seconds, work) = (begin.elapsed().as_secs_f64(), processor_seconds()? - work);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let messages = accepted.load(Ordering::Relaxed) as f64;
    store.close().await;
    Ok(Rate { rate: messages / seconds, work: work * 1e6 / messages })
}

/// What this process has used: `utime` and `stime` of `/proc/self/stat`, in hundredths of a second.
fn processor_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name of a process")?;
    let ticks: Result<Vec<f64>, _> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / 100.0)
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
    record: Record,
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
        let event = |kind| Event {
            message: Some(id),
            actor: Some(Marked::plain("CN=mx.hospital.example,O=Hospital,C=FR")),
            remote: Some("192.0.2.7".to_owned()),
            sender: Some(Marked::plain("dr.martin@hospital.example")),
            // One of a thousand patients.
            recipient: Some(Marked::text(&format!("2790351{:03}189@patient.mssante.fr", caller * 37 % 1000))),
            detail: Some(Marked::plain("5120 bytes")),
            ..Event::new(now, kind, Face::Smtp)
        };
        let audit = match record {
            Record::None => Vec::new(),
            Record::Kept | Record::Sealed => vec![event(EventKind::Accepted), event(EventKind::Delivered)],
        };
        let message = NewMessage {
            deliveries: vec![*mailbox],
            audit,
            ..NewMessage::new(id, now, ReversePath::Null, writer.finish().await?)
        };
        store.accept(message).await?;
        accepted.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Seals each second, and what is left at the end.
async fn seal(store: Arc<dyn Store>, end: Instant) -> Result<(), String> {
    let mut sealer = Sealer::new();
    loop {
        let last = Instant::now() >= end;
        sealer.seal(&*store).await.map_err(|error| error.to_string())?;
        if last {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
