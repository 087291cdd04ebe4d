//! A hospital's own Postfix: it relays a letter through Pli with its client certificate, and receives one.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::authority::Issued;
use e2e::imap::{Imap, holds};
use e2e::page::connector_settings;
use e2e::postfix::{Postfix, Role};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, wait};

/// With the settings of `docs/connectors.md`. Listens where the sandbox hands the hospital's mail, with this certificate; sends everything to Pli, whose
/// certificate it checks by name.
pub(crate) fn hospital(sandbox: &Sandbox, with: &Issued) -> anyhow::Result<Postfix> {
    let connector = sandbox.connector()?;
    let pli = sandbox.operator(&connector.operator)?;
    let settings = connector_settings("postfix")?
        .replace("[mss.operateur.example]:25", &format!("[127.0.0.1]:{}", pli.ports.smtp))
        .replace("mss.operateur.example", &pli.server_name)
        .replace("/etc/postfix/igc-sante.pem", "{config}/ca.pem")
        .replace("/etc/postfix/mssante.pem", "{config}/cert.pem")
        .replace("/etc/postfix/mssante.key", "{config}/key.pem");
    Postfix::start(Role {
        port: connector.port,
        domain: &connector.domain,
        ca: &sandbox.ca(),
        certificate: &with.certificate,
        key: &with.key,
        settings: &settings,
    })
}

pub(crate) fn relays_and_receives() -> Outcome {
    let sandbox = Sandbox::start()?;
    let connector = sandbox.connector()?;
    let with = Issued { certificate: sandbox.path(&connector.certificate), key: sandbox.path(&connector.key) };
    let postfix = hospital(&sandbox, &with)?;
    let doctor = sandbox.account("elsewhere", "PER")?;
    let from = format!("cardiologie@{}", connector.domain);

    // Out: a program of the hospital's hands a letter to Postfix; the doctor elsewhere reads it.
    let marker = message::marker();
    let letter = message::letter(&from, &doctor.address, &marker);
    let mut inside = Smtp::connect(connector.port)?;
    inside.command("EHLO program.test")?.expect(250)?;
    inside.send(&from, &[&doctor.address], &letter)?.expect(250)?;
    let mut imap = Imap::signed_in(&sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    let received = imap.await_message(&marker).with_context(|| postfix.log())?;
    ensure!(holds(&received, "by mta."), "it did not pass through Postfix");

    // In: the doctor answers; Postfix puts it into the hospital's mailbox.
    let marker = message::marker();
    let answer = message::letter(&doctor.address, &from, &marker);
    let mut submission = Smtp::signed_in(&sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    submission.send(&doctor.address, &[&from], &answer)?.expect(250)?;
    wait::until("the answer in the hospital's mailbox", Duration::from_secs(30), || {
        Ok(postfix.delivered()?.into_iter().find(|mail| holds(mail, &marker)))
    })
    .with_context(|| postfix.log())?;
    Ok(())
}
