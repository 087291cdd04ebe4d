//! What a proven peer may not do with the envelope and the header, and the one path without a sender
//! (spec §3.4 points 4 to 7, scenarios 17 to 19).

use anyhow::ensure;
use e2e::imap::Imap;
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, kept, message};

/// Scenario 17.
pub(crate) fn a_peer_cannot_relay_to_a_third_party() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
        smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?.expect(250)?;
        let doctor = &sandbox.account("elsewhere", "PER")?.address;
        let patient = &sandbox.patient("open")?.address;
        for third in [doctor, patient, "x@gmail.com"] {
            smtp.command(&format!("RCPT TO:<{third}>"))?.expect_reason(550, "relay-denied")?;
        }
        let nobody = "RCPT TO:<personne@pharmacie-du-pont.mssante.fr>";
        smtp.command(nobody)?.expect_reason(550, "recipient-unknown")?;
        Ok(())
    })
}

/// Scenario 22, as far as an address alone tells it; the number is never repeated.
pub(crate) fn a_patient_address_that_cannot_be_is_refused() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
        smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?.expect(250)?;
        for (address, reason) in [
            ("27903512151898@patient.mssante.fr", "patient-address-syntax"),
            ("279035121518988@patient.mssante.fr", "patient-address-key"),
            ("279A35121518989@patient.mssante.fr", "patient-address-syntax"),
        ] {
            let reply = smtp.command(&format!("RCPT TO:<{address}>"))?;
            let number = address.split('@').next().unwrap_or_default();
            ensure!(!reply.text.contains(number), "the number is repeated: {}", reply.text);
            reply.expect_reason(550, reason)?;
        }
        Ok(())
    })
}

/// Scenario 18.
pub(crate) fn a_header_from_another_domain_is_refused() -> Outcome {
    header_refused("From: <a@autre-domaine.mssante.fr>\r\n")
}

/// Scenario 18: the envelope's own domain, and a second author.
pub(crate) fn two_from_headers_are_refused() -> Outcome {
    let from = Sandbox::quiet()?.peer_address()?;
    header_refused(&format!("From: <{from}>\r\nFrom: <{from}>\r\n"))
}

/// Scenario 18.
pub(crate) fn a_header_from_an_unlisted_domain_is_refused() -> Outcome {
    header_refused("From: <quelqu.un@gmail.com>\r\n")
}

/// Scenario 18: no author is no proof either.
pub(crate) fn a_header_without_from_is_refused() -> Outcome {
    header_refused("X-Sender: nobody\r\n")
}

fn header_refused(from: &str) -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
        // Large enough to be kept beside the database, were it kept.
        let body = "Une ligne qui pourrait rester.\r\n".repeat(40_000);
        let message = format!("{from}Subject: Courrier\r\n\r\n{body}");
        let pharmacy = &sandbox.account("pro", "ORG")?.address;
        smtp.send(&sandbox.peer_address()?, &[pharmacy], message.as_bytes())?
            .expect_reason(550, "header-from-mismatch")?;
        Ok(())
    })
}

/// Scenario 19: the author answers for a path without a sender; one of another domain is refused.
pub(crate) fn a_null_path_from_a_listed_peer_is_accepted() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let marker = message::marker();
    let report = message::letter(&sandbox.peer_address()?, &pharmacy.address, &marker);
    Smtp::as_peer(&sandbox, "listed", "pro")?.send("", &[&pharmacy.address], &report)?.expect(250)?;
    Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(&marker)?;
    kept::nothing_by(&sandbox, "pro", || {
        let foreign = message::letter("a@clinique-voisine.mssante.fr", &pharmacy.address, &message::marker());
        Smtp::as_peer(&sandbox, "listed", "pro")?
            .send("", &[&pharmacy.address], &foreign)?
            .expect_reason(550, "header-from-mismatch")?;
        let mut unlisted = Smtp::as_peer(&sandbox, "unlisted", "pro")?;
        unlisted.command("MAIL FROM:<>")?.expect_reason(550, "certificate-not-listed")?;
        Ok(())
    })
}
