//! APPEND (RFC 3501 §6.3.11, with RFC 4315). The message goes from the wire into the store's hands as it comes.

use imap_codec::imap_types::command::{Command, CommandBody};
use jiff::Timestamp;
use pli_audit::{Event, EventKind};
use pli_failpoint::failpoint;
use pli_store::{Flags, Folder, NewEntry, StoreError};
use pli_types::MessageId;

use super::{select, store};
use crate::answer::{Answer, Fault};
use crate::command::{self, Literal};
use crate::record;
use crate::session::{Next, Session};
use crate::wire::{Wire, WireError};

/// How much of a message is taken from the wire at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// How much is read to be thrown away, in multiples of the largest message, before we hang up instead: the client
/// did not wait for our leave (RFC 7888).
const THROWN_AWAY_MAX: u64 = 4;

/// What an APPEND asks for.
struct Request {
    folder: Folder,
    flags: Flags,
    date: Timestamp,
}

/// Carries out an APPEND whose message is still on the wire. A client that waits is refused before it sends.
pub(crate) async fn run(session: &mut Session<'_>, bytes: &[u8], message: Literal) -> Result<Next, WireError> {
    let tag = command::tag(bytes);
    let outcome = match prepare(session, bytes, message).await {
        Ok(request) => receive(session, request, message).await,
        Err(Fault::Wire(error)) => return Err(error),
        Err(fault) => match skip(session, message).await {
            Ok(()) => Err(fault),
            Err(error) => Err(error.into()),
        },
    };
    // Also of what has just been kept, if its folder is open (RFC 3501 §6.3.11).
    session.tell_changes_after(true, true).await?;
    match outcome {
        Ok(answer) => Ok(session.complete(&tag, &answer)),
        Err(fault) => session.fail(&tag, "APPEND", fault).await,
    }
}

/// Everything that can be said before the message is here.
async fn prepare(session: &Session<'_>, bytes: &[u8], message: Literal) -> Result<Request, Fault> {
    let Some(Command { body: CommandBody::Append { mailbox, flags, date, .. }, .. }) = command::parse(bytes) else {
        return Err(Answer::bad("The arguments of APPEND are wrong").into());
    };
    let missing = Answer::no("TRYCREATE", "There is no such folder: make it first");
    let folder = select::find(session, &mailbox, missing).await?;
    let flags = store::read_flags(&flags)?;
    if message.size == 0 {
        return Err(Answer::no("CANNOT", "An empty message is no message").into());
    }
    if message.size > session.config.message_bytes_max {
        return Err(Answer::no("TOOBIG", "The message is larger than this server takes").into());
    }
    let date = date.and_then(|date| Timestamp::from_second(date.as_ref().timestamp()).ok());
    Ok(Request { folder, flags, date: date.unwrap_or_else(|| session.context.clock.now()) })
}

/// Reads the message and the end of the command, and keeps it.
async fn receive(session: &mut Session<'_>, request: Request, message: Literal) -> Result<Answer, Fault> {
    let id = MessageId::at(session.context.clock.now());
    let mut body = match session.context.store.stage(id) {
        Ok(body) => Some(body),
        Err(error) => {
            skip(session, message).await?;
            return Err(error.into());
        }
    };
    if message.waits {
        session.wire.say("+ Go on\r\n");
    }
    let mut missing = usize::try_from(message.size).unwrap_or(usize::MAX);
    let mut fault: Option<Fault> = None;
    while missing > 0 {
        let bytes = session.wire.some(missing.min(CHUNK_BYTES)).await?;
        missing -= bytes.len();
        if bytes.contains(&0) && fault.is_none() {
            // RFC 3501 §4.3.1: a literal holds no NUL, and no message that we keep does.
            fault = Some(Answer::no("CANNOT", "A message holds no NUL").into());
            body = None;
        }
        if let Some(writer) = body.as_mut()
            && let Err(error) = writer.write(&bytes).await
        {
            // What is announced comes all the same, and must be read.
            fault = Some(error.into());
            body = None;
        }
    }
    end_of_command(&mut session.wire).await?;
    let Some(body) = body else { return Err(fault.unwrap_or_else(|| lost().into())) };
    let body = body.finish().await?;
    failpoint!("imap.append.staged");
    let Request { folder, flags, date } = request;
    let added = Event { message: Some(id), ..record::event(session, EventKind::Added) };
    let entry = NewEntry { id, body, flags, internal_date: date, audit: vec![added] };
    match session.context.store.append(folder.id, entry).await {
        Ok((validity, uid)) => {
            failpoint!("imap.append.reply.before");
            Ok(Answer::ok("Kept").with_code(format!("APPENDUID {} {}", validity.0, uid.0)))
        }
        Err(StoreError::NotFound(_)) => Err(Answer::no("TRYCREATE", "The folder was removed meanwhile").into()),
        Err(error) => Err(error.into()),
    }
}

fn lost() -> Answer {
    Answer::no("UNAVAILABLE", "The message could not be kept, try again")
}

/// After the message, nothing but the line's end: MULTIAPPEND (RFC 3502) is not offered.
async fn end_of_command(wire: &mut Wire<'_>) -> Result<(), Fault> {
    let line = wire.line(CHUNK_BYTES).await?.ok_or(WireError::Broken("The command line is too long"))?;
    if command::announced(&line).is_some_and(|literal| !literal.waits) {
        // It is on its way, and must not be taken for commands.
        return Err(WireError::Broken("APPEND takes one message at a time").into());
    }
    if line.as_ref() == b"\r\n" { Ok(()) } else { Err(Answer::bad("One message at a time").into()) }
}

/// Passes over a message that will not be kept. A client that waits has not sent it.
async fn skip(session: &mut Session<'_>, message: Literal) -> Result<(), WireError> {
    if message.waits {
        return Ok(());
    }
    if message.size > session.config.message_bytes_max.saturating_mul(THROWN_AWAY_MAX) {
        return Err(WireError::Broken("A literal is too long"));
    }
    let mut missing = usize::try_from(message.size).unwrap_or(usize::MAX);
    while missing > 0 {
        missing -= session.wire.some(missing.min(CHUNK_BYTES)).await?.len();
    }
    match end_of_command(&mut session.wire).await {
        Err(Fault::Wire(error)) => Err(error),
        // Refused already.
        Ok(()) | Err(_) => Ok(()),
    }
}
