//! An SMTP client that tells every reply as it was given.

use std::fmt;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Tls, open, read_line, within};

/// A reply: code and text, lines joined by line feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// `250`
    pub code: u16,
    /// What follows the code.
    pub text: String,
}

impl Reply {
    /// 2xx or 3xx.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// The reason's stable code, as it stands between square brackets.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once('[')?;
        rest.split_once(']').map(|(reason, _)| reason)
    }

    /// The id of an accepted message: `id=ID`.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once("id=")?;
        rest.split_whitespace().next()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text.replace('\n', " "))
    }
}

/// A session under TLS, after STARTTLS and EHLO.
pub struct SmtpClient {
    stream: BufReader<TlsStream<TcpStream>>,
    /// What EHLO was answered under TLS.
    pub greeting: Reply,
}

impl SmtpClient {
    /// Connects, issues STARTTLS, greets again as `name`.
    pub async fn starttls(port: u16, tls: &Tls, name: &str) -> anyhow::Result<Self> {
        let mut plain = BufReader::new(open(port).await?);
        positive("the greeting", within("the greeting", read_reply(&mut plain)).await?)?;
        for command in [format!("EHLO {name}"), "STARTTLS".to_owned()] {
            plain.write_all(format!("{command}\r\n").as_bytes()).await?;
            positive(&command, within(&command, read_reply(&mut plain)).await?)?;
        }
        if !plain.buffer().is_empty() {
            bail!("the server spoke in clear after STARTTLS");
        }
        let stream = BufReader::new(tls.connect(plain.into_inner()).await?);
        let mut client = Self { stream, greeting: Reply { code: 0, text: String::new() } };
        client.greeting = client.command(&format!("EHLO {name}")).await?;
        Ok(client)
    }

    /// Connects to a `submissions` port, greets as `name`, signs in.
    pub async fn signed_in(port: u16, tls: &Tls, name: &str, password: &str) -> anyhow::Result<Self> {
        let mut stream = BufReader::new(tls.connect(open(port).await?).await?);
        positive("the greeting", within("the greeting", read_reply(&mut stream)).await?)?;
        let mut client = Self { stream, greeting: Reply { code: 0, text: String::new() } };
        client.greeting = client.command("EHLO program.test").await?;
        let token = BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
        positive("AUTH", client.command(&format!("AUTH PLAIN {token}")).await?)?;
        Ok(client)
    }

    /// Sends a command line and gives its reply, whatever it is.
    pub async fn command(&mut self, line: &str) -> anyhow::Result<Reply> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        // The verb alone: an address may be a health identifier.
        let verb = line.split_whitespace().next().unwrap_or_default();
        within(verb, read_reply(&mut self.stream)).await
    }

    /// Sends a message; gives the reply to its last byte. A refusal on the way is an error.
    pub async fn send(&mut self, from: &str, to: &[String], message: &[u8]) -> anyhow::Result<Reply> {
        let reply = self.offer(from, to, message).await?;
        if reply.code == 250 { Ok(reply) } else { bail!("the message was answered {reply}") }
    }

    /// Offers a message; gives the first refusal, or the reply to its last byte.
    pub async fn offer(&mut self, from: &str, to: &[String], message: &[u8]) -> anyhow::Result<Reply> {
        let mut steps = vec![format!("MAIL FROM:<{from}> SIZE={}", message.len())];
        steps.extend(to.iter().map(|recipient| format!("RCPT TO:<{recipient}>")));
        steps.push("DATA".to_owned());
        for step in steps {
            let reply = self.command(&step).await?;
            if !reply.is_positive() {
                return Ok(reply);
            }
        }
        self.stream.write_all(&dot_stuffed(message)).await?;
        self.stream.flush().await?;
        within("the message", read_reply(&mut self.stream)).await
    }

    /// QUIT. A server that has closed already is no fault.
    pub async fn quit(mut self) {
        self.command("QUIT").await.map(drop).unwrap_or_default();
    }
}

fn positive(what: &str, reply: Reply) -> anyhow::Result<Reply> {
    if reply.is_positive() {
        return Ok(reply);
    }
    bail!("{what} was answered {reply}")
}

async fn read_reply<R: tokio::io::AsyncBufRead + Unpin>(reader: &mut R) -> anyhow::Result<Reply> {
    let mut text = Vec::new();
    loop {
        let line = read_line(reader).await?;
        let (code, rest) = line.split_at_checked(3).context("a reply without a code")?;
        let code: u16 = code.parse().context("a reply without a code")?;
        text.push(rest.get(1..).unwrap_or_default().to_owned());
        if !rest.starts_with('-') {
            return Ok(Reply { code, text: text.join("\n") });
        }
    }
}

/// RFC 5321 §4.5.2, with the final dot. The message ends with CRLF.
fn dot_stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reply_of_several_lines_is_one() {
        let mut lines: &[u8] = b"250-mss.pro.test\r\n250-SIZE 1\r\n250 OK id=5f [relation-none]\r\n";
        let reply = read_reply(&mut lines).await.unwrap();
        assert_eq!((reply.code, reply.text.as_str()), (250, "mss.pro.test\nSIZE 1\nOK id=5f [relation-none]"));
        assert_eq!(reply.message_id(), Some("5f"));
        assert_eq!(reply.reason(), Some("relation-none"));
        assert!(read_reply(&mut &b"25"[..]).await.is_err());
        assert!(read_reply(&mut &b"no code\r\n"[..]).await.is_err());
    }

    #[test]
    fn a_line_that_begins_with_a_dot_gets_another() {
        assert_eq!(dot_stuffed(b".\r\na.\r\n..b\r\n"), b"..\r\na.\r\n...b\r\n.\r\n");
    }
}
