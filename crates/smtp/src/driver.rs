//! The driver of one connection: bytes to the machine, its events to intake, the answers back to the wire.
//!
//! Memory is bounded: one input buffer, one buffer of replies written out before it grows, and what intake holds.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use pli_failpoint::failpoint;
use pli_mailflow::{Client, Intake, PeerOnWire, Refusal, Transaction};
use pli_net::TlsFacts;
use pli_policy::Reason;
use pli_signin::{Caller, Ending, Guard, Pass, Proof, SignIn};
use pli_types::{EnvelopeParameters, Recipient, ReversePath};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::proto::{Event, Interrupt, Reply, Session, Tls};
use crate::{metrics, replies};

/// How long one message may take to arrive. 25 MiB in ten minutes is 44 KB a second.
const DATA_MAX: Duration = Duration::from_mins(10);
/// Replies are written out beyond this, whatever the client still has to say.
const REPLIES_MAX: usize = 4 * 1024;
/// How long a connection that we close may take to empty, so that our last words are not lost to a reset.
const LINGER: Duration = Duration::from_secs(2);

/// Why [`Connection::run`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The client is ready for the handshake.
    Handshake,
    /// The last word has been said.
    Close,
}

/// What waiting for the client brought.
enum Waited {
    Bytes(usize),
    Gone,
    TooLong,
    Stopping,
    /// Who is signed in may not go on.
    Ended(Ending),
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    intake: Intake,
    signin: SignIn,
    machine: Session,
    /// Held once someone is signed in.
    guard: Option<Guard>,
    /// Who is there, as intake wants to know it.
    session: pli_mailflow::Session,
    idle: Duration,
    /// Boxed: an idle connection carries none of it about.
    transaction: Option<Box<Transaction>>,
    /// What intake said to a piece of the body; told at its end.
    refused: Option<Refusal>,
    /// Replies not yet written.
    out: Vec<u8>,
    /// When the command or the body under way must be there.
    deadline: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(
        intake: Intake,
        signin: SignIn,
        machine: Session,
        session: pli_mailflow::Session,
        idle: Duration,
    ) -> Self {
        Self {
            intake,
            signin,
            machine,
            guard: None,
            session,
            idle,
            transaction: None,
            refused: None,
            out: Vec::with_capacity(REPLIES_MAX),
            deadline: None,
        }
    }

    /// The handshake that [`Next::Handshake`] asked for is done.
    pub(crate) fn tls_established(&mut self, facts: TlsFacts) {
        self.machine.tls_established(Tls { certificate: facts.certificate.is_some() });
        self.session.helo.clear();
        match &mut self.session.client {
            Client::Peer(peer) => *peer = PeerOnWire::new(Some(facts)),
            Client::Submitter { tls, .. } => *tls = Some(facts),
        }
    }

    /// Serves until the connection is over or changes to TLS. `stopping` resolves when the server stops: a transaction
    /// under way is finished, then the client is told to come back.
    pub(crate) async fn run<S, F>(&mut self, stream: &mut S, mut stopping: Pin<&mut F>) -> io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = ()>,
    {
        loop {
            match self.machine.next_event() {
                Ok(Event::Body(bytes)) => {
                    if let Some(transaction) = &mut self.transaction
                        && let Err(refusal) = transaction.write(bytes).await
                    {
                        self.refused = Some(refusal);
                        self.transaction = None;
                    }
                    continue;
                }
                Ok(Event::Say(reply)) => {
                    self.say(&reply);
                    if self.out.len() > REPLIES_MAX {
                        self.flush(stream).await?;
                    }
                }
                Ok(Event::Hello(name)) => {
                    self.transaction = None;
                    self.session.helo = name;
                }
                Ok(Event::Reset) => self.transaction = None,
                Ok(Event::Mail { sender, parameters, too_big }) => self.on_mail(sender, parameters, too_big).await,
                Ok(Event::Recipient(recipient)) => self.on_recipient(recipient).await,
                Ok(Event::Message { fault }) => self.on_message(fault).await,
                Ok(Event::SignIn(proof)) => self.on_sign_in(proof).await,
                Ok(Event::StartTls) => {
                    self.flush(stream).await?;
                    return Ok(Next::Handshake);
                }
                Ok(Event::Close) => {
                    self.flush(stream).await?;
                    self.part(stream).await;
                    return Ok(Next::Close);
                }
                // Every question above is answered on the spot, so the machine can only want input.
                Err(Interrupt::NeedInput | Interrupt::NeedAnswer) => {
                    self.flush(stream).await?;
                    match self.wait(stream, stopping.as_mut()).await? {
                        Waited::Bytes(count) => self.machine.filled(count),
                        Waited::Gone => return Ok(Next::Close),
                        Waited::TooLong => self.machine.close(replies::timed_out()),
                        Waited::Stopping => self.machine.close(replies::shutting_down()),
                        Waited::Ended(ending) => self.end(ending),
                    }
                    continue;
                }
            }
            // A whole command or message has been dealt with: the next one has all its time.
            self.deadline = None;
        }
    }

    async fn on_mail(&mut self, sender: ReversePath, parameters: EnvelopeParameters, too_big: bool) {
        let reply = match Box::pin(self.intake.begin(&self.session, sender, parameters)).await {
            Ok(transaction) if too_big => Reply::from(&transaction.refuse(Reason::MessageTooBig).await),
            Ok(transaction) => {
                self.transaction = Some(Box::new(transaction));
                self.refused = None;
                replies::sender_accepted()
            }
            Err(refusal) => Reply::from(&refusal),
        };
        self.machine.answer(reply);
    }

    async fn on_recipient(&mut self, recipient: Recipient) {
        let verdict = match &mut self.transaction {
            Some(transaction) => Box::pin(transaction.recipient(recipient)).await,
            None => Err(Refusal { reason: Reason::StoreUnavailable, temporary: true }),
        };
        self.machine.answer(match verdict {
            Ok(()) => replies::recipient_accepted(),
            Err(refusal) => Reply::from(&refusal),
        });
    }

    /// A message whose end had not come is not taken.
    fn end(&mut self, ending: Ending) {
        self.transaction = None;
        self.machine.close(replies::session_ended(ending));
    }

    async fn on_message(&mut self, fault: Option<Reason>) {
        if let Some(ending) = self.guard.as_mut().and_then(Guard::has_ended) {
            return self.end(ending);
        }
        let verdict = match (self.transaction.take(), self.refused.take(), fault) {
            // Apart: what it takes to judge and keep a message, no idle connection carries about with it.
            (Some(transaction), None, None) => Box::pin(transaction.commit()).await,
            (Some(transaction), None, Some(fault)) => Err(transaction.refuse(fault).await),
            (_, Some(refusal), _) => Err(refusal),
            (None, None, _) => Err(Refusal { reason: Reason::StoreUnavailable, temporary: true }),
        };
        self.machine.answer(match verdict {
            Ok(receipt) => {
                metrics::accepted(self.session.face);
                failpoint!("smtp.reply.before");
                replies::accepted(&receipt)
            }
            Err(refusal) => Reply::from(&refusal),
        });
    }

    async fn on_sign_in(&mut self, proof: Proof) {
        let Client::Submitter { tls, account } = &mut self.session.client else {
            return self.machine.answer(replies::not_offered());
        };
        let caller = Caller { face: self.session.face, remote: self.session.remote.ip(), tls: tls.as_ref() };
        self.machine.answer(match self.signin.judge(&proof, &caller).await {
            Ok(Pass { account: found, guard }) => {
                *account = Some(found);
                self.guard = Some(guard);
                replies::signed_in()
            }
            Err(denied) => replies::denied(denied),
        });
    }

    fn say(&mut self, reply: &Reply) {
        if let Some(reason) = reply.reason() {
            metrics::refused(self.session.face, reason);
        }
        reply.write_to(&mut self.out);
    }

    async fn flush<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let write = async {
            stream.write_all(&self.out).await?;
            stream.flush().await
        };
        timeout(self.idle, write).await??;
        self.out.clear();
        Ok(())
    }

    /// Waits for bytes. Every byte must come before the idle time is over, and the whole command or body before its own.
    async fn wait<S, F>(&mut self, stream: &mut S, stopping: Pin<&mut F>) -> io::Result<Waited>
    where
        S: AsyncRead + Unpin,
        F: Future<Output = ()>,
    {
        let now = Instant::now();
        let whole = if self.machine.is_in_data() { DATA_MAX } else { self.idle };
        let deadline = *self.deadline.get_or_insert(now + whole);
        let may_stop = self.machine.is_idle();
        let read = timeout_at(deadline.min(now + self.idle), stream.read(self.machine.space()));
        let ended = async {
            match &mut self.guard {
                Some(guard) => guard.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stopping, if may_stop => Ok(Waited::Stopping),
            ending = ended => Ok(Waited::Ended(ending)),
            read = read => match read {
                Err(_) => Ok(Waited::TooLong),
                Ok(Ok(0)) => Ok(Waited::Gone),
                Ok(Ok(count)) => Ok(Waited::Bytes(count)),
                Ok(Err(error)) => Err(error),
            },
        }
    }

    /// Closes our side, then takes what the client has sent ahead for a moment: closing a socket with unread bytes
    /// resets it, and the other side may never see why.
    async fn part<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) {
        let machine = &mut self.machine;
        let farewell = async {
            stream.shutdown().await?;
            while stream.read(machine.space()).await? > 0 {}
            io::Result::Ok(())
        };
        // Whether it went well or took too long, it is over.
        drop(timeout(LINGER, farewell).await);
    }
}
