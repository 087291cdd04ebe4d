//! A peer that is not proven gets a handshake, an answer to EHLO, and a reason, and leaves nothing behind
//! (spec §3.4, scenarios 1, 3 and 4).

use anyhow::ensure;
use e2e::authority::{Authority, Use};
use e2e::smtp::Smtp;
use e2e::wire::Identity;
use e2e::{Outcome, Sandbox, kept};

/// Scenario 1.
pub(crate) fn no_certificate_is_refused_and_closed_after_the_third() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let port = sandbox.operator("pro")?.ports.smtp;
        let mut smtp = Smtp::connect_starttls(port, Identity { ca: &sandbox.ca(), client: None })?;
        for _ in 0..3 {
            smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?
                .expect_reason(550, "certificate-missing")?;
        }
        smtp.wire.expect_end()
    })
}

/// Scenario 3: the right name, signed by an authority that the public believes.
pub(crate) fn a_certificate_of_a_public_authority_is_refused() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    let subject = "/C=FR/ST=Paris (75)/O=PAIR DU BAC A SABLE/OU=1990000077/CN=listed.peer.test";
    let authority = Authority::foreign("AUTORITE PUBLIQUE D'ESSAI")?;
    let issued = authority.issue("listed", subject, Use::Relay)?;
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_issued(&sandbox, &issued, "pro")?;
        smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?
            .expect_reason(550, "certificate-untrusted")?;
        nothing_more_works(&mut smtp, &sandbox)
    })
}

/// Scenario 3.
pub(crate) fn a_self_signed_certificate_is_refused() -> Outcome {
    refused("self-signed", "certificate-untrusted")
}

/// Scenario 3: with the root as the only anchor, this branch would chain too.
pub(crate) fn a_certificate_of_the_people_branch_is_refused() -> Outcome {
    refused("personne", "certificate-untrusted")
}

/// Scenario 4.
pub(crate) fn an_expired_certificate_is_refused() -> Outcome {
    refused("expired", "certificate-expired")
}

/// Scenario 4.
pub(crate) fn a_certificate_that_is_not_yet_valid_is_refused() -> Outcome {
    refused("not-yet-valid", "certificate-not-yet-valid")
}

/// Scenario 4.
pub(crate) fn a_revoked_certificate_is_refused() -> Outcome {
    refused("revoked", "certificate-revoked")
}

/// Each of these is listed for the domain that it writes as: the one fault is its certificate's.
fn refused(peer: &str, reason: &str) -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_peer(&sandbox, peer, "pro")?;
        smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?.expect_reason(550, reason)?;
        nothing_more_works(&mut smtp, &sandbox)
    })
}

/// A client that goes on as if it had been accepted.
fn nothing_more_works(smtp: &mut Smtp, sandbox: &Sandbox) -> Outcome {
    for command in [format!("RCPT TO:<{}>", sandbox.account("pro", "ORG")?.address), "DATA".to_owned()] {
        let reply = smtp.command(&command)?;
        ensure!(reply.code >= 500, "{command} had an effect: {} {}", reply.code, reply.text);
    }
    Ok(())
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
