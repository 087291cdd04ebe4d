//! A changed trust list or revocation list is in force within two seconds, also on a connection that is open
//! (spec scenarios 4 and 14).

use std::time::Duration;

use anyhow::ensure;
use e2e::authority::Authority;
use e2e::imap::Imap;
use e2e::peer_server::{Manner, PeerServer};
use e2e::smtp::Smtp;
use e2e::whitelist::Whitelist;
use e2e::{Outcome, Sandbox, kept, message, wait};

fn await_refusal(smtp: &mut Smtp, from: &str, reason: &str) -> Outcome {
    wait::until(reason, Duration::from_secs(10), || {
        let reply = smtp.command(&format!("MAIL FROM:<{from}>"))?;
        if reply.code == 250 {
            smtp.command("RSET")?.expect(250)?;
            return Ok(None);
        }
        reply.expect_reason(550, reason).map(Some)
    })?;
    Ok(())
}

/// Scenario 14, the mail towards the domain: no further try, and a report with the reason to whoever wrote.
pub(crate) fn queued_mail_of_a_domain_that_left_comes_back_to_its_sender() -> Outcome {
    let sandbox = Sandbox::start()?;
    let peer = sandbox.peer("listed")?;
    let server = PeerServer::on(peer.port, Manner::Unavailable)?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let (to, marker) = (sandbox.peer_address()?, message::marker());
    let letter = message::letter(&pharmacy.address, &to, &marker);
    let mut smtp = Smtp::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let id = smtp.send(&pharmacy.address, &[&to], &letter)?.expect(250)?.id()?.to_owned();
    wait::until("the first try", Duration::from_secs(20), || {
        Ok(sandbox.queue("pro")?.iter().any(|row| row["last_reason"] == "peer-tls").then_some(()))
    })?;

    // From now on it would be taken, if somebody tried.
    server.behave(Manner::Tls(sandbox.path(&peer.certificate), sandbox.path(&peer.key)));
    let tries = server.got().connections;
    let list = Whitelist::read(&sandbox.whitelist())?.later(1)?;
    list.without(&peer.domain)?.publish(&sandbox.whitelist())?;
    let mut imap = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let report = String::from_utf8_lossy(&imap.await_message("multipart/report")?).into_owned();
    ensure!(report.contains("Status: 5.7.1"), "{report}");
    ensure!(report.contains("no longer in the trust list"), "the report tells no reason: {report}");
    ensure!(report.contains(&marker), "the report does not tell which message: {report}");
    ensure!(sandbox.queue("pro")?.is_empty(), "still in the queue: {:?}", sandbox.queue("pro")?);
    ensure!(server.got().connections == tries, "tried once more: {:?}", server.got());
    let trace = sandbox.trace("pro", &id)?;
    let failed =
        |event: &serde_json::Value| event["event"] == "failed" && event["reason"] == "recipient-domain-not-listed";
    ensure!(trace["events"].as_array().is_some_and(|events| events.iter().any(failed)), "{trace}");

    // And nobody can write to it, or from it, any more.
    kept::nothing_by(&sandbox, "pro", || {
        smtp.command(&format!("MAIL FROM:<{}>", pharmacy.address))?.expect(250)?;
        smtp.command(&format!("RCPT TO:<{to}>"))?.expect_reason(550, "recipient-domain-not-listed")?;
        let mut from_it = Smtp::as_peer(&sandbox, "listed", "pro")?;
        let reply = from_it.command(&format!("MAIL FROM:<{to}>"))?;
        ensure!(reply.code >= 550, "{} {}", reply.code, reply.text);
        Ok(())
    })
}

/// Scenario 14, the mail from the domain, on a connection that is open.
pub(crate) fn a_domain_that_leaves_the_list_is_refused() -> Outcome {
    let sandbox = Sandbox::start()?;
    let from = sandbox.peer_address()?;
    let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
    smtp.command(&format!("MAIL FROM:<{from}>"))?.expect(250)?;
    smtp.command("RSET")?.expect(250)?;
    let list = Whitelist::read(&sandbox.whitelist())?.later(1)?;
    let name = format!("<Nom>{}</Nom>", sandbox.peer("listed")?.domain);
    list.replaced(&name, "<Nom>parti.mssante.fr</Nom>")?.publish(&sandbox.whitelist())?;
    await_refusal(&mut smtp, &from, "sender-domain-not-listed")
}

/// Scenario 4, on a connection that is open.
pub(crate) fn a_certificate_revoked_while_running_is_refused() -> Outcome {
    let sandbox = Sandbox::start()?;
    let from = sandbox.peer_address()?;
    let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
    smtp.command(&format!("MAIL FROM:<{from}>"))?.expect(250)?;
    smtp.command("RSET")?.expect(250)?;
    let peer = sandbox.path(&sandbox.peer("listed")?.certificate);
    let list = Authority::of(sandbox.dir(), "organisations")?.revocation_list(&[&peer], 7 * 24 * 3600)?;
    Authority::publish(&list, &sandbox.path(&sandbox.description().crl))?;
    await_refusal(&mut smtp, &from, "certificate-revoked")
}
