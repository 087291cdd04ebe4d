//! An IMAP client that signs in, selects and fetches.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_rustls::client::TlsStream;

use super::{LITERAL_BYTES_MAX, Tls, open, read_line, within};

/// Between two looks for new mail.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A response: its text, with the literals in it set apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The line; where a literal stood it has `{length}`.
    pub text: String,
    /// The literals, in order.
    pub literals: Vec<Vec<u8>>,
}

/// A session over implicit TLS.
pub struct ImapClient {
    stream: BufReader<TlsStream<TcpStream>>,
    tag: u32,
}

impl ImapClient {
    /// Connects to an `imaps` port and signs in.
    pub async fn sign_in(port: u16, tls: &Tls, name: &str, password: &str) -> anyhow::Result<Self> {
        let stream = BufReader::new(tls.connect(open(port).await?).await?);
        let mut client = Self { stream, tag: 0 };
        let greeting = within("the greeting", read_response(&mut client.stream)).await?;
        if !greeting.text.starts_with("* OK") {
            bail!("the server greeted with {}", greeting.text);
        }
        client.command(&format!("LOGIN {} {}", quoted(name), quoted(password))).await?;
        Ok(client)
    }

    /// Sends a command; gives the untagged responses. Anything but OK is an error.
    pub async fn command(&mut self, line: &str) -> anyhow::Result<Vec<Response>> {
        self.tag += 1;
        let tag = format!("a{}", self.tag);
        self.stream.write_all(format!("{tag} {line}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        let verb = line.split_whitespace().next().unwrap_or_default().to_owned();
        within(&verb, self.responses(&tag)).await
    }

    async fn responses(&mut self, tag: &str) -> anyhow::Result<Vec<Response>> {
        let mut untagged = Vec::new();
        loop {
            let response = read_response(&mut self.stream).await?;
            match response.text.strip_prefix(tag).map(str::trim_start) {
                None => untagged.push(response),
                Some(status) if status.starts_with("OK") => return Ok(untagged),
                Some(status) => bail!("answered {status}"),
            }
        }
    }

    /// Selects INBOX and waits until it holds a message; gives the first, byte for byte.
    pub async fn first_message(&mut self, within: Duration) -> anyhow::Result<Vec<u8>> {
        let deadline = Instant::now() + within;
        let mut responses = self.command("SELECT INBOX").await?;
        while !responses.iter().any(|response| exists(&response.text)) {
            if Instant::now() >= deadline {
                bail!("no message came within {within:?}");
            }
            sleep(LOOK_EVERY).await;
            responses = self.command("NOOP").await?;
        }
        let responses = self.command("FETCH 1 BODY.PEEK[]").await?;
        let body = responses.into_iter().flat_map(|response| response.literals).next();
        body.context("FETCH gave no body")
    }

    /// Selects INBOX and waits until it holds the message of this Message-ID; gives it, byte for byte, and marks nothing.
    pub async fn message(&mut self, message_id: &str, within: Duration) -> anyhow::Result<Vec<u8>> {
        self.search(&format!("HEADER Message-ID {}", quoted(message_id)), within).await
    }

    /// Selects INBOX and waits until a message there fits; gives the last that does.
    pub async fn search(&mut self, criteria: &str, within: Duration) -> anyhow::Result<Vec<u8>> {
        let deadline = Instant::now() + within;
        self.command("SELECT INBOX").await?;
        loop {
            let responses = self.command(&format!("SEARCH {criteria}")).await?;
            let last =
                responses.iter().find_map(|response| response.text.strip_prefix("* SEARCH")?.split(' ').next_back());
            if let Some(number) = last.filter(|number| !number.is_empty()) {
                let responses = self.command(&format!("FETCH {number} BODY.PEEK[]")).await?;
                let body = responses.into_iter().flat_map(|response| response.literals).next();
                return body.context("FETCH gave no body");
            }
            if Instant::now() >= deadline {
                bail!("no message that fits {criteria:?} came within {within:?}");
            }
            sleep(LOOK_EVERY).await;
            self.command("NOOP").await?;
        }
    }

    /// LOGOUT. A server that has closed already is no fault.
    pub async fn logout(mut self) {
        self.command("LOGOUT").await.map(drop).unwrap_or_default();
    }
}

/// `* 1 EXISTS`, and more than none.
fn exists(text: &str) -> bool {
    let count = text.strip_prefix("* ").and_then(|rest| rest.strip_suffix(" EXISTS"));
    count.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count > 0)
}

/// A quoted string (RFC 3501 §4.3).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

async fn read_response<R: AsyncBufRead + Unpin>(reader: &mut R) -> anyhow::Result<Response> {
    let mut response = Response::default();
    loop {
        response.text.push_str(&read_line(reader).await?);
        let Some(length) = literal_length(&response.text) else { return Ok(response) };
        if length > LITERAL_BYTES_MAX {
            bail!("a literal of {length} bytes");
        }
        let mut literal = vec![0; usize::try_from(length)?];
        reader.read_exact(&mut literal).await?;
        response.literals.push(literal);
    }
}

/// `…{123}` at the end of a line announces a literal.
fn literal_length(line: &str) -> Option<u64> {
    let (_, length) = line.strip_suffix('}')?.rsplit_once('{')?;
    length.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_literal_is_taken_out_of_its_line() {
        let mut bytes: &[u8] = b"* 1 FETCH (BODY[] {6}\r\na\r\n}\r\n UID 7)\r\na1 OK done\r\n";
        let response = read_response(&mut bytes).await.unwrap();
        assert_eq!(response.text, "* 1 FETCH (BODY[] {6} UID 7)");
        assert_eq!(response.literals, [b"a\r\n}\r\n".to_vec()]);
        assert_eq!(read_response(&mut bytes).await.unwrap().text, "a1 OK done");
    }

    #[test]
    fn only_a_filled_mailbox_exists() {
        assert!(exists("* 1 EXISTS") && !exists("* 0 EXISTS") && !exists("* 1 RECENT"));
    }

    #[test]
    fn a_password_is_quoted() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
    }
}
