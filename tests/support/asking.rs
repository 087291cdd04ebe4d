//! A letter that asks for a receipt, and what comes back on it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::description::Account;
use crate::imap::{Imap, holds};
use crate::smtp::Smtp;
use crate::{Outcome, Sandbox, message, wait};

/// How long anything may take to come back.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A letter that asks for a receipt.
#[derive(Debug)]
pub struct Letter<'s> {
    sandbox: &'s Sandbox,
    sender: &'s Account,
    to: String,
    /// What stands between the angle brackets.
    pub message_id: String,
    /// The `id=` of the `250` at its sender's operator.
    pub id: String,
}

impl<'s> Letter<'s> {
    /// Sent by this account.
    pub fn send(sandbox: &'s Sandbox, sender: &'s Account, to: &str) -> Result<Self> {
        let message_id = format!("{}@receipts.test", message::marker());
        let text = format!(
            "From: <{from}>\r\nTo: <{to}>\r\nSubject: {secret}\r\nDate: Mon, 23 Nov 2026 08:30:00 +0100\r\n\
             Message-ID: <{message_id}>\r\nDisposition-Notification-To: <{from}>\r\n\r\n{secret}\r\n",
            from = sender.address,
            secret = message::SECRET,
        );
        let mut smtp = Smtp::signed_in(sandbox, &sender.operator, &sender.address, &sender.password)?;
        let id = smtp.send(&sender.address, &[to], text.as_bytes())?.expect(250)?.id()?.to_owned();
        Ok(Self { sandbox, sender, to: to.to_owned(), message_id, id })
    }

    /// The receipt of the recipient's program (RFC 8098), as spec §6.3 has it written.
    #[must_use]
    pub fn receipt(&self, disposition: &str) -> String {
        let Self { sender: Account { address: from, .. }, to, message_id, .. } = self;
        format!(
            "From: <{to}>\r\nTo: <{from}>\r\nSubject: Re: {secret}\r\nDate: Mon, 23 Nov 2026 09:30:00 +0100\r\n\
             Message-ID: <{marker}@receipts.test>\r\nIn-Reply-To: <{message_id}>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\n{secret}\r\n\
             --b\r\nContent-Type: message/disposition-notification\r\n\r\n\
             Original-Recipient: rfc822; {to}\r\nFinal-Recipient: rfc822; {to}\r\n\
             Original-Message-ID: <{message_id}>\r\n\
             Disposition: {disposition}\r\n\r\n--b--\r\n",
            secret = message::SECRET,
            marker = message::marker(),
        )
    }

    /// Its recipient, who can sign in, sends a receipt; what the sender of the letter gets is what was sent. The receipt's
    /// id at the recipient's operator.
    pub fn answered(&self, reader: &Account, disposition: &str) -> Result<String> {
        let receipt = self.receipt(disposition);
        let mut program = Smtp::signed_in(self.sandbox, &reader.operator, &reader.address, &reader.password)?;
        let taken = program.send("", &[&self.sender.address], receipt.as_bytes())?.expect(250)?;
        let received = wait::until("the receipt", PATIENCE, || {
            Ok(self.receipts()?.into_iter().find(|mail| holds(mail, &format!("Disposition: {disposition}\r\n"))))
        })?;
        ensure!(String::from_utf8_lossy(&received).ends_with(&receipt), "the receipt was changed on its way");
        Ok(taken.id()?.to_owned())
    }

    /// Waits until its recipient has it, in a mailbox to which this account signs in.
    pub fn arrives(&self, reader: &Account) -> Outcome {
        let mut imap = Imap::signed_in(self.sandbox, &reader.operator, &reader.address, &reader.password)?;
        imap.await_message(&self.message_id).map(drop)
    }

    /// All that lies in its sender's mailbox.
    pub fn senders_mail(&self) -> Result<Vec<Vec<u8>>> {
        let Account { operator, address, password, .. } = self.sender;
        Imap::signed_in(self.sandbox, operator, address, password)?.inbox()
    }

    /// The receipts on it that its sender has.
    pub fn receipts(&self) -> Result<Vec<Vec<u8>>> {
        let named = format!("Original-Message-ID: <{}>", self.message_id);
        Ok(self.senders_mail()?.into_iter().filter(|mail| holds(mail, &named)).collect())
    }

    /// Its trace at its sender's operator.
    pub fn trace(&self) -> Result<Value> {
        self.sandbox.trace(&self.sender.operator, &self.id)
    }

    /// What has become of it.
    pub fn state(&self) -> Result<String> {
        let trace = self.trace()?;
        let state = trace.pointer("/parties/0/state").and_then(Value::as_str);
        Ok(state.context("no state")?.to_owned())
    }

    /// The events of this kind in its trace.
    pub fn events(&self, kind: &str) -> Result<Vec<Value>> {
        let trace = self.trace()?;
        let events = trace.get("events").and_then(Value::as_array).context("no events")?;
        Ok(events.iter().filter(|event| event.get("event").is_some_and(|event| event == kind)).cloned().collect())
    }

    /// Waits for the first of these.
    pub fn event(&self, kind: &str) -> Result<Value> {
        wait::until(&format!("the event {kind}"), PATIENCE, || Ok(self.events(kind)?.into_iter().next()))
    }
}
