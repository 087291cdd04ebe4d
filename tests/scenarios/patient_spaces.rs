//! The patients' space as an operator's role: which addresses there are (scenarios 22, 23), and what comes back from one
//! that takes no mail (scenarios 29, 30).

use anyhow::{Context, ensure};
use e2e::imap::Imap;
use e2e::smtp::Smtp;
use e2e::talk::Talk;
use e2e::{Outcome, Sandbox, Seed, kept, message};

/// A number that nobody has: department 99, commune 999.
const UNKNOWN: &str = "199019999999979";

/// Scenario 22, at the patients' own operator. The number is never repeated.
pub(crate) fn an_address_that_no_patient_can_have_is_refused() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "patients", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "patients")?;
        smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?.expect(250)?;
        for (local, reason) in [
            ("27903512151898", "patient-address-syntax"),
            ("2790351215189", "patient-address-syntax"),
            ("279035121518988", "patient-address-key"),
            ("279A35121518989", "patient-address-syntax"),
            ("279035121518989+ordonnance", "patient-address-syntax"),
            ("dominique.pat-trois", "patient-address-syntax"),
        ] {
            let reply = smtp.command(&format!("RCPT TO:<{local}@patient.mssante.fr>"))?;
            ensure!(!reply.text.contains(local), "the number is repeated: {}", reply.text);
            reply.expect_reason(550, reason)?;
        }
        let quoted = smtp.command("RCPT TO:<\"279035121518989\"@patient.mssante.fr>")?;
        ensure!((500..=599).contains(&quoted.code), "{} {}", quoted.code, quoted.text);
        Ok(())
    })
}

/// Scenario 23.
pub(crate) fn letters_of_corsica_in_either_case_reach_one_mailbox() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let patients = &sandbox.description().patients;
    let corsican = patients.iter().find(|patient| patient.address.contains(['A', 'B'])).context("a Corsican")?;
    let mut imap = Imap::signed_in(&sandbox, "patients", &corsican.address, &corsican.password)?;
    for address in [corsican.address.clone(), corsican.address.to_lowercase()] {
        let marker = message::marker();
        let letter = message::letter(&sandbox.peer_address()?, &address, &marker);
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "patients")?;
        smtp.send(&sandbox.peer_address()?, &[&address], &letter)?.expect(250)?;
        imap.await_message(&marker)?;
    }
    Ok(())
}

/// Point 1: the form of fourteen digits, where an admin takes it, is the same mailbox.
pub(crate) fn a_shorter_form_reaches_the_same_mailbox_where_it_is_taken() -> Outcome {
    let seed = Seed::new()?;
    set(&seed, "address_forms", toml::Value::Array(vec!["ins15".into(), "ins14".into(), "nir13".into()]))?;
    let sandbox = seed.start()?;
    let patient = sandbox.patient("open")?;
    let (number, domain) = patient.address.split_once('@').context("an address")?;
    let mut imap = Imap::signed_in(&sandbox, "patients", &patient.address, &patient.password)?;
    for characters in [13, 14, 15] {
        let address = format!("{}@{domain}", number.split_at(characters).0);
        let marker = message::marker();
        let letter = message::letter(&sandbox.peer_address()?, &address, &marker);
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "patients")?;
        smtp.send(&sandbox.peer_address()?, &[&address], &letter)?.expect(250)?;
        imap.await_message(&marker)?;
    }
    let mut smtp = Smtp::as_peer(&sandbox, "listed", "patients")?;
    smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?.expect(250)?;
    // The first digit of the key is wrong.
    smtp.command(&format!("RCPT TO:<27903512151891@{domain}>"))?.expect_reason(550, "patient-address-key")?;
    Ok(())
}

/// Scenarios 29 and 30: taken, and returned; what comes back holds nothing of what was sent.
pub(crate) fn mail_for_an_unknown_or_closed_space_comes_back() -> Outcome {
    let sandbox = Sandbox::start()?;
    let patient = sandbox.patient("open")?;
    let closed = &sandbox.patient("closed")?.address;
    let unknown = format!("{UNKNOWN}@patient.mssante.fr");
    returned(&sandbox, &unknown, "5.1.1", "patient-unknown")?;
    returned(&sandbox, closed, "5.2.1", "patient-closed")?;

    let first = sent(&sandbox, &patient.address)?;
    let mut imap = Imap::signed_in(&sandbox, "patients", &patient.address, &patient.password)?;
    imap.await_message(&first)?;
    let ins = patient.address.split('@').next().unwrap_or_default();
    sandbox.pli("patients", &["patient", "close", ins, "--reason", "il l'a demand\u{e9}"])?;
    returned(&sandbox, &patient.address, "5.2.1", "patient-closed")?;
    sandbox.pli("patients", &["patient", "open", ins, "--reason", "il l'a demand\u{e9}"])?;
    let third = sent(&sandbox, &patient.address)?;
    let mut imap = Imap::signed_in(&sandbox, "patients", &patient.address, &patient.password)?;
    imap.await_message(&third)?;
    Ok(())
}

/// `refusal = "session"`: the sender's own server tells him.
pub(crate) fn an_unknown_or_closed_space_is_refused_in_the_session_where_an_admin_says_so() -> Outcome {
    let seed = Seed::new()?;
    set(&seed, "refusal", "session".into())?;
    let sandbox = seed.start()?;
    let closed = sandbox.patient("closed")?.address.clone();
    kept::nothing_by(&sandbox, "patients", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "patients")?;
        smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?.expect(250)?;
        let unknown = smtp.command(&format!("RCPT TO:<{UNKNOWN}@patient.mssante.fr>"))?;
        unknown.expect_reason(550, "patient-unknown")?;
        smtp.command(&format!("RCPT TO:<{closed}>"))?.expect_reason(550, "patient-closed")?;
        Ok(())
    })
}

/// Scenario 29: over 25 MB in all; a sender who says so is told before he sends.
pub(crate) fn a_message_over_the_limit_is_refused_for_its_size() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    let talk = Talk::with_a_stranger(&sandbox)?;
    kept::nothing_by(&sandbox, "patients", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "patients")?;
        let reply = smtp.command(&format!("MAIL FROM:<{}> SIZE=26214401", talk.contact))?;
        reply.expect_reason(552, "message-too-big")?;
        Ok(())
    })
}

/// A professional writes; gives the marker.
fn sent(sandbox: &Sandbox, to: &str) -> anyhow::Result<String> {
    let doctor = sandbox.account("elsewhere", "PER")?;
    let marker = message::marker();
    let letter = message::letter(&doctor.address, to, &marker);
    let mut smtp = Smtp::signed_in(sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    smtp.send(&doctor.address, &[to], &letter)?.expect(250)?;
    Ok(marker)
}

/// A professional writes, is told `250`, and reads in his own mailbox why nobody got it.
fn returned(sandbox: &Sandbox, to: &str, status: &str, code: &str) -> Outcome {
    let marker = sent(sandbox, to)?;
    let doctor = sandbox.account("elsewhere", "PER")?;
    let mut imap = Imap::signed_in(sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    let notice = imap.await_message(&format!("<{marker}@client.test>"))?;
    let notice = String::from_utf8_lossy(&notice).into_owned();
    for part in ["report-type=delivery-status", &format!("Status: {status}"), &format!("[{code}]")] {
        ensure!(notice.contains(part), "{part:?} is not in the notice:\n{notice}");
    }
    ensure!(!notice.contains(message::SECRET), "the notice holds what was sent:\n{notice}");
    Ok(())
}

fn set(seed: &Seed, name: &str, value: toml::Value) -> Outcome {
    seed.configure("patients", |table| {
        let patient = table.entry("patient").or_insert_with(|| toml::Table::new().into());
        if let Some(patient) = patient.as_table_mut() {
            patient.insert(name.to_owned(), value);
        }
    })
}
