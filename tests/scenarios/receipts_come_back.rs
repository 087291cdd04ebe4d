//! A receipt that was asked for comes back through the relay, without a return path, and the trace of the message tells it.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::imap::{Imap, holds};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, wait};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// A doctor's letter that asks for a receipt.
struct Letter<'s> {
    sandbox: &'s Sandbox,
    doctor: String,
    to: String,
    message_id: String,
    id: String,
}

/// The pharmacy's program has put the document into its records, or could not: the doctor reads so, and so does an admin.
pub(crate) fn what_became_of_a_document_is_told_to_who_sent_it() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let outcomes = [("processed", None), ("processed/Error: 904^L'INS diff=C3=A8re", Some("904"))];
    for (disposition, code) in outcomes {
        let letter = Letter::send(&sandbox, &pharmacy.address)?;
        let mut reader = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        reader.await_message(&letter.message_id)?;
        let receipt = letter.receipt(disposition);
        let mut program = Smtp::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        let taken = program.send("", &[&letter.doctor], receipt.as_bytes())?.expect(250)?;

        let received = letter
            .doctors_mailbox()?
            .await_message(&format!("Disposition: automatic-action/MDN-sent-automatically; {disposition}"))?;
        ensure!(String::from_utf8_lossy(&received).ends_with(&receipt), "the receipt was changed on its way");
        let passed = sandbox.trace("pro", taken.id()?)?;
        ensure!(passed["events"][0]["sender"] == "", "a receipt has no return path: {passed}");
        let event = letter.event("elsewhere", "integrated")?;
        ensure!(event["reason"].as_str() == code && event["recipient"] == pharmacy.address.as_str(), "{event}");
    }
    Ok(())
}

/// A patient opens a letter in his mail program.
pub(crate) fn that_a_patient_has_opened_a_letter_is_told_to_who_sent_it() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let patient = sandbox.patient("open")?;
    let letter = Letter::send(&sandbox, &patient.address)?;
    let mut reader = Imap::signed_in(&sandbox, "patients", &patient.address, &patient.password)?;
    reader.await_message(&letter.message_id)?;
    ensure!(letter.receipts()?.is_empty(), "looking is not opening");

    reader.command("SELECT INBOX")?;
    let found = reader.command(&format!("UID SEARCH HEADER Message-ID {}", letter.message_id))?;
    let uid =
        found.lines.iter().find_map(|line| line.strip_prefix("* SEARCH ")).context("not found")?.trim().to_owned();
    reader.command(&format!("UID FETCH {uid} BODY[]"))?;
    let receipt = wait::until("the receipt", PATIENCE, || Ok(letter.receipts()?.into_iter().next()))?;
    ensure!(holds(&receipt, "; displayed\r\n"), "{}", String::from_utf8_lossy(&receipt));
    ensure!(!holds(&receipt, message::SECRET), "a receipt holds nothing of the letter");
    let event = letter.event("elsewhere", "opened")?;
    ensure!(!event.to_string().contains(patient.address.split('@').next().unwrap_or_default()), "{event}");

    // Once, however often he opens it.
    reader.command(&format!("UID FETCH {uid} BODY[]"))?;
    reader.command(&format!("UID STORE {uid} -FLAGS (\\Seen)"))?;
    reader.command(&format!("UID STORE {uid} +FLAGS (\\Seen)"))?;
    let again = Letter::send(&sandbox, &patient.address)?;
    reader.await_message(&again.message_id)?;
    ensure!(letter.receipts()?.len() == 1, "more than one receipt");
    Ok(())
}

impl<'s> Letter<'s> {
    fn send(sandbox: &'s Sandbox, to: &str) -> anyhow::Result<Self> {
        let doctor = sandbox.account("elsewhere", "PER")?;
        let message_id = format!("{}@receipts.test", message::marker());
        let text = format!(
            "From: <{from}>\r\nTo: <{to}>\r\nSubject: {secret}\r\nDate: Mon, 23 Nov 2026 08:30:00 +0100\r\n\
             Message-ID: <{message_id}>\r\nDisposition-Notification-To: <{from}>\r\n\r\n{secret}\r\n",
            from = doctor.address,
            secret = message::SECRET,
        );
        let mut smtp = Smtp::signed_in(sandbox, "elsewhere", &doctor.address, &doctor.password)?;
        let id = smtp.send(&doctor.address, &[to], text.as_bytes())?.expect(250)?.id()?.to_owned();
        Ok(Self { sandbox, doctor: doctor.address.clone(), to: to.to_owned(), message_id, id })
    }

    /// RFC 8098, as the programs of spec §6.3 write it.
    fn receipt(&self, disposition: &str) -> String {
        let Self { doctor, to, message_id, .. } = self;
        format!(
            "From: <{to}>\r\nTo: <{doctor}>\r\nSubject: Re: {secret}\r\nDate: Mon, 23 Nov 2026 09:30:00 +0100\r\n\
             Message-ID: <{marker}@receipts.test>\r\nIn-Reply-To: <{message_id}>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\n{secret}\r\n\
             --b\r\nContent-Type: message/disposition-notification\r\n\r\n\
             Original-Recipient: rfc822; {to}\r\nFinal-Recipient: rfc822; {to}\r\n\
             Original-Message-ID: <{message_id}>\r\n\
             Disposition: automatic-action/MDN-sent-automatically; {disposition}\r\n\r\n--b--\r\n",
            secret = message::SECRET,
            marker = message::marker(),
        )
    }

    fn doctors_mailbox(&self) -> anyhow::Result<Imap> {
        let doctor = self.sandbox.account("elsewhere", "PER")?;
        Imap::signed_in(self.sandbox, "elsewhere", &doctor.address, &doctor.password)
    }

    /// The receipts on this letter that the doctor has.
    fn receipts(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let named = format!("Original-Message-ID: <{}>", self.message_id);
        Ok(self.doctors_mailbox()?.inbox()?.into_iter().filter(|mail| holds(mail, &named)).collect())
    }

    /// Of the letter's own trace.
    fn event(&self, operator: &str, kind: &str) -> anyhow::Result<Value> {
        wait::until(&format!("the event {kind}"), PATIENCE, || {
            let trace = self.sandbox.trace(operator, &self.id)?;
            let events = trace["events"].as_array().context("no events")?;
            Ok(events.iter().find(|event| event["event"] == kind).cloned())
        })
    }
}
