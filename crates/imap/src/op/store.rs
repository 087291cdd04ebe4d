//! STORE (RFC 3501 §6.4.6).

use imap_codec::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_codec::imap_types::sequence::SequenceSet;
use pli_audit::EventKind;
use pli_store::{FlagChange, Flags};
use pli_types::Uid;

use super::{gone, no_such_number};
use crate::answer::{Answer, Fault};
use crate::session::Session;
use crate::{format, record};

/// Keywords that one message may have.
const KEYWORDS_MAX: usize = 64;

/// Bytes of one keyword.
const KEYWORD_BYTES_MAX: usize = 100;

pub(super) async fn run(
    session: &mut Session<'_>,
    set: &SequenceSet,
    kind: StoreType,
    response: StoreResponse,
    flags: &[Flag<'_>],
    uid: bool,
) -> Result<Answer, Fault> {
    let flags = read_flags(flags)?;
    let change = match kind {
        StoreType::Add => FlagChange::Add,
        StoreType::Remove => FlagChange::Remove,
        StoreType::Replace => FlagChange::Replace,
    };
    let selected = session.state.writable()?;
    let pick = selected.view.pick(set, uid).map_err(|_| no_such_number())?;
    let folder = selected.folder.id;
    let uids: Vec<Uid> = pick.messages.iter().map(|picked| picked.entry.uid).collect();
    if !uids.is_empty() {
        // A program that fetches with PEEK says in this way that its user has read a message.
        let opened = record::event(session, EventKind::Opened);
        let now = session.context.store.set_flags(folder, &uids, change, &flags, vec![opened]).await?;
        session.state.writable()?.view.agree(&now);
    }
    if response == StoreResponse::Answer {
        answer_flags(session, &pick.messages, uid)?;
    }
    if pick.some_gone && !uid { Err(gone().into()) } else { Ok(Answer::ok("Stored")) }
}

/// Tells the flags as they are now.
fn answer_flags(session: &mut Session<'_>, messages: &[crate::view::Picked], uid: bool) -> Result<(), Answer> {
    let Session { state, wire, .. } = session;
    let view = &state.writable()?.view;
    for picked in messages {
        let Some(entry) = view.entry(picked.entry.uid) else { continue };
        let flags = format::entry_flags(entry);
        let sequence = picked.sequence;
        let uid = if uid { format!("UID {} ", entry.uid.0) } else { String::new() };
        wire.say(&format!("* {sequence} FETCH ({uid}FLAGS {flags})\r\n"));
    }
    Ok(())
}

/// The flags that a command gives.
pub(super) fn read_flags(given: &[Flag<'_>]) -> Result<Flags, Answer> {
    let mut flags = Flags::default();
    for flag in given {
        match flag {
            Flag::Answered => flags.answered = true,
            Flag::Deleted => flags.deleted = true,
            Flag::Draft => flags.draft = true,
            Flag::Flagged => flags.flagged = true,
            Flag::Seen => flags.seen = true,
            Flag::Keyword(keyword) => {
                flags.keywords.insert(keyword.as_ref().to_owned());
            }
            Flag::Extension(_) => return Err(Answer::bad("This is no flag that a client may set")),
        }
    }
    let too_long = flags.keywords.iter().any(|keyword| keyword.len() > KEYWORD_BYTES_MAX);
    if too_long || flags.keywords.len() > KEYWORDS_MAX {
        return Err(Answer::no("LIMIT", "These are too many keywords, or too long ones"));
    }
    Ok(flags)
}
