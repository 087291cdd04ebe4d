//! A receipt that was asked for comes back through the relay, without a return path, and the trace of the message tells it.

use anyhow::{Context, ensure};
use e2e::asking::{Letter, PATIENCE};
use e2e::imap::{Imap, holds};
use e2e::{Outcome, Sandbox, message, wait};

/// The codes of spec §6.3, each with words as programs write them.
const CODES: [(&str, &str); 7] = [
    ("900", "Remplacement ou suppression impossible"),
    ("901", "Auteur non autoris=C3=A9"),
    ("902", "Patient inconnu"),
    ("903", "INS absente"),
    ("904", "L'INS diff=C3=A8re"),
    ("905", "INS incompl=C3=A8te"),
    ("906", "Autre motif"),
];

/// The pharmacy's program has put the document into its records, or could not: the doctor reads so, and so does an admin.
pub(crate) fn what_became_of_a_document_is_told_to_who_sent_it() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let (doctor, pharmacy) = (sandbox.account("elsewhere", "PER")?, sandbox.account("pro", "ORG")?);
    let refused =
        CODES.map(|(code, words)| (format!("processed/Error: {code}^{words} {}", message::SECRET), Some(code)));
    for (disposition, code) in [("processed".to_owned(), None)].into_iter().chain(refused) {
        let letter = Letter::send(&sandbox, doctor, &pharmacy.address)?;
        letter.arrives(pharmacy)?;
        let receipt = letter.answered(pharmacy, &format!("automatic-action/MDN-sent-automatically; {disposition}"))?;
        let passed = sandbox.trace("pro", &receipt)?;
        ensure!(passed["events"][0]["sender"] == "", "a receipt has no return path: {passed}");
        let event = letter.event("integrated")?;
        ensure!(event["reason"].as_str() == code && event["recipient"] == pharmacy.address.as_str(), "{event}");
        let told = letter.trace()?;
        ensure!(!told.to_string().contains(message::SECRET), "the words behind a code are kept: {told}");
        let party = &told["parties"][0];
        ensure!(party["state"] == "integrated" && party["code"].as_str() == code, "{party}");
    }
    Ok(())
}

/// Both professionals have a program that sends a receipt when its user has read; one after the other, in both directions.
pub(crate) fn that_a_professional_has_read_is_told_to_who_wrote_to_him() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let (doctor, pharmacy) = (sandbox.account("elsewhere", "PER")?, sandbox.account("pro", "ORG")?);
    for (writer, reader) in [(doctor, pharmacy), (pharmacy, doctor)] {
        let letter = Letter::send(&sandbox, writer, &reader.address)?;
        letter.arrives(reader)?;
        ensure!(letter.event("relayed")?["recipient"] == reader.address.as_str() && letter.state()? == "relayed");
        // He reads it over IMAP, which no other operator sees.
        let mut imap = Imap::signed_in(&sandbox, &reader.operator, &reader.address, &reader.password)?;
        imap.command("SELECT INBOX")?;
        let found = imap.command(&format!("UID SEARCH HEADER Message-ID {}", letter.message_id))?;
        let uid = found.lines.iter().find_map(|line| line.strip_prefix("* SEARCH ")).context("not found")?.to_owned();
        imap.command(&format!("UID FETCH {} BODY[]", uid.trim()))?;

        let receipt = letter.answered(reader, "manual-action/MDN-sent-manually; displayed")?;
        let passed = sandbox.trace(&reader.operator, &receipt)?;
        ensure!(passed["events"][0]["sender"] == "", "a receipt has no return path: {passed}");
        letter.event("opened")?;
        ensure!(letter.state()? == "opened", "{}", letter.trace()?);
        ensure!(letter.receipts()?.len() == 1, "a professional's program sends receipts, and nobody for it");
    }
    Ok(())
}

/// A patient opens a letter in his mail program.
pub(crate) fn that_a_patient_has_opened_a_letter_is_told_to_who_sent_it() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let patient = sandbox.patient("open")?;
    let doctor = sandbox.account("elsewhere", "PER")?;
    let letter = Letter::send(&sandbox, doctor, &patient.address)?;
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
    let event = letter.event("opened")?;
    ensure!(!event.to_string().contains(patient.address.split('@').next().unwrap_or_default()), "{event}");
    ensure!(letter.state()? == "opened", "{}", letter.trace()?);

    // Once, however often he opens it.
    reader.command(&format!("UID FETCH {uid} BODY[]"))?;
    reader.command(&format!("UID STORE {uid} -FLAGS (\\Seen)"))?;
    reader.command(&format!("UID STORE {uid} +FLAGS (\\Seen)"))?;
    let again = Letter::send(&sandbox, doctor, &patient.address)?;
    reader.await_message(&again.message_id)?;
    ensure!(letter.receipts()?.len() == 1, "more than one receipt");
    Ok(())
}
