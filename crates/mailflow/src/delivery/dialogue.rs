//! [`SmtpDialogue`]: commands and replies under TLS; [`LettreDialogue`] speaks it.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;
use std::{fmt, io};

use async_trait::async_trait;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use pli_net::TlsStream;

use super::canonical::CanonicalMessage;
use super::reply::{Offers, Reply};
use super::transport::GuardedStream;
use super::verdict::Server;

/// The most bytes handed over in one piece.
const PIECE_BYTES: usize = 64 * 1024;

/// A dialogue that cannot go on: no answer, no connection, or an answer that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

/// Why no dialogue could begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unbegun {
    /// The server refuses EHLO.
    #[error("the server answered EHLO with {0}")]
    Refused(Reply),
    /// It does not answer.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// A server's side of SMTP after STARTTLS and EHLO, one message after another.
#[async_trait]
pub(crate) trait SmtpDialogue: Send + fmt::Debug {
    /// What the server offers under TLS.
    fn offers(&self) -> Offers;

    /// Sends a command line (without its CRLF) and waits for the reply, `patience` at most.
    async fn command(&mut self, line: &str, patience: Duration) -> Result<Reply, Broken>;

    /// Sends the content after a `354`, dots stuffed, and waits for the reply to the final dot, `patience` at most.
    async fn content(&mut self, message: &CanonicalMessage, patience: Duration) -> Result<Reply, Broken>;
}

/// The dialogue as lettre speaks it, over our own TLS stream. lettre waits without end, so every wait is bounded here.
pub(crate) struct LettreDialogue {
    connection: AsyncSmtpConnection,
    offers: Offers,
}

impl LettreDialogue {
    /// Says EHLO on a stream that has just come under TLS.
    pub(crate) async fn begin(
        stream: TlsStream,
        server: &Server,
        own_name: &str,
        patience: Duration,
    ) -> Result<Self, Unbegun> {
        let (stream, heard) = GuardedStream::new(stream, server.address);
        let own_name = ClientId::Domain(own_name.to_owned());
        let begin = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &own_name);
        let connection = within(patience, begin).await?.map_err(|error| match refusal(&error) {
            Some(reply) => Unbegun::Refused(reply),
            None => Unbegun::Broken(broken(&error)),
        })?;
        let heard = heard.take();
        let offers = Offers::read(heard.lines().map(|line| line.get(4..).unwrap_or_default()));
        Ok(Self { connection, offers })
    }
}

#[async_trait]
impl SmtpDialogue for LettreDialogue {
    fn offers(&self) -> Offers {
        self.offers
    }

    async fn command(&mut self, line: &str, patience: Duration) -> Result<Reply, Broken> {
        read(within(patience, self.connection.command(Line(line))).await?)
    }

    async fn content(&mut self, message: &CanonicalMessage, patience: Duration) -> Result<Reply, Broken> {
        let pieces = message.without_last_line_end().chunks(PIECE_BYTES);
        read(within(patience, self.connection.message_iter(pieces)).await?)
    }
}

impl fmt::Debug for LettreDialogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LettreDialogue").field("offers", &self.offers).finish_non_exhaustive()
    }
}

/// A command as it goes over the wire. lettre's own types know neither our addresses nor parameters already in xtext.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\r\n", self.0)
    }
}

async fn within<T>(patience: Duration, answer: impl Future<Output = T>) -> Result<T, Broken> {
    tokio::time::timeout(patience, answer)
        .await
        .map_err(|_| Broken(format!("no answer within {} seconds", patience.as_secs())))
}

/// For lettre a negative reply is an error; for us it is an answer like any other.
fn read(answer: Result<Response, lettre::transport::smtp::Error>) -> Result<Reply, Broken> {
    match answer {
        Ok(response) => {
            let text = response.message().collect::<Vec<_>>().join(" ");
            Ok(Reply { code: response.code().into(), text })
        }
        Err(error) => refusal(&error).ok_or_else(|| broken(&error)),
    }
}

fn refusal(error: &lettre::transport::smtp::Error) -> Option<Reply> {
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    error.status().map(|code| Reply { code: code.into(), text })
}

/// What went wrong, in words for an admin, who knows neither lettre nor rustls.
fn broken(error: &lettre::transport::smtp::Error) -> Broken {
    let (mut fault, mut incomplete) = (None, false);
    let mut cause = error.source();
    while let Some(this) = cause {
        fault = this.downcast_ref::<io::Error>().or(fault);
        // What lettre says where the stream ends before a reply does.
        incomplete |= this.to_string() == "incomplete response";
        cause = this.source();
    }
    Broken(match fault {
        Some(fault) => io_words(fault),
        None if incomplete => CLOSED.to_owned(),
        None if error.is_response() => "the server's answer is not SMTP".to_owned(),
        None => crate::chain(error),
    })
}

const CLOSED: &str = "the server closed the connection";

/// rustls tells its alerts in an error of the stream; they stay as they are.
fn io_words(fault: &io::Error) -> String {
    match fault.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected => CLOSED.to_owned(),
        _ => fault.to_string(),
    }
}
