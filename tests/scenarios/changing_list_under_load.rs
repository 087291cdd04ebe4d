//! The trust list changes a hundred times while fifty messages a second flow from a peer that it names or not: each
//! message is judged by the list in force when its transaction began, and every accepted one is delivered.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use e2e::authority::{Authority, Use};
use e2e::command::said;
use e2e::imap::Imap;
use e2e::publisher::{Answer, Publisher};
use e2e::smtp::Smtp;
use e2e::whitelist::Whitelist;
use e2e::{Outcome, Sandbox, Seed, message, wait};

/// Changes of the list.
const CHANGES: usize = 100;
/// Messages that begin and end under each list, before the next comes.
const UNDER_EACH: usize = 10;
/// How long those may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Connections, each kept open through all changes.
const SENDERS: usize = 5;
/// From one message of a sender to its next: fifty a second in all.
const PAUSE: Duration = Duration::from_millis(100);

/// A stretch of time in which one list was in force for certain.
struct Period {
    begin: Instant,
    end: Instant,
    listed: bool,
}

/// One try to send.
struct Sent {
    begin: Instant,
    /// When MAIL was answered.
    end: Instant,
    /// The marker of what was accepted.
    accepted: Option<String>,
}

pub(crate) fn each_message_is_judged_by_the_list_of_its_beginning() -> Outcome {
    let seed = Seed::new()?;
    let authority = Authority::foreign("EDITEUR D'ESSAI")?;
    let publisher_identity = authority.issue("web", "/CN=localhost", Use::Web)?;
    let domain = seed.description().peers["listed"].domain.clone();
    let list = Whitelist::read(&seed.dir().join(&seed.description().whitelist))?.later(-3600)?;
    let without = list.replaced(&format!("<Nom>{domain}</Nom>"), "<Nom>parti.mssante.fr</Nom>")?;
    let publisher = Publisher::start(&publisher_identity, Answer::List(list.0.clone()))?;
    seed.configure("pro", |config| {
        let mut trust = toml::Table::new();
        trust.insert("url".to_owned(), publisher.url().into());
        trust.insert("anchors".to_owned(), authority.certificate().display().to_string().into());
        trust.insert("lost_domains_max".to_owned(), 40.into());
        config.insert("trust".to_owned(), trust.into());
    })?;
    let sandbox = seed.start_only("pro")?;
    wait::until("the first list", Duration::from_secs(20), || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
        Ok((smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?.code == 250).then_some(()))
    })?;

    let (ended, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (periods, sent) = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(|| send(&sandbox, &ended, &answered))).collect();
        let periods = change(&sandbox, &publisher, [&list, &without], &answered);
        ended.store(true, Ordering::SeqCst);
        let mut sent = Vec::new();
        for sender in senders {
            sent.extend(sender.join().map_err(|_| anyhow::anyhow!("a sender ended early"))??);
        }
        anyhow::Ok((periods?, sent))
    })?;

    let (mut accepted, mut refused) = (0, 0);
    for message in &sent {
        let within = |period: &&Period| period.begin <= message.begin && message.end <= period.end;
        let Some(period) = periods.iter().find(within) else { continue };
        let (passed, listed) = (message.accepted.is_some(), period.listed);
        ensure!(passed == listed, "accepted: {passed}, although listed: {listed}");
        *(if passed { &mut accepted } else { &mut refused }) += 1;
    }
    let half = CHANGES / 2 * UNDER_EACH;
    ensure!(accepted >= half && refused >= half, "{accepted} accepted and {refused} refused in their periods");
    all_delivered(&sandbox, &sent)
}

/// The two lists in turn, each a second younger than the one before. Each lasts until enough has begun and ended under it.
fn change(
    sandbox: &Sandbox,
    publisher: &Publisher,
    [with, without]: [&Whitelist; 2],
    answered: &AtomicUsize,
) -> anyhow::Result<Vec<Period>> {
    let mut periods = Vec::new();
    for number in 1..=CHANGES {
        let listed = number % 2 == 0;
        let list = if listed { with } else { without }.later(i64::try_from(number)?)?;
        publisher.answer(Answer::List(list.0));
        // The former list's period ends where the fetch begins: see below.
        let output = sandbox.try_pli("pro", &["trust", "fetch"])?;
        let begin = Instant::now();
        ensure!(output.status.success(), "change {number}: {}", said(&output));
        // Each sender may have been at a message that began before.
        let enough = answered.load(Ordering::SeqCst) + SENDERS + UNDER_EACH;
        wait::until("messages under this list", PATIENCE, || {
            Ok((answered.load(Ordering::SeqCst) >= enough).then_some(()))
        })?;
        periods.push(Period { begin, end: Instant::now(), listed });
    }
    Ok(periods)
}

/// One message after the other over one connection, whatever the list says.
fn send(sandbox: &Sandbox, ended: &AtomicBool, answered: &AtomicUsize) -> anyhow::Result<Vec<Sent>> {
    let (from, to) = (sandbox.peer_address()?, sandbox.account("pro", "ORG")?.address.clone());
    let mut smtp = Smtp::as_peer(sandbox, "listed", "pro")?;
    let mut sent = Vec::new();
    let mut next = Instant::now();
    while !ended.load(Ordering::SeqCst) {
        next += PAUSE;
        let begin = Instant::now();
        let reply = smtp.command(&format!("MAIL FROM:<{from}>"))?;
        let end = Instant::now();
        answered.fetch_add(1, Ordering::SeqCst);
        let accepted = if reply.code == 250 {
            // Begun under a list that names the peer, it ends under it, whatever has changed meanwhile.
            let marker = message::marker();
            smtp.command(&format!("RCPT TO:<{to}>"))?.expect(250)?;
            smtp.data(&message::letter(&from, &to, &marker))?.expect(250)?;
            Some(marker)
        } else {
            reply.expect_reason(550, "sender-domain-not-listed")?;
            None
        };
        sent.push(Sent { begin, end, accepted });
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(sent)
}

fn all_delivered(sandbox: &Sandbox, sent: &[Sent]) -> Outcome {
    let accepted: BTreeSet<&str> = sent.iter().filter_map(|message| message.accepted.as_deref()).collect();
    let pharmacy = sandbox.account("pro", "ORG")?;
    let mut imap = Imap::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let inbox = imap.inbox()?;
    let found: BTreeSet<&str> = inbox.iter().filter_map(|message| marker_of(message)).collect();
    ensure!(found == accepted, "{} delivered of {} accepted", found.len(), accepted.len());
    ensure!(inbox.len() == accepted.len(), "{} messages for {} accepted", inbox.len(), accepted.len());
    Ok(())
}

/// The last line of a letter.
fn marker_of(message: &[u8]) -> Option<&str> {
    std::str::from_utf8(message).ok()?.trim_end().rsplit("\r\n").next()
}
