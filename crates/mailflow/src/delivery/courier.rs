//! [`Courier`]: carries a message to the server of its recipients, and tells how it went for each.

use std::net::SocketAddr;
use std::time::Duration;

use pli_net::{ClientTls, Resolver, TlsStream};
use pli_policy::Reason;
use pli_store::Lease;
use pli_types::{Domain, MessageId, PresentedCertificate, ReversePath};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::canonical::CanonicalMessage;
use super::commands::Outgoing;
use super::dialogue::{Broken, LettreDialogue, Unbegun};
use super::exchange::{Exchange, exchange};
use super::opening::{self, OpeningFault};
use super::ours;
use super::pool::{Connection, Pool};
use super::route::Way;
use super::transcript::{Recorded, Transcript};
use super::unproven::Unproven;
use super::verdict::{Server, Trouble, Verdict};
use crate::intake::Intake;
use crate::intake::record::foreign;
use crate::metrics;
use crate::peer_book::{Direction, Meeting};

/// How long TCP may take to connect.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_mins(1);
/// EHLO under TLS.
const EHLO_PATIENCE: Duration = Duration::from_mins(5);
/// From the first address tried to a dialogue that can take a message.
const REACH_PATIENCE: Duration = Duration::from_mins(5);
/// Addresses of one host that are tried at most.
pub(crate) const ADDRESSES_MAX: usize = 4;
/// Memory for the bodies under way, in KiB: 256 MiB.
const MEMORY_KIB: u32 = 256 * 1024;

/// Those recipients of one message whose mail goes to one domain.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// The message.
    pub(crate) message: MessageId,
    /// Where to.
    pub(crate) destination: Domain,
    /// One a recipient; never empty.
    pub(crate) leases: Vec<Lease>,
}

impl Parcel {
    /// Does it go back to its sender, whatever a server would say?
    pub(crate) fn goes_back(&self) -> bool {
        self.leases.first().is_some_and(|lease| lease.returned.is_some())
    }

    /// Is it a notice, which nobody answers?
    pub(crate) fn is_notice(&self) -> bool {
        self.leases.first().is_some_and(|lease| lease.sender == ReversePath::Null)
    }
}

/// How a try went.
#[derive(Debug)]
pub(crate) struct Tried {
    /// One a lease, in their order.
    pub(crate) verdicts: Vec<Verdict>,
    /// What it says of the destination.
    pub(crate) reach: Reach,
}

/// What a try says of its destination.
#[derive(Debug)]
pub(crate) enum Reach {
    /// A server of it was talked to.
    Reached,
    /// No server of it could be talked to at all, or one refuses us as a server: the same awaits every message for it.
    Unreachable(Trouble),
    /// Nothing: the fault is ours, or the message's.
    Untold,
}

/// Carries messages. One for the whole process.
#[derive(Debug)]
pub(crate) struct Courier {
    intake: Intake,
    tls: ClientTls,
    resolver: Resolver,
    port: u16,
    pool: Pool,
    memory: Semaphore,
    unproven: Unproven,
}

impl Courier {
    /// With `connections` kept idle at most.
    pub(crate) fn new(intake: Intake, tls: ClientTls, resolver: Resolver, port: u16, connections: usize) -> Self {
        let memory = Semaphore::new(usize::try_from(MEMORY_KIB).unwrap_or(usize::MAX));
        Self { intake, tls, resolver, port, pool: Pool::new(connections), memory, unproven: Unproven::default() }
    }

    /// Closes connections that lay idle for too long, or all.
    pub(crate) async fn sweep(&self, all: bool) {
        for connection in self.pool.sweep(all) {
            connection.close().await;
        }
    }

    /// Tries once to hand a parcel over, and writes down what is said.
    pub(crate) async fn deliver(&self, parcel: &Parcel, transcript: &Transcript) -> Tried {
        let all = |verdict: Verdict, reach| Tried { verdicts: vec![verdict; parcel.leases.len()], reach };
        let found = Way::find(&self.intake, &self.resolver, self.port, &parcel.destination).await;
        // What can never be delivered goes back all the same.
        if !matches!(found, Err(Verdict::Never(_)))
            && let Some(trouble) = ours::fault(&self.intake, &self.tls)
        {
            return all(Verdict::Later(trouble), Reach::Untold);
        }
        let way = match found {
            Ok(way) => way,
            Err(Verdict::Later(trouble)) if trouble.reason == Reason::PeerUnreachable => {
                return all(Verdict::Later(trouble.clone()), Reach::Unreachable(trouble));
            }
            Err(verdict) => return all(verdict, Reach::Untold),
        };
        let _memory = self.memory_for(parcel).await;
        let message = match self.message(parcel.message).await {
            Ok(message) => message,
            Err(verdict) => return all(verdict, Reach::Untold),
        };
        if let Some(exchange) = self.over_an_idle_connection(&way, parcel, &message, transcript).await {
            return Tried { verdicts: exchange.verdicts, reach: Reach::Reached };
        }
        let reached = tokio::time::timeout(REACH_PATIENCE, self.reach(&way, transcript)).await.unwrap_or_else(|_| {
            Err(self.trouble(Reason::PeerUnreachable, &format!("no server of {} answered in time", parcel.destination)))
        });
        match reached {
            Err(trouble) => {
                self.unproven.tell(&parcel.destination, &trouble);
                all(Verdict::Later(trouble.clone()), Reach::Unreachable(trouble))
            }
            Ok(connection) => {
                self.unproven.proven(&parcel.destination);
                metrics::connection(false);
                let exchange = self.carry(connection, parcel, &message, transcript).await;
                let reach = exchange.refuses_us.map_or(Reach::Reached, Reach::Unreachable);
                Tried { verdicts: exchange.verdicts, reach }
            }
        }
    }

    /// Room in memory for the body, given back when it is dropped.
    async fn memory_for(&self, parcel: &Parcel) -> Option<tokio::sync::SemaphorePermit<'_>> {
        let bytes = parcel.leases.first().map_or(0, |lease| lease.size);
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(MEMORY_KIB);
        self.memory.acquire_many(kib).await.ok()
    }

    async fn message(&self, id: MessageId) -> Result<CanonicalMessage, Verdict> {
        let bytes = self.intake.store.0.body(id).await.map_err(|error| {
            tracing::error!(id = %id, error = %crate::chain(&error), "a message's body could not be read");
            Verdict::Later(self.trouble(Reason::StoreUnavailable, "the body could not be read"))
        })?;
        CanonicalMessage::check(bytes).map_err(|fault| {
            tracing::error!(id = %id, %fault, "a message in the store cannot be sent");
            Verdict::Never(self.trouble(Reason::MessageMalformed, &fault.to_string()))
        })
    }

    /// Uses a connection that lies idle, if one does whose server still proves what this destination asks for.
    async fn over_an_idle_connection(
        &self,
        way: &Way,
        parcel: &Parcel,
        message: &CanonicalMessage,
        transcript: &Transcript,
    ) -> Option<Exchange> {
        for (host, port) in &way.hosts {
            let Some(connection) = self.pool.take(host, *port) else { continue };
            if way.admits(&self.intake, &connection.certificate).is_err() {
                connection.close().await;
                continue;
            }
            transcript.server(&connection.server);
            transcript.note("over the connection of the message before");
            let exchange = self.carry(connection, parcel, message, transcript).await;
            // The server may have closed it meanwhile, or no longer take the certificate that we showed then. It has taken
            // nothing yet, so a new one is asked.
            if !exchange.unanswered && exchange.refuses_us.is_none() {
                metrics::connection(true);
                return Some(exchange);
            }
        }
        None
    }

    async fn carry(
        &self,
        mut connection: Connection,
        parcel: &Parcel,
        message: &CanonicalMessage,
        transcript: &Transcript,
    ) -> Exchange {
        let Some(first) = parcel.leases.first() else {
            return Exchange { verdicts: Vec::new(), reusable: false, unanswered: false, refuses_us: None };
        };
        let outgoing = Outgoing {
            sender: &first.sender,
            parameters: &first.parameters,
            recipients: parcel.leases.iter().map(|lease| &lease.recipient).collect(),
            message,
        };
        connection.messages += 1;
        let mut dialogue = Recorded { dialogue: connection.dialogue.as_mut(), transcript };
        let exchange = exchange(&mut dialogue, &connection.server, &self.intake.masker, &outgoing).await;
        if exchange.reusable
            && let Some(done) = self.pool.put(connection)
        {
            done.close().await;
        }
        exchange
    }

    /// The first server that can be talked to; else the trouble with the last one.
    async fn reach(&self, way: &Way, transcript: &Transcript) -> Result<Connection, Trouble> {
        let mut last = self.trouble(Reason::PeerUnreachable, "the domain has no server");
        for (host, port) in &way.hosts {
            let addresses = match self.resolver.addresses(host).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    last = self.trouble(Reason::PeerUnreachable, &format!("{host}: {}", crate::chain(&error)));
                    transcript.note(&last.detail);
                    continue;
                }
            };
            for address in addresses.into_iter().take(ADDRESSES_MAX) {
                let server = Server { host: host.clone(), address: SocketAddr::new(address, *port) };
                transcript.server(&server);
                match self.connect(way, server).await {
                    Ok(connection) => {
                        transcript.note("connected, under TLS; the server has proven itself");
                        return Ok(connection);
                    }
                    Err(trouble) => last = trouble,
                }
                transcript.note(&last.detail);
            }
        }
        Err(last)
    }

    /// TCP, the opening in clear, TLS, the judgement of the server's certificate, EHLO: in this order, and no step
    /// without the one before.
    async fn connect(&self, way: &Way, server: Server) -> Result<Connection, Trouble> {
        let unreachable = |what: String| self.trouble(Reason::PeerUnreachable, &format!("{server}: {what}"));
        let no_tls = |what: String| self.trouble(Reason::PeerTls, &format!("{server}: {what}"));

        let connecting = tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(server.address));
        let mut stream = match connecting.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable("no answer in time".to_owned())),
        };
        // Commands are short and each waits for its reply: Nagle would add 40 ms to every one.
        stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;

        let own_name = &self.intake.config.server_name;
        opening::open(&mut stream, own_name).await.map_err(|fault| self.opening_trouble(&server, &fault))?;

        let handshake = tokio::time::timeout(HANDSHAKE_PATIENCE, self.tls.connect(&server.host, stream));
        let (stream, facts) = match handshake.await {
            Ok(Ok(secured)) => secured,
            Ok(Err(error)) => return Err(no_tls(crate::chain(&error))),
            Err(_) => return Err(no_tls("no TLS handshake in time".to_owned())),
        };
        let certificate = facts.certificate.ok_or_else(|| no_tls("the server showed no certificate".to_owned()))?;
        self.intake.pki.prepare(&certificate, self.intake.clock.now()).await;
        let begun = self.begin(way, &server, &certificate, stream).await;
        self.note(&server, &facts.version, &certificate, begun.as_ref().err());
        Ok(Connection { dialogue: Box::new(begun?), server, certificate, messages: 0 })
    }

    /// With a server whose certificate must be the right one: it hears nothing before that is known.
    async fn begin(
        &self,
        way: &Way,
        server: &Server,
        certificate: &PresentedCertificate,
        stream: TlsStream,
    ) -> Result<LettreDialogue, Trouble> {
        way.admits(&self.intake, certificate).map_err(|trouble| {
            let server = foreign(&self.intake.masker, &server.to_string());
            Trouble { detail: format!("{server}: {}", trouble.detail), ..trouble }
        })?;
        let begun = LettreDialogue::begin(stream, server, &self.intake.config.server_name, EHLO_PATIENCE).await;
        begun.map_err(|unbegun| match unbegun {
            Unbegun::Refused(reply) => {
                let reason = reply.refuses_us().unwrap_or(Reason::PeerUnreachable);
                Trouble::of_reply(&self.intake.masker, reason, server, &reply)
            }
            Unbegun::Broken(Broken(what)) => {
                let reason = if is_tls_alert(&what) { Reason::PeerTls } else { Reason::PeerUnreachable };
                self.trouble(reason, &format!("{server}: {what}"))
            }
        })
    }

    /// Writes the meeting into the peer book.
    fn note(&self, server: &Server, tls: &str, certificate: &PresentedCertificate, trouble: Option<&Trouble>) {
        let (at, address) = (self.intake.clock.now(), server.address.ip());
        let direction = Direction::Out;
        // The reason in a reply is what the server has against us, not we against it.
        let refused =
            trouble.map(|trouble| if trouble.reply.is_some() { Reason::PeerUnreachable } else { trouble.reason });
        let meeting = Meeting { at, direction, address, tls, certificate, refused, counts: true };
        self.intake.peers.note(&self.intake.masker, &meeting);
    }

    fn opening_trouble(&self, server: &Server, fault: &OpeningFault) -> Trouble {
        let masker = &self.intake.masker;
        match fault {
            OpeningFault::Refused(reply) => Trouble::of_reply(masker, Reason::PeerUnreachable, server, reply),
            OpeningFault::Unreachable(what) => self.trouble(Reason::PeerUnreachable, &format!("{server}: {what}")),
            OpeningFault::NoTls(what) => self.trouble(Reason::PeerTls, &format!("{server}: {what}")),
        }
    }

    fn trouble(&self, reason: Reason, detail: &str) -> Trouble {
        Trouble::new(&self.intake.masker, reason, detail)
    }
}

/// With TLS 1.3 our handshake is over before the server has judged our certificate: its refusal comes as an alert in
/// place of the reply to EHLO.
fn is_tls_alert(what: &str) -> bool {
    what.contains("fatal alert")
}
