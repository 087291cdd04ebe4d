//! IMAP, as far as the scenarios read mailboxes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::wire::{Identity, Wire};
use crate::{Sandbox, wait};

/// An IMAP connection.
pub struct Imap {
    /// The wire below.
    pub wire: Wire,
    tag: u32,
}

/// The answer to one command: untagged lines (their literals apart) and the tagged one.
#[derive(Debug, Default)]
pub struct Answer {
    /// Untagged lines.
    pub lines: Vec<String>,
    /// Literals, in order.
    pub literals: Vec<Vec<u8>>,
    /// The tagged line, its tag taken off.
    pub end: String,
}

impl Imap {
    /// On the TLS port, signed in.
    pub fn signed_in(sandbox: &Sandbox, operator: &str, name: &str, password: &str) -> Result<Self> {
        let mut imap = Self::connect_tls(sandbox.operator(operator)?.ports.imaps, &sandbox.ca())?;
        imap.command(&format!("LOGIN {name} \"{password}\""))?;
        Ok(imap)
    }

    /// To a port that speaks TLS from the first byte, up to the greeting.
    pub fn connect_tls(port: u16, ca: &Path) -> Result<Self> {
        let mut imap = Self { wire: Wire::connect(port)?, tag: 0 };
        imap.wire.start_tls(Identity { ca, client: None })?;
        imap.greeting()?;
        Ok(imap)
    }

    /// To a port that speaks in clear, over to TLS.
    pub fn connect_starttls(port: u16, ca: &Path) -> Result<Self> {
        let mut imap = Self { wire: Wire::connect(port)?, tag: 0 };
        imap.greeting()?;
        imap.command("STARTTLS")?;
        imap.wire.start_tls(Identity { ca, client: None })?;
        Ok(imap)
    }

    fn greeting(&mut self) -> Result<()> {
        let greeting = self.wire.line()?;
        ensure!(greeting.starts_with("* OK"), "the server said {greeting:?}");
        Ok(())
    }

    /// Puts a message into a folder.
    pub fn append(&mut self, folder: &str, flags: &str, message: &[u8]) -> Result<()> {
        self.wire.send(format!("put APPEND \"{folder}\" {flags} {{{}}}\r\n", message.len()).as_bytes())?;
        let go = self.wire.line()?;
        ensure!(go.starts_with('+'), "{go}");
        self.wire.send(&[message, b"\r\n"].concat())?;
        loop {
            let line = self.wire.line()?;
            if let Some(end) = line.strip_prefix("put ") {
                ensure!(end.starts_with("OK"), "{end}");
                return Ok(());
            }
        }
    }

    /// Sends a command, expects `OK`.
    pub fn command(&mut self, line: &str) -> Result<Answer> {
        let answer = self.try_command(line)?;
        ensure!(answer.end.starts_with("OK"), "{line}: {}", answer.end);
        Ok(answer)
    }

    /// Sends a command, reads to its tagged line.
    pub fn try_command(&mut self, line: &str) -> Result<Answer> {
        self.tag += 1;
        let tag = format!("t{} ", self.tag);
        self.wire.send(format!("{tag}{line}\r\n").as_bytes())?;
        let mut answer = Answer::default();
        loop {
            let mut text = self.wire.line()?;
            while let Some(length) = literal_length(&text) {
                answer.literals.push(self.wire.exactly(length)?);
                text.push_str(&self.wire.line()?);
            }
            match text.strip_prefix(&tag) {
                Some(end) => {
                    end.clone_into(&mut answer.end);
                    return Ok(answer);
                }
                None if text.starts_with('*') => answer.lines.push(text),
                None => bail!("neither tagged nor untagged: {text:?}"),
            }
        }
    }

    /// Every message of INBOX, whole, as it stands now.
    pub fn inbox(&mut self) -> Result<Vec<Vec<u8>>> {
        let selected = self.command("SELECT INBOX")?;
        if selected.lines.iter().any(|line| line == "* 0 EXISTS") {
            return Ok(Vec::new());
        }
        Ok(self.command("FETCH 1:* (UID BODY.PEEK[])")?.literals)
    }

    /// Waits for a message of INBOX that holds this text, and gives it whole.
    pub fn await_message(&mut self, marker: &str) -> Result<Vec<u8>> {
        wait::until(&format!("a message with {marker}"), Duration::from_secs(30), || {
            Ok(self.inbox()?.into_iter().find(|message| holds(message, marker)))
        })
    }
}

/// Does the message hold this text?
#[must_use]
pub fn holds(message: &[u8], marker: &str) -> bool {
    message.windows(marker.len()).any(|window| window == marker.as_bytes())
}

fn literal_length(line: &str) -> Option<usize> {
    let (_, digits) = line.strip_suffix('}')?.rsplit_once('{')?;
    digits.parse().ok()
}

/// What lies below the trace header that Pli adds on top, if that is all that it added.
pub fn below_trace_headers<'a>(received: &'a [u8], sent: &[u8]) -> Result<&'a [u8]> {
    let start = received.len().checked_sub(sent.len()).context("shorter than what was sent")?;
    let (added, rest) = received.split_at(start);
    let added = String::from_utf8_lossy(added);
    let only_trace =
        added.split_inclusive("\r\n").all(|line| line.starts_with("Received:") || line.starts_with([' ', '\t']));
    ensure!(only_trace, "more than trace headers was added: {added:?}");
    Ok(rest)
}
