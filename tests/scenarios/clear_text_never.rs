//! Nothing is said, and nothing is taken, in clear (spec scenarios 2 and 31).

use anyhow::ensure;
use e2e::smtp::Smtp;
use e2e::wire::{Identity, Wire};
use e2e::{Outcome, Sandbox, kept};

/// Scenario 2.
pub(crate) fn no_mail_before_tls() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let pharmacy = &sandbox.account("pro", "ORG")?.address;
        for port in [sandbox.operator("pro")?.ports.smtp, sandbox.operator("pro")?.ports.submission] {
            let mut smtp = Smtp::connect(port)?;
            smtp.command("EHLO client.test")?.expect(250)?;
            smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?.expect_reason(530, "tls-required")?;
            for command in [format!("RCPT TO:<{pharmacy}>"), "DATA".to_owned()] {
                let reply = smtp.command(&command)?;
                ensure!(reply.code >= 500, "{command} had an effect: {} {}", reply.code, reply.text);
            }
        }
        Ok(())
    })
}

pub(crate) fn no_sign_in_before_tls() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let ports = &sandbox.operator("pro")?.ports;
    let mut smtp = Smtp::connect(ports.submission)?;
    let offered = smtp.command("EHLO client.test")?.expect(250)?;
    ensure!(!offered.text.contains("AUTH"), "AUTH is offered in clear: {}", offered.text);
    ensure!(smtp.command("AUTH PLAIN AGEAYg==")?.code >= 500, "AUTH is taken in clear");
    let mut imap = Wire::connect(ports.imap)?;
    let greeting = imap.line()?;
    imap.send(b"a CAPABILITY\r\n")?;
    let offered = imap.line()?;
    ensure!(offered.contains("LOGINDISABLED") && offered.contains("STARTTLS"), "{greeting} {offered}");
    ensure!(!offered.contains("AUTH="), "a mechanism is offered in clear: {offered}");
    ensure!(imap.line()?.starts_with("a OK"), "CAPABILITY failed");
    imap.send(b"b LOGIN a b\r\n")?;
    ensure!(imap.line()?.starts_with("b NO"), "LOGIN is taken in clear");
    Ok(())
}

pub(crate) fn bytes_behind_starttls_are_never_interpreted() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let mut smtp = Smtp::connect(sandbox.operator("pro")?.ports.smtp)?;
    smtp.command("EHLO client.test")?.expect(250)?;
    smtp.wire.send(b"STARTTLS\r\nNOOP injected\r\nRSET\r\n")?;
    let reply = smtp.reply()?;
    if reply.code == 220 {
        // The handshake may go on, but the injected commands must be gone: the next answer is EHLO's own.
        smtp.wire.start_tls(Identity { ca: &sandbox.ca(), client: None })?;
        let answer = smtp.command("EHLO client.test")?;
        ensure!(answer.text.contains("PIPELINING"), "an injected command was answered: {}", answer.text);
    } else {
        smtp.wire.expect_end()?;
    }
    Ok(())
}

pub(crate) fn bytes_behind_imap_starttls_are_never_interpreted() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let mut imap = Wire::connect(sandbox.operator("pro")?.ports.imap)?;
    imap.line()?;
    imap.send(b"a STARTTLS\r\nx NOOP\r\n")?;
    let answer = imap.line()?;
    if answer.starts_with("a OK") {
        imap.start_tls(Identity { ca: &sandbox.ca(), client: None })?;
        imap.send(b"b NOOP\r\n")?;
        let answer = imap.line()?;
        ensure!(answer.starts_with("b OK"), "an injected command was answered: {answer}");
    } else {
        imap.expect_end()?;
    }
    Ok(())
}
