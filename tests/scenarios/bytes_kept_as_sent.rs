//! What IMAP returns below the added trace headers is what was sent, to the byte (spec scenario 21).

use anyhow::ensure;
use e2e::imap::{Imap, below_trace_headers};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message};

fn arrives(sandbox: &Sandbox, what: &str, marker: &str, sent: &[u8]) -> Outcome {
    let pharmacy = sandbox.account("pro", "ORG")?;
    let mut peer = Smtp::as_peer(sandbox, "listed", "pro")?;
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    peer.send(&from, &[&pharmacy.address], sent)?.expect(250)?;
    let received = Imap::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(marker)?;
    ensure!(below_trace_headers(&received, sent)? == sent, "{what}: not what was sent");
    Ok(())
}

pub(crate) fn odd_messages_arrive_byte_for_byte() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let from = format!("From: <cabinet@{}>\r\n", sandbox.peer("listed")?.domain);
    let long = "x".repeat(998);
    let eight_bit: Vec<u8> = (1..=255u8).filter(|byte| !b"\r\n".contains(byte)).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no body, no blank line", b"X-Odd: 1\r\n".to_vec()),
        ("8-bit of every value", [b"\r\n".as_slice(), &eight_bit, b"\r\n"].concat()),
        ("the longest line", format!("\r\n{long}\r\n").into_bytes()),
        ("only dots", b"\r\n.\r\n..\r\n...\r\n.x\r\n".to_vec()),
        ("blank lines and spaces at the end", b"\r\n \t \r\n\r\n\r\n  \r\n".to_vec()),
        ("a multipart that never ends", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: nonsense\r\n\r\n".to_vec()),
        (
            "headers that nobody knows, folded oddly",
            b"X-MSS-CODECDA: 34112-3\r\nX-MSS-INS: O\r\nx-mss-nil:\tDEV1\r\n \tfolded  \r\nDKIM-Signature: v=1; b=\r\n\tabc\r\n\r\n".to_vec(),
        ),
        ("a header in Latin-1", b"Subject: pr\xe9l\xe8vement\r\n\r\n".to_vec()),
    ];
    for (what, rest) in cases {
        let marker = message::marker();
        let message = [from.as_bytes(), format!("X-Marker: {marker}\r\n").as_bytes(), &rest].concat();
        arrives(&sandbox, what, &marker, &message)?;
    }
    Ok(())
}

/// 25 MiB, the sandbox's limit, minus room for the trace header; one byte over the limit is refused.
pub(crate) fn a_message_at_the_size_limit_arrives() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let marker = message::marker();
    let mut sent =
        format!("From: <cabinet@{}>\r\nX-Marker: {marker}\r\n\r\n", sandbox.peer("listed")?.domain).into_bytes();
    let line = [b"0123456789abcdef".repeat(60).as_slice(), b"\r\n"].concat();
    while sent.len() + line.len() < 25 * 1024 * 1024 - 4096 {
        sent.extend_from_slice(&line);
    }
    arrives(&sandbox, "a large message", &marker, &sent)?;
    while sent.len() <= 25 * 1024 * 1024 {
        sent.extend_from_slice(&line);
    }
    let mut peer = Smtp::as_peer(&sandbox, "listed", "pro")?;
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    peer.command(&format!("MAIL FROM:<{from}> SIZE={}", sent.len()))?.expect_reason(552, "message-too-big")?;
    peer.send(&from, &[&sandbox.account("pro", "ORG")?.address], &sent)?.expect_reason(552, "message-too-big")?;
    peer.command("NOOP")?.expect(250)?;
    Ok(())
}
