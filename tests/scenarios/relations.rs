//! Who may write to whom (spec §1.4, §1.5): the right is the patient's, per contact and not per thread.

use anyhow::ensure;
use e2e::talk::Talk;
use e2e::{Outcome, Sandbox, message};
use serde_json::Value;

/// Scenario 24 (R-WHO-2, R-WHO-3).
pub(crate) fn a_patient_writes_to_those_who_have_written_to_him() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    talk.patient_writes()?.expect_reason(550, "relation-none")?;
    let first = talk.contact_writes("Compte rendu", "")?;
    talk.patient_answers(&first)?.expect(250)?;
    talk.patient_writes()?.expect(250)?;
    Ok(())
}

/// Scenario 25, and the contract's word on a message that closes what was never opened.
pub(crate) fn a_message_that_ends_the_exchange_cannot_be_answered_and_closes_nothing_else() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    let lone = talk.contact_writes("Pour information", "X-MSS-MES: FIN\r\n")?;
    talk.patient_answers(&lone)?.expect_reason(550, "message-not-answerable")?;
    talk.patient_writes()?.expect_reason(550, "relation-none")?;

    let first = talk.contact_writes("Compte rendu", "")?;
    let last = talk.contact_writes("Pour information", "X-MSS-MES: FIN\r\n")?;
    talk.patient_answers(&last)?.expect_reason(550, "message-not-answerable")?;
    talk.patient_answers(&first)?.expect(250)?;
    talk.patient_writes()?.expect(250)?;
    for not_the_end in ["X-MSS-MES: fin\r\n", "X-MSS-MES: FINI\r\n", "X-MSS-MESSAGE: FIN\r\n"] {
        let id = talk.contact_writes("Compte rendu", not_the_end)?;
        talk.patient_answers(&id)?.expect(250)?;
    }
    Ok(())
}

/// Scenario 25: the subject must be exactly that.
pub(crate) fn a_subject_that_ends_the_exchange_closes_every_thread_until_the_next_letter() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    let first = talk.contact_writes("Compte rendu", "")?;
    for subject in ["[fin]", "Re: [FIN]", "[FIN] du traitement", "FIN"] {
        let id = talk.contact_writes(subject, "")?;
        talk.patient_answers(&id)?.expect(250)?;
    }
    let end = talk.contact_writes("[FIN]", "")?;
    for id in [&first, &end] {
        talk.patient_answers(id)?.expect_reason(550, "relation-closed")?;
    }
    talk.patient_writes()?.expect_reason(550, "relation-closed")?;
    talk.contact_writes("Nouveau rendez-vous", "")?;
    talk.patient_answers(&first)?.expect(250)?;
    talk.patient_writes()?.expect(250)?;
    Ok(())
}

/// Scenario 26 (R-WHO-6).
pub(crate) fn a_reply_to_takes_the_place_of_the_sender() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    let secretary = talk.turn_to(&talk.contact.replace("dr-", "secretariat-"));
    let id = talk.contact_writes("Compte rendu", &format!("Reply-To: <{}>\r\n", secretary.contact))?;
    secretary.patient_answers(&id)?.expect(250)?;
    secretary.patient_writes()?.expect(250)?;
    talk.patient_answers(&id)?.expect_reason(550, "relation-none")?;
    // Whoever ends it ends what his messages have opened.
    talk.contact_writes("[FIN]", "")?;
    secretary.patient_writes()?.expect_reason(550, "relation-closed")?;
    Ok(())
}

/// R-WHO-6 names somebody for answers; it gives nobody a say in what lies between two others.
pub(crate) fn nobody_ends_or_opens_again_what_is_anothers() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    let meddler = Talk::with_a_stranger(&sandbox)?;
    let naming = format!("Reply-To: <{}>\r\n", talk.contact);
    talk.contact_writes("Compte rendu", "")?;
    meddler.contact_writes("[FIN]", &naming)?;
    talk.patient_writes()?.expect(250)?;
    meddler.contact_writes("Bonjour", &naming)?;
    meddler.contact_writes("[FIN]", "")?;
    talk.patient_writes()?.expect(250)?;
    talk.contact_writes("[FIN]", "")?;
    meddler.contact_writes("Bonjour", &naming)?;
    talk.patient_writes()?.expect_reason(550, "relation-closed")?;
    Ok(())
}

/// Scenario 28 (R-WHO-10): not even to a patient who has written.
pub(crate) fn patients_do_not_write_to_each_other() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    let other = sandbox.description().patients.iter().find(|patient| patient.address != talk.patient);
    let other = other.map(|patient| patient.address.clone()).unwrap_or_default();
    talk.turn_to(&other).patient_writes()?.expect_reason(550, "patient-to-patient")?;
    talk.turn_to(&talk.patient).patient_writes()?.expect_reason(550, "patient-to-patient")?;
    Ok(())
}

/// Scenario 28 (R-WHO-8), and reply-all (R-WHO-12).
pub(crate) fn one_message_may_go_to_patients_and_professionals() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let (doctor, pharmacy) = (sandbox.account("elsewhere", "PER")?, sandbox.account("pro", "ORG")?);
    let patient = sandbox.patient("open")?;
    let marker = message::marker();
    let letter = message::letter(&doctor.address, &patient.address, &marker);
    let mut smtp = e2e::smtp::Smtp::signed_in(&sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    smtp.send(&doctor.address, &[&patient.address, &pharmacy.address], &letter)?.expect(250)?;
    for (operator, name, password) in
        [("patients", &patient.address, &patient.password), ("pro", &pharmacy.address, &pharmacy.password)]
    {
        e2e::imap::Imap::signed_in(&sandbox, operator, name, password)?.await_message(&marker)?;
    }
    let talk = Talk::with(&sandbox, &doctor.address)?;
    talk.patient_says(&[&doctor.address, &pharmacy.address], &format!("In-Reply-To: <{marker}@client.test>\r\n"))?
        .expect(250)?;
    Ok(())
}

/// Scenario 40 on the relation's side: reports go both ways after the end, and change nothing.
pub(crate) fn reports_pass_after_the_end_and_change_nothing() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    let receipt = format!("Disposition-Notification-To: <{}>\r\n", talk.contact);
    let id = talk.contact_writes("[FIN]", &receipt)?;
    talk.patient_writes()?.expect_reason(550, "relation-closed")?;
    let report = |answered: &str| receipt_on(&talk.patient, &talk.contact, answered);
    let mut smtp = talk.patients_program()?;
    smtp.send("", &[&talk.contact], &report(&id))?.expect(250)?;
    // A letter is no report, and a report answers what was received.
    smtp.send("", &[&talk.contact], &message::letter(&talk.patient, &talk.contact, &message::marker()))?
        .expect_reason(550, "report-unsolicited")?;
    smtp.send("", &[&talk.contact], &report("nobody-sent-this@peer.test"))?.expect_reason(550, "report-unsolicited")?;
    // The other way, without a return path.
    let their_report = receipt_on(&talk.contact, &talk.patient, "whatever@patient.test");
    e2e::smtp::Smtp::as_peer(&sandbox, "listed", "patients")?.send("", &[&talk.patient], &their_report)?.expect(250)?;
    talk.patient_writes()?.expect_reason(550, "relation-closed")?;
    Ok(())
}

/// Point 7: whoever asks why is told the story of the two, and nobody's number.
pub(crate) fn explain_tells_the_story_of_a_relation() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    let ask = || -> anyhow::Result<Value> {
        let words = ["explain", "--from", &talk.patient, "--account", &talk.patient, "--to", &talk.contact];
        let output = sandbox.try_pli("patients", &words)?;
        let text = String::from_utf8(output.stdout)?;
        ensure!(!text.contains(talk.patient.split('@').next().unwrap_or_default()), "the number is told: {text}");
        Ok(serde_json::from_str(&text)?)
    };
    let none = ask()?;
    ensure!(none["decision"] == "refuse" && none["reason"] == "relation-none", "{none}");
    talk.contact_writes("Compte rendu", "")?;
    let open = ask()?;
    ensure!(open["decision"] == "accept" && open["reason"].is_null(), "{open}");
    talk.contact_writes("[FIN]", "")?;
    let closed = ask()?;
    ensure!(closed["reason"] == "relation-closed", "{closed}");
    let facts = closed["rules"].as_array().and_then(|rules| rules.iter().find(|rule| rule["rule"] == "relation"));
    let history = facts.map(|rule| rule["facts"].to_string()).unwrap_or_default();
    ensure!(history.contains("wrote") && history.contains("ended"), "no history in {closed}");
    Ok(())
}

/// A read receipt (RFC 8098) as mail programs write it.
fn receipt_on(from: &str, to: &str, answered: &str) -> Vec<u8> {
    let id = message::marker();
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: Lu\r\nMessage-ID: <{id}@client.test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=disposition-notification; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nLe message a \u{e9}t\u{e9} lu.\r\n\
         --b\r\nContent-Type: message/disposition-notification\r\n\r\nReporting-UA: client.test; test\r\n\
         Final-Recipient: rfc822; {from}\r\nOriginal-Message-ID: <{answered}>\r\n\
         Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}
