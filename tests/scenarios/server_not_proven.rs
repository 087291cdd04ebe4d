//! A server that is not proven gets no mail: the message stays in the queue, is tried again, and goes once the server is
//! the right one (R-SMTP-2, R-SMTP-6; scenarios 7 and 8).

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::authority::{Authority, Use};
use e2e::peer_server::{Manner, PeerServer};
use e2e::sandbox::Quiet;
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, wait};
use serde_json::Value;

/// Scenario 7: of the right branch, and in no entry of the list.
pub(crate) fn a_server_with_an_unlisted_name_gets_nothing() -> Outcome {
    kept_until_the_server_is_proven(|sandbox| shown_by(sandbox, "unlisted"), "peer-certificate-not-listed")
}

/// Scenario 7: listed, for another domain.
pub(crate) fn a_server_with_the_name_of_another_entry_gets_nothing() -> Outcome {
    kept_until_the_server_is_proven(|sandbox| shown_by(sandbox, "wrong-domain"), "peer-certificate-not-listed")
}

/// Scenario 7: the right name under a foreign authority.
pub(crate) fn a_server_of_a_public_authority_gets_nothing() -> Outcome {
    let authority = Authority::foreign("AUTORITE PUBLIQUE D'ESSAI")?;
    let subject = "/C=FR/ST=Paris (75)/O=PAIR DU BAC A SABLE/OU=1990000077/CN=listed.peer.test";
    let issued = authority.issue("listed", subject, Use::Relay)?;
    kept_until_the_server_is_proven(|_| Ok(Manner::Tls(issued.certificate, issued.key)), "certificate-untrusted")
}

/// Scenarios 4 and 7, towards the server.
pub(crate) fn a_server_with_an_expired_certificate_gets_nothing() -> Outcome {
    kept_until_the_server_is_proven(|sandbox| shown_by(sandbox, "expired"), "certificate-expired")
}

/// Scenarios 4 and 7, towards the server.
pub(crate) fn a_server_with_a_revoked_certificate_gets_nothing() -> Outcome {
    kept_until_the_server_is_proven(|sandbox| shown_by(sandbox, "revoked"), "certificate-revoked")
}

/// Scenario 8: the server would take the mail in clear.
pub(crate) fn a_server_whose_starttls_was_stripped_gets_nothing() -> Outcome {
    kept_until_the_server_is_proven(|_| Ok(Manner::Stripped), "peer-tls")
}

/// Scenario 8.
pub(crate) fn a_server_that_refuses_starttls_gets_nothing() -> Outcome {
    kept_until_the_server_is_proven(|_| Ok(Manner::Unavailable), "peer-tls")
}

/// Scenario 8: `220` to STARTTLS, and then words in clear.
pub(crate) fn a_server_that_speaks_on_in_clear_gets_nothing() -> Outcome {
    kept_until_the_server_is_proven(|_| Ok(Manner::Garbage), "peer-tls")
}

fn shown_by(sandbox: &Sandbox, peer: &str) -> anyhow::Result<Manner> {
    let peer = sandbox.peer(peer)?;
    Ok(Manner::Tls(sandbox.path(&peer.certificate), sandbox.path(&peer.key)))
}

fn kept_until_the_server_is_proven(manner: impl FnOnce(&Sandbox) -> anyhow::Result<Manner>, reason: &str) -> Outcome {
    let sandbox = Sandbox::quiet()?;
    let server = PeerServer::on(sandbox.peer("listed")?.port, manner(&sandbox)?)?;
    let alerts = alerts(&sandbox, reason)?;
    let marker = message::marker();
    let id = submit(&sandbox, &marker)?;

    let row = await_try(&sandbox, &id, reason, 1)?;
    let queue_id = row["id"].as_str().context("no id")?.to_owned();
    ensure!(row["destination"] == sandbox.peer("listed")?.domain.as_str(), "{row}");
    ensure!(row["state"] == "waiting", "tried without a pause: {row}");
    sandbox.pli("pro", &["queue", "retry", &queue_id])?;
    await_try(&sandbox, &id, reason, 2)?;
    let got = server.got();
    ensure!(got.connections >= 2, "one connection only: {got:?}");
    got.nothing_of_a_message()?;
    let events = sandbox.trace("pro", &id)?;
    let put_off = |event: &Value| event["event"] == "deferred" && event["reason"] == reason;
    ensure!(events["events"].as_array().is_some_and(|events| events.iter().any(put_off)), "no trace of it: {events}");
    ensure!(self::alerts(&sandbox, reason)? >= alerts + 2.0, "no metric tells of {reason}");

    // The message was kept whole: it goes as soon as the server is the one that the list names.
    server.behave(shown_by(&sandbox, "listed")?);
    sandbox.pli("pro", &["queue", "retry", &queue_id])?;
    wait::until("the message at the proven server", Duration::from_secs(30), || {
        Ok(server.got().messages.iter().any(|message| message.contains(&marker)).then_some(()))
    })?;
    wait::until("an empty queue", Duration::from_secs(30), || Ok(sandbox.queue("pro")?.is_empty().then_some(())))
}

/// The pharmacist writes to the peer; the id of the `250`.
fn submit(sandbox: &Quiet, marker: &str) -> anyhow::Result<String> {
    let pharmacy = sandbox.account("pro", "ORG")?;
    let to = sandbox.peer_address()?;
    let letter = message::letter(&pharmacy.address, &to, marker);
    let mut smtp = Smtp::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    Ok(smtp.send(&pharmacy.address, &[&to], &letter)?.expect(250)?.id()?.to_owned())
}

/// The row of this message, once so many tries have failed for this reason. Another reason is a fault.
fn await_try(sandbox: &Sandbox, id: &str, reason: &str, tries: u64) -> anyhow::Result<Value> {
    wait::until(&format!("try {tries} with {reason}"), Duration::from_secs(30), || {
        let row = sandbox.queue("pro")?.into_iter().find(|row| row["message"] == id).context("not in the queue")?;
        if let Some(found) = row["last_reason"].as_str() {
            ensure!(found == reason, "instead of {reason}: {row}");
        }
        Ok((row["attempts"].as_u64() >= Some(tries) && row["last_reason"] == reason).then_some(row))
    })
}

/// What a monitoring system would alert on.
fn alerts(sandbox: &Sandbox, reason: &str) -> anyhow::Result<f64> {
    let page = sandbox.metrics("pro")?;
    let label = format!("reason=\"{reason}\"");
    let figures = page.lines().filter(|line| line.starts_with("pli_delivery_tries_total{") && line.contains(&label));
    Ok(figures.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}
