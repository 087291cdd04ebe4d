//! A hospital's own Exim, linked with GnuTLS: it relays a letter through Pli with its client certificate, and receives
//! one from a Pli that shows its own.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::exim::{Exim, Role};
use e2e::imap::{Imap, holds};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, wait};

pub(crate) fn relays_and_receives() -> Outcome {
    let sandbox = Sandbox::start()?;
    let connector = sandbox.connector()?;
    let pli = sandbox.operator(&connector.operator)?;
    let exim = Exim::start(Role {
        port: connector.port,
        domain: &connector.domain,
        ca: &sandbox.ca(),
        certificate: &sandbox.path(&connector.certificate),
        key: &sandbox.path(&connector.key),
        relay: pli.ports.smtp,
    })?;
    let doctor = sandbox.account("elsewhere", "PER")?;
    let from = format!("cardiologie@{}", connector.domain);

    // Out: a program of the hospital's hands a letter to Exim; the doctor elsewhere reads it.
    let marker = message::marker();
    let letter = message::letter(&from, &doctor.address, &marker);
    let mut inside = Smtp::connect(connector.port)?;
    inside.command("EHLO program.test")?.expect(250)?;
    inside.send(&from, &[&doctor.address], &letter)?.expect(250)?;
    let mut imap = Imap::signed_in(&sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    let received = imap.await_message(&marker).with_context(|| exim.log())?;
    ensure!(holds(&received, "by mta."), "it did not pass through Exim");
    ensure!(exim.log().contains(" CV=yes "), "Exim did not verify Pli's certificate: {}", exim.log());

    // In: the doctor answers; Exim, which takes the hospital's mail from a proven client only, keeps it.
    let marker = message::marker();
    let answer = message::letter(&doctor.address, &from, &marker);
    let mut submission = Smtp::signed_in(&sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    submission.send(&doctor.address, &[&from], &answer)?.expect(250)?;
    wait::until("the answer in the hospital's mailbox", Duration::from_secs(30), || {
        Ok(exim.delivered()?.into_iter().find(|mail| holds(mail, &marker)))
    })
    .with_context(|| exim.log())?;
    let arrived = exim.log();
    let arrived = arrived.lines().find(|line| line.contains(" <= ") && line.contains(&doctor.address));
    let arrived = arrived.context("Exim logged no arrival")?;
    ensure!(arrived.contains(&format!("CN={}", pli.server_name)), "not from a proven Pli: {arrived}");

    // And what a probe finds of it.
    let probed = sandbox.pli(&connector.operator, &["connector", "show", &connector.name, "--probe"])?;
    ensure!(probed["probe"]["ok"] == true, "{probed:#}");
    Ok(())
}
