//! A short visit to a server that is known already: connect, TLS, EHLO, MAIL, and leave.

use std::net::SocketAddr;
use std::time::Duration;

use pli_net::tls::probe::{ProbeFault, ProbeVersion, Probed, Showing, probe};
use pli_net::{NetError, TlsStream};
use pli_types::Domain;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::Fault;
use super::step::Seen;
use super::{Probe, mail_line};
use crate::delivery::dialogue::{LettreDialogue, SmtpDialogue};
use crate::delivery::opening;
use crate::delivery::reply::Reply;
use crate::delivery::route::Expected;
use crate::delivery::verdict::Server;

/// Taking leave may not take long.
const GOODBYE: Duration = Duration::from_secs(2);

/// What became of a conversation under TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// To MAIL.
    Reply(Reply),
    /// An alert: our certificate, or that we showed none, is why.
    NotTaken(String),
    /// None.
    None(String),
}

/// How far a visit came.
#[derive(Debug)]
pub(super) enum Visited {
    /// To the conversation.
    Answer(Answer),
    /// To the handshake, which the server ended with an alert once it had asked for a certificate.
    NotTaken(String),
    /// To the handshake, which came to nothing for another reason.
    NoHandshake(String),
    /// To a server that does not prove what the first one did.
    OtherCertificate(String),
    /// Not even to TLS.
    NoWay(String),
}

/// TCP, within a time.
pub(super) async fn connect(address: SocketAddr, patience: Duration) -> Result<TcpStream, String> {
    let stream = match timeout(patience, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("no answer within {} ms", patience.as_millis())),
    };
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(stream)
}

impl Probe {
    /// A visit of its own, within the patience of one step.
    pub(super) async fn visit(
        &self,
        server: &Server,
        expected: &Expected,
        showing: Showing<'_>,
        version: ProbeVersion,
        sender: Option<&Domain>,
    ) -> Visited {
        let visit = self.go_and_see(server, expected, showing, version, sender);
        timeout(self.patience, visit).await.unwrap_or_else(|_| Visited::NoWay("no answer in time".to_owned()))
    }

    async fn go_and_see(
        &self,
        server: &Server,
        expected: &Expected,
        showing: Showing<'_>,
        version: ProbeVersion,
        sender: Option<&Domain>,
    ) -> Visited {
        let mut stream = match connect(server.address, self.patience).await {
            Ok(stream) => stream,
            Err(what) => return Visited::NoWay(what),
        };
        if let Err(fault) = opening::open(&mut stream, &self.server_name).await {
            return Visited::NoWay(fault.to_string());
        }
        let Probed { handshake, asked } = probe(stream, &server.host, showing, version, self.patience).await;
        let (stream, facts) = match handshake {
            Ok(secured) => secured,
            Err(fault @ ProbeFault::Alert(_)) if asked.is_some() => return Visited::NotTaken(crate::chain(&fault)),
            // That tells nothing of TLS.
            Err(ProbeFault::Other(NetError::Timeout)) => return Visited::NoWay("no answer in time".to_owned()),
            Err(fault) => return Visited::NoHandshake(crate::chain(&fault)),
        };
        let proven = facts.certificate.filter(|certificate| {
            self.judge(certificate).is_ok() && expected.is_met_by(&certificate.subject, self.list.as_deref())
        });
        match proven {
            Some(_) => Visited::Answer(self.converse(server, stream, sender).await),
            None => Visited::OtherCertificate("another certificate than before, which is not taken".to_owned()),
        }
    }

    /// EHLO, MAIL, RSET, QUIT.
    pub(super) async fn converse(&self, server: &Server, stream: TlsStream, sender: Option<&Domain>) -> Answer {
        let begin = LettreDialogue::begin(stream, server, &self.server_name, self.patience);
        let mut dialogue = match begin.await {
            Ok(dialogue) => dialogue,
            Err(unbegun) => return unanswered(unbegun.to_string()),
        };
        let answer = match dialogue.command(&mail_line(sender), self.patience).await {
            Ok(reply) => Answer::Reply(reply),
            Err(broken) => return unanswered(broken.0),
        };
        for line in ["RSET", "QUIT"] {
            if dialogue.command(line, GOODBYE.min(self.patience)).await.is_err() {
                break;
            }
        }
        answer
    }

    /// What another form of our certificate, or another version of TLS, led to. It is a warning where a delivery goes
    /// through all the same.
    pub(super) fn other_way(&self, visited: Visited, version: ProbeVersion, spoken: &Answer) -> Seen {
        let goes_through = matches!(spoken, Answer::Reply(reply) if reply.is_done());
        let amiss = |fault, what: &str| {
            let detail = self.foreign(what);
            if goes_through { Seen::warning(fault, detail) } else { Seen::fail(fault, detail) }
        };
        match visited {
            Visited::Answer(Answer::Reply(reply)) if reply.is_done() => {
                Seen::ok(format!("taken: {}", self.foreign(&reply.to_string())))
            }
            Visited::Answer(Answer::Reply(reply)) if !goes_through => {
                Seen::fail(Fault::MailRefused(reply.named_reason()), self.foreign(&reply.to_string()))
            }
            Visited::Answer(Answer::Reply(reply)) => amiss(Fault::FormNotTaken, &reply.to_string()),
            Visited::Answer(Answer::NotTaken(what)) | Visited::NotTaken(what) => amiss(Fault::FormNotTaken, &what),
            Visited::NoHandshake(what) if version == ProbeVersion::Tls13 => {
                Seen::skipped(format!("no TLS 1.3, which need not be offered: {}", self.foreign(&what)))
            }
            Visited::NoHandshake(what) => amiss(Fault::NoTls12, &what),
            Visited::OtherCertificate(what) => amiss(Fault::OtherCertificate, &what),
            Visited::Answer(Answer::None(what)) | Visited::NoWay(what) => {
                Seen::skipped(format!("another connection was not to be had: {}", self.foreign(&what)))
            }
        }
    }

    /// What a stranger is told. Every way of saying no is right.
    pub(super) fn without_certificate(&self, visited: Visited) -> Seen {
        match visited {
            Visited::Answer(Answer::Reply(reply)) if reply.is_done() => {
                Seen::warning(Fault::LetsAnybodyIn, self.foreign(&reply.to_string()))
            }
            Visited::Answer(Answer::Reply(reply)) => Seen::ok(format!("refused: {}", self.foreign(&reply.to_string()))),
            Visited::Answer(Answer::NotTaken(what)) | Visited::NotTaken(what) | Visited::NoHandshake(what) => {
                Seen::ok(format!("refused by TLS: {}", self.foreign(&what)))
            }
            Visited::Answer(Answer::None(what)) => Seen::ok(format!("refused without a word: {}", self.foreign(&what))),
            Visited::OtherCertificate(what) => Seen::warning(Fault::OtherCertificate, self.foreign(&what)),
            Visited::NoWay(what) => {
                Seen::skipped(format!("another connection was not to be had: {}", self.foreign(&what)))
            }
        }
    }
}

/// With TLS 1.3 the server judges our certificate after our handshake is over: its alert comes in place of a reply.
fn unanswered(what: String) -> Answer {
    if what.contains("fatal alert") { Answer::NotTaken(what) } else { Answer::None(what) }
}
