//! The part of a dialogue that is in clear: greeting, EHLO, STARTTLS, and not one byte more.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::reply::{Offers, Reply};

/// RFC 5321 §4.5.3.2.1 asks for five minutes for the greeting, §4.5.3.2.2 for as much for a command.
const PATIENCE: Duration = Duration::from_mins(5);

/// The longest line taken before TLS.
const LINE_BYTES_MAX: usize = 2_000;

/// The most lines of one reply.
const LINES_MAX: usize = 100;

/// Why no TLS can be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpeningFault {
    /// No answer, or none that makes sense.
    #[error("{0}")]
    Unreachable(String),
    /// An answer, but not the one hoped for.
    #[error("the server answered {0}")]
    Refused(Reply),
    /// It offers no TLS, or takes its offer back: nothing more is said to it (R-SMTP-6).
    #[error("{0}")]
    NoTls(String),
}

/// Reads the greeting, says EHLO and STARTTLS. When this returns `Ok`, the next byte on the stream is TLS.
pub(crate) async fn open<S>(stream: &mut S, own_name: &str) -> Result<(), OpeningFault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut clear = InClear::new(stream, PATIENCE);
    let hello = clear.hello(own_name).await?;
    clear.starttls(hello.offers).await
}

/// What a server says before TLS.
#[derive(Debug)]
pub(crate) struct Hello {
    /// `220 …`
    pub(crate) greeting: Reply,
    /// What it offers in clear.
    pub(crate) offers: Offers,
}

/// A connection in clear, on which two commands may be said.
pub(crate) struct InClear<'a, S> {
    replies: Replies<'a, S>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> InClear<'a, S> {
    /// `patience` is for each reply.
    pub(crate) fn new(stream: &'a mut S, patience: Duration) -> Self {
        Self { replies: Replies { stream, buffer: Vec::new(), patience } }
    }

    /// Reads the greeting and says EHLO.
    pub(crate) async fn hello(&mut self, own_name: &str) -> Result<Hello, OpeningFault> {
        let greeting = expect_done(self.replies.read().await?)?;
        let ehlo = self.replies.command(&format!("EHLO {own_name}\r\n")).await?;
        let offers = Offers::read(ehlo.iter().map(|(_, text)| text.as_str()));
        expect_done(ehlo)?;
        Ok(Hello { greeting, offers })
    }

    /// Says STARTTLS, if it is offered.
    pub(crate) async fn starttls(mut self, offers: Offers) -> Result<(), OpeningFault> {
        if !offers.starttls {
            return Err(OpeningFault::NoTls("the server does not offer STARTTLS".to_owned()));
        }
        let answer = join(self.replies.command("STARTTLS\r\n").await?);
        if answer.code != 220 {
            return Err(OpeningFault::NoTls(format!("the server answered STARTTLS with {answer}")));
        }
        if !self.replies.buffer.is_empty() {
            // Someone in between may have put them there, to be read as if they came under TLS.
            return Err(OpeningFault::NoTls("the server sent bytes in clear behind its answer to STARTTLS".to_owned()));
        }
        Ok(())
    }
}

fn expect_done(lines: Vec<(u16, String)>) -> Result<Reply, OpeningFault> {
    let reply = join(lines);
    if reply.is_done() { Ok(reply) } else { Err(OpeningFault::Refused(reply)) }
}

fn join(lines: Vec<(u16, String)>) -> Reply {
    let code = lines.last().map_or(0, |(code, _)| *code);
    let text = lines.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ");
    Reply { code, text }
}

/// Reads replies line by line, within bounds.
struct Replies<'a, S> {
    stream: &'a mut S,
    buffer: Vec<u8>,
    patience: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Replies<'_, S> {
    async fn command(&mut self, line: &str) -> Result<Vec<(u16, String)>, OpeningFault> {
        self.stream.write_all(line.as_bytes()).await.map_err(|error| lost(&error))?;
        self.stream.flush().await.map_err(|error| lost(&error))?;
        self.read().await
    }

    async fn read(&mut self) -> Result<Vec<(u16, String)>, OpeningFault> {
        tokio::time::timeout(self.patience, self.read_lines())
            .await
            .map_err(|_| OpeningFault::Unreachable(format!("no answer within {} seconds", self.patience.as_secs())))?
    }

    async fn read_lines(&mut self) -> Result<Vec<(u16, String)>, OpeningFault> {
        let mut lines = Vec::new();
        while lines.len() < LINES_MAX {
            let line = self.line().await?;
            let (code, last, text) = parse(&line).ok_or_else(not_smtp)?;
            lines.push((code, text));
            if last {
                return Ok(lines);
            }
        }
        Err(not_smtp())
    }

    async fn line(&mut self) -> Result<Vec<u8>, OpeningFault> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                return Ok(self.buffer.drain(..=end).collect());
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(not_smtp());
            }
            let mut piece = [0; 1024];
            let read = self.stream.read(&mut piece).await.map_err(|error| lost(&error))?;
            if read == 0 {
                return Err(OpeningFault::Unreachable("the server closed the connection".to_owned()));
            }
            self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
        }
    }
}

/// `250-text` or `250 text`: the code, whether it is the last line, the text.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.trim_ascii_end();
    let (code, rest) = line.split_at_checked(3)?;
    let code: u16 = str::from_utf8(code).ok()?.parse().ok()?;
    let last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = rest.get(1..).unwrap_or_default().iter().map(|b| if b.is_ascii() { char::from(*b) } else { '?' });
    (200..600).contains(&code).then(|| (code, last, text.collect()))
}

fn lost(error: &std::io::Error) -> OpeningFault {
    OpeningFault::Unreachable(format!("the connection failed: {error}"))
}

fn not_smtp() -> OpeningFault {
    OpeningFault::Unreachable("the server's answer is not SMTP".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens against a server that says `script`, all of it at once; gives the result and what the server read.
    async fn against(script: &[u8]) -> (Result<(), OpeningFault>, String) {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(script).await.unwrap();
        let opened = open(&mut ours, "mss.pro.test").await;
        drop(ours);
        let mut heard = String::new();
        theirs.read_to_string(&mut heard).await.unwrap();
        (opened, heard)
    }

    const EHLO: &str = "EHLO mss.pro.test\r\n";

    #[tokio::test]
    async fn nothing_is_said_in_clear_but_ehlo_and_starttls() {
        let (opened, heard) = against(b"220 x\r\n250-x\r\n250-SIZE\r\n250 starttls\r\n220 go\r\n").await;
        assert_eq!(opened, Ok(()));
        assert_eq!(heard, format!("{EHLO}STARTTLS\r\n"));
    }

    #[tokio::test]
    async fn a_server_without_starttls_hears_nothing_after_ehlo() {
        let (opened, heard) = against(b"220 x\r\n250-STARTTLS is what I do not offer\r\n250 SIZE\r\n").await;
        assert!(matches!(opened, Err(OpeningFault::NoTls(_))), "{opened:?}");
        assert_eq!(heard, EHLO);
    }

    #[tokio::test]
    async fn an_offer_taken_back_ends_it() {
        for answer in ["454 4.7.0 not now", "502 what", "250 sure", "221 bye"] {
            let script = format!("220 x\r\n250-x\r\n250 STARTTLS\r\n{answer}\r\n");
            let (opened, heard) = against(script.as_bytes()).await;
            assert!(matches!(opened, Err(OpeningFault::NoTls(_))), "{answer}: {opened:?}");
            assert_eq!(heard, format!("{EHLO}STARTTLS\r\n"));
        }
    }

    #[tokio::test]
    async fn bytes_behind_the_answer_to_starttls_are_never_interpreted() {
        let (opened, _) = against(b"220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n").await;
        assert!(matches!(opened, Err(OpeningFault::NoTls(_))), "{opened:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_mute_server_is_not_waited_for_without_end() {
        let (mut ours, _theirs) = tokio::io::duplex(1024);
        let opened = open(&mut ours, "mss.pro.test").await;
        assert_eq!(opened, Err(OpeningFault::Unreachable("no answer within 300 seconds".to_owned())));
    }

    #[tokio::test]
    async fn what_is_not_smtp_is_borne_within_bounds() {
        let garbage: [&[u8]; 6] =
            [b"SSH-2.0-x\r\n", b"2\r\n", b"999 x\r\n", b"220_x\r\n", &[b'2'; 5_000], &b"220-x\r\n".repeat(200)];
        for script in garbage {
            let (opened, heard) = against(script).await;
            assert!(matches!(opened, Err(OpeningFault::Unreachable(_))), "{opened:?}");
            assert_eq!(heard, "");
        }
        let (opened, _) = against(b"554 5.3.2 no mail\r\n").await;
        assert_eq!(opened, Err(OpeningFault::Refused(Reply { code: 554, text: "5.3.2 no mail".to_owned() })));
    }
}
