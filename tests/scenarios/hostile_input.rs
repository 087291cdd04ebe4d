//! Bad input: a clear reply or a closed connection, bounded memory, the next client served.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::smtp::Smtp;
use e2e::wire::{Identity, Wire};
use e2e::{Outcome, Sandbox, kept, message};

/// A proven peer still gets its message through.
fn next_client_is_served(sandbox: &Sandbox) -> Outcome {
    let pharmacy = sandbox.account("pro", "ORG")?;
    let marker = message::marker();
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let letter = message::letter(&from, &pharmacy.address, &marker);
    Smtp::as_peer(sandbox, "listed", "pro")?.send(&from, &[&pharmacy.address], &letter)?.expect(250)?;
    Ok(())
}

/// A proven peer in the middle of a transaction, `DATA` answered with 354.
fn in_data(sandbox: &Sandbox) -> anyhow::Result<Smtp> {
    let mut smtp = Smtp::as_peer(sandbox, "listed", "pro")?;
    smtp.command(&format!("MAIL FROM:<cabinet@{}>", sandbox.peer("listed")?.domain))?.expect(250)?;
    smtp.command(&format!("RCPT TO:<{}>", sandbox.account("pro", "ORG")?.address))?.expect(250)?;
    smtp.command("DATA")?.expect(354)?;
    Ok(smtp)
}

pub(crate) fn an_over_long_command_line_is_answered() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let mut smtp = Smtp::connect(sandbox.operator("pro")?.ports.smtp)?;
    let reply = smtp.command(&format!("EHLO {}", "x".repeat(100_000)))?;
    ensure!(reply.code == 500, "{} {}", reply.code, reply.text);
    let mut imap = Wire::connect(sandbox.operator("pro")?.ports.imap)?;
    imap.line()?;
    imap.send(format!("a {}\r\n", "x".repeat(1_000_000)).as_bytes()).ok();
    let answer = imap.line().unwrap_or_default();
    ensure!(answer.is_empty() || answer.contains("BAD") || answer.contains("BYE"), "{answer}");
    next_client_is_served(&sandbox)
}

/// Scenario 20.
pub(crate) fn bare_line_ends_and_nul_are_refused_and_hide_no_message() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || smuggled(&sandbox))
}

fn smuggled(sandbox: &Sandbox) -> Outcome {
    let pharmacy = sandbox.account("pro", "ORG")?;
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let marker = message::marker();
    let smuggled = format!(
        "MAIL FROM:<{from}>\r\nRCPT TO:<{}>\r\nDATA\r\nFrom: <{from}>\r\n\r\n{marker}-smuggled",
        pharmacy.address
    );
    let header = format!("From: <{from}>\r\nX-Marker: {marker}\r\n\r\n");
    for (inside, reason) in [
        ("\n.\n", "line-ending"),
        ("\n.\r\n", "line-ending"),
        ("\r\n.\n", "line-ending"),
        ("\r.\r", "line-ending"),
        ("\r\n.\r", "line-ending"),
        ("a\nb\r\n", "line-ending"),
        ("a\rb\r\n", "line-ending"),
        ("a\0b\r\n", "message-malformed"),
    ] {
        let mut smtp = in_data(sandbox)?;
        smtp.wire.send(format!("{header}{inside}{smuggled}\r\n.\r\n").as_bytes())?;
        let reply = smtp.reply()?;
        ensure!(reply.code >= 550 && reply.reason() == Some(reason), "{inside:?}: {} {}", reply.code, reply.text);
        // One DATA, one reply: the answer to NOOP comes next.
        smtp.command("NOOP")?.expect(250)?;
    }
    let mut smtp = in_data(sandbox)?;
    smtp.wire.send(format!("{header}{}\r\n.\r\n", "x".repeat(999)).as_bytes())?;
    let reply = smtp.reply()?;
    ensure!(reply.reason() == Some("message-malformed"), "a line of 999: {} {}", reply.code, reply.text);
    Ok(())
}

pub(crate) fn ten_thousand_recipients_are_bounded() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
    smtp.command(&format!("MAIL FROM:<cabinet@{}>", sandbox.peer("listed")?.domain))?.expect(250)?;
    let pharmacy = &sandbox.account("pro", "ORG")?.address;
    let mut commands = String::new();
    for index in 0..10_000 {
        commands.push_str(&format!("RCPT TO:<x{index}@{}>\r\n", pharmacy.split('@').nth(1).context("no domain")?));
    }
    let mut taken = 0;
    // Pipelined in pieces, so that neither side waits for the other for ever.
    for piece in commands.as_bytes().chunks(8_000) {
        smtp.wire.send(piece)?;
    }
    for _ in 0..10_000 {
        match smtp.reply() {
            Ok(reply) if reply.code == 250 => taken += 1,
            Ok(reply) => ensure!(reply.code >= 400, "{} {}", reply.code, reply.text),
            Err(_) => break, // Closed after too many errors: bounded too.
        }
    }
    ensure!(taken == 0, "{taken} unknown recipients were taken");
    next_client_is_served(&sandbox)
}

pub(crate) fn a_gigabyte_of_data_costs_no_memory() -> Outcome {
    let sandbox = Sandbox::start()?;
    let mut smtp = in_data(&sandbox)?;
    let before = peak_memory_kib(&sandbox)?;
    smtp.wire.send(format!("From: <cabinet@{}>\r\n\r\n", sandbox.peer("listed")?.domain).as_bytes())?;
    let block = [b"y".repeat(76).as_slice(), b"\r\n"].concat().repeat(4096);
    let mut sent = 0;
    let mut cut = false;
    while sent < 1024 * 1024 * 1024 {
        if smtp.wire.send(&block).is_err() {
            cut = true; // Closed beyond a hard limit: an answer too.
            break;
        }
        sent += block.len();
    }
    if !cut {
        smtp.wire.send(b".\r\n")?;
        smtp.reply()?.expect_reason(552, "message-too-big")?;
    }
    let grown = peak_memory_kib(&sandbox)?.saturating_sub(before);
    ensure!(grown < 64 * 1024, "memory grew by {grown} KiB");
    next_client_is_served(&sandbox)
}

fn peak_memory_kib(sandbox: &Sandbox) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sandbox.pid("pro")?))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
}

pub(crate) fn garbage_instead_of_a_hello_leaves_the_next_client_served() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let ports = &sandbox.operator("pro")?.ports;
    for port in [ports.submissions, ports.imaps, ports.http] {
        let mut wire = Wire::connect(port)?;
        wire.send(&b"\x16\x03\x01\xff\xff garbage \0\x01\x02".repeat(64))?;
        // An alert, or nothing, then the end.
        while wire.exactly(1).is_ok() {}
    }
    let mut smtp = Smtp::connect(ports.smtp)?;
    smtp.command("EHLO client.test")?.expect(250)?;
    smtp.command("STARTTLS")?.expect(220)?;
    smtp.wire.send(&b"garbage ".repeat(64))?;
    while smtp.wire.exactly(1).is_ok() {}
    next_client_is_served(&sandbox)
}

/// Fifty peers that say nothing after half a command: everyone else is served at once.
pub(crate) fn a_slow_peer_holds_nobody_up() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let port = sandbox.operator("pro")?.ports.smtp;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut smtp = Smtp::connect(port)?;
        smtp.wire.send(b"EHL")?;
        slow.push(smtp);
    }
    let mut half = in_data(&sandbox)?;
    half.wire.send(b"From: <half@a")?;
    let hello = Wire::connect(sandbox.operator("pro")?.ports.imaps)?;
    hello.socket()?.set_read_timeout(Some(Duration::from_secs(1)))?;
    next_client_is_served(&sandbox)
}

pub(crate) fn unknown_commands_are_answered_and_bounded() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let identity_ca = sandbox.ca();
    let mut smtp =
        Smtp::connect_starttls(sandbox.operator("pro")?.ports.smtp, Identity { ca: &identity_ca, client: None })?;
    let mut answers = 0;
    while let Ok(reply) = smtp.command("XYZZY") {
        ensure!(reply.code >= 421, "{} {}", reply.code, reply.text);
        answers += 1;
        ensure!(answers < 1000, "unknown commands are answered for ever");
    }
    ensure!(answers > 0, "no answer at all");
    next_client_is_served(&sandbox)
}
