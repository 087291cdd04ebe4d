//! A changed trust list or revocation list is in force within two seconds, also on a connection that is open
//! (spec scenarios 4 and 14).

use std::time::Duration;

use e2e::authority::Authority;
use e2e::smtp::Smtp;
use e2e::whitelist::Whitelist;
use e2e::{Outcome, Sandbox, wait};

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
