//! SMTP, command by command.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::Sandbox;
use crate::authority::Issued;
use crate::wire::{Identity, Wire};

/// A reply, its lines joined.
#[derive(Debug, Clone)]
pub struct Reply {
    /// `250`
    pub code: u16,
    /// The rest of each line.
    pub text: String,
}

impl Reply {
    /// The reason's code between brackets.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once('[')?;
        rest.split_once(']').map(|(reason, _)| reason)
    }

    /// The `id=` of an accepted message.
    pub fn id(&self) -> Result<&str> {
        let (_, rest) = self.text.split_once("id=").with_context(|| format!("no id in {:?}", self.text))?;
        rest.split_whitespace().next().context("an empty id")
    }

    /// Fails unless the code is this one.
    pub fn expect(self, code: u16) -> Result<Self> {
        ensure!(self.code == code, "expected {code}, got {} {}", self.code, self.text);
        Ok(self)
    }

    /// Fails unless it is a refusal (or putting off) for this reason.
    pub fn expect_reason(self, code: u16, reason: &str) -> Result<Self> {
        ensure!(
            self.code == code && self.reason() == Some(reason),
            "expected {code} [{reason}], got {} {}",
            self.code,
            self.text
        );
        Ok(self)
    }
}

/// An SMTP connection.
pub struct Smtp {
    /// The wire below.
    pub wire: Wire,
}

impl Smtp {
    /// Connects and reads the greeting.
    pub fn connect(port: u16) -> Result<Self> {
        let mut smtp = Self { wire: Wire::connect(port)? };
        smtp.reply()?.expect(220)?;
        Ok(smtp)
    }

    /// Connects to a port that speaks TLS from the first byte.
    pub fn connect_tls(port: u16, identity: Identity<'_>) -> Result<Self> {
        let mut smtp = Self { wire: Wire::connect(port)? };
        smtp.wire.start_tls(identity)?;
        smtp.reply()?.expect(220)?;
        smtp.command("EHLO client.test")?.expect(250)?;
        Ok(smtp)
    }

    /// Connects, goes over to TLS, greets again.
    pub fn connect_starttls(port: u16, identity: Identity<'_>) -> Result<Self> {
        let mut smtp = Self::connect(port)?;
        smtp.command("EHLO client.test")?.expect(250)?;
        smtp.command("STARTTLS")?.expect(220)?;
        smtp.wire.start_tls(identity)?;
        smtp.command("EHLO client.test")?.expect(250)?;
        Ok(smtp)
    }

    /// As one of the sandbox's peers, to an operator's own port.
    pub fn as_peer(sandbox: &Sandbox, peer: &str, operator: &str) -> Result<Self> {
        let peer = sandbox.peer(peer)?;
        Self::with_certificate(sandbox, &peer.certificate, &peer.key, operator)
    }

    /// As the hospital's own server.
    pub fn as_hospital(sandbox: &Sandbox) -> Result<Self> {
        let connector = sandbox.connector()?;
        Self::with_certificate(sandbox, &connector.certificate, &connector.key, &connector.operator)
    }

    /// With a certificate that the test made.
    pub fn as_issued(sandbox: &Sandbox, issued: &Issued, operator: &str) -> Result<Self> {
        Self::with_certificate(sandbox, &issued.certificate, &issued.key, operator)
    }

    fn with_certificate(sandbox: &Sandbox, certificate: &Path, key: &Path, operator: &str) -> Result<Self> {
        let (certificate, key): (PathBuf, PathBuf) = (sandbox.path(certificate), sandbox.path(key));
        let identity = Identity { ca: &sandbox.ca(), client: Some((&certificate, &key)) };
        Self::connect_starttls(sandbox.operator(operator)?.ports.smtp, identity)
    }

    /// Signed in on the submission port.
    pub fn signed_in(sandbox: &Sandbox, operator: &str, name: &str, password: &str) -> Result<Self> {
        let port = sandbox.operator(operator)?.ports.submissions;
        let mut smtp = Self::connect_tls(port, Identity { ca: &sandbox.ca(), client: None })?;
        let token = BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
        smtp.command(&format!("AUTH PLAIN {token}"))?.expect(235)?;
        Ok(smtp)
    }

    /// Sends a line, reads the reply.
    pub fn command(&mut self, line: &str) -> Result<Reply> {
        self.wire.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// Reads a reply.
    pub fn reply(&mut self) -> Result<Reply> {
        let mut text = String::new();
        loop {
            let line = self.wire.line()?;
            let code: u16 = line
                .get(..3)
                .and_then(|digits| digits.parse().ok())
                .with_context(|| format!("not a reply: {line:?}"))?;
            text.push_str(line.get(4..).unwrap_or_default());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, text });
            }
            text.push('\n');
        }
    }

    /// Sends a message to several recipients, all of which must be taken; the reply to its last byte.
    pub fn send(&mut self, from: &str, to: &[&str], message: &[u8]) -> Result<Reply> {
        self.begin(from, to)?;
        self.data(message)
    }

    /// The envelope: all recipients must be taken.
    pub fn begin(&mut self, from: &str, to: &[&str]) -> Result<()> {
        self.command(&format!("MAIL FROM:<{from}> BODY=8BITMIME"))?.expect(250)?;
        for recipient in to {
            self.command(&format!("RCPT TO:<{recipient}>"))?.expect(250)?;
        }
        Ok(())
    }

    /// `DATA` and the whole message; its reply is still to be read.
    pub fn data_unanswered(&mut self, message: &[u8]) -> Result<()> {
        self.command("DATA")?.expect(354)?;
        self.wire.send(&stuffed(message))
    }

    /// `DATA` and the whole message; the connection ends before the reply is heard.
    pub fn end_unheard(mut self, message: &[u8]) -> Result<()> {
        self.data_unanswered(message)?;
        self.wire.cut()
    }

    /// `DATA` and the message, dots stuffed; the reply to its last byte.
    pub fn data(&mut self, message: &[u8]) -> Result<Reply> {
        self.data_unanswered(message)?;
        self.reply()
    }
}

/// The message with its dots stuffed and its end mark.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    let mut line_start = true;
    for &byte in message {
        if line_start && byte == b'.' {
            out.push(b'.');
        }
        out.push(byte);
        line_start = byte == b'\n';
    }
    if !line_start {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
