//! One session: states (RFC 3501 §3), the loop over commands, and what the client is told unasked.

use std::net::IpAddr;
use std::time::Duration;

use pli_net::Shutdown;
use pli_signin::{Ending, Pass};
use pli_store::StoreError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::answer::{Answer, Fault, Kind, store_failed};
use crate::capability::{self, Offer};
use crate::command::{self, Incoming};
use crate::op;
use crate::record::Recorded;
use crate::server::{ImapConfig, ImapContext, Security};
use crate::state::State;
use crate::view::{Update, View};
use crate::wire::{Io, Patience, Wire, WireError};
use crate::{format, metrics, preparse};

/// How long a stranger may stay.
const STRANGER_PATIENCE: Duration = Duration::from_mins(1);

/// Commands in a row that make no sense: beyond, it is no mail program.
const MISTAKES_MAX: u8 = 10;

/// The same for strangers.
const MISTAKES_MAX_STRANGER: u8 = 3;

/// The other side of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub remote: IpAddr,
    /// What protects the connection.
    pub security: Security,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It is over, the stream is closed.
    Closed,
    /// The client was told to begin TLS, and has sent nothing since.
    StartTls,
}

/// Runs a session over any stream. `greet` is false after STARTTLS, where no second greeting is given.
pub async fn run_session<S>(
    io: &mut S,
    peer: &Peer,
    config: &ImapConfig,
    context: &ImapContext,
    shutdown: &Shutdown,
    greet: bool,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync,
{
    let patience = Patience::Until(Instant::now() + STRANGER_PATIENCE);
    let io: &mut (dyn Io + '_) = io;
    let wire = Wire::new(io, shutdown.clone(), patience);
    let (state, recorded) = (State::NotAuthenticated, Recorded::default());
    let mut session = Session { wire, peer, config, context, state, failed_sign_ins: 0, mistakes: 0, recorded };
    let _open = metrics::OpenSession::begin();
    if greet {
        session.greet();
    }
    let end = session.run().await;
    session.finish(end).await
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) wire: Wire<'a>,
    pub(crate) peer: &'a Peer,
    pub(crate) config: &'a ImapConfig,
    pub(crate) context: &'a ImapContext,
    pub(crate) state: State,
    pub(crate) failed_sign_ins: u8,
    mistakes: u8,
    pub(crate) recorded: Recorded,
}

/// What follows a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next command.
    Go,
    /// BYE has been said.
    Bye,
    /// TLS.
    StartTls,
}

impl Session<'_> {
    fn greet(&mut self) {
        let capabilities = capability::words(self.offer());
        let name = &self.config.server_name;
        self.wire.say(&format!("* OK [CAPABILITY {capabilities}] {name} Pli ready\r\n"));
    }

    async fn run(&mut self) -> Result<Next, WireError> {
        loop {
            let signed_in = self.state.account().is_some();
            let incoming = command::next(&mut self.wire, signed_in).await?;
            self.wire.may_go_on()?;
            let next = match incoming {
                Incoming::Command(bytes) => self.command(&bytes).await?,
                Incoming::Append { command, message } => op::append::run(self, &command, message).await?,
                Incoming::Refused { tag, answer } => self.complete(&tag, &answer),
            };
            if next != Next::Go {
                return Ok(next);
            }
            if self.too_many_mistakes() {
                self.wire.say("* BYE Too many commands that make no sense\r\n");
                return Ok(Next::Bye);
            }
            self.wire.relieve().await?;
        }
    }

    /// Carries out one whole command.
    async fn command(&mut self, bytes: &[u8]) -> Result<Next, WireError> {
        let extended = preparse::list(bytes);
        let special_only = extended.as_ref().is_some_and(|list| list.special_only);
        let plain = extended.as_ref().map_or(bytes, |list| list.plain.as_slice());
        let Some(command) = command::parse(plain) else {
            let answer = Answer::bad("This is no command that I know, or its arguments are wrong");
            return Ok(self.complete(&command::tag(bytes), &answer));
        };
        let tag = command.tag.as_ref().to_owned();
        let name = command.body.name();
        match op::run(self, &tag, command.body, special_only).await {
            Ok(next) => Ok(next),
            Err(fault) => self.fail(&tag, name, fault).await,
        }
    }

    /// Answers a command that could not be carried out, and records that.
    pub(crate) async fn fail(&mut self, tag: &str, command: &'static str, fault: Fault) -> Result<Next, WireError> {
        let answer = match fault {
            Fault::Wire(error) => return Err(error),
            Fault::Refused(answer) => answer,
            Fault::Store(error) => {
                if !matches!(error, StoreError::MailboxFull | StoreError::NotFound(_) | StoreError::Conflict(_)) {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause, "an IMAP command failed in the store");
                }
                store_failed(&error)
            }
        };
        if answer.kind == Kind::No {
            self.record_failure(command, &answer).await;
        }
        Ok(self.complete(tag, &answer))
    }

    /// Writes the line that ends a command.
    pub(crate) fn complete(&mut self, tag: &str, answer: &Answer) -> Next {
        self.mistakes = if answer.kind == Kind::Bad { self.mistakes.saturating_add(1) } else { 0 };
        metrics::command(answer.kind.as_str());
        self.wire.say(&answer.line(tag));
        Next::Go
    }

    fn too_many_mistakes(&self) -> bool {
        let max = if self.state.account().is_some() { MISTAKES_MAX } else { MISTAKES_MAX_STRANGER };
        self.mistakes >= max
    }

    /// What this session may be offered now.
    pub(crate) fn offer(&self) -> Offer {
        match &self.peer.security {
            _ if self.state.account().is_some() => Offer::SignedIn,
            Security::Clear => Offer::Clear,
            Security::Tls(_) => Offer::Tls {
                certificate: self.shows_believed_certificate(),
                tokens: self.context.signin.takes_tokens(),
            },
        }
    }

    /// Did the client show a certificate that is believed now?
    fn shows_believed_certificate(&self) -> bool {
        let Security::Tls(facts) = &self.peer.security else { return false };
        facts.certificate.as_ref().is_some_and(|certificate| self.context.signin.believes(certificate))
    }

    /// Someone has signed in: from now on the patience is that of RFC 3501 §5.4.
    pub(crate) fn sign_in(&mut self, pass: Pass) {
        self.wire.patience = Patience::Each(self.config.idle);
        self.wire.keep(pass.guard);
        self.state = State::Authenticated(pass.account);
    }

    /// Looks for changes in the open folder and tells the client. Without `look`, the store is only asked if it has
    /// said that something changed.
    pub(crate) async fn tell_changes(&mut self, may_expunge: bool, look: bool) -> Result<(), Fault> {
        let State::Selected(_, selected) = &mut self.state else { return Ok(()) };
        selected.notice_changes();
        if selected.is_stale() || look {
            selected.mark_fresh();
            let since = selected.view.modseq();
            match self.context.store.changes_since(selected.folder.id, since, !selected.read_only).await {
                Ok(changes) => selected.view.apply(changes),
                // Somebody removed the folder itself.
                Err(StoreError::NotFound(_)) => selected.view.clear(),
                Err(error) => {
                    selected.mark_stale();
                    return Err(error.into());
                }
            }
        }
        let updates = selected.view.announce(may_expunge);
        for update in updates {
            match update {
                Update::Expunge(sequence) => self.wire.say(&format!("* {sequence} EXPUNGE\r\n")),
                Update::Exists(count) => self.wire.say(&format!("* {count} EXISTS\r\n")),
                Update::Recent(count) => self.wire.say(&format!("* {count} RECENT\r\n")),
                Update::Keywords => self.wire.say(&format!("* FLAGS ({})\r\n", flags_in_use(&selected.view))),
                Update::Flags(sequence, entry) => {
                    let (uid, flags) = (entry.uid.0, format::entry_flags(&entry));
                    self.wire.say(&format!("* {sequence} FETCH (UID {uid} FLAGS {flags})\r\n"));
                }
            }
        }
        Ok(())
    }

    /// The same after a command, which is done whether the client can be told of changes or not.
    pub(crate) async fn tell_changes_after(&mut self, may_expunge: bool, look: bool) -> Result<(), WireError> {
        match self.tell_changes(may_expunge, look).await {
            Err(Fault::Wire(error)) => Err(error),
            Err(Fault::Store(error)) => {
                tracing::warn!(%error, "an IMAP client could not be told of changes yet");
                Ok(())
            }
            Ok(()) | Err(Fault::Refused(_)) => Ok(()),
        }
    }

    /// Says good-bye as the end wants it.
    async fn finish(&mut self, end: Result<Next, WireError>) -> Ended {
        self.record_further_failures().await;
        match end {
            Ok(Next::StartTls) => {
                if self.wire.flush().await.is_ok() {
                    return Ended::StartTls;
                }
            }
            Ok(Next::Go | Next::Bye) => {}
            Err(WireError::Shutdown) => self.wire.say("* BYE The server is stopping, come back soon\r\n"),
            Err(WireError::Timeout) => self.wire.say("* BYE You were silent for too long\r\n"),
            Err(WireError::Ended(ending)) => {
                self.wire.say(&format!("* BYE [{}] {}\r\n", ending_code(ending), ending.text()));
            }
            Err(WireError::Broken(why)) => {
                tracing::info!(remote = %self.peer.remote, why, "an IMAP session was closed");
                self.wire.say(&format!("* BYE {why}\r\n"));
            }
            Err(error @ (WireError::Closed | WireError::Cut | WireError::Io(_))) => {
                tracing::debug!(remote = %self.peer.remote, %error, "an IMAP session ended");
            }
        }
        self.wire.close().await;
        Ended::Closed
    }
}

/// What a program makes of the end of a session (RFC 5530): only where its proof will not do again may it ask for another.
const fn ending_code(ending: Ending) -> &'static str {
    match ending {
        Ending::Withdrawn => "AUTHORIZATIONFAILED",
        Ending::Certificate => "EXPIRED",
        Ending::TooLong => "UNAVAILABLE",
    }
}

/// The words of FLAGS: the system flags, and the keywords that somebody uses.
pub(crate) fn flags_in_use(view: &View) -> String {
    let mut words = vec!["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
    words.extend(view.keywords());
    words.join(" ")
}
