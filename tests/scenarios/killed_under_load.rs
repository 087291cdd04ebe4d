//! `250` means kept: the relay is killed under load, ten times in a row, and nothing that it acknowledged is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use e2e::imap::Imap;
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, message};

/// Rounds, each with one kill.
const ROUNDS: usize = 10;
/// Messages that a round would send, were it not killed.
const LOAD: usize = 2_000;
/// Connections at once.
const SENDERS: usize = 8;

/// One acknowledged message: its marker and the id of its `250`.
type Acknowledged = (String, String);

pub(crate) fn every_acknowledged_message_is_there_afterwards() -> Outcome {
    let mut sandbox = Seed::new()?.start_only("pro")?;
    let mut seen_uid = 0;
    let mut acknowledged_in_all = 0;
    for round in 0..ROUNDS {
        // Early in the load, in the middle, late: another point each round.
        let kill_after = LOAD * (2 * round + 1) / (2 * ROUNDS);
        let acknowledged = load_until_killed(&sandbox, kill_after)?;
        ensure!(
            acknowledged.len() >= kill_after,
            "round {round}: the load stopped by itself at {}",
            acknowledged.len()
        );
        acknowledged_in_all += acknowledged.len();

        sandbox.restart("pro")?;
        let mailbox = mailbox_since(&sandbox, &mut seen_uid)?;
        let queued: BTreeSet<String> =
            sandbox.queue("pro")?.iter().filter_map(|row| row["message"].as_str().map(str::to_owned)).collect();
        for (marker, id) in &acknowledged {
            ensure!(
                mailbox.get(marker) == Some(&1),
                "round {round}: {id} is in the mailbox {:?} times",
                mailbox.get(marker)
            );
            ensure!(queued.contains(id), "round {round}: {id} is not in the queue");
        }
        // Without its 250, a message may be there (the kill fell between commit and reply), but only one a connection.
        ensure!(
            mailbox.len() <= acknowledged.len() + SENDERS,
            "round {round}: {} for {}",
            mailbox.len(),
            acknowledged.len()
        );
    }
    ensure!(acknowledged_in_all >= ROUNDS * LOAD / 4, "only {acknowledged_in_all} messages were acknowledged");
    Ok(())
}

/// Sends from several connections; kills the operator once this many are acknowledged. What was acknowledged.
fn load_until_killed(sandbox: &Sandbox, kill_after: usize) -> anyhow::Result<Vec<Acknowledged>> {
    let acknowledged = Mutex::new(Vec::new());
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                scope.spawn(|| {
                    // An error is the kill itself: what counts is what was acknowledged before it.
                    let _killed = send_many(sandbox, &acknowledged, &count);
                })
            })
            .collect();
        while count.load(Ordering::Relaxed) < kill_after && senders.iter().any(|sender| !sender.is_finished()) {
            std::thread::yield_now();
        }
        sandbox.kill_nine("pro")
    })?;
    Ok(acknowledged.into_inner().unwrap_or_default())
}

/// To a mailbox here, and to a hospital whose server does not answer: one copy is delivered, the other waits.
fn send_many(sandbox: &Sandbox, acknowledged: &Mutex<Vec<Acknowledged>>, count: &AtomicUsize) -> Outcome {
    let pharmacy = &sandbox.account("pro", "ORG")?.address;
    let hospital = format!("secretariat@{}", sandbox.connector()?.domain);
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let mut smtp = Smtp::as_peer(sandbox, "listed", "pro")?;
    for _ in 0..LOAD / SENDERS {
        let marker = message::marker();
        let mut letter = message::letter(&from, pharmacy, &marker);
        letter.extend_from_slice("Ligne de remplissage, pour faire le poids d'une lettre.\r\n".repeat(80).as_bytes());
        letter.extend_from_slice(b"fin\r\n");
        let reply = smtp.send(&from, &[pharmacy, &hospital], &letter)?.expect(250)?;
        acknowledged.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.push((marker, reply.id()?.to_owned()));
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// The markers of the messages that came after `seen_uid`, and how often each is there. Each must be whole.
fn mailbox_since(sandbox: &Sandbox, seen_uid: &mut u32) -> anyhow::Result<BTreeMap<String, usize>> {
    let pharmacy = sandbox.account("pro", "ORG")?;
    let mut imap = Imap::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    imap.command("SELECT INBOX")?;
    let answer = imap.command(&format!("UID FETCH {}:* (UID BODY.PEEK[])", *seen_uid + 1))?;
    let mut markers = BTreeMap::new();
    for body in &answer.literals {
        let text = String::from_utf8_lossy(body);
        let (_, rest) = text.split_once("Message-ID: <").context("a message without its header")?;
        let (marker, _) = rest.split_once('@').context("a cut Message-ID")?;
        ensure!(text.ends_with("\r\nfin\r\n"), "{marker} is there in part");
        *markers.entry(marker.to_owned()).or_default() += 1;
    }
    for line in &answer.lines {
        if let Some(uid) =
            line.split_once("UID ").and_then(|(_, rest)| rest.split([' ', ')']).next()?.parse::<u32>().ok())
        {
            *seen_uid = (*seen_uid).max(uid);
        }
    }
    Ok(markers)
}
