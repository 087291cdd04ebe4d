//! Those who send and read while the node is broken.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use super::account::not_alerted;
use super::hospital::UNKNOWN;
use super::ledger::{Ledger, Meant, Told, letter, unreadable};
use crate::description::Description;
use crate::imap::Imap;
use crate::smtp::Smtp;
use crate::{Outcome, Sandbox, message};

/// The operator whose node is broken.
pub const OPERATOR: &str = "pro";

/// Whose mailbox gets the load, and whose is worked in over IMAP.
pub(super) const READER: usize = 0;
pub(super) const WRITER: usize = 1;

/// A mailbox of an organisation: address and password.
pub(super) fn mailbox(description: &Description, which: usize) -> Result<(String, String)> {
    let accounts = description.accounts.iter();
    let mut here = accounts.filter(|account| account.operator == OPERATOR && account.kind == "ORG");
    let account = here.nth(which).context("the sandbox has two mailboxes of organisations")?;
    Ok((account.address.clone(), account.password.clone()))
}

/// The load: what it is sent by, and when it ends.
#[derive(Debug, Default)]
pub struct Load {
    /// Everything that was sent.
    pub ledger: Mutex<Ledger>,
    acknowledged: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    /// How many were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Nobody begins anything any more.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Somebody may begin again.
    pub fn begin(&self) {
        self.over.store(false, Ordering::SeqCst);
    }

    /// The ledger, for a look.
    pub fn with<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        look(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }

    /// Brings mail from another operator: for a mailbox here, and for the hospital. Ends with the connection.
    pub fn relay(&self, sandbox: &Sandbox, messages: usize) -> Outcome {
        let (reader, _) = mailbox(sandbox.description(), READER)?;
        let hospital = format!("secretariat@{}", sandbox.connector()?.domain);
        let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
        let mut smtp = Smtp::as_peer(sandbox, "listed", OPERATOR)?;
        for number in (0..messages).take_while(|_| self.goes_on()) {
            self.send(&mut smtp, &from, &[&reader, &hospital], number, Meant::Both)?;
        }
        Ok(())
    }

    /// Submits mail to somebody whom the hospital does not know. Ends with the connection.
    pub fn submit(&self, sandbox: &Sandbox, messages: usize) -> Outcome {
        let (reader, password) = mailbox(sandbox.description(), READER)?;
        let unknown = format!("{UNKNOWN}@{}", sandbox.connector()?.domain);
        let mut smtp = Smtp::signed_in(sandbox, OPERATOR, &reader, &password)?;
        for number in (0..messages).take_while(|_| self.goes_on()) {
            self.send(&mut smtp, &reader, &[&unknown], number, Meant::Report)?;
        }
        Ok(())
    }

    /// Submits mail that is held, and decides on all that is held as an admin does. Ends with the connection.
    pub fn decide(&self, sandbox: &Sandbox, messages: usize) -> Outcome {
        let (reader, password) = mailbox(sandbox.description(), READER)?;
        let hospital = format!("secretariat@{}", sandbox.connector()?.domain);
        let mut smtp = Smtp::signed_in(sandbox, OPERATOR, &reader, &password)?;
        for _ in (0..messages).take_while(|_| self.goes_on()) {
            for _ in 0..2 {
                let marker = message::marker();
                let letter = unreadable(&reader, &hospital, &marker);
                self.send_this(&mut smtp, (&reader, &[&hospital]), (&marker, letter), Meant::Held)?;
            }
            let held = sandbox
                .queue(OPERATOR)?
                .into_iter()
                .filter(|row| row.get("state").is_some_and(|state| state == "held"));
            for (row, verb) in held.zip(["release", "drop"]) {
                let id = row.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
                sandbox.pli(OPERATOR, &["queue", verb, id, "--reason", "essai"])?;
            }
        }
        Ok(())
    }

    /// Submits mail that nobody opens, and waits until its sender is alerted. Ends with the connection.
    pub fn wait_in_vain(&self, sandbox: &Sandbox, messages: usize) -> Outcome {
        let (reader, password) = mailbox(sandbox.description(), READER)?;
        let mut smtp = Smtp::signed_in(sandbox, OPERATOR, &reader, &password)?;
        for number in (0..messages).take_while(|_| self.goes_on()) {
            self.send(&mut smtp, &reader, &[&reader], number, Meant::Late)?;
        }
        while self.goes_on() && !self.with(|ledger| not_alerted(sandbox, ledger))?.is_empty() {
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn send(&self, smtp: &mut Smtp, from: &str, to: &[&str], number: usize, meant: Meant) -> Outcome {
        let marker = message::marker();
        let letter = letter(from, to.first().copied().unwrap_or_default(), &marker, number);
        self.send_this(smtp, (from, to), (&marker, letter), meant)
    }

    fn send_this(
        &self,
        smtp: &mut Smtp,
        (from, to): (&str, &[&str]),
        (marker, letter): (&str, Vec<u8>),
        meant: Meant,
    ) -> Outcome {
        for line in std::iter::once(format!("MAIL FROM:<{from}> BODY=8BITMIME"))
            .chain(to.iter().map(|recipient| format!("RCPT TO:<{recipient}>")))
        {
            let reply = smtp.command(&line)?;
            if reply.code >= 400 {
                self.with(|ledger| *ledger.codes.entry(reply.code).or_default() += 1);
                smtp.command("RSET")?;
                return Ok(());
            }
        }
        let reply = smtp.data(&letter);
        let (code, id) = match &reply {
            Ok(reply) => (reply.code, (reply.code == 250).then(|| reply.id().map(str::to_owned)).transpose()?),
            Err(_) => (0, None),
        };
        self.with(|ledger| ledger.note(marker, letter, meant, code, id.as_deref()));
        if id.is_some() {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        reply.map(drop)
    }

    /// Works in a mailbox: puts messages in, marks them, removes every other one. Ends with the connection.
    pub fn work(&self, sandbox: &Sandbox, rounds: usize) -> Outcome {
        let (writer, password) = mailbox(sandbox.description(), WRITER)?;
        let mut imap = Imap::signed_in(sandbox, OPERATOR, &writer, &password)?;
        imap.command("SELECT INBOX")?;
        for number in (0..rounds).take_while(|_| self.goes_on()) {
            // One small, one large.
            let markers = [message::marker(), message::marker()];
            for (marker, size) in markers.iter().zip([0, 3]) {
                let letter = letter(&writer, &writer, marker, size);
                let put = imap.append("INBOX", "()", &letter);
                let told = put.as_ref().ok().map(|()| "appended");
                let code = if told.is_some() { 250 } else { 0 };
                self.with(|ledger| {
                    ledger.note(marker, letter, Meant::Folder, code, told);
                });
                put?;
                self.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            imap.command("STORE 1:* +FLAGS.SILENT (\\Seen)")?;
            if number % 2 == 1 {
                self.remove(&mut imap, &markers)?;
            }
        }
        Ok(())
    }

    /// Marks the last two messages as deleted and expunges them.
    fn remove(&self, imap: &mut Imap, markers: &[String]) -> Outcome {
        let note = |told: &Told| {
            self.with(|ledger| {
                for (marker, sent) in &mut ledger.sent {
                    if markers.contains(marker) {
                        sent.removal = Some(told.clone());
                    }
                }
            });
        };
        let found = imap.command("SEARCH ALL")?;
        let line = found.lines.iter().find(|line| line.starts_with("* SEARCH")).context("no answer to SEARCH")?;
        let last: Vec<&str> = line.split(' ').rev().take(markers.len()).collect();
        note(&Told::Nothing);
        imap.command(&format!("STORE {} +FLAGS.SILENT (\\Deleted)", last.join(",")))?;
        imap.command("EXPUNGE")?;
        note(&Told::Kept("expunged".to_owned()));
        Ok(())
    }
}
