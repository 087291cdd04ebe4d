//! A peer that is not proven gets a handshake, an answer to EHLO, and a reason (spec §3.4, scenarios 1–4, 9, 10, 17).

use anyhow::ensure;
use e2e::smtp::Smtp;
use e2e::wire::Identity;
use e2e::{Outcome, Sandbox};

pub(crate) fn each_peer_is_refused_for_its_own_reason() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let cases = [
        ("unlisted", "certificate-not-listed"),
        ("expired", "certificate-expired"),
        ("not-yet-valid", "certificate-not-yet-valid"),
        ("revoked", "certificate-revoked"),
        ("self-signed", "certificate-untrusted"),
        ("personne", "certificate-untrusted"),
    ];
    for (peer, reason) in cases {
        let mut smtp = Smtp::as_peer(&sandbox, peer, "pro")?;
        let domain = &sandbox.peer("listed")?.domain;
        smtp.command(&format!("MAIL FROM:<a@{domain}>"))?.expect_reason(550, reason)?;
    }
    Ok(())
}

pub(crate) fn no_certificate_is_refused_and_closed_after_the_third() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let port = sandbox.operator("pro")?.ports.smtp;
    let mut smtp = Smtp::connect_starttls(port, Identity { ca: &sandbox.ca(), client: None })?;
    for _ in 0..3 {
        smtp.command("MAIL FROM:<a@peer.mssante.fr>")?.expect_reason(550, "certificate-missing")?;
    }
    smtp.wire.expect_end()
}

pub(crate) fn nothing_but_the_greeting_works_before_the_proof() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let port = sandbox.operator("pro")?.ports.smtp;
    let mut smtp = Smtp::connect_starttls(port, Identity { ca: &sandbox.ca(), client: None })?;
    smtp.command("NOOP")?.expect(250)?;
    smtp.command("RSET")?.expect(250)?;
    for command in
        ["RCPT TO:<officine@pharmacie-du-pont.mssante.fr>", "DATA", "VRFY officine", "EXPN tous", "AUTH PLAIN AGEAYg=="]
    {
        let reply = smtp.command(command)?;
        ensure!(reply.code >= 500, "{command} had an effect: {} {}", reply.code, reply.text);
    }
    smtp.command("QUIT")?.expect(221)?;
    Ok(())
}

pub(crate) fn a_listed_peer_speaks_for_its_own_domain_only() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
    smtp.command("MAIL FROM:<a@clinique-voisine.mssante.fr>")?.expect_reason(550, "sender-domain-other-certificate")?;
    smtp.command("MAIL FROM:<a@gmail.com>")?.expect_reason(550, "sender-domain-not-listed")?;
    smtp.command(&format!("MAIL FROM:<a@{}>", sandbox.peer("listed")?.domain))?.expect(250)?;
    let mut other = Smtp::as_peer(&sandbox, "wrong-domain", "pro")?;
    other
        .command(&format!("MAIL FROM:<a@{}>", sandbox.peer("listed")?.domain))?
        .expect_reason(550, "sender-domain-other-certificate")?;
    Ok(())
}

pub(crate) fn a_peer_cannot_relay_to_a_third_party() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
    smtp.command(&format!("MAIL FROM:<a@{}>", sandbox.peer("listed")?.domain))?.expect(250)?;
    let doctor = &sandbox.account("elsewhere", "PER")?.address;
    smtp.command(&format!("RCPT TO:<{doctor}>"))?.expect_reason(550, "relay-denied")?;
    let nobody = "RCPT TO:<personne@pharmacie-du-pont.mssante.fr>";
    smtp.command(nobody)?.expect_reason(550, "recipient-unknown")?;
    for (address, reason) in [
        ("27903512151898@patient.mssante.fr", "patient-address-syntax"),
        ("279035121518988@patient.mssante.fr", "patient-address-key"),
        ("279A35121518989@patient.mssante.fr", "patient-address-syntax"),
    ] {
        let reply = smtp.command(&format!("RCPT TO:<{address}>"))?;
        ensure!(
            !reply.text.contains(address.split('@').next().unwrap_or_default()),
            "the number is repeated: {}",
            reply.text
        );
        reply.expect_reason(550, reason)?;
    }
    Ok(())
}
