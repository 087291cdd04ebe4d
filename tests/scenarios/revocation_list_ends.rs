//! The last revocation list serves while its distribution point is down, and not a moment longer than it holds
//! (R-SMTP-8, ECO.1.1.7, scenario 5).

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::ensure;
use e2e::authority::{Authority, Use, der_of};
use e2e::crl_server::CrlServer;
use e2e::smtp::Smtp;
use e2e::whitelist::Whitelist;
use e2e::{Outcome, Sandbox, Seed, kept, wait};

/// How long the list holds.
const HOLDS_SECONDS: u32 = 8;

/// Scenario 5: fetched from the address in the certificate, then the server is gone.
pub(crate) fn accepted_while_the_last_list_holds_and_refused_after() -> Outcome {
    let seed = Seed::new()?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("http://127.0.0.1:{}/ACI-EL-ORG.crl", listener.local_addr()?.port());
    let organisations = Authority::of(seed.dir(), "organisations")?;
    let subject = "/C=FR/ST=Paris (75)/O=PAIR DU BAC A SABLE/OU=1990000150/CN=revocation.peer.test";
    let peer = organisations.issue_with_point("peer", subject, Use::Relay, &address)?;
    // By hand we have the root's list only: that of "organisations" must come from the peer's distribution point.
    let root = Authority::of(seed.dir(), "root")?.revocation_list(&[], 24 * 3600)?;
    std::fs::write(seed.dir().join(&seed.description().crl), root)?;
    let file = seed.dir().join(&seed.description().whitelist);
    let name = "CN=revocation.peer.test,OU=1990000150,O=PAIR DU BAC A SABLE,ST=Paris (75),C=FR";
    Whitelist::read(&file)?.with("revocation.mssante.fr", name)?.publish(&file)?;
    let sandbox = seed.start_only("pro")?;
    let server = CrlServer::on(listener)?;

    let mail = |sandbox: &Sandbox| {
        Smtp::as_issued(sandbox, &peer, "pro")?.command("MAIL FROM:<cabinet@revocation.mssante.fr>")
    };
    let published = Instant::now();
    server.publish(der_of(&organisations.revocation_list(&[], HOLDS_SECONDS)?)?);
    mail(&sandbox)?.expect(250)?;
    ensure!(server.requests() > 0, "nobody asked the distribution point");

    // The distribution point is down; the list that it gave still holds.
    drop(server);
    mail(&sandbox)?.expect(250)?;
    ensure!(published.elapsed() < Duration::from_secs(HOLDS_SECONDS.into()), "too slow a machine: nothing was proven");

    let refused = wait::until("the end of the list", Duration::from_secs(30), || {
        let reply = mail(&sandbox)?;
        Ok((reply.code != 250).then_some(reply))
    })?;
    ensure!(refused.reason() == Some("revocation-unknown"), "{} {}", refused.code, refused.text);
    // The list's dates have whole seconds.
    let after = published.elapsed() + Duration::from_secs(1);
    ensure!(after >= Duration::from_secs(HOLDS_SECONDS.into()), "refused {after:?} after the list was made");
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_issued(&sandbox, &peer, "pro")?;
        let reply = smtp.command("MAIL FROM:<cabinet@revocation.mssante.fr>")?;
        ensure!(reply.reason() == Some("revocation-unknown"), "{} {}", reply.code, reply.text);
        let reply = smtp.command(&format!("RCPT TO:<{}>", sandbox.account("pro", "ORG")?.address))?;
        ensure!(reply.code >= 500, "RCPT had an effect: {} {}", reply.code, reply.text);
        Ok(())
    })?;
    wait::until("the alarm", Duration::from_secs(20), || {
        Ok((sandbox.metric("pro", "pli_alarm{code=\"crl-expired\"}")? == Some(1.0)).then_some(()))
    })?;

    // What the runbook says: a list brought by hand ends it at once.
    let list = organisations.revocation_list(&[], 24 * 3600)?;
    Authority::publish(&list, &sandbox.path(&sandbox.description().crl))?;
    wait::until("the list brought by hand", Duration::from_secs(10), || {
        Ok((mail(&sandbox)?.code == 250).then_some(()))
    })?;
    wait::until("the end of the alarm", Duration::from_secs(20), || {
        Ok((sandbox.metric("pro", "pli_alarm{code=\"crl-expired\"}")? == Some(0.0)).then_some(()))
    })
}
