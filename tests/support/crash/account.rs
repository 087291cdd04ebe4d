//! The reckoning: every `250` is accounted for, nothing is there in part, and nothing that nobody sent.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};

use super::hospital::{Hospital, marker_of};
use super::ledger::{Ledger, Meant, Sent, Told};
use super::load::{OPERATOR, READER, WRITER, mailbox};
use crate::Sandbox;
use crate::imap::Imap;

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Messages that were acknowledged.
    pub acknowledged: usize,
    /// Of these, those that are where they should be.
    pub found: usize,
    /// Messages that the hospital got more than once.
    pub twice: usize,
    /// Messages that are there though nobody said `250` to them.
    pub unacknowledged: usize,
}

/// What lies in a mailbox, by marker.
type Mailbox = BTreeMap<String, Vec<Vec<u8>>>;

/// Looks for every message of the ledger. An error if one that was acknowledged is missing, or anything is there that
/// should not be.
pub fn reckon(sandbox: &Sandbox, hospital: &Hospital, ledger: &Ledger) -> Result<Found> {
    // The queue first: what is not in it any more has reached its next place before.
    let queued: BTreeSet<String> =
        sandbox.queue(OPERATOR)?.iter().filter_map(|row| row["message"].as_str().map(str::to_owned)).collect();
    let reader = inbox(sandbox, READER)?;
    let writer = inbox(sandbox, WRITER)?;
    let mut found = Found::default();
    for (marker, sent) in &ledger.sent {
        let copies = hospital.copies(marker);
        whole("the hospital's copy", marker, &copies, sent)?;
        found.twice += usize::from(copies.len() > 1);
        let here = match sent.meant {
            Meant::Folder => writer.get(marker),
            Meant::Both | Meant::Late => reader.get(marker),
            Meant::Report | Meant::Held => None,
        };
        let here = here.map_or(&[][..], Vec::as_slice);
        whole("the mailbox's copy", marker, here, sent)?;
        ensure!(here.len() <= 1, "{marker} lies in its mailbox {} times", here.len());
        let alerts = reader.get(&format!("alert-{marker}")).map_or(0, Vec::len);
        ensure!(alerts <= usize::from(sent.meant == Meant::Late), "the sender of {marker} has {alerts} alerts");
        let there = is_accounted_for(marker, sent, here.len(), copies.len(), &queued, &reader)?;
        match &sent.told {
            Told::Kept(_) => {
                found.acknowledged += 1;
                found.found += usize::from(there);
            }
            Told::Nothing => found.unacknowledged += usize::from(there),
        }
    }
    for marker in reader.keys().chain(writer.keys()).chain(&hospital.markers()) {
        let original = marker.strip_prefix("alert-").unwrap_or(marker);
        let known = ledger.sent.contains_key(original) || marker.starts_with("report-");
        ensure!(known, "{marker} is there, and was never sent to its end");
    }
    Ok(found)
}

/// Is it where it must be? An error if it was acknowledged and is not.
fn is_accounted_for(
    marker: &str,
    sent: &Sent,
    here: usize,
    relayed: usize,
    queued: &BTreeSet<String>,
    reader: &Mailbox,
) -> Result<bool> {
    let Told::Kept(id) = &sent.told else { return Ok(here + relayed > 0) };
    match sent.meant {
        Meant::Both => {
            ensure!(here == 1, "{marker} ({id}) was acknowledged and is not in its mailbox");
            ensure!(
                relayed > 0 || queued.contains(id),
                "{marker} ({id}) was acknowledged and neither waits nor arrived"
            );
        }
        Meant::Report => {
            let reported = reader.contains_key(&format!("report-{marker}"));
            ensure!(
                reported || queued.contains(id),
                "{marker} ({id}) was acknowledged, and neither waits nor was reported on"
            );
        }
        Meant::Held => {
            let reported = reader.contains_key(&format!("report-{marker}"));
            ensure!(
                relayed > 0 || reported || queued.contains(id),
                "{marker} ({id}) was acknowledged, and is neither held, nor arrived, nor was reported on"
            );
        }
        Meant::Late => ensure!(here == 1, "{marker} ({id}) was acknowledged and is not in its mailbox"),
        Meant::Folder => match &sent.removal {
            None => ensure!(here == 1, "{marker} was put into a folder and is not there"),
            Some(Told::Kept(_)) => ensure!(here == 0, "{marker} was removed and is there again"),
            Some(Told::Nothing) => {}
        },
    }
    Ok(true)
}

/// Those that were acknowledged, that nobody opens, and of which their sender has heard nothing yet.
pub fn not_alerted(sandbox: &Sandbox, ledger: &Ledger) -> Result<BTreeSet<String>> {
    let reader = inbox(sandbox, READER)?;
    let late = ledger.sent.iter().filter(|(_, sent)| sent.meant == Meant::Late && sent.told != Told::Nothing);
    Ok(late
        .map(|(marker, _)| marker.clone())
        .filter(|marker| !reader.contains_key(&format!("alert-{marker}")))
        .collect())
}

/// Every copy is what was sent, below the lines that were added on top.
fn whole(what: &str, marker: &str, copies: &[Vec<u8>], sent: &Sent) -> Result<()> {
    if let Some(copy) = copies.iter().find(|copy| !copy.ends_with(&sent.bytes)) {
        bail!("{what} of {marker} is not whole: {} bytes of {}", copy.len(), sent.bytes.len());
    }
    Ok(())
}

fn inbox(sandbox: &Sandbox, which: usize) -> Result<Mailbox> {
    let (address, password) = mailbox(sandbox.description(), which)?;
    let mut imap = Imap::signed_in(sandbox, OPERATOR, &address, &password)?;
    let mut mailbox = Mailbox::new();
    for message in imap.inbox()? {
        mailbox.entry(name_of(&message)).or_default().push(message);
    }
    Ok(mailbox)
}

/// The marker of a letter; of a report or an alert, that of the letter that it is about.
fn name_of(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let head = text.split_once("\r\n\r\n").map_or(&*text, |(head, _)| head);
    if head.contains("MAILER-DAEMON@") && head.contains("Auto-Submitted: auto-generated") {
        let original = head.split_once("In-Reply-To: <").and_then(|(_, rest)| rest.split_once('@'));
        return format!("alert-{}", original.map_or("of nothing", |(marker, _)| marker));
    }
    if !head.contains("multipart/report") {
        return marker_of(message);
    }
    let original = text.rsplit_once("Message-ID: <").and_then(|(_, rest)| rest.split_once('@'));
    format!("report-{}", original.map_or("of nothing", |(marker, _)| marker))
}
