//! Reads a script and plays it: `tests/dialogues/README.md` tells how they are written.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use pli_imap::Ended;
use pli_types::MessageId;

use crate::stage::{Client, Security, Stage};

/// Plays a script on a stage of its own.
pub(crate) async fn play(text: &str) -> anyhow::Result<()> {
    let mut player = Player {
        stage: Stage::build().await?,
        clients: BTreeMap::new(),
        messages: BTreeMap::new(),
        delivered: BTreeMap::new(),
    };
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        if let Some(name) = line.strip_prefix("message ") {
            let mut message = String::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with('|')) {
                message.push_str(line.strip_prefix("| ").or(line.strip_prefix('|')).unwrap_or_default());
                message.push_str("\r\n");
            }
            player.messages.insert(name.trim().to_owned(), message);
            continue;
        }
        player.line(line).await.with_context(|| format!("line {}: {line}", index + 1))?;
    }
    player.stage.finish().await
}

struct Player {
    stage: Stage,
    clients: BTreeMap<u32, Client>,
    messages: BTreeMap<String, String>,
    delivered: BTreeMap<String, MessageId>,
}

impl Player {
    async fn line(&mut self, line: &str) -> anyhow::Result<()> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some((number, says, what)) = spoken(line) {
            self.stand_by(number).await?;
            let client = self.clients.get_mut(&number).context("no such session")?;
            return if says { client.say(&bytes(what)?).await } else { client.hear(what).await };
        }
        let (verb, rest) = line.split_once(' ').context("a line that says nothing")?;
        match verb {
            "deliver" => self.deliver(rest).await,
            "open" => self.open(rest),
            "ended" => self.ended(rest).await,
            "trace" => self.trace(rest).await,
            "revoke" => self.stage.revoke(),
            _ => bail!("there is no verb {verb}"),
        }
    }

    /// Opens and signs in a session that the script has not opened.
    async fn stand_by(&mut self, number: u32) -> anyhow::Result<()> {
        if self.clients.contains_key(&number) {
            return Ok(());
        }
        let mut client = self.stage.open(&Security::Tls);
        client.hear("* OK <any>").await?;
        client.say(b"login LOGIN officine@pharmacie.test secret\r\n").await?;
        client.hear("login OK <any>").await?;
        self.clients.insert(number, client);
        Ok(())
    }

    fn open(&mut self, rest: &str) -> anyhow::Result<()> {
        let (number, security) = rest.split_once(' ').context("open NUMBER SECURITY")?;
        let security = match security {
            "clear" => Security::Clear,
            "tls" => Security::Tls,
            "certificate" => Security::Certificate,
            other => bail!("there is no security {other}"),
        };
        let client = self.stage.open(&security);
        self.clients.insert(number.parse()?, client);
        Ok(())
    }

    async fn deliver(&mut self, name: &str) -> anyhow::Result<()> {
        let message = self.messages.get(name).context("no such message")?;
        let id = self.stage.deliver(message.as_bytes()).await?;
        self.delivered.insert(name.to_owned(), id);
        Ok(())
    }

    async fn ended(&mut self, rest: &str) -> anyhow::Result<()> {
        let (number, how) = rest.split_once(' ').context("ended NUMBER HOW")?;
        let client = self.clients.remove(&number.parse()?).context("no such session")?;
        let expected = match how {
            "closed" => Ended::Closed,
            "starttls" => Ended::StartTls,
            other => bail!("there is no end {other}"),
        };
        let ended = client.end().await?;
        ensure!(ended == expected, "it ended as {ended:?}");
        Ok(())
    }

    async fn trace(&mut self, rest: &str) -> anyhow::Result<()> {
        let (name, expected) = rest.split_once(':').context("trace NAME: KINDS")?;
        let id = self.delivered.get(name).context("this message was not delivered")?;
        let kinds = self.stage.trace(*id).await?;
        ensure!(kinds.join(" ") == expected.trim(), "the record says: {}", kinds.join(" "));
        Ok(())
    }
}

/// `C: text`, `2S: text`.
fn spoken(line: &str) -> Option<(u32, bool, &str)> {
    let (head, what) = line.split_once(':')?;
    let (number, who) = head.split_at(head.len().checked_sub(1)?);
    let number = if number.is_empty() { 1 } else { number.parse().ok()? };
    let what = what.strip_prefix(' ').unwrap_or(what);
    match who {
        "C" => Some((number, true, what)),
        "S" => Some((number, false, what)),
        _ => None,
    }
}

/// The bytes of a spoken line, `%{..}` put in.
fn bytes(text: &str) -> anyhow::Result<Vec<u8>> {
    let (text, open) = match text.strip_suffix("%{open}") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut out = Vec::new();
    let mut pieces = text.split("%{");
    out.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let (code, rest) = piece.split_once('}').context("%{ without }")?;
        match code.split_once('*') {
            // `%{61*1000}`: a thousand times.
            Some((code, times)) => {
                let byte = u8::from_str_radix(code, 16)?;
                out.extend(std::iter::repeat_n(byte, times.parse()?));
            }
            None => out.push(u8::from_str_radix(code, 16)?),
        }
        out.extend_from_slice(rest.as_bytes());
    }
    if !open {
        out.extend_from_slice(b"\r\n");
    }
    Ok(out)
}
