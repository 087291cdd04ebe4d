//! A hospital's own Postfix: it relays a letter through Pli with its client certificate, and receives one.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::imap::{Imap, holds};
use e2e::postfix::{Postfix, Role};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, wait};

/// Listens where the sandbox hands the hospital's mail, with the hospital's certificate; sends everything to Pli, whose
/// certificate it checks by name.
fn hospital(sandbox: &Sandbox) -> anyhow::Result<Postfix> {
    let connector = sandbox.connector()?;
    let pli = sandbox.operator(&connector.operator)?;
    Postfix::start(Role {
        port: connector.port,
        domain: &connector.domain,
        ca: &sandbox.ca(),
        certificate: &sandbox.path(&connector.certificate),
        key: &sandbox.path(&connector.key),
        settings: &format!(
            "relayhost = [127.0.0.1]:{port}
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = {name}
smtp_tls_CAfile = {{config}}/ca.pem
smtp_tls_cert_file = {{config}}/cert.pem
smtp_tls_key_file = {{config}}/key.pem
smtpd_tls_security_level = may
smtpd_tls_ask_ccert = yes",
            port = pli.ports.smtp,
            name = pli.server_name,
        ),
    })
}

pub(crate) fn relays_and_receives() -> Outcome {
    let sandbox = Sandbox::start()?;
    let postfix = hospital(&sandbox)?;
    let connector = sandbox.connector()?;
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
